// The index of a window: trace id -> what is known of the trace and where its runs of items are. Not the items.
//
// Columns of typed arrays, a row (slot) a trace: about 110 bytes, and 24 bytes a run. Slots are found by open addressing
// with linear probing over a seeded hash of the 16 id bytes (hostile ids must not collide on purpose), at most half full;
// deletion shifts back, so there are no tombstones. Freed slots and runs are used again.

import { randomBytes } from 'node:crypto'

/** Row states. */
export const OPEN = 0
export const KEPT = 1
/** Dropped; its items are still in the log and an error brings them back. Dropped for good it has no row (dropped.ts). */
export const HELD = 2

/** Bits of `flags`: low two bits are the state. */
export const ERROR = 4
export const ROOT = 8
/** Something new has come since the runner last looked. */
export const TOUCHED = 16
/** `randomness` was given by `rv`. */
export const HAS_RV = 32
/** The verdict was final: errors change nothing. */
export const FINAL = 64
export const WEIGHTED = 128
export const LATE_ERROR = 256
export const DRY_DROP = 512
/** Ready to be decided before its time. */
export const READY = 1024
/** Dropped before by a decision that is remembered without its row. */
export const REMEMBERED = 2048
/** Bits 12 to 14: span statuses seen. */
export const STATUS_SHIFT = 12
/** Bits 16 to 18: why it was decided when it was (`WHEN` in recent.ts). Not in the journal: unknown after a restart. */
export const WHEN_SHIFT = 16
export const WHEN = 7 << WHEN_SHIFT
export const STATE = 3

/** Numbers of a run. */
export const RUN_INTS = 6
const NEXT = 0
export const RUN_ENTRY = 1
/** Scope number << 1 | 1 when a span of it has a trace state. */
export const RUN_SCOPE = 2
export const RUN_START = 3
export const RUN_END = 4
export const RUN_ITEMS = 5

export class TraceTable {
  #capacity = 4096
  #slotsUsed = 0
  #freeSlots: number[] = []
  #hash = new Int32Array(8192)
  readonly #seed = randomBytes(4).readInt32LE()
  ids = new Int32Array(4 * 4096)
  flags = new Int32Array(4096)
  generation = new Int32Array(4096)
  items = new Int32Array(4096)
  spans = new Int32Array(4096)
  steps = new Int32Array(4096)
  /** -1 until the root says. */
  totalSteps = new Int32Array(4096)
  workflow = new Int32Array(4096)
  conditions = new Int32Array(4096)
  rule = new Int32Array(4096)
  firstRun = new Int32Array(4096)
  lastRun = new Int32Array(4096)
  bytes = new Float64Array(4096)
  minStart = new Float64Array(4096)
  maxEnd = new Float64Array(4096)
  randomness = new Float64Array(4096)
  threshold = new Float64Array(4096)
  decidedAt = new Float64Array(4096)
  /** Kept from this position on; what came before was dropped. */
  keptFrom = new Float64Array(4096)
  /** Rows in use. */
  size = 0

  runs = new Int32Array(RUN_INTS * 4096)
  #runsUsed = 1
  #freeRun = 0

