// OTLP/JSON to protobuf bytes, in one pass over the text: what comes in as JSON has one shape behind the door.
//
// The mapping is protobuf's JSON mapping with OTLP's changes (opentelemetry-proto docs/specification.md, "JSON Protobuf
// Encoding"): trace and span ids are hex, enums are integers, names are lowerCamelCase only. Never JSON.parse: it rounds
// integers above 2^53. What the specification leaves open is decided here:
//
//   - A name twice in one object, or two members of a oneof, is an error: readers disagree on which one counts.
//   - null is absent; as an element of a list of messages it is an empty message, of a list of anything else an error.
//   - Invalid UTF-8 and lone surrogates become U+FFFD: one bad character must not cost the batch.
//   - An id of the wrong length goes on as it is, for the walk to reject that item alone. An odd number of hex digits
//     cannot go on: it becomes one byte, which no id is long.
//   - Integers may be strings or numbers, with fraction or exponent when the value is whole (`1.0`, `15e2`).
//   - Unknown names are skipped, their values still have to be JSON.
//   - Values may be nested MAX_VALUE_DEPTH deep, unknown JSON MAX_SKIP_DEPTH.
//
// Known length prefixes are written at once; a nested message's is guessed from the last of its type and mended.

import { isUtf8 } from 'node:buffer'
import { type Plan, planOf, type Slot, slotIndex } from './json-plan.js'
import { Kind } from './kinds.js'
import { REQUEST_MESSAGE } from './schema.js'
import type { Signal } from './signal.js'
import { MAX_VALUE_DEPTH, varintSize, WireWriter, zigzag } from './wire.js'

const MAX_SKIP_DEPTH = 128

/** Output and scratch buffers above this size are not kept for the next request. */
const KEEP_BYTES = 4 << 20

/** The text is not an OTLP request in JSON. Says where, by field names of the protocol; never what stood there. */
export class OtlpJsonError extends Error {
  readonly code = 'OTLP_JSON'
  /** Byte offset in the text (after replacement of invalid UTF-8, if there was any). */
  readonly offset: number
  /** Such as `resourceSpans[0].scopeSpans[0].spans[3].kind`; empty for the request itself. */
  readonly path: string
  constructor(why: string, offset: number, path: string) {
    super(`not an OTLP request in JSON: ${why}, at ${path === '' ? 'the request' : path} (byte ${offset})`)
    this.name = 'OtlpJsonError'
    this.offset = offset
    this.path = path
  }
}

/** Translates an OTLP/JSON request to its protobuf bytes. Throws OtlpJsonError, nothing else. */
export function jsonToProtobuf(signal: Signal, text: Uint8Array): Buffer {
  return reader.read(PLANS[signal], isUtf8(text) ? text : Buffer.from(Buffer.from(text).toString('utf8')))
}

const PLANS: Readonly<Record<Signal, Plan>> = {
  traces: planOf(REQUEST_MESSAGE.traces),
  metrics: planOf(REQUEST_MESSAGE.metrics),
  logs: planOf(REQUEST_MESSAGE.logs)
}

// 1: a byte that ends the plain run of a string: quote, backslash, control characters.
const STOP = new Uint8Array(256).map((_, c) => (c < 0x20 || c === 0x22 || c === 0x5c ? 1 : 0))
const HEX = alphabet('0123456789abcdef')
for (let c = 0x41; c <= 0x46; c++) HEX[c] = c - 55
const BASE64 = alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
BASE64[0x2d] = 62
BASE64[0x5f] = 63
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i)

class JsonReader {
  private text: Uint8Array = Buffer.alloc(0)
  private pos = 0
  private end = 0
  private out = new WireWriter(1 << 16)
  private scratch = Buffer.allocUnsafe(256)
  // The last string: in the text itself, or unescaped in `scratch`.
  private strBuf: Uint8Array = this.text
  private strStart = 0
  private strEnd = 0
  // The last integer: 64 bits in two's complement, and its sign.
  private lo = 0
  private hi = 0
  private isNegative = false
  // Where we are, for errors: the slot and index at each level of nesting.
  private level = 0
  private readonly slots: (Slot | undefined)[] = []
  private readonly indexes: number[] = []

  read(plan: Plan, text: Uint8Array): Buffer {
    this.text = text
    this.pos = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0
    this.end = text.length
    this.level = 0
    this.out.clear()
    try {
      this.enter(0)
      this.fields(plan, 0)
      this.level = 0
      if (this.peek() !== 0 || this.pos < this.end) this.fail('something follows the request')
      return this.out.finish()
    } finally {
      this.release()
    }
  }

