// Adding delta points up to cumulative ones, and the difference of two cumulative ones.

import { addExponential, downscale } from './exponential.js'
import type { ExponentialBuckets, ExponentialValue, HistogramValue, Value } from './model.js'

/** The sum of two values of one series; undefined when they do not fit together (another kind, other bounds). */
export function addValues(a: Value, b: Value): Value | undefined {
  if (a.kind === 'number' && b.kind === 'number') return { kind: 'number', value: a.value + b.value }
  if (a.kind === 'histogram' && b.kind === 'histogram') return addHistogram(a, b)
  if (a.kind === 'exponential' && b.kind === 'exponential') return addExponential(a, b)
  return undefined
}

/** What came in between `before` and `after`; undefined when `after` cannot follow `before` (a reset, other bounds). */
export function subtractValues(after: Value, before: Value): Value | undefined {
  if (after.kind === 'number' && before.kind === 'number') {
    return after.value < before.value ? undefined : { kind: 'number', value: after.value - before.value }
  }
  if (after.kind === 'histogram' && before.kind === 'histogram') return subtractHistogram(after, before)
  if (after.kind === 'exponential' && before.kind === 'exponential') return subtractExponential(after, before)
  if (after.kind === 'summary' && before.kind === 'summary') {
    // Quantiles cannot be subtracted; the newest say most about the time in between.
    return after.count < before.count
      ? undefined
      : { ...after, count: after.count - before.count, sum: after.sum - before.sum }
  }
  return undefined
}

function addHistogram(a: HistogramValue, b: HistogramValue): HistogramValue | undefined {
  if (!sameNumbers(a.bounds, b.bounds) || a.counts.length !== b.counts.length) return undefined
  return {
    kind: 'histogram',
    count: a.count + b.count,
    sum: a.sum === undefined || b.sum === undefined ? undefined : a.sum + b.sum,
    min: undefined,
    max: undefined,
    bounds: a.bounds,
    counts: a.counts.map((count, i) => count + b.counts[i]!)
  }
}

function subtractHistogram(after: HistogramValue, before: HistogramValue): HistogramValue | undefined {
  if (!sameNumbers(after.bounds, before.bounds) || after.counts.length !== before.counts.length) return undefined
  const counts = after.counts.map((count, i) => count - before.counts[i]!)
  if (after.count < before.count || counts.some(count => count < 0)) return undefined
  const sum = after.sum === undefined || before.sum === undefined ? undefined : after.sum - before.sum
  // A minimum or maximum of the whole life says nothing about the time in between.
  return { ...after, count: after.count - before.count, sum, min: undefined, max: undefined, counts }
}

function subtractExponential(after: ExponentialValue, before: ExponentialValue): ExponentialValue | undefined {
  if (after.scale > before.scale || after.count < before.count || after.zeroCount < before.zeroCount) return undefined
  const scaled = downscale(before, after.scale)
  const positive = subtractBuckets(after.positive, scaled.positive)
  const negative = subtractBuckets(after.negative, scaled.negative)
  if (positive === undefined || negative === undefined) return undefined
  return {
    ...after,
    count: after.count - before.count,
    sum: after.sum === undefined || before.sum === undefined ? undefined : after.sum - before.sum,
    min: undefined,
    max: undefined,
    zeroCount: after.zeroCount - before.zeroCount,
    positive,
    negative
  }
}

function subtractBuckets(after: ExponentialBuckets, before: ExponentialBuckets): ExponentialBuckets | undefined {
  const counts = [...after.counts]
  for (let i = 0; i < before.counts.length; i++) {
    const count = before.counts[i]!
    if (count === 0) continue
    const at = before.offset + i - after.offset
    const left = (counts[at] ?? -1) - count
    if (left < 0) return undefined
    counts[at] = left
  }
  return { offset: after.offset, counts }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i])
}
