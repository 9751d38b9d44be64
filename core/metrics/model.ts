// OTLP metrics seen as series: one family name, one set of labels, one value. What metric exporters share.

/** The Prometheus type of a family. `info` is an OpenMetrics info metric (`target`, sums marked `prometheus.type: info`). */
export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'unknown' | 'info'

/** Name and text pairs, sorted by name, none empty. */
export type Labels = readonly (readonly [name: string, text: string])[]

export interface NumberValue {
  readonly kind: 'number'
  readonly value: number
}

/** Explicit buckets. `counts[i]` counts the values in `(bounds[i-1], bounds[i]]`; there is one more count than bounds. */
export interface HistogramValue {
  readonly kind: 'histogram'
  readonly count: number
  readonly sum: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

/** Dense buckets of an exponential histogram: `counts[i]` counts values in `(base^(offset+i), base^(offset+i+1)]`. */
export interface ExponentialBuckets {
  readonly offset: number
  readonly counts: readonly number[]
}

/** An OTLP exponential histogram: base = 2^(2^-scale). */
export interface ExponentialValue {
  readonly kind: 'exponential'
  readonly count: number
  readonly sum: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
  readonly scale: number
  readonly zeroCount: number
  readonly zeroThreshold: number
  readonly positive: ExponentialBuckets
  readonly negative: ExponentialBuckets
}

export interface SummaryValue {
  readonly kind: 'summary'
  readonly count: number
  readonly sum: number
  /** Sorted by quantile. */
  readonly quantiles: readonly (readonly [quantile: number, value: number])[]
}

export type Value = NumberValue | HistogramValue | ExponentialValue | SummaryValue

export interface Exemplar {
  readonly value: number
  /** Milliseconds since the epoch, 0 = unknown. */
  readonly timeMs: number
  /** `trace_id`, `span_id` and the filtered attributes. */
  readonly labels: Labels
}

/** One data point, not yet named for any back end. */
export interface Point {
  /** Family: what all points of one metric have in common. */
  readonly family: Family
  readonly labels: Labels
  /** Identity of the series inside its family. */
  readonly key: string
  /** Milliseconds since the epoch with a fraction; 0 = unknown. */
  readonly startMs: number
  readonly timeMs: number
  readonly delta: boolean
  /** The source says that there is no value any more (flag NoRecordedValue). */
  readonly stale: boolean
  readonly value: Value
  readonly exemplars: readonly Exemplar[]
}

export interface Family {
  /** With namespace, unit and type suffixes. */
  readonly name: string
  readonly type: FamilyType
  /** Prometheus unit word (`seconds`), '' = none. */
  readonly unit: string
  readonly help: string
}

/** Why a point is not shown; the `reason` label of the exporters' `dropped` counters. */
export type DropReason =
  | 'delta_gauge'
  | 'duplicate'
  | 'invalid_name'
  | 'invalid_point'
  | 'out_of_order'
  | 'series_limit'
  | 'type_conflict'
