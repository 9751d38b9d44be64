// How fast totals grow, over about the last minute: samples every few seconds, the oldest forgotten.

import type { Clock } from '../../../core/component/context.js'

const EVERY_MS = 5000
const KEPT = 12

/** Rates of named totals. `start` begins sampling, `stop` ends it. */
export class Rates {
  readonly #clock: Clock
  readonly #totals: () => Promise<ReadonlyMap<string, number>>
  #samples: { at: number; totals: ReadonlyMap<string, number> }[] = []
  #timer: { cancel(): void } | undefined

  constructor(clock: Clock, totals: () => Promise<ReadonlyMap<string, number>>) {
    this.#clock = clock
    this.#totals = totals
  }

  start(): void {
    const at = this.#clock.now()
    // Who cannot tell now is asked again.
    this.#totals().then(
      totals => this.#sampled(at, totals),
      () => {}
    )
    this.#timer = this.#clock.after(EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Growth a second of one total, which is in `now`, since the oldest sample; 0 before there is one. */
  of(name: string, now: ReadonlyMap<string, number>): number {
    const oldest = this.#samples[0]
    const seconds = oldest === undefined ? 0 : (this.#clock.now() - oldest.at) / 1000
    if (oldest === undefined || seconds <= 0) return 0
    return ((now.get(name) ?? 0) - (oldest.totals.get(name) ?? 0)) / seconds
  }

  #sampled(at: number, totals: ReadonlyMap<string, number>): void {
    this.#samples.push({ at, totals })
    if (this.#samples.length > KEPT) this.#samples.shift()
  }
}
