// Values that were looked through and held nothing, so that the same value under the same key passes at the price of
// comparing it. Telemetry repeats itself: statement texts, function and host names, the workflow id of a trace's spans.
//
// Direct mapped: a value has one slot, found by its context, its length and three of its words; a newer value takes the
// slot. A hit compares every byte, so a hit is never wrong. Bounded: SLOTS values of at most MAX_BYTES. Contexts whose
// values hardly ever repeat stop asking for a while. Measured in bench/micro/redaction.ts.

const SLOTS = 8192
const MAX_BYTES = 256
const MIN_BYTES = 4
/** After so many questions a context is judged. */
const TRIAL = 512
/** A context with fewer hits than this share of its trial pauses for PAUSE values. */
const WORTH = 1 / 8
const PAUSE = 8192

/** What the values of one context have in common: the same key, or the same place without key. */
export interface CleanContext {
  /** Any number of its own: part of the slot's hash and of the comparison. */
  readonly id: number
  asked: number
  hits: number
  paused: number
}

let contexts = 0

export function cleanContext(): CleanContext {
  return { id: ++contexts, asked: 0, hits: 0, paused: 0 }
}

export class CleanCache {
  readonly #bytes = new Uint8Array(SLOTS * MAX_BYTES)
  readonly #words = new DataView(this.#bytes.buffer)
  readonly #lengths = new Int32Array(SLOTS)
  readonly #contexts = new Int32Array(SLOTS)
  #source: Buffer | undefined
  #view: DataView = this.#words
  #slot = -1

  /** Whether `buf[start..end)` was clean in this context before. */
  has(context: CleanContext, buf: Buffer, start: number, end: number): boolean {
    const length = end - start
    this.#slot = -1
    if (length < MIN_BYTES || length > MAX_BYTES) return false
    if (context.paused > 0) {
      context.paused--
      return false
    }
    if (++context.asked === TRIAL) judge(context)
    if (buf !== this.#source) {
      this.#source = buf
      this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length)
    }
    const slot = this.#slotOf(context.id, length, start, end)
    this.#slot = slot
    if (this.#lengths[slot] !== length || this.#contexts[slot] !== context.id) return false
    if (!this.#isSame(slot * MAX_BYTES, start, end)) return false
    context.hits++
    return true
  }

  /** Remembers the value that `has` was just asked for, and did not know, as clean. */
  add(context: CleanContext, buf: Buffer, start: number, end: number): void {
    const slot = this.#slot
    if (slot < 0 || buf !== this.#source) return
    this.#slot = -1
    this.#lengths[slot] = end - start
    this.#contexts[slot] = context.id
    const at = slot * MAX_BYTES
    for (let i = start; i < end; i++) this.#bytes[at + i - start] = buf[i]!
  }

  #slotOf(context: number, length: number, start: number, end: number): number {
    const view = this.#view
    let hash = Math.imul(context ^ (length << 16), 0x9e3779b1)
    hash = Math.imul(hash ^ view.getInt32(start, true), 0x85ebca6b)
    hash = Math.imul(hash ^ view.getInt32(start + ((length - 4) >> 1), true), 0xc2b2ae35)
    hash = Math.imul(hash ^ view.getInt32(end - 4, true), 0x9e3779b1)
    return (hash ^ (hash >>> 15)) & (SLOTS - 1)
  }

  #isSame(at: number, start: number, end: number): boolean {
    const view = this.#view
    const words = this.#words
    const last = end - 4
    let q = at
    for (let p = start; p < last; p += 4) {
      if (words.getInt32(q, true) !== view.getInt32(p, true)) return false
      q += 4
    }
    return words.getInt32(at + last - start, true) === view.getInt32(last, true)
  }
}

function judge(context: CleanContext): void {
  if (context.hits < TRIAL * WORTH) context.paused = PAUSE
  context.asked = context.hits = 0
}
