// One decoded OTLP metric -> points in numbers: times in milliseconds, counts as doubles, no protocol left.

import type {
  DecodedBuckets,
  DecodedExemplar,
  DecodedExponentialHistogramDataPoint,
  DecodedHistogramDataPoint,
  DecodedMetric,
  DecodedNumberDataPoint,
  DecodedSummaryDataPoint
} from '../otlp/decode.js'
import { type Attribute, attributeText } from './labels.js'
import type { ExponentialBuckets, Labels, Value } from './model.js'

const NO_RECORDED_VALUE = 1
const DELTA = 1
const NANOS_PER_MS = 1e6
/** Of the powers of two that doubles know, with room for buckets that reach over the ends. */
const MAX_EXPONENT = 1100
/** Zero threshold of an exponential histogram that names none, as the compatibility specification sets it. */
const DEFAULT_ZERO_THRESHOLD = 1e-128

export interface ReadExemplar {
  readonly value: number
  readonly timeMs: number
  /** `trace_id` and `span_id` in hex, where the exemplar has them. */
  readonly ids: Labels
  readonly attributes: readonly Attribute[]
}

export interface ReadPoint {
  readonly attributes: readonly Attribute[]
  /** Milliseconds since the epoch with a fraction; 0 = unknown. */
  readonly startMs: number
  readonly timeMs: number
  readonly delta: boolean
  readonly stale: boolean
  readonly value: Value
  readonly exemplars: readonly ReadExemplar[]
}

export interface MetricData {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly type: 'gauge' | 'sum' | 'histogram' | 'summary'
  readonly monotonic: boolean
  /** `prometheus.type` of the metric's metadata, '' = none. */
  readonly prometheusType: string
  /** undefined where a point contradicts itself (bucket counts that do not fit the bounds). */
  readonly points: readonly (ReadPoint | undefined)[]
}

/** Reads a metric of any kind; one without data has no points. */
export function readMetric(metric: DecodedMetric): MetricData {
  const { name, description, unit } = metric
  const marked = metric.metadata.find(({ key }) => key === 'prometheus.type')
  const head = { name, description, unit, monotonic: false, prometheusType: marked ? attributeText(marked.value) : '' }
  const { gauge, sum, histogram, exponentialHistogram, summary } = metric
  if (sum !== undefined) {
    const delta = sum.aggregationTemporality === DELTA
    return { ...head, type: 'sum', monotonic: sum.isMonotonic, points: sum.dataPoints.map(p => numberPoint(p, delta)) }
  }
  if (histogram !== undefined) {
    const delta = histogram.aggregationTemporality === DELTA
    return { ...head, type: 'histogram', points: histogram.dataPoints.map(p => histogramPoint(p, delta)) }
  }
  if (exponentialHistogram !== undefined) {
    const delta = exponentialHistogram.aggregationTemporality === DELTA
    return { ...head, type: 'histogram', points: exponentialHistogram.dataPoints.map(p => exponentialPoint(p, delta)) }
  }
  if (summary !== undefined) return { ...head, type: 'summary', points: summary.dataPoints.map(summaryPoint) }
  return { ...head, type: 'gauge', points: (gauge?.dataPoints ?? []).map(p => numberPoint(p, false)) }
}

type AnyDecodedPoint =
  | DecodedNumberDataPoint
  | DecodedHistogramDataPoint
  | DecodedExponentialHistogramDataPoint
  | DecodedSummaryDataPoint

function head(point: AnyDecodedPoint, delta: boolean) {
  return {
    attributes: point.attributes,
    startMs: milliseconds(point.startTimeUnixNano),
    timeMs: milliseconds(point.timeUnixNano),
    delta,
    stale: (point.flags & NO_RECORDED_VALUE) !== 0
  }
}

