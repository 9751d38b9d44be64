// The protobuf wire format (protobuf.dev/programming-guides/encoding): reading and writing fields, bounds checked.
//
// A message is a run of fields; a field is a tag (varint: number << 3 | wire type) and a payload:
//
//   0 varint   7 bits a byte, low bits first, at most 10 bytes; 64 bits in two's complement
//   1 fixed64  8 bytes, little endian
//   2 bytes    a varint length and that many bytes: string, bytes, message, packed numbers
//   3 group    fields up to the end-group tag (4) of the same number; nobody writes them, readers must skip them
//   5 fixed32  4 bytes, little endian
//
// Invariants: no read passes `end`, whatever the bytes are, and whatever they are the only error is a WireError.
// 64-bit numbers travel as two unsigned halves (`lo`, `hi`), so that no BigInt is made on a hot path.

/** How deep AnyValues may stand inside each other: the value of an attribute or a body is level 1. */
export const MAX_VALUE_DEPTH = 64

/** How deep groups may stand inside each other in an unknown field. */
export const MAX_GROUP_DEPTH = 32

export const WireType = { varint: 0, fixed64: 1, bytes: 2, group: 3, endGroup: 4, fixed32: 5 } as const

const TEXTS = {
  OTLP_TRUNCATED: 'the message ends in the middle of a field',
  OTLP_VARINT: 'a number is longer than 64 bits',
  OTLP_DEPTH: 'values stand too deep inside each other',
  OTLP_WIRE_TYPE: 'a field has a wire type that does not exist or does not fit',
  OTLP_FIELD_NUMBER: 'a field has the number 0 or one above 2^29 - 1'
} as const
export type WireCode = keyof typeof TEXTS

/** The bytes are not a protobuf message. Carries where, never what. */
export class WireError extends Error {
  readonly code: WireCode
  /** Offset in the buffer that was read; -1 when it has no place there. */
  readonly offset: number
  constructor(code: WireCode, offset = -1) {
    super(offset < 0 ? TEXTS[code] : `${TEXTS[code]} (byte ${offset})`)
    this.name = 'WireError'
    this.code = code
    this.offset = offset
  }
}

/**
 * Walks the fields of one message: `while (r.next()) { r.field, r.wire, r.start, r.stop }`.
 * The payload is `buf[start..stop)`: of a varint its bytes, of a group everything up to and with its end tag.
 */
export class WireReader {
  buf: Uint8Array
  /** Next byte to read. */
  pos: number
  /** End of the message. */
  end: number
  /** Number and wire type of the current field. */
  field = 0
  wire = 0
  /** Where the current field's tag begins. */
  at = 0
  start = 0
  stop = 0
  /** Halves of the last varint or fixed64 read, both unsigned. */
  lo = 0
  hi = 0

  constructor(buf: Uint8Array, start = 0, end = buf.length) {
    this.buf = buf
    this.pos = start
    this.end = checkedEnd(buf, start, end)
  }

  /** Reads from another place. */
  reset(buf: Uint8Array, start: number, end: number): this {
    this.buf = buf
    this.pos = start
    this.end = checkedEnd(buf, start, end)
    return this
  }

  /** Steps to the next field; false at the end of the message. */
  next(): boolean {
    const at = this.pos
    if (at >= this.end) return false
    this.at = at
    // One byte is by far the most common, for tags and for lengths (bench/micro/json.ts).
    const byte = this.buf[at] as number
    if (byte < 0x80 && byte >= 8) {
      this.field = byte >>> 3
      this.wire = byte & 7
      this.pos = at + 1
    } else this.#tag()
    this.start = this.pos
    switch (this.wire) {
      case WireType.varint:
        this.skipVarint()
        break
      case WireType.fixed64:
        this.#advance(8)
        break
      case WireType.bytes: {
        const pos = this.pos
        const short = pos < this.end ? (this.buf[pos] as number) : 0xff
        if (short < 0x80 && short < this.end - pos) {
          this.start = pos + 1
          this.pos = pos + 1 + short
          break
        }
        const length = this.length()
        this.start = this.pos
        this.pos += length
        break
      }
      case WireType.group:
        this.#skipGroup()
        break
      case WireType.fixed32:
        this.#advance(4)
        break
      default:
        throw new WireError('OTLP_WIRE_TYPE', this.at)
    }
    this.stop = this.pos
    return true
  }

  /** Reads a length and checks that so many bytes follow. */
  length(): number {
    const at = this.pos
    this.varint()
    if (this.hi !== 0 || this.lo > this.end - this.pos) throw new WireError('OTLP_TRUNCATED', at)
    return this.lo
  }