  private release(): void {
    this.text = this.strBuf = this.scratch
    if (this.out.buf.length > KEEP_BYTES) this.out = new WireWriter(1 << 16)
    if (this.scratch.length > KEEP_BYTES) this.scratch = Buffer.allocUnsafe(256)
  }

  /** The fields of an object whose brace was read, and the closing brace. */
  private fields(plan: Plan, depth: number): void {
    const level = this.level++
    let seen = 0
    let c = this.peek()
    if (c === 0x7d) {
      this.pos++
      this.level = level
      return
    }
    for (;;) {
      if (c !== 0x22) {
        this.level = level
        this.expected('a name')
      }
      const slot = this.name(plan)
      this.slots[level] = slot
      this.indexes[level] = -1
      if (this.peek() !== 0x3a) this.expected('a colon')
      this.pos++
      c = this.peek()
      if (slot === undefined) this.skip(c)
      else if (c === 0x6e) this.literal('null')
      else {
        if ((seen & slot.excludes) !== 0)
          this.fail('a field is set twice, or beside another of which only one may be set')
        seen |= slot.bit
        if (slot.repeated) this.list(slot, c, depth, level)
        else this.value(slot, c, depth)
      }
      c = this.peek()
      this.pos++
      if (c === 0x2c) {
        c = this.peek()
        continue
      }
      if (c === 0x7d) break
      this.pos--
      this.expected('a comma or a closing brace')
    }
    this.level = level
  }

  private list(slot: Slot, first: number, depth: number, level: number): void {
    if (first !== 0x5b) this.expected('a list')
    this.pos++
    let c = this.peek()
    if (c === 0x5d) {
      this.pos++
      return
    }
    const isPacked = slot.kind >= Kind.bool
    let mark = 0
    if (isPacked) {
      this.out.uint32(slot.tag)
      mark = this.out.open()
    }
    for (let i = 0; ; i++) {
      this.indexes[level] = i
      if (isPacked) this.number(slot, c)
      else if (c === 0x6e && slot.kind === Kind.message) this.empty(slot)
      else this.value(slot, c, depth)
      c = this.peek()
      this.pos++
      if (c === 0x2c) {
        c = this.peek()
        continue
      }
      if (c === 0x5d) break
      this.pos--
      this.expected('a comma or a closing bracket')
    }
    if (isPacked) this.out.close(mark)
  }

  /** A null in a list of messages. */
  private empty(slot: Slot): void {
    this.literal('null')
    this.out.uint32(slot.tag)
    this.out.uint32(0)
  }

  /** One value with its tag. */
  private value(slot: Slot, c: number, depth: number): void {
    switch (slot.kind) {
      case Kind.message:
        this.message(slot, c, depth)
        break
      case Kind.string:
        this.string(c)
        if (this.strEnd === this.strStart && slot.implicit) break
        this.out.uint32(slot.tag)
        this.out.bytes(this.strBuf, this.strStart, this.strEnd)
        break
      case Kind.hex:
        this.string(c)
        if (this.strEnd > this.strStart) this.hex(slot)
        break
      case Kind.base64:
        this.string(c)
        this.base64(slot)
        break
      default:
        this.number(slot, c)
    }
  }

  private message(slot: Slot, c: number, depth: number): void {
    const plan = slot.plan as Plan
    const below = depth + plan.nests
    if (below > MAX_VALUE_DEPTH) this.fail(`values are nested deeper than ${MAX_VALUE_DEPTH}`)
    this.enter(c)
    const out = this.out
    const guess = plan.guess
    out.uint32(slot.tag)
    const mark = out.open(guess)
    this.fields(plan, below)
    const need = varintSize(out.pos - mark)
    out.close(mark, guess)
    plan.guess = need
  }

  /** An opening brace. */
  private enter(c: number): void {
    if ((c === 0 ? this.peek() : c) !== 0x7b) this.expected('an object')
    this.pos++
  }

  /** The slot of the name whose quote is next; undefined for names that the table does not have. */
  private name(plan: Plan): Slot | undefined {
    const text = this.text
    const start = this.pos + 1
    let pos = start
    while (pos < this.end && STOP[text[pos] as number] === 0) pos++
    if (pos >= this.end || text[pos] !== 0x22) {
      this.string(0x22)
      return plan.byName.get(Buffer.from(this.strBuf.subarray(this.strStart, this.strEnd)).toString('utf8'))
    }
    this.pos = pos + 1
    const length = pos - start
    if (length === 0) return undefined
    const slot = plan.table[slotIndex(plan.factors, text, start, length)]
    if (slot === undefined || slot.key.length !== length) return undefined
    const key = slot.key
    for (let i = 0; i < length; i++) if (key[i] !== text[start + i]) return undefined
    return slot
  }

