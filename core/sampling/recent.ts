// Recent decisions, for the question "why is my trace (not) there?": a bounded ring, newest first when asked.

/** What became of a trace. */
export interface Explanation {
  readonly traceId: string
  /** `held`: dropped, can still be brought back by an error; `dropped`: gone; `undecided`: waiting for its end. */
  readonly state: 'undecided' | 'kept' | 'held' | 'dropped'
  /** The rule that decided; empty while undecided. */
  readonly rule: string
  /** Milliseconds since the epoch; 0 while undecided. */
  readonly decidedAt: number
  /** Items seen. */
  readonly items: number
  readonly hasError: boolean
  /** True when an error brought it back after it had been dropped. */
  readonly isLateError: boolean
  /** How many traces it stands for; undefined when unknown or not kept. */
  readonly weight: number | undefined
}

export class RecentDecisions {
  readonly #size: number
  readonly #ring: Explanation[] = []
  #next = 0

  constructor(size = 4096) {
    this.#size = size
  }

  add(decision: Explanation): void {
    this.#ring[this.#next] = decision
    this.#next = (this.#next + 1) % this.#size
  }

  /** The newest decision about a trace. */
  find(traceId: string): Explanation | undefined {
    return this.newest(this.#size).find(decision => decision.traceId === traceId)
  }

  /** Newest first. */
  newest(limit: number): readonly Explanation[] {
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return inOrder.reverse().slice(0, limit)
  }
}
