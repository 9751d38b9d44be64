// Circuit breaker of one exporter: after enough failures in a row nothing is sent for a while, then one request probes.
//
//   closed --(threshold failures in a row)--> open --(openUntil passed, one probe)--> half_open
//   half_open --(probe delivered)--> closed        half_open --(probe failed)--> open, twice as long, up to maxOpenMs
//
// Not cockatiel's: that one reads Date.now itself (tests could not move the time), costs promises per call, and lets
// callers wait in half-open; delivery must not wait, it must leave the entries in the log.

export type BreakerState = 'closed' | 'open' | 'half_open'

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly threshold: number
  /** First and longest time it stays open, milliseconds. */
  readonly openMs: number
  readonly maxOpenMs: number
}

export class Breaker {
  readonly #options: BreakerOptions
  #state: BreakerState = 'closed'
  #failures = 0
  #openMs: number
  #openUntil = 0
  #probing = false
  /** How often it opened. */
  opened = 0

  constructor(options: BreakerOptions) {
    this.#options = options
    this.#openMs = options.openMs
  }

  get state(): BreakerState {
    return this.#state
  }

  /** When a probe may go, milliseconds since the epoch; 0 unless open. */
  get openUntil(): number {
    return this.#state === 'open' ? this.#openUntil : 0
  }

  /** May a request go now? Changes nothing. */
  allows(now: number): boolean {
    if (this.#state === 'closed') return true
    if (this.#state === 'open') return now >= this.#openUntil
    return !this.#probing
  }

  /** A request goes: the first one after the open time is the probe. */
  started(now: number): void {
    if (this.#state === 'open' && now >= this.#openUntil) this.#state = 'half_open'
    if (this.#state === 'half_open') this.#probing = true
  }

  succeeded(): void {
    this.#failures = 0
    this.#probing = false
    this.#state = 'closed'
    this.#openMs = this.#options.openMs
  }

  failed(now: number): void {
    this.#failures++
    if (this.#state === 'half_open') {
      this.#openMs = Math.min(this.#openMs * 2, this.#options.maxOpenMs)
      this.#open(now)
    } else if (this.#state === 'closed' && this.#failures >= this.#options.threshold) {
      this.#open(now)
    }
  }

  #open(now: number): void {
    this.#state = 'open'
    this.#probing = false
    this.#openUntil = now + this.#openMs
    this.opened++
  }
}
