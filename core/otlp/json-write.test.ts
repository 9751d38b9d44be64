// OTLP/JSON out: the form of every kind of field, what decoders would make of odd bytes, and anything at all.

import fc from 'fast-check'
import t from 'tap'
import { anyRequest, anyText, requests } from '../../test/helpers/otlp-arbitraries.js'
import { ANY_VALUE, futureOracle, oracle, type Plain, REQUEST } from '../../test/helpers/otlp-oracle.js'
import { jsonToProtobuf } from './json-read.js'
import { protobufToJson, protobufToJsonBytes } from './json-write.js'
import { SIGNALS, type Signal } from './signal.js'
import { MAX_VALUE_DEPTH, WireError, WireWriter } from './wire.js'

const write = (signal: Signal, request: Plain): string => protobufToJson(signal, oracle.encodeRequest(signal, request))
const spans = (...list: Plain[]): Plain => ({ resourceSpans: [{ scopeSpans: [{ spans: list }] }] })

t.test('J1 J4 J5 J6 names, ids, integers, bytes and doubles have the form of OTLP/JSON', async t => {
  const values = [
    { stringValue: 'é"\\\n\u0001' },
    { boolValue: false },
    { intValue: -(1n << 63n) },
    { doubleValue: Number.NaN },
    { doubleValue: Number.NEGATIVE_INFINITY },
    { doubleValue: -0 },
    { doubleValue: 1e21 },
    { bytesValue: Buffer.from([0xfb, 0xff]) },
    { arrayValue: {} },
    {}
  ]
  const span = {
    traceId: Buffer.alloc(16, 0xab),
    kind: 2,
    flags: 256,
    startTimeUnixNano: 1544712660000000001n,
    endTimeUnixNano: (1n << 64n) - 1n,
    attributes: [{ key: 'k', value: { arrayValue: { values } } }],
    status: {}
  }
  t.equal(
    write('traces', spans(span)),
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abababababababababababababababab","kind":2,' +
      '"startTimeUnixNano":"1544712660000000001","endTimeUnixNano":"18446744073709551615",' +
      '"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"stringValue":"é\\"\\\\\\n\\u0001"},' +
      '{"boolValue":false},{"intValue":"-9223372036854775808"},{"doubleValue":"NaN"},{"doubleValue":"-Infinity"},' +
      '{"doubleValue":-0},{"doubleValue":1e+21},{"bytesValue":"+/8="},{"arrayValue":{}},{}]}}}],' +
      '"status":{},"flags":256}]}]}]}'
  )
  t.equal(protobufToJson('logs', Buffer.alloc(0)), '{}')
})

t.test('every request comes back from its JSON as the same message', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, request]) => {
      const bytes = oracle.encodeRequest(signal, request)
      const json = protobufToJson(signal, bytes)
      t.notMatch(json, /\n/)
      t.same(
        oracle.decodeRequest(signal, jsonToProtobuf(signal, Buffer.from(json))),
        oracle.decodeRequest(signal, bytes)
      )
      JSON.parse(json)
    }),
    { numRuns: 150 }
  )
})

t.test('64-bit integers have exactly their digits', async t => {
  const u64 = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 0n, max: 1n << 34n }))
  const multiples = fc
    .bigInt({ min: 0n, max: 18446744072n })
    .chain(q => fc.constantFrom(-1n, 0n, 1n).map(d => q * 1000000000n + d))
  fc.assert(
    fc.property(fc.oneof(u64, multiples), n => {
      const time = n < 0n ? 1n : n
      const json = write('traces', spans({ startTimeUnixNano: time }))
      t.equal(json.includes(`"${time}"`), time !== 0n)
    }),
    { numRuns: 1000 }
  )
})

t.test('strings are escaped as JSON wants it', async t => {
  fc.assert(
    fc.property(anyText, text => {
      const json = write('traces', spans({ name: text }))
      t.equal(JSON.parse(json).resourceSpans[0].scopeSpans[0].spans[0].name ?? '', text)
    }),
    { numRuns: 200 }
  )
})

t.test('text that is not UTF-8 gets replacement characters and harms nothing around it', async t => {
  const bytes = oracle.encodeRequest('traces', spans({ name: 'ABCD', traceState: 'x' }))
  const at = bytes.indexOf('ABCD')
  Buffer.from([0x41, 0xe2, 0x82, 0xf0]).copy(bytes, at)
  t.equal(JSON.parse(protobufToJson('traces', bytes)).resourceSpans[0].scopeSpans[0].spans[0].name, 'A\ufffd\ufffd')
})