  /** Reads a varint into `lo` and `hi`. */
  varint(): void {
    const buf = this.buf
    const at = this.pos
    // One byte is by far the most common.
    if (at < this.end && (buf[at] as number) < 0x80) {
      this.lo = buf[at] as number
      this.hi = 0
      this.pos = at + 1
      return
    }
    let pos = at
    let lo = 0
    let hi = 0
    for (let shift = 0; ; shift += 7) {
      if (pos >= this.end) throw new WireError('OTLP_TRUNCATED', at)
      const byte = buf[pos++] as number
      const bits = byte & 0x7f
      if (shift < 28) lo |= bits << shift
      else if (shift === 28) {
        lo |= bits << 28
        hi = bits >>> 4
      } else if (shift < 63) hi |= bits << (shift - 32)
      else {
        // The tenth byte holds bit 63 alone.
        if (byte > 1) throw new WireError('OTLP_VARINT', at)
        hi |= bits << 31
      }
      if (byte < 0x80) break
    }
    this.lo = lo >>> 0
    this.hi = hi >>> 0
    this.pos = pos
  }

  skipVarint(): void {
    const at = this.pos
    let pos = at
    for (;;) {
      if (pos >= this.end) throw new WireError('OTLP_TRUNCATED', at)
      const byte = this.buf[pos++] as number
      if (byte < 0x80) {
        if (pos - at === 10 && byte > 1) throw new WireError('OTLP_VARINT', at)
        break
      }
      if (pos - at === 10) throw new WireError('OTLP_VARINT', at)
    }
    this.pos = pos
  }

  fixed32(): number {
    const at = this.pos
    this.#advance(4)
    return u32(this.buf, at)
  }

  /** Reads 8 bytes into `lo` and `hi`. */
  fixed64(): void {
    const at = this.pos
    this.#advance(8)
    this.lo = u32(this.buf, at)
    this.hi = u32(this.buf, at + 4)
  }

  double(): number {
    this.fixed64()
    return doubleOf(this.lo, this.hi)
  }

  #advance(n: number): void {
    if (this.end - this.pos < n) throw new WireError('OTLP_TRUNCATED', this.pos)
    this.pos += n
  }

  #tag(): void {
    this.varint()
    this.field = this.lo >>> 3
    this.wire = this.lo & 7
    if (this.hi !== 0 || this.field === 0) throw new WireError('OTLP_FIELD_NUMBER', this.at)
  }

  /** Behind a start-group tag: skips to behind the end tag that belongs to it. Fields stay set to the outer ones. */
  #skipGroup(): void {
    const { at, start, field, wire } = this
    const open = [field]
    while (open.length > 0) {
      this.at = this.pos
      this.#tag()
      switch (this.wire) {
        case WireType.varint:
          this.skipVarint()
          break
        case WireType.fixed64:
          this.#advance(8)
          break
        case WireType.bytes: {
          const length = this.length()
          this.pos += length
          break
        }
        case WireType.group:
          if (open.length >= MAX_GROUP_DEPTH) throw new WireError('OTLP_DEPTH', this.at)
          open.push(this.field)
          break
        case WireType.endGroup:
          if (open.pop() !== this.field) throw new WireError('OTLP_WIRE_TYPE', this.at)
          break
        case WireType.fixed32:
          this.#advance(4)
          break
        default:
          throw new WireError('OTLP_WIRE_TYPE', this.at)
      }
    }
    this.at = at
    this.start = start
    this.field = field
    this.wire = wire
  }
}

/** Writes fields into a buffer that grows. `finish` copies out; the writer can be used again after `clear`. */
export class WireWriter {
  buf: Buffer
  pos = 0

  constructor(capacity = 1024) {
    this.buf = Buffer.allocUnsafe(capacity)
  }

  clear(): this {
    this.pos = 0
    return this
  }

  /** The bytes written so far: a copy of their exact size. */
  finish(): Buffer {
    return Buffer.from(this.buf.subarray(0, this.pos))
  }

  /** Makes room for `n` more bytes. */
  ensure(n: number): void {
    if (this.buf.length - this.pos >= n) return
    const grown = Buffer.allocUnsafe(Math.max(this.buf.length * 2, this.pos + n))
    this.buf.copy(grown, 0, 0, this.pos)
    this.buf = grown
  }

  tag(field: number, wire: number): void {
    this.uint32(((field << 3) | wire) >>> 0)
  }

