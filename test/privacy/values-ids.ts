// Payment and national identifiers: each factory makes numbers that pass the real checksum.

import {
  bigMod,
  brazilDigits,
  dniLetter,
  iban,
  iso7064Digit,
  lettersToNumbers,
  luhnDigit,
  nirKey,
  nricLetter,
  passesBsn,
  passesTfn,
  peselDigit,
  verhoeffDigit
} from './checksums.js'
import type { Rng } from './rng.js'
import { bare, coreNeedles, shaped, type TypeSpec, type Written } from './values.js'

// Issuer prefix patterns and lengths.
const CARDS: readonly (readonly [length: number, ...prefixes: string[]])[] = [
  [16, '4###'],
  [16, '51##', '52##', '53##', '55##', '2221', '2334', '2507', '2719'],
  [15, '34##', '37##'],
  [16, '6011', '644#', '65##'],
  [16, '3528', '3545', '3589'],
  [14, '36##', '300#', '38##'],
  [19, '4###', '6011'],
  [13, '4###']
]

function card(rng: Rng): Written {
  const [length, ...prefixes] = rng.chance(0.75) ? rng.pick(CARDS.slice(0, 4)) : rng.pick(CARDS)
  const body = rng.fill(rng.pick(prefixes)) + rng.digits(length - 5)
  const number = body + luhnDigit(body)
  const mark = rng.pick([' ', '-', '.', '', ''])
  const groups = length === 15 ? /^(.{4})(.{6})(.{5})$/ : length === 14 ? /^(.{4})(.{6})(.{4})$/ : undefined
  const grouped = groups
    ? number.replace(groups, `$1${mark}$2${mark}$3`)
    : (number.match(/.{1,4}/g) as string[]).join(mark)
  return { ...shaped(grouped, number), number: mark === '' && length <= 18 }
}

function ssn(rng: Rng): Written {
  const area = rng.pick([rng.int(101, 665), rng.int(667, 899)])
  const group = String(rng.int(1, 99)).padStart(2, '0')
  const serial = String(rng.int(1, 9999)).padStart(4, '0')
  const style = rng.int(0, 3)
  if (style === 3) return bare(`${area}${group}${serial}`)
  return shaped(style === 2 ? `${area} ${group} ${serial}` : `${area}-${group}-${serial}`)
}

const ALNUM_UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const mod97 = (text: string): number => bigMod(lettersToNumbers(text), 97)
const two = (number: number): string => String(number).padStart(2, '0')

// National account numbers, with their own check digits where a country has them.
const BBANS: Readonly<Record<string, (rng: Rng) => string>> = {
  DE: rng => rng.fill('?#################'),
  GB: rng => rng.pick(['NWBK', 'BARC', 'MIDL', 'HBUK', 'LOYD']) + rng.digits(14),
  FR: rng => {
    const body = rng.digits(21)
    return body + two(97 - bigMod(`${body}00`, 97))
  },
  ES: rng => {
    const bank = rng.digits(8)
    const account = rng.digits(10)
    const check = (digits: string): string => {
      const weights = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6]
      const rest = 11 - (weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0) % 11)
      return String(rest === 11 ? 0 : rest === 10 ? 1 : rest)
    }
    return bank + check(`00${bank}`) + check(account) + account
  },
  BE: rng => {
    const body = rng.digits(10)
    return body + two(bigMod(body, 97) || 97)
  },
  NO: rng => {
    for (;;) {
      const body = rng.digits(10)
      const weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
      const rest = weights.reduce((sum, weight, at) => sum + weight * Number(body[at]), 0) % 11
      if (rest !== 1) return body + (rest === 0 ? 0 : 11 - rest)
    }
  },
  PT: rng => {
    const body = rng.digits(19)
    return body + two(98 - bigMod(`${body}00`, 97))
  },
  NL: rng => {
    for (;;) {
      const account = rng.fill('0?########')
      const total = [...account].reduce((sum, digit, at) => sum + (10 - at) * Number(digit), 0)
      if (total % 11 === 0) return rng.pick(['ABNA', 'INGB', 'RABO']) + account
    }
  },
  PL: rng => {
    const bank = rng.digits(7)
    const weights = [3, 9, 7, 1, 3, 9, 7]
    const check = (10 - (weights.reduce((sum, weight, at) => sum + weight * Number(bank[at]), 0) % 10)) % 10
    return `${bank}${check}${rng.digits(16)}`
  },
  AT: rng => rng.digits(16),
  CH: rng => rng.fill('00762##########?#'),
  IE: rng => `AIBK${rng.digits(14)}`,
  LU: rng => `001${rng.digits(13)}`,
  DK: rng => rng.digits(14),
  SE: rng => `500${rng.digits(17)}`,
  GR: rng => rng.digits(7) + rng.digits(16),
  TR: rng => `000610${rng.digits(16)}`,
  SA: rng => `80${rng.digits(18)}`,
  AE: rng => `033${rng.digits(16)}`,
  MT: rng => `MALT${rng.digits(5)}${rng.chars(ALNUM_UPPER, 18)}`
}

