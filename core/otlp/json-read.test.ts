// OTLP/JSON in: the mapping's rules one by one (J1-J7, H13), and anything at all.

import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer
} from '@opentelemetry/otlp-transformer'
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  type ReadableLogRecord,
  SimpleLogRecordProcessor
} from '@opentelemetry/sdk-logs'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor
} from '@opentelemetry/sdk-trace-node'
import fc from 'fast-check'
import t from 'tap'
import { anyRequest } from '../../test/helpers/otlp-arbitraries.js'
import { oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { jsonToProtobuf, OtlpJsonError } from './json-read.js'
import { protobufToJson } from './json-write.js'
import { SIGNALS, type Signal } from './signal.js'
import { Walker } from './walk.js'
import { MAX_VALUE_DEPTH } from './wire.js'

const ID = '5B8EFFF798038103D269B633813FC60C'
const SPAN_ID = 'EEE19B7EC3C1B174'

const read = (json: string | Buffer, signal: Signal = 'traces'): Plain =>
  oracle.decodeRequest(signal, jsonToProtobuf(signal, Buffer.from(json as string)))

const span = (fields: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`
const firstSpan = (fields: string): Plain => dig(read(span(fields)), 'resourceSpans', 'scopeSpans', 'spans')
const value = (json: string): unknown =>
  (firstSpan(`"attributes":[{"key":"k","value":${json}}]`) as { attributes: Plain[] }).attributes[0]?.['value']
const point = (fields: string): Plain =>
  dig(
    read(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[{${fields}}]}}]}]}]}`, 'metrics'),
    'resourceMetrics',
    'scopeMetrics',
    'metrics',
    'sum',
    'dataPoints'
  )

function dig(at: Plain, ...names: string[]): Plain {
  for (const name of names) {
    const next = at[name]
    at = (Array.isArray(next) ? next[0] : next) as Plain
  }
  return at
}

const problem = (json: string | Buffer): OtlpJsonError => {
  try {
    jsonToProtobuf('traces', Buffer.from(json as string))
  } catch (error) {
    if (error instanceof OtlpJsonError) return error
    throw error
  }
  throw new Error(`accepted: ${json.toString().slice(0, 200)}`)
}
const refused = (fields: string): string => problem(span(fields)).message

t.test('J1 ids are hex in either case, and base64 is refused', async t => {
  const upper = firstSpan(`"traceId":"${ID}","spanId":"${SPAN_ID}","parentSpanId":"${SPAN_ID}"`)
  t.same(
    upper,
    firstSpan(`"traceId":"${ID.toLowerCase()}","spanId":"${SPAN_ID.toLowerCase()}","parentSpanId":"eee19B7ec3c1b174"`)
  )
  t.same(upper['traceId'], Buffer.from(ID, 'hex'))
  t.match(refused(`"traceId":"${Buffer.from(ID, 'hex').toString('base64')}"`), /hexadecimal/)
  t.same(dig(firstSpan(`"links":[{"traceId":"${ID}"}]`), 'links')['traceId'], Buffer.from(ID, 'hex'))
})

t.test('J7 an id of the wrong length goes on, so that its item alone is refused later', async t => {
  t.same(firstSpan('"traceId":"abcd"')['traceId'], Buffer.from('abcd', 'hex'))
  for (const odd of ['a', ID.slice(1), `${ID}a`]) t.same(firstSpan(`"traceId":"${odd}"`)['traceId'], Buffer.alloc(1))
  t.same(firstSpan('"traceId":""'), {})
})

