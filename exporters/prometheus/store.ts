// The current value of every series: what a scrape shows. Deltas are added up here; memory has two limits.
//
// Invariants: a family has one type; the number of series and the estimated bytes never pass their limits; a series that
// was not heard of for `expireMs` is gone at the next scrape or sweep.

import { addValues } from '../../core/metrics/accumulate.js'
import type { DropReason, Exemplar, Family, Labels, Point, Value } from '../../core/metrics/model.js'

export interface StoreLimits {
  readonly maxSeries: number
  /** Estimated bytes of labels, buckets and bookkeeping. */
  readonly maxBytes: number
  readonly expireMs: number
}

export interface Series {
  readonly labels: Labels
  value: Value
  startMs: number
  timeMs: number
  /** When a point of it last came, by our clock. */
  seenMs: number
  exemplars: readonly Exemplar[]
  bytes: number
}

export interface StoredFamily {
  readonly family: Family
  readonly series: Map<string, Series>
}

/** Objects, map entries and strings around one series, measured at 400 - 600 bytes without its text. */
const SERIES_OVERHEAD = 600
const BYTES_PER_CHARACTER = 2
const BYTES_PER_NUMBER = 8
const BYTES_PER_EXEMPLAR = 300

export class SeriesStore {
  readonly #limits: StoreLimits
  readonly #families = new Map<string, StoredFamily>()
  #series = 0
  #bytes = 0

  constructor(limits: StoreLimits) {
    this.#limits = limits
  }

  get seriesCount(): number {
    return this.#series
  }

  /** Estimated bytes held. */
  get byteLength(): number {
    return this.#bytes
  }

  families(): Iterable<StoredFamily> {
    return this.#families.values()
  }

  /** Takes one point in; says why not, where it is not shown. */
  accept(point: Point, nowMs: number): DropReason | undefined {
    const stored = this.#families.get(point.family.name)
    if (stored !== undefined && stored.family.type !== point.family.type) return 'type_conflict'
    const series = stored?.series.get(point.key)
    if (point.stale) return this.#forget(stored, point.key)
    if (point.delta && point.family.type === 'gauge') return 'delta_gauge'
    if (series === undefined) return this.#add(point, nowMs)
    return point.delta ? this.#accumulate(series, point, nowMs) : this.#replace(series, point, nowMs)
  }

  /** Removes what was not heard of for long; how many series went. */
  expire(nowMs: number): number {
    const before = this.#series
    for (const stored of this.#families.values()) {
      for (const [key, series] of stored.series) {
        if (nowMs - series.seenMs > this.#limits.expireMs) this.#forget(stored, key)
      }
    }
    return before - this.#series
  }

  clear(): void {
    this.#families.clear()
    this.#series = 0
    this.#bytes = 0
  }

  #add(point: Point, nowMs: number): DropReason | undefined {
    const bytes = sizeOf(point)
    if (this.#series >= this.#limits.maxSeries || this.#bytes + bytes > this.#limits.maxBytes) return 'series_limit'
    const { labels, value, startMs, timeMs, exemplars } = point
    let stored = this.#families.get(point.family.name)
    if (stored === undefined) {
      stored = { family: point.family, series: new Map() }
      this.#families.set(point.family.name, stored)
    }
    stored.series.set(point.key, { labels, value, startMs, timeMs, seenMs: nowMs, exemplars, bytes })
    this.#series++
    this.#bytes += bytes
    return undefined
  }

  #replace(series: Series, point: Point, nowMs: number): DropReason | undefined {
    if (point.timeMs < series.timeMs) return 'out_of_order'
    return this.#update(series, point, point.value, point.startMs, nowMs)
  }

  /**
   * Deltas of several writers add up, so neither gaps nor overlaps matter; the same interval twice is a repetition.
   * Where the new value does not fit the sum (other bounds) the series starts again, as after a restart.
   */
  #accumulate(series: Series, point: Point, nowMs: number): DropReason | undefined {
    if (point.startMs !== 0 && point.timeMs === series.timeMs && point.startMs === series.startMs) return 'duplicate'
    const sum = addValues(series.value, point.value)
    return this.#update(series, point, sum ?? point.value, point.startMs, nowMs)
  }

  #update(series: Series, point: Point, value: Value, startMs: number, nowMs: number): DropReason | undefined {
    const exemplars = point.exemplars.length > 0 ? point.exemplars : series.exemplars
    if (value.kind === 'number' && series.value.kind === 'number' && exemplars === series.exemplars) {
      // In place: a new object a point would live until the next one, which is what garbage collectors like least.
      ;(series.value as { value: number }).value = value.value
    } else if (!this.#grow(series, { key: point.key, value, exemplars })) return 'series_limit'
    series.startMs = startMs
    series.timeMs = Math.max(series.timeMs, point.timeMs)
    series.seenMs = nowMs
    return undefined
  }

  /** Puts another value in; false when it is larger than there is room for. */
  #grow(series: Series, next: { key: string; value: Value; exemplars: readonly Exemplar[] }): boolean {
    const bytes = sizeOf(next)
    if (bytes > series.bytes && this.#bytes + bytes - series.bytes > this.#limits.maxBytes) return false
    this.#bytes += bytes - series.bytes
    series.bytes = bytes
    series.value = next.value
    series.exemplars = next.exemplars
    return true
  }

  #forget(stored: StoredFamily | undefined, key: string): undefined {
    const series = stored?.series.get(key)
    if (stored === undefined || series === undefined) return
    stored.series.delete(key)
    this.#series--
    this.#bytes -= series.bytes
    if (stored.series.size === 0) this.#families.delete(stored.family.name)
  }
}

function sizeOf(point: { key: string; value: Value; exemplars: readonly Exemplar[] }): number {
  // The key repeats the labels' text once.
  const text = point.key.length * 2 * BYTES_PER_CHARACTER
  return (
    SERIES_OVERHEAD + text + numbersIn(point.value) * BYTES_PER_NUMBER + point.exemplars.length * BYTES_PER_EXEMPLAR
  )
}

function numbersIn(value: Value): number {
  switch (value.kind) {
    case 'number':
      return 1
    case 'histogram':
      return value.bounds.length + value.counts.length
    case 'exponential':
      return value.positive.counts.length + value.negative.counts.length
    case 'summary':
      return value.quantiles.length * 2
  }
}
