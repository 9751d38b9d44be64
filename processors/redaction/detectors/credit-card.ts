// Payment card numbers.

import { defineDetector, Rank } from '../detector.js'
import { luhn } from '../scan/checksums.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

const SHAPES = new Set(['4-4-4-4', '4-6-5', '4-6-4', '4-4-4-4-3', '4-4-4-1', '4-4-5', '6-10', '8-8', '4-4-4-2'])

export const creditCard = defineDetector({
  name: 'credit_card',
  family: 'financial',
  about: '13-19 digits, together or in groups (4-4-4-4, 4-6-5, 4-6-4) with blanks, dashes or dots',
  checks:
    'issuer prefix (Visa, Mastercard, Amex, Discover, JCB, Diners, Maestro, UnionPay) and Luhn; bare digits not under an id, order, offset or time key',
  rank: Rank.checked,
  when: Trigger.digits,
  labels: [
    'card',
    'card number',
    'card no',
    'credit card',
    'creditcard',
    'debit card',
    'cc',
    'cc number',
    'ccnum',
    'pan',
    'payment',
    'cardnumber',
    'payment card',
    'visa',
    'mastercard',
    'amex'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: [
    'card ‹4111111111111111› declined',
    '‹4111 1111 1111 1111›',
    '"‹5500-0000-0000-0004›"',
    'amex ‹3782 822463 10005›',
    '(‹2221000000000009›)',
    '‹４１１１１１１１１１１１１１１１›',
    { key: 'card_number', text: '‹30569309025904›' }
  ],
  misses: [
    'order id 4111111111111111',
    '4111111111111112',
    { key: 'kafka.offset', text: '4111111111111111' },
    '1763800000000000000',
    'build 20240131123456789'
  ],
  find(scan: Scan): void {
    scan.windows(13, window => {
      const { digits, gaps, start, end } = window
      if (!isIssued(digits) || !luhn(digits)) return
      if (gaps === '') {
        if (!scan.denied(start)) scan.hit(start, end)
      } else if (SHAPES.has(window.shape) && /^(?: +|-+|\.+|\++| - | {2})+$/.test(gaps)) scan.hit(start, end)
    })
  }
})

/** Issuer identification ranges with their lengths. */
function isIssued(digits: string): boolean {
  const length = digits.length
  const two = Number(digits.slice(0, 2))
  const four = Number(digits.slice(0, 4))
  if (digits[0] === '4') return length === 13 || length === 16 || length === 19
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16
  if (two === 34 || two === 37) return length === 15
  if (two === 36 || two === 38 || two === 39 || two === 30) return length === 14 || (length >= 16 && two !== 30)
  if (two === 65 || four === 6011 || (four >= 6440 && four <= 6499)) return length >= 16
  if (four >= 3528 && four <= 3589) return length >= 16
  if (two === 62 || two === 81) return length >= 16
  if (four === 5018 || four === 5020 || four === 5038 || four === 6304 || four === 6759 || four === 6761)
    return length >= 16
  return false
}
