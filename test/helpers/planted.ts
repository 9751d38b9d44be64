// OTLP requests with personal data in every place that can hold text, built from the published descriptors, so that a place
// nobody thought of is filled too.

import type { Signal } from '../../core/otlp/signal.js'
import { ANY_VALUE, type DescriptorField, descriptors, oracle, type Plain, REQUEST } from './otlp-oracle.js'

/** What was planted: values that must not be found anywhere again. */
const MAKERS: readonly ((n: number) => string)[] = [
  n => `planted${n}.person@example.org`,
  // AWS key ids are base32: no 0, 1, 8, 9.
  n =>
    `AKIAPLANTED${String(n)
      .padStart(9, '0')
      .replace(/\d/g, digit => 'QRSTUVWXYZ'[Number(digit)]!)}`,
  n => `https://planted${n}:hunter2planted${n}@db.example.org/x`,
  n => `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVk${1000 + n}In0.c2lnbmF0dXJlcGxhbnRlZA${1000 + n}`,
  () => '4111 1111 1111 1111',
  () => '536-90-4399',
  () => 'DE89 3704 0044 0532 0130 00'
]

const ID_BYTES: Readonly<Record<string, number>> = { traceId: 16, spanId: 8, parentSpanId: 8 }
const MAX_DEPTH = 4

export interface Planted {
  readonly object: Plain
  readonly bytes: Buffer
  readonly values: readonly string[]
  /** Path of each value. */
  readonly places: ReadonlyMap<string, string>
}

/** A request of that signal, full of personal data. Every value of the first kinds is planted once. */
export function planted(signal: Signal, firstNumber = 0): Planted {
  const places = new Map<string, string>()
  let n = firstNumber
  const plant = (path: string) => {
    const value = MAKERS[n % MAKERS.length]!(n)
    n++
    places.set(value, path)
    return value
  }
  const one = (field: DescriptorField, path: string, depth: number): unknown => {
    const where = `${path}.${field.json}`
    if (field.type === 'message') return message(field.typeName!, where, depth + (field.typeName === ANY_VALUE ? 1 : 0))
    if (field.type === 'string') return `about ${plant(where)} of`
    if (field.type === 'bytes') {
      const length = ID_BYTES[field.json]
      return length === undefined ? Buffer.from(plant(where)) : Buffer.alloc(length, 0xa1)
    }
    if (field.type === 'bool') return true
    if (field.type.includes('64') && field.type !== 'double') return 5n
    return 1
  }
  const message = (type: string, path: string, depth: number): Plain => {
    const out: Plain = {}
    const chosen = new Set<string>()
    for (const field of descriptors.messages[type]!) {
      if (type === ANY_VALUE) continue
      const group = field.oneof
      // One member of a real choice; optional fields are one-member choices.
      if (group !== undefined && !group.startsWith('_')) {
        if (chosen.has(group)) continue
        chosen.add(group)
      }
      out[field.json] = field.repeated ? [one(field, path, depth)] : one(field, path, depth)
    }
    return type === ANY_VALUE ? anyValue(path, depth) : out
  }
  const anyValue = (path: string, depth: number): Plain => {
    if (depth > MAX_DEPTH) return { stringValue: plant(`${path}.stringValue`) }
    const entry = (value: Plain, at: string) => ({ key: `key ${plant(`${path}.${at}.key`)}`, value })
    return {
      kvlistValue: {
        values: [
          entry({ stringValue: `to ${plant(`${path}.text`)} and` }, 'text'),
          entry({ bytesValue: Buffer.from(plant(`${path}.bytes`)) }, 'bytes'),
          entry({ arrayValue: { values: [{ stringValue: plant(`${path}.array`) }] } }, 'array'),
          entry(anyValue(`${path}.map`, depth + 2), 'map')
        ]
      }
    }
  }
  // All kinds of metric: one metric each.
  const object = message(REQUEST[signal], signal, 0)
  if (signal === 'metrics') {
    const metrics = (object as { resourceMetrics: { scopeMetrics: { metrics: Plain[] }[] }[] }).resourceMetrics[0]!
      .scopeMetrics[0]!.metrics
    for (const field of descriptors.messages['opentelemetry.proto.metrics.v1.Metric']!) {
      if (field.type !== 'message' || field.repeated || field.oneof === undefined) continue
      metrics.push({ name: 'm', [field.json]: one(field, `metric.${field.json}`, 0) })
    }
  }
  return { object, bytes: oracle.encodeRequest(signal, object), values: [...places.keys()], places }
}

/** The planted values found in bytes, as they are or in base64. */
export function found(bytes: Buffer, values: readonly string[]): string[] {
  return values.filter(value => {
    if (bytes.includes(value)) return true
    const base64 = Buffer.from(value).toString('base64')
    return bytes.includes(base64.slice(0, Math.floor(value.length / 3) * 4))
  })
}
