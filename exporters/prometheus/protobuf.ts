// The Prometheus protobuf exposition (io.prometheus.client.MetricFamily, each with its length before it): the format in
// which a Prometheus server takes native histograms. https://github.com/prometheus/client_model, metrics.proto.

import { type NativeBuckets, toNative } from '../../core/metrics/exponential.js'
import type {
  Exemplar,
  ExponentialValue,
  FamilyType,
  HistogramValue,
  Labels,
  SummaryValue
} from '../../core/metrics/model.js'
import type { ProtoWriter } from '../../core/metrics/protobuf.js'
import { classicBuckets, fittingLabels, newest } from './buckets.js'
import type { Series, StoredFamily } from './store.js'

export interface ProtobufOptions {
  readonly timestamps: boolean
  /** For the histograms whose scale Prometheus does not know. */
  readonly maxClassicBuckets: number
}

/** `MetricType` and the field of `Metric` that holds the value. */
const TYPES: Readonly<Record<FamilyType, { readonly type: number; readonly field: number }>> = {
  counter: { type: 0, field: 3 },
  gauge: { type: 1, field: 2 },
  summary: { type: 2, field: 4 },
  unknown: { type: 3, field: 5 },
  histogram: { type: 4, field: 7 },
  info: { type: 1, field: 2 }
}

/** Appends one family with its length before it. */
export function encodeFamily(writer: ProtoWriter, stored: StoredFamily, options: ProtobufOptions): void {
  const { name, help, type } = stored.family
  writer.delimited(() => {
    writer.text(1, type === 'info' ? `${name}_info` : name)
    if (help !== '') writer.text(2, help)
    writer.uint(3, TYPES[type].type)
    for (const series of stored.series.values()) {
      writer.message(4, () => encodeMetric(writer, series, type, options))
    }
  })
}

function encodeMetric(writer: ProtoWriter, series: Series, type: FamilyType, options: ProtobufOptions): void {
  const value = series.value
  encodeLabels(writer, series.labels)
  writer.message(TYPES[type].field, () => {
    if (value.kind === 'summary') encodeSummary(writer, value)
    else if (value.kind === 'number') encodeNumber(writer, value.value, type, series)
    else encodeHistogram(writer, value, series, options)
  })
  if (options.timestamps && series.timeMs > 0) writer.uint(6, Math.round(series.timeMs))
}

function encodeNumber(writer: ProtoWriter, value: number, type: FamilyType, series: Series): void {
  writer.double(1, value)
  const exemplar = newest(series.exemplars)
  if (type === 'counter' && exemplar !== undefined) writer.message(2, () => encodeExemplar(writer, exemplar))
}

function encodeSummary(writer: ProtoWriter, value: SummaryValue): void {
  writer.uint(1, value.count).double(2, value.sum)
  for (const [quantile, at] of value.quantiles) writer.message(3, () => writer.double(1, quantile).double(2, at))
}

function encodeHistogram(
  writer: ProtoWriter,
  value: HistogramValue | ExponentialValue,
  series: Series,
  options: ProtobufOptions
): void {
  writer.uint(1, value.count)
  if (value.sum !== undefined) writer.double(2, value.sum)
  if (value.kind === 'exponential' && encodeNative(writer, value)) return
  for (const { le, count, exemplar } of classicBuckets(value, series.exemplars, options.maxClassicBuckets)) {
    writer.message(3, () => {
      writer.uint(1, count).double(2, le)
      if (exemplar !== undefined) writer.message(3, () => encodeExemplar(writer, exemplar))
    })
  }
}

function encodeNative(writer: ProtoWriter, value: ExponentialValue): boolean {
  const native = toNative(value)
  if (native === undefined) return false
  writer.sint(5, native.schema).double(6, value.zeroThreshold).uint(7, value.zeroCount)
  encodeBuckets(writer, native.negative, 9, 10)
  // A span of no length says "native" where there is no bucket at all (client_model, field positive_span).
  const isEmpty = native.positive.spans.length + native.negative.spans.length === 0
  encodeBuckets(writer, isEmpty ? { spans: [[0, 0]], deltas: [] } : native.positive, 12, 13)
  return true
}

function encodeBuckets(
  writer: ProtoWriter,
  { spans, deltas }: NativeBuckets,
  spanField: number,
  deltaField: number
): void {
  for (const [offset, length] of spans) writer.message(spanField, () => writer.sint(1, offset).uint(2, length))
  // proto2: a repeated number is not packed unless the schema says so.
  for (const delta of deltas) writer.sint(deltaField, delta)
}

function encodeExemplar(writer: ProtoWriter, exemplar: Exemplar): void {
  encodeLabels(writer, fittingLabels(exemplar.labels))
  writer.double(2, exemplar.value)
  if (exemplar.timeMs <= 0) return
  const ms = Math.round(exemplar.timeMs)
  writer.message(3, () => writer.uint(1, Math.floor(ms / 1000)).uint(2, (ms % 1000) * 1e6))
}

function encodeLabels(writer: ProtoWriter, labels: Labels): void {
  for (const [name, text] of labels) writer.message(1, () => writer.text(1, name).text(2, text))
}
