// Requests as plain objects, and back, for those who want them: exporters to other formats, custom components. Who can
// work on the bytes should; this costs many times as much.
//
// The objects have the JSON names. Scalars, lists and ids are always there (0, 0n, false, '', empty) so that objects of
// one type have one shape; messages and members of a oneof that are not set are undefined. 64-bit integers are bigints
// and bytes are Buffers that own their memory. Values of attributes and bodies are plain JavaScript values (`Value`).
// Unknown fields are not kept, and a whole double becomes an integer when a value is encoded again: for anything that
// must come out as it went in, pass the bytes on.

import type { Decoded, Encodable, Value, ValueMap } from './decoded.js'
import { Kind, kindOf, wireOf } from './kinds.js'
import { MESSAGES, REQUEST_MESSAGE } from './schema.js'
import type { Signal } from './signal.js'
import {
  MAX_VALUE_DEPTH,
  signedOf,
  unsignedOf,
  unzigzag,
  WireError,
  WireReader,
  WireType,
  WireWriter,
  zigzag
} from './wire.js'

export type * from './decoded.js'

/** Decodes a request. Throws WireError when the bytes are not protobuf or values are nested too deep. */
export function decodeRequest<S extends Signal>(signal: S, bytes: Buffer): Decoded[S] {
  return readMessage(PLANS[signal], bytes, 0, bytes.length, { ...PLANS[signal].empty }) as unknown as Decoded[S]
}

/** Encodes a request; implicit defaults are left out. Throws WireError (OTLP_DEPTH) when values are nested too deep. */
export function encodeRequest<S extends Signal>(signal: S, request: Encodable<Decoded[S]>): Buffer {
  const w = new WireWriter()
  writeMessage(w, PLANS[signal], request as Loose)
  return w.finish()
}

/** Reads the AnyValue at `buf[start..end)`. Throws WireError. */
export function readAnyValue(buf: Buffer, start = 0, end = buf.length, depth = 1): Value {
  if (depth > MAX_VALUE_DEPTH) throw new WireError('OTLP_DEPTH', start)
  const r = new WireReader(buf, start, end)
  let value: Value
  // Of a oneof the last member counts.
  while (r.next()) {
    const { field, wire } = r
    if (wire === WireType.bytes) {
      if (field === 1) value = buf.toString('utf8', r.start, r.stop)
      else if (field === 5) value = readArray(buf, r.start, r.stop, depth + 1)
      else if (field === 6) value = readMap(buf, r.start, r.stop, depth + 1)
      else if (field === 7) value = Buffer.from(buf.subarray(r.start, r.stop))
    } else if (wire === WireType.varint && (field === 2 || field === 3)) {
      NUMBER.reset(buf, r.start, r.stop).varint()
      value = field === 3 ? safeInt(NUMBER.lo, NUMBER.hi) : NUMBER.lo !== 0 || NUMBER.hi !== 0
    } else if (wire === WireType.fixed64 && field === 4) value = NUMBER.reset(buf, r.start, r.stop).double()
  }
  return value
}

/**
 * Encodes a JavaScript value as AnyValue: whole safe numbers and bigints as int64 (bigints beyond it as decimal text),
 * other numbers as double, Buffers and other byte arrays as bytes, Maps and plain objects as key-value list, dates as
 * ISO text, everything else as an empty value. Throws WireError (OTLP_DEPTH) when nested deeper than MAX_VALUE_DEPTH.
 */
export function encodeAnyValue(value: unknown): Buffer {
  const w = new WireWriter(256)
  writeAnyValue(w, value, 1)
  return w.finish()
}

type Loose = { [name: string]: unknown }

interface Slot {
  readonly name: string
  readonly number: number
  readonly kind: number
  readonly wire: number
  readonly tag: number
  readonly repeated: boolean
  readonly implicit: boolean
  readonly rivals: readonly string[]
  /** Of messages; undefined for AnyValue, which is read as a value. */
  plan: Plan | undefined
}

