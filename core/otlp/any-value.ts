// Single parts of encoded messages, read when a processor asks for them.

import { readAnyValue } from './decode.js'
import { contentFrom, skipField } from './walk-fields.js'

/** An AnyValue at `buf[start..end)` as JavaScript value; undefined when it is malformed: the walk refuses its item anyway. */
export function valueAt(buf: Buffer, start: number, end: number): unknown {
  try {
    return readAnyValue(buf, start, end)
  } catch {
    return undefined
  }
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
