import type { MetricDatum, PutMetricDataCommandInput } from '@aws-sdk/client-cloudwatch'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import { never } from '../../test/helpers/exporter.js'
import { type CloudWatchConfig, schema, validate } from './config.js'
import { MAX_AGE_MS, MAX_AHEAD_MS } from './datums.js'
import { Differences } from './differences.js'
import { dimensionsOf, MAX_DIMENSIONS, rollup } from './dimensions.js'
import { failureOf } from './failures.js'
import { MAX_BYTES, MAX_DATUMS, Sender } from './sender.js'
import { datumSize } from './size.js'
import { cloudWatchUnit } from './units.js'
import { MAX_MAGNITUDE, MAX_VALUES, numbersOf } from './values.js'

type Metric = Encodable<Decoded['metrics']['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]>

const NOW = 1_800_000_000_000

/** A sender whose service keeps what it gets and fails by the list. */
function rig(config: object = {}, failures: (Error | undefined)[] = []) {
  const puts: MetricDatum[][] = []
  const notSent: string[] = []
  const put = async ({ MetricData = [] }: PutMetricDataCommandInput) => {
    const failure = failures.shift()
    if (failure !== undefined) throw failure
    puts.push(MetricData)
  }
  const sender = new Sender({
    put,
    config: configOf(schema, config) as CloudWatchConfig,
    differences: new Differences(1000, NOW - 1000),
    now: () => NOW,
    notSent: reason => notSent.push(reason),
    dimensionsLeft: () => undefined,
    committed: () => undefined
  })
  const send = (...metrics: Metric[]) => {
    const items = metrics.reduce((sum, m) => sum + ((m.gauge ?? m.sum ?? m.histogram)?.dataPoints?.length ?? 0), 0)
    const bytes = encodeRequest('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] })
    return sender.send({ signal: 'metrics', bytes, items }, never)
  }
  return { puts, notSent, send }
}

function nanos(ms: number): bigint {
  return BigInt(ms) * 1_000_000n
}

function gauge(n: number, atMs = NOW): Metric {
  const dataPoints = Array.from({ length: n }, (_, i) => ({ timeUnixNano: nanos(atMs), asDouble: i }))
  return { name: 'g', gauge: { dataPoints } }
}

function counter(value: number, atMs: number, startMs = NOW): Metric {
  const point = { timeUnixNano: nanos(atMs), startTimeUnixNano: nanos(startMs), asInt: BigInt(value) }
  return { name: 'c', sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [point] } }
}

function failure(name: string, status: number, headers: Record<string, string> = {}): Error {
  return Object.assign(new Error('words'), { name, $metadata: { httpStatusCode: status }, $response: { headers } })
}

t.test('a request holds 1,000 datums at most', async t => {
  for (const [points, expected] of [
    [MAX_DATUMS - 1, [999]],
    [MAX_DATUMS, [1000]],
    [MAX_DATUMS + 1, [1000, 1]]
  ] as const) {
    const { send, puts } = rig()
    t.equal((await send(gauge(points))).kind, 'delivered')
    t.same(
      puts.map(datums => datums.length),
      expected,
      `${points} points`
    )
  }
})

t.test('a request stays under 1 MB', async t => {
  const attributes = Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, value: 'v'.repeat(1024) }))
  const dataPoints = Array.from({ length: 100 }, () => ({ timeUnixNano: nanos(NOW), asDouble: 1, attributes }))
  const { send, puts } = rig()
  await send({ name: 'g', gauge: { dataPoints } })
  const sizes = puts.map(datums => datums.reduce((sum, datum) => sum + datumSize(datum), 0))
  t.ok(puts.length > 3)
  t.ok(sizes.every(size => size <= MAX_BYTES))
  t.equal(puts.flat().length, 100, 'nothing is lost between requests')
  t.ok(
    puts.slice(0, -1).every(datums => sizes[0]! + datumSize(datums[0]!) > MAX_BYTES),
    'requests are filled'
  )
})

