// The Netherlands: burgerservicenummer.

import { defineDetector, Rank } from '../detector.js'
import { dutchBsn } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const netherlandsBsn = defineDetector({
  name: 'netherlands_bsn',
  family: 'identity',
  about: 'Dutch citizen service number, nine digits (eight with a dropped zero), with a label',
  checks: 'the 11-test, and a label',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: [
    'bsn',
    'burgerservicenummer',
    'burger service nummer',
    'sofinummer',
    'sofi nummer',
    'bsn nummer',
    'sofi',
    'citizen service number'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: ['bsn ‹111222333›', { key: 'bsn', text: '‹1112.22.333›' }, 'burgerservicenummer: ‹123456782›'],
  misses: ['bsn 111222334', '111222333'],
  find(scan: Scan): void {
    scan.windows(8, ({ digits, start, end, partial }) => {
      if (digits.length > 9 || partial || !dutchBsn(digits.padStart(9, '0'))) return
      if (scan.labelled(start)) scan.hit(start, end)
    })
  }
})
