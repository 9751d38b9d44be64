// Exponential histograms: to a coarser scale, to Prometheus native histograms (spans and deltas), to classic buckets.
//
// OTLP bucket i of scale s holds (base^i, base^(i+1)], base = 2^(2^-s). Going one scale down merges buckets 2j and 2j+1
// into j, for negative indexes too (an arithmetic shift). Prometheus names a bucket by its upper bound, so OTLP's
// bucket i is Prometheus' bucket i + 1.

import type { ExponentialBuckets, ExponentialValue } from './model.js'

/** Schemas that Prometheus native histograms know. */
const MIN_SCHEMA = -4
const MAX_SCHEMA = 8
/** Longer gaps than this start a new span; shorter ones are cheaper as zero deltas. */
const MAX_GAP = 2
/** Bucket slots a sum may have: twice what SDKs send, so that adding rarely costs precision. */
const MAX_SUM_SLOTS = 320

/** Spans and deltas of one sign of a native histogram. */
export interface NativeBuckets {
  readonly spans: readonly (readonly [offset: number, length: number])[]
  readonly deltas: readonly number[]
}

export interface NativeHistogram {
  readonly schema: number
  readonly positive: NativeBuckets
  readonly negative: NativeBuckets
}

/** The same values in buckets of a scale that is equal or lower. */
export function downscale(value: ExponentialValue, scale: number): ExponentialValue {
  const by = value.scale - scale
  if (by <= 0) return value
  return { ...value, scale, positive: shift(value.positive, by), negative: shift(value.negative, by) }
}

/** Sum of two histograms, at the finest scale both can have within `MAX_SUM_SLOTS` buckets. */
export function addExponential(a: ExponentialValue, b: ExponentialValue): ExponentialValue {
  let scale = Math.min(a.scale, b.scale)
  let [left, right] = [downscale(a, scale), downscale(b, scale)]
  while (tooWide(left.positive, right.positive) || tooWide(left.negative, right.negative)) {
    scale--
    ;[left, right] = [downscale(left, scale), downscale(right, scale)]
  }
  return {
    kind: 'exponential',
    count: a.count + b.count,
    sum: a.sum === undefined || b.sum === undefined ? undefined : a.sum + b.sum,
    min: undefined,
    max: undefined,
    scale,
    zeroCount: a.zeroCount + b.zeroCount,
    zeroThreshold: Math.max(a.zeroThreshold, b.zeroThreshold),
    positive: addBuckets(left.positive, right.positive),
    negative: addBuckets(left.negative, right.negative)
  }
}

/** As a native histogram; undefined when its scale is under what Prometheus knows (it cannot be made finer). */
export function toNative(value: ExponentialValue): NativeHistogram | undefined {
  if (value.scale < MIN_SCHEMA) return undefined
  const scaled = downscale(value, MAX_SCHEMA)
  return { schema: scaled.scale, positive: sparse(scaled.positive), negative: sparse(scaled.negative) }
}

/**
 * As classic cumulative buckets, without the `+Inf` one. Scales down until there are at most `maxBuckets` a sign: bounds
 * of a coarser scale are bounds of every finer one too, so series of coarse bounds stay when the source rescales.
 */
export function toClassic(
  value: ExponentialValue,
  maxBuckets: number
): readonly (readonly [le: number, count: number])[] {
  let scaled = value
  while (slots(scaled.positive) > maxBuckets || slots(scaled.negative) > maxBuckets) {
    scaled = downscale(scaled, scaled.scale - 1)
  }
  const out: [number, number][] = []
  let seen = 0
  const negative = trim(scaled.negative)
  for (let i = negative.counts.length - 1; i >= 0; i--) {
    seen += negative.counts[i]!
    out.push([-bound(scaled.scale, negative.offset + i), seen])
  }
  seen += scaled.zeroCount
  if (scaled.zeroCount > 0 || negative.counts.length > 0) out.push([scaled.zeroThreshold, seen])
  const positive = trim(scaled.positive)
  for (let i = 0; i < positive.counts.length; i++) {
    seen += positive.counts[i]!
    out.push([bound(scaled.scale, positive.offset + i + 1), seen])
  }
  return out.filter(([le], i) => Number.isFinite(le) && le > (out[i - 1]?.[0] ?? Number.NEGATIVE_INFINITY))
}

/** base^index of a scale. */
export function bound(scale: number, index: number): number {
  return 2 ** (index * 2 ** -scale)
}

function shift(buckets: ExponentialBuckets, by: number): ExponentialBuckets {
  if (buckets.counts.length === 0) return buckets
  const first = shiftIndex(buckets.offset, by)
  const last = shiftIndex(buckets.offset + buckets.counts.length - 1, by)
  const counts = new Array<number>(last - first + 1).fill(0)
  for (let i = 0; i < buckets.counts.length; i++) {
    counts[shiftIndex(buckets.offset + i, by) - first]! += buckets.counts[i]!
  }
  return { offset: first, counts }
}

// Rounds down, as an arithmetic shift does, without its limit of 32 bits.
function shiftIndex(index: number, by: number): number {
  return by > 31 ? (index < 0 ? -1 : 0) : Math.floor(index / 2 ** by)
}

function addBuckets(a: ExponentialBuckets, b: ExponentialBuckets): ExponentialBuckets {
  if (a.counts.length === 0) return b
  if (b.counts.length === 0) return a
  const first = Math.min(a.offset, b.offset)
  const end = Math.max(a.offset + a.counts.length, b.offset + b.counts.length)
  const counts = new Array<number>(end - first).fill(0)
  for (let i = 0; i < a.counts.length; i++) counts[a.offset - first + i]! += a.counts[i]!
  for (let i = 0; i < b.counts.length; i++) counts[b.offset - first + i]! += b.counts[i]!
  return { offset: first, counts }
}

function tooWide(a: ExponentialBuckets, b: ExponentialBuckets): boolean {
  if (a.counts.length === 0 || b.counts.length === 0) return a.counts.length + b.counts.length > MAX_SUM_SLOTS
  const end = Math.max(a.offset + a.counts.length, b.offset + b.counts.length)
  return end - Math.min(a.offset, b.offset) > MAX_SUM_SLOTS
}

function trim(buckets: ExponentialBuckets): ExponentialBuckets {
  const start = buckets.counts.findIndex(count => count > 0)
  if (start < 0) return { offset: 0, counts: [] }
  const end = buckets.counts.findLastIndex(count => count > 0)
  return { offset: buckets.offset + start, counts: buckets.counts.slice(start, end + 1) }
}

function slots(buckets: ExponentialBuckets): number {
  return trim(buckets).counts.length
}

function sparse(buckets: ExponentialBuckets): NativeBuckets {
  const spans: [number, number][] = []
  const deltas: number[] = []
  let previous = 0
  let next = 0
  for (let i = 0; i < buckets.counts.length; i++) {
    const count = buckets.counts[i]!
    if (count === 0) continue
    const index = buckets.offset + i + 1
    const gap = index - next
    if (spans.length === 0 || gap > MAX_GAP) spans.push([gap, 0])
    else for (let filled = 0; filled < gap; filled++) previous = push(deltas, spans, 0, previous)
    previous = push(deltas, spans, count, previous)
    next = index + 1
  }
  return { spans, deltas }
}

function push(deltas: number[], spans: [number, number][], count: number, previous: number): number {
  deltas.push(count - previous)
  spans[spans.length - 1]![1]++
  return count
}
