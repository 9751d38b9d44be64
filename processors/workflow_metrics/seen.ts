// What was counted: spans of the last `window` by 63-bit fingerprints, in two generations.
//
// What is new goes into the young generation; when that is old or full it becomes the old one, and the one before is
// forgotten. So an id is known for at least `window` and at most twice that, unless half of `max_spans` came in less. A new
// span is taken for a known one with a chance of (ids held) / 2^63: with 2 million ids 2e-13, once in 500 years at 300
// spans a second. The hash is seeded by the process: nobody can make spans that collide.
//
// A generation is a table with open addressing, two words a slot: `high` says where, `low` is never 0. One table for both
// generations would be looked up once and not twice, but sweeping it costs more (bench/micro/workflow-metrics.ts).

import { randomBytes } from 'node:crypto'

const START = 4096
const MAX_LOAD = 0.7

class Generation {
  count = 0
  /** Signed, as all words here: larger numbers would be objects on the heap. */
  slots: Int32Array
  mask: number

  constructor(size: number) {
    this.slots = new Int32Array(size * 2)
    this.mask = size - 1
  }

  has(high: number, low: number): boolean {
    const { slots, mask } = this
    let at = high & mask
    for (let found = slots[at * 2 + 1]!; found !== 0; found = slots[at * 2 + 1]!) {
      if (found === low && slots[at * 2] === high) return true
      at = (at + 1) & mask
    }
    return false
  }

  /** False when it was there. */
  add(high: number, low: number): boolean {
    if (this.count >= (this.mask + 1) * MAX_LOAD) this.#grow()
    const { slots, mask } = this
    let at = high & mask
    for (let found = slots[at * 2 + 1]!; found !== 0; found = slots[at * 2 + 1]!) {
      if (found === low && slots[at * 2] === high) return false
      at = (at + 1) & mask
    }
    slots[at * 2] = high
    slots[at * 2 + 1] = low
    this.count++
    return true
  }

  #grow(): void {
    const old = this.slots
    const slots = new Int32Array(old.length * 2)
    const mask = old.length - 1
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue
      let at = old[i]! & mask
      while (slots[at * 2 + 1] !== 0) at = (at + 1) & mask
      slots[at * 2] = old[i]!
      slots[at * 2 + 1] = old[i + 1]!
    }
    this.slots = slots
    this.mask = mask
  }
}

export class SeenSpans {
  readonly #windowMs: number
  readonly #maxYoung: number
  readonly #seedA = randomBytes(4).readInt32LE()
  readonly #seedB = randomBytes(4).readInt32LE()
  #young = new Generation(START)
  #old = new Generation(START)
  #since = 0
  #high = new Int32Array(4096)
  #low = new Int32Array(4096)
  /** Number of the young generation: what was added two generations ago is forgotten. */
  generation = 0

  constructor(windowMs: number, maxSpans: number) {
    this.#windowMs = windowMs
    this.#maxYoung = Math.ceil(maxSpans / 2)
  }

  get size(): number {
    return this.#young.count + this.#old.count
  }

  /** To be called before the spans of a request: time passes only here. Whether a new generation has begun. */
  turn(nowMs: number): boolean {
    if (this.#young.count === 0) this.#since = nowMs
    if (nowMs - this.#since < this.#windowMs && this.#young.count < this.#maxYoung) return false
    this.#old = this.#young
    // As large as the one before, so that a steady load grows none.
    this.#young = new Generation(this.#old.count * 4 < this.#old.mask ? START : this.#old.mask + 1)
    this.#since = nowMs
    this.generation++
    return true
  }

  /** Makes the fingerprint of span `i` of a request, whose trace and span id are at `at`. */
  prepare(i: number, view: DataView, at: number): void {
    let a = this.#seedA
    let b = this.#seedB
    for (let p = at; p < at + 24; p += 4) {
      const word = view.getInt32(p, true)
      a = Math.imul(a ^ word, 0x9e3779b1)
      a ^= a >>> 15
      b = Math.imul(b ^ word, 0x85ebca6b)
      b ^= b >>> 13
    }
    if (i >= this.#high.length) this.#widen()
    this.#high[i] = last(a)
    this.#low[i] = last(b)
  }

  /**
   * Touches the slots of the first `n` spans prepared. One after the other each would wait for memory; in a loop as tight as
   * this they wait together (bench/micro/workflow-metrics.ts). The number is of no use to anybody.
   */
  touch(n: number): number {
    const [young, youngMask] = [this.#young.slots, this.#young.mask]
    const [old, oldMask] = [this.#old.slots, this.#old.mask]
    const high = this.#high
    let touched = 0
    for (let i = 0; i < n; i++) touched ^= young[(high[i]! & youngMask) * 2]! ^ old[(high[i]! & oldMask) * 2]!
    return touched
  }

  /** Remembers span `i` of those prepared; false when it was known. */
  add(i: number): boolean {
    return this.#add(this.#high[i]!, this.#low[i]!)
  }

  /** The same for something else about the trace at `at`, told by two numbers. */
  addFact(view: DataView, at: number, first: number, second: number): boolean {
    let a = this.#seedA ^ first
    let b = this.#seedB ^ second
    for (let p = at; p < at + 16; p += 4) {
      const word = view.getInt32(p, true)
      a = Math.imul(a ^ word, 0x85ebca6b)
      a ^= a >>> 13
      b = Math.imul(b ^ word, 0x9e3779b1)
      b ^= b >>> 15
    }
    return this.#add(last(Math.imul(a ^ second, 0x9e3779b1)), last(Math.imul(b ^ first, 0x85ebca6b)))
  }

  #add(high: number, low: number): boolean {
    return !this.#old.has(high, low | 1) && this.#young.add(high, low | 1)
  }

  #widen(): void {
    const [high, low] = [new Int32Array(this.#high.length * 2), new Int32Array(this.#high.length * 2)]
    high.set(this.#high)
    low.set(this.#low)
    this.#high = high
    this.#low = low
  }
}

function last(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
}
