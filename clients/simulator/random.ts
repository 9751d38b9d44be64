// Chance from a seed: the same seed and label give the same draws on every machine.

import { createHash } from 'node:crypto'

const DIGITS = '0123456789'
export const ALNUM = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}`

export class Random {
  readonly #state: Uint32Array

  /** Every label is a stream of its own: more draws in one place do not change what another place draws. */
  constructor(seed: number, label: string) {
    const hash = createHash('sha256').update(`${seed}/${label}`).digest()
    this.#state = Uint32Array.from([0, 4, 8, 12], at => hash.readUInt32LE(at))
  }

  /** A number in [0, 1): sfc32. Its 128 bits of state keep streams apart, so that ids are told once. */
  next(): number {
    const state = this.#state
    const [a, b, c, counter] = state as unknown as [number, number, number, number]
    const drawn = (a + b + counter) >>> 0
    state[3] = counter + 1
    state[0] = b ^ (b >>> 9)
    state[1] = c + (c << 3)
    state[2] = ((c << 21) | (c >>> 11)) + drawn
    return drawn / 4294967296
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

  /** One of `from`, each as likely as its weight says. */
  weighted<T>(from: readonly T[], weight: (one: T) => number): T {
    let left = this.next() * from.reduce((sum, one) => sum + weight(one), 0)
    for (const one of from) {
      left -= weight(one)
      if (left < 0) return one
    }
    return from.at(-1) as T
  }

  /** Spread around a median as times of programs are: log-normal; `spread` 0.4 gives a 95th percentile of twice the median. */
  around(median: number, spread: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
    return median * Math.exp(spread * normal)
  }

  /** Time until the next arrival when `rate` come in a unit of time on average. */
  wait(rate: number): number {
    return -Math.log(1 - this.next()) / rate
  }

  chars(alphabet: string, length: number): string {
    let text = ''
    for (let at = 0; at < length; at++) text += alphabet[this.int(0, alphabet.length - 1)]
    return text
  }

  digits(length: number): string {
    return this.chars(DIGITS, length)
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)))
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
