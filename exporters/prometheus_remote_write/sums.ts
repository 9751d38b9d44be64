// Deltas added up to cumulative values. Steps are held back until the request that carries them is delivered, so that a
// batch sent again adds to the same base.

import { addValues } from '../../core/metrics/accumulate.js'
import type { Point, Value } from '../../core/metrics/model.js'

interface Sum {
  readonly value: Value
  readonly startMs: number
  readonly timeMs: number
}

export class Sums {
  readonly #max: number
  /** In order of use, the longest unused first. */
  readonly #sums = new Map<string, Sum>()
  readonly #held = new Map<string, Sum>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#sums.size
  }

  /** The sum up to and with this point; undefined for an interval that was added before. */
  add(point: Point): Value | undefined {
    const key = `${point.family.name}{${point.key}`
    const last = this.#held.get(key) ?? this.#sums.get(key)
    if (last !== undefined && isRepeated(last, point)) return undefined
    // What does not fit the sum (other bounds) starts a new one: a reset, which Prometheus knows how to read.
    const value = last === undefined ? point.value : (addValues(last.value, point.value) ?? point.value)
    this.#held.set(key, { value, startMs: point.startMs, timeMs: point.timeMs })
    return value
  }

  /** What was added since the last commit or rollback has arrived. */
  commit(): void {
    for (const [key, sum] of this.#held) {
      this.#sums.delete(key)
      this.#sums.set(key, sum)
    }
    this.#held.clear()
    for (const key of this.#sums.keys()) {
      if (this.#sums.size <= this.#max) break
      this.#sums.delete(key)
    }
  }

  /** It has not, and will be added again. */
  rollback(): void {
    this.#held.clear()
  }
}

function isRepeated(last: Sum, point: Point): boolean {
  return point.startMs !== 0 && point.startMs === last.startMs && point.timeMs === last.timeMs
}
