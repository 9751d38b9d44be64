// A real Prometheus server: it scrapes the `prometheus` exporter, takes what `prometheus_remote_write` pushes, and
// answers PromQL about both. promtool checks the page.

import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import prometheus, { type PrometheusExporter } from '../../exporters/prometheus/index.js'
import remoteWrite from '../../exporters/prometheus_remote_write/index.js'
import { type Counted, exporterFor, never } from './exporter.js'
import { startGateway } from './gateway.js'
import { freePort, getJson, NANOS_PER_MS, type Run, until } from './harness.js'
import { installPrometheus, type ServerOptions, startPrometheus, value } from './prometheus-server.js'

type Metric = Encodable<Decoded['metrics']['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]>

interface Targets {
  readonly data: { readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[] }
}
interface Exemplars {
  readonly data: readonly {
    readonly seriesLabels: Record<string, string>
    readonly exemplars: readonly { labels: Record<string, string> }[]
  }[]
}

const TRACE_ID = Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex')
const SPAN_ID = Buffer.from('00f067aa0ba902b7', 'hex')
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0'

export default async function run(run: Run): Promise<void> {
  await installPrometheus()
  const native = (await exporterFor(run, prometheus, {
    endpoint: '127.0.0.1:0',
    metric_expiration: '20s',
    max_series: 90
  })) as Counted & PrometheusExporter
  const open = (await exporterFor(run, prometheus, {
    endpoint: '127.0.0.1:0',
    enable_open_metrics: true,
    namespace: 'om'
  })) as Counted & PrometheusExporter
  const base = await startPrometheus(run, scrape(native.port, ['native-histograms', 'exemplar-storage']))
  const plain = await startPrometheus(run, scrape(open.port, ['exemplar-storage']))

  await scraped(run, base, plain, native, open)
  await pushed(run, base)
  await throughGateway(run, base)
}

/** With native histograms on it asks for protobuf, without them for OpenMetrics. */
function scrape(port: number, features: readonly string[]): ServerOptions {
  return { targets: { gateway: [`127.0.0.1:${port}`] }, features }
}

async function scraped(
  run: Run,
  base: string,
  plain: string,
  native: Counted & PrometheusExporter,
  open: Counted & PrometheusExporter
) {
  const send = async (metrics: readonly Metric[]) => {
    for (const exporter of [native, open]) {
      const bytes = request(metrics)
      const { kind } = await exporter.send({ signal: 'metrics', bytes, items: 1 }, never)
      if (kind !== 'delivered') run.check('the exporter takes the batch', false, kind)
    }
  }
  await send(everything(1))
  await send([delta(7, 1, 2)])
  await send([delta(5, 2, 3)])
  await lint(run, native.port, 'text')
  await until('the first scrape', async () => {
    if ((await value(base, 'e2e_jobs_total')) === '6') return true
    const { data } = await getJson<Targets>(`${base}/api/v1/targets`)
    throw new Error(data.activeTargets.map(({ lastError }) => lastError).join('; '))
  })
  await send(everything(2))
  await until('the second scrape', async () => (await value(base, 'e2e_jobs_total')) === '12')

  const is = async (name: string, query: string, expected: string) => run.same(name, await value(base, query), expected)
  await is('scrape: counter', 'e2e_jobs_total{route="/orders",job="shop/api",instance="i-1"}', '12')
  await is('scrape: rate of the counter', 'increase(e2e_jobs_total[1m]) > bool 0', '1')
  await is('scrape: deltas added up', 'e2e_deltas_total', '12')
  await is('scrape: gauge of unit 1', 'e2e_load_ratio', '0.5')
  await is('scrape: histogram count', 'e2e_latency_seconds_count', '12')
  await is('scrape: histogram_quantile', 'histogram_quantile(0.5, e2e_latency_seconds_bucket) <= bool 0.5', '1')
  await is('scrape: summary', 'e2e_pause_seconds{quantile="0.99"}', '9')
  await is('scrape: scope labels', 'count(e2e_jobs_total{otel_scope_name="shop",otel_scope_version="1"})', '1')
  await is('scrape: target_info join', 'e2e_jobs_total * on(job, instance) group_left(host_name) target_info', '12')
  await is('scrape: native histogram count', 'histogram_count(e2e_size_bytes)', '12')
  await is('scrape: native histogram sum', 'histogram_sum(e2e_size_bytes)', '200')
  await is('scrape: native histogram quantile', 'histogram_quantile(1, e2e_size_bytes)', '32')
  await until('the scrape in OpenMetrics', async () => (await value(plain, 'om_e2e_jobs_total')) === '12')
  const viaText = async (name: string, query: string, expected: string) =>
    run.same(`OpenMetrics: ${name}`, await value(plain, query), expected)
  await viaText('exponential histogram in classic buckets', 'om_e2e_size_bytes_bucket{le="+Inf"}', '12')
  await viaText('quantile of it', 'histogram_quantile(1, om_e2e_size_bytes_bucket)', '32')
  await viaText('histogram', 'om_e2e_latency_seconds_bucket{le="1.0"}', '10')
  await viaText('target_info', 'target_info{host_name="h-1"}', '1')

  const exemplars = await getJson<Exemplars>(
    `${plain}/api/v1/query_exemplars?query=om_e2e_latency_seconds_bucket&start=${Date.now() / 1000 - 600}&end=${Date.now() / 1000 + 60}`
  )
  run.same('OpenMetrics: exemplar', exemplars.data[0]?.exemplars[0]?.labels['trace_id'], TRACE_ID.toString('hex'))
  await send([
    {
      name: 'e2e.jobs',
      unit: '{job}',
      sum: {
        isMonotonic: true,
        aggregationTemporality: 2,
        dataPoints: [{ ...stale(), attributes: [{ key: 'route', value: '/orders' }] }]
      }
    }
  ])
  await until('the ended series to be stale', async () => (await value(base, 'e2e_jobs_total')) === undefined)
  run.check('scrape: a series that its source ended is stale', true)
  await send(hostile())
  await sleep(3000)
  for (const [form, server] of [
    ['protobuf', base],
    ['OpenMetrics', plain]
  ] as const) {
    const { data } = await getJson<Targets>(`${server}/api/v1/targets`)
    const [target] = data.activeTargets
    run.check(`hostile input: ${form} is still scraped`, target?.health === 'up', target?.lastError)
  }
  await send([many(100)])
  const shown = Number(await eventually(base, 'count(e2e_many)'))
  run.check('scrape: series limit holds', shown > 0 && shown < 90, `${shown} of 100 shown`)
  run.same('scrape: the others are counted', native.counted['dropped:series_limit'], 100 - shown)
}

async function pushed(run: Run, base: string): Promise<void> {
  const endpoint = `${base}/api/v1/write`
  const exporter = await exporterFor(run, remoteWrite, {
    endpoint,
    namespace: 'rw',
    external_labels: { cluster: 'e2e' }
  })
  const send = async (metrics: readonly Metric[]) => {
    const outcome = await exporter.send({ signal: 'metrics', bytes: request(metrics), items: 1 }, never)
    const detail = outcome.kind === 'delivered' ? '' : outcome.cause.message
    if (outcome.kind !== 'delivered') run.check('remote write: delivered', false, `${outcome.kind} ${detail}`)
  }
  await send(everything(3))
  await send([delta(7, 1, 2)])
  await send([delta(5, 2, 3)])
  const is = async (name: string, query: string, expected: string) => run.same(name, await value(base, query), expected)
  await is(
    'remote write: counter',
    'rw_e2e_jobs_total{route="/orders",job="shop/api",instance="i-1",cluster="e2e"}',
    '18'
  )
  await is('remote write: deltas added up', 'rw_e2e_deltas_total', '12')
  await is('remote write: gauge', 'rw_e2e_load_ratio', '0.5')
  await is('remote write: histogram bucket', 'rw_e2e_latency_seconds_bucket{le="0.5"}', '12')
  await is('remote write: histogram sum', 'rw_e2e_latency_seconds_sum', '9')
  await is('remote write: summary', 'rw_e2e_pause_seconds{quantile="0.5"}', '5')
  await is('remote write: native histogram', 'histogram_count(rw_e2e_size_bytes)', '18')
  await is('remote write: target_info', 'target_info{host_name="h-1",cluster="e2e"}', '1')
  await send([shuffled()])
  run.same('remote write: samples out of order in one batch', await value(base, 'rw_e2e_shuffled'), '3')
  run.same('remote write: all of them', await value(base, 'count_over_time(rw_e2e_shuffled[5m])'), '3')
  const outcome = await exporter.send({ signal: 'metrics', bytes: request([old()]), items: 1 }, never)
  run.same('remote write: older than the receiver takes is refused', outcome.kind, 'refused')
  await send([{ name: 'e2e.load', unit: '1', gauge: { dataPoints: [stale()] } }])
  run.same('remote write: a stale marker ends the series', await value(base, 'rw_e2e_load_ratio'), undefined)
}

async function throughGateway(run: Run, base: string): Promise<void> {
  const page = `127.0.0.1:${await freePort()}`
  const gateway = await startGateway(
    run,
    'metrics',
    `  prometheus: { endpoint: '${page}', namespace: gw }
  prometheus_remote_write: { endpoint: '${base}/api/v1/write', namespace: gw, external_labels: { via: push } }`
  )
  run.same('gateway: takes the batch', await gateway.send('metrics', request(everything(4))), 200)
  await until('the metrics to be pushed', async () => (await value(base, 'gw_e2e_jobs_total')) === '24')
  run.check('gateway: pushed to Prometheus', true, '24')
  await until('the metrics to be shown', async () => {
    const text = await (await fetch(`http://${page}/metrics`)).text()
    return /^gw_e2e_jobs_total\{.*\} 24$/m.test(text)
  })
  run.check('gateway: shown to scrapers', true, '24')
}

async function lint(run: Run, port: number, what: string): Promise<void> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const { code, output } = await promtool(page)
  run.check(`promtool check metrics (${what})`, code === 0, output)
  const openPage = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: OPEN_METRICS } })
  run.check(
    'OpenMetrics only where it is switched on',
    openPage.headers.get('content-type')?.startsWith('text/plain') ?? false
  )
}