  /** The slot of a trace id, or -1. */
  find(a: number, b: number, c: number, d: number): number {
    const mask = this.#hash.length - 1
    for (let at = this.#home(a, b, c, d) & mask; ; at = (at + 1) & mask) {
      const slot = this.#hash[at]! - 1
      if (slot < 0) return -1
      if (this.#is(slot, a, b, c, d)) return slot
    }
  }

  /** A new row for an id that is not there. */
  insert(a: number, b: number, c: number, d: number): number {
    if ((this.size + 1) * 2 > this.#hash.length) this.#growHash()
    const slot = this.#freeSlots.pop() ?? this.#newSlot()
    const i = slot * 4
    this.ids[i] = a
    this.ids[i + 1] = b
    this.ids[i + 2] = c
    this.ids[i + 3] = d
    this.#clear(slot)
    this.#place(slot)
    this.size++
    return slot
  }

  #clear(slot: number): void {
    this.flags[slot] = OPEN
    this.items[slot] = this.spans[slot] = this.steps[slot] = this.conditions[slot] = 0
    this.totalSteps[slot] = -1
    this.workflow[slot] = this.rule[slot] = this.firstRun[slot] = this.lastRun[slot] = 0
    this.bytes[slot] = this.maxEnd[slot] = this.randomness[slot] = this.threshold[slot] = 0
    this.decidedAt[slot] = this.keptFrom[slot] = 0
    this.minStart[slot] = Number.POSITIVE_INFINITY
  }

  /** Forgets a row; its runs must be freed. Its generation changes. */
  remove(slot: number): void {
    const i = slot * 4
    const mask = this.#hash.length - 1
    let at = this.#home(this.ids[i]!, this.ids[i + 1]!, this.ids[i + 2]!, this.ids[i + 3]!) & mask
    while (this.#hash[at] !== slot + 1) at = (at + 1) & mask
    this.#shiftBack(at, mask)
    this.generation[slot]!++
    this.#freeSlots.push(slot)
    this.size--
  }

  addRun(slot: number, entry: number, scope: number, start: number, end: number, items: number): void {
    const run = this.#newRun()
    const { runs } = this
    const i = run * RUN_INTS
    runs[i + NEXT] = 0
    runs[i + RUN_ENTRY] = entry
    runs[i + RUN_SCOPE] = scope
    runs[i + RUN_START] = start
    runs[i + RUN_END] = end
    runs[i + RUN_ITEMS] = items
    const last = this.lastRun[slot]!
    if (last === 0) this.firstRun[slot] = run
    else runs[last * RUN_INTS + NEXT] = run
    this.lastRun[slot] = run
  }

  /** The run behind `run`; 0 at the end. */
  nextRun(run: number): number {
    return this.runs[run * RUN_INTS + NEXT]!
  }

  /** Gives a trace's runs back. */
  freeRuns(slot: number): void {
    const last = this.lastRun[slot]!
    if (last === 0) return
    this.runs[last * RUN_INTS + NEXT] = this.#freeRun
    this.#freeRun = this.firstRun[slot]!
    this.firstRun[slot] = this.lastRun[slot] = 0
  }

  /** Writes the 16 id bytes. */
  writeId(slot: number, out: Buffer, at: number): void {
    for (let i = 0; i < 4; i++) out.writeInt32LE(this.ids[slot * 4 + i]!, at + i * 4)
  }

  #newRun(): number {
    const free = this.#freeRun
    if (free !== 0) {
      this.#freeRun = this.runs[free * RUN_INTS + NEXT]!
      return free
    }
    if ((this.#runsUsed + 1) * RUN_INTS > this.runs.length) this.runs = grown(this.runs, this.runs.length * 2)
    return this.#runsUsed++
  }

  #newSlot(): number {
    if (this.#slotsUsed === this.#capacity) this.#growRows()
    return this.#slotsUsed++
  }

  #growRows(): void {
    const n = this.#capacity * 2
    this.#capacity = n
    this.ids = grown(this.ids, 4 * n)
    this.flags = grown(this.flags, n)
    this.generation = grown(this.generation, n)
    this.items = grown(this.items, n)
    this.spans = grown(this.spans, n)
    this.steps = grown(this.steps, n)
    this.totalSteps = grown(this.totalSteps, n)
    this.workflow = grown(this.workflow, n)
    this.conditions = grown(this.conditions, n)
    this.rule = grown(this.rule, n)
    this.firstRun = grown(this.firstRun, n)
    this.lastRun = grown(this.lastRun, n)
    this.bytes = grown(this.bytes, n)
    this.minStart = grown(this.minStart, n)
    this.maxEnd = grown(this.maxEnd, n)
    this.randomness = grown(this.randomness, n)
    this.threshold = grown(this.threshold, n)
    this.decidedAt = grown(this.decidedAt, n)
    this.keptFrom = grown(this.keptFrom, n)
  }

  #growHash(): void {
    const old = this.#hash
    this.#hash = new Int32Array(old.length * 2)
    for (let i = 0; i < old.length; i++) if (old[i] !== 0) this.#place(old[i]! - 1)
  }

  #place(slot: number): void {
    const mask = this.#hash.length - 1
    let at = this.#homeOf(slot) & mask
    while (this.#hash[at] !== 0) at = (at + 1) & mask
    this.#hash[at] = slot + 1
  }

  /** Closes the hole at `hole`: whoever probed past it moves up. */
  #shiftBack(hole: number, mask: number): void {
    const hash = this.#hash
    for (let at = (hole + 1) & mask; hash[at] !== 0; at = (at + 1) & mask) {
      const home = this.#homeOf(hash[at]! - 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      hash[hole] = hash[at]!
      hole = at
    }
    hash[hole] = 0
  }

  #is(slot: number, a: number, b: number, c: number, d: number): boolean {
    const i = slot * 4
    const { ids } = this
    return ids[i] === a && ids[i + 1] === b && ids[i + 2] === c && ids[i + 3] === d
  }

  #homeOf(slot: number): number {
    const i = slot * 4
    return this.#home(this.ids[i]!, this.ids[i + 1]!, this.ids[i + 2]!, this.ids[i + 3]!)
  }

  #home(a: number, b: number, c: number, d: number): number {
    let h = Math.imul(a ^ this.#seed, 0x9e3779b1)
    h = Math.imul((h ^ (h >>> 15)) + b, 0x85ebca6b)
    h = Math.imul((h ^ (h >>> 13)) + c, 0xc2b2ae35)
    h = Math.imul((h ^ (h >>> 15)) + d, 0x27d4eb2f)
    return h ^ (h >>> 15)
  }
}

function grown<T extends Int32Array | Float64Array>(from: T, length: number): T {
  const to = (from instanceof Int32Array ? new Int32Array(length) : new Float64Array(length)) as T
  to.set(from)
  return to
}
