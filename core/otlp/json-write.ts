// Protobuf bytes to OTLP/JSON, straight from the bytes: one line, lowerCamelCase names in the order of the table, 64-bit
// integers as decimal strings, ids in lower-case hex, other bytes in base64, enums as integers, NaN and Infinity as
// strings, defaults left out (opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding").
//
// What decoders of protobuf do, this does: the last of a scalar counts, singular messages that come twice are merged,
// the last member of a oneof counts, repeated numbers may be packed or not, a known number with a foreign wire type is
// unknown. Unknown fields have no name and are left out.
//
// Each message is scanned once to see where its fields are; lists are scanned again from their first to their last
// entry. So the memory beside the output is a few numbers for each level of nesting.

import { isUtf8 } from 'node:buffer'
import { Kind, kindOf, wireOf } from './kinds.js'
import { MESSAGES, REQUEST_MESSAGE } from './schema.js'
import type { Signal } from './signal.js'
import { MAX_VALUE_DEPTH, signedOf, unzigzag, WireError, WireReader, WireType } from './wire.js'

/** Output buffers above this size are not kept for the next request. */
const KEEP_BYTES = 4 << 20

/**
 * Translates an encoded request to OTLP/JSON. Invalid UTF-8 becomes U+FFFD. Throws WireError when the bytes are not
 * protobuf or values are nested deeper than MAX_VALUE_DEPTH.
 */
export function protobufToJson(signal: Signal, bytes: Uint8Array): string {
  return writer.write(PLANS[signal], bytes)
}

/** The same as bytes of UTF-8, without the way over a string where that is possible. */
export function protobufToJsonBytes(signal: Signal, bytes: Uint8Array): Buffer {
  return writer.bytes(PLANS[signal], bytes)
}

interface Slot {
  readonly index: number
  readonly number: number
  readonly kind: number
  readonly repeated: boolean
  /** 0, false and empty are not written. */
  readonly implicit: boolean
  readonly wire: number
  /** `"name":` */
  readonly label: Uint8Array
  /** Indexes of the other members of its oneof. */
  readonly rivals: readonly number[]
  plan: Plan | undefined
}

interface Plan {
  readonly nests: number
  readonly slots: readonly Slot[]
  readonly byNumber: readonly (Slot | undefined)[]
}

const BY_NAME = new Map<string, Plan>()

const PLANS: Readonly<Record<Signal, Plan>> = {
  traces: planOf(REQUEST_MESSAGE.traces),
  metrics: planOf(REQUEST_MESSAGE.metrics),
  logs: planOf(REQUEST_MESSAGE.logs)
}

const DIGITS = Buffer.from('0123456789abcdef')
// 0: as it is; else the letter of its short escape, 'u' for the long one.
const ESCAPE = new Uint8Array(256).map((_, c) => (c < 0x20 ? 0x75 : c === 0x22 || c === 0x5c ? c : 0))
for (const pair of ['\bb', '\tt', '\nn', '\ff', '\rr']) ESCAPE[pair.charCodeAt(0)] = pair.charCodeAt(1)

class JsonWriter {
  private out = Buffer.allocUnsafe(1 << 16)
  private pos = 0
  // Per level of nesting and slot: where the first field begins, start and stop of the last one's payload; -1 = none.
  private readonly frames: Int32Array[] = []
  private readonly readers: WireReader[] = []

  write(plan: Plan, bytes: Uint8Array): string {
    return this.run(plan, bytes, () => this.out.toString('utf8', 0, this.pos))
  }

  bytes(plan: Plan, bytes: Uint8Array): Buffer {
    return this.run(plan, bytes, () => {
      const json = this.out.subarray(0, this.pos)
      return isUtf8(json) ? Buffer.from(json) : Buffer.from(json.toString('utf8'))
    })
  }

  private run<T>(plan: Plan, bytes: Uint8Array, result: () => T): T {
    this.pos = 0
    try {
      this.message(plan, bytes, 0, bytes.length, 0, 0)
      return result()
    } finally {
      for (const reader of this.readers) reader.reset(NOTHING, 0, 0)
      if (this.out.length > KEEP_BYTES) this.out = Buffer.allocUnsafe(1 << 16)
    }
  }

