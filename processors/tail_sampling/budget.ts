// The policy `adaptive`: traces as input and output of a controller that holds a rate (core/sampling/adaptive.ts).

import type { TraceFacts } from '../../core/component/windowed.js'
import { AdaptiveRates } from '../../core/sampling/adaptive.js'
import { ALWAYS } from '../../core/sampling/threshold.js'
import type { Policy } from './policies.js'

/** The part of a policy's target that is this gateway's, given what it sees a second. */
export type Share = (policy: string, rate: number) => number

export class Budget {
  readonly #rates: AdaptiveRates
  readonly #isBytes: boolean

  constructor(name: string, config: NonNullable<Policy['adaptive']>, share: Share | undefined) {
    const { items_per_second: items, bytes_per_second: bytes, adjustment_interval, weight, band } = config
    this.#isBytes = items === undefined
    this.#rates = new AdaptiveRates({
      target: items ?? bytes ?? Number.POSITIVE_INFINITY,
      intervalMs: adjustment_interval,
      weight,
      band: band / 100,
      ...(share === undefined ? {} : { part: rate => share(name, rate) })
    })
  }

  /** Errors are kept anyway: they compete with nobody. */
  threshold(trace: TraceFacts, now: number): number {
    return trace.hasError ? ALWAYS : this.#rates.threshold(trace.workflow, this.#unitsOf(trace), now)
  }

  /** Once for each trace: its chance in the end, by whatever policy. */
  spend(trace: TraceFacts, chance: number, now: number): void {
    this.#rates.spend(this.#unitsOf(trace), chance, now)
  }

  #unitsOf(trace: TraceFacts): number {
    return this.#isBytes ? trace.bytes : trace.items
  }
}
