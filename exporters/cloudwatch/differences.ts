// Cumulative -> what came in since the last point that CloudWatch has. Changes are held back until the request that
// carries them is delivered, so that a batch sent again counts from the same base.

import { subtractValues } from '../../core/metrics/accumulate.js'
import type { Value } from '../../core/metrics/model.js'

export interface CumulativePoint {
  readonly startMs: number
  readonly timeMs: number
  readonly value: Value
}

/** The step of one series that counts once the point is delivered. */
export interface Advance {
  readonly key: string
  readonly point: CumulativePoint
}

/** No `value`: a first point, which is only a base. `superseded`: a later point was sent already, it covers this one. */
export type Difference = { readonly advance: Advance; readonly value?: Value } | 'superseded'

export class Differences {
  readonly #max: number
  readonly #sinceMs: number
  /** In order of use, the longest unused first. */
  readonly #last = new Map<string, CumulativePoint>()
  readonly #asked = new Map<string, CumulativePoint>()
  #forgotten = 0

  /** @param sinceMs when counting began: a series that started later has nothing before its first point. */
  constructor(max: number, sinceMs: number) {
    this.#max = max
    this.#sinceMs = sinceMs
  }

  get size(): number {
    return this.#last.size
  }

  /** Series forgotten for lack of room; their next point is a baseline again. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** The difference to the series' last point, delivered or asked for since `rollback`. */
  next(key: string, point: CumulativePoint): Difference {
    const last = this.#asked.get(key) ?? this.#last.get(key)
    if (last !== undefined && point.timeMs <= last.timeMs) return 'superseded'
    this.#asked.set(key, point)
    const advance = { key, point }
    const value = last === undefined ? this.#first(point) : since(last, point)
    return value === undefined ? { advance } : { advance, value }
  }

  /** CloudWatch has these points. */
  commit(advances: Iterable<Advance>): void {
    for (const { key, point } of advances) {
      this.#last.delete(key)
      this.#last.set(key, point)
      if (this.#asked.get(key) === point) this.#asked.delete(key)
    }
    for (const key of this.#last.keys()) {
      if (this.#last.size <= this.#max) break
      this.#last.delete(key)
      this.#forgotten++
    }
  }

  /** What was asked and not committed will be asked for again. */
  rollback(): void {
    this.#asked.clear()
  }

  #first(point: CumulativePoint): Value | undefined {
    return point.startMs >= this.#sinceMs ? point.value : undefined
  }
}

function since(last: CumulativePoint, point: CumulativePoint): Value | undefined {
  const isNewRun = point.startMs > last.startMs && point.startMs >= last.timeMs
  const difference = isNewRun ? undefined : subtractValues(point.value, last.value)
  if (difference !== undefined) return difference
  // After a reset the value counts from its own start. Other bounds in the same run are no reset: nothing to subtract.
  const isReset = isNewRun || point.startMs !== last.startMs || point.value.kind === 'number'
  return isReset ? point.value : undefined
}