t.test('a datum’s size is at least what the query encoding of it takes', async t => {
  const datum: MetricDatum = {
    MetricName: 'a b/ü',
    Dimensions: [{ Name: 'k%', Value: 'v v' }],
    Timestamp: new Date(NOW),
    Unit: 'Count',
    Values: [1.5, 2],
    Counts: [1, 2]
  }
  const fields = ['MetricName=a+b%2F%C3%BC', 'Dimensions.member.30.Name=k%25', 'Dimensions.member.30.Value=v+v']
  fields.push('Timestamp=2027-01-15T08%3A00%3A00.000Z', 'Unit=Count', 'Values.member.150=1.5', 'Values.member.150=2')
  fields.push('Counts.member.150=1', 'Counts.member.150=2')
  const query = fields.map(field => `&MetricData.member.1000.${field}`).join('')
  t.ok(datumSize(datum) >= query.length, `${datumSize(datum)} >= ${query.length}`)
})

t.test('points from two weeks back to two hours ahead are sent, others are counted', async t => {
  for (const [at, expected] of [
    [NOW - MAX_AGE_MS - 1, 'too_old'],
    [NOW - MAX_AGE_MS, undefined],
    [NOW - MAX_AGE_MS + 1, undefined],
    [NOW + MAX_AHEAD_MS - 1, undefined],
    [NOW + MAX_AHEAD_MS, undefined],
    [NOW + MAX_AHEAD_MS + 1, 'too_new']
  ] as const) {
    const { send, puts, notSent } = rig()
    t.equal((await send(gauge(1, at))).kind, 'delivered')
    t.same(notSent, expected === undefined ? [] : [expected])
    t.equal(puts.length, expected === undefined ? 1 : 0)
  }
})

t.test('a datum holds 150 values at most', async t => {
  for (const [n, expected] of [
    [MAX_VALUES - 1, [149]],
    [MAX_VALUES, [150]],
    [MAX_VALUES + 1, [150, 1]]
  ] as const) {
    const bounds = Array.from({ length: n - 1 }, (_, i) => i + 1)
    const counts = new Array<number>(n).fill(2)
    const value = { kind: 'histogram', count: 2 * n, sum: 1, min: undefined, max: undefined, bounds, counts } as const
    const numbers = numbersOf(value, 1, 'values')
    t.same(
      numbers?.map(({ Values }) => Values?.length),
      expected
    )
    t.equal(
      numbers?.flatMap(({ Counts = [] }) => Counts).reduce((a, b) => a + b, 0),
      2 * n
    )
  }
})

t.test('a metric has 30 dimensions at most, the first ones asked for', async t => {
  const attributes = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ key: `k${String(i).padStart(2, '0')}`, value: 'v' }))
  const config = { dimensions: [], resource_dimensions: ['service.name'] }
  const resource = [{ key: 'service.name', value: 'api' }]
  for (const [n, left] of [
    [MAX_DIMENSIONS - 2, 0],
    [MAX_DIMENSIONS - 1, 0],
    [MAX_DIMENSIONS, 1]
  ] as const) {
    const set = dimensionsOf(resource, attributes(n), config)
    t.equal(set.left, left)
    t.equal(set.dimensions.length, n + 1 - left)
    t.equal(set.dimensions[0]?.Name, 'service.name')
  }
  const chosen = dimensionsOf([], attributes(40), { ...config, dimensions: ['k39', 'k01'] })
  t.same(
    chosen.dimensions.map(({ Name }) => Name),
    ['k39', 'k01']
  )
})

t.test('names and values of dimensions are made what CloudWatch takes', async t => {
  const long = 'x'.repeat(2000)
  const given = [
    { key: `:${long}`, value: long },
    { key: 'empty', value: ' ' },
    { key: 'ümlaut', value: 'ä\n' }
  ]
  const { dimensions } = dimensionsOf([], given, { dimensions: [], resource_dimensions: [] })
  t.same(
    dimensions.map(({ Name, Value }) => [Name?.length, Value?.length]),
    [
      [254, 1024],
      [6, 2]
    ]
  )
  t.match(dimensions[1], { Name: '_mlaut', Value: '__' })
})

