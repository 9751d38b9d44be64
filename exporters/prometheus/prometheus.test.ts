import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { configOf } from '../../core/config/check.js'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import { type TestContext, testContext } from '../../test/helpers/context.js'
import { type PrometheusConfig, schema, validate } from './config.js'
import prometheus, { type PrometheusExporter } from './index.js'

type Metrics = Encodable<Decoded['metrics']>
type Metric = NonNullable<
  NonNullable<NonNullable<Metrics['resourceMetrics']>[number]['scopeMetrics']>[number]['metrics']
>[number]

const never = new AbortController().signal
const START = 1_800_000_000_000
const SECOND = 1000
const PROTO = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

interface Running {
  readonly exporter: PrometheusExporter
  readonly context: TestContext<'dropped' | 'expired'>
  send(metrics: readonly Metric[], resource?: Record<string, string>): Promise<void>
  scrape(accept?: string): Promise<string>
}

async function running(t: Test, config: object = {}): Promise<Running> {
  const context = testContext<'dropped' | 'expired'>('prometheus')
  const checked = configOf(schema, { endpoint: 'localhost:0', ...config }) as PrometheusConfig
  const exporter = prometheus.create(checked, context) as PrometheusExporter
  t.teardown(() => exporter.stop?.())
  await exporter.start?.()
  return {
    exporter,
    context,
    async send(metrics, resource = {}) {
      const bytes = request(metrics, resource)
      t.equal((await exporter.send({ signal: 'metrics', bytes, items: 1 }, never)).kind, 'delivered')
    },
    async scrape(accept = 'text/plain') {
      const response = await fetch(`http://localhost:${exporter.port}/metrics`, { headers: { accept } })
      t.equal(response.status, 200)
      return await response.text()
    }
  }
}

function request(metrics: readonly Metric[], resource: Record<string, string>): Buffer {
  const attributes = Object.entries(resource).map(([key, value]) => ({ key, value }))
  const scope = { name: 'my.scope', version: '1.2', attributes: [{ key: 'team', value: 'core' }] }
  return encodeRequest('metrics', {
    resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope, metrics: [...metrics] }] }]
  })
}

function nanos(ms: number): bigint {
  return BigInt(ms) * 1_000_000n
}

function counter(value: number, seconds = 0, more: object = {}): Metric {
  const point = { asInt: BigInt(value), startTimeUnixNano: nanos(START), timeUnixNano: nanos(START + seconds * SECOND) }
  const sum = { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...point, ...more }] }
  return { name: 'jobs', unit: '{job}', description: 'Jobs done.', sum }
}

function delta(value: number, from: number, to: number): Metric {
  const times = { startTimeUnixNano: nanos(START + from * SECOND), timeUnixNano: nanos(START + to * SECOND) }
  const dataPoints = [{ asInt: BigInt(value), ...times }]
  return { name: 'jobs', sum: { isMonotonic: true, aggregationTemporality: 1, dataPoints } }
}

const SCOPE = 'otel_scope_name="my.scope",otel_scope_team="core",otel_scope_version="1.2"'

t.test('a counter is shown with its name, help, type, labels of point and scope, job and instance', async t => {
  const { send, scrape } = await running(t)
  const attributes = [{ key: 'http.route', value: '/a"b\\c\n' }]
  await send([counter(5, 0, { attributes })], {
    'service.name': 'api',
    'service.namespace': 'shop',
    'service.instance.id': 'i-1',
    'host.name': 'h1'
  })
  t.equal(
    await scrape(),
    [
      '# HELP jobs_total Jobs done.',
      '# TYPE jobs_total counter',
      `jobs_total{http_route="/a\\"b\\\\c\\n",instance="i-1",job="shop/api",${SCOPE}} 5`,
      '# HELP target_info Target metadata',
      '# TYPE target_info gauge',
      'target_info{host_name="h1",instance="i-1",job="shop/api"} 1',
      ''
    ].join('\n')
  )
})