function numberPoint(point: DecodedNumberDataPoint, delta: boolean): ReadPoint | undefined {
  const number = point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt))
  const common = head(point, delta)
  if (number === undefined && !common.stale) return undefined
  const value: Value = { kind: 'number', value: number ?? 0 }
  return { ...common, value, exemplars: point.exemplars.map(exemplar) }
}

function histogramPoint(point: DecodedHistogramDataPoint, delta: boolean): ReadPoint | undefined {
  const bounds = [...point.explicitBounds]
  const counts = point.bucketCounts.map(Number)
  // Both empty = count and sum alone: one bucket that holds everything.
  if (counts.length === 0 && bounds.length === 0) counts.push(Number(point.count))
  const isOrdered = bounds.every((bound, i) => !Number.isNaN(bound) && (i === 0 || bound > bounds[i - 1]!))
  if (counts.length !== bounds.length + 1 || !isOrdered) return undefined
  // A bound of +Inf is the last bucket's own end.
  if (bounds.at(-1) === Number.POSITIVE_INFINITY) {
    bounds.pop()
    counts.push(counts.pop()! + counts.pop()!)
  }
  const { sum, min, max } = point
  const value: Value = { kind: 'histogram', count: Number(point.count), sum, min, max, bounds, counts }
  return { ...head(point, delta), value, exemplars: point.exemplars.map(exemplar) }
}

function exponentialPoint(point: DecodedExponentialHistogramDataPoint, delta: boolean): ReadPoint | undefined {
  const { sum, min, max, scale } = point
  const positive = bucketsOf(point.positive)
  const negative = bucketsOf(point.negative)
  const zeroCount = Number(point.zeroCount)
  const count = Number(point.count)
  const common = head(point, delta)
  const total = [...positive.counts, ...negative.counts].reduce((a, b) => a + b, zeroCount)
  // One such histogram makes Prometheus give up a whole scrape.
  if (!common.stale && (total !== count || !isReachable(positive, scale) || !isReachable(negative, scale)))
    return undefined
  const zeroThreshold = point.zeroThreshold > 0 ? point.zeroThreshold : DEFAULT_ZERO_THRESHOLD
  const value: Value = {
    kind: 'exponential',
    count,
    sum,
    min,
    max,
    scale,
    zeroCount,
    zeroThreshold,
    positive,
    negative
  }
  return { ...common, value, exemplars: point.exemplars.map(exemplar) }
}

function bucketsOf(buckets: DecodedBuckets | undefined): ExponentialBuckets {
  return { offset: buckets?.offset ?? 0, counts: (buckets?.bucketCounts ?? []).map(Number) }
}

/** False for buckets whose bounds no double can have: 2^1024 and up, 2^-1075 and down. */
function isReachable({ offset, counts }: ExponentialBuckets, scale: number): boolean {
  const farthest = Math.max(Math.abs(offset), Math.abs(offset + counts.length - 1))
  return counts.length === 0 || farthest <= 1 || farthest * 2 ** -scale <= MAX_EXPONENT
}

function summaryPoint(point: DecodedSummaryDataPoint): ReadPoint {
  const quantiles = point.quantileValues.map(({ quantile, value }) => [quantile, value] as const)
  quantiles.sort(([a], [b]) => a - b)
  const value: Value = { kind: 'summary', count: Number(point.count), sum: point.sum, quantiles }
  return { ...head(point, false), value, exemplars: [] }
}

function exemplar(given: DecodedExemplar): ReadExemplar {
  const ids: [string, string][] = []
  if (given.traceId.length === 16) ids.push(['trace_id', hex(given.traceId)])
  if (given.spanId.length === 8) ids.push(['span_id', hex(given.spanId)])
  return {
    value: given.asDouble ?? Number(given.asInt ?? 0),
    timeMs: milliseconds(given.timeUnixNano),
    ids,
    attributes: given.filteredAttributes
  }
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}

function milliseconds(nanos: bigint): number {
  return Number(nanos) / NANOS_PER_MS
}
