// The OTLP table against what upstream publishes: a field that upstream adds fails here until it has a row and a policy.

import { createRequire } from 'node:module'
import t from 'tap'
import { type Field, MESSAGES, REQUEST_MESSAGE } from '../core/otlp/schema.js'
import { SIGNALS } from '../core/otlp/signal.js'
import { WireReader, WireType } from '../core/otlp/wire.js'
import { type DescriptorField, descriptors, REQUEST } from './helpers/otlp-oracle.js'

const short = (full: string): string => full.slice(full.lastIndexOf('.') + 1)

// The table has what travels in requests; answers are written by the receivers.
const published = Object.entries(descriptors.messages).filter(
  ([full]) => !/(ServiceResponse|PartialSuccess)$/.test(full)
)

t.test('the table has every message and field of the published descriptors, and no other', async t => {
  t.same([...MESSAGES.keys()].sort(), published.map(([full]) => short(full)).sort())
  for (const [full, fields] of published) {
    t.same(MESSAGES.get(short(full))?.fields.map(ours).sort(byNumber), fields.map(theirs).sort(byNumber), full)
  }
})

t.test('each signal begins at its request message', async t => {
  for (const signal of SIGNALS) t.equal(REQUEST_MESSAGE[signal], short(REQUEST[signal]))
})

t.test('every free text has a place, every id is an identifier', async t => {
  for (const message of MESSAGES.values()) {
    for (const field of message.fields) {
      if (field.policy === 'text') t.ok(field.place, `${message.name}.${field.name}`)
      if (/^(trace|span|parent_span)_id$/.test(field.name)) t.equal(field.policy, 'identifier')
    }
  }
})

// protobufjs static code: a namespace tree with an `encode` at each message.
interface Static {
  encode?(message: object): { finish(): Uint8Array }
  readonly [name: string]: unknown
}

t.test('the codec of the OpenTelemetry JavaScript SDK writes each field where the table says', async t => {
  const path = '@opentelemetry/otlp-transformer/build/src/generated/root'
  const root = createRequire(import.meta.url)(path) as Static
  let known = 0
  for (const [full, fields] of published) {
    const type = full.split('.').reduce<Static | undefined>((at, name) => at?.[name] as Static | undefined, root)
    if (type?.encode === undefined) continue
    for (const field of fields) {
      const bytes = type.encode({ [field.json]: sample(field) }).finish()
      // The SDK's copy of the protocol may be older than the table: fields it does not know it does not write.
      if (bytes.length === 0) continue
      const r = new WireReader(bytes)
      r.next()
      const row = MESSAGES.get(short(full))?.fields.find(f => f.name === field.name) as Field
      t.equal(r.field, row.number, `${full}.${field.name}`)
      t.equal(r.wire, wireOf(row), `${full}.${field.name}`)
      known++
    }
  }
  t.ok(known > 100, `${known} fields compared`)
})

function ours(f: Field): object {
  const { number, name, json, type, repeated, oneof } = f
  return { number, name, json, type, repeated, message: f.message, oneof }
}

function theirs(f: DescriptorField): object {
  const { number, name, json, type, repeated, oneof } = f
  return {
    number,
    name,
    json,
    type,
    repeated,
    message: type === 'message' ? short(f.typeName ?? '') : undefined,
    oneof
  }
}

function byNumber(a: object, b: object): number {
  return (a as { number: number }).number - (b as { number: number }).number
}

function sample(f: DescriptorField): unknown {
  const one = f.type === 'message' ? {} : f.type === 'string' ? 'x' : f.type === 'bytes' ? Buffer.from('x') : 1
  return f.repeated ? [one] : f.type === 'bool' ? true : one
}

function wireOf(f: Field): number {
  if (f.repeated || f.type === 'message' || f.type === 'string' || f.type === 'bytes') return WireType.bytes
  if (f.type === 'double' || f.type === 'fixed64' || f.type === 'sfixed64') return WireType.fixed64
  return f.type === 'fixed32' ? WireType.fixed32 : WireType.varint
}