function promtool(page: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('promtool', ['check', 'metrics'], { timeout: 10_000 })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk))
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? -1, output }))
    child.stdin.end(page)
  })
}

async function eventually(base: string, query: string): Promise<string> {
  let found: string | undefined
  await until(query, async () => (found = await value(base, query)) !== undefined)
  return found!
}

const START = Date.now() - 60_000

function request(metrics: readonly Metric[]): Buffer {
  const attributes = Object.entries({
    'service.name': 'api',
    'service.namespace': 'shop',
    'service.instance.id': 'i-1',
    'host.name': 'h-1'
  }).map(([key, value]) => ({ key, value }))
  const scopeMetrics = [{ scope: { name: 'shop', version: '1' }, metrics: [...metrics] }]
  return encodeRequest('metrics', { resourceMetrics: [{ resource: { attributes }, scopeMetrics }] })
}

/** One metric of each kind; all counts are `n` times those of 1. */
function everything(n: number): Metric[] {
  const times = { startTimeUnixNano: nanos(START), timeUnixNano: nanos(Date.now()) }
  const c = (count: number) => BigInt(count * n)
  const exemplars = [
    { asDouble: 0.3, traceId: TRACE_ID, spanId: SPAN_ID, timeUnixNano: nanos(Date.now()), filteredAttributes: [] }
  ]
  const quantileValues = [
    { quantile: 0.5, value: 5 },
    { quantile: 0.99, value: 9 }
  ]
  const attributes = [{ key: 'route', value: '/orders' }]
  return [
    {
      name: 'e2e.jobs',
      unit: '{job}',
      description: 'Jobs done.',
      sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...times, attributes, asInt: c(6) }] }
    },
    { name: 'e2e.load', unit: '1', description: 'Load.', gauge: { dataPoints: [{ ...times, asDouble: 0.5 }] } },
    {
      name: 'e2e.latency',
      unit: 's',
      description: 'Latency.',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...times,
            count: c(6),
            sum: 3 * n,
            explicitBounds: [0.1, 0.5, 1],
            bucketCounts: [c(2), c(2), c(1), c(1)],
            exemplars
          }
        ]
      }
    },
    {
      name: 'e2e.size',
      unit: 'By',
      description: 'Sizes.',
      exponentialHistogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            ...times,
            count: c(6),
            sum: 100 * n,
            scale: 0,
            zeroCount: c(1),
            positive: { offset: 1, bucketCounts: [c(1), 0n, 0n, c(4)] }
          }
        ]
      }
    },
    {
      name: 'e2e.pause',
      unit: 's',
      description: 'Pauses.',
      summary: { dataPoints: [{ ...times, count: c(6), sum: 20 * n, quantileValues }] }
    }
  ]
}

