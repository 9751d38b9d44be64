// An encoded AnyValue as a JavaScript value, on demand.

import { contentFrom, skipField } from './walk-fields.js'

const MAX_DEPTH = 32

/**
 * Reads an AnyValue at `buf[start..end)`: string, boolean, number (bigint beyond 2^53), array, object with null
 * prototype, Buffer (a copy). Malformed or absent values read as undefined.
 */
export function readAnyValue(buf: Buffer, start: number, end: number, depth = 0): unknown {
  let value: unknown
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (next < 0 || depth > MAX_DEPTH) return undefined
    value = readOne(buf, p, next, depth) ?? value
    p = next
  }
  return value
}

function readOne(buf: Buffer, at: number, end: number, depth: number): unknown {
  switch (buf[at]!) {
    case 0x0a:
      return buf.toString('utf8', contentFrom(buf, at), end)
    case 0x10:
      return buf[at + 1] !== 0
    case 0x18:
      return readInt64(buf, at + 1, end)
    case 0x21:
      return buf.readDoubleLE(at + 1)
    case 0x2a:
      return readArray(buf, contentFrom(buf, at), end, depth + 1)
    case 0x32:
      return readMap(buf, contentFrom(buf, at), end, depth + 1)
    case 0x3a:
      return Buffer.from(buf.subarray(contentFrom(buf, at), end))
    default:
      return undefined
  }
}

function readArray(buf: Buffer, start: number, end: number, depth: number): unknown[] {
  const values: unknown[] = []
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (next < 0) break
    if (buf[p] === 0x0a) values.push(readAnyValue(buf, contentFrom(buf, p), next, depth))
    p = next
  }
  return values
}

function readMap(buf: Buffer, start: number, end: number, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = Object.create(null)
  for (let p = start; p < end; ) {
    const next = skipField(buf, p, end)
    if (next < 0) break
    if (buf[p] === 0x0a) {
      const at = contentFrom(buf, p)
      const key = findLast(buf, 1, 2, at, next)
      const value = findLast(buf, 2, 2, at, next)
      map[key === undefined ? '' : buf.toString('utf8', key.from, key.to)] =
        value === undefined ? undefined : readAnyValue(buf, value.from, value.to, depth)
    }
    p = next
  }
  return map
}

/** The content of the last occurrence of a field (number below 32): the one that protobuf readers see. */
export function findLast(
  buf: Buffer,
  field: number,
  wireType: number,
  from: number,
  to: number
): { from: number; to: number } | undefined {
  let found: { from: number; to: number } | undefined
  const tag = (field << 3) | wireType
  for (let p = from; p < to; ) {
    const next = skipField(buf, p, to)
    if (next < 0) return found
    if (tag < 128 ? buf[p] === tag : buf[p] === ((tag & 0x7f) | 0x80) && buf[p + 1] === tag >>> 7) {
      const last = tag < 128 ? p : p + 1
      found = { from: wireType === 2 ? contentFrom(buf, last) : last + 1, to: next }
    }
    p = next
  }
  return found
}

/** A varint-encoded int64, exactly: a number when it is safe. */
export function readInt64(buf: Buffer, start: number, end: number): number | bigint {
  if (end - start <= 7) {
    let small = 0
    for (let p = start, scale = 1; p < end; p++, scale *= 128) small += (buf[p]! & 0x7f) * scale
    return small
  }
  let value = 0n
  for (let p = start, shift = 0n; p < end; p++, shift += 7n) value |= BigInt(buf[p]! & 0x7f) << shift
  const signed = BigInt.asIntN(64, value)
  const small = Number(signed)
  return Number.isSafeInteger(small) ? small : signed
}
