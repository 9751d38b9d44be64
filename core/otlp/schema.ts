// The OTLP messages as one table (opentelemetry-proto 1.x: common, resource, trace, metrics, logs, collector requests).
// Everything that walks, edits or translates OTLP reads this table; test/otlp-schema.test.ts holds it against the
// published descriptors, so a field that upstream adds fails a test until it has a row and a policy here.

import type { Signal } from './signal.js'

/**
 * What a field may carry, for privacy: `text` is free text; `attributes` and `value` lead to keys and AnyValues;
 * `identifier` is a random id of fixed length; `measure` is a number or time that the protocol defines; `structure`
 * leads to another message.
 */
export type Policy = 'text' | 'attributes' | 'value' | 'identifier' | 'measure' | 'structure'

export type FieldType =
  | 'message'
  | 'string'
  | 'bytes'
  | 'bool'
  | 'enum'
  | 'int32'
  | 'sint32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double'

export interface Field {
  readonly number: number
  /** Name in the .proto file; the JSON name is its lowerCamelCase. */
  readonly name: string
  readonly json: string
  readonly type: FieldType
  readonly repeated: boolean
  /** Message type of `message` fields. */
  readonly message: string | undefined
  /**
   * The group of which at most one field is set; `_name` for a field that is alone (`optional` in the .proto file). Such
   * a scalar is there or not; any other one that is not there is 0, false or empty.
   */
  readonly oneof: string | undefined
  readonly policy: Policy
  /** The place name of `text`, `attributes` and `value` fields. */
  readonly place: Place | undefined
}

export interface Message {
  readonly name: string
  readonly fields: readonly Field[]
  /** Spans, data points, log records: what is counted, rejected and sampled one by one. */
  readonly item: boolean
}

/** Every place in OTLP that can carry text, by the name used in docs, metrics and `places:` options. */
export const PLACES = [
  'resource.attributes',
  'resource.entity',
  'schema_url',
  'scope.name',
  'scope.version',
  'scope.attributes',
  'span.name',
  'span.trace_state',
  'span.attributes',
  'span.status.message',
  'span.event.name',
  'span.event.attributes',
  'span.link.trace_state',
  'span.link.attributes',
  'metric.name',
  'metric.description',
  'metric.unit',
  'metric.metadata',
  'point.attributes',
  'exemplar.attributes',
  'log.severity_text',
  'log.body',
  'log.attributes',
  'log.event_name',
  'unknown_field'
] as const
export type Place = (typeof PLACES)[number]

type Row = readonly [number: number, name: string, type: string, placeOrPolicy?: string]

const ATTRIBUTES = 'KeyValue*'

