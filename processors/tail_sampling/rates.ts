// Rates: a bucket of tokens, and fair shares of a rate by key. Time is the log's, milliseconds; it may stand still.

import { fairChances } from '../../core/sampling/fair-shares.js'
import { ALWAYS, thresholdOf } from '../../core/sampling/threshold.js'

/** As many units a second, twice that at once. */
export class TokenBucket {
  readonly #rate: number
  readonly #capacity: number
  #tokens: number
  #at = 0

  constructor(perSecond: number, capacity = perSecond * 2) {
    this.#rate = perSecond
    this.#capacity = capacity
    this.#tokens = capacity
  }

  has(units: number, now: number): boolean {
    if (this.#at !== 0 && now > this.#at) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + ((now - this.#at) / 1000) * this.#rate)
    }
    this.#at = Math.max(this.#at, now)
    return this.#tokens >= units
  }

  take(units: number): void {
    this.#tokens -= units
  }
}

interface Share {
  /** Units in this interval, and a second on average over time. */
  units: number
  rate: number
  threshold: number
}

const MAX_KEYS = 10_000

/**
 * A total rate shared fairly among keys: a key with less than its share is kept whole, what it leaves goes to the others.
 * The traffic of each key is averaged over time (EMA); a key never seen before is kept whole until the next adjustment.
 */
export class FairRates {
  readonly #target: number
  readonly #intervalMs: number
  readonly #weight: number
  readonly #shares = new Map<string, Share>()
  #since = 0

  constructor(perSecond: number, intervalMs: number, weight: number) {
    this.#target = perSecond
    this.#intervalMs = intervalMs
    this.#weight = weight
  }

  /** Counts a trace and gives the threshold of its key. */
  threshold(key: string, units: number, now: number): number {
    if (this.#since === 0) this.#since = now
    if (now - this.#since >= this.#intervalMs) this.#adjust(now)
    let share = this.#shares.get(key)
    if (share === undefined) {
      if (this.#shares.size >= MAX_KEYS) return thresholdOf(0)
      share = { units: 0, rate: -1, threshold: ALWAYS }
      this.#shares.set(key, share)
    }
    share.units += units
    return share.threshold
  }

  #adjust(now: number): void {
    const seconds = (now - this.#since) / 1000
    this.#since = now
    for (const [key, share] of this.#shares) {
      const seen = share.units / seconds
      share.rate = share.rate < 0 ? seen : share.rate + this.#weight * (seen - share.rate)
      share.units = 0
      if (share.rate < 1e-6) this.#shares.delete(key)
    }
    const shares = [...this.#shares.values()]
    const chances = fairChances(
      shares.map(({ rate }) => rate),
      this.#target
    )
    shares.forEach((share, i) => {
      share.threshold = thresholdOf(chances[i]!)
    })
  }
}
