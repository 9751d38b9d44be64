// Adaptive concurrency: additive increase, multiplicative decrease between 1 and `num_consumers`. Errors that ask for a
// retry and answers that take more than half of the timeout are signs of overload; one decrease a round trip.

const SLOW_SHARE = 0.5
const ON_FAILURE = 0.5
const ON_SLOW = 0.8

export class Concurrency {
  readonly #max: number
  readonly #slowMs: number
  #limit: number
  #decreasedAt = 0

  /** @param timeoutMs limit of one attempt. */
  constructor(max: number, timeoutMs: number) {
    this.#max = max
    this.#limit = max
    this.#slowMs = timeoutMs * SLOW_SHARE
  }

  /** Requests that may be in flight at once. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  succeeded(startedAt: number, now: number): void {
    if (now - startedAt > this.#slowMs) {
      this.#decrease(ON_SLOW, startedAt, now)
      return
    }
    if (this.#limit < this.#max) this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit)
  }

  failed(startedAt: number, now: number): void {
    this.#decrease(ON_FAILURE, startedAt, now)
  }

  #decrease(factor: number, startedAt: number, now: number): void {
    if (startedAt < this.#decreasedAt) return
    this.#decreasedAt = now
    this.#limit = Math.max(1, this.#limit * factor)
  }
}
