// Edits on an encoded message: noted while walking, applied by one copy at the end.
//
// The walk goes forward and keeps a stack of frames, one for each open length-delimited message. An edit replaces the
// bytes [start, end) by others. A frame with an edit inside changes length, so its length varint is an edit too: its
// place in the list is reserved (a slot) when the first edit inside it is noted, outermost first, which keeps the list
// sorted by position without ever sorting. The new length is known when the frame closes; the difference, including a
// length varint that grew or shrank, is handed up. A frame can be given up as a whole (an item is dropped): the edits
// noted since it opened are forgotten, and it is cut from its parent.

const MAX_FRAMES = 16

export class EditList {
  #count = 0
  readonly #start: number[] = []
  readonly #end: number[] = []
  readonly #bytes: (Buffer | undefined)[] = []

  #depth = 0
  readonly #tagAt = new Int32Array(MAX_FRAMES)
  readonly #lengthAt = new Int32Array(MAX_FRAMES)
  readonly #from = new Int32Array(MAX_FRAMES)
  readonly #to = new Int32Array(MAX_FRAMES)
  readonly #delta = new Int32Array(MAX_FRAMES)
  readonly #slot = new Int32Array(MAX_FRAMES)
  readonly #mark = new Int32Array(MAX_FRAMES)
  #total = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  reset(): void {
    this.#bytes.length = 0
    this.#count = 0
    this.#depth = 0
    this.#total = 0
  }

  /** Opens the frame of a message: tag at `tagAt`, length varint at `lengthAt`, content `[from, to)`. */
  open(tagAt: number, lengthAt: number, from: number, to: number): void {
    const d = this.#depth++
    this.#tagAt[d] = tagAt
    this.#lengthAt[d] = lengthAt
    this.#from[d] = from
    this.#to[d] = to
    this.#delta[d] = 0
    this.#slot[d] = -1
    this.#mark[d] = this.#count
  }

  /** Closes the innermost frame and, if anything inside changed, mends its length. */
  close(): void {
    const d = --this.#depth
    const slot = this.#slot[d]!
    if (slot < 0) return
    const from = this.#from[d]!
    const lengthAt = this.#lengthAt[d]!
    const delta = this.#delta[d]!
    const length = encodeLength(this.#to[d]! - from + delta)
    this.#start[slot] = lengthAt
    this.#end[slot] = from
    this.#bytes[slot] = length
    this.#grow(delta + length.length - (from - lengthAt))
  }

  /** Gives the innermost frame up: it is cut out, tag and all. */
  cut(): void {
    const d = --this.#depth
    const mark = this.#mark[d]!
    this.#count = mark
    for (let i = d - 1; i >= 0 && this.#slot[i]! >= mark; i--) this.#slot[i] = -1
    this.replace(this.#tagAt[d]!, this.#to[d]!, undefined)
  }

  /** Closes all frames down to `depth` without a word: the walk gave up. */
  unwind(depth: number): void {
    this.#depth = depth
  }

  get depth(): number {
    return this.#depth
  }

  /** Replaces `[start, end)`; positions never go back. `undefined` removes. */
  replace(start: number, end: number, bytes: Buffer | undefined): void {
    this.#reserve()
    this.#push(start, end, bytes)
    this.#grow((bytes === undefined ? 0 : bytes.length) - (end - start))
  }

  /** The edited copy of `source`. */
  apply(source: Buffer): Buffer {
    const out = Buffer.allocUnsafe(source.length + this.#total)
    let from = 0
    let at = 0
    for (let i = 0; i < this.#count; i++) {
      const start = this.#start[i]!
      at = copyRun(source, from, start, out, at)
      const bytes = this.#bytes[i]
      if (bytes !== undefined) at = copyRun(bytes, 0, bytes.length, out, at)
      from = this.#end[i]!
    }
    copyRun(source, from, source.length, out, at)
    return out
  }

  #reserve(): void {
    let d = this.#depth
    while (d > 0 && this.#slot[d - 1]! < 0) d--
    for (; d < this.#depth; d++) {
      this.#slot[d] = this.#count
      this.#push(0, 0, undefined)
    }
  }

  #push(start: number, end: number, bytes: Buffer | undefined): void {
    const i = this.#count++
    this.#start[i] = start
    this.#end[i] = end
    this.#bytes[i] = bytes
  }

  #grow(delta: number): void {
    if (this.#depth > 0) this.#delta[this.#depth - 1]! += delta
    else this.#total += delta
  }
}

// Short runs byte by byte: below about this many bytes the call into the runtime costs more than the loop.
const SHORT_RUN = 24

function copyRun(source: Buffer, from: number, to: number, out: Buffer, at: number): number {
  const length = to - from
  if (length <= SHORT_RUN) {
    for (let i = 0; i < length; i++) out[at + i] = source[from + i]!
  } else {
    source.copy(out, at, from, to)
  }
  return at + length
}

// Lengths under 16 KiB are shared: nobody writes to them.
const SHARED: Buffer[] = []

/** A length as varint. The buffer is shared: never write to it. */
export function encodeLength(length: number): Buffer {
  if (length < 16384) {
    const known = SHARED[length]
    if (known !== undefined) return known
    const made = length < 128 ? Buffer.of(length) : Buffer.of((length & 0x7f) | 0x80, length >>> 7)
    SHARED[length] = made
    return made
  }
  const bytes: number[] = []
  let rest = length
  while (rest > 127) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** Bytes that `length` takes as varint. */
export function lengthSize(length: number): number {
  return length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : length < 268435456 ? 4 : 5
}

/** Writes `length` as varint; the position behind it. */
export function writeLength(out: Buffer, at: number, length: number): number {
  let rest = length
  let p = at
  while (rest > 127) {
    out[p++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  out[p++] = rest
  return p
}
