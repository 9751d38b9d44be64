// US social security numbers.

import { defineDetector, Rank } from '../detector.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

export const usSsn = defineDetector({
  name: 'us_ssn',
  family: 'identity',
  about: 'US social security number, 3-2-4 digits; nine bare digits with a label',
  checks: 'area not 000, 666 or 9xx, group not 00, serial not 0000',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: [
    'ssn',
    'ssns',
    'social security',
    'social security number',
    'socialsecurity',
    'social sec',
    'soc sec',
    'taxpayer',
    'taxpayer id',
    'taxpayer identification',
    'tin',
    'itin',
    'ss number',
    'ss no',
    'tax payer',
    'tax payer id'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: [
    'ssn ‹123-45-6789›',
    '[‹219-09-9999›]',
    '‹123 45 6789› on file',
    'ssn=‹123456789›',
    { key: 'customer.ssn', text: '‹123456789›' },
    '‹123\u201145\u20116789›',
    "INSERT INTO p (id, ssn) VALUES (7, '‹123456789›')",
    'id,ssn\n7,‹123456789›'
  ],
  misses: [
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123-00-4567',
    '123-45-0000',
    '1123-45-6789',
    'order 123456789',
    '10.123-45-67891'
  ],
  find(scan: Scan): void {
    scan.windows(9, ({ digits, shape, gaps, start, end, partial }) => {
      if (digits.length !== 9 || !isAssigned(digits)) return
      if (shape === '3-2-4') {
        if (partial && !scan.labelled(start)) return
        const strong = gaps === '--'
        if (strong || scan.labelled(start) || (!scan.deniedByText(start) && (gaps === '  ' || gaps === '..')))
          scan.hit(start, end)
      } else if (shape === '9' && scan.labelled(start)) scan.hit(start, end)
    })
  }
})

function isAssigned(digits: string): boolean {
  const area = digits.slice(0, 3)
  return (
    area !== '000' && area !== '666' && area[0] !== '9' && digits.slice(3, 5) !== '00' && digits.slice(5) !== '0000'
  )
}