  private message(plan: Plan, buf: Uint8Array, start: number, end: number, level: number, depth: number): void {
    const below = depth + plan.nests
    if (below > MAX_VALUE_DEPTH) throw new WireError('OTLP_DEPTH', start)
    const frame = this.scan(plan, buf, start, end, level)
    this.ensure(2)
    this.out[this.pos++] = 0x7b
    let isFirst = true
    for (const slot of plan.slots) {
      const first = frame[slot.index * 3] as number
      if (first < 0) continue
      const before = this.pos
      this.ensure(slot.label.length + 1)
      if (!isFirst) this.out[this.pos++] = 0x2c
      this.label(slot.label)
      const last = frame[slot.index * 3 + 2] as number
      const isWritten = slot.repeated
        ? this.list(slot, buf, first, last, level, below)
        : this.single(slot, buf, first, frame[slot.index * 3 + 1] as number, last, level, below)
      if (isWritten) isFirst = false
      else this.pos = before
    }
    this.ensure(1)
    this.out[this.pos++] = 0x7d
  }

  private label(label: Uint8Array): void {
    const out = this.out
    let pos = this.pos
    for (let i = 0; i < label.length; i++) out[pos++] = label[i] as number
    this.pos = pos
  }

  /** Notes where each known field begins and ends. */
  private scan(plan: Plan, buf: Uint8Array, start: number, end: number, level: number): Int32Array {
    const frame = (this.frames[level] ??= new Int32Array(16 * 3)).fill(-1, 0, plan.slots.length * 3)
    const r = this.reader(level, buf, start, end)
    while (r.next()) {
      const slot = slotFor(plan, r)
      if (slot === undefined) continue
      const at = slot.index * 3
      if ((frame[at] as number) < 0) frame[at] = r.at
      frame[at + 1] = r.start
      frame[at + 2] = r.stop
      for (const rival of slot.rivals) frame[rival * 3] = -1
    }
    return frame
  }

  private reader(level: number, buf: Uint8Array, start: number, end: number): WireReader {
    const known = this.readers[level]
    if (known !== undefined) return known.reset(buf, start, end)
    const fresh = new WireReader(buf, start, end)
    this.readers[level] = fresh
    return fresh
  }

  /** False when nothing is to be written: a default. */
  private single(
    slot: Slot,
    buf: Uint8Array,
    first: number,
    start: number,
    stop: number,
    level: number,
    depth: number
  ): boolean {
    if (slot.kind !== Kind.message) return this.scalar(slot, buf, start, stop)
    const plan = slot.plan as Plan
    const parts = this.parts(slot, buf, first, stop, level)
    // Protobuf merges messages by concatenation.
    if (parts === undefined) this.message(plan, buf, start, stop, level + 1, depth)
    else this.message(plan, parts, 0, parts.length, level + 1, depth)
    return true
  }

  /** All payloads of a singular message together; undefined when it came once. */
  private parts(slot: Slot, buf: Uint8Array, first: number, stop: number, level: number): Buffer | undefined {
    const r = this.reader(level, buf, first, stop)
    r.next()
    if (r.pos === stop) return undefined
    const parts = [buf.subarray(r.start, r.stop)]
    while (r.next()) if (r.field === slot.number && r.wire === slot.wire) parts.push(buf.subarray(r.start, r.stop))
    return parts.length === 1 ? undefined : Buffer.concat(parts)
  }

