// The plain objects that core/otlp/decode.ts makes of requests. Scalars and lists are always there; messages and members
// of a oneof are undefined when they are not set.

/**
 * An AnyValue in JavaScript: int64 as number when safe, else bigint; maps as objects without prototype; bytes as Buffer;
 * undefined when nothing is set.
 */
export type Value = string | number | bigint | boolean | Buffer | readonly Value[] | ValueMap | undefined
export interface ValueMap {
  readonly [key: string]: Value
}

export interface DecodedAttribute {
  readonly key: string
  readonly value: Value
  /** Profiles only. */
  readonly keyStrindex: number
}

export interface DecodedEntityRef {
  readonly schemaUrl: string
  readonly type: string
  readonly idKeys: readonly string[]
  readonly descriptionKeys: readonly string[]
}

export interface DecodedResource {
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
  readonly entityRefs: readonly DecodedEntityRef[]
}

export interface DecodedScope {
  readonly name: string
  readonly version: string
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
}

/** ExportTraceServiceRequest. */
export interface DecodedTraces {
  readonly resourceSpans: readonly DecodedResourceSpans[]
}

export interface DecodedResourceSpans {
  readonly resource: DecodedResource | undefined
  readonly scopeSpans: readonly DecodedScopeSpans[]
  readonly schemaUrl: string
}

export interface DecodedScopeSpans {
  readonly scope: DecodedScope | undefined
  readonly spans: readonly DecodedSpan[]
  readonly schemaUrl: string
}

export interface DecodedSpan {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly traceState: string
  readonly parentSpanId: Buffer
  readonly name: string
  /** Span.SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  /** Times are nanoseconds since the epoch. */
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
  readonly events: readonly DecodedEvent[]
  readonly droppedEventsCount: number
  readonly links: readonly DecodedLink[]
  readonly droppedLinksCount: number
  readonly status: DecodedStatus | undefined
  readonly flags: number
}

export interface DecodedEvent {
  readonly timeUnixNano: bigint
  readonly name: string
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
}

export interface DecodedLink {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly traceState: string
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
  readonly flags: number
}

export interface DecodedStatus {
  readonly message: string
  /** 0 unset, 1 ok, 2 error. */
  readonly code: number
}

/** ExportMetricsServiceRequest. */
export interface DecodedMetrics {
  readonly resourceMetrics: readonly DecodedResourceMetrics[]
}

export interface DecodedResourceMetrics {
  readonly resource: DecodedResource | undefined
  readonly scopeMetrics: readonly DecodedScopeMetrics[]
  readonly schemaUrl: string
}

export interface DecodedScopeMetrics {
  readonly scope: DecodedScope | undefined
  readonly metrics: readonly DecodedMetric[]
  readonly schemaUrl: string
}

/** One of gauge, sum, histogram, exponentialHistogram, summary is set. */
export interface DecodedMetric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly gauge: DecodedGauge | undefined
  readonly sum: DecodedSum | undefined
  readonly histogram: DecodedHistogram | undefined
  readonly exponentialHistogram: DecodedExponentialHistogram | undefined
  readonly summary: DecodedSummary | undefined
  readonly metadata: readonly DecodedAttribute[]
}

export interface DecodedGauge {
  readonly dataPoints: readonly DecodedNumberDataPoint[]
}

export interface DecodedSum {
  readonly dataPoints: readonly DecodedNumberDataPoint[]
  /** 0 unspecified, 1 delta, 2 cumulative. */
  readonly aggregationTemporality: number
  readonly isMonotonic: boolean
}

export interface DecodedHistogram {
  readonly dataPoints: readonly DecodedHistogramDataPoint[]
  readonly aggregationTemporality: number
}

export interface DecodedExponentialHistogram {
  readonly dataPoints: readonly DecodedExponentialHistogramDataPoint[]
  readonly aggregationTemporality: number
}

export interface DecodedSummary {
  readonly dataPoints: readonly DecodedSummaryDataPoint[]
}

/** One of asDouble and asInt is set, unless the point says that nothing was recorded (flags & 1). */
export interface DecodedNumberDataPoint {
  readonly attributes: readonly DecodedAttribute[]
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly asDouble: number | undefined
  readonly asInt: bigint | undefined
  readonly exemplars: readonly DecodedExemplar[]
  readonly flags: number
}

export interface DecodedHistogramDataPoint {
  readonly attributes: readonly DecodedAttribute[]
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly count: bigint
  readonly sum: number | undefined
  readonly bucketCounts: readonly bigint[]
  readonly explicitBounds: readonly number[]
  readonly exemplars: readonly DecodedExemplar[]
  readonly flags: number
  readonly min: number | undefined
  readonly max: number | undefined
}

export interface DecodedExponentialHistogramDataPoint {
  readonly attributes: readonly DecodedAttribute[]
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly count: bigint
  readonly sum: number | undefined
  readonly scale: number
  readonly zeroCount: bigint
  readonly positive: DecodedBuckets | undefined
  readonly negative: DecodedBuckets | undefined
  readonly flags: number
  readonly exemplars: readonly DecodedExemplar[]
  readonly min: number | undefined
  readonly max: number | undefined
  readonly zeroThreshold: number
}

export interface DecodedBuckets {
  readonly offset: number
  readonly bucketCounts: readonly bigint[]
}

export interface DecodedSummaryDataPoint {
  readonly attributes: readonly DecodedAttribute[]
  readonly startTimeUnixNano: bigint
  readonly timeUnixNano: bigint
  readonly count: bigint
  readonly sum: number
  readonly quantileValues: readonly { readonly quantile: number; readonly value: number }[]
  readonly flags: number
}

export interface DecodedExemplar {
  readonly filteredAttributes: readonly DecodedAttribute[]
  readonly timeUnixNano: bigint
  readonly asDouble: number | undefined
  readonly asInt: bigint | undefined
  readonly spanId: Buffer
  readonly traceId: Buffer
}

/** ExportLogsServiceRequest. */
export interface DecodedLogs {
  readonly resourceLogs: readonly DecodedResourceLogs[]
}

export interface DecodedResourceLogs {
  readonly resource: DecodedResource | undefined
  readonly scopeLogs: readonly DecodedScopeLogs[]
  readonly schemaUrl: string
}

export interface DecodedScopeLogs {
  readonly scope: DecodedScope | undefined
  readonly logRecords: readonly DecodedLogRecord[]
  readonly schemaUrl: string
}

export interface DecodedLogRecord {
  readonly timeUnixNano: bigint
  readonly observedTimeUnixNano: bigint
  /** 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal. */
  readonly severityNumber: number
  readonly severityText: string
  readonly body: Value
  readonly attributes: readonly DecodedAttribute[]
  readonly droppedAttributesCount: number
  readonly flags: number
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly eventName: string
}

/** The decoded request of each signal. */
export interface Decoded {
  traces: DecodedTraces
  metrics: DecodedMetrics
  logs: DecodedLogs
}

/** What `encodeRequest` takes: everything may be left out. */
export type Encodable<T> = T extends Buffer | string | number | bigint | boolean | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Encodable<E>[]
    : { readonly [K in keyof T]?: T[K] extends Value ? T[K] | undefined : Encodable<T[K]> | undefined }
