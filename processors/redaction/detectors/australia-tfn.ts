// Australia: tax file number.

import { defineDetector, Rank } from '../detector.js'
import { australianTfn } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const australiaTfn = defineDetector({
  name: 'australia_tfn',
  family: 'identity',
  about: 'Australian tax file number, 3-3-3 digits; nine bare digits with a label',
  checks: 'the weighted sum modulo 11',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: ['tfn', 'tax file', 'tax file number', 'tax file no'],
  labelTrigger: Trigger.numberLabel,
  hits: ['tfn ‹123 456 782›', '‹876-543-210›', { key: 'tfn', text: '‹123456782›' }],
  misses: ['123 456 783', '123456782', 'batch 123-456-782'],
  find(scan: Scan): void {
    scan.windows(9, ({ digits, shape, gaps, start, end, partial }) => {
      if (digits.length !== 9 || !australianTfn(digits)) return
      const formal = shape === '3-3-3' && (gaps === '--' || gaps === '  ') && !partial
      if (scan.labelled(start) || (formal && !scan.deniedByText(start))) scan.hit(start, end)
    })
  }
})
