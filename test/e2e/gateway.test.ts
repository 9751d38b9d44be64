// An official OpenTelemetry SDK program -> the gateway as people start it -> a file and an OTLP back end.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OTLPLogExporter as LogsGrpc } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as LogsJson } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as LogsProto } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as MetricsGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as MetricsJson } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as MetricsProto } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as TracesGrpc } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as TracesJson } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as TracesProto } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node'
import t from 'tap'
import type { Signal } from '../../core/otlp/signal.js'
import {
  type GatewayProcess,
  gatewayConfig,
  startGateway,
  TELEMETRY,
  toSink,
  until
} from '../helpers/gateway-process.js'
import { oracle, type Plain, REQUEST } from '../helpers/otlp-oracle.js'
import { sink } from '../helpers/sink.js'

const PERSON = { email: 'maria.lopez@example.org', card: '4111 1111 1111 1111', user: 'user-4711' }
const PROTOCOLS = ['http/protobuf', 'http/json', 'grpc'] as const
type Protocol = (typeof PROTOCOLS)[number]
const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

/** What an application does: one workflow with a step, one counter, one log line; flushed and shut down. */
async function program(gateway: GatewayProcess, protocol: Protocol): Promise<void> {
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'deployment.owner': PERSON.email })
  const at = (signal: Signal) => ({
    url: protocol === 'grpc' ? `http://${gateway.grpc}` : `${gateway.http}/v1/${signal}`
  })
  const make = <E>(
    signal: Signal,
    grpc: new (o: object) => E,
    proto: new (o: object) => E,
    json: new (o: object) => E
  ) => new (protocol === 'grpc' ? grpc : protocol === 'http/json' ? json : proto)(at(signal))
  const spans = make<SpanExporter>('traces', TracesGrpc, TracesProto, TracesJson)
  const metrics = make<PushMetricExporter>('metrics', MetricsGrpc, MetricsProto, MetricsJson)
  const logs = make<LogRecordExporter>('logs', LogsGrpc, LogsProto, LogsJson)
  const tracing = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spans)] })
  const metering = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 60_000 })]
  })
  const logging = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor(logs)] })
  const span = tracing.getTracer('shop').startSpan(`checkout ${protocol}`, {
    attributes: { user_id: PERSON.user, note: `mail to ${PERSON.email}`, 'workflow.name': 'nightly', amount: 12 }
  })
  span.addEvent(`paid with ${PERSON.card}`)
  span.end()
  metering
    .getMeter('shop')
    .createCounter('orders', { description: `asked by ${PERSON.email}` })
    .add(3, { user_id: PERSON.user })
  logging
    .getLogger('shop')
    .emit({ body: `refund for ${PERSON.email}`, severityNumber: 9, attributes: { card: PERSON.card } })
  await Promise.all([tracing.shutdown(), metering.shutdown(), logging.shutdown()])
}

/** Values of `user_id` anywhere in an OTLP/JSON text. */
function userIds(text: string): string[] {
  return [...text.matchAll(/"key":"user_id","value":\{"stringValue":"([^"]*)"/g)].map(m => m[1]!)
}

/** Sum over all series of one of the gateway's own metrics; NaN when there is none. */
function sumOf(metrics: string, name: string): number {
  const series = [...metrics.matchAll(new RegExp(`^algoflow_gateway_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  return series.length === 0 ? Number.NaN : series.reduce((sum, m) => sum + Number(m[1]), 0)
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v))
}

t.test('an SDK program’s three signals over three protocols arrive whole and without personal data', async t => {
  const cwd = t.testdir({})
  const out = await sink(t, { keep: true })
  const pipeline = {
    receivers: ['otlp'],
    processors: ['hashing', 'redaction'],
    exporters: ['otlp_http', 'file', 'debug']
  }
  const config = gatewayConfig({
    processors: { hashing: { hash_fields: ['user_id'], key: 'a-key-for-tests-0123456789abcdef' }, redaction: {} },
    exporters: { otlp_http: toSink(out.url), file: { path: './out.jsonl' }, debug: {} },
    service: { telemetry: TELEMETRY, pipelines: { traces: pipeline, metrics: pipeline, logs: pipeline } }
  })
  const gateway = await startGateway(t, { cwd, config })
  for (const protocol of PROTOCOLS) await program(gateway, protocol)
  const ledger = await gateway.drained()

  t.ok(ledger.isBalanced)
  t.same(ledger.received.map(r => [r.stream, r.items]).sort(), SIGNALS.map(s => [s, 3]).sort())
  t.same(
    ledger.exporters.map(l => [l.exporter, l.delivered]),
    [
      ['debug', 9],
      ['file', 9],
      ['otlp_http', 9]
    ]
  )
  const lines = readFileSync(join(cwd, 'out.jsonl'), 'utf8').trim().split('\n')
  const text = lines.join('\n')
  const sent = out.requests.map(r => plain(oracle.decode(REQUEST[r.signal], r.body))).join('\n')
  for (const [where, what] of [
    ['file', text],
    ['back end', sent],
    ['output', gateway.output]
  ] as const) {
    for (const value of Object.values(PERSON)) t.notMatch(what, value, `no ${value} in the ${where}`)
  }
  for (const what of [text, sent]) {
    for (const protocol of PROTOCOLS) t.match(what, `checkout ${protocol}`)
    for (const kept of ['service.name', 'shop', 'nightly', 'orders', 'refund for']) t.match(what, kept)
  }
  const hashes = new Set([...userIds(text), ...userIds(sent)])
  t.equal(hashes.size, 1, `one hash for one user everywhere: ${[...hashes]}`)
  t.match([...hashes][0], /^h1:/)
  for (const line of lines) t.type(JSON.parse(line) as Plain, 'object', 'a line is one JSON object')

  const metrics = await gateway.metrics()
  t.equal(sumOf(metrics, 'received_items_total'), 9, 'received, at /metrics')
  t.equal(sumOf(metrics, 'delivered_items_total'), 27, 'delivered to three exporters, at /metrics')
  t.equal(sumOf(metrics, 'waiting_items'), 0)
  t.equal(sumOf(metrics, 'ledger_difference_items'), 0)
  t.same(await gateway.stop(), { code: 0, signal: null })
})

t.test(
  'without a config file: output is visible at once, strict privacy, a local file, the same hash after a restart',
  async t => {
    const cwd = t.testdir({})
    const args = [
      'receivers.otlp.protocols.http.endpoint',
      'receivers.otlp.protocols.grpc.endpoint',
      'service.telemetry.admin.endpoint',
      'exporters.prometheus.endpoint'
    ].flatMap(key => ['--set', `${key}=127.0.0.1:0`])
    const file = join(cwd, 'data/telemetry/telemetry.jsonl')
    for (const life of [1, 2]) {
      const gateway = await startGateway(t, { cwd, args })
      await program(gateway, 'http/protobuf')
      await until('the summary on the terminal', () => /checkout|spans?/i.test(gateway.stdout), 3000)
      const ledger = await gateway.drained()
      t.ok(ledger.isBalanced, `life ${life}`)
      for (const value of Object.values(PERSON)) t.notMatch(gateway.output, value)
      await gateway.stop()
    }
    const text = readFileSync(file, 'utf8')
    for (const value of Object.values(PERSON)) t.notMatch(text, value)
    const hashes = userIds(text)
    t.equal(hashes.length, 4, 'span and metric, twice')
    t.equal(new Set(hashes).size, 1, 'the installation keeps its key')
  }
)