/** Whatever a sender may think of: none of it may cost the other metrics their scrape. */
function hostile(): Metric[] {
  const timeUnixNano = nanos(Date.now())
  const nasty = [
    '',
    ' ',
    '"',
    '\\',
    '\n',
    '\r\n',
    '}',
    '\u0000',
    '# EOF',
    '😀',
    'a'.repeat(5000),
    'le',
    'quantile',
    '__name__'
  ]
  const attributes = nasty.map((text, i) => ({ key: text, value: nasty[(i + 1) % nasty.length] }))
  const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, Number.MAX_VALUE]
  const gauges = nasty.map((name, i) => ({
    name,
    unit: nasty[(i + 2) % nasty.length]!,
    description: nasty[(i + 3) % nasty.length]!,
    gauge: { dataPoints: [{ timeUnixNano, asDouble: numbers[i % numbers.length]!, attributes }] }
  }))
  const exponential = (more: object) => ({ timeUnixNano, count: 1n, sum: Number.NaN, zeroCount: 1n, ...more })
  const wide = { offset: -900, bucketCounts: Array.from({ length: 1800 }, (_, i) => (i % 7 === 0 ? 1n : 0n)) }
  const count = BigInt(wide.bucketCounts.filter(n => n > 0n).length)
  return [
    ...gauges,
    { name: 'e2e.empty_histogram', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano }] } },
    { name: 'e2e.latency_seconds_count', gauge: { dataPoints: [{ timeUnixNano, asInt: 1n }] } },
    {
      name: 'e2e.negative',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          { timeUnixNano, count: 3n, sum: -5, explicitBounds: [-1, 0], bucketCounts: [1n, 1n, 1n], attributes }
        ]
      }
    },
    {
      name: 'e2e.odd_exponential',
      exponentialHistogram: {
        aggregationTemporality: 2,
        dataPoints: [
          exponential({ attributes: [{ key: 'k', value: 'zero only' }] }),
          exponential({ attributes: [{ key: 'k', value: 'fine' }], scale: 20 }),
          exponential({ attributes: [{ key: 'k', value: 'coarse' }], scale: -10 }),
          exponential({ attributes: [{ key: 'k', value: 'wide' }], zeroCount: 0n, count, positive: wide }),
          exponential({
            attributes: [{ key: 'k', value: 'both' }],
            count: 2n * count + 1n,
            positive: wide,
            negative: wide
          }),
          exponential({ attributes: [{ key: 'k', value: 'wrong' }], count: 99n }),
          exponential({
            attributes: [{ key: 'k', value: 'far' }],
            zeroCount: 0n,
            positive: { offset: 2 ** 31 - 1, bucketCounts: [1n] }
          })
        ]
      }
    },
    {
      name: 'e2e.odd_summary',
      summary: {
        dataPoints: [
          { timeUnixNano, count: 1n, quantileValues: [{ quantile: Number.NaN, value: Number.NaN }], attributes }
        ]
      }
    }
  ]
}