  /** Reads a string into `strBuf[strStart..strEnd)`, unescaped. */
  private string(c: number): void {
    if (c !== 0x22) this.expected('a string')
    const text = this.text
    const end = this.end
    const start = this.pos + 1
    let pos = start
    while (pos < end && STOP[text[pos] as number] === 0) pos++
    this.pos = pos
    if (pos >= end) this.fail('the text ends in a string')
    if (text[pos] === 0x22) {
      this.pos = pos + 1
      this.strBuf = text
      this.strStart = start
      this.strEnd = pos
      return
    }
    this.escaped(start)
  }

  /** A string that begins at `start` and has an escape (or a control character) at `pos`. */
  private escaped(start: number): void {
    const { text, end } = this
    let from = start
    let n = 0
    for (;;) {
      let pos = from
      while (pos < end && STOP[text[pos] as number] === 0) pos++
      this.room(n + pos - from + 4)
      for (let i = from; i < pos; i++) this.scratch[n++] = text[i] as number
      this.pos = pos
      if (pos >= end) this.fail('the text ends in a string')
      if (text[pos] === 0x22) break
      if (text[pos] !== 0x5c) this.fail('a control character in a string')
      n = this.escape(n)
      from = this.pos
    }
    this.pos++
    this.strBuf = this.scratch
    this.strStart = 0
    this.strEnd = n
  }

  private room(n: number): void {
    if (n <= this.scratch.length) return
    const grown = Buffer.allocUnsafe(n * 2)
    this.scratch.copy(grown)
    this.scratch = grown
  }

