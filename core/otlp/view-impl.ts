// The views' insides: what the walk fills in before a hook and reads after it. Processors see the interfaces in views.ts.

import { readInt64, valueAt } from './any-value.js'
import { lengthSize, writeLength } from './edit.js'
import type { Key } from './keys.js'
import { Key as KeyClass } from './keys.js'
import type { Place } from './schema.js'
import type { Signal } from './signal.js'
import { type AttributeView, type ValueKind, ValueType, type ValueView } from './views.js'

const NOTHING = Buffer.alloc(0)
const NO_KEY = new KeyClass(NOTHING)

/** Drops the current item if there is one. */
type Drop = (reason: string) => boolean

export class AttributeImpl implements AttributeView {
  readonly signal: Signal
  readonly depth: number
  place: Place = 'unknown_field'
  key: Key = NO_KEY
  type: ValueType = ValueType.empty
  buf: Buffer = NOTHING
  start = 0
  end = 0
  sealed = false
  isChanged = false
  isRemoved = false
  isRenamed = false
  hasKey = true
  #hasValue = false
  readonly #path: readonly Key[]
  readonly #drop: Drop

  constructor(signal: Signal, depth: number, path: readonly Key[], drop: Drop) {
    this.signal = signal
    this.depth = depth
    this.#path = path
    this.#drop = drop
  }

  enter(place: Place, key: Key, buf: Buffer, type: ValueType, start: number, end: number, hasValue: boolean): void {
    this.place = place
    this.key = key
    this.hasKey = true
    this.type = type
    this.buf = buf
    this.start = start
    this.end = end
    this.sealed = false
    this.isChanged = false
    this.isRemoved = false
    this.isRenamed = false
    this.#hasValue = hasValue
  }

  /** Stands for a value outside any attribute: a log body. */
  enterKeyless(place: Place): void {
    this.enter(place, NO_KEY, NOTHING, ValueType.empty, 0, 0, false)
    this.hasKey = false
  }

  keyAt(depth: number): Key {
    return this.#path[depth] ?? NO_KEY
  }

  text(): string {
    if (this.type === ValueType.string) return this.buf.toString('utf8', this.start, this.end)
    const any = this.encodeAny()
    const value = valueAt(any, 0, any.length)
    if (typeof value === 'string') return value
    return (
      JSON.stringify(value, (_, v: unknown) =>
        typeof v === 'bigint' ? v.toString() : Buffer.isBuffer(v) ? v.toString('base64') : v
      ) ?? ''
    )
  }

  replace(text: string, seal = false): void {
    this.replaceBytes(Buffer.from(text), seal)
  }

  replaceBytes(text: Buffer, seal: boolean): void {
    this.type = ValueType.string
    this.buf = text
    this.start = 0
    this.end = text.length
    this.sealed = seal
    this.#hasValue = true
    this.isChanged = true
  }

  /** New content of the same map or array. */
  replaceContent(content: Buffer): void {
    this.buf = content
    this.start = 0
    this.end = content.length
    this.isChanged = true
  }

  replaceValue(anyValue: Buffer): void {
    this.isChanged = true
    this.#hasValue = true
    this.buf = anyValue
    this.type = anyValue.length === 0 ? ValueType.empty : ((anyValue[0]! >>> 3) as ValueType)
    this.end = anyValue.length
    this.start = 0
    if (anyValue.length === 0) return
    this.start = 1
    if ((anyValue[0]! & 7) === 2) while (anyValue[this.start++]! >= 0x80);
  }

  rename(key: string): void {
    this.renameBytes(Buffer.from(key))
  }

  renameBytes(key: Buffer): void {
    this.key = new KeyClass(key)
    this.isRenamed = true
    this.isChanged = true
  }

  remove(): void {
    this.isRemoved = true
  }