interface Plan {
  /** What an empty message decodes to. */
  readonly empty: Loose
  readonly slots: readonly Slot[]
  readonly byNumber: readonly (Slot | undefined)[]
}

const NUMBER = new WireReader(Buffer.alloc(0))
const EMPTY = Buffer.alloc(0)
const EMPTY_LIST: unknown[] = []
Object.freeze(EMPTY_LIST)
const BY_NAME = new Map<string, Plan>()

const PLANS: Readonly<Record<Signal, Plan>> = {
  traces: planOf(REQUEST_MESSAGE.traces),
  metrics: planOf(REQUEST_MESSAGE.metrics),
  logs: planOf(REQUEST_MESSAGE.logs)
}

function readMessage(plan: Plan, buf: Buffer, start: number, end: number, into: Loose): Loose {
  const r = new WireReader(buf, start, end)
  while (r.next()) {
    const slot = plan.byNumber[r.field]
    if (slot === undefined) continue
    if (slot.repeated) readRepeated(slot, buf, r, into)
    else if (r.wire === slot.wire) {
      for (const rival of slot.rivals) into[rival] = undefined
      if (slot.kind !== Kind.message || slot.plan === undefined) into[slot.name] = readOne(slot, buf, r.start, r.stop)
      // A singular message that comes again is merged into the first.
      else
        into[slot.name] = readMessage(
          slot.plan,
          buf,
          r.start,
          r.stop,
          (into[slot.name] as Loose) ?? { ...slot.plan.empty }
        )
    }
  }
  return into
}

function readRepeated(slot: Slot, buf: Buffer, r: WireReader, into: Loose): void {
  let list = into[slot.name] as unknown[]
  if (list === EMPTY_LIST) into[slot.name] = list = []
  const isPacked = slot.kind >= Kind.bool && r.wire === WireType.bytes
  if (!isPacked) {
    if (r.wire === slot.wire) list.push(readOne(slot, buf, r.start, r.stop))
    return
  }
  const packed = new WireReader(buf, r.start, r.stop)
  while (packed.pos < packed.end) {
    const from = packed.pos
    if (slot.wire === WireType.varint) packed.skipVarint()
    else packed.fixed64()
    list.push(readOne(slot, buf, from, packed.pos))
  }
}

function readOne(slot: Slot, buf: Buffer, start: number, end: number): unknown {
  switch (slot.kind) {
    case Kind.message:
      return slot.plan === undefined
        ? readAnyValue(buf, start, end)
        : readMessage(slot.plan, buf, start, end, { ...slot.plan.empty })
    case Kind.string:
      return buf.toString('utf8', start, end)
    case Kind.hex:
    case Kind.base64:
      return Buffer.from(buf.subarray(start, end))
    default:
      return readNumber(slot, NUMBER.reset(buf, start, end))
  }
}

function readNumber(slot: Slot, r: WireReader): unknown {
  switch (slot.kind) {
    case Kind.double:
      return r.double()
    case Kind.fixed32:
      return r.fixed32()
    case Kind.fixed64:
      r.fixed64()
      return unsignedOf(r.lo, r.hi)
    case Kind.sfixed64:
      r.fixed64()
      return signedOf(r.lo, r.hi)
  }
  r.varint()
  switch (slot.kind) {
    case Kind.bool:
      return r.lo !== 0 || r.hi !== 0
    case Kind.uint32:
      return r.lo
    case Kind.sint32:
      return unzigzag(r.lo)
    case Kind.uint64:
      return unsignedOf(r.lo, r.hi)
    case Kind.int64:
      return signedOf(r.lo, r.hi)
    default:
      return r.lo | 0
  }
}

function readArray(buf: Buffer, start: number, end: number, depth: number): Value[] {
  const values: Value[] = []
  const r = new WireReader(buf, start, end)
  while (r.next()) {
    if (r.field === 1 && r.wire === WireType.bytes) values.push(readAnyValue(buf, r.start, r.stop, depth))
  }
  return values
}

