// A moto server in place of AWS: what the exporter puts is read back with the same SDK, per interval, per dimension.

import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand } from '@aws-sdk/client-cloudwatch'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import cloudwatch from '../../exporters/cloudwatch/index.js'
import { exporterFor, never } from './exporter.js'
import { startGateway } from './gateway.js'
import { cache, command, freePort, isUp, NANOS_PER_MS, type Run, until } from './harness.js'

type Metric = Encodable<Decoded['metrics']['resourceMetrics'][number]['scopeMetrics'][number]['metrics'][number]>

const NAMESPACE = 'AlgoFlow/e2e'
const INSTALL_LIMIT_MS = 5 * 60_000
const REGION = 'eu-central-1'

export default async function run(run: Run): Promise<void> {
  const moto = await install()
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  await run.start(moto, ['-H', '127.0.0.1', '-p', String(port)], { ready: () => isUp(`${endpoint}/moto-api/`) })
  // The SDK's default chain finds credentials here, as it would find a role's on AWS.
  process.env['AWS_ACCESS_KEY_ID'] = 'testing'
  process.env['AWS_SECRET_ACCESS_KEY'] = 'testing'
  const exporter = await exporterFor(run, cloudwatch, { namespace: NAMESPACE, region: REGION, endpoint })
  const reader = new CloudWatchClient({ endpoint, region: REGION, maxAttempts: 1 })
  run.onEnd(async () => reader.destroy())

  const send = async (...metrics: Metric[]) => {
    const bytes = request(metrics)
    return await exporter.send({ signal: 'metrics', bytes, items: pointsIn(metrics) }, never)
  }
  const start = Math.floor(Date.now() / 60_000) * 60_000
  run.same('the first batch is delivered', await send(...everything(start, 0, 1)), { kind: 'delivered' })
  run.same('the second batch is delivered', await send(...everything(start, 30, 3)), { kind: 'delivered' })
  await verify(run, reader, start)

  const many = { name: 'many', gauge: { dataPoints: Array.from({ length: 2500 }, (_, i) => gaugePoint(start, i)) } }
  run.same('2,500 points are delivered in requests of 1,000', await send(many), { kind: 'delivered' })
  const sum = await statistics(reader, 'many', start, [{ Name: 'service.name', Value: 'api' }])
  run.same('2,500 points: all arrived', [sum?.SampleCount, sum?.Sum], [2500, (2499 * 2500) / 2])

  const wide = Array.from({ length: 40 }, (_, i) => ({ key: `k${String(i).padStart(2, '0')}`, value: 'v' }))
  const point = { ...gaugePoint(start, 1), attributes: wide }
  run.same(
    '40 attributes are delivered',
    (await send({ name: 'wide', gauge: { dataPoints: [point] } })).kind,
    'delivered'
  )
  const { Metrics = [] } = await reader.send(new ListMetricsCommand({ Namespace: NAMESPACE, MetricName: 'wide' }))
  run.same('40 attributes: 30 dimensions', Metrics[0]?.Dimensions?.length, 30)
  run.same('40 attributes: the others are counted', exporter.counted['dimensions_left_out'], 11)

  const credentials = { AWS_ACCESS_KEY_ID: 'testing', AWS_SECRET_ACCESS_KEY: 'testing' }
  const gateway = await startGateway(
    run,
    'metrics',
    `  cloudwatch: { namespace: ${NAMESPACE}, region: ${REGION}, endpoint: '${endpoint}' }`,
    { env: credentials }
  )
  const through = { name: 'through', gauge: { dataPoints: [gaugePoint(start, 42)] } }
  run.same('gateway: takes the batch', await gateway.send('metrics', request([through])), 200)
  const dimensions = [{ Name: 'service.name', Value: 'api' }]
  await until('the metric to arrive', async () => (await statistics(reader, 'through', start, dimensions))?.Sum === 42)
  run.check('gateway: the metric arrives', true, '42')

  const gone = await exporterFor(run, cloudwatch, {
    namespace: NAMESPACE,
    region: REGION,
    endpoint: `http://127.0.0.1:${await freePort()}`
  })
  const outcome = await gone.send({ signal: 'metrics', bytes: request([many]), items: 2500 }, never)
  run.same('no service: try again later', outcome.kind, 'retry')
}

