// How fast totals grow, over about the last minute: samples every few seconds, the oldest forgotten.

import type { Clock } from '../../../core/component/context.js'

const EVERY_MS = 5000
const KEPT = 12

/** Rates of named totals. `start` begins sampling, `stop` ends it. */
export class Rates {
  readonly #clock: Clock
  readonly #totals: () => ReadonlyMap<string, number>
  #samples: { at: number; totals: ReadonlyMap<string, number> }[] = []
  #timer: { cancel(): void } | undefined

  constructor(clock: Clock, totals: () => ReadonlyMap<string, number>) {
    this.#clock = clock
    this.#totals = totals
  }

  start(): void {
    this.#samples.push({ at: this.#clock.now(), totals: new Map(this.#totals()) })
    if (this.#samples.length > KEPT) this.#samples.shift()
    this.#timer = this.#clock.after(EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Growth a second of one total since the oldest sample; 0 before there is one. */
  of(name: string): number {
    const oldest = this.#samples[0]
    const seconds = oldest === undefined ? 0 : (this.#clock.now() - oldest.at) / 1000
    if (oldest === undefined || seconds <= 0) return 0
    return ((this.#totals().get(name) ?? 0) - (oldest.totals.get(name) ?? 0)) / seconds
  }
}
