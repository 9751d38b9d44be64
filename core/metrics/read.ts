// One decoded OTLP metric -> points in numbers: times in milliseconds, counts as doubles, no protocol left.

import type {
  DecodedExemplar,
  DecodedExponentialHistogramDataPoint,
  DecodedHistogramDataPoint,
  DecodedMetric,
  DecodedNumberDataPoint,
  DecodedSummaryDataPoint
} from '../otlp/decode.js'
import { type Attribute, attributeText } from './labels.js'
import type { Labels, Value } from './model.js'

const NO_RECORDED_VALUE = 1
const DELTA = 1
const NANOS_PER_MS = 1e6
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
  const bounds = point.explicitBounds
  const counts = point.bucketCounts.map(Number)
  // Both empty = count and sum alone: one bucket that holds everything.
  if (counts.length === 0 && bounds.length === 0) counts.push(Number(point.count))
  const isOrdered = bounds.every((bound, i) => i === 0 || bound > bounds[i - 1]!)
  if (counts.length !== bounds.length + 1 || !isOrdered) return undefined
  const { sum, min, max } = point
  const value: Value = { kind: 'histogram', count: Number(point.count), sum, min, max, bounds, counts }
  return { ...head(point, delta), value, exemplars: point.exemplars.map(exemplar) }
}

function exponentialPoint(point: DecodedExponentialHistogramDataPoint, delta: boolean): ReadPoint {
  const { sum, min, max, scale, positive, negative } = point
  const value: Value = {
    kind: 'exponential',
    count: Number(point.count),
    sum,
    min,
    max,
    scale,
    zeroCount: Number(point.zeroCount),
    zeroThreshold: point.zeroThreshold > 0 ? point.zeroThreshold : DEFAULT_ZERO_THRESHOLD,
    positive: { offset: positive?.offset ?? 0, counts: (positive?.bucketCounts ?? []).map(Number) },
    negative: { offset: negative?.offset ?? 0, counts: (negative?.bucketCounts ?? []).map(Number) }
  }
  return { ...head(point, delta), value, exemplars: point.exemplars.map(exemplar) }
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