function readMap(buf: Buffer, start: number, end: number, depth: number): ValueMap {
  // Keys are the sender's: without a prototype `__proto__` is a key like any other.
  const map: { [key: string]: Value } = Object.create(null)
  const r = new WireReader(buf, start, end)
  const pair = new WireReader(EMPTY)
  while (r.next()) {
    if (r.field !== 1 || r.wire !== WireType.bytes) continue
    let key = ''
    let value: Value
    pair.reset(buf, r.start, r.stop)
    while (pair.next()) {
      if (pair.wire !== WireType.bytes) continue
      if (pair.field === 1) key = buf.toString('utf8', pair.start, pair.stop)
      else if (pair.field === 2) value = readAnyValue(buf, pair.start, pair.stop, depth)
    }
    map[key] = value
  }
  return map
}

function safeInt(lo: number, hi: number): number | bigint {
  // Safe: the upper 11 bits are all sign.
  const signed = hi | 0
  if (signed >= -0x200000 && signed < 0x200000) {
    const value = signed * 4294967296 + lo
    if (Number.isSafeInteger(value)) return value
  }
  return signedOf(lo, hi)
}

function writeMessage(w: WireWriter, plan: Plan, object: Loose): void {
  for (const slot of plan.slots) {
    const value = object[slot.name]
    if (value === undefined || value === null) continue
    if (!slot.repeated) writeField(w, slot, value)
    else if (slot.kind < Kind.bool) for (const one of value as readonly unknown[]) writeField(w, slot, one)
    else if ((value as readonly unknown[]).length > 0) {
      w.uint32((slot.number << 3) | WireType.bytes)
      const mark = w.open()
      for (const one of value as readonly unknown[]) writeNumber(w, slot, one)
      w.close(mark)
    }
  }
}

function writeField(w: WireWriter, slot: Slot, value: unknown): void {
  if (slot.implicit && isDefault(value)) return
  w.uint32(slot.tag)
  switch (slot.kind) {
    case Kind.message: {
      const mark = w.open()
      if (slot.plan === undefined) writeAnyValue(w, value, 1)
      else writeMessage(w, slot.plan, value as Loose)
      w.close(mark)
      break
    }
    case Kind.string:
      w.string(value as string)
      break
    case Kind.hex:
    case Kind.base64:
      w.bytes(value as Uint8Array)
      break
    default:
      writeNumber(w, slot, value)
  }
}

function writeNumber(w: WireWriter, slot: Slot, value: unknown): void {
  switch (slot.kind) {
    case Kind.double:
      w.double(value as number)
      break
    case Kind.bool:
      w.uint32(value === true ? 1 : 0)
      break
    case Kind.fixed32:
      w.fixed32(value as number)
      break
    case Kind.uint32:
      w.uint32((value as number) >>> 0)
      break
    case Kind.sint32:
      w.uint32(zigzag(value as number))
      break
    case Kind.fixed64:
    case Kind.sfixed64:
      w.fixed64(low(value as bigint | number), high(value as bigint | number))
      break
    case Kind.int64:
    case Kind.uint64:
      w.varint64(low(value as bigint | number), high(value as bigint | number))
      break
    default:
      // Negative 32-bit integers are written as 64 bits.
      w.varint64((value as number) >>> 0, (value as number) < 0 ? 0xffffffff : 0)
  }
}

function writeAnyValue(w: WireWriter, value: unknown, depth: number): void {
  if (depth > MAX_VALUE_DEPTH) throw new WireError('OTLP_DEPTH')
  switch (typeof value) {
    case 'string':
      w.tag(1, WireType.bytes)
      w.string(value)
      break
    case 'boolean':
      w.tag(2, WireType.varint)
      w.uint32(value ? 1 : 0)
      break
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) writeAnyValue(w, BigInt(value), depth)
      else {
        w.tag(4, WireType.fixed64)
        w.double(value)
      }
      break
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) writeAnyValue(w, String(value), depth)
      else {
        w.tag(3, WireType.varint)
        w.varint64(low(value), high(value))
      }
      break
    case 'object':
      if (value !== null) writeObject(w, value, depth)
  }
}

