// One value -> the numbers of MetricDatum: Value, StatisticValues, or Values with Counts.

import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { bound } from '../../core/metrics/exponential.js'
import type { ExponentialValue, HistogramValue, SummaryValue, Value } from '../../core/metrics/model.js'

/** Values in one datum. */
export const MAX_VALUES = 150
/** PutMetricData takes values between -2^360 and 2^360, no NaN and no infinity. */
export const MAX_MAGNITUDE = 2 ** 360

export type DatumNumbers = Pick<MetricDatum, 'Value' | 'StatisticValues' | 'Values' | 'Counts'>

/** Representative values of the buckets that hold something, and how many are in each. */
type Weighted = readonly (readonly [value: number, count: number])[]

/**
 * The numbers of a value, several datums where there are more than 150 of them; none when it counts nothing; undefined
 * when a number is not one that CloudWatch takes.
 */
export function numbersOf(
  value: Value,
  factor: number,
  histograms: 'values' | 'statistics'
): readonly DatumNumbers[] | undefined {
  const made = numbers(value, factor, histograms)
  return made.every(isTakeable) ? made : undefined
}

function numbers(value: Value, factor: number, histograms: 'values' | 'statistics'): readonly DatumNumbers[] {
  if (value.kind === 'number') return [{ Value: value.value * factor }]
  if (value.count === 0) return []
  if (value.kind === 'summary') return [summaryStatistics(value, factor)]
  const weighted = value.kind === 'histogram' ? explicitMiddles(value) : exponentialMiddles(value)
  if (histograms === 'statistics' || weighted.length === 0) return [statistics(value, weighted, factor)]
  const out: DatumNumbers[] = []
  for (let at = 0; at < weighted.length; at += MAX_VALUES) {
    const part = weighted.slice(at, at + MAX_VALUES)
    out.push({ Values: part.map(([middle]) => middle * factor), Counts: part.map(([, count]) => count) })
  }
  return out
}

function statistics(value: HistogramValue | ExponentialValue, weighted: Weighted, factor: number): DatumNumbers {
  const average = value.sum === undefined ? 0 : value.sum / value.count
  const minimum = value.min ?? weighted[0]?.[0] ?? average
  const maximum = value.max ?? weighted.at(-1)?.[0] ?? average
  const sum = value.sum ?? weighted.reduce((total, [middle, count]) => total + middle * count, 0)
  return {
    StatisticValues: {
      SampleCount: value.count,
      Sum: sum * factor,
      Minimum: minimum * factor,
      Maximum: maximum * factor
    }
  }
}

function summaryStatistics(value: SummaryValue, factor: number): DatumNumbers {
  const average = value.sum / value.count
  const minimum = value.quantiles[0]?.[1] ?? average
  const maximum = value.quantiles.at(-1)?.[1] ?? average
  return {
    StatisticValues: {
      SampleCount: value.count,
      Sum: value.sum * factor,
      Minimum: minimum * factor,
      Maximum: maximum * factor
    }
  }
}

// Outer buckets have one end only: the recorded minimum or maximum, where there is one, is the other.
function explicitMiddles({ bounds, counts, min, max }: HistogramValue): Weighted {
  const out: [number, number][] = []
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!
    if (count === 0) continue
    const low = i === 0 ? (min ?? Math.min(0, bounds[0] ?? 0)) : bounds[i - 1]!
    const high = i === bounds.length ? (max ?? low) : bounds[i]!
    out.push([clamp((low + high) / 2, min, max), count])
  }
  return out
}

function exponentialMiddles({ scale, zeroCount, positive, negative, min, max }: ExponentialValue): Weighted {
  const out: [number, number][] = []
  for (let i = negative.counts.length - 1; i >= 0; i--) {
    if (negative.counts[i]! > 0) out.push([clamp(-middle(scale, negative.offset + i), min, max), negative.counts[i]!])
  }
  if (zeroCount > 0) out.push([0, zeroCount])
  for (let i = 0; i < positive.counts.length; i++) {
    if (positive.counts[i]! > 0) out.push([clamp(middle(scale, positive.offset + i), min, max), positive.counts[i]!])
  }
  return out
}

function middle(scale: number, index: number): number {
  return (bound(scale, index) + bound(scale, index + 1)) / 2
}

function clamp(value: number, min: number | undefined, max: number | undefined): number {
  return Math.min(max ?? value, Math.max(min ?? value, value))
}

function isTakeable({ Value, Values = [], StatisticValues: s }: DatumNumbers): boolean {
  const statistic = s === undefined ? [] : [s.Minimum ?? 0, s.Maximum ?? 0, s.Sum ?? 0]
  return [...(Value === undefined ? [] : [Value]), ...Values, ...statistic].every(n => Math.abs(n) <= MAX_MAGNITUDE)
}
