// The series of the note that is being made: each gets a number when it is first needed. Series are remembered encoded from
// note to note; most are found in a small cache by the numbers of their names.

import type { Names } from './names.js'

const CACHE = 4096

export class SeriesTable {
  readonly #names: Names
  /** Key -> index of a remembered series. */
  readonly #known = new Map<number, number>()
  readonly #cachedKeys = new Float64Array(CACHE).fill(-1)
  readonly #cached = new Int32Array(CACHE)
  readonly #encoded: Buffer[] = []
  /** The note that a remembered series was last part of, and its number there. */
  readonly #noteOf: number[] = []
  readonly #numbers: number[] = []
  #note = 0
  #out: Buffer = Buffer.allocUnsafeSlow(16 * 1024)
  #size = 0
  count = 0

  constructor(names: Names) {
    this.#names = names
  }

  /** The table so far, valid until the next call. */
  get bytes(): Buffer {
    return this.#out.subarray(0, this.#size)
  }

  /** A new note begins. */
  begin(): void {
    this.#note++
    this.count = 0
    this.#size = 0
  }

  /** The names' numbers are void. */
  clear(): void {
    this.#known.clear()
    this.#cachedKeys.fill(-1)
    this.#encoded.length = this.#noteOf.length = this.#numbers.length = 0
  }

  /** The number of a series in this note. */
  number(kind: number, status: number, workflow: number, step: number, error: number): number {
    // Three numbers of 16 bits and two more bits: a double holds them exactly.
    const key = ((workflow * 0x10000 + step) * 0x10000 + error) * 4 + kind * 2 + status
    const slot = (workflow * 67 + step * 5 + error * 257 + kind * 2 + status) & (CACHE - 1)
    let series = this.#cached[slot]!
    if (this.#cachedKeys[slot] !== key) {
      series = this.#known.get(key) ?? this.#add(key, kind, status, [workflow, step, error])
      this.#cachedKeys[slot] = key
      this.#cached[slot] = series
    }
    if (this.#noteOf[series] !== this.#note) this.#use(series)
    return this.#numbers[series]!
  }

  #add(key: number, kind: number, status: number, names: readonly number[]): number {
    const parts: Buffer[] = [Buffer.of(kind, status)]
    for (const name of names) {
      const text = this.#names.text(name)
      parts.push(Buffer.of(text.length & 0xff, text.length >> 8), text)
    }
    const series = this.#encoded.push(Buffer.concat(parts)) - 1
    this.#noteOf.push(0)
    this.#numbers.push(0)
    this.#known.set(key, series)
    return series
  }

  #use(series: number): void {
    this.#noteOf[series] = this.#note
    this.#numbers[series] = this.count++
    const encoded = this.#encoded[series]!
    if (this.#size + encoded.length > this.#out.length) {
      const larger = Buffer.allocUnsafeSlow(this.#out.length * 2)
      this.#out.copy(larger, 0, 0, this.#size)
      this.#out = larger
    }
    this.#out.set(encoded, this.#size)
    this.#size += encoded.length
  }
}