  private list(slot: Slot, buf: Uint8Array, first: number, stop: number, level: number, depth: number): boolean {
    this.ensure(1)
    this.out[this.pos++] = 0x5b
    const opened = this.pos
    let at = first
    while (at < stop) {
      const r = this.reader(level, buf, at, stop)
      r.next()
      at = r.pos
      if (r.field !== slot.number) continue
      const { start, stop: end } = r
      if (slot.kind >= Kind.bool) {
        if (r.wire === WireType.bytes) this.packed(slot, buf, start, end)
        else if (r.wire === slot.wire) this.element(slot, buf, start, end)
      } else if (r.wire === slot.wire) {
        if (slot.kind !== Kind.message) this.element(slot, buf, start, end)
        else {
          this.comma()
          this.message(slot.plan as Plan, buf, start, end, level + 1, depth)
        }
      }
    }
    if (this.pos === opened) return false
    this.ensure(1)
    this.out[this.pos++] = 0x5d
    return true
  }

  private packed(slot: Slot, buf: Uint8Array, start: number, end: number): void {
    const width = slot.wire === WireType.fixed64 ? 8 : slot.wire === WireType.fixed32 ? 4 : 0
    const r = new WireReader(buf, start, end)
    while (r.pos < end) {
      const from = r.pos
      if (width === 0) r.skipVarint()
      else if (end - from < width) throw new WireError('OTLP_TRUNCATED', from)
      else r.pos += width
      this.element(slot, buf, from, r.pos)
    }
  }

  private element(slot: Slot, buf: Uint8Array, start: number, end: number): void {
    this.comma()
    this.scalar(slot, buf, start, end)
  }

  private comma(): void {
    this.ensure(1)
    if (this.out[this.pos - 1] !== 0x5b) this.out[this.pos++] = 0x2c
  }

  /** The value of a scalar; false (and nothing written) when it is a default. */
  private scalar(slot: Slot, buf: Uint8Array, start: number, stop: number): boolean {
    switch (slot.kind) {
      case Kind.string:
        if (start === stop && slot.implicit) return false
        this.string(buf, start, stop)
        return true
      case Kind.hex:
        if (start === stop) return false
        this.hex(buf, start, stop)
        return true
      case Kind.base64:
        if (start === stop && slot.implicit) return false
        this.ascii(`"${Buffer.from(buf.buffer, buf.byteOffset + start, stop - start).toString('base64')}"`)
        return true
      default:
        return this.number(slot, buf, start, stop)
    }
  }

  private number(slot: Slot, buf: Uint8Array, start: number, stop: number): boolean {
    const r = NUMBER.reset(buf, start, stop)
    if (slot.wire === WireType.varint) r.varint()
    else if (slot.wire === WireType.fixed64) r.fixed64()
    else {
      r.lo = r.fixed32()
      r.hi = 0
    }
    if (slot.implicit && r.lo === 0 && r.hi === 0) return false
    this.ensure(32)
    switch (slot.kind) {
      case Kind.bool:
        this.ascii(r.lo === 0 && r.hi === 0 ? 'false' : 'true')
        break
      case Kind.enum:
      case Kind.int32:
        this.ascii(String(r.lo | 0))
        break
      case Kind.sint32:
        this.ascii(String(unzigzag(r.lo)))
        break
      case Kind.uint32:
      case Kind.fixed32:
        this.ascii(String(r.lo))
        break
      case Kind.double:
        r.pos = start
        this.double(r.double())
        break
      case Kind.int64:
      case Kind.sfixed64:
        if (r.hi >= 0x80000000) this.ascii(`"${signedOf(r.lo, r.hi)}"`)
        else this.decimal(r.lo, r.hi)
        break
      default:
        this.decimal(r.lo, r.hi)
    }
    return true
  }

  private double(value: number): void {
    if (Number.isFinite(value)) this.ascii(Object.is(value, -0) ? '-0' : String(value))
    else this.ascii(Number.isNaN(value) ? '"NaN"' : value > 0 ? '"Infinity"' : '"-Infinity"')
  }

  /** An unsigned 64-bit number as decimal string, without a BigInt: there are two of them in every span. */
  private decimal(lo: number, hi: number): void {
    if (hi === 0) {
      this.ascii(`"${lo}"`)
      return
    }
    // The quotient by 10^9 may be one off, as the double it comes from is rounded; the low 32 bits of the rest show it.
    let upper = Math.floor((hi * 4294967296 + lo) / 1e9)
    let rest = (lo - Math.imul(upper >>> 0, 1e9)) | 0
    if (rest < 0) {
      upper--
      rest += 1e9
    } else if (rest >= 1e9) {
      upper++
      rest -= 1e9
    }
    this.ascii(`"${upper}`)
    this.ensure(10)
    for (let i = 8; i >= 0; i--) {
      this.out[this.pos + i] = 0x30 + (rest % 10)
      rest = (rest / 10) | 0
    }
    this.out[this.pos + 9] = 0x22
    this.pos += 10
  }

