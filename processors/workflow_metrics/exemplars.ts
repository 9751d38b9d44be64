// Exemplars that point at traces that are kept: errors, which no sampling drops, and traces of the highest randomness. Consistent
// sampling keeps a trace when its randomness is not below a threshold, so at whatever rate somebody samples, the highest
// one of an interval is the likeliest to be there. With `sampling_percentage` known, only those that survive it.

import { randomnessOf, thresholdOf } from '../../core/sampling/threshold.js'
import type { WorkflowMetricsConfig } from './config.js'

export interface Exemplar {
  readonly traceId: Buffer
  readonly spanId: Buffer
  readonly nanos: number
  readonly atMs: number
  readonly rank: number
}

/** Above every randomness. */
const ERROR_RANK = 2 ** 49

export class Exemplars {
  readonly #max: number
  readonly #threshold: number

  constructor(config: WorkflowMetricsConfig['exemplars']) {
    this.#max = config.enabled ? config.max_per_data_point : 0
    this.#threshold = thresholdOf(config.sampling_percentage / 100)
  }

  /** Offers a span: ids at `at` in `buf`. `randomness`: the trace's own, -1 when its id has it. */
  offer(
    to: { readonly timed: { exemplars: Exemplar[] }; readonly isError: boolean },
    buf: Buffer,
    at: number,
    nanos: number,
    randomness: number,
    atMs: number
  ): void {
    if (this.#max === 0) return
    const own = randomness >= 0 ? randomness : randomnessOf(buf, at)
    if (!to.isError && own < this.#threshold) return
    const rank = to.isError ? ERROR_RANK + own : own
    const list = to.timed.exemplars
    if (list.length >= this.#max && rank <= list.at(-1)!.rank) return
    const made = {
      traceId: Buffer.from(buf.subarray(at, at + 16)),
      spanId: Buffer.from(buf.subarray(at + 16, at + 24)),
      nanos,
      atMs,
      rank
    }
    list.push(made)
    list.sort((a, b) => b.rank - a.rank)
    if (list.length > this.#max) list.pop()
  }
}