  /** A varint of at most 32 bits. */
  uint32(value: number): void {
    this.ensure(5)
    const buf = this.buf
    let pos = this.pos
    while (value > 0x7f) {
      buf[pos++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    buf[pos++] = value
    this.pos = pos
  }

  /** A varint of 64 bits from its unsigned halves. */
  varint64(lo: number, hi: number): void {
    if (hi === 0) {
      this.uint32(lo)
      return
    }
    this.ensure(10)
    const buf = this.buf
    let pos = this.pos
    for (let i = 0; i < 4; i++) {
      buf[pos++] = (lo & 0x7f) | 0x80
      lo >>>= 7
    }
    // Four bits of the low half are left; the next byte takes three of the high one.
    let rest = hi >>> 3
    const fifth = lo | ((hi & 7) << 4)
    if (rest === 0) {
      buf[pos++] = fifth
      this.pos = pos
      return
    }
    buf[pos++] = fifth | 0x80
    while (rest > 0x7f) {
      buf[pos++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buf[pos++] = rest
    this.pos = pos
  }

  fixed32(value: number): void {
    this.ensure(4)
    putU32(this.buf, this.pos, value)
    this.pos += 4
  }

  fixed64(lo: number, hi: number): void {
    this.ensure(8)
    putU32(this.buf, this.pos, lo)
    putU32(this.buf, this.pos + 4, hi)
    this.pos += 8
  }

  double(value: number): void {
    F64[0] = value
    this.fixed64(U32[0] as number, U32[1] as number)
  }

  /** Raw bytes, no length. */
  raw(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const n = end - start
    this.ensure(n)
    if (n <= 32) {
      const buf = this.buf
      let pos = this.pos
      for (let i = start; i < end; i++) buf[pos++] = bytes[i] as number
    } else this.buf.set(bytes.subarray(start, end), this.pos)
    this.pos += n
  }

  /** A length and the bytes. */
  bytes(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.uint32(end - start)
    this.raw(bytes, start, end)
  }

  /** A length and the text as UTF-8; lone surrogates become U+FFFD. */
  string(text: string): void {
    const mark = this.open()
    this.ensure(text.length * 3)
    this.pos += this.buf.write(text, this.pos, 'utf8')
    this.close(mark)
  }

  /** Begins a length-delimited payload whose length is not known yet; give the result to `close`. */
  open(guess = 1): number {
    this.ensure(5)
    this.pos += guess
    return this.pos
  }

  /** Ends the payload that `open(guess)` began: puts the length before it, moving it when the guess was wrong. */
  close(mark: number, guess = 1): void {
    const length = this.pos - mark
    const need = varintSize(length)
    let at = mark - guess
    if (need !== guess) this.#shift(mark, at + need, length)
    const buf = this.buf
    let rest = length
    while (rest > 0x7f) {
      buf[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buf[at] = rest
  }

  #shift(from: number, to: number, length: number): void {
    this.ensure(5)
    this.buf.copyWithin(to, from, from + length)
    this.pos = to + length
  }
}

/** Bytes a varint takes; `value` below 2^32. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

/** sint32: 0 -> 0, 1 -> -1, 2 -> 1, 3 -> -2 ... */
export function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1)
}

export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

export function doubleOf(lo: number, hi: number): number {
  U32[0] = lo
  U32[1] = hi
  return F64[0] as number
}

/** The number of two unsigned halves as an unsigned BigInt. */
export function unsignedOf(lo: number, hi: number): bigint {
  U32[0] = lo
  U32[1] = hi
  return B64[0] as bigint
}

/** ... in two's complement. */
export function signedOf(lo: number, hi: number): bigint {
  U32[0] = lo
  U32[1] = hi
  return I64[0] as bigint
}

// Little endian is what every platform Node supports is.
const F64 = new Float64Array(1)
const U32 = new Uint32Array(F64.buffer)
const B64 = new BigUint64Array(F64.buffer)
const I64 = new BigInt64Array(F64.buffer)

function u32(buf: Uint8Array, at: number): number {
  return (
    ((buf[at] as number) |
      ((buf[at + 1] as number) << 8) |
      ((buf[at + 2] as number) << 16) |
      ((buf[at + 3] as number) << 24)) >>>
    0
  )
}

function putU32(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value
  buf[at + 1] = value >>> 8
  buf[at + 2] = value >>> 16
  buf[at + 3] = value >>> 24
}

function checkedEnd(buf: Uint8Array, start: number, end: number): number {
  if (start < 0 || end > buf.length || start > end) throw new WireError('OTLP_TRUNCATED', start)
  return end
}
