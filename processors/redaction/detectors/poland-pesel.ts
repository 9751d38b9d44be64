// Poland: PESEL.

import { defineDetector, Rank } from '../detector.js'
import { polishPesel } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const polandPesel = defineDetector({
  name: 'poland_pesel',
  family: 'identity',
  about: 'Polish PESEL, eleven digits, with a label',
  checks: 'weights and birth date, and a label',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: ['pesel', 'numer pesel', 'nr pesel'],
  labelTrigger: Trigger.numberLabel,
  hits: ['pesel ‹44051401359›', { key: 'patient.pesel', text: '‹02070803628›' }],
  misses: ['pesel 44051401358', '44051401359'],
  find(scan: Scan): void {
    scan.windows(11, ({ digits, start, end }) => {
      if (digits.length === 11 && polishPesel(digits) && scan.labelled(start)) scan.hit(start, end)
    })
  }
})
