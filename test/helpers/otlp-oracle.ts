// An independent OTLP codec for tests: protobufjs over the published descriptors, nothing of core/otlp.
//
// Messages are plain objects with the JSON names; 64-bit integers are bigints, bytes are Buffers, enums are integers.
// `decode` gives the canonical object: no implicit defaults, no empty lists; so equal messages are deeply equal.

import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import type { Signal } from '../../core/otlp/signal.js'

export interface DescriptorField {
  readonly number: number
  readonly name: string
  readonly json: string
  readonly type: string
  readonly repeated: boolean
  readonly typeName?: string
  readonly oneof?: string
}

interface Descriptors {
  readonly version: string
  readonly messages: Readonly<Record<string, readonly DescriptorField[]>>
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** An OTLP message as a plain object. */
export type Plain = { [name: string]: unknown }

// protobufjs types this as a bare constructor.
const Long = protobuf.util.Long as unknown as {
  isLong(v: unknown): boolean
  fromString(digits: string, isUnsigned: boolean): unknown
}

const FIXTURES = new URL('../../../test/fixtures/otlp/', import.meta.url)

export const descriptors: Descriptors = JSON.parse(readFileSync(new URL('descriptors.json', FIXTURES), 'utf8'))

export const REQUEST: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest',
  metrics: 'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest',
  logs: 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest'
}

export const ANY_VALUE = 'opentelemetry.proto.common.v1.AnyValue'

// What a newer protocol could add: a field of each wire type, in every message.
const FUTURE: readonly DescriptorField[] = [
  { number: 900, name: 'future_text', json: 'futureText', type: 'string', repeated: true },
  { number: 901, name: 'future_int', json: 'futureInt', type: 'uint64', repeated: false, oneof: '_future_int' },
  { number: 902, name: 'future_time', json: 'futureTime', type: 'fixed64', repeated: false, oneof: '_future_time' },
  { number: 5000, name: 'future_flags', json: 'futureFlags', type: 'fixed32', repeated: false, oneof: '_future_flags' }
]

export class Oracle {
  readonly #fields = new Map<string, ReadonlyMap<string, DescriptorField>>()
  readonly #types = new Map<string, protobuf.Type>()

  /** `future`: every message also has the fields futureText, futureInt, futureTime, futureFlags, unknown to the product. */
  constructor({ future = false } = {}) {
    const root = new protobuf.Root()
    const extra = future ? FUTURE : []
    for (const [full, own] of Object.entries(descriptors.messages)) {
      const fields = [...own, ...extra]
      this.#fields.set(full, new Map(fields.map(f => [f.json, f])))
      this.#types.set(full, defineType(root, full, fields))
    }
    root.resolveAll()
  }

  encode(message: string, object: Plain): Buffer {
    const type = this.#types.get(message)
    if (type === undefined) throw new Error(`no message ${message}`)
    return Buffer.from(type.encode(type.create(this.#toProtobuf(message, object))).finish())
  }

  decode(message: string, bytes: Uint8Array): Plain {
    const type = this.#types.get(message)
    if (type === undefined) throw new Error(`no message ${message}`)
    return this.#fromProtobuf(message, type.decode(bytes) as unknown as Plain)
  }

  encodeRequest(signal: Signal, object: Plain): Buffer {
    return this.encode(REQUEST[signal], object)
  }

  decodeRequest(signal: Signal, bytes: Uint8Array): Plain {
    return this.decode(REQUEST[signal], bytes)
  }

  /** The object as `decode(encode(object))` would give it. */
  canonical(message: string, object: Plain): Plain {
    return this.decode(message, this.encode(message, object))
  }

  #toProtobuf(message: string, object: Plain): Plain {
    return this.#map(message, object, (f, v) => {
      if (f.type === 'message') return this.#toProtobuf(f.typeName as string, v as Plain)
      if (typeof v === 'bigint') return longOf(v, f.type)
      return v
    })
  }

  #fromProtobuf(message: string, object: Plain): Plain {
    const plain = this.#map(message, object, (f, v) => {
      if (f.type === 'message') return this.#fromProtobuf(f.typeName as string, v as Plain)
      if (Long.isLong(v)) return BigInt(String(v))
      if (v instanceof Uint8Array) return Buffer.from(v)
      return v
    })
    for (const [name, value] of Object.entries(plain)) {
      const field = this.#fields.get(message)?.get(name) as DescriptorField
      const isEmptyList = Array.isArray(value) && value.length === 0
      const isImplicit = !field.repeated && field.oneof === undefined && field.type !== 'message'
      if (isEmptyList || (isImplicit && isDefault(value))) delete plain[name]
    }
    return plain
  }

  #map(message: string, object: Plain, one: (field: DescriptorField, value: unknown) => unknown): Plain {
    const out: Plain = {}
    for (const [name, field] of this.#fields.get(message) as ReadonlyMap<string, DescriptorField>) {
      if (!Object.hasOwn(object, name) || object[name] === undefined || object[name] === null) continue
      const value = object[name]
      out[name] = field.repeated ? (value as unknown[]).map(v => one(field, v)) : one(field, value)
    }
    return out
  }
}

/** The codec without and with unknown fields. */
export const oracle = new Oracle()
export const futureOracle = new Oracle({ future: true })

function defineType(root: protobuf.Root, full: string, fields: readonly DescriptorField[]): protobuf.Type {
  // Nested messages (Span.Event) become siblings: protobuf namespaces and types share names otherwise.
  const flat = flatName(full)
  const type = new protobuf.Type(flat)
  const oneofs = new Map<string, string[]>()
  for (const f of fields) {
    const typeName = f.type === 'enum' ? 'int32' : f.type === 'message' ? flatName(f.typeName as string) : f.type
    type.add(new protobuf.Field(f.json, f.number, typeName, f.repeated ? 'repeated' : undefined))
    if (f.oneof !== undefined) oneofs.set(f.oneof, [...(oneofs.get(f.oneof) ?? []), f.json])
  }
  for (const [name, members] of oneofs) type.add(new protobuf.OneOf(`oneof_${name}`, members))
  // proto3: repeated numbers are packed.
  for (const field of type.fieldsArray) if (field.repeated) field.setOption('packed', true)
  root.add(type)
  return type
}

function flatName(full: string): string {
  return full.replace('opentelemetry.proto.', '').replaceAll('.', '_')
}

function longOf(value: bigint, type: string): unknown {
  const isUnsigned = type === 'uint64' || type === 'fixed64'
  return Long.fromString(value.toString(), isUnsigned)
}

function isDefault(value: unknown): boolean {
  if (Buffer.isBuffer(value)) return value.length === 0
  return value === 0n || value === '' || value === false || Object.is(value, 0)
}
