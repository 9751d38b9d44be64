// Collects acks, totals and markers, and commits them: one commit at a time, everything that came meanwhile goes into
// the next one. Nothing is lost when a commit fails: it is tried again until it works.

import type { Clock, Log as Logger } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { Log } from '../queue/log.js'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000

export interface Settlement {
  readonly positions?: readonly number[]
  readonly counts?: readonly (readonly [string, number])[]
  readonly state?: readonly (readonly [string, Buffer | null])[]
  /** Called once the commit is durable. */
  readonly whenDurable?: () => void
}

export class Settler {
  readonly #log: Log
  readonly #cursor: string
  readonly #clock: Clock
  readonly #logger: Logger
  #positions: number[] = []
  #counts = new Map<string, number>()
  #state = new Map<string, Buffer | null>()
  #then: (() => void)[] = []
  #committing = false
  #failures = 0
  #idle: (() => void)[] = []
  #retry: { cancel(): void } | undefined
  #givesUp = false

  constructor(log: Log, cursor: string, clock: Clock, logger: Logger) {
    this.#log = log
    this.#cursor = cursor
    this.#clock = clock
    this.#logger = logger
  }

  /** Positions whose ack is not durable yet. */
  pending = 0

  add(what: Settlement): void {
    if (what.positions) for (const position of what.positions) this.#positions.push(position)
    this.pending += what.positions?.length ?? 0
    for (const [key, n] of what.counts ?? []) if (n !== 0) this.#counts.set(key, (this.#counts.get(key) ?? 0) + n)
    for (const [key, value] of what.state ?? []) this.#state.set(key, value)
    if (what.whenDurable) this.#then.push(what.whenDurable)
    if (this.#retry === undefined) this.#flush()
  }

  /** Resolves when everything added is durable; with `giveUp` also when the next try fails. */
  async settled(giveUp: boolean): Promise<void> {
    if (this.#isIdle()) return
    this.#givesUp = giveUp
    const done = new Promise<void>(resolve => this.#idle.push(resolve))
    if (this.#retry !== undefined) {
      this.#retry.cancel()
      this.#retry = undefined
      this.#flush()
    }
    await done
  }

  #isIdle(): boolean {
    return !this.#committing && this.#positions.length === 0 && this.#counts.size === 0 && this.#state.size === 0
  }

  #flush(): void {
    if (this.#committing || this.#isIdle()) return
    const [positions, counts, state, then] = [this.#positions, this.#counts, this.#state, this.#then]
    this.#positions = []
    this.#counts = new Map()
    this.#state = new Map()
    this.#then = []
    this.#committing = true
    const acks = positions.length === 0 ? [] : [{ cursor: this.#cursor, positions }]
    this.#log.commit({ acks, counts, state }).then(
      () => this.#committed(positions.length, then),
      error => this.#failed(error, positions, counts, state, then)
    )
  }

  #committed(positions: number, then: readonly (() => void)[]): void {
    this.#committing = false
    this.#failures = 0
    this.pending -= positions
    for (const fn of then) fn()
    this.#flush()
    if (this.#isIdle()) this.#wake()
  }

  #failed(
    error: unknown,
    positions: number[],
    counts: Map<string, number>,
    state: Map<string, Buffer | null>,
    then: (() => void)[]
  ): void {
    this.#committing = false
    this.#positions = positions.concat(this.#positions)
    for (const [key, n] of this.#counts) counts.set(key, (counts.get(key) ?? 0) + n)
    this.#counts = counts
    for (const [key, value] of this.#state) state.set(key, value)
    this.#state = state
    this.#then = then.concat(this.#then)
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
    this.#logger.error(
      { exporter: this.#cursor, code: codeOf(error), retryInMs: waitMs },
      'cannot record what was delivered; the queue is asked again'
    )
    if (this.#givesUp) {
      this.#wake()
      return
    }
    this.#retry = this.#clock.after(waitMs, () => {
      this.#retry = undefined
      this.#flush()
    })
  }

  #wake(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
