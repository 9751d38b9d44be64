// The official OpenTelemetry JavaScript exporters against real servers: three signals, three protocols, plain and gzip.

import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPLogExporter as LogsGrpc } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as LogsJson } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as LogsProto } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as MetricsGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as MetricsJson } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as MetricsProto } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as TracesGrpc } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as TracesJson } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as TracesProto } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import t from 'tap'
import type { Signal } from '../../core/otlp/signal.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'
import { realIntake } from '../helpers/pipelines.js'
import { startReceiver } from '../helpers/receiver.js'

/** The part all exporters share. */
interface AnyExporter {
  export(items: never, done: (result: ExportResult) => void): void
  shutdown(): Promise<void>
}

type Make = (options: { url: string; compression: CompressionAlgorithm }) => AnyExporter

const EXPORTERS: Readonly<Record<Signal, Readonly<Record<'grpc' | 'http/protobuf' | 'http/json', Make>>>> = {
  traces: {
    grpc: o => new TracesGrpc(o),
    'http/protobuf': o => new TracesProto(o),
    'http/json': o => new TracesJson(o)
  },
  metrics: {
    grpc: o => new MetricsGrpc(o),
    'http/protobuf': o => new MetricsProto(o),
    'http/json': o => new MetricsJson(o)
  },
  logs: {
    grpc: o => new LogsGrpc(o),
    'http/protobuf': o => new LogsProto(o),
    'http/json': o => new LogsJson(o)
  }
}

function someSpans(): unknown {
  const memory = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] })
  const tracer = provider.getTracer('test')
  tracer.startSpan('workflow', { attributes: { 'workflow.name': 'nightly', attempts: 3, rate: 0.5 } }).end()
  tracer.startSpan('step').addEvent('retry').setStatus({ code: 2, message: 'failed' }).end()
  return memory.getFinishedSpans()
}

class OneRead extends MetricReader {
  protected override async onShutdown() {}
  protected override async onForceFlush() {}
}

async function someMetrics(): Promise<ResourceMetrics> {
  const reader = new OneRead()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
  meter.createCounter('steps').add(5, { step: 'load' })
  meter.createHistogram('duration').record(12.5)
  return (await reader.collect()).resourceMetrics
}

function someLogs(): unknown {
  const memory = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor(memory)] })
  provider.getLogger('test').emit({ body: 'started', severityNumber: 9, attributes: { user: 'x' } })
  return memory.getFinishedLogRecords()
}

const ITEMS: Readonly<Record<Signal, () => unknown>> = { traces: someSpans, metrics: someMetrics, logs: someLogs }

function exported(exporter: AnyExporter, items: unknown): Promise<ExportResult> {
  return new Promise(resolve => exporter.export(items as never, resolve))
}

for (const signal of Object.keys(EXPORTERS) as Signal[]) {
  t.test(`G1 R15 H1: the SDK’s ${signal} arrive the same over every protocol, plain and gzip`, async t => {
    const intake = await realIntake(t)
    const { grpc, http } = await startReceiver(t, { intake })
    const items = await ITEMS[signal]()
    for (const [protocol, make] of Object.entries(EXPORTERS[signal])) {
      for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
        const url = protocol === 'grpc' ? `http://${grpc}` : `${http}/v1/${signal}`
        const exporter = make({ url, compression })
        const result = await exported(exporter, items)
        await exporter.shutdown()
        t.equal(result.code, ExportResultCode.SUCCESS, `${protocol} ${compression} ${result.error?.message ?? ''}`)
      }
    }
    const decoded: Plain[] = intake.taken.map(taken => oracle.decodeRequest(signal, taken.bytes))
    t.equal(decoded.length, 6)
    t.match(
      JSON.stringify(decoded[0], (_, v) => (typeof v === 'bigint' ? String(v) : v)),
      /test/
    )
    for (const one of decoded) t.same(one, decoded[0])
  })
}

t.test('H17 R12: the SDK waits as told and succeeds once the gateway has room again', async t => {
  const { http, intake } = await startReceiver(t)
  let calls = 0
  intake.answer = () =>
    ++calls === 1 ? { kind: 'busy', message: 'full', retryAfterMs: 10 } : { kind: 'accepted', rejected: 0, message: '' }
  const exporter = new TracesProto({ url: `${http}/v1/traces` })
  const result = await exported(exporter, someSpans())
  await exporter.shutdown()
  t.equal(result.code, ExportResultCode.SUCCESS)
  t.equal(calls, 2)
})

t.test('R9: the SDK gives up at once on bad data', async t => {
  const { http, intake } = await startReceiver(t)
  intake.answer = () => ({ kind: 'malformed', message: 'bad' })
  const exporter = new TracesProto({ url: `${http}/v1/traces` })
  const result = await exported(exporter, someSpans())
  await exporter.shutdown()
  t.equal(result.code, ExportResultCode.FAILED)
  t.equal(intake.taken.length, 1)
})
