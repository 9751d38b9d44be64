// fast-check arbitraries for whole OTLP requests: every field of the published descriptors, every kind of AnyValue,
// nested, any Unicode text. The objects have the shape that test/helpers/otlp-oracle.ts encodes.

import fc from 'fast-check'
import type { Signal } from '../../core/otlp/signal.js'
import { ANY_VALUE, type DescriptorField, descriptors, type Plain, REQUEST } from './otlp-oracle.js'

export interface ArbitraryOptions {
  /** How deep values may be nested; default 3. */
  readonly maxDepth?: number
  /** Most entries of a list; default 3. */
  readonly maxLength?: number
  /** Also the fields futureText, futureInt, futureTime, futureFlags in every message; encode with `futureOracle`. */
  readonly future?: boolean
  /** The text in it; default: any Unicode. */
  readonly text?: fc.Arbitrary<string>
}

const KEY_VALUE = 'opentelemetry.proto.common.v1.KeyValue'

/** Keys as instrumentation writes them, and others. */
const KEYS = ['service.name', 'http.request.method', 'user.email', 'workflow.name', 'step.attempt', 'db.query.text', '']

/** Any text without lone surrogates: words, JSON and UTF-8 corner cases, any code point. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '"',
      '\\',
      '\u0000\u001f\u007f',
      '\u2028\ud83d\ude00',
      'é'.repeat(70),
      'x'.repeat(300)
    )
  }
)

const uint32 = fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: 0xffffffff }))
const int32 = fc.oneof(fc.integer({ min: -3, max: 40 }), fc.integer())
const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 1000n }),
  fc.bigInt({ min: 1_600_000_000_000_000_000n, max: 1_900_000_000_000_000_000n }),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constant((1n << 64n) - 1n)
)
const int64 = fc.oneof(
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.constantFrom(-(1n << 63n), (1n << 63n) - 1n, (1n << 53n) + 1n)
)
const double = fc.oneof(fc.double(), fc.integer().map(Number), fc.constantFrom(0, -0, Number.NaN, 1e21, 5e-324, 0.1))

const NUMBERS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int32,
  sint32: int32,
  uint32,
  fixed32: uint32,
  int64,
  sfixed64: int64,
  uint64,
  fixed64: uint64,
  double
}

/** Whole requests of a signal; ids have their right lengths, so that every item is valid. */
export function requests(signal: Signal, options: ArbitraryOptions = {}): fc.Arbitrary<Plain> {
  return message(REQUEST[signal], build(options))
}

export const traceRequests: fc.Arbitrary<Plain> = requests('traces')
export const metricRequests: fc.Arbitrary<Plain> = requests('metrics')
export const logRequests: fc.Arbitrary<Plain> = requests('logs')

/** One AnyValue as object: `{ stringValue: 'x' }`, `{}`, ... */
export function anyValues(options: ArbitraryOptions = {}): fc.Arbitrary<Plain> {
  return message(ANY_VALUE, build(options))
}

/** A signal and a request of it. */
export const anyRequest: fc.Arbitrary<readonly [Signal, Plain]> = fc.oneof(
  traceRequests.map(r => ['traces', r] as const),
  metricRequests.map(r => ['metrics', r] as const),
  logRequests.map(r => ['logs', r] as const)
)

interface Build {
  readonly maxLength: number
  readonly future: boolean
  readonly text: fc.Arbitrary<string>
  readonly maxDepth: number
  readonly known: Map<string, fc.Arbitrary<Plain>>
}

function build({ maxDepth = 3, maxLength = 3, future = false, text = anyText }: ArbitraryOptions): Build {
  return { maxDepth, maxLength, future, text, known: new Map() }
}

/** AnyValue nests itself: `depth` counts how many may still be put inside. */
function message(name: string, b: Build, depth = b.maxDepth): fc.Arbitrary<Plain> {
  const id = `${name} ${depth}`
  const known = b.known.get(id)
  if (known !== undefined) return known
  const fields = (descriptors.messages[name] as readonly DescriptorField[]).filter(f => depth > 0 || !isNest(f))
  const arbitrary = assemble(name, fields, b, depth)
  b.known.set(id, arbitrary)
  return arbitrary
}

function assemble(name: string, fields: readonly DescriptorField[], b: Build, depth: number): fc.Arbitrary<Plain> {
  const always: Record<string, fc.Arbitrary<unknown>> = {}
  const sometimes: Record<string, fc.Arbitrary<unknown>> = {}
  const groups = new Map<string, fc.Arbitrary<Plain>[]>()
  for (const f of fields) {
    const value = fieldValue(name, f, b, depth)
    if (f.oneof !== undefined && !f.oneof.startsWith('_')) {
      const members = groups.get(f.oneof) ?? []
      members.push(value.map(v => ({ [f.json]: v })))
      groups.set(f.oneof, members)
    } else if (isAlways(name, f)) always[f.json] = value
    else sometimes[f.json] = value
  }
  if (b.future) Object.assign(sometimes, futureFields())
  const parts: fc.Arbitrary<Plain>[] = [
    fc.record({ ...always, ...sometimes }, { requiredKeys: Object.keys(always) }) as fc.Arbitrary<Plain>
  ]
  for (const members of groups.values()) {
    parts.push(fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, ...members.map(m => ({ weight: 2, arbitrary: m }))))
  }
  return fc.tuple(...parts).map(objects => Object.assign({}, ...objects))
}

function fieldValue(name: string, f: DescriptorField, b: Build, depth: number): fc.Arbitrary<unknown> {
  const one = single(name, f, b, depth)
  return f.repeated ? fc.array(one, { maxLength: b.maxLength }) : one
}

function single(name: string, f: DescriptorField, b: Build, depth: number): fc.Arbitrary<unknown> {
  if (f.type === 'message') return message(f.typeName as string, b, isNest(f) ? depth - 1 : depth)
  if (f.type === 'enum') {
    const values = Object.values(descriptors.enums[f.typeName as string] as Record<string, number>)
    return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.integer() })
  }
  if (f.name === 'trace_id') return id(16)
  if (f.name.endsWith('span_id')) return id(8)
  if (f.type === 'bytes') return fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes))
  if (f.type === 'string') return name === KEY_VALUE ? fc.oneof(fc.constantFrom(...KEYS), b.text) : b.text
  return NUMBERS[f.type] as fc.Arbitrary<unknown>
}

/** Array and map members of AnyValue. */
function isNest(f: DescriptorField): boolean {
  return f.name === 'array_value' || f.name === 'kvlist_value'
}

/** What the specification requires of a valid item. */
function isAlways(name: string, f: DescriptorField): boolean {
  const isIdentified = name.endsWith('.Span') || name.endsWith('.Link')
  return isIdentified && (f.name === 'trace_id' || f.name === 'span_id')
}

function id(length: number): fc.Arbitrary<Buffer> {
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map(bytes => Buffer.from(bytes.every(b => b === 0) ? bytes.fill(1) : bytes))
}

function futureFields(): Record<string, fc.Arbitrary<unknown>> {
  return {
    futureText: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }),
    futureInt: uint64,
    futureTime: uint64,
    futureFlags: uint32
  }
}
