// The totals: what was counted, by series, under a budget; as JSON for the log, as OTLP for the back ends (emit.ts).

import type { Exemplar } from './exemplars.js'
import { type HistogramShape, type HistogramState, TimeHistogram } from './histogram.js'

/** Values of a series' attributes in the order of its metric's `labels`; '' = it has none of that name. */
export type Labels = readonly string[]

/** Series of one metric. */
export interface Series<T> {
  readonly labels: Labels
  readonly isOverflow: boolean
  /** Milliseconds since the epoch: counting begins. */
  readonly since: number
  readonly value: T
}

export interface Counter {
  n: number
}

export interface Gauge {
  /** NaN: none yet. */
  value: number
}

export interface Timed {
  readonly histogram: TimeHistogram
  exemplars: Exemplar[]
}

/** What a step's spans count for besides their duration. */
export interface StepTotals {
  retries: number
  hits: number
  misses: number
  readonly queue: TimeHistogram
  memory: number
  threads: number
  cacheSize: number
}

/** Series by labels, at most `limit` of them, the last one for all that do not fit. */
export class SeriesSet<T> {
  readonly #all = new Map<string, Series<T>>()
  readonly #limit: number
  readonly #make: () => T
  #overflow: Series<T> | undefined

  constructor(limit: number, make: () => T) {
    this.#limit = limit
    this.#make = make
  }

  get(labels: Labels, nowMs: number): T {
    const key = labels.join('\0')
    const known = this.#all.get(key)
    if (known !== undefined) return known.value
    if (this.#all.size >= this.#limit - 1) return (this.#overflow ??= this.#new([], true, nowMs)).value
    const made = this.#new(labels, false, nowMs)
    this.#all.set(key, made)
    return made.value
  }

  #new(labels: Labels, isOverflow: boolean, since: number): Series<T> {
    return { labels, isOverflow, since, value: this.#make() }
  }

  get isOverflowing(): boolean {
    return this.#overflow !== undefined
  }

  *series(): Iterable<Series<T>> {
    yield* this.#all.values()
    if (this.#overflow !== undefined) yield this.#overflow
  }

  state<S>(of: (value: T) => S): SeriesState<S>[] {
    return [...this.series()].map(({ labels, isOverflow, since, value }) => ({
      ...(isOverflow ? { overflow: true } : { labels }),
      since,
      value: of(value)
    }))
  }

  restore<S>(states: readonly SeriesState<S>[], put: (value: T, state: S) => void): void {
    for (const { labels, since, value } of states) {
      const made = this.#new(labels ?? [], labels === undefined, since)
      put(made.value, value)
      if (labels === undefined) this.#overflow = made
      else this.#all.set(labels.join('\0'), made)
    }
  }
}

export interface SeriesState<S> {
  readonly labels?: Labels
  readonly overflow?: boolean
  readonly since: number
  readonly value: S
}

interface StepState {
  readonly retries: number
  readonly hits: number
  readonly misses: number
  readonly queue: HistogramState
  readonly gauges: readonly (number | null)[]
}

export interface TotalsState {
  readonly workflows: readonly SeriesState<HistogramState>[]
  readonly completed: readonly SeriesState<number>[]
  readonly failed: readonly SeriesState<number>[]
  readonly durations: readonly SeriesState<HistogramState>[]
  readonly steps: readonly SeriesState<StepState>[]
}

export class Totals {
  readonly workflows: SeriesSet<Timed>
  readonly completed: SeriesSet<Counter>
  readonly failed: SeriesSet<Counter>
  readonly durations: SeriesSet<Timed>
  readonly steps: SeriesSet<StepTotals>

  constructor(shape: HistogramShape, limit: number) {
    const timed = (): Timed => ({ histogram: new TimeHistogram(shape), exemplars: [] })
    const counter = (): Counter => ({ n: 0 })
    this.workflows = new SeriesSet(limit, timed)
    this.completed = new SeriesSet(limit, counter)
    this.failed = new SeriesSet(limit, counter)
    this.durations = new SeriesSet(limit, timed)
    this.steps = new SeriesSet(limit, () => ({
      retries: 0,
      hits: 0,
      misses: 0,
      queue: new TimeHistogram(shape),
      memory: Number.NaN,
      threads: Number.NaN,
      cacheSize: Number.NaN
    }))
  }

  state(): TotalsState {
    const timed = ({ histogram }: Timed) => histogram.state()
    const counter = ({ n }: Counter) => n
    return {
      workflows: this.workflows.state(timed),
      completed: this.completed.state(counter),
      failed: this.failed.state(counter),
      durations: this.durations.state(timed),
      steps: this.steps.state(({ retries, hits, misses, queue, memory, threads, cacheSize }) => ({
        retries,
        hits,
        misses,
        queue: queue.state(),
        gauges: [memory, threads, cacheSize].map(value => (Number.isNaN(value) ? null : value))
      }))
    }
  }

  /** Histograms of another shape than now (the config has changed) begin anew. */
  restore(state: TotalsState): void {
    const timed = (value: Timed, kept: HistogramState) => void value.histogram.restore(kept)
    const counter = (value: Counter, kept: number) => {
      value.n = kept
    }
    this.workflows.restore(state.workflows, timed)
    this.completed.restore(state.completed, counter)
    this.failed.restore(state.failed, counter)
    this.durations.restore(state.durations, timed)
    this.steps.restore(state.steps, (value, kept) => {
      const [memory, threads, cacheSize] = kept.gauges.map(one => one ?? Number.NaN)
      Object.assign(value, { retries: kept.retries, hits: kept.hits, misses: kept.misses, memory, threads, cacheSize })
      value.queue.restore(kept.queue)
    })
  }
}
