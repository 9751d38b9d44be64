// schema.ts compiled to integers: one load per field says what the walk does with it (`TABLE[message * FIELDS + field]`).
// sieve/assembly reads the same table.

import { type Field, MESSAGES, PLACES } from './schema.js'

// What to do with a field: kind in the low 4 bits, argument above.
export const SKIP = 1 // a number or packed numbers; argument: 1 when it may not be packed
export const TEXT = 2 // argument: place
export const MESSAGE = 3 // argument: message
export const ITEM = 4 // argument: message
export const ATTRIBUTE = 5 // argument: place
export const ANY = 6 // argument: place
export const ID = 7 // argument: length | required bit << 5
export const RESOURCE = 8 // argument: message: a MESSAGE that item views look back to
export const METRIC = 9
export const SCOPE = 10

export const FIELDS = 32
export const NAMES = [...MESSAGES.keys()]
export const TABLE = compile()

function compile(): Int32Array {
  const table = new Int32Array(NAMES.length * FIELDS)
  for (const [m, name] of NAMES.entries()) {
    for (const f of MESSAGES.get(name)!.fields) table[m * FIELDS + f.number] = compileField(name, f)
  }
  return table
}

function compileField(owner: string, f: Field): number {
  const place = f.place === undefined ? 0 : PLACES.indexOf(f.place) << 4
  if (f.message === 'KeyValue' && owner !== 'KeyValueList') return ATTRIBUTE | place
  if (f.message === 'AnyValue' && f.place !== undefined) return ANY | place
  if (f.message !== undefined) {
    const child = NAMES.indexOf(f.message) << 4
    if (MESSAGES.get(f.message)!.item) return ITEM | child
    if (/^Resource(Spans|Metrics|Logs)$/.test(f.message)) return RESOURCE | child
    if (/^Scope(Spans|Metrics|Logs)$/.test(f.message)) return SCOPE | child
    return (f.message === 'Metric' ? METRIC : MESSAGE) | child
  }
  if (f.policy === 'identifier') {
    const required = owner === 'Span' && f.name !== 'parent_span_id' ? 1 : 0
    return ID | ((f.name === 'trace_id' ? 16 : 8) << 4) | (required << 9)
  }
  if (f.place !== undefined) return TEXT | place
  return f.repeated ? SKIP : SKIP | (1 << 4)
}