  private ascii(text: string): void {
    this.ensure(text.length)
    const out = this.out
    if (text.length > 32) {
      this.pos += out.write(text, this.pos, 'latin1')
      return
    }
    for (let i = 0; i < text.length; i++) out[this.pos++] = text.charCodeAt(i)
  }

  private hex(buf: Uint8Array, start: number, stop: number): void {
    this.ensure((stop - start) * 2 + 2)
    const out = this.out
    let pos = this.pos
    out[pos++] = 0x22
    for (let i = start; i < stop; i++) {
      const byte = buf[i] as number
      out[pos++] = DIGITS[byte >> 4] as number
      out[pos++] = DIGITS[byte & 15] as number
    }
    out[pos++] = 0x22
    this.pos = pos
  }

  /** Bytes that are not UTF-8 go as they are: the decoding of the whole output replaces them. */
  private string(buf: Uint8Array, start: number, stop: number): void {
    // An escape takes six bytes at most.
    this.ensure(stop - start + 8)
    let out = this.out
    let pos = this.pos
    out[pos++] = 0x22
    for (let i = start; i < stop; i++) {
      const c = buf[i] as number
      const letter = ESCAPE[c] as number
      if (letter === 0) {
        out[pos++] = c
        continue
      }
      this.pos = pos
      this.ensure(stop - i + 8)
      out = this.out
      out[pos++] = 0x5c
      out[pos++] = letter
      if (letter !== 0x75) continue
      out[pos++] = 0x30
      out[pos++] = 0x30
      out[pos++] = DIGITS[c >> 4] as number
      out[pos++] = DIGITS[c & 15] as number
    }
    out[pos++] = 0x22
    this.pos = pos
  }

  private ensure(n: number): void {
    if (this.out.length - this.pos >= n) return
    const grown = Buffer.allocUnsafe(Math.max(this.out.length * 2, this.pos + n))
    this.out.copy(grown, 0, 0, this.pos)
    this.out = grown
  }
}

const NOTHING = Buffer.alloc(0)
const NUMBER = new WireReader(NOTHING)
const writer = new JsonWriter()

/** The slot of the reader's field, when number and wire type are known. */
function slotFor(plan: Plan, r: WireReader): Slot | undefined {
  const slot = plan.byNumber[r.field]
  if (slot === undefined || r.wire === slot.wire) return slot
  return slot.repeated && slot.kind >= Kind.bool && r.wire === WireType.bytes ? slot : undefined
}

function planOf(name: string): Plan {
  const known = BY_NAME.get(name)
  if (known !== undefined) return known
  const fields = MESSAGES.get(name)?.fields ?? []
  const slots = fields.map((field, index): Slot => {
    const kind = kindOf(field)
    return {
      index,
      number: field.number,
      kind,
      repeated: field.repeated,
      implicit: !field.repeated && field.oneof === undefined,
      wire: wireOf(kind, false),
      label: Buffer.from(`"${field.json}":`),
      rivals: fields.flatMap((f, i) => (f !== field && f.oneof !== undefined && f.oneof === field.oneof ? [i] : [])),
      plan: undefined
    }
  })
  const byNumber: (Slot | undefined)[] = Array(32).fill(undefined)
  for (const slot of slots) byNumber[slot.number] = slot
  const plan: Plan = { nests: name === 'AnyValue' ? 1 : 0, slots, byNumber }
  BY_NAME.set(name, plan)
  for (const [i, field] of fields.entries()) {
    if (field.message !== undefined) (slots[i] as Slot).plan = planOf(field.message)
  }
  return plan
}
