// What both text and protobuf need of histograms: cumulative buckets, and which exemplar goes to which bucket.

import { toClassic } from '../../core/metrics/exponential.js'
import type { Exemplar, ExponentialValue, HistogramValue, Labels } from '../../core/metrics/model.js'

/** OpenMetrics 1.0, section "Exemplars": names and values of an exemplar's labels together. */
const MAX_EXEMPLAR_CHARACTERS = 128

export interface Bucket {
  /** Upper bound, inclusive; the last one is +Inf. */
  readonly le: number
  /** Values up to `le`. */
  readonly count: number
  /** The largest exemplar of this bucket alone, as the specification has it. */
  readonly exemplar: Exemplar | undefined
}

/** Classic buckets of either kind of histogram, with the exemplars they show. */
export function classicBuckets(
  value: HistogramValue | ExponentialValue,
  exemplars: readonly Exemplar[],
  maxBuckets: number
): readonly Bucket[] {
  const bounds = value.kind === 'histogram' ? cumulative(value) : toClassic(value, maxBuckets)
  let from = Number.NEGATIVE_INFINITY
  return [...bounds, [Number.POSITIVE_INFINITY, value.count] as const].map(([le, count]) => {
    const exemplar = largestIn(exemplars, from, le)
    from = le
    return { le, count, exemplar }
  })
}

/** The exemplar of a counter: the newest. */
export function newest(exemplars: readonly Exemplar[]): Exemplar | undefined {
  let best: Exemplar | undefined
  for (const exemplar of exemplars) if (best === undefined || exemplar.timeMs >= best.timeMs) best = exemplar
  return best
}

/** All labels of an exemplar, or the ids alone where all would be too long. */
export function fittingLabels(labels: Labels): Labels {
  const characters = labels.reduce((sum, [name, text]) => sum + [...name].length + [...text].length, 0)
  if (characters <= MAX_EXEMPLAR_CHARACTERS) return labels
  return labels.filter(([name]) => name === 'trace_id' || name === 'span_id')
}

function cumulative(value: HistogramValue): (readonly [le: number, count: number])[] {
  let seen = 0
  return value.bounds.map((bound, i) => {
    seen += value.counts[i] ?? 0
    return [bound, seen] as const
  })
}

function largestIn(exemplars: readonly Exemplar[], above: number, upTo: number): Exemplar | undefined {
  let best: Exemplar | undefined
  for (const exemplar of exemplars) {
    const isInside = exemplar.value > above && exemplar.value <= upTo
    if (isInside && (best === undefined || exemplar.value > best.value)) best = exemplar
  }
  return best
}
