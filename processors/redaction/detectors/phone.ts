// Telephone numbers: international with + or 00, United States style, and bare national numbers under a label.

import { isPossiblePhoneNumber } from 'libphonenumber-js'
import { defineDetector, Rank } from '../detector.js'
import { isAlnum, isDigit } from '../scan/numbers.js'
import type { Scan } from '../scan/scan.js'
import { Trigger } from '../scan/triggers.js'

// ITU-T E.164 country codes; phone.test.ts holds them against libphonenumber's.
const TWO = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(
    ' '
  )
)
const THREE = new Set(
  (
    '211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 ' +
    '350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423 ' +
    '500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 ' +
    '800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 995 996 998'
  ).split(' ')
)

export const phone = defineDetector({
  name: 'phone',
  family: 'contact',
  about: '+CC and 00CC numbers in any grouping; US (NXX) NXX-XXXX; national numbers with a label',
  checks: '9-15 digits, a known country code; US area and exchange code 2-9',
  rank: Rank.loose,
  when: Trigger.digits,
  labels: [
    'phone',
    'phones',
    'phone number',
    'phone no',
    'telephone',
    'telephone number',
    'tel',
    'telefon',
    'telefono',
    'mobile',
    'mobile number',
    'mobile phone',
    'cell',
    'cellphone',
    'cell phone',
    'sms',
    'sms to',
    'send to phone',
    'call back',
    'callback number',
    'msisdn',
    'caller',
    'caller id',
    'callee',
    'fax',
    'call',
    'called',
    'dial',
    'dialed',
    'whatsapp',
    'handy',
    'ani',
    'telefonnummer',
    'handynummer',
    'mobilfunk',
    'mobilfunknummer',
    'mobilnummer',
    'rufnummer',
    'mobil',
    'teléfono',
    'numero de telefono',
    'número de teléfono',
    'celular',
    'movil',
    'móvil',
    'telefone',
    'telemovel',
    'telemóvel',
    'téléphone',
    'numero de telephone',
    'numéro de téléphone',
    'portable',
    'gsm',
    'calling number',
    'from number',
    'to number',
    'telefoonnummer',
    'telefoon',
    'numer telefonu',
    'nr telefonu',
    '電話番号',
    '電話',
    '电话',
    '手机',
    '手机号',
    '전화번호',
    'nomor telepon',
    'ph no',
    'mob no',
    'mob',
    'ph',
    'phone home',
    'phone work',
    'phone mobile',
    'phone cell',
    'phone office',
    'landline',
    'home phone',
    'work phone',
    'contact number',
    'contact no',
    'phonenumber',
    'mobilenumber',
    'text message'
  ],
  labelTrigger: Trigger.numberLabel,
  hits: [
    'call ‹+1 415 555 2671›',
    'tel ‹+442079460958›',
    '‹+49 (0)30 901820›',
    '(‹(415) 555-2671›)',
    '‹415-555-2671›',
    '‹1-415-555-2671›',
    '‹0044 20 7946 0958›',
    { key: 'user.phone', text: '‹020 7946 0958›' },
    { key: 'msisdn', text: '‹4915123456789›' },
    'mobile: ‹07700 900123›',
    '‹+١ ٤١٥ ٥٥٥ ٢٦٧١›'
  ],
  misses: [
    'sizes 256 512 1024',
    'ok (0 s + 539114308 ns)',
    '2024-01-31 10:20:30',
    '2024-01-31T10:20:30+0100',
    '1763800000',
    '115-555-2671',
    '415-155-2671',
    'uuid 12345678-1234-4123-8123-123456789012',
    '+12',
    'took 1234567 ns',
    'order 5551234567',
    '00000000123456789'
  ],
  find(scan: Scan): void {
    const text = scan.text
    scan.windows(7, ({ digits, shape, gaps, start, end, partial }) => {
      if (digits.length > 17) return
      let from = start
      if (gaps.startsWith(')') && text[from - 1] === '(') from--
      const plus = plusBefore(text, from)
      if (plus >= 0) {
        if (
          digits.length >= 8 &&
          digits.length <= 15 &&
          isCountry(digits) &&
          hangsFree(text, plus) &&
          !UNIT.test(text.slice(end, end + 10))
        )
          scan.hit(plus, end)
        return
      }
      if (isNorthAmerican(digits, shape, gaps) && !partial && !(scan.deniedByText(start) && gaps === '  '))
        return scan.hit(from, end)
      if (digits.startsWith('00') && digits.length >= 11 && isExit(digits, gaps, scan.labelled(start)) && !partial)
        return scan.hit(from, end)
      if (digits.length <= 15 && scan.labelled(start) && isNational(text, start, shape, gaps)) scan.hit(from, end)
    })
  }
})

const BLANK = 32
const OPEN = 40
const PLUS = 43

/** Position of a `+` right before `at` (one blank or bracket between them allowed); -1 when there is none. */
function plusBefore(text: string, at: number): number {
  const before = text.charCodeAt(at - 1)
  if (before === PLUS) return at - 1
  return (before === OPEN || before === BLANK) && text.charCodeAt(at - 2) === PLUS ? at - 2 : -1
}

function hangsFree(text: string, plus: number): boolean {
  return plus === 0 || !isAlnum(text.charCodeAt(plus - 1))
}

function isCountry(digits: string): boolean {
  if (digits[0] === '1') return digits.length === 11 && digits[1]! >= '2' && digits[4]! >= '2'
  if (digits[0] === '7') return digits.length === 11
  return TWO.has(digits.slice(0, 2)) || THREE.has(digits.slice(0, 3))
}

/** NXX-NXX-XXXX, with or without a leading 1. */
function isNorthAmerican(digits: string, shape: string, gaps: string): boolean {
  if (shape !== '3-3-4' && shape !== '1-3-3-4') return false
  const area = digits.slice(-10)
  if (shape === '1-3-3-4' && digits[0] !== '1') return false
  if (area[0]! < '2' || area[3]! < '2' || gaps.includes('/') || gaps.includes('+')) return false
  if (gaps.endsWith('  ') && isRound(area)) return false
  return gaps.includes(')') || gaps.at(-1) === gaps.at(-2)
}

/** `256 512 1024`, `200 300 4000`: sizes and limits. */
function isRound(area: string): boolean {
  if (area[2] === '0' && area[5] === '0' && area[9] === '0') return true
  return Number(area.slice(0, 3)) % 16 === 0 && Number(area.slice(3, 6)) % 16 === 0 && Number(area.slice(6)) % 16 === 0
}

const UNIT = /^ ?(?:ns|us|µs|ms|s|bytes|rows|records|B|KB|MB)\b/

/** 00 and a country code. Without groups or label it must be a number that the country's plan knows. */
function isExit(digits: string, gaps: string, labelled: boolean): boolean {
  const rest = digits.slice(2)
  if (rest.length > 15 || !isCountry(rest)) return false
  return labelled || gaps !== '' || isPossiblePhoneNumber(`+${rest}`)
}

/** Anything of 7 to 15 digits that is not plainly a date or a time. */
function isNational(text: string, start: number, shape: string, gaps: string): boolean {
  if (/^(?:4-2-2|2-2-4|4-2-2-.*)$/.test(shape) && /^[-./]/.test(gaps)) return false
  if (gaps.includes('.') && /^\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3}$/.test(shape) && gaps === '...') return false
  return !(text[start - 1] === '.' && isDigit(text.charCodeAt(start - 2)))
}