t.test('OpenMetrics: counters without _total in the type, units, exemplars, end mark', async t => {
  const { send, scrape } = await running(t, { enable_open_metrics: true, without_scope_info: true })
  const traceId = Buffer.alloc(16, 0xab)
  const spanId = Buffer.alloc(8, 0xcd)
  const exemplars = [{ asDouble: 0.3, traceId, spanId, timeUnixNano: nanos(START), filteredAttributes: [] }]
  const histogram = {
    aggregationTemporality: 2,
    dataPoints: [
      {
        count: 3n,
        sum: 1.5,
        explicitBounds: [0.1, 1],
        bucketCounts: [1n, 1n, 1n],
        exemplars,
        timeUnixNano: nanos(START)
      }
    ]
  }
  await send([{ name: 'duration', unit: 's', histogram }, counter(2, 0, { exemplars })], {
    'host.name': 'h',
    'service.name': 's'
  })
  const ids = `{span_id="${'cd'.repeat(8)}",trace_id="${'ab'.repeat(16)}"}`
  t.equal(
    await scrape('application/openmetrics-text;version=1.0.0'),
    [
      '# TYPE duration_seconds histogram',
      '# UNIT duration_seconds seconds',
      'duration_seconds_bucket{job="s",le="0.1"} 1',
      `duration_seconds_bucket{job="s",le="1.0"} 2 # ${ids} 0.3 1800000000`,
      'duration_seconds_bucket{job="s",le="+Inf"} 3',
      'duration_seconds_sum{job="s"} 1.5',
      'duration_seconds_count{job="s"} 3',
      '# HELP jobs Jobs done.',
      '# TYPE jobs counter',
      `jobs_total{job="s"} 2 # ${ids} 0.3 1800000000`,
      '# HELP target Target metadata',
      '# TYPE target info',
      'target_info{host_name="h",job="s"} 1',
      '# EOF',
      ''
    ].join('\n')
  )
  t.notMatch(await scrape('text/plain'), /#\s*\{/, 'the text format knows no exemplars')
})

t.test('deltas add up, several writers too, and a repeated interval counts once', async t => {
  const { send, scrape, context } = await running(t, { without_scope_info: true })
  await send([delta(5, 0, 10)])
  await send([delta(7, 10, 20)])
  await send([delta(7, 10, 20)])
  await send([delta(1, 0, 20)])
  t.match(await scrape(), /^jobs_total 13$/m)
  t.equal(context.counted['dropped:duplicate'], 1)
})

t.test('a delta of something that goes up and down is dropped and counted', async t => {
  const { send, scrape, context } = await running(t)
  const sum = { isMonotonic: false, aggregationTemporality: 1, dataPoints: [{ asInt: 5n, timeUnixNano: nanos(START) }] }
  await send([{ name: 'queue', sum }])
  t.equal(await scrape(), '')
  t.equal(context.counted['dropped:delta_gauge'], 1)
})

t.test('an older cumulative point does not replace a newer one', async t => {
  const { send, scrape, context } = await running(t, { without_scope_info: true })
  await send([counter(10, 20)])
  await send([counter(5, 10)])
  t.match(await scrape(), /^jobs_total 10$/m)
  t.equal(context.counted['dropped:out_of_order'], 1)
})

t.test('a series goes when the source says so, and when nothing came for metric_expiration', async t => {
  const { send, scrape, context } = await running(t, { without_scope_info: true, metric_expiration: '1m' })
  await send([counter(1)])
  await send([{ name: 'jobs', sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ flags: 1 }] } }])
  t.equal(await scrape(), '')
  await send([counter(1)])
  context.clock.move(60_000)
  t.match(await scrape(), /^jobs_total 1$/m)
  context.clock.move(1)
  t.equal(await scrape(), '')
  t.equal(context.counted['expired'], 1)
})

t.test('one name has one type: later points of another are dropped and counted', async t => {
  const { send, scrape, context } = await running(t, { without_scope_info: true })
  await send([{ name: 'x', gauge: { dataPoints: [{ asDouble: 1.5 }] } }])
  await send([{ name: 'x', histogram: { aggregationTemporality: 2, dataPoints: [{ count: 1n, bucketCounts: [1n] }] } }])
  t.match(await scrape(), /^x 1.5$/m)
  t.equal(context.counted['dropped:type_conflict'], 1)
})

t.test('series beyond max_series are dropped and counted; the known ones go on', async t => {
  const { send, scrape, context } = await running(t, { max_series: 2, without_scope_info: true })
  const points = (value: number) =>
    ['a', 'b', 'c'].map(k => ({ asDouble: value, timeUnixNano: nanos(START), attributes: [{ key: 'k', value: k }] }))
  await send([{ name: 'g', gauge: { dataPoints: points(1) } }])
  await send([{ name: 'g', gauge: { dataPoints: points(2) } }])
  t.equal(await scrape(), '# TYPE g gauge\ng{k="a"} 2\ng{k="b"} 2\n')
  t.equal(context.counted['dropped:series_limit'], 2)
})

t.test('memory is limited in bytes too', async t => {
  const { send, scrape, context } = await running(t, { max_series_bytes: '3KiB', without_scope_info: true })
  const dataPoints = Array.from({ length: 100 }, (_, i) => ({
    asDouble: i,
    attributes: [{ key: 'k', value: `v${i}` }]
  }))
  await send([{ name: 'g', gauge: { dataPoints } }])
  const shown = (await scrape()).split('\n').length - 2
  t.ok(shown >= 2 && shown <= 5, `${shown} shown`)
  t.equal(context.counted['dropped:series_limit'], 100 - shown)
})

