// Check digits and checksums of the identifiers in the corpus, written from their public definitions and on purpose not
// shared with the gateway: a mistake in one of the two then shows as a leak.

import { createHash } from 'node:crypto'

const sum = (digits: string, weights: readonly number[]): number =>
  weights.reduce((total, weight, at) => total + weight * Number(digits[at]), 0)

/** The digit that makes `body` + digit pass Luhn (ISO/IEC 7812-1 annex B). */
export function luhnDigit(body: string): string {
  let total = 0
  for (let at = 0; at < body.length; at++) {
    const digit = Number(body[body.length - 1 - at])
    const doubled = at % 2 === 0 ? digit * 2 : digit
    total += doubled > 9 ? doubled - 9 : doubled
  }
  return String((10 - (total % 10)) % 10)
}

export function passesLuhn(digits: string): boolean {
  return luhnDigit(digits.slice(0, -1)) === digits.slice(-1)
}

/** n mod `modulus` of a number written in decimal, of any length. */
export function bigMod(decimal: string, modulus: number): number {
  let rest = 0
  for (const digit of decimal) rest = (rest * 10 + Number(digit)) % modulus
  return rest
}

/** Letters to 10..35, as ISO 13616 and others count. */
export const lettersToNumbers = (text: string): string => text.replace(/[A-Z]/g, c => String(c.charCodeAt(0) - 55))

/** Country + two check digits + BBAN (ISO 13616). */
export function iban(country: string, bban: string): string {
  const check = 98 - bigMod(lettersToNumbers(`${bban}${country}00`), 97)
  return `${country}${String(check).padStart(2, '0')}${bban}`
}

const VERHOEFF_D = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210'
]
const VERHOEFF_P = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258'
]

/** Verhoeff check digit (Aadhaar). */
export function verhoeffDigit(body: string): string {
  let check = 0
  const reversed = [...body].reverse()
  for (const [at, digit] of reversed.entries()) {
    const permuted = Number(VERHOEFF_P[(at + 1) % 8]?.[Number(digit)])
    check = Number(VERHOEFF_D[check]?.[permuted])
  }
  const inverse = [...DECIMAL].find(digit => VERHOEFF_D[check]?.[Number(digit)] === '0')
  return inverse as string
}
const DECIMAL = '0123456789'

/** ISO 7064 mod 11,10 (German tax id). */
export function iso7064Digit(body: string): string {
  let product = 10
  for (const digit of body) {
    const step = (Number(digit) + product) % 10 || 10
    product = (step * 2) % 11
  }
  return String((11 - product) % 10)
}

/** The two check digits of a Brazilian CPF (9 digits) or CNPJ (12 digits). */
export function brazilDigits(body: string): string {
  const digit = (text: string): string => {
    const top = body.length === 9 ? text.length + 1 : 9
    const weights = Array.from({ length: text.length }, (_, at) =>
      body.length === 9 ? top - at : ((text.length - 1 - at) % 8) + 2
    )
    const rest = sum(text, weights) % 11
    return String(rest < 2 ? 0 : 11 - rest)
  }
  const first = digit(body)
  return first + digit(body + first)
}

export const dniLetter = (number: number): string => 'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23] as string

/** True when nine digits pass the Dutch 11-test. */
export const passesBsn = (digits: string): boolean => sum(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0

export const peselDigit = (body: string): string => String((10 - (sum(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10)

export const passesTfn = (digits: string): boolean => sum(digits, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0

/** Letter of a Singapore NRIC or FIN (prefix S, T, F, G). */
export function nricLetter(prefix: string, digits: string): string {
  const offset = prefix === 'T' || prefix === 'G' ? 4 : 0
  const rest = (sum(digits, [2, 7, 6, 5, 4, 3, 2]) + offset) % 11
  return (prefix === 'S' || prefix === 'T' ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK')[rest] as string
}

/** Key of a French NIR; Corsica's 2A counts as 19 and 2B as 18. */
export function nirKey(body: string): string {
  const decimal = body.replace('2A', '19').replace('2B', '18')
  return String(97 - bigMod(decimal, 97)).padStart(2, '0')
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest()

/** Version byte + payload + four bytes of double SHA-256, in base 58. */
export function base58check(version: number, payload: Buffer): string {
  const body = Buffer.concat([Buffer.from([version]), payload])
  const whole = Buffer.concat([body, sha256(sha256(body)).subarray(0, 4)])
  let number = BigInt(`0x${whole.toString('hex')}`)
  let text = ''
  while (number > 0n) {
    text = BASE58[Number(number % 58n)] + text
    number /= 58n
  }
  const zeros = whole.findIndex(byte => byte !== 0)
  return '1'.repeat(zeros) + text
}

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

function polymod(values: readonly number[]): number {
  const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let check = 1
  for (const value of values) {
    const top = check >>> 25
    check = ((check & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of generators.entries()) if ((top >>> bit) & 1) check ^= generator
  }
  return check
}

/** A segwit address of Bitcoin's main net: bech32 for witness version 0, bech32m after (BIP 173, BIP 350). */
export function segwit(witnessVersion: number, programme: Buffer): string {
  const words = [witnessVersion]
  let held = 0
  let bits = 0
  for (const byte of programme) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      words.push((held >>> bits) & 31)
    }
    held &= (1 << bits) - 1
  }
  if (bits > 0) words.push((held << (5 - bits)) & 31)
  const prefix = [3, 3, 0, 2, 3] // "bc" expanded
  const constant = witnessVersion === 0 ? 1 : 0x2bc830a3
  const check = polymod([...prefix, ...words, 0, 0, 0, 0, 0, 0]) ^ constant
  for (let at = 0; at < 6; at++) words.push((check >>> (5 * (5 - at))) & 31)
  return `bc1${words.map(word => BECH32[word]).join('')}`
}

/** CRC32 in six base 62 digits over the random part: the tail of GitHub's and npm's tokens. */
export function tokenChecksum(random: string): string {
  let crc = 0xffffffff
  for (const byte of Buffer.from(random)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  let number = (crc ^ 0xffffffff) >>> 0
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let text = ''
  while (number > 0) {
    text = alphabet[number % 62] + text
    number = Math.floor(number / 62)
  }
  return text.padStart(6, '0')
}
