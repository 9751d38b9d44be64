// Which traces were dropped, in 6 bytes each: 47 bits of a hash of the trace id, and whether the decision was final.
//
// It answers for traces whose row in the table is gone: what comes of them later follows the decision. A wrong yes (one new trace in
// 10^9 while 100,000 are remembered) loses no error: such a trace is held like any dropped one, and an error brings all of it back
// (window.ts). Two generations: when the younger one is full the older one is forgotten.

/** Bytes of one in the journal. */
export const FINGERPRINT = 6

export const NOT_DROPPED = 0
export const DROPPED = 1
export const DROPPED_FOR_GOOD = 2

export class Dropped {
  readonly #size: number
  #young: Generation
  #old = new Generation()

  /** `size`: traces remembered at least; at most twice as many. */
  constructor(size: number) {
    this.#size = size
    this.#young = new Generation()
  }

  /** Of a trace id as four little-endian numbers. */
  find(a: number, b: number, c: number, d: number): number {
    if (this.#young.size === 0 && this.#old.size === 0) return NOT_DROPPED
    const low = lowOf(a, b, c, d)
    const high = highOf(a, b, c, d)
    return this.#young.find(low, high) || this.#old.find(low, high)
  }

  add(a: number, b: number, c: number, d: number, isFinal: boolean): void {
    this.#put(lowOf(a, b, c, d), highOf(a, b, c, d) | (isFinal ? 1 : 0))
  }

  /** Those that `writeFingerprint` wrote. */
  load(bytes: Buffer): void {
    for (let at = 0; at + FINGERPRINT <= bytes.length; at += FINGERPRINT) {
      this.#put(bytes.readUInt32LE(at), bytes.readUInt16LE(at + 4))
    }
  }

  #put(low: number, high: number): void {
    if (this.#size === 0) return
    this.#young.put(low, high)
    if (this.#young.size < this.#size) return
    this.#old = this.#young
    this.#young = new Generation()
  }
}

export function writeFingerprint(out: Buffer, at: number, ids: Int32Array, slot: number, isFinal: boolean): void {
  const i = slot * 4
  const low = lowOf(ids[i]!, ids[i + 1]!, ids[i + 2]!, ids[i + 3]!)
  const high = highOf(ids[i]!, ids[i + 1]!, ids[i + 2]!, ids[i + 3]!) | (isFinal ? 1 : 0)
  out[at] = low
  out[at + 1] = low >>> 8
  out[at + 2] = low >>> 16
  out[at + 3] = low >>> 24
  out[at + 4] = high
  out[at + 5] = high >>> 8
}

/** Open addressing at most half full; its place in the table is of a seeded hash, so that nobody can make a crowd. */
class Generation {
  /** Pairs: low bits, high bits. High 0 = free: bit 0 is the mark of a final decision, bit 16 is always set. */
  #pairs = new Uint32Array(2048)
  #mask = 1023
  readonly #seed = (Math.random() * 0x100000000) | 0
  size = 0

  find(low: number, high: number): number {
    if (this.size === 0) return NOT_DROPPED
    const found = this.#pairs[this.#at(low, high) + 1]!
    return found === 0 ? NOT_DROPPED : (found & 1) === 1 ? DROPPED_FOR_GOOD : DROPPED
  }

  put(low: number, high: number): void {
    if ((this.size + 1) * 2 > this.#mask) this.#grow()
    const at = this.#at(low, high)
    if (this.#pairs[at + 1] === 0) this.size++
    this.#pairs[at] = low
    this.#pairs[at + 1]! |= high | MARK
  }

  /** Where it is, or the free place for it. */
  #at(low: number, high: number): number {
    const pairs = this.#pairs
    const mask = this.#mask
    const wanted = (high & 0xfffe) | MARK
    let h = Math.imul(low ^ this.#seed, 0x9e3779b1)
    h = Math.imul(h ^ (h >>> 15) ^ wanted, 0x85ebca6b)
    let at = (h ^ (h >>> 13)) & mask
    while (pairs[at * 2 + 1] !== 0 && !(pairs[at * 2] === low && (pairs[at * 2 + 1]! & 0x1fffe) === wanted))
      at = (at + 1) & mask
    return at * 2
  }

  #grow(): void {
    const old = this.#pairs
    this.#pairs = new Uint32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    this.size = 0
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.put(old[i]!, old[i + 1]! & 0xffff)
  }
}

const MARK = 0x10000

function lowOf(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a, 0x9e3779b1)
  h = Math.imul((h ^ (h >>> 15)) + b, 0x85ebca6b)
  h = Math.imul((h ^ (h >>> 13)) + c, 0xc2b2ae35)
  h = Math.imul((h ^ (h >>> 16)) + d, 0x27d4eb2f)
  return (h ^ (h >>> 15)) >>> 0
}

/** 15 bits above bit 0. */
function highOf(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(d ^ 0x2545f491, 0xcc9e2d51)
  h = Math.imul((h ^ (h >>> 15)) + c, 0x1b873593)
  h = Math.imul((h ^ (h >>> 13)) + b, 0xe6546b64)
  h = Math.imul((h ^ (h >>> 16)) + a, 0x9e3779b1)
  return (h >>> 16) & 0xfffe
}
