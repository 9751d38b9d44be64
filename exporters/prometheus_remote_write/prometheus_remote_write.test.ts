import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import protobuf from 'protobufjs'
import { uncompress } from 'snappyjs'
import t, { type Test } from 'tap'
import { configOf } from '../../core/config/check.js'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import { testContext } from '../../test/helpers/context.js'
import { never } from '../../test/helpers/exporter.js'
import type { RemoteWriteConfig } from './config.js'
import remoteWrite from './index.js'

type Metric = Encodable<Decoded['metrics']['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]>

const START = 1_800_000_000_000

const PROTO = protobuf
  .parse(`syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; repeated Metadata metadata = 3; }
message Metadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message Span { sint32 offset = 1; uint32 length = 2; }
message Histogram { uint64 count_int = 1; double sum = 3; sint32 schema = 4; double zero_threshold = 5;
  uint64 zero_count_int = 6; repeated Span negative_spans = 8; repeated sint64 negative_deltas = 9;
  repeated Span positive_spans = 11; repeated sint64 positive_deltas = 12; int64 timestamp = 15; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
  repeated Histogram histograms = 4; }`)
  .root.lookupType('WriteRequest')

interface WriteRequest {
  readonly timeseries: readonly {
    readonly labels: readonly { name: string; value: string }[]
    readonly samples?: readonly { value?: number; timestamp: number }[]
    readonly exemplars?: readonly { labels: unknown[]; value: number }[]
    readonly histograms?: readonly Record<string, unknown>[]
  }[]
  readonly metadata?: readonly Record<string, unknown>[]
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** A receiver that keeps what it gets and answers by the list, then 204. */
async function receiving(t: Test, config: object = {}, answers: Answer[] = []) {
  const got: { headers: Record<string, unknown>; raw: Buffer; request: WriteRequest }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const raw = uncompress(Buffer.concat(chunks))
      const decoded = PROTO.toObject(PROTO.decode(raw), { longs: Number })
      got.push({ headers: request.headers, raw, request: decoded as WriteRequest })
      const { status, headers = {}, body = '' } = answers.shift() ?? { status: 204 }
      response.writeHead(status, headers).end(body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise(resolve => server.close(resolve)))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/write`
  const context = testContext<'dropped'>('prometheus_remote_write')
  const given = configOf(remoteWrite.schema, { endpoint, without_scope_info: true, ...config }) as RemoteWriteConfig
  const exporter = remoteWrite.create(given, context)
  t.teardown(() => exporter.stop?.())
  await exporter.start?.()
  const send = (...metrics: Metric[]) => {
    const scopeMetrics = [{ scope: { name: 's' }, metrics }]
    const attributes = [{ key: 'service.name', value: 'api' }]
    const bytes = encodeRequest('metrics', { resourceMetrics: [{ resource: { attributes }, scopeMetrics }] })
    return exporter.send({ signal: 'metrics', bytes, items: 1 }, never)
  }
  return { exporter, context, got, send }
}

function nanos(seconds: number): bigint {
  return BigInt(START + seconds * 1000) * 1_000_000n
}

function gauge(...points: (readonly [seconds: number, value: number])[]): Metric {
  return { name: 'g', gauge: { dataPoints: points.map(([s, v]) => ({ timeUnixNano: nanos(s), asDouble: v })) } }
}

function delta(value: number, from: number, to: number): Metric {
  const dataPoints = [{ asInt: BigInt(value), startTimeUnixNano: nanos(from), timeUnixNano: nanos(to) }]
  return { name: 'd', sum: { isMonotonic: true, aggregationTemporality: 1, dataPoints } }
}

function lines({ timeseries }: WriteRequest): string[] {
  return timeseries.flatMap(({ labels, samples = [] }) => {
    const text = labels.map(({ name, value }) => `${name}=${value}`).join(' ')
    return samples.map(({ value = 0, timestamp }) => `${text} ${value} @${(timestamp - START) / 1000}`)
  })
}

t.test('a request has the protocol’s headers, sorted labels, and samples in order of time', async t => {
  const { send, got } = await receiving(t, { headers: { authorization: 'Bearer x' } })
  t.equal((await send(gauge([3, 30], [1, 10], [2, 20], [2, 21]))).kind, 'delivered')
  t.match(got[0]?.headers, {
    'content-encoding': 'snappy',
    'content-type': 'application/x-protobuf',
    'x-prometheus-remote-write-version': '0.1.0',
    authorization: 'Bearer x'
  })
  t.same(lines(got[0]!.request), ['__name__=g job=api 10 @1', '__name__=g job=api 21 @2', '__name__=g job=api 30 @3'])
})

t.test('a histogram becomes buckets, sum and count, with its exemplars', async t => {
  const { send, got } = await receiving(t)
  const exemplars = [{ asDouble: 0.7, traceId: Buffer.alloc(16, 1), timeUnixNano: nanos(1) }]
  const point = {
    timeUnixNano: nanos(1),
    count: 3n,
    sum: 2,
    explicitBounds: [0.5, 1],
    bucketCounts: [1n, 1n, 1n],
    exemplars
  }
  await send({ name: 'h', unit: 's', histogram: { aggregationTemporality: 2, dataPoints: [point] } })
  t.same(lines(got[0]!.request), [
    '__name__=h_seconds_bucket job=api le=0.5 1 @1',
    '__name__=h_seconds_bucket job=api le=1 2 @1',
    '__name__=h_seconds_bucket job=api le=+Inf 3 @1',
    '__name__=h_seconds_sum job=api 2 @1',
    '__name__=h_seconds_count job=api 3 @1'
  ])
  t.same(
    got[0]!.request.timeseries.map(({ exemplars = [] }) => exemplars.length),
    [0, 1, 0, 0, 0]
  )
})

const EXPONENTIAL: Metric = {
  name: 'e',
  exponentialHistogram: {
    aggregationTemporality: 2,
    dataPoints: [
      {
        timeUnixNano: nanos(1),
        count: 6n,
        sum: 20,
        scale: 1,
        zeroCount: 1n,
        positive: { offset: 2, bucketCounts: [2n, 3n] }
      }
    ]
  }
}

t.test('an exponential histogram is native, or classic where that is not wanted', async t => {
  const native = await receiving(t)
  await native.send(EXPONENTIAL)
  t.match(native.got[0]?.request.timeseries[0]?.histograms?.[0], {
    countInt: 6,
    sum: 20,
    schema: 1,
    zeroCountInt: 1,
    positiveSpans: [{ offset: 3, length: 2 }],
    positiveDeltas: [2, 1],
    timestamp: START + 1000
  })
  const classic = await receiving(t, { native_histograms: false })
  await classic.send(EXPONENTIAL)
  t.match(lines(classic.got[0]!.request).at(-3), '__name__=e_bucket job=api le=+Inf 6 @1')
})

t.test('deltas are added up, and a request that failed adds nothing twice', async t => {
  const { send, got, context } = await receiving(t, {}, [{ status: 204 }, { status: 503 }])
  const values = () => got.at(-1)?.request.timeseries[0]?.samples?.map(({ value }) => value)
  await send(delta(5, 0, 1))
  t.equal((await send(delta(7, 1, 2))).kind, 'retry')
  t.same(values(), [12])
  t.equal((await send(delta(7, 1, 2))).kind, 'delivered')
  t.same(values(), [12], 'the same again')
  await send(delta(7, 1, 2))
  t.equal(context.counted['dropped:duplicate'], 1)
  await send(delta(1, 2, 3))
  t.same(values(), [13])
})

t.test('beyond max_delta_series the longest unheard series starts again', async t => {
  const { send, got } = await receiving(t, { max_delta_series: 1 })
  const other = (value: number, from: number, to: number) => ({ ...delta(value, from, to), name: 'other' })
  await send(delta(5, 0, 1))
  await send(other(1, 0, 1))
  await send(delta(5, 1, 2))
  t.same(got.at(-1)?.request.timeseries[0]?.samples?.[0]?.value, 5)
})

t.test('the end of a series is Prometheus’ stale marker, bit for bit', async t => {
  const { send, got } = await receiving(t)
  await send({ name: 'g', gauge: { dataPoints: [{ timeUnixNano: nanos(1), flags: 1 }] } })
  // Field 1, a double: the marker, low byte first.
  t.match(got[0]?.raw.toString('hex'), /09020000000000f07f/)
})

t.test('the receiver’s status decides', async t => {
  const answers: Answer[] = [
    { status: 429, headers: { 'retry-after': '3' } },
    { status: 500 },
    { status: 400, body: 'out of order sample' },
    { status: 413 },
    { status: 401 }
  ]
  const { send } = await receiving(t, {}, answers)
  t.match(await send(gauge([1, 1])), { kind: 'retry', afterMs: 3000 })
  t.match(await send(gauge([1, 1])), { kind: 'retry' })
  t.match(await send(gauge([1, 1])), { kind: 'refused', cause: { message: /HTTP 400: out of order sample/ } })
  t.match(await send(gauge([1, 1])), { kind: 'refused', tooLarge: true })
  t.match(await send(gauge([1, 1])), { kind: 'refused', whole: true })
})

t.test('no answer, an abort and bad bytes are outcomes, not exceptions', async t => {
  const { exporter, send } = await receiving(t)
  const bytes = Buffer.from([0x0a, 0x7f])
  t.equal((await exporter.send({ signal: 'metrics', bytes, items: 1 }, never)).kind, 'refused')
  await exporter.stop?.()
  t.equal((await send(gauge([1, 1]))).kind, 'retry')
})

t.test('type and help go along when asked for', async t => {
  const { send, got } = await receiving(t, { send_metadata: true })
  await send({ ...gauge([1, 1]), description: 'A gauge.', unit: 's' })
  t.match(got[0]?.request.metadata, [{ type: 2, metricFamilyName: 'g_seconds', help: 'A gauge.', unit: 'seconds' }])
})