function writeObject(w: WireWriter, value: object, depth: number): void {
  if (value instanceof Uint8Array) {
    w.tag(7, WireType.bytes)
    w.bytes(value)
    return
  }
  if (value instanceof Date) {
    writeAnyValue(w, Number.isNaN(value.getTime()) ? '' : value.toISOString(), depth)
    return
  }
  const isList = Array.isArray(value)
  w.tag(isList ? 5 : 6, WireType.bytes)
  const mark = w.open()
  if (isList) for (const one of value) writeEntry(w, one, depth)
  else
    for (const [key, one] of value instanceof Map ? value : Object.entries(value)) writePair(w, String(key), one, depth)
  w.close(mark)
}

function writeEntry(w: WireWriter, value: unknown, depth: number): void {
  w.tag(1, WireType.bytes)
  const mark = w.open()
  writeAnyValue(w, value, depth + 1)
  w.close(mark)
}

function writePair(w: WireWriter, key: string, value: unknown, depth: number): void {
  w.tag(1, WireType.bytes)
  const mark = w.open()
  w.tag(1, WireType.bytes)
  w.string(key)
  w.tag(2, WireType.bytes)
  const inner = w.open()
  writeAnyValue(w, value, depth + 1)
  w.close(inner)
  w.close(mark)
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object') return (value as Uint8Array).length === 0
  return value === 0n || value === '' || value === false || Object.is(value, 0)
}

const SMALL = 0xffffffffn

/** Lower 32 bits. A safe integer of 0 or more may come as a number: requests with very many counts make no bigints then. */
function low(value: bigint | number): number {
  if (typeof value === 'number') return value % 0x100000000
  // Most are small: counts of buckets. No bigint is made for those.
  if (value >= 0n && value <= SMALL) return Number(value)
  return Number(value & 0xffffffffn)
}

function high(value: bigint | number): number {
  if (typeof value === 'number') return Math.floor(value / 0x100000000)
  if (value >= 0n && value <= SMALL) return 0
  return Number((value >> 32n) & 0xffffffffn)
}

function initial(slot: Slot): unknown {
  // Shared and frozen until the first entry comes; replaced then.
  if (slot.repeated) return EMPTY_LIST
  if (!slot.implicit || slot.kind === Kind.message) return undefined
  switch (slot.kind) {
    case Kind.string:
      return ''
    case Kind.hex:
    case Kind.base64:
      return EMPTY
    case Kind.bool:
      return false
    case Kind.int64:
    case Kind.uint64:
    case Kind.fixed64:
    case Kind.sfixed64:
      return 0n
    default:
      return 0
  }
}

function planOf(name: string): Plan {
  const known = BY_NAME.get(name)
  if (known !== undefined) return known
  const fields = MESSAGES.get(name)?.fields ?? []
  const slots = fields.map((field): Slot => {
    const kind = kindOf(field)
    const wire = wireOf(kind, false)
    return {
      name: field.json,
      number: field.number,
      kind,
      wire,
      tag: (field.number << 3) | wire,
      repeated: field.repeated,
      implicit: !field.repeated && field.oneof === undefined && kind !== Kind.message,
      rivals: fields.filter(f => f !== field && f.oneof !== undefined && f.oneof === field.oneof).map(f => f.json),
      plan: undefined
    }
  })
  const byNumber: (Slot | undefined)[] = Array(32).fill(undefined)
  for (const slot of slots) byNumber[slot.number] = slot
  const plan: Plan = { empty: Object.fromEntries(slots.map(slot => [slot.name, initial(slot)])), slots, byNumber }
  BY_NAME.set(name, plan)
  for (const [i, { message }] of fields.entries()) {
    if (message !== undefined && message !== 'AnyValue') (slots[i] as Slot).plan = planOf(message)
  }
  return plan
}
