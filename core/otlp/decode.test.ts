// Requests as objects and back, values as JavaScript values and back.

import fc from 'fast-check'
import t from 'tap'
import { anyRequest, anyValues } from '../../test/helpers/otlp-arbitraries.js'
import { ANY_VALUE, descriptors, oracle, type Plain, REQUEST } from '../../test/helpers/otlp-oracle.js'
import { decodeRequest, encodeAnyValue, encodeRequest, readAnyValue, type Value } from './decode.js'
import { SIGNALS } from './signal.js'
import { MAX_VALUE_DEPTH, WireError } from './wire.js'

/** An AnyValue of the oracle as the value it means. */
function plainValue(any: Plain): unknown {
  if ('intValue' in any) {
    const n = any['intValue'] as bigint
    return Number.isSafeInteger(Number(n)) ? Number(n) : n
  }
  if ('arrayValue' in any) return ((any['arrayValue'] as Plain)['values'] as Plain[] | undefined)?.map(plainValue) ?? []
  if ('kvlistValue' in any) {
    const pairs = ((any['kvlistValue'] as Plain)['values'] as Plain[] | undefined) ?? []
    return Object.fromEntries(pairs.map(p => [p['key'] ?? '', plainValue((p['value'] as Plain | undefined) ?? {})]))
  }
  return any['stringValue'] ?? any['boolValue'] ?? any['doubleValue'] ?? any['bytesValue']
}

/** The oracle's object with all defaults and with values as JavaScript values: what `decodeRequest` should give. */
function filled(message: string, object: Plain): Plain {
  const out: Plain = {}
  for (const f of descriptors.messages[message] ?? []) {
    const one = (v: unknown): unknown => {
      if (f.typeName === ANY_VALUE) return plainValue(v as Plain)
      return f.type === 'message' ? filled(f.typeName as string, v as Plain) : v
    }
    const v = object[f.json]
    if (f.repeated) out[f.json] = ((v as unknown[] | undefined) ?? []).map(one)
    else out[f.json] = v === undefined ? defaultOf(f.type, f.oneof) : one(v)
  }
  return out
}

function defaultOf(type: string, oneof: string | undefined): unknown {
  if (type === 'message' || oneof !== undefined) return undefined
  if (type === 'string') return ''
  if (type === 'bytes') return Buffer.alloc(0)
  if (type === 'bool') return false
  return type.endsWith('64') ? 0n : 0
}

t.test('a decoded request has every field, as the independent codec reads it', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, request]) => {
      const bytes = oracle.encodeRequest(signal, request)
      t.same(decodeRequest(signal, bytes), filled(REQUEST[signal], oracle.decodeRequest(signal, bytes)))
    }),
    { numRuns: 100 }
  )
})

t.test('an encoded request decodes to the same objects, here and in the independent codec', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, request]) => {
      const decoded = decodeRequest(signal, oracle.encodeRequest(signal, request))
      const bytes = encodeRequest(signal, decoded)
      t.same(decodeRequest(signal, bytes), decoded)
      t.same(filled(REQUEST[signal], oracle.decodeRequest(signal, bytes)), decoded)
    }),
    { numRuns: 100 }
  )
})

t.test('a request may be written with the fields that matter alone', async t => {
  const span = {
    name: 'a',
    startTimeUnixNano: 1n,
    attributes: [{ key: 'k', value: [1, 'x', { y: true }] }],
    status: {}
  }
  const bytes = encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  const [read] = decodeRequest('traces', bytes).resourceSpans[0]?.scopeSpans[0]?.spans ?? []
  t.match(read, {
    name: 'a',
    startTimeUnixNano: 1n,
    kind: 0,
    traceId: Buffer.alloc(0),
    events: [],
    status: { code: 0 }
  })
  t.same(read?.attributes[0]?.value, [1, 'x', { y: true }])
  t.same(encodeRequest('logs', {}), Buffer.alloc(0))
})