t.test('roll-ups: each dimension alone, and none', async t => {
  const two = [
    { Name: 'a', Value: '1' },
    { Name: 'b', Value: '2' }
  ]
  t.equal(rollup(two, 'NoDimensionRollup').length, 1)
  t.same(rollup(two, 'SingleDimensionRollupOnly'), [two, [two[0]], [two[1]]])
  t.same(rollup(two, 'ZeroAndSingleDimensionRollup').at(-1), [])
  t.same(rollup([], 'ZeroAndSingleDimensionRollup'), [[]])
})

t.test('a cumulative counter is sent as what came in, across resets', async t => {
  const { send, puts, notSent } = rig()
  await send(counter(5, NOW + 1000, NOW - 5000))
  t.same(puts, [], 'a series older than the exporter starts with a base')
  await send(counter(8, NOW + 2000, NOW - 5000))
  await send(counter(6, NOW + 1500, NOW - 5000))
  await send(counter(2, NOW + 3000, NOW + 2500))
  await send(counter(9, NOW + 4000, NOW + 3500))
  t.same(
    puts.flat().map(({ Value }) => Value),
    [3, 2, 9]
  )
  t.same(notSent, ['superseded'])
  const young = rig()
  await young.send(counter(5, NOW + 1000))
  t.equal(young.puts[0]?.[0]?.Value, 5, 'a series that is younger is sent from its start')
})

t.test('the difference of a request that failed is asked for again', async t => {
  const { send, puts } = rig({}, [undefined, failure('InternalServiceFault', 500)])
  await send(counter(5, NOW + 1000))
  t.match(await send(counter(8, NOW + 2000)), { kind: 'retry' })
  await send(counter(10, NOW + 3000))
  t.equal((await send(counter(8, NOW + 2000))).kind, 'delivered')
  t.same(
    puts.flat().map(({ Value }) => Value),
    [5, 5],
    'what came in between is in the later difference'
  )
})

t.test('a batch that failed in its second request goes on there', async t => {
  const { send, puts } = rig({}, [undefined, failure('ServiceUnavailable', 503)])
  const batch = gauge(1500)
  t.equal((await send(batch)).kind, 'retry')
  t.equal((await send(batch)).kind, 'delivered')
  t.same(
    puts.map(datums => datums.length),
    [1000, 500]
  )
})

t.test('a refused request of several is counted, a single one is given back', async t => {
  const refusal = () => failure('InvalidParameterValueException', 400)
  const several = rig({}, [refusal()])
  t.match(await several.send(gauge(1500)), { kind: 'delivered', rejected: 1000, message: /InvalidParameterValue/ })
  const single = rig({}, [refusal()])
  t.match(await single.send(gauge(3)), { kind: 'refused' })
})

t.test('changed bounds in one run are a new base, not a reset', async t => {
  const histogram = (atMs: number, counts: bigint[], explicitBounds: number[]): Metric => {
    const count = counts.reduce((a, b) => a + b, 0n)
    const point = {
      timeUnixNano: nanos(atMs),
      startTimeUnixNano: nanos(NOW),
      count,
      sum: 1,
      bucketCounts: counts,
      explicitBounds
    }
    return { name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [point] } }
  }
  const { send, puts } = rig()
  await send(histogram(NOW + 1, [1n, 1n], [5]))
  await send(histogram(NOW + 2, [2n, 2n], [6]))
  await send(histogram(NOW + 3, [2n, 3n], [6]))
  t.same(
    puts.flat().map(({ Counts }) => Counts),
    [[1, 1], [1]]
  )
})

t.test('values that CloudWatch does not take are counted, not sent', async t => {
  const { send, notSent, puts } = rig()
  const values = [Number.NaN, Number.POSITIVE_INFINITY, MAX_MAGNITUDE * 2, MAX_MAGNITUDE, -MAX_MAGNITUDE]
  const dataPoints = values.map(asDouble => ({ timeUnixNano: nanos(NOW), asDouble }))
  await send({ name: 'g', gauge: { dataPoints } })
  t.same(notSent, ['invalid_value', 'invalid_value', 'invalid_value'])
  t.equal(puts[0]?.length, 2)
})

