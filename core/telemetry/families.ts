// Metrics kept as plain numbers and shown through prom-client. Adding to a counter is one addition (hot path: no label
// objects, no hashing); labels are put together when somebody looks.

import type { Metric, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** A counter's or gauge's one series. */
export interface Cell {
  readonly labels: Labels
  value: number
}

/** All series of one name, as prom-client's registry wants them. */
export class Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly aggregator = 'sum'
  readonly #cells = new Map<string, Cell>()
  readonly #collect: (() => Iterable<Sample>) | undefined

  /** @param collect gives further series when somebody looks. */
  constructor(
    registry: Registry,
    name: string,
    help: string,
    type: 'counter' | 'gauge',
    collect?: () => Iterable<Sample>
  ) {
    this.name = name
    this.help = help
    this.type = type
    this.#collect = collect
    registry.registerMetric(this as unknown as Metric)
  }

  /** The series of these labels, always the same one: a component of three pipelines is created three times. */
  cell(labels: Labels): Cell {
    const key = JSON.stringify(labels)
    const cell = this.#cells.get(key) ?? { labels, value: 0 }
    this.#cells.set(key, cell)
    return cell
  }

  /** All series of its own. */
  cells(): Iterable<Cell> {
    return this.#cells.values()
  }

  /** Called by prom-client. */
  async get(): Promise<object> {
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values: [...this.#cells.values(), ...(this.#collect?.() ?? [])] }
  }

  reset(): void {
    for (const cell of this.#cells.values()) cell.value = 0
  }
}

/** Values that one label may take before the rest is counted as `other`. */
const MAX_LABEL_VALUES = 200
export const OTHER = 'other'

/** Series by the value of one label, bounded. */
export class LabelledCells {
  readonly #cells = new Map<string, Cell>()
  readonly #make: (value: string) => Cell

  constructor(make: (value: string) => Cell) {
    this.#make = make
  }

  add(n: number, value: string): void {
    const cell = this.#cells.get(value) ?? this.#open(value)
    cell.value += n
  }

  #open(value: string): Cell {
    const name = this.#cells.size < MAX_LABEL_VALUES ? value : OTHER
    const cell = this.#cells.get(name) ?? this.#make(name)
    this.#cells.set(name, cell)
    return cell
  }
}

/** Times in buckets; one series for each set of labels. */
export class Timings {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly aggregator = 'sum'
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Series>()

  constructor(registry: Registry, name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = bounds
    registry.registerMetric(this as unknown as Metric)
  }

  /** A function that notes seconds under these labels; get it once, call it often. */
  observer(labels: Labels): (seconds: number) => void {
    const key = JSON.stringify(labels)
    const series = this.#series.get(key) ?? {
      labels,
      counts: new Array<number>(this.#bounds.length + 1).fill(0),
      sum: 0,
      count: 0
    }
    this.#series.set(key, series)
    const bounds = this.#bounds
    return seconds => {
      let i = 0
      while (i < bounds.length && seconds > bounds[i]!) i++
      series.counts[i]!++
      series.sum += seconds
      series.count++
    }
  }

  async get(): Promise<object> {
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values: [...this.#series.values()].flatMap(s => this.#samples(s)) }
  }

  #samples({ labels, counts, sum, count }: Series): object[] {
    let below = 0
    const buckets = counts.map((n, i) => {
      below += n
      const le = this.#bounds[i] ?? '+Inf'
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count }
    ]
  }

  reset(): void {
    this.#series.clear()
  }
}

interface Series {
  readonly labels: Labels
  readonly counts: number[]
  sum: number
  count: number
}