function ibanValue(rng: Rng): Written {
  const country = rng.pick(Object.keys(BBANS))
  const number = iban(country, (BBANS[country] as (rng: Rng) => string)(rng))
  if (mod97(number.slice(4) + number.slice(0, 4)) !== 1) throw new Error('the IBAN factory is wrong')
  const grouped = (number.match(/.{1,4}/g) as string[]).join(' ')
  const written = rng.pick([number, number, grouped, grouped, grouped.replaceAll(' ', '-'), number.toLowerCase()])
  return shaped(written, number)
}

function nino(rng: Rng): Written {
  const prefix = rng.pick(['AB', 'CE', 'HJ', 'JK', 'PX', 'RW', 'SY', 'WM', 'ZR', 'NP', 'EL', 'MA'])
  const digits = rng.digits(6)
  const suffix = rng.pick(['A', 'B', 'C', 'D'])
  const whole = `${prefix}${digits}${suffix}`
  // In lower case it reads as a code of any kind.
  if (rng.chance(0.12)) return bare(whole.toLowerCase())
  return shaped(
    rng.pick([
      whole,
      `${prefix} ${digits.slice(0, 2)} ${digits.slice(2, 4)} ${digits.slice(4)} ${suffix}`,
      `${prefix} ${digits} ${suffix}`,
      `${prefix}-${digits.slice(0, 2)}-${digits.slice(2, 4)}-${digits.slice(4)}-${suffix}`
    ]),
    whole
  )
}

function dni(rng: Rng): Written {
  const digits = rng.fill('?#######')
  const letter = dniLetter(Number(digits))
  const dotted = digits.replace(/^(..)(...)(...)$/, '$1.$2.$3')
  return shaped(
    rng.pick([
      `${digits}${letter}`,
      `${digits}-${letter}`,
      `${dotted}-${letter}`,
      `${dotted}${letter}`,
      `${digits} ${letter}`
    ])
  )
}

function nie(rng: Rng): Written {
  const prefix = rng.pick(['X', 'Y', 'Z'])
  const digits = rng.digits(7)
  const letter = dniLetter(Number(`${'XYZ'.indexOf(prefix)}${digits}`))
  return shaped(
    rng.pick([`${prefix}${digits}${letter}`, `${prefix}-${digits}-${letter}`, `${prefix}${digits}-${letter}`])
  )
}

function cpf(rng: Rng): Written {
  const body = rng.fill('?########')
  const number = body + brazilDigits(body)
  if (rng.chance(0.3)) return bare(number)
  return shaped(number.replace(/^(...)(...)(...)(..)$/, rng.pick(['$1.$2.$3-$4', '$1.$2.$3-$4', '$1 $2 $3-$4'])))
}

function cnpj(rng: Rng): Written {
  const body = `${rng.fill('?#######')}000${rng.int(1, 9)}`
  const number = body + brazilDigits(body)
  if (rng.chance(0.3)) return bare(number)
  return shaped(number.replace(/^(..)(...)(...)(....)(..)$/, '$1.$2.$3/$4-$5'))
}

