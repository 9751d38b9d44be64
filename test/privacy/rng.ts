// Seeded chance for the corpus: the same seed and label give the same draws on every machine, in any order of use.

import { createHash } from 'node:crypto'

export const DIGITS = '0123456789'
export const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
export const LOWER = 'abcdefghijklmnopqrstuvwxyz'
export const ALNUM = UPPER + LOWER + DIGITS
export const HEX = '0123456789abcdef'
export const BASE32 = `${UPPER}234567`
export const BASE64URL = `${ALNUM}-_`

export class Rng {
  #state: number

  /** Every label is a stream of its own: adding a type to the corpus does not change the values of the others. */
  constructor(seed: number, label: string) {
    this.#state = createHash('sha256').update(`${seed}/${label}`).digest().readUInt32LE(0)
  }

  /** A number in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** An integer from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)] as T
  }

  chars(alphabet: string, length: number): string {
    let text = ''
    for (let at = 0; at < length; at++) text += alphabet[this.int(0, alphabet.length - 1)]
    return text
  }

  digits(length: number): string {
    return this.chars(DIGITS, length)
  }

  hex(length: number): string {
    return this.chars(HEX, length)
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)))
  }

  /** Replaces # by a digit, @ by a capital letter, ? by a digit from 1 to 9; the rest stays. */
  fill(pattern: string): string {
    return pattern.replace(/[#@?]/g, sign =>
      sign === '#' ? this.digits(1) : sign === '@' ? this.chars(UPPER, 1) : String(this.int(1, 9))
    )
  }

  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let at = copy.length - 1; at > 0; at--) {
      const other = this.int(0, at)
      const held = copy[at] as T
      copy[at] = copy[other] as T
      copy[other] = held
    }
    return copy
  }
}