function delta(amount: number, from: number, to: number): Metric {
  const times = { startTimeUnixNano: nanos(START + from * 1000), timeUnixNano: nanos(Date.now() - 10_000 + to * 1000) }
  const sum = { isMonotonic: true, aggregationTemporality: 1, dataPoints: [{ ...times, asInt: BigInt(amount) }] }
  return { name: 'e2e.deltas', description: 'Deltas.', sum }
}

function many(n: number): Metric {
  const timeUnixNano = nanos(Date.now())
  const dataPoints = Array.from({ length: n }, (_, i) => ({
    timeUnixNano,
    asDouble: i,
    attributes: [{ key: 'i', value: `${i}` }]
  }))
  return { name: 'e2e.many', gauge: { dataPoints } }
}

function shuffled(): Metric {
  const dataPoints = [2, 3, 1].map(i => ({ timeUnixNano: nanos(Date.now() - 10_000 + i * 1000), asDouble: i }))
  return { name: 'e2e.shuffled', gauge: { dataPoints } }
}

function old(): Metric {
  return { name: 'e2e.shuffled', gauge: { dataPoints: [{ timeUnixNano: nanos(Date.now() - 3_600_000), asDouble: 9 }] } }
}

function stale() {
  return { flags: 1, timeUnixNano: nanos(Date.now()) }
}

function nanos(ms: number): bigint {
  return BigInt(ms) * NANOS_PER_MS
}