function aadhaar(rng: Rng): Written {
  const body = `${rng.int(2, 9)}${rng.digits(10)}`
  const number = body + verhoeffDigit(body)
  if (rng.chance(0.3)) return bare(number)
  return shaped(number.replace(/^(....)(....)(....)$/, rng.pick(['$1 $2 $3', '$1-$2-$3'])))
}

function indianPan(rng: Rng): Written {
  const number = rng.fill('@@@') + rng.pick([...'PCHFATBLJG']) + rng.fill('@####@')
  return rng.chance(0.15) ? bare(number.toLowerCase()) : shaped(number)
}

function germanTaxId(rng: Rng): Written {
  for (;;) {
    // Exactly one digit twice among the first ten, none three times, the first is not 0.
    const used = rng.shuffle([...'0123456789']).slice(0, 9)
    const body = rng.shuffle([...used, used[0] as string]).join('')
    if (body.startsWith('0')) continue
    const number = body + iso7064Digit(body)
    if (rng.chance(0.4)) return bare(number)
    return shaped(number.replace(/^(..)(...)(...)(...)$/, rng.pick(['$1 $2 $3 $4', '$1 $2 $3 $4', '$1-$2-$3-$4'])))
  }
}

function nir(rng: Rng): Written {
  const department = rng.chance(0.15)
    ? rng.pick(['2A', '2B'])
    : String(rng.int(1, 95)).padStart(2, '0').replace('20', '21')
  const parts = [
    rng.pick(['1', '2']),
    two(rng.int(0, 99)),
    two(rng.int(1, 12)),
    department,
    String(rng.int(1, 690)).padStart(3, '0'),
    String(rng.int(1, 999)).padStart(3, '0')
  ]
  const key = nirKey(parts.join(''))
  const whole = [...parts, key].join('')
  const style = rng.int(0, 3)
  if (style === 0) return bare(whole)
  return shaped(style === 1 ? `${parts.join('')} ${key}` : [...parts, key].join(' '), whole)
}

function bsn(rng: Rng): Written {
  for (;;) {
    const number = rng.fill('?########')
    if (!passesBsn(number)) continue
    return bare(rng.pick([number, number, number.replace(/^(....)(..)(...)$/, '$1.$2.$3')]), coreNeedles(number))
  }
}

function pesel(rng: Rng): Written {
  const year = rng.int(1940, 2008)
  const month = rng.int(1, 12) + (year >= 2000 ? 20 : 0)
  const body = two(year % 100) + two(month) + two(rng.int(1, 28)) + rng.digits(4)
  return bare(body + peselDigit(body))
}

function sin(rng: Rng): Written {
  const body = rng.fill(rng.pick(['1###', '2###', '4###', '5###', '7###'])) + rng.digits(4)
  const number = body + luhnDigit(body)
  if (rng.chance(0.3)) return bare(number)
  return shaped(number.replace(/^(...)(...)(...)$/, rng.pick(['$1-$2-$3', '$1 $2 $3'])))
}

function tfn(rng: Rng): Written {
  for (;;) {
    const number = rng.fill('?########')
    if (!passesTfn(number)) continue
    return bare(rng.pick([number, number.replace(/^(...)(...)(...)$/, '$1 $2 $3')]))
  }
}

function nric(rng: Rng): Written {
  const prefix = rng.pick(['S', 'T', 'F', 'G'])
  const digits = rng.digits(7)
  const number = `${prefix}${digits}${nricLetter(prefix, digits)}`
  return rng.chance(0.1) ? bare(number.toLowerCase()) : shaped(number)
}

