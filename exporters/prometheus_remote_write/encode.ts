// The remote-write 1.0 request (prometheus.WriteRequest) in protobuf. https://prometheus.io/docs/specs/prw/remote_write_spec/

import { type NativeBuckets, toNative } from '../../core/metrics/exponential.js'
import type { Exemplar, Family, FamilyType, Labels } from '../../core/metrics/model.js'
import { ProtoWriter } from '../../core/metrics/protobuf.js'
import { type NativeSample, type Sample, type SeriesSet, STALE, type TimeSeries } from './series.js'

/** Prometheus' stale marker: a NaN known by its bits. */
const STALE_NAN = 0x7ff0000000000002n

/** `MetricMetadata.MetricType`. */
const TYPES: Readonly<Record<FamilyType, number>> = {
  unknown: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  summary: 5,
  info: 6
}

/** An encoded, uncompressed request. */
export function encodeWriteRequest(set: SeriesSet, metadata: boolean): Buffer {
  const writer = new ProtoWriter()
  for (const series of set.all()) writer.message(1, () => encodeSeries(writer, series))
  if (metadata) for (const family of set.families.values()) writer.message(3, () => encodeMetadata(writer, family))
  return writer.finish()
}

function encodeSeries(writer: ProtoWriter, { labels, samples, exemplars, natives }: TimeSeries): void {
  encodeLabels(writer, labels)
  for (const sample of samples) writer.message(2, () => encodeSample(writer, sample))
  for (const exemplar of exemplars) writer.message(3, () => encodeExemplar(writer, exemplar))
  for (const native of natives) writer.message(4, () => encodeNative(writer, native))
}

function encodeLabels(writer: ProtoWriter, labels: Labels): void {
  for (const [name, text] of labels) writer.message(1, () => writer.text(1, name).text(2, text))
}

function encodeSample(writer: ProtoWriter, { timeMs, value }: Sample): void {
  if (value === STALE) writer.doubleBits(1, STALE_NAN)
  else writer.double(1, value)
  writer.uint(2, timeMs)
}

function encodeExemplar(writer: ProtoWriter, { labels, value, timeMs }: Exemplar): void {
  encodeLabels(writer, labels)
  writer.double(2, value).uint(3, Math.round(timeMs))
}

function encodeNative(writer: ProtoWriter, { value, timeMs, stale }: NativeSample): void {
  const native = toNative(value)!
  writer.uint(1, stale ? 0 : value.count)
  if (stale) writer.doubleBits(3, STALE_NAN)
  else writer.double(3, value.sum ?? 0)
  writer.sint(4, native.schema).double(5, value.zeroThreshold).uint(6, value.zeroCount)
  encodeBuckets(writer, native.negative, 8, 9)
  encodeBuckets(writer, native.positive, 11, 12)
  writer.uint(15, timeMs)
}

function encodeBuckets(
  writer: ProtoWriter,
  { spans, deltas }: NativeBuckets,
  spanField: number,
  deltaField: number
): void {
  for (const [offset, length] of spans) writer.message(spanField, () => writer.sint(1, offset).uint(2, length))
  if (deltas.length > 0) writer.packedSint(deltaField, deltas)
}

function encodeMetadata(writer: ProtoWriter, { name, type, help, unit }: Family): void {
  writer.uint(1, TYPES[type]).text(2, type === 'info' ? `${name}_info` : name)
  if (help !== '') writer.text(4, help)
  if (unit !== '') writer.text(5, unit)
}
