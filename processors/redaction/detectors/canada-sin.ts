// Canada: social insurance number.

import { defineDetector, Rank } from '../detector.js'
import { luhn } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const canadaSin = defineDetector({
  name: 'canada_sin',
  family: 'identity',
  about: 'Canadian social insurance number, 3-3-3 digits; nine bare digits with a label',
  checks: 'Luhn; first digit not 8',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: ['sin', 'sin number', 'social insurance', 'social insurance number', 'nas'],
  labelTrigger: Trigger.numberLabel,
  hits: ['sin ‹046 454 286›', '‹046-454-286›', 'sin=‹046454286›', { key: 'employee.sin', text: '‹130692544›' }],
  misses: ['046 454 287', '046454286', 'order 046-454-286', '1 046 454 286'],
  find(scan: Scan): void {
    scan.windows(9, ({ digits, shape, gaps, start, end, partial }) => {
      if (digits.length !== 9 || digits[0] === '8' || digits === '000000000' || !luhn(digits)) return
      const formal = shape === '3-3-3' && (gaps === '--' || gaps === '  ') && !partial
      if (scan.labelled(start) || (formal && !scan.deniedByText(start))) scan.hit(start, end)
    })
  }
})