t.test('an exponential histogram is classic in text and native in protobuf', async t => {
  const { send, scrape, exporter } = await running(t, { without_scope_info: true })
  const point = { count: 6n, sum: 20, scale: 0, zeroCount: 1n, positive: { offset: 0, bucketCounts: [2n, 3n] } }
  await send([{ name: 'h', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] } }])
  t.equal(
    await scrape(),
    [
      '# TYPE h histogram',
      'h_bucket{le="1e-128"} 1',
      'h_bucket{le="2"} 3',
      'h_bucket{le="4"} 6',
      'h_bucket{le="+Inf"} 6',
      'h_sum 20',
      'h_count 6',
      ''
    ].join('\n')
  )
  const response = await fetch(`http://localhost:${exporter.port}/metrics`, { headers: { accept: PROTO } })
  t.match(response.headers.get('content-type'), /vnd\.google\.protobuf/)
  const bytes = Buffer.from(await response.arrayBuffer())
  t.equal(bytes[0], bytes.length - 1, 'one family with its length before it')
  // Schema 0 (field 5), zero threshold (6), zero count 1 (7), span offset 1, length 2 (12), deltas 2, +1 (13).
  t.match(bytes.toString('hex'), /280031[0-9a-f]{16}3801620408021002680468(02)$/)
})

t.test('a summary has its quantiles, sum and count', async t => {
  const { send, scrape } = await running(t, { without_scope_info: true })
  const quantileValues = [
    { quantile: 0.99, value: 9 },
    { quantile: 0.5, value: 5 }
  ]
  await send([{ name: 's', summary: { dataPoints: [{ count: 10n, sum: 50, quantileValues }] } }])
  t.equal(await scrape(), '# TYPE s summary\ns{quantile="0.5"} 5\ns{quantile="0.99"} 9\ns_sum 50\ns_count 10\n')
})

t.test('namespace, const_labels, send_timestamps and resource labels', async t => {
  const { send, scrape } = await running(t, {
    namespace: 'algo',
    const_labels: { cluster: 'eu', job: 'not over the real one' },
    send_timestamps: true,
    resource_to_telemetry_conversion: { enabled: true },
    without_scope_info: true,
    add_metric_suffixes: false
  })
  await send([counter(1, 5)], { 'service.name': 's' })
  t.equal(
    await scrape(),
    '# HELP algo_jobs Jobs done.\n# TYPE algo_jobs counter\nalgo_jobs{cluster="eu",job="s",service_name="s"} 1 1800000005000\n'
  )
})

t.test('other paths and methods are answered, and gzip is used when asked for', async t => {
  const { send, exporter } = await running(t)
  await send([counter(1)])
  const base = `http://localhost:${exporter.port}`
  t.equal((await fetch(`${base}/`)).status, 404)
  t.equal((await fetch(`${base}/metrics`, { method: 'POST' })).status, 405)
  const zipped = await rawGet(exporter.port, { 'accept-encoding': 'gzip' })
  t.match(gunzipSync(zipped).toString(), /jobs_total/)
})

t.test('bytes that are no OTLP are refused, not thrown', async t => {
  const { exporter } = await running(t)
  const outcome = await exporter.send({ signal: 'metrics', bytes: Buffer.from([0x0a, 0x7f]), items: 1 }, never)
  t.equal(outcome.kind, 'refused')
})

t.test('a port in use is said at start', async t => {
  const { exporter } = await running(t)
  const config = configOf(schema, { endpoint: `localhost:${exporter.port}` }) as PrometheusConfig
  const second = prometheus.create(config, testContext('prometheus/2'))
  await t.rejects(async () => second.start?.(), { code: 'PROMETHEUS_LISTEN' })
  await second.stop?.()
})

t.test('plain text beyond this machine has to be asked for', async t => {
  const problems = (config: object) => validate(configOf(schema, config) as PrometheusConfig).map(p => p.path)
  t.same(problems({ endpoint: '0.0.0.0:8889' }), ['endpoint'])
  t.same(problems({ endpoint: ':8889' }), ['endpoint'])
  t.same(problems({ endpoint: 'nonsense' }), ['endpoint'])
  t.same(problems({ endpoint: '0.0.0.0:8889', insecure: true }), [])
  t.same(problems({ endpoint: '[::1]:8889' }), [])
})

// fetch unzips by itself; this does not.
async function rawGet(port: number, headers: Record<string, string>): Promise<Buffer> {
  const { get } = await import('node:http')
  return new Promise((resolve, reject) => {
    get({ host: 'localhost', port, path: '/metrics', headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
    }).on('error', reject)
  })
}