async function verify(run: Run, reader: CloudWatchClient, start: number): Promise<void> {
  const dimensions = [
    { Name: 'service.name', Value: 'api' },
    { Name: 'route', Value: '/orders' }
  ]
  const jobs = await statistics(reader, 'jobs', start, dimensions)
  run.same('counter: what came in, as Count', [jobs?.Sum, jobs?.Unit], [30, 'Count'])
  const load = await statistics(reader, 'load', start, dimensions)
  run.same('gauge: as it is', [load?.SampleCount, load?.Maximum], [2, 0.75])
  const latency = await statistics(reader, 'latency', start, dimensions)
  run.same('histogram: every value counted once', [latency?.SampleCount, latency?.Unit], [9, 'Milliseconds'])
  const size = await statistics(reader, 'size', start, dimensions)
  run.same('exponential histogram: every value counted once', [size?.SampleCount, size?.Unit], [15, 'Bytes'])
  const pause = await statistics(reader, 'pause', start, dimensions)
  run.same('summary: count and sum', [pause?.SampleCount, pause?.Sum], [6, 60])
}

async function statistics(reader: CloudWatchClient, name: string, start: number, dimensions: object[]) {
  const answer = await reader.send(
    new GetMetricStatisticsCommand({
      Namespace: NAMESPACE,
      MetricName: name,
      Dimensions: dimensions as { Name: string; Value: string }[],
      StartTime: new Date(start - 60_000),
      EndTime: new Date(start + 120_000),
      Period: 300,
      Statistics: ['SampleCount', 'Sum', 'Maximum']
    })
  )
  return answer.Datapoints?.[0]
}

async function install(): Promise<string> {
  const folder = await cache('moto')
  const server = join(folder, 'bin', 'moto_server')
  if (
    await access(server).then(
      () => true,
      () => false
    )
  )
    return server
  await command('python3', ['-m', 'venv', folder], { withinMs: INSTALL_LIMIT_MS })
  await command(join(folder, 'bin', 'pip'), ['install', '-q', 'moto[server]'], { withinMs: INSTALL_LIMIT_MS })
  return server
}

function request(metrics: readonly Metric[]): Buffer {
  const attributes = [
    { key: 'service.name', value: 'api' },
    { key: 'host.name', value: 'h-1' }
  ]
  return encodeRequest('metrics', {
    resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: { name: 's' }, metrics: [...metrics] }] }]
  })
}

function pointsIn(metrics: readonly Metric[]): number {
  const kinds = metrics.map(m => m.gauge ?? m.sum ?? m.histogram ?? m.exponentialHistogram ?? m.summary)
  return kinds.reduce((sum, kind) => sum + (kind?.dataPoints?.length ?? 0), 0)
}

/** Later than any exporter here was made. */
const SOURCE_START = BigInt(Date.now() + 3_600_000) * NANOS_PER_MS

/** Cumulative, from a source that started after the exporter: everything is `n` times the counts of 1. */
function everything(start: number, seconds: number, n: number): Metric[] {
  const times = {
    startTimeUnixNano: SOURCE_START,
    timeUnixNano: BigInt(start + seconds * 1000) * NANOS_PER_MS,
    attributes: [{ key: 'route', value: '/orders' }]
  }
  const c = (count: number) => BigInt(count * n)
  const quantileValues = [
    { quantile: 0, value: 1 },
    { quantile: 1, value: 20 }
  ]
  const histogram = { ...times, count: c(3), sum: 12 * n, explicitBounds: [1, 10], bucketCounts: [c(1), c(1), c(1)] }
  const positive = { offset: 0, bucketCounts: [c(2), c(2)] }
  const exponential = { ...times, count: c(5), sum: 9 * n, scale: 0, zeroCount: c(1), positive }
  return [
    {
      name: 'jobs',
      unit: '{job}',
      sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...times, asInt: c(10) }] }
    },
    { name: 'load', unit: '1', gauge: { dataPoints: [{ ...times, asDouble: 0.25 * n }] } },
    { name: 'latency', unit: 'ms', histogram: { aggregationTemporality: 2, dataPoints: [histogram] } },
    { name: 'size', unit: 'By', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [exponential] } },
    { name: 'pause', unit: 's', summary: { dataPoints: [{ ...times, count: c(2), sum: 20 * n, quantileValues }] } }
  ]
}

function gaugePoint(start: number, value: number) {
  return { timeUnixNano: BigInt(start) * NANOS_PER_MS, asDouble: value }
}
