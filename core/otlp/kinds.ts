// How a field is written: the types of the table, numbered for switches, ids apart from other bytes.

import type { Field } from './schema.js'
import { WireType } from './wire.js'

/** From `bool` on they are numbers: packed when repeated. */
export const Kind = {
  message: 0,
  string: 1,
  /** Trace and span ids: hex in JSON. */
  hex: 2,
  /** All other bytes. */
  base64: 3,
  bool: 4,
  enum: 5,
  int32: 6,
  sint32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  fixed32: 11,
  fixed64: 12,
  sfixed64: 13,
  double: 14
} as const

export function kindOf(field: Field): number {
  if (field.type === 'bytes') return field.policy === 'identifier' ? Kind.hex : Kind.base64
  return Kind[field.type]
}

/** The wire type; `isPacked`: of a packed list of them. */
export function wireOf(kind: number, isPacked: boolean): number {
  if (isPacked || kind <= Kind.base64) return WireType.bytes
  if (kind === Kind.double || kind === Kind.fixed64 || kind === Kind.sfixed64) return WireType.fixed64
  return kind === Kind.fixed32 ? WireType.fixed32 : WireType.varint
}