  /** One escape, written at `n`; the new length. */
  private escape(n: number): number {
    const c = this.pos + 1 < this.end ? (this.text[this.pos + 1] as number) : 0
    if (c !== 0x75) {
      const plain = unescaped(c)
      if (plain < 0) this.fail('an escape that JSON does not have')
      this.scratch[n] = plain
      this.pos += 2
      return n + 1
    }
    let unit = this.unit()
    this.pos += 6
    if (unit >= 0xd800 && unit <= 0xdbff && this.text[this.pos] === 0x5c && this.text[this.pos + 1] === 0x75) {
      const low = this.unit()
      if (low >= 0xdc00 && low <= 0xdfff) {
        unit = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff)
        this.pos += 6
      }
    }
    return putUtf8(this.scratch, n, unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit)
  }

  /** The four hex digits of the escape at `pos`. */
  private unit(): number {
    if (this.pos + 6 > this.end) this.fail('the text ends in a string')
    let unit = 0
    for (let i = 2; i < 6; i++) {
      const digit = HEX[this.text[this.pos + i] as number] as number
      if (digit === 0xff) this.fail('an escape that JSON does not have')
      unit = unit * 16 + digit
    }
    return unit
  }

  private hex(slot: Slot): void {
    const { strBuf, strStart, strEnd, out } = this
    const length = strEnd - strStart
    for (let i = strStart; i < strEnd; i++) {
      if (HEX[strBuf[i] as number] === 0xff) this.fail('an id that is not hexadecimal')
    }
    out.uint32(slot.tag)
    if (length % 2 === 1) {
      out.uint32(1)
      out.uint32(0)
      return
    }
    out.uint32(length / 2)
    out.ensure(length / 2)
    const buf = out.buf
    let pos = out.pos
    for (let i = strStart; i < strEnd; i += 2) {
      buf[pos++] = ((HEX[strBuf[i] as number] as number) << 4) | (HEX[strBuf[i + 1] as number] as number)
    }
    out.pos = pos
  }

  /** Standard or URL-safe alphabet, padded or not. */
  private base64(slot: Slot): void {
    const { strBuf, strStart, out } = this
    let end = this.strEnd
    while (end > strStart && strBuf[end - 1] === 0x3d && this.strEnd - end < 2) end--
    const length = end - strStart
    const isPadded = end < this.strEnd
    if (length % 4 === 1 || (isPadded && (this.strEnd - strStart) % 4 !== 0)) this.fail('bytes that are not base64')
    const n = Math.floor((length * 3) / 4)
    if (n === 0 && slot.implicit) return
    out.uint32(slot.tag)
    out.uint32(n)
    out.ensure(n)
    let bits = 0
    let held = 0
    for (let i = strStart; i < end; i++) {
      const digit = BASE64[strBuf[i] as number] as number
      if (digit === 0xff) this.fail('bytes that are not base64')
      bits = ((bits << 6) | digit) & 0xffff
      held += 6
      if (held < 8) continue
      held -= 8
      out.buf[out.pos++] = bits >>> held
    }
  }

  /** A number or bool: with its tag, or without as an element of a packed list. */
  private number(slot: Slot, c: number): void {
    const out = this.out
    if (slot.kind === Kind.double) {
      const value = this.double(c)
      if (this.begins(slot, value === 0 && !Object.is(value, -0))) out.double(value)
      return
    }
    if (slot.kind === Kind.bool) {
      if (c !== 0x74 && c !== 0x66) this.expected('true or false')
      this.literal(c === 0x74 ? 'true' : 'false')
      if (this.begins(slot, c === 0x66)) out.uint32(c === 0x74 ? 1 : 0)
      return
    }
    this.integer(slot.kind, c)
    const { lo, hi } = this
    if (!this.begins(slot, lo === 0 && hi === 0)) return
    switch (slot.kind) {
      case Kind.fixed64:
      case Kind.sfixed64:
        out.fixed64(lo, hi)
        break
      case Kind.fixed32:
        out.fixed32(lo)
        break
      case Kind.sint32:
        out.uint32(zigzag(lo | 0))
        break
      default:
        out.varint64(lo, hi)
    }
  }

  /** Writes the tag; false when the value needs no writing. */
  private begins(slot: Slot, isDefault: boolean): boolean {
    if (slot.repeated) return true
    if (isDefault && slot.implicit) return false
    this.out.uint32(slot.tag)
    return true
  }

  /** An integer into `lo`, `hi`, within the range of its kind. */
  private integer(kind: number, c: number): void {
    if (c === 0x22 && kind !== Kind.enum) {
      this.string(c)
      // Numbers in strings are numbers: no spaces, no other notation.
      const stop = this.integerAt(this.strBuf, this.strStart, this.strEnd)
      if (stop !== this.strEnd) this.fail('a string that is not an integer')
    } else {
      if (c !== 0x2d && !isDigit(c))
        this.expected(kind === Kind.enum ? 'an integer (enum names are not OTLP)' : 'an integer')
      this.pos = this.integerAt(this.text, this.pos, this.end)
    }
    if (!this.fits(kind)) this.fail('an integer out of range')
    if (!this.isNegative) return
    this.hi = (~this.hi + (this.lo === 0 ? 1 : 0)) >>> 0
    this.lo = -this.lo >>> 0
  }

  /** Reads the magnitude and the sign; where the number ends. */
  private integerAt(buf: Uint8Array, start: number, end: number): number {
    let pos = start
    this.isNegative = pos < end && buf[pos] === 0x2d
    if (this.isNegative) pos++
    const first = pos
    // Twenty digits are the most that 64 bits have; two halves of ten are exact as doubles.
    let head = 0
    let tail = 0
    let power = 1
    let c = 0
    while (pos < end && isDigit((c = buf[pos] as number))) {
      const count = pos - first
      if (count < 10) head = head * 10 + c - 48
      else {
        tail = tail * 10 + c - 48
        power *= 10
      }
      pos++
      if (count >= 20) return this.wholeAt(buf, start, end)
    }
    if (pos === first || (pos - first > 1 && buf[first] === 0x30)) this.fail('a number that JSON does not have')
    if (pos < end && (c === 0x2e || c === 0x65 || c === 0x45)) return this.wholeAt(buf, start, end)
    this.setProduct(head, power, tail)
    return pos
  }

  /** lo, hi = head * power + tail, exactly; all below 10^10, or hi is too large to fit. */
  private setProduct(head: number, power: number, tail: number): void {
    if (power === 1) {
      this.lo = head >>> 0
      this.hi = Math.floor(head / 4294967296)
      return
    }
    const high = Math.floor(head / 65536) * power
    const low = (head % 65536) * power + tail
    const sum = (high % 65536) * 65536 + low
    this.lo = sum >>> 0
    this.hi = Math.floor(high / 65536) + Math.floor(sum / 4294967296)
  }

  /** A number with fraction or exponent (or many digits) whose value is whole. */
  private wholeAt(buf: Uint8Array, start: number, end: number): number {
    const stop = this.numberEnd(buf, start, end)
    const text = ascii(buf, this.isNegative ? start + 1 : start, stop).toLowerCase()
    const [mantissa = '', exponent = '0'] = text.split('e')
    const [whole = '', fraction = ''] = mantissa.split('.')
    const digits = whole + fraction
    let from = 0
    while (from < digits.length && digits.charCodeAt(from) === 0x30) from++
    let to = digits.length
    while (to > from && digits.charCodeAt(to - 1) === 0x30) to--
    this.lo = this.hi = 0
    if (from === to) return stop
    const zeros = Number(exponent) - fraction.length + (digits.length - to)
    if (zeros < 0) this.fail('an integer with a fraction')
    if (to - from + zeros > 20) this.fail('an integer out of range')
    const value = BigInt(digits.slice(from, to) + '0'.repeat(zeros))
    this.lo = Number(value & 0xffffffffn)
    this.hi = Number(value >> 32n)
    return stop
  }

  private fits(kind: number): boolean {
    const { lo, hi, isNegative } = this
    switch (kind) {
      case Kind.uint64:
      case Kind.fixed64:
        return hi <= 0xffffffff && (!isNegative || (lo === 0 && hi === 0))
      case Kind.int64:
      case Kind.sfixed64:
        return hi < 0x80000000 || (isNegative && hi === 0x80000000 && lo === 0)
      case Kind.uint32:
      case Kind.fixed32:
        return hi === 0 && (!isNegative || lo === 0)
      default:
        return hi === 0 && lo <= (isNegative ? 0x80000000 : 0x7fffffff)
    }
  }

  private double(c: number): number {
    if (c !== 0x22) {
      if (c !== 0x2d && !isDigit(c)) this.expected('a number')
      const start = this.pos
      this.pos = this.numberEnd(this.text, start, this.end)
      return this.doubleOf(this.text, start, this.pos)
    }
    this.string(c)
    const { strBuf, strStart, strEnd } = this
    const first = strStart < strEnd ? (strBuf[strStart] as number) : 0
    const last = strStart < strEnd ? (strBuf[strEnd - 1] as number) : 0
    if (!isDigit(last)) return this.named(strEnd - strStart <= 9 ? ascii(strBuf, strStart, strEnd) : '')
    if (first !== 0x2d && !isDigit(first)) this.fail('a string that is not a number')
    if (this.numberEnd(strBuf, strStart, strEnd) !== strEnd) this.fail('a string that is not a number')
    return this.doubleOf(strBuf, strStart, strEnd)
  }

  private named(name: string): number {
    if (name === 'NaN') return Number.NaN
    if (name === 'Infinity') return Number.POSITIVE_INFINITY
    if (name === '-Infinity') return Number.NEGATIVE_INFINITY
    return this.fail('a string that is not a number')
  }

  /** The value of a number whose notation was checked. */
  private doubleOf(buf: Uint8Array, start: number, end: number): number {
    // At most 15 digits and a power of ten up to 22 are exact as doubles, so that one division rounds rightly.
    if (end - start <= 17) {
      let mantissa = 0
      let point = -1
      let pos = start + (buf[start] === 0x2d ? 1 : 0)
      for (; pos < end; pos++) {
        const c = buf[pos] as number
        if (c === 0x2e) point = pos
        else if (isDigit(c)) mantissa = mantissa * 10 + c - 48
        else break
      }
      if (pos === end && mantissa < 1e15) {
        const value = point < 0 ? mantissa : mantissa / (POWERS[end - 1 - point] as number)
        return buf[start] === 0x2d ? -value : value
      }
    }
    const value = Number(ascii(buf, start, end))
    if (!Number.isFinite(value)) this.fail('a number out of range')
    return value
  }

  /** Checks the notation of a number (RFC 8259 section 6); where it ends. */
  private numberEnd(buf: Uint8Array, start: number, end: number): number {
    let pos = start
    if (pos < end && buf[pos] === 0x2d) pos++
    const first = pos
    pos = digitsEnd(buf, pos, end)
    let isNumber = pos > first && (buf[first] !== 0x30 || pos === first + 1)
    if (pos < end && buf[pos] === 0x2e) {
      const from = pos + 1
      pos = digitsEnd(buf, from, end)
      isNumber &&= pos > from
    }
    if (pos < end && (buf[pos] === 0x65 || buf[pos] === 0x45)) {
      pos++
      if (pos < end && (buf[pos] === 0x2b || buf[pos] === 0x2d)) pos++
      const from = pos
      pos = digitsEnd(buf, from, end)
      isNumber &&= pos > from
    }
    if (!isNumber) this.fail('a number that JSON does not have')
    return pos
  }

  private literal(word: 'true' | 'false' | 'null'): void {
    for (let i = 0; i < word.length; i++) {
      if (this.pos + i >= this.end || this.text[this.pos + i] !== word.charCodeAt(i)) this.expected('a value')
    }
    this.pos += word.length
  }

  /** Passes over a value of an unknown name, checking that it is JSON. */
  private skip(c: number): void {
    let depth = 0
    // The closing bracket of each container that is open.
    const closers: number[] = []
    for (;;) {
      if (c === 0x7b || c === 0x5b) {
        if (++depth > MAX_SKIP_DEPTH) this.fail(`unknown JSON is nested deeper than ${MAX_SKIP_DEPTH}`)
        closers.push(c + 2)
        this.pos++
        const next = this.peek()
        if (next !== c + 2) {
          c = c === 0x7b ? this.skipName(next) : next
          continue
        }
      } else this.skipScalar(c)
      // Behind a value, or before the closing bracket of an empty container.
      for (;;) {
        if (depth === 0) return
        c = this.peek()
        if (c === closers[depth - 1]) {
          this.pos++
          closers.length = --depth
        } else break
      }
      if (c !== 0x2c) this.expected('a comma or a closing bracket')
      this.pos++
      c = closers[depth - 1] === 0x7d ? this.skipName(this.peek()) : this.peek()
    }
  }

  /** A name and its colon; what follows. */
  private skipName(c: number): number {
    if (c !== 0x22) this.expected('a name')
    this.string(c)
    if (this.peek() !== 0x3a) this.expected('a colon')
    this.pos++
    return this.peek()
  }

  private skipScalar(c: number): void {
    if (c === 0x22) this.string(c)
    else if (c === 0x2d || isDigit(c)) this.pos = this.numberEnd(this.text, this.pos, this.end)
    else if (c === 0x74) this.literal('true')
    else if (c === 0x66) this.literal('false')
    else if (c === 0x6e) this.literal('null')
    else this.expected('a value')
  }

  /** The next byte that is not white space, not yet consumed; 0 at the end. */
  private peek(): number {
    const text = this.text
    let pos = this.pos
    while (pos < this.end) {
      const c = text[pos] as number
      if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) {
        this.pos = pos
        return c
      }
      pos++
    }
    this.pos = pos
    return 0
  }

  private expected(what: string): never {
    return this.fail(this.pos >= this.end ? `the text ends before ${what}` : `${what} was expected`)
  }

  private fail(why: string): never {
    throw new OtlpJsonError(why, this.pos, this.path())
  }

  private path(): string {
    let path = ''
    for (let i = 0; i < this.level; i++) {
      const slot = this.slots[i]
      const index = this.indexes[i] as number
      // A name that the protocol does not have is the sender's text.
      path += `${i === 0 ? '' : '.'}${slot === undefined ? '?' : slot.field.json}${index >= 0 ? `[${index}]` : ''}`
    }
    return path
  }
}

