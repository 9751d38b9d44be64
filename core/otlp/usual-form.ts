// The usual form of a KeyValue: the key, then a value of one field, once each and nothing else. Any other form that protobuf
// allows (swapped, repeated or unknown fields) is rewritten to it before somebody looks: readers keep the last of repeated
// fields, a disk keeps them all.

import { encodeLength } from './edit.js'
import { ValueType } from './views.js'
import { readLengthAt, skipField, varintSizeAt } from './walk-fields.js'

export interface Usual {
  readonly keyAt: number
  readonly keyEnd: number
  readonly type: ValueType
  readonly from: number
  readonly to: number
  readonly hasValue: boolean
}

/** The parts of a checked KeyValue in usual form; undefined for any other form. */
export function parseUsual(buf: Buffer, start: number, end: number): Usual | undefined {
  if (start >= end || buf[start] !== 0x0a) return undefined
  const length = readLengthAt(buf, start + 1)
  const keyAt = start + 1 + varintSizeAt(buf, start + 1)
  const keyEnd = keyAt + length
  if (keyEnd === end) return { keyAt, keyEnd, type: ValueType.empty, from: end, to: end, hasValue: false }
  if (buf[keyEnd] !== 0x12) return undefined
  const at = keyEnd + 1 + varintSizeAt(buf, keyEnd + 1)
  if (at + readLengthAt(buf, keyEnd + 1) !== end) return undefined
  const any = parseAny(buf, at, end)
  return any === undefined ? undefined : { keyAt, keyEnd, type: any.type, from: any.from, to: any.to, hasValue: true }
}

/** Type and content of a checked AnyValue with at most one field, a known one; else undefined. */
export function parseAny(
  buf: Buffer,
  start: number,
  end: number
): { type: ValueType; from: number; to: number } | undefined {
  if (start === end) return { type: ValueType.empty, from: end, to: end }
  if (skipField(buf, start, end) !== end) return undefined
  const tag = buf[start]!
  if (tag === 0x0a || tag === 0x2a || tag === 0x32 || tag === 0x3a) {
    return { type: (tag >>> 3) as ValueType, from: start + 1 + varintSizeAt(buf, start + 1), to: end }
  }
  if (tag === 0x10 || tag === 0x18 || tag === 0x40 || tag === 0x21)
    return { type: (tag >>> 3) as ValueType, from: start + 1, to: end }
  return undefined
}

/** A checked KeyValue rewritten as key, value: the last of each, as protobuf readers see it. */
export function usualForm(buf: Buffer, start: number, end: number): Buffer {
  let key = Buffer.alloc(0)
  let value: Buffer | undefined
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (buf[p] === 0x0a) key = buf.subarray(p + 1 + varintSizeAt(buf, p + 1), next) as Buffer<ArrayBuffer>
    else if (buf[p] === 0x12) value = buf.subarray(p + 1 + varintSizeAt(buf, p + 1), next)
    p = next
  }
  const parts = [Buffer.of(0x0a), encodeLength(key.length), key]
  if (value !== undefined) {
    const any = usualAny(value, 0, value.length)
    parts.push(Buffer.of(0x12), encodeLength(any.length), any)
  }
  return Buffer.concat(parts)
}

/** Whether a checked KeyValue holds more than readers see: a repeated key or value, or a value with more than one field. */
export function isHiding(buf: Buffer, start: number, end: number): boolean {
  let keys = 0
  let values = 0
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (buf[p] === 0x0a) keys++
    else if (buf[p] === 0x12) {
      values++
      if (parseAny(buf, p + 1 + varintSizeAt(buf, p + 1), next) === undefined) return true
    }
    p = next
  }
  return keys > 1 || values > 1
}

/** Bytes of a checked KeyValue's fields that are neither key nor value. */
export function restLength(buf: Buffer, start: number, end: number): number {
  let length = 0
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (buf[p] !== 0x0a && buf[p] !== 0x12) length += next - p
    p = next
  }
  return length
}

/** A checked AnyValue reduced to its last known field. */
export function usualAny(buf: Buffer, start: number, end: number): Buffer {
  let last = Buffer.alloc(0)
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    const one = buf.subarray(p, next) as Buffer<ArrayBuffer>
    if (parseAny(one, 0, one.length) !== undefined) last = one
    p = next
  }
  return last
}
