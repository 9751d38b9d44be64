// Checksums by name: what turns "looks like" into "is". All take plain digits (or letters where said) without separators.

/** Luhn (ISO/IEC 7812-1 annex B). */
export function luhn(digits: string): boolean {
  let sum = 0
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    let d = digits.charCodeAt(i) - 48
    if (double && (d *= 2) > 9) d -= 9
    sum += d
  }
  return sum % 10 === 0
}

/** Remainder of a decimal or base-36 text (ISO 7064 letters: A = 10) modulo 97. */
export function mod97(text: string): number {
  let rest = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    rest = c < 58 ? (rest * 10 + c - 48) % 97 : (rest * 100 + c - 55) % 97
  }
  return rest
}

/** IBAN (ISO 13616): country, check digits, BBAN; upper case, no spaces. */
export function ibanChecksum(iban: string): boolean {
  return mod97(iban.slice(4) + iban.slice(0, 4)) === 1
}

const D = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
  [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
  [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
  [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
  [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
  [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
  [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
  [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
  [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
]
const P = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
  [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
  [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
  [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
  [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
  [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
  [7, 0, 4, 6, 9, 1, 3, 2, 5, 8]
]

/** Verhoeff (Aadhaar). */
export function verhoeff(digits: string): boolean {
  let c = 0
  for (let i = 0; i < digits.length; i++) {
    c = D[c]![P[i % 8]![digits.charCodeAt(digits.length - 1 - i) - 48]!]!
  }
  return c === 0
}

/** Sum of digit times weight. */
export function weighted(digits: string, weights: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += (digits.charCodeAt(i) - 48) * weights[i]!
  return sum
}

/** Brazil's two mod-11 digits (CPF with 11, CNPJ with 14 digits). */
export function brazil(digits: string): boolean {
  if (/^(\d)\1*$/.test(digits)) return false
  const check = (length: number): number => {
    let sum = 0
    for (let i = 0; i < length; i++) {
      const back = length - 1 - i
      const weight = digits.length === 11 ? back + 2 : (back % 8) + 2
      sum += (digits.charCodeAt(i) - 48) * weight
    }
    const rest = sum % 11
    return rest < 2 ? 0 : 11 - rest
  }
  const n = digits.length
  return check(n - 2) === digits.charCodeAt(n - 2) - 48 && check(n - 1) === digits.charCodeAt(n - 1) - 48
}

/** Germany's tax id: ISO 7064 mod 11,10, and one digit twice or three times among the first ten. */
export function germanTaxId(digits: string): boolean {
  if (digits[0] === '0') return false
  const counts = new Array<number>(10).fill(0)
  for (let i = 0; i < 10; i++) counts[digits.charCodeAt(i) - 48]!++
  const repeated = counts.filter(n => n > 1)
  if (repeated.length !== 1 || repeated[0]! > 3) return false
  let product = 10
  for (let i = 0; i < 10; i++) {
    let sum = (digits.charCodeAt(i) - 48 + product) % 10
    if (sum === 0) sum = 10
    product = (sum * 2) % 11
  }
  const check = 11 - product
  return (check === 10 ? 0 : check) === digits.charCodeAt(10) - 48
}

/** France's NIR: 13 characters (2A and 2B for Corsica) and the two-digit key. */
export function frenchNir(nir: string): boolean {
  const body = nir.slice(0, 13).replace('2A', '19').replace('2B', '18')
  if (!/^\d{13}$/.test(body)) return false
  return 97 - (Number(body) % 97) === Number(nir.slice(13))
}

/** The Netherlands' 11-test. */
export function dutchBsn(digits: string): boolean {
  return digits !== '000000000' && weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0
}

/** Poland's PESEL: weights and a real birth date. */
export function polishPesel(digits: string): boolean {
  const check = (10 - (weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10
  if (check !== digits.charCodeAt(10) - 48) return false
  const month = Number(digits.slice(2, 4)) % 20
  const day = Number(digits.slice(4, 6))
  return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

/** Australia's TFN, nine digits. */
export function australianTfn(digits: string): boolean {
  return digits !== '000000000' && weighted(digits, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0
}

/** Spain's control letter for a DNI's eight digits (NIE: X, Y, Z as 0, 1, 2 in front). */
export function spanishLetter(digits: string): string {
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23]!
}

/** Singapore's NRIC / FIN check letter; `id` is a letter, seven digits and a letter, upper case. */
export function singaporeNric(id: string): boolean {
  const first = id[0]!
  let sum = weighted(id.slice(1, 8), [2, 7, 6, 5, 4, 3, 2])
  if (first === 'T' || first === 'G') sum += 4
  if (first === 'M') sum += 3
  const letters = first === 'S' || first === 'T' ? 'JZIHGFEDCBA' : first === 'M' ? 'XWUTRQPNJLK' : 'XWUTRQPNMLK'
  const at = first === 'M' ? 10 - (sum % 11) : sum % 11
  return letters[first === 'M' ? 10 - at : at] === id[8]
}

/** The checksums that user patterns may name. */
export const CHECKSUMS: Readonly<Record<string, (value: string) => boolean>> = {
  luhn: value => luhn(value.replace(/\D/g, '')),
  iban: value => ibanChecksum(value.replace(/\s/g, '').toUpperCase()),
  verhoeff: value => verhoeff(value.replace(/\D/g, '')),
  cpf: value => brazil(value.replace(/\D/g, '')),
  cnpj: value => brazil(value.replace(/\D/g, '')),
  de_tax_id: value => /^\d{11}$/.test(value.replace(/\D/g, '')) && germanTaxId(value.replace(/\D/g, '')),
  nir: value => frenchNir(value.replace(/\s/g, '').toUpperCase()),
  bsn: value => /^\d{9}$/.test(value.replace(/\D/g, '')) && dutchBsn(value.replace(/\D/g, '')),
  pesel: value => /^\d{11}$/.test(value.replace(/\D/g, '')) && polishPesel(value.replace(/\D/g, ''))
}
