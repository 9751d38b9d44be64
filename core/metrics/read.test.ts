import t from 'tap'
import { type Decoded, decodeRequest, type Encodable, encodeRequest } from '../otlp/decode.js'
import type { Point } from './model.js'
import { readMetric } from './read.js'
import { translate } from './translate.js'

type Metric = Encodable<Decoded['metrics']['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]>

const PLAIN = { namespace: '', constLabels: {}, suffixes: true, resourceLabels: false, scopeLabels: false }

function request(metric: Metric, resource: Record<string, string> = {}): Buffer {
  const attributes = Object.entries(resource).map(([key, value]) => ({ key, value }))
  return encodeRequest('metrics', {
    resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics: [metric] }] }]
  })
}

function read(metric: Metric) {
  const decoded = decodeRequest('metrics', request(metric))
  return readMetric(decoded.resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!)
}

function histogram(explicitBounds: number[], bucketCounts: bigint[]): Metric {
  const count = bucketCounts.reduce((a, b) => a + b, 0n)
  return { name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [{ count, explicitBounds, bucketCounts }] } }
}

function exponential(more: object): Metric {
  const point = { count: 3n, scale: 0, zeroCount: 1n, positive: { offset: 0, bucketCounts: [2n] }, ...more }
  return { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] } }
}

t.test('a histogram of count and sum alone has one bucket', async t => {
  const { points } = read({ name: 'h', histogram: { aggregationTemporality: 1, dataPoints: [{ count: 5n, sum: 9 }] } })
  t.match(points[0], { delta: true, value: { bounds: [], counts: [5], count: 5, sum: 9 } })
})

t.test('a bound of +Inf is the last bucket’s end', async t => {
  const [point] = read(histogram([1, Number.POSITIVE_INFINITY], [1n, 2n, 0n])).points
  t.match(point?.value, { bounds: [1], counts: [1, 2] })
})

t.test('histograms that contradict themselves are no points', async t => {
  t.same(read(histogram([1, 2], [1n, 2n])).points, [undefined], 'a count is missing')
  t.same(read(histogram([2, 1], [1n, 2n, 3n])).points, [undefined], 'bounds fall')
  t.same(read(histogram([1, 1], [1n, 2n, 3n])).points, [undefined], 'bounds stand still')
  t.same(read(histogram([Number.NaN], [1n, 2n])).points, [undefined], 'a bound is no number')
})

t.test('exponential histograms that Prometheus would refuse are no points', async t => {
  t.same(read(exponential({ count: 4n })).points, [undefined], 'counts do not add up')
  t.same(read(exponential({ positive: { offset: 2_000_000_000, bucketCounts: [2n] } })).points, [undefined])
  t.same(read(exponential({ positive: { offset: -5000, bucketCounts: [2n] } })).points, [undefined])
  t.ok(read(exponential({ scale: 20, positive: { offset: 1_000_000_000, bucketCounts: [2n] } })).points[0])
  t.ok(read(exponential({ scale: -11, positive: { offset: -1, bucketCounts: [1n, 1n] } })).points[0])
})

t.test('a number without a value is no point, unless the source says that it has none', async t => {
  t.same(read({ name: 'g', gauge: { dataPoints: [{}] } }).points, [undefined])
  t.match(read({ name: 'g', gauge: { dataPoints: [{ flags: 1 }] } }).points, [{ stale: true }])
})

t.test('exemplars keep their ids in hex', async t => {
  const exemplars = [
    { asInt: 5n, traceId: Buffer.alloc(16, 0xab), spanId: Buffer.alloc(8, 1), timeUnixNano: 2_000_000n }
  ]
  const { points } = read({
    name: 'c',
    sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ asInt: 1n, exemplars }] }
  })
  t.match(points[0]?.exemplars, [
    {
      value: 5,
      timeMs: 2,
      ids: [
        ['trace_id', 'ab'.repeat(16)],
        ['span_id', '01'.repeat(8)]
      ]
    }
  ])
})

t.test('points without a name are dropped with a reason', async t => {
  const reasons: string[] = []
  const gauge = { dataPoints: [{ asInt: 1n }, { asInt: 2n }] }
  t.same([...translate(request({ name: '…', gauge }), PLAIN, reason => reasons.push(reason))], [])
  t.same(reasons, ['invalid_name', 'invalid_name'])
})

t.test('target_info stands for the resource, where something tells targets apart', async t => {
  const gauge = { dataPoints: [{ asInt: 1n, timeUnixNano: 5_000_000n }] }
  const targets = (resource: Record<string, string>): Point[] =>
    [...translate(request({ name: 'g', gauge }, resource), PLAIN, () => undefined)].filter(
      p => p.family.type === 'info'
    )
  t.match(targets({ 'service.name': 's', 'host.name': 'h' }), [
    {
      timeMs: 5,
      labels: [
        ['host_name', 'h'],
        ['job', 's']
      ]
    }
  ])
  t.same(targets({ 'host.name': 'h' }), [], 'no identity')
  t.same(targets({ 'service.name': 's' }), [], 'nothing besides the identity')
})