const reader = new JsonReader()

function alphabet(digits: string): Uint8Array {
  const table = new Uint8Array(256).fill(0xff)
  for (let i = 0; i < digits.length; i++) table[digits.charCodeAt(i)] = i
  return table
}

function unescaped(c: number): number {
  switch (c) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return c
    case 0x62:
      return 8
    case 0x66:
      return 12
    case 0x6e:
      return 10
    case 0x72:
      return 13
    case 0x74:
      return 9
    default:
      return -1
  }
}

function putUtf8(buf: Uint8Array, n: number, point: number): number {
  if (point < 0x80) {
    buf[n++] = point
    return n
  }
  if (point < 0x800) buf[n++] = 0xc0 | (point >> 6)
  else {
    if (point < 0x10000) buf[n++] = 0xe0 | (point >> 12)
    else {
      buf[n++] = 0xf0 | (point >> 18)
      buf[n++] = 0x80 | ((point >> 12) & 63)
    }
    buf[n++] = 0x80 | ((point >> 6) & 63)
  }
  buf[n++] = 0x80 | (point & 63)
  return n
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39
}

function digitsEnd(buf: Uint8Array, pos: number, end: number): number {
  while (pos < end && isDigit(buf[pos] as number)) pos++
  return pos
}

function ascii(buf: Uint8Array, start: number, end: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1')
}