t.test('unknown fields are left out', async t => {
  fc.assert(
    fc.property(requests('logs', { future: true }), request => {
      const bytes = futureOracle.encodeRequest('logs', request)
      const json = protobufToJson('logs', bytes)
      t.notMatch(json, /"future/)
      t.same(
        oracle.decodeRequest('logs', jsonToProtobuf('logs', Buffer.from(json))),
        oracle.decodeRequest('logs', bytes)
      )
    }),
    { numRuns: 60 }
  )
})

t.test('singular messages that come twice are merged', async t => {
  // Messages of one type one behind the other are one message. The oracle does not merge, so the test does.
  const pair = fc
    .constantFrom(...SIGNALS)
    .chain(signal =>
      fc.tuple(fc.constant(signal), requests(signal, { maxLength: 2 }), requests(signal, { maxLength: 2 }))
    )
  fc.assert(
    fc.property(pair, ([signal, a, b]) => {
      const { list, type } = ENVELOPE[signal]
      const [first, second] = [a, b].map(r => oracle.canonical(type, (r[list] as Plain[] | undefined)?.[0] ?? {})) as [
        Plain,
        Plain
      ]
      const w = new WireWriter()
      w.tag(1, 2)
      w.bytes(Buffer.concat([oracle.encode(type, first), oracle.encode(type, second)]))
      const json = protobufToJson(signal, w.finish())
      const read = oracle.decodeRequest(signal, jsonToProtobuf(signal, Buffer.from(json)))
      t.same(read, { [list]: [merged(first, second)] })
    }),
    { numRuns: 100 }
  )
})

const ENVELOPE: Readonly<Record<Signal, { list: string; type: string }>> = {
  traces: { list: 'resourceSpans', type: 'opentelemetry.proto.trace.v1.ResourceSpans' },
  metrics: { list: 'resourceMetrics', type: 'opentelemetry.proto.metrics.v1.ResourceMetrics' },
  logs: { list: 'resourceLogs', type: 'opentelemetry.proto.logs.v1.ResourceLogs' }
}

function merged(a: Plain, b: Plain): Plain {
  const both: Plain = { ...a, ...b }
  for (const name of Object.keys(a)) {
    const [x, y] = [a[name], b[name]]
    if (Array.isArray(x) && Array.isArray(y)) both[name] = [...x, ...y]
    else if (name === 'resource' && y !== undefined) both[name] = merged(x as Plain, y as Plain)
  }
  return both
}

t.test('unpacked numbers are a list, the last member of a oneof counts', async t => {
  const w = new WireWriter()
  const marks: number[] = []
  const open = (field: number): void => {
    w.tag(field, 2)
    marks.push(w.open())
  }
  const close = (): void => w.close(marks.pop() as number)
  for (const field of [1, 2, 2, 9, 1]) open(field)
  for (const n of [5, 6]) {
    w.tag(6, 1)
    w.fixed64(n, 0)
  }
  open(6)
  w.fixed64(7, 0)
  close()
  w.tag(4, 0)
  w.uint32(9)
  open(8)
  w.tag(6, 1)
  w.fixed64(1, 0)
  w.tag(3, 1)
  w.double(2)
  close()
  for (let i = 0; i < 5; i++) close()
  t.equal(
    protobufToJson('metrics', w.finish()),
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":["5","6","7"],' +
      '"exemplars":[{"asDouble":2}]}]}}]}]}]}'
  )
})

t.test('values nested too deep are refused', async t => {
  const nest = (n: number): Buffer => {
    let value = oracle.encode(ANY_VALUE, { intValue: 1n })
    const around = (field: number, bytes: Buffer): Buffer => {
      const w = new WireWriter()
      w.tag(field, 2)
      w.bytes(bytes)
      return w.finish()
    }
    for (let i = 1; i < n; i++) value = around(5, around(1, value))
    // ResourceLogs, ScopeLogs, LogRecord, body.
    return [5, 2, 2, 1].reduce((bytes, field) => around(field, bytes), value)
  }
  t.match(protobufToJson('logs', nest(MAX_VALUE_DEPTH)), /"intValue":"1"/)
  t.throws(() => protobufToJson('logs', nest(MAX_VALUE_DEPTH + 1)), { code: 'OTLP_DEPTH' })
  t.throws(() => protobufToJson('logs', nest(5000)), { code: 'OTLP_DEPTH' })
})

t.test('whatever the bytes are, nothing but a WireError is thrown and nothing outside them is read', async t => {
  const damaged = fc.tuple(anyRequest, fc.nat(), fc.nat(255)).map(([[signal, request], at, byte]) => {
    const bytes = oracle.encode(REQUEST[signal], request)
    if (bytes.length > 0) bytes[at % bytes.length] = byte
    return bytes
  })
  const bytes = fc.oneof(
    damaged,
    fc.uint8Array({ maxLength: 40 }).map(b => Buffer.from(b))
  )
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), bytes, (signal, bytes) => {
      const larger = Buffer.concat([Buffer.alloc(8, 0x01), bytes, Buffer.alloc(40, 0x01)])
      t.equal(outcome(signal, larger.subarray(8, 8 + bytes.length)), outcome(signal, bytes))
    }),
    { numRuns: 1000 }
  )
})

function outcome(signal: Signal, bytes: Buffer): string {
  try {
    const json = protobufToJson(signal, bytes)
    JSON.parse(json)
    if (!protobufToJsonBytes(signal, bytes).equals(Buffer.from(json))) throw new Error('text and bytes differ')
    return json
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return error.code
  }
}