t.test('J7 one bad id of a hundred costs one item', async t => {
  const ids = Array.from({ length: 100 }, (_, i) => (i === 41 ? ID.slice(1) : ID))
  const spans = ids.map(id => `{"traceId":"${id}","spanId":"${SPAN_ID}"}`)
  const bytes = jsonToProtobuf('traces', Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${spans}]}]}]}`))
  const silent = { dropped: () => undefined, failed: () => undefined }
  t.match(new Walker('traces', [], silent).walk(bytes), { seen: 100, items: 99, rejected: 1 })
})

t.test('J2 enums are integers, names are refused', async t => {
  t.equal(firstSpan('"kind":2')['kind'], 2)
  t.equal(firstSpan('"kind":-1')['kind'], -1)
  t.match(refused('"kind":"SPAN_KIND_SERVER"'), /enum names/)
  t.match(refused('"kind":"2"'), /enum names/)
  t.match(refused('"kind":2147483648'), /range/)
})

t.test('J3 unknown names are ignored at every level, but must be JSON', async t => {
  const extra = '"x":{"a":[1,{"b":null},[],{}],"c":"\\u00e9"},"y":-1.5e+3,"":true'
  const json = `{${extra},"resourceSpans":[{${extra},"resource":{${extra}},"scopeSpans":[{${extra},"spans":[{${extra},"name":"n",${extra.replace('"":', '"z":')}}]}]}]}`
  t.equal(dig(read(json), 'resourceSpans', 'scopeSpans', 'spans')['name'], 'n')
  for (const bad of [
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '-',
    'tru',
    'nul',
    '[1,]',
    '{"a"}',
    '{"a":1,}',
    '[1 2]',
    "'a'",
    '"\\x"',
    '"\t"',
    '[}',
    '{]',
    ''
  ]) {
    t.match(refused(`"x":${bad}`), /not an OTLP request/, bad)
  }
  t.match(refused(`"x":${'['.repeat(5000)}`), /nested deeper/)
})

t.test('J4 snake_case names are unknown; names may be escaped', async t => {
  t.same(firstSpan('"trace_id":"zz","start_time_unix_nano":"x"'), {})
  t.same(firstSpan('"n\\u0061me":"n"'), { name: 'n' })
})

t.test('J5 64-bit integers are exact as strings and as numbers', async t => {
  for (const n of [
    '1544712660000000001',
    '18446744073709551615',
    '9007199254740993',
    '10000000000',
    '9999999999',
    '4294967296'
  ]) {
    t.equal(firstSpan(`"startTimeUnixNano":${n}`)['startTimeUnixNano'], BigInt(n))
    t.equal(firstSpan(`"startTimeUnixNano":"${n}"`)['startTimeUnixNano'], BigInt(n))
  }
  for (const n of ['-9223372036854775808', '9223372036854775807', '-1', '-4294967296']) {
    t.same(value(`{"intValue":${n}}`), { intValue: BigInt(n) })
    t.same(value(`{"intValue":"${n}"}`), { intValue: BigInt(n) })
  }
  fc.assert(
    fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), n => {
      t.same(value(`{"intValue":${n}}`), { intValue: n })
    }),
    { numRuns: 200 }
  )
})

t.test('J5 whole numbers may have a fraction or an exponent', async t => {
  for (const [text, n] of [
    ['1.0', 1n],
    ['15e2', 1500n],
    ['1.5E+1', 15n],
    ['1200e-2', 12n],
    ['0e999999999999', 0n],
    ['-0', 0n],
    ['-1e2', -100n],
    ['0.0000000000000000000000001e25', 1n],
    ['9223372036854775807.000', 9223372036854775807n],
    ['1e18', 10n ** 18n]
  ] as const) {
    t.same(value(`{"intValue":${text}}`), { intValue: n }, text)
    t.same(value(`{"intValue":"${text}"}`), { intValue: n }, text)
  }
  for (const text of [
    '1.5',
    '1e-1',
    '1e19',
    '9223372036854775808',
    '-9223372036854775809',
    '1e999999999',
    `1${'0'.repeat(40)}`
  ]) {
    t.throws(() => value(`{"intValue":${text}}`), { code: 'OTLP_JSON' }, text)
    t.throws(() => value(`{"intValue":"${text}"}`), { code: 'OTLP_JSON' }, text)
  }
  for (const text of ['""', '" 1"', '"1 "', '"0x1"', '"01"', '"+1"', '"1e"', '"-"', 'true', '[]', '"one"', '"1_0"']) {
    t.throws(() => value(`{"intValue":${text}}`), { code: 'OTLP_JSON' }, text)
  }
  t.match(refused('"startTimeUnixNano":-1'), /range/)
  t.match(refused('"startTimeUnixNano":18446744073709551616'), /range/)
  t.match(refused('"droppedAttributesCount":4294967296'), /range/)
})

t.test('J6 bytes are base64 of either alphabet, padded or not', async t => {
  const bytes = Buffer.from('fbefbeff', 'hex')
  for (const text of ['++++/w==', '----_w==', '----_w', '++++/w', '\\u002b+++\\/w==']) {
    t.same(value(`{"bytesValue":"${text}"}`), { bytesValue: bytes })
  }
  t.same(value('{"bytesValue":""}'), { bytesValue: Buffer.alloc(0) })
  for (const text of ['a', 'ab=', 'abc==', 'a=bc', '====', 'é', 'ab c', 'abcde']) {
    t.throws(() => value(`{"bytesValue":"${text}"}`), { code: 'OTLP_JSON' }, text)
  }
})

t.test('J6 doubles are numbers, numbers in strings, or the three names', async t => {
  for (const [text, n] of [
    ['1', 1],
    ['-0', -0],
    ['0.1', 0.1],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['"2.5"', 2.5],
    ['"NaN"', Number.NaN],
    ['"Infinity"', Number.POSITIVE_INFINITY],
    ['"-Infinity"', Number.NEGATIVE_INFINITY],
    ['123456789012345678', 123456789012345680],
    ['5e-324', 5e-324]
  ] as const) {
    t.ok(Object.is((value(`{"doubleValue":${text}}`) as Plain)['doubleValue'], n), text)
  }
  for (const text of ['"inf"', '""', 'NaN', 'Infinity', '1e999', '" 1"', '"1 "', '"nan"', '"1x1"', '0x1', 'true']) {
    t.throws(() => value(`{"doubleValue":${text}}`), { code: 'OTLP_JSON' }, text)
  }
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), n => {
      const text = Object.is(n, -0) ? '-0' : String(n)
      t.ok(Object.is(point(`"asDouble":${text}`)['asDouble'], n), text)
    }),
    { numRuns: 500 }
  )
})

t.test('J6 null is absent, missing is the default', async t => {
  t.same(firstSpan('"name":null,"kind":null,"attributes":null,"status":null,"startTimeUnixNano":null'), {})
  t.same(value('{"stringValue":null,"intValue":"3"}'), { intValue: 3n })
  t.same(value('{"stringValue":""}'), { stringValue: '' })
  t.same(value('{"arrayValue":{"values":[null,{"boolValue":false}]}}'), {
    arrayValue: { values: [{}, { boolValue: false }] }
  })
  t.same(read('{}'), {})
  t.same(jsonToProtobuf('logs', Buffer.from(' \n\r\t{ } ')), Buffer.alloc(0))
  t.same(read('\ufeff{}'), {})
})

t.test('a field that is set twice, or beside another of its oneof, is refused', async t => {
  t.match(refused('"name":"a","name":"b"'), /set twice/)
  t.match(refused('"attributes":[],"attributes":[]'), /set twice/)
  t.throws(() => value('{"stringValue":"a","intValue":"1"}'), /beside another/)
  t.throws(() => point('"asInt":"1","asDouble":1'), /beside another/)
})

t.test('text keeps every character; what is not Unicode becomes U+FFFD', async t => {
  t.equal(
    firstSpan('"name":"\\ud83d\\ude00 \\u00e9\\"\\\\\\/\\b\\f\\n\\r\\t \u{1f600}"')['name'],
    '\u{1f600} é"\\/\b\f\n\r\t \u{1f600}'
  )
  t.equal(firstSpan('"name":"\\ud83d"')['name'], '\ufffd')
  t.equal(firstSpan('"name":"\\ude00\\ud83d\\u0041"')['name'], '\ufffd\ufffdA')
  t.equal(firstSpan('"name":"\\ud83d\\ud83d\\ude00"')['name'], '\ufffd\u{1f600}')
  const bad = Buffer.concat([
    Buffer.from('{"resourceSpans":[{"schemaUrl":"a'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('b"}]}')
  ])
  t.equal(dig(read(bad), 'resourceSpans')['schemaUrl'], 'a\ufffd\ufffdb')
  for (const text of ['"\u0000"', '"\n"', '"\\u12"', '"\\u12g4"', '"\\', '"\\ud83d\\u"', '"\\ud83d\\', '"abc']) {
    t.match(refused(`"name":${text}`), /not an OTLP request/, text)
  }
})

t.test('values may be nested 64 deep, not deeper', async t => {
  const nested = (n: number): string =>
    `${'{"arrayValue":{"values":['.repeat(n - 1)}{"intValue":1}${']}}'.repeat(n - 1)}`
  // The oracle stops at 100 messages, so the way back is the check.
  const deepest = span(`"attributes":[{"key":"k","value":${nested(MAX_VALUE_DEPTH).replace('1}', '"1"}')}}]`)
  t.equal(protobufToJson('traces', jsonToProtobuf('traces', Buffer.from(deepest))), deepest)
  t.throws(() => value(nested(MAX_VALUE_DEPTH + 1)), /nested deeper than 64/)
  t.throws(() => value(nested(100_000)), /nested deeper than 64/)
})

t.test('H13 what is not a request is refused, with its place and without its text', async t => {
  for (const json of [
    '',
    ' ',
    'null',
    '[]',
    '1',
    '"x"',
    '{',
    '{}}',
    '{} x',
    '{"resourceSpans"',
    '{"resourceSpans":[',
    '{"resourceSpans":{}}',
    '{resourceSpans:[]}'
  ]) {
    t.equal(problem(json).code, 'OTLP_JSON', json)
  }
  const json = `{"resourceSpans":[{},{"scopeSpans":[{"spans":[{"secret@name":1,"kind":1},{"kind":"very-secret"}]}]}]}`
  const error = problem(json)
  t.equal(error.path, 'resourceSpans[1].scopeSpans[0].spans[1].kind')
  t.equal(error.offset, json.indexOf('"very'))
  t.notMatch(error.message, /secret/)
  t.equal(problem('{"resourceSpans":[{"secret@name":tru}]}').path, 'resourceSpans[0].?')
})

t.test('JSON of any request gives the bytes of the same request', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, request]) => {
      const bytes = oracle.encodeRequest(signal, request)
      const json = JSON.stringify(toJson(request))
      t.same(
        oracle.decodeRequest(signal, jsonToProtobuf(signal, Buffer.from(json))),
        oracle.decodeRequest(signal, bytes)
      )
      // The same with white space.
      const wide = JSON.stringify(toJson(request), undefined, '\t')
      t.ok(jsonToProtobuf(signal, Buffer.from(wide)).equals(jsonToProtobuf(signal, Buffer.from(json))))
    }),
    { numRuns: 150 }
  )
})

t.test('JSON as the OpenTelemetry JavaScript SDK writes it comes out as the protobuf it writes', async t => {
  const { spans, metrics, records } = await telemetry()
  const same = (signal: Signal, json: Uint8Array | undefined, protobuf: Uint8Array | undefined): void => {
    if (json === undefined || protobuf === undefined) throw new Error('the SDK wrote nothing')
    const request = oracle.decodeRequest(signal, protobuf)
    t.ok(Object.keys(request).length > 0)
    t.same(oracle.decodeRequest(signal, jsonToProtobuf(signal, json)), request)
    t.same(oracle.decodeRequest(signal, jsonToProtobuf(signal, Buffer.from(protobufToJson(signal, protobuf)))), request)
  }
  same('traces', JsonTraceSerializer.serializeRequest(spans), ProtobufTraceSerializer.serializeRequest(spans))
  same('metrics', JsonMetricsSerializer.serializeRequest(metrics), ProtobufMetricsSerializer.serializeRequest(metrics))
  same('logs', JsonLogsSerializer.serializeRequest(records), ProtobufLogsSerializer.serializeRequest(records))
})

/** A little of everything from the SDK itself. */
async function telemetry(): Promise<{
  spans: ReadableSpan[]
  metrics: ResourceMetrics
  records: ReadableLogRecord[]
}> {
  const attributes = { text: 'é"\n', int: 7, big: 2 ** 52, double: 0.5, yes: true, list: ['a', 'b'], numbers: [1, 2.5] }
  const memory = new InMemorySpanExporter()
  const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] }).getTracer('lib', '1')
  const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, attributes })
  const child = tracer.startSpan(
    'child',
    { links: [{ context: parent.spanContext(), attributes }] },
    trace.setSpan(context.active(), parent)
  )
  child.addEvent('event', attributes)
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'failed' })
  child.end()
  parent.end()
  const logs = new InMemoryLogRecordExporter()
  new LoggerProvider({ processors: [new SimpleLogRecordProcessor(logs)] })
    .getLogger('lib')
    .emit({ severityNumber: 9, severityText: 'INFO', body: { nested: [1, 'x', null, { y: true }] }, attributes })
  const reader = new (class extends MetricReader {
    protected async onForceFlush(): Promise<void> {}
    protected async onShutdown(): Promise<void> {}
  })()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('lib')
  meter.createCounter('count', { unit: '1' }).add(3, { a: 'b' })
  meter.createGauge('gauge').record(-0.25)
  meter.createHistogram('histogram').record(12)
  const { resourceMetrics } = await reader.collect()
  return { spans: memory.getFinishedSpans(), metrics: resourceMetrics, records: logs.getFinishedLogRecords() }
}

t.test('what JSON is, and what text a string stands for, is what JSON.parse says', async t => {
  const token = fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '""',
      '0',
      '-',
      '1',
      '.5',
      'e3',
      'E-',
      '+',
      'true',
      'false',
      'null',
      'nul',
      ' ',
      '\t',
      '\u000b',
      '\u00a0',
      '\ufeff',
      "'"
    ),
    fc.jsonValue({ maxDepth: 3 }).map(v => JSON.stringify(v))
  )
  const anyJson = fc.oneof(
    fc.array(token, { maxLength: 6 }).map(parts => parts.join('')),
    fc.tuple(fc.jsonValue(), fc.nat(), fc.string({ maxLength: 1 })).map(([v, at, c]) => {
      const text = JSON.stringify(v, undefined, 1)
      return text.slice(0, at % text.length) + c + text.slice((at % text.length) + 1)
    })
  )
  fc.assert(
    fc.property(anyJson, text => {
      const json = `{"x":${text}}`
      t.equal(
        accepts(() => jsonToProtobuf('logs', Buffer.from(json))),
        accepts(() => JSON.parse(json)),
        json
      )
    }),
    { numRuns: 1500 }
  )
  const piece = fc.constantFrom(
    '\\n',
    '\\/',
    '\\"',
    '\\\\',
    '\\u00e9',
    '\\uD83D',
    '\\ude00',
    '\\u0000',
    'a',
    'é',
    '\u{1f600}',
    ' ',
    'x'.repeat(40)
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
      const json = `"${pieces.join('')}"`
      // Through UTF-8: lone surrogates become U+FFFD.
      const wanted = Buffer.from(JSON.parse(json)).toString()
      t.equal(firstSpan(`"name":${json}`)['name'] ?? '', wanted)
    }),
    { numRuns: 300 }
  )
})

function accepts(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

t.test('whatever the text is, nothing but an OtlpJsonError is thrown and nothing outside it is read', async t => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    'null',
    'true',
    '1',
    '-1.5e3',
    '"resourceSpans"',
    '"scopeSpans"',
    '"spans"',
    '"traceId"',
    '"attributes"',
    '"value"',
    '"arrayValue"',
    '"values"',
    '"intValue"',
    '"bytesValue"',
    '"a"',
    ' ',
    '\\u',
    '"\\ud83d'
  )
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 30 }).map(p => Buffer.from(p.join(''))),
    fc.uint8Array({ maxLength: 60 }).map(b => Buffer.from(b)),
    damaged
  )
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), text, (signal, bytes) => {
      const alone = outcome(signal, bytes)
      for (const canary of [0x31, 0x22, 0x20]) {
        const larger = Buffer.concat([Buffer.alloc(8, canary), bytes, Buffer.alloc(40, canary)])
        t.same(outcome(signal, larger.subarray(8, 8 + bytes.length)), alone)
      }
    }),
    { numRuns: 1500 }
  )
})

// Whole requests with one byte changed, or cut off.
const damaged = fc
  .tuple(anyRequest, fc.nat(), fc.nat(255), fc.boolean())
  .map(([[signal, request], at, byte, isCut]) => {
    const json = Buffer.from(protobufToJson(signal, oracle.encodeRequest(signal, request)))
    if (json.length === 0) return json
    if (isCut) return json.subarray(0, at % json.length)
    json[at % json.length] = byte
    return json
  })

function outcome(signal: Signal, text: Buffer): unknown {
  try {
    const bytes = jsonToProtobuf(signal, text)
    oracle.decodeRequest(signal, bytes)
    return bytes
  } catch (error) {
    if (!(error instanceof OtlpJsonError)) throw error
    return [error.offset, error.path, error.message]
  }
}

/** The protobuf JSON mapping, written from its definition. */
function toJson(v: unknown, name = ''): unknown {
  if (typeof v === 'bigint') return String(v)
  if (typeof v === 'number' && !Number.isFinite(v)) return String(v)
  if (Object.is(v, -0)) return '-0'
  if (Buffer.isBuffer(v)) return /(traceId|panId)$/.test(name) ? v.toString('hex') : v.toString('base64')
  if (Array.isArray(v)) return v.map(e => toJson(e, name))
  if (typeof v === 'object' && v !== null)
    return Object.fromEntries(Object.entries(v).map(([k, e]) => [k, toJson(e, k)]))
  return v
}
