// Points -> the time series of one write request: one per name and labels, samples in order of time.

import { toClassic, toNative } from '../../core/metrics/exponential.js'
import { formatFloat } from '../../core/metrics/format.js'
import { labelsKey } from '../../core/metrics/labels.js'
import type { Exemplar, ExponentialValue, Family, Labels, Point, Value } from '../../core/metrics/model.js'

/** Prometheus' mark of a series that has no value any more. */
export const STALE = 'stale'

export interface Sample {
  readonly timeMs: number
  readonly value: number | typeof STALE
}

export interface NativeSample {
  readonly timeMs: number
  readonly value: ExponentialValue
  readonly stale: boolean
}

export interface TimeSeries {
  /** With `__name__`, sorted by name. */
  readonly labels: Labels
  readonly samples: Sample[]
  readonly natives: NativeSample[]
  readonly exemplars: Exemplar[]
}

export interface SeriesOptions {
  readonly native: boolean
  readonly maxClassicBuckets: number
  /** For points without a time. */
  readonly nowMs: number
}

export class SeriesSet {
  readonly #options: SeriesOptions
  readonly #series = new Map<string, TimeSeries>()
  readonly families = new Map<string, Family>()
  /** Time of each target's `target_info` in it. */
  readonly targets = new Map<string, number>()

  constructor(options: SeriesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#series.size
  }

  /** All series; samples are sorted, of two at one time the later one stays. */
  *all(): Generator<TimeSeries> {
    for (const series of this.#series.values()) {
      yield { ...series, samples: inOrder(series.samples), natives: inOrder(series.natives) }
    }
  }

  /** @param value the point's own, or the sum it leads to. */
  add(point: Point, value: Value): void {
    const timeMs = Math.round(point.timeMs > 0 ? point.timeMs : this.#options.nowMs)
    this.families.set(point.family.name, point.family)
    const put = (suffix: string, sample: number, label?: readonly [string, string]) => {
      const series = this.#at(point, suffix, label)
      series.samples.push({ timeMs, value: point.stale ? STALE : sample })
      return series
    }
    switch (value.kind) {
      case 'number':
        put(point.family.type === 'info' ? '_info' : '', value.value).exemplars.push(...exemplarsOf(point))
        return
      case 'summary':
        for (const [quantile, at] of value.quantiles) put('', at, ['quantile', formatFloat(quantile, false)])
        break
      case 'histogram':
        this.#buckets(point, cumulative(value), value.count, put)
        break
      case 'exponential':
        if (this.#native(point, value, timeMs)) return
        this.#buckets(point, toClassic(value, this.#options.maxClassicBuckets), value.count, put)
    }
    if (value.sum !== undefined || point.stale) put('_sum', value.sum ?? 0)
    put('_count', value.count)
  }

  #buckets(
    point: Point,
    bounds: readonly (readonly [le: number, count: number])[],
    count: number,
    put: (suffix: string, sample: number, label: readonly [string, string]) => TimeSeries
  ): void {
    let from = Number.NEGATIVE_INFINITY
    for (const [le, upTo] of [...bounds, [Number.POSITIVE_INFINITY, count] as const]) {
      const series = put('_bucket', upTo, ['le', formatFloat(le, false)])
      const low = from
      series.exemplars.push(...point.exemplars.filter(({ value }) => value > low && value <= le))
      from = le
    }
  }

  #native(point: Point, value: ExponentialValue, timeMs: number): boolean {
    if (!this.#options.native || toNative(value) === undefined) return false
    const series = this.#at(point, '')
    series.natives.push({ timeMs, value, stale: point.stale })
    series.exemplars.push(...point.exemplars)
    return true
  }

  #at(point: Point, suffix: string, label?: readonly [string, string]): TimeSeries {
    const own: (readonly [string, string])[] = [['__name__', point.family.name + suffix], ...point.labels]
    if (label !== undefined) own.push(label)
    own.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const key = labelsKey(own)
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { labels: own, samples: [], natives: [], exemplars: [] }
      this.#series.set(key, series)
    }
    return series
  }
}

function exemplarsOf({ family, exemplars }: Point): readonly Exemplar[] {
  return family.type === 'counter' ? exemplars : []
}

function cumulative({ bounds, counts }: { bounds: readonly number[]; counts: readonly number[] }) {
  let seen = 0
  return bounds.map((bound, i) => {
    seen += counts[i] ?? 0
    return [bound, seen] as const
  })
}

function inOrder<T extends { readonly timeMs: number }>(samples: readonly T[]): T[] {
  if (samples.length < 2) return [...samples]
  const sorted = [...samples].sort((a, b) => a.timeMs - b.timeMs)
  return sorted.filter((sample, i) => sorted[i + 1]?.timeMs !== sample.timeMs)
}
