// Messages of the fleet as OTLP requests in protobuf.

import type { Batch } from '../../core/component/batch.js'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import { type Attributes, prefixed } from './attributes.js'
import type { LogItem, Severity, SpanItem } from './execution.js'
import type { Message } from './fleet.js'

export interface EncodeOptions {
  /** Put in front of AlgoFlow's own attributes: '' or 'algoflow.'. */
  readonly prefix: string
  /** When the fleet started: gauges and processes have a start. */
  readonly startMs: number
  /** Tells fleets of different runs apart. */
  readonly fleet: string
}

type Pairs = { key: string; value: string | number | boolean | readonly string[] }[]

const SCOPE = { name: 'algoflow', version: '2.4.1' }
/** First number of each range of the log data model ("SeverityNumber"). */
const SEVERITY: Readonly<Record<Severity, number>> = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 }
const KIND = { internal: 1, client: 3 } as const
const STATUS_OK = 1
const STATUS_ERROR = 2

/** Makes the request that a worker's SDK would make. */
export function encode(message: Message, options: EncodeOptions): Batch {
  const resource = { attributes: workerAttributes(message.worker, options) }
  switch (message.signal) {
    case 'traces': {
      const spans = message.spans.map(span => spanOf(span, options))
      const bytes = encodeRequest('traces', { resourceSpans: [{ resource, scopeSpans: [{ scope: SCOPE, spans }] }] })
      return { signal: 'traces', bytes, items: spans.length }
    }
    case 'logs': {
      const logRecords = message.logs.map(log => logOf(log, options))
      const bytes = encodeRequest('logs', { resourceLogs: [{ resource, scopeLogs: [{ scope: SCOPE, logRecords }] }] })
      return { signal: 'logs', bytes, items: logRecords.length }
    }
    case 'metrics': {
      const times = { startTimeUnixNano: nanos(options.startMs), timeUnixNano: nanos(message.atMs) }
      const metrics = message.gauges.map(({ name, unit, about, value }) => ({
        name,
        unit,
        description: about,
        gauge: { dataPoints: [{ ...times, asInt: BigInt(value) }] }
      }))
      const bytes = encodeRequest('metrics', {
        resourceMetrics: [{ resource, scopeMetrics: [{ scope: SCOPE, metrics }] }]
      })
      return { signal: 'metrics', bytes, items: metrics.length }
    }
  }
}

/** Semantic conventions: what identifies a worker. */
function workerAttributes(worker: number, { fleet }: EncodeOptions): Pairs {
  return pairs({
    'service.name': 'algoflow-worker',
    'service.namespace': 'algoflow',
    'service.version': SCOPE.version,
    'service.instance.id': `${fleet}-worker-${worker + 1}`,
    'deployment.environment.name': 'demo',
    'telemetry.sdk.language': 'haskell',
    'telemetry.sdk.name': 'algoflow'
  })
}

type Span = Encodable<Decoded['traces']['resourceSpans'][number]['scopeSpans'][number]['spans'][number]>
type LogRecord = Encodable<Decoded['logs']['resourceLogs'][number]['scopeLogs'][number]['logRecords'][number]>

function spanOf(span: SpanItem, { prefix }: EncodeOptions): Span {
  const { traceId, spanId, parentSpanId, name, failure, isClient, isRoot } = span
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: isClient ? KIND.client : KIND.internal,
    startTimeUnixNano: nanos(span.startMs),
    endTimeUnixNano: nanos(span.endMs),
    attributes: pairs(span.attributes, prefix),
    events: span.events.map(event => ({
      timeUnixNano: nanos(event.atMs),
      name: event.name,
      attributes: pairs(event.attributes)
    })),
    // Instrumentations leave a span that went well unset; a workflow says it.
    ...(failure === undefined ? (isRoot ? { status: { code: STATUS_OK } } : {}) : failed(failure)),
    flags: 1
  }
}

function failed(message: string): { status: { code: number; message: string } } {
  return { status: { code: STATUS_ERROR, message } }
}

function logOf(log: LogItem, { prefix }: EncodeOptions): LogRecord {
  return {
    timeUnixNano: nanos(log.atMs),
    observedTimeUnixNano: nanos(log.atMs),
    severityNumber: SEVERITY[log.severity],
    severityText: log.severity,
    body: log.body,
    attributes: pairs(log.attributes, prefix),
    ...(log.traceId === undefined ? {} : { traceId: log.traceId }),
    ...(log.spanId === undefined ? {} : { spanId: log.spanId }),
    flags: 1
  }
}

function pairs(attributes: Attributes, prefix = ''): Pairs {
  return Object.entries(attributes).map(([key, value]) => ({ key: prefixed(key, prefix), value }))
}

function nanos(ms: number): bigint {
  return BigInt(ms) * 1_000_000n
}
