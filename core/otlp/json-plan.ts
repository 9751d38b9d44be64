// The table of the schema as the JSON reader wants it: per message a small hash table from name to field, made so that no
// two names of the message collide. A name costs one hash of four of its properties and one comparison.

import { kindOf, wireOf } from './kinds.js'
import { type Field, MESSAGES } from './schema.js'

/** One field as the reader needs it. */
export interface Slot {
  readonly field: Field
  readonly key: Uint8Array
  readonly kind: number
  /** The protobuf tag; of repeated numbers the one of the packed list. */
  readonly tag: number
  readonly repeated: boolean
  /** 0, false and empty need not be written. */
  readonly implicit: boolean
  /** Its bit, and the bits of the fields that exclude it (itself, its oneof). */
  readonly bit: number
  readonly excludes: number
  plan: Plan | undefined
}

/** One message: its slots in a table without collisions. */
export interface Plan {
  /** 1 for AnyValue. */
  readonly nests: number
  readonly byName: ReadonlyMap<string, Slot>
  readonly table: readonly (Slot | undefined)[]
  readonly factors: readonly [number, number, number]
  /** Bytes that the length of the last such message took. */
  guess: number
}

const BY_NAME = new Map<string, Plan>()

/** The plan of a message, with the plans of all messages in it. */
export function planOf(name: string): Plan {
  const known = BY_NAME.get(name)
  if (known !== undefined) return known
  const fields = MESSAGES.get(name)?.fields ?? []
  const slots = fields.map((field, i) => slotOf(field, i, fields))
  const factors = factorsFor(slots)
  const table: (Slot | undefined)[] = Array(64).fill(undefined)
  for (const slot of slots) table[slotIndex(factors, slot.key, 0, slot.key.length)] = slot
  const byName = new Map(slots.map(slot => [slot.field.json, slot]))
  const plan: Plan = { nests: name === 'AnyValue' ? 1 : 0, byName, table, factors, guess: 1 }
  BY_NAME.set(name, plan)
  for (const slot of slots) if (slot.field.message !== undefined) slot.plan = planOf(slot.field.message)
  return plan
}

function slotOf(field: Field, index: number, fields: readonly Field[]): Slot {
  const kind = kindOf(field)
  const group = fields.map((f, i) => (f === field || (f.oneof !== undefined && f.oneof === field.oneof) ? 1 << i : 0))
  return {
    field,
    key: Buffer.from(field.json),
    kind,
    tag: (field.number << 3) | wireOf(kind, field.repeated),
    repeated: field.repeated,
    implicit: !field.repeated && field.oneof === undefined,
    bit: 1 << index,
    excludes: group.reduce((a, b) => a | b, 0),
    plan: undefined
  }
}

/** Factors under which the names of one message fall into different places of a table of 64. */
function factorsFor(slots: readonly Slot[]): readonly [number, number, number] {
  for (let seed = 1; seed < 1 << 18; seed++) {
    const factors = [seed & 63, (seed >> 6) & 63, (seed >> 12) & 63] as const
    const places = new Set(slots.map(s => slotIndex(factors, s.key, 0, s.key.length)))
    if (places.size === slots.length) return factors
  }
  throw new Error('no table without collisions for these names')
}

/** Where in the table a name (of one byte at least) would stand. */
export function slotIndex(
  factors: readonly [number, number, number],
  text: Uint8Array,
  start: number,
  length: number
): number {
  const first = text[start] as number
  const middle = text[start + (length >> 1)] as number
  const last = text[start + length - 1] as number
  return (length + first * factors[0] + middle * factors[1] + last * factors[2]) & 63
}