t.test('histograms as statistics, or as bucket middles within minimum and maximum', async t => {
  const value = { kind: 'histogram', count: 6, sum: 30, min: 2, max: 9, bounds: [4, 8], counts: [1, 2, 3] } as const
  t.same(numbersOf(value, 2, 'statistics'), [{ StatisticValues: { SampleCount: 6, Sum: 60, Minimum: 4, Maximum: 18 } }])
  t.same(numbersOf(value, 1, 'values'), [{ Values: [3, 6, 8.5], Counts: [1, 2, 3] }])
  t.same(numbersOf({ ...value, count: 0, counts: [0, 0, 0] }, 1, 'values'), [], 'nothing counted, nothing sent')
})

t.test('units are CloudWatch’s, sizes it lacks are converted', async t => {
  const rows: readonly (readonly [ucum: string, isCounter: boolean, name: string, factor: number])[] = [
    ['s', false, 'Seconds', 1],
    ['ns', false, 'Microseconds', 1e-3],
    ['h', false, 'Seconds', 3600],
    ['By', false, 'Bytes', 1],
    ['MiBy', false, 'Bytes', 2 ** 20],
    ['By/s', false, 'Bytes/Second', 1],
    ['{request}', false, 'Count', 1],
    ['{request}/s', false, 'Count/Second', 1],
    ['1', false, 'None', 1],
    ['', true, 'Count', 1],
    ['%', false, 'Percent', 1],
    ['s/s', false, 'None', 1],
    ['By/min', false, 'None', 1],
    ['furlong', false, 'None', 1]
  ]
  for (const [ucum, isCounter, name, factor] of rows) t.same(cloudWatchUnit(ucum, isCounter), { name, factor }, ucum)
})

t.test('what the service says decides', async t => {
  t.match(failureOf(failure('ThrottlingException', 400)), { retry: true, cause: { code: 'CLOUDWATCH_THROTTLED' } })
  t.match(failureOf(failure('X', 429, { 'retry-after': '4' })), { retry: true, afterMs: 4000 })
  t.match(failureOf(failure('InternalServiceFault', 500)), { retry: true })
  t.match(failureOf(failure('AccessDeniedException', 403)), { retry: true, cause: { code: 'CLOUDWATCH_CREDENTIALS' } })
  t.match(failureOf(failure('InvalidParameterCombination', 400)), { retry: false })
  t.match(failureOf(failure('RequestEntityTooLarge', 413)), { retry: false, tooLarge: true })
  t.match(failureOf(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), {
    retry: true,
    cause: { message: /ECONNREFUSED/ }
  })
  t.match(failureOf(Object.assign(new Error('x'), { name: 'CredentialsProviderError' })), { retry: true })
})

t.test('the longest unheard series is forgotten first', async t => {
  const differences = new Differences(2, NOW)
  const point = (timeMs: number) => ({ startMs: 0, timeMs, value: { kind: 'number', value: timeMs } as const })
  const step = (key: string, timeMs: number) => {
    const difference = differences.next(key, point(timeMs))
    if (difference !== 'superseded') differences.commit([difference.advance])
    return difference
  }
  step('a', 1)
  step('b', 1)
  step('a', 2)
  step('c', 1)
  t.equal(differences.forgotten, 1)
  t.match(step('a', 3), { value: { value: 1 } }, 'a is known')
  t.notOk(Object.hasOwn(step('b', 2) as object, 'value'), 'b starts again')
})

t.test('an endpoint is https, unless it is loopback or plain text is asked for', async t => {
  const problems = (config: object) => validate(configOf(schema, config) as CloudWatchConfig).length
  t.equal(problems({}), 0)
  t.equal(problems({ endpoint: 'http://127.0.0.1:5000' }), 0)
  t.equal(problems({ endpoint: 'http://example.com' }), 1)
  t.equal(problems({ endpoint: 'http://example.com', tls: { insecure: true } }), 0)
  t.equal(problems({ endpoint: 'nonsense' }), 1)
})
