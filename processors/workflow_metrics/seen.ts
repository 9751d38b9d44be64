// Which spans were counted: ids of the last `window`, as 63-bit fingerprints in open addressing, two generations.
//
// The young generation takes what is new; when it is old or full it becomes the old one, and the old one is forgotten. So an
// id is known for at least `window` and at most twice that, unless half of `max_spans` came in less. A new span is taken for
// a known one with a chance of (ids held) / 2^63: with 2 million ids 2e-13, one in 500 years at 300 spans a second.
// The hash is seeded by the process: nobody can make spans that collide.

import { randomBytes } from 'node:crypto'

const START = 4096
const MAX_LOAD = 0.7

class Generation {
  count = 0
  #slots = new Uint32Array(START * 2)
  #mask = START - 1

  has(high: number, low: number): boolean {
    const slots = this.#slots
    let at = high & this.#mask
    for (let found = slots[at * 2 + 1]!; found !== 0; found = slots[at * 2 + 1]!) {
      if (found === low && slots[at * 2] === high) return true
      at = (at + 1) & this.#mask
    }
    return false
  }

  add(high: number, low: number): void {
    if (this.count >= (this.#mask + 1) * MAX_LOAD) this.#grow()
    this.count++
    this.#put(high, low)
  }

  #put(high: number, low: number): void {
    const slots = this.#slots
    let at = high & this.#mask
    while (slots[at * 2 + 1] !== 0) at = (at + 1) & this.#mask
    slots[at * 2] = high
    slots[at * 2 + 1] = low
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(old.length * 2)
    this.#mask = this.#slots.length / 2 - 1
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.#put(old[i]!, old[i + 1]!)
  }
}

export class SeenSpans {
  readonly #windowMs: number
  readonly #maxYoung: number
  readonly #seedA = randomBytes(4).readInt32LE()
  readonly #seedB = randomBytes(4).readInt32LE()
  #young = new Generation()
  #old = new Generation()
  #since = 0
  /** Number of the young generation: what was added two generations ago is forgotten. */
  generation = 0

  constructor(windowMs: number, maxSpans: number) {
    this.#windowMs = windowMs
    this.#maxYoung = Math.ceil(maxSpans / 2)
  }

  get size(): number {
    return this.#young.count + this.#old.count
  }

  /** To be called before the spans of a request: time passes only here. */
  turn(nowMs: number): void {
    if (this.#young.count === 0) this.#since = nowMs
    else if (nowMs - this.#since >= this.#windowMs || this.#young.count >= this.#maxYoung) {
      this.#old = this.#young
      this.#young = new Generation()
      this.#since = nowMs
      this.generation++
    }
  }

  /** Remembers the trace and span id at `at`; false when it was known. */
  add(buf: Buffer, at: number): boolean {
    let a = this.#seedA
    let b = this.#seedB
    for (let p = at; p < at + 24; p += 4) {
      const word = buf[p]! | (buf[p + 1]! << 8) | (buf[p + 2]! << 16) | (buf[p + 3]! << 24)
      a = Math.imul(a ^ word, 0x9e3779b1)
      a ^= a >>> 15
      b = Math.imul(b ^ word, 0x85ebca6b)
      b ^= b >>> 13
    }
    a = Math.imul(a, 0xc2b2ae35)
    a = (a ^ (a >>> 16)) >>> 0
    b = Math.imul(b, 0x27d4eb2f)
    b = ((b ^ (b >>> 15)) | 1) >>> 0
    if (this.#young.has(a, b) || this.#old.has(a, b)) return false
    this.#young.add(a, b)
    return true
  }
}
