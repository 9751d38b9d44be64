// Which spans were counted: ids of the last `window`, in two generations.
//
// What is new goes into the young generation; when that is old or full it becomes the old one, and the one before is
// forgotten. So an id is known for at least `window` and at most twice that, unless half of `max_spans` came in less. Of an
// id 95 bits are kept, 32 of the trace's and 63 of the span's within it: that a new span is taken for a known one is a
// matter of 1 in 10^18, whatever ids senders make. The hash is seeded by the process: nobody can make spans that collide.
//
// A generation is a table with open addressing, three words a slot, the last one never 0. Waiting for memory is what it costs,
// so the spans of a trace, which come together, stand together: where its trace id says, or, when the slots there are taken
// (a trace of very many spans), where the span's own hash says (bench/micro/workflow-metrics.ts).

import { randomBytes } from 'node:crypto'

const START = 4096
const MAX_LOAD = 0.6
/** Words of a slot, and slots looked at where the trace says. */
const WORDS = 3
const NEAR = 32

class Generation {
  count = 0
  /** Signed, as all words here: larger numbers would be objects on the heap. */
  slots: Int32Array
  mask: number

  constructor(size: number) {
    this.slots = new Int32Array(size * WORDS)
    this.mask = size - 1
  }

  has(trace: number, high: number, low: number): boolean {
    return this.#find(trace, high, low) < 0
  }

  /** False when it was there. */
  add(trace: number, high: number, low: number): boolean {
    if (this.count >= (this.mask + 1) * MAX_LOAD) this.#grow()
    const at = this.#find(trace, high, low)
    if (at < 0) return false
    this.slots[at] = trace
    this.slots[at + 1] = high
    this.slots[at + 2] = low
    this.count++
    return true
  }

  /** The free place for it; -1 when it is there. Nothing is ever taken out, so what is full stays full. */
  #find(trace: number, high: number, low: number): number {
    const { slots, mask } = this
    for (let i = 0; i < NEAR; i++) {
      const at = ((trace + i) & mask) * WORDS
      const found = slots[at + 2]!
      if (found === 0) return at
      if (found === low && slots[at + 1] === high && slots[at] === trace) return -1
    }
    for (let i = high; ; i++) {
      const at = (i & mask) * WORDS
      const found = slots[at + 2]!
      if (found === 0) return at
      if (found === low && slots[at + 1] === high && slots[at] === trace) return -1
    }
  }

  #grow(): void {
    const old = this.slots
    const size = (this.mask + 1) * 2
    this.slots = new Int32Array(size * WORDS)
    this.mask = size - 1
    for (let i = 0; i < old.length; i += WORDS) {
      if (old[i + 2] === 0) continue
      const at = this.#find(old[i]!, old[i + 1]!, old[i + 2]!)
      this.slots[at] = old[i]!
      this.slots[at + 1] = old[i + 1]!
      this.slots[at + 2] = old[i + 2]!
    }
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
  /** Hashes of the spans prepared, WORDS each. */
  #hashes = new Int32Array(4096 * WORDS)
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

  /** Makes the hashes of span `i` of a request, whose trace and span id are at `at`. */
  prepare(i: number, view: DataView, at: number): void {
    if ((i + 1) * WORDS > this.#hashes.length) this.#widen()
    const trace = this.#traceHash(view, at)
    const [first, second] = [view.getInt32(at + 16, true), view.getInt32(at + 20, true)]
    this.#hashes[i * WORDS] = trace
    this.#hashes[i * WORDS + 1] = last(Math.imul(first ^ this.#seedB, 0x85ebca6b) ^ second)
    this.#hashes[i * WORDS + 2] = last(Math.imul(second ^ this.#seedA, 0x9e3779b1) ^ first) | 1
  }

  /**
   * Touches the slots of the first `n` spans prepared. One after the other each would wait for memory; in a loop as tight as
   * this they wait together. The number is of no use to anybody.
   */
  touch(n: number): number {
    const [young, youngMask] = [this.#young.slots, this.#young.mask]
    const [old, oldMask] = [this.#old.slots, this.#old.mask]
    const hashes = this.#hashes
    let touched = 0
    let before = 0
    for (let i = 0; i < n * WORDS; i += WORDS) {
      const trace = hashes[i]!
      if (trace === before) continue
      before = trace
      touched ^= young[(trace & youngMask) * WORDS + 2]! ^ old[(trace & oldMask) * WORDS + 2]!
    }
    return touched
  }

  /** Remembers span `i` of those prepared; false when it was known. */
  add(i: number): boolean {
    const hashes = this.#hashes
    return this.#add(hashes[i * WORDS]!, hashes[i * WORDS + 1]!, hashes[i * WORDS + 2]!)
  }

  /** The same for something else about the trace at `at`, told by two numbers. */
  addFact(view: DataView, at: number, first: number, second: number): boolean {
    const high = last(Math.imul(first ^ this.#seedA, 0x85ebca6b) ^ second)
    const low = last(Math.imul(second ^ this.#seedB, 0x9e3779b1) ^ first) | 1
    return this.#add(this.#traceHash(view, at), high, low)
  }

  #add(trace: number, high: number, low: number): boolean {
    return !this.#old.has(trace, high, low) && this.#young.add(trace, high, low)
  }

  #traceHash(view: DataView, at: number): number {
    let hash = this.#seedA
    for (let p = at; p < at + 16; p += 4) {
      hash = Math.imul(hash ^ view.getInt32(p, true), 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return last(hash)
  }

  #widen(): void {
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }
}

function last(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
}