// number, name, type ('X*' = repeated; capitals = message), place for text/attributes/value, else policy.
const ROWS: Readonly<Record<string, readonly Row[]>> = {
  ExportTraceServiceRequest: [[1, 'resource_spans', 'ResourceSpans*']],
  ResourceSpans: [
    [1, 'resource', 'Resource'],
    [2, 'scope_spans', 'ScopeSpans*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  ScopeSpans: [
    [1, 'scope', 'InstrumentationScope'],
    [2, 'spans', 'Span*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  Resource: [
    [1, 'attributes', ATTRIBUTES, 'resource.attributes'],
    [2, 'dropped_attributes_count', 'uint32'],
    [3, 'entity_refs', 'EntityRef*']
  ],
  EntityRef: [
    [1, 'schema_url', 'string', 'schema_url'],
    [2, 'type', 'string', 'resource.entity'],
    [3, 'id_keys', 'string*', 'resource.entity'],
    [4, 'description_keys', 'string*', 'resource.entity']
  ],
  InstrumentationScope: [
    [1, 'name', 'string', 'scope.name'],
    [2, 'version', 'string', 'scope.version'],
    [3, 'attributes', ATTRIBUTES, 'scope.attributes'],
    [4, 'dropped_attributes_count', 'uint32']
  ],
  KeyValue: [
    [1, 'key', 'string', 'value'],
    [2, 'value', 'AnyValue', 'value'],
    [3, 'key_strindex', 'int32']
  ],
  AnyValue: [
    [1, 'string_value', 'string', 'value'],
    [2, 'bool_value', 'bool'],
    [3, 'int_value', 'int64', 'value'],
    [4, 'double_value', 'double', 'value'],
    [5, 'array_value', 'ArrayValue'],
    [6, 'kvlist_value', 'KeyValueList'],
    [7, 'bytes_value', 'bytes', 'value'],
    [8, 'string_value_strindex', 'int32']
  ],
  ArrayValue: [[1, 'values', 'AnyValue*']],
  KeyValueList: [[1, 'values', 'KeyValue*']],
  Span: [
    [1, 'trace_id', 'bytes', 'identifier'],
    [2, 'span_id', 'bytes', 'identifier'],
    [3, 'trace_state', 'string', 'span.trace_state'],
    [4, 'parent_span_id', 'bytes', 'identifier'],
    [5, 'name', 'string', 'span.name'],
    [6, 'kind', 'enum'],
    [7, 'start_time_unix_nano', 'fixed64'],
    [8, 'end_time_unix_nano', 'fixed64'],
    [9, 'attributes', ATTRIBUTES, 'span.attributes'],
    [10, 'dropped_attributes_count', 'uint32'],
    [11, 'events', 'Event*'],
    [12, 'dropped_events_count', 'uint32'],
    [13, 'links', 'Link*'],
    [14, 'dropped_links_count', 'uint32'],
    [15, 'status', 'Status'],
    [16, 'flags', 'fixed32']
  ],
  Event: [
    [1, 'time_unix_nano', 'fixed64'],
    [2, 'name', 'string', 'span.event.name'],
    [3, 'attributes', ATTRIBUTES, 'span.event.attributes'],
    [4, 'dropped_attributes_count', 'uint32']
  ],
  Link: [
    [1, 'trace_id', 'bytes', 'identifier'],
    [2, 'span_id', 'bytes', 'identifier'],
    [3, 'trace_state', 'string', 'span.link.trace_state'],
    [4, 'attributes', ATTRIBUTES, 'span.link.attributes'],
    [5, 'dropped_attributes_count', 'uint32'],
    [6, 'flags', 'fixed32']
  ],
  Status: [
    [2, 'message', 'string', 'span.status.message'],
    [3, 'code', 'enum']
  ],
  ExportMetricsServiceRequest: [[1, 'resource_metrics', 'ResourceMetrics*']],
  ResourceMetrics: [
    [1, 'resource', 'Resource'],
    [2, 'scope_metrics', 'ScopeMetrics*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  ScopeMetrics: [
    [1, 'scope', 'InstrumentationScope'],
    [2, 'metrics', 'Metric*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  Metric: [
    [1, 'name', 'string', 'metric.name'],
    [2, 'description', 'string', 'metric.description'],
    [3, 'unit', 'string', 'metric.unit'],
    [5, 'gauge', 'Gauge'],
    [7, 'sum', 'Sum'],
    [9, 'histogram', 'Histogram'],
    [10, 'exponential_histogram', 'ExponentialHistogram'],
    [11, 'summary', 'Summary'],
    [12, 'metadata', ATTRIBUTES, 'metric.metadata']
  ],
  Gauge: [[1, 'data_points', 'NumberDataPoint*']],
  Sum: [
    [1, 'data_points', 'NumberDataPoint*'],
    [2, 'aggregation_temporality', 'enum'],
    [3, 'is_monotonic', 'bool']
  ],
  Histogram: [
    [1, 'data_points', 'HistogramDataPoint*'],
    [2, 'aggregation_temporality', 'enum']
  ],
  ExponentialHistogram: [
    [1, 'data_points', 'ExponentialHistogramDataPoint*'],
    [2, 'aggregation_temporality', 'enum']
  ],
  Summary: [[1, 'data_points', 'SummaryDataPoint*']],
  NumberDataPoint: [
    [7, 'attributes', ATTRIBUTES, 'point.attributes'],
    [2, 'start_time_unix_nano', 'fixed64'],
    [3, 'time_unix_nano', 'fixed64'],
    [4, 'as_double', 'double'],
    [6, 'as_int', 'sfixed64'],
    [5, 'exemplars', 'Exemplar*'],
    [8, 'flags', 'uint32']
  ],
  HistogramDataPoint: [
    [9, 'attributes', ATTRIBUTES, 'point.attributes'],
    [2, 'start_time_unix_nano', 'fixed64'],
    [3, 'time_unix_nano', 'fixed64'],
    [4, 'count', 'fixed64'],
    [5, 'sum', 'double'],
    [6, 'bucket_counts', 'fixed64*'],
    [7, 'explicit_bounds', 'double*'],
    [8, 'exemplars', 'Exemplar*'],
    [10, 'flags', 'uint32'],
    [11, 'min', 'double'],
    [12, 'max', 'double']
  ],
  ExponentialHistogramDataPoint: [
    [1, 'attributes', ATTRIBUTES, 'point.attributes'],
    [2, 'start_time_unix_nano', 'fixed64'],
    [3, 'time_unix_nano', 'fixed64'],
    [4, 'count', 'fixed64'],
    [5, 'sum', 'double'],
    [6, 'scale', 'sint32'],
    [7, 'zero_count', 'fixed64'],
    [8, 'positive', 'Buckets'],
    [9, 'negative', 'Buckets'],
    [10, 'flags', 'uint32'],
    [11, 'exemplars', 'Exemplar*'],
    [12, 'min', 'double'],
    [13, 'max', 'double'],
    [14, 'zero_threshold', 'double']
  ],
  Buckets: [
    [1, 'offset', 'sint32'],
    [2, 'bucket_counts', 'uint64*']
  ],
  SummaryDataPoint: [
    [7, 'attributes', ATTRIBUTES, 'point.attributes'],
    [2, 'start_time_unix_nano', 'fixed64'],
    [3, 'time_unix_nano', 'fixed64'],
    [4, 'count', 'fixed64'],
    [5, 'sum', 'double'],
    [6, 'quantile_values', 'ValueAtQuantile*'],
    [8, 'flags', 'uint32']
  ],
  ValueAtQuantile: [
    [1, 'quantile', 'double'],
    [2, 'value', 'double']
  ],
  Exemplar: [
    [7, 'filtered_attributes', ATTRIBUTES, 'exemplar.attributes'],
    [2, 'time_unix_nano', 'fixed64'],
    [3, 'as_double', 'double'],
    [6, 'as_int', 'sfixed64'],
    [4, 'span_id', 'bytes', 'identifier'],
    [5, 'trace_id', 'bytes', 'identifier']
  ],
  ExportLogsServiceRequest: [[1, 'resource_logs', 'ResourceLogs*']],
  ResourceLogs: [
    [1, 'resource', 'Resource'],
    [2, 'scope_logs', 'ScopeLogs*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  ScopeLogs: [
    [1, 'scope', 'InstrumentationScope'],
    [2, 'log_records', 'LogRecord*'],
    [3, 'schema_url', 'string', 'schema_url']
  ],
  LogRecord: [
    [1, 'time_unix_nano', 'fixed64'],
    [11, 'observed_time_unix_nano', 'fixed64'],
    [2, 'severity_number', 'enum'],
    [3, 'severity_text', 'string', 'log.severity_text'],
    [5, 'body', 'AnyValue', 'log.body'],
    [6, 'attributes', ATTRIBUTES, 'log.attributes'],
    [7, 'dropped_attributes_count', 'uint32'],
    [8, 'flags', 'fixed32'],
    [9, 'trace_id', 'bytes', 'identifier'],
    [10, 'span_id', 'bytes', 'identifier'],
    [12, 'event_name', 'string', 'log.event_name']
  ]
}

// Message -> field -> group; '*' = every field.
const ONEOFS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AnyValue: { '*': 'value' },
  Metric: { gauge: 'data', sum: 'data', histogram: 'data', exponential_histogram: 'data', summary: 'data' },
  NumberDataPoint: { as_double: 'value', as_int: 'value' },
  Exemplar: { as_double: 'value', as_int: 'value' },
  HistogramDataPoint: { sum: '_sum', min: '_min', max: '_max' },
  ExponentialHistogramDataPoint: { sum: '_sum', min: '_min', max: '_max' }
}

const ITEMS = new Set([
  'Span',
  'NumberDataPoint',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
  'LogRecord'
])

/** Every message by its short name (unique across OTLP's packages, `Event`, `Link`, `Buckets`... for nested ones). */
export const MESSAGES: ReadonlyMap<string, Message> = new Map(
  Object.entries(ROWS).map(([name, rows]) => [
    name,
    { name, item: ITEMS.has(name), fields: rows.map(row => field(name, row)) }
  ])
)

/** The message that an export request of a signal is. */
export const REQUEST_MESSAGE: Readonly<Record<Signal, string>> = {
  traces: 'ExportTraceServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
  logs: 'ExportLogsServiceRequest'
}

function field(message: string, [number, name, typed, extra]: Row): Field {
  const repeated = typed.endsWith('*')
  const base = repeated ? typed.slice(0, -1) : typed
  const isMessage = /^[A-Z]/.test(base)
  const place = extra !== undefined && (PLACES as readonly string[]).includes(extra) ? (extra as Place) : undefined
  return {
    number,
    name,
    json: name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase()),
    type: isMessage ? 'message' : (base as FieldType),
    repeated,
    message: isMessage ? base : undefined,
    oneof: ONEOFS[message]?.[name] ?? ONEOFS[message]?.['*'],
    policy: policyOf(base, extra, place),
    place
  }
}

function policyOf(base: string, extra: string | undefined, place: Place | undefined): Policy {
  if (base === 'KeyValue') return 'attributes'
  if (base === 'AnyValue' || extra === 'value') return 'value'
  if (/^[A-Z]/.test(base)) return 'structure'
  if (place !== undefined) return 'text'
  if (extra === 'identifier') return 'identifier'
  if (base === 'string' || base === 'bytes') throw new Error(`the field needs a policy: ${base}`)
  return 'measure'
}