t.test('counts may be written as numbers: the bytes are the same', async t => {
  const counts = [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER]
  const written = (bucketCounts: unknown) => {
    const one = { positive: { offset: 1, bucketCounts }, count: 1n }
    const metric = { name: 'h', exponentialHistogram: { dataPoints: [one] } }
    return encodeRequest('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] } as never)
  }
  t.same(written(counts), written(counts.map(BigInt)))
  t.same(written(Float64Array.from(counts)), written(counts.map(BigInt)))
})

t.test('values read as the JavaScript values they mean', async t => {
  fc.assert(
    fc.property(anyValues(), any => {
      const bytes = oracle.encode(ANY_VALUE, any)
      const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(9, 0x01)])
      t.same(readAnyValue(around, 3, 3 + bytes.length), plainValue(oracle.decode(ANY_VALUE, bytes)))
    }),
    { numRuns: 200 }
  )
  const evil = readAnyValue(encodeAnyValue(new Map([['__proto__', 1]]))) as Record<string, Value>
  t.equal(Object.getPrototypeOf(evil), null)
  t.same(Object.keys(evil), ['__proto__'])
})

t.test('values are written as the kind that keeps them', async t => {
  const cases: [unknown, Plain][] = [
    ['é', { stringValue: 'é' }],
    ['', { stringValue: '' }],
    [false, { boolValue: false }],
    [-5, { intValue: -5n }],
    [2 ** 53, { doubleValue: 2 ** 53 }],
    [-0, { doubleValue: -0 }],
    [0.5, { doubleValue: 0.5 }],
    [Number.NaN, { doubleValue: Number.NaN }],
    [-(1n << 63n), { intValue: -(1n << 63n) }],
    [1n << 63n, { stringValue: '9223372036854775808' }],
    [Buffer.from('x'), { bytesValue: Buffer.from('x') }],
    [new Date(0), { stringValue: '1970-01-01T00:00:00.000Z' }],
    [null, {}],
    [undefined, {}],
    [() => 1, {}],
    [[1n, [null]], { arrayValue: { values: [{ intValue: 1n }, { arrayValue: { values: [{}] } }] } }],
    [
      { a: { b: 1 } },
      {
        kvlistValue: {
          values: [{ key: 'a', value: { kvlistValue: { values: [{ key: 'b', value: { intValue: 1n } }] } } }]
        }
      }
    ]
  ]
  for (const [value, wanted] of cases) t.same(oracle.decode(ANY_VALUE, encodeAnyValue(value)), wanted)
})

t.test('values nested too deep, or in themselves, are refused in both directions', async t => {
  const nest = (n: number): unknown => (n === 1 ? 1 : [nest(n - 1)])
  t.ok(readAnyValue(encodeAnyValue(nest(MAX_VALUE_DEPTH))))
  t.throws(() => encodeAnyValue(nest(MAX_VALUE_DEPTH + 1)), { code: 'OTLP_DEPTH' })
  const loop: unknown[] = []
  loop.push(loop)
  t.throws(() => encodeAnyValue(loop), { code: 'OTLP_DEPTH' })
  let deep = Buffer.alloc(0)
  for (let i = 0; i < 200; i++) {
    const length = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, n >> 7])
    deep = Buffer.from([0x0a, ...length(deep.length), ...deep])
    deep = Buffer.from([0x2a, ...length(deep.length), ...deep])
  }
  t.throws(() => readAnyValue(deep), { code: 'OTLP_DEPTH' })
})

t.test('decoded bytes own their memory', async t => {
  const bytes = encodeRequest('logs', {
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ traceId: Buffer.alloc(16, 1) }] }] }]
  })
  const decoded = decodeRequest('logs', bytes)
  bytes.fill(0)
  t.same(decoded.resourceLogs[0]?.scopeLogs[0]?.logRecords[0]?.traceId, Buffer.alloc(16, 1))
})

t.test('whatever the bytes are, nothing but a WireError is thrown and nothing outside them is read', async t => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(b => Buffer.from(b)),
    fc.tuple(anyRequest, fc.nat(), fc.nat(255)).map(([[signal, request], at, byte]) => {
      const bytes = oracle.encodeRequest(signal, request)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    })
  )
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), bytes, (signal, bytes) => {
      const larger = Buffer.concat([Buffer.alloc(8, 1), bytes, Buffer.alloc(40, 1)]).subarray(8, 8 + bytes.length)
      t.same(
        outcome(() => decodeRequest(signal, larger)),
        outcome(() => decodeRequest(signal, bytes))
      )
      t.same(
        outcome(() => readAnyValue(larger)),
        outcome(() => readAnyValue(bytes))
      )
    }),
    { numRuns: 500 }
  )
})

function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return error.code
  }
}