export const IDS: readonly TypeSpec[] = [
  {
    name: 'credit_card',
    keys: ['card_number', 'credit_card', 'cc_number', 'pan', 'payment_card', 'card_no', 'card'],
    labels: ['card', 'card number', 'credit card', 'cc', 'payment card'],
    look: 'number',
    weight: 3,
    write: card
  },
  {
    name: 'us_ssn',
    keys: ['ssn', 'social_security_number', 'taxpayer_ssn', 'ssn_number', 'social_security', 'applicant_ssn'],
    labels: ['ssn', 'social security number', 'SSN', 'taxpayer ssn'],
    look: 'number',
    weight: 2,
    write: ssn
  },
  {
    name: 'iban',
    keys: ['iban', 'account_iban', 'payout_account', 'beneficiary_iban', 'debtor_account'],
    labels: ['iban', 'account', 'payout account', 'IBAN'],
    look: 'number',
    weight: 2,
    write: ibanValue
  },
  {
    name: 'uk_nino',
    keys: ['nino', 'national_insurance_number', 'ni_number'],
    labels: ['nino', 'national insurance number', 'national insurance no.'],
    look: 'number',
    write: nino
  },
  {
    name: 'es_dni',
    keys: ['dni', 'nif', 'documento_dni', 'titular_nif'],
    labels: ['dni', 'DNI', 'nif'],
    look: 'number',
    write: dni
  },
  { name: 'es_nie', keys: ['nie', 'numero_nie', 'nie_extranjero'], labels: ['nie', 'NIE'], look: 'number', write: nie },
  {
    name: 'br_cpf',
    keys: ['cpf', 'cpf_cliente', 'numero_cpf', 'cpf_titular'],
    labels: ['cpf', 'CPF'],
    look: 'number',
    write: cpf
  },
  {
    name: 'br_cnpj',
    keys: ['cnpj', 'cnpj_emitente', 'empresa_cnpj'],
    labels: ['cnpj', 'CNPJ'],
    look: 'number',
    write: cnpj
  },
  {
    name: 'in_aadhaar',
    keys: ['aadhaar', 'aadhaar_number', 'aadhaar_no', 'resident_uid'],
    labels: ['aadhaar', 'aadhaar number', 'Aadhaar no.'],
    look: 'number',
    write: aadhaar
  },
  {
    name: 'in_pan',
    keys: ['pan', 'pan_number', 'pan_no', 'pan_card'],
    labels: ['pan', 'PAN', 'pan card'],
    look: 'number',
    write: indianPan
  },
  {
    name: 'de_tax_id',
    keys: ['steuer_id', 'idnr', 'steuer_idnr', 'tax_id', 'steuer_identifikationsnummer'],
    labels: ['steuer-id', 'IdNr', 'tax id', 'Steuer-ID'],
    look: 'number',
    write: germanTaxId
  },
  {
    name: 'fr_nir',
    keys: ['nir', 'numero_secu', 'insee', 'secu', 'num_secu', 'numero_insee'],
    labels: ['nir', 'numéro de sécu', 'INSEE', 'NIR'],
    look: 'number',
    write: nir
  },
  {
    name: 'nl_bsn',
    keys: ['bsn', 'burgerservicenummer', 'bsn_nummer', 'patient_bsn'],
    labels: ['bsn', 'BSN', 'burgerservicenummer'],
    look: 'number',
    write: bsn
  },
  {
    name: 'pl_pesel',
    keys: ['pesel', 'numer_pesel', 'pesel_klienta'],
    labels: ['pesel', 'PESEL', 'nr PESEL'],
    look: 'number',
    write: pesel
  },
  {
    name: 'ca_sin',
    keys: ['sin', 'sin_number', 'employee_sin', 'social_insurance_number'],
    labels: ['sin', 'SIN', 'social insurance number'],
    look: 'number',
    write: sin
  },
  {
    name: 'au_tfn',
    keys: ['tfn', 'tax_file_number', 'tfn_number', 'payee_tfn'],
    labels: ['tfn', 'TFN', 'tax file number'],
    look: 'number',
    write: tfn
  },
  {
    name: 'sg_nric',
    keys: ['nric', 'fin', 'nric_no', 'nric_fin'],
    labels: ['nric', 'NRIC', 'nric/fin'],
    look: 'number',
    write: nric
  }
]
