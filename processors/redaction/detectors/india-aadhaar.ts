// India: Aadhaar.

import { defineDetector, Rank } from '../detector.js'
import { verhoeff } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const indiaAadhaar = defineDetector({
  name: 'india_aadhaar',
  family: 'identity',
  about: 'Aadhaar number, 4-4-4 digits; twelve bare digits with a label',
  checks: 'Verhoeff, first digit 2-9',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: ['aadhaar', 'aadhar', 'adhaar', 'uidai', 'uid', 'aadhaar number', 'aadhaar no'],
  labelTrigger: Trigger.numberLabel,
  hits: ['aadhaar ‹2341 2341 2346›', '‹2341-2341-2346›', 'uid=‹234123412346›'],
  misses: ['2341 2341 2347', '1341 2341 2346', '234123412346', '2341 2341 2346 2341'],
  find(scan: Scan): void {
    scan.windows(12, ({ digits, shape, gaps, start, end, partial }) => {
      if (digits.length !== 12 || digits[0]! < '2' || !verhoeff(digits)) return
      const labelled = scan.labelled(start)
      if (labelled || (shape === '4-4-4' && gaps[0] !== '/' && !partial)) scan.hit(start, end)
    })
  }
})
