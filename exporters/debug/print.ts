// Turns a batch into lines for a person: from its OTLP/JSON, because this is for reading, not for speed.

import type { Batch } from '../../core/component/batch.js'
import { protobufToJson } from '../../core/otlp/json-write.js'
import type { Signal } from '../../core/otlp/signal.js'

type Json = { readonly [key: string]: unknown }

interface Shape {
  readonly title: string
  readonly resources: string
  readonly scopes: string
  readonly items: string
  readonly word: string
}

const SHAPE: Readonly<Record<Signal, Shape>> = {
  traces: { title: 'Traces', resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans', word: 'spans' },
  metrics: {
    title: 'Metrics',
    resources: 'resourceMetrics',
    scopes: 'scopeMetrics',
    items: 'metrics',
    word: 'data points'
  },
  logs: { title: 'Logs', resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords', word: 'log records' }
}

/** Longest text printed of one value in `normal`. */
const MAX_VALUE = 120

/** `Traces {"exporter":"debug","bytes":4711,"spans":5}`: no decoding. */
export function basic(id: string, { signal, bytes, items }: Batch, leftOut: number): string {
  const counts = { exporter: id, bytes: bytes.length, [SHAPE[signal].word]: items }
  return `${SHAPE[signal].title} ${JSON.stringify(leftOut > 0 ? { ...counts, 'batches not shown': leftOut } : counts)}`
}

/** A line an item: name, ids, attributes. */
export function normal({ signal, bytes }: Batch): string[] {
  const lines: string[] = []
  const shape = SHAPE[signal]
  for (const resource of list(parse(signal, bytes)[shape.resources])) {
    lines.push(`Resource ${attributes((resource['resource'] as Json | undefined)?.['attributes'])}`)
    for (const scope of list(resource[shape.scopes])) {
      for (const item of list(scope[shape.items])) lines.push(`  ${ITEM[signal](item)}`)
    }
  }
  return lines
}

/** The whole batch as an indented tree. */
export function detailed({ signal, bytes }: Batch): string[] {
  return JSON.stringify(parse(signal, bytes), null, 2).split('\n').map(printable)
}

const ITEM: Readonly<Record<Signal, (item: Json) => string>> = {
  traces: span =>
    `${text(span['name'])} ${text(span['traceId'])} ${text(span['spanId'])} ${attributes(span['attributes'])}`,
  logs: log => `${text(log['severityText'])} ${value(log['body'])} ${attributes(log['attributes'])}`,
  metrics: metric => {
    const kind = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'].find(name => name in metric)
    const points = list((metric[kind ?? ''] as Json | undefined)?.['dataPoints'])
    return `${text(metric['name'])} ${kind ?? 'empty'} ${points.map(point).join(' ')}`
  }
}

function point(data: Json): string {
  const shown = data['asInt'] ?? data['asDouble'] ?? data['count'] ?? ''
  return `${attributes(data['attributes'])}=${text(shown)}`
}

function parse(signal: Signal, bytes: Buffer): Json {
  return JSON.parse(protobufToJson(signal, bytes)) as Json
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : []
}

function attributes(value_: unknown): string {
  return `{${list(value_)
    .map(pair => `${text(pair['key'])}=${value(pair['value'])}`)
    .join(' ')}}`
}

function value(any: unknown): string {
  if (typeof any !== 'object' || any === null) return ''
  const [inner] = Object.values(any)
  return typeof inner === 'object' ? text(JSON.stringify(inner)) : text(inner)
}

function text(any: unknown): string {
  const whole = printable(any === undefined ? '' : String(any))
  return whole.length > MAX_VALUE ? `${whole.slice(0, MAX_VALUE)}…` : whole
}

/** Telemetry is hostile: it must not move the reader's terminal. */
function printable(line: string): string {
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '�')
}