  dropItem(reason: string): void {
    if (!this.#drop(reason)) this.isRemoved = true
  }

  encodeAny(): Buffer {
    const out = Buffer.allocUnsafe(this.#anySize())
    this.#writeAny(out, 0)
    return out
  }

  /** The whole field: `tag`, length, KeyValue. */
  encode(tag: number): Buffer {
    const size = this.#size()
    const out = Buffer.allocUnsafe(1 + lengthSize(size) + size)
    out[0] = tag
    this.#write(out, writeLength(out, 1, size))
    return out
  }

  /** The KeyValue alone. */
  encodeContent(): Buffer {
    const out = Buffer.allocUnsafe(this.#size())
    this.#write(out, 0)
    return out
  }

  #anySize(): number {
    if (this.type === ValueType.empty) return 0
    const n = this.end - this.start
    return isDelimited(this.type) ? 1 + lengthSize(n) + n : 1 + n
  }

  #size(): number {
    const key = this.key.bytes.length
    const any = this.#anySize()
    return 1 + lengthSize(key) + key + (this.#hasValue ? 1 + lengthSize(any) + any : 0)
  }

  #write(out: Buffer, at: number): void {
    let p = at
    out[p++] = 0x0a
    p = writeLength(out, p, this.key.bytes.length)
    p += this.key.bytes.copy(out, p)
    if (!this.#hasValue) return
    out[p++] = 0x12
    p = writeLength(out, p, this.#anySize())
    this.#writeAny(out, p)
  }

  #writeAny(out: Buffer, at: number): void {
    if (this.type === ValueType.empty) return
    let p = at
    const isLong = isDelimited(this.type)
    out[p++] = (this.type << 3) | (isLong ? 2 : this.type === ValueType.double ? 1 : 0)
    if (isLong) p = writeLength(out, p, this.end - this.start)
    this.buf.copy(out, p, this.start, this.end)
  }
}

function isDelimited(type: ValueType): boolean {
  return type === ValueType.string || type === ValueType.bytes || type === ValueType.array || type === ValueType.map
}

export class ValueImpl implements ValueView {
  readonly signal: Signal
  place: Place = 'unknown_field'
  kind: ValueKind = 'string'
  key: Key | undefined
  depth = -1
  /** Sealed values are not shown at all; after a hook: whether it sealed what it wrote. */
  sealed = false
  magnitude = 0
  isTouched = false
  isRemoved = false
  /** The new text, when touched and not removed. */
  fresh: Buffer = NOTHING
  #buf: Buffer = NOTHING
  #start = 0
  #end = 0
  #isNumber = false // #buf holds the encoded number; its text is made on demand
  readonly #path: readonly Key[]
  readonly #drop: Drop

  constructor(signal: Signal, path: readonly Key[], drop: Drop) {
    this.signal = signal
    this.#path = path
    this.#drop = drop
  }

  enterText(
    place: Place,
    kind: ValueKind,
    key: Key | undefined,
    depth: number,
    buf: Buffer,
    start: number,
    end: number
  ): void {
    this.place = place
    this.kind = kind
    this.key = key
    this.depth = depth
    this.sealed = false
    this.isTouched = false
    this.#isNumber = false
    this.#buf = buf
    this.#start = start
    this.#end = end
  }

  enterScalar(
    place: Place,
    key: Key | undefined,
    depth: number,
    type: ValueType,
    buf: Buffer,
    start: number,
    end: number
  ): void {
    this.enterText(place, 'string', key, depth, buf, start, end)
    if (type === ValueType.string) return
    if (type === ValueType.bytes) {
      this.kind = 'bytes'
      return
    }
    this.#isNumber = true
    if (type === ValueType.double) {
      this.kind = 'double'
      this.magnitude = Math.abs(buf.readDoubleLE(start))
    } else {
      this.kind = 'int'
      this.magnitude = roughInt(buf, start, end)
    }
  }

  keyAt(depth: number): Key {
    return this.#path[depth] ?? NO_KEY
  }

  get buf(): Buffer {
    if (this.#isNumber) this.#spell()
    return this.#buf
  }

  get start(): number {
    if (this.#isNumber) this.#spell()
    return this.#start
  }

  get end(): number {
    if (this.#isNumber) this.#spell()
    return this.#end
  }

  #spell(): void {
    const text =
      this.kind === 'double'
        ? String(this.#buf.readDoubleLE(this.#start))
        : readInt64(this.#buf, this.#start, this.#end).toString()
    this.#isNumber = false
    this.#buf = Buffer.from(text, 'latin1')
    this.#start = 0
    this.#end = this.#buf.length
  }

  text(): string {
    return this.buf.toString('utf8', this.start, this.end)
  }

  replace(text: string, seal = false): void {
    this.fresh = Buffer.from(text)
    this.isTouched = true
    this.isRemoved = false
    this.sealed = seal
  }

  remove(): void {
    this.isTouched = true
    this.isRemoved = true
    this.sealed = false
  }

  dropItem(reason: string): void {
    if (!this.#drop(reason)) this.remove()
  }
}

/** The absolute value of a varint-encoded int64, as good as a double can tell. */
function roughInt(buf: Buffer, start: number, end: number): number {
  let value = 0
  let scale = 1
  for (let p = start; p < end; p++) {
    value += (buf[p]! & 0x7f) * scale
    scale *= 128
  }
  return value >= 2 ** 63 ? 2 ** 64 - (value % 2 ** 64) : value
}
