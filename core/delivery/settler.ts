// Collects acks, totals and markers, and commits them: one commit at a time, everything that came meanwhile goes into
// the next one. Nothing is lost when a commit fails: it is tried again until it works. Only when another process took over what a
// settlement acks (QUEUE_MOVED) it is given up with its totals: that process delivers and counts it.

import type { Clock, Log as Logger } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { Commit, Log } from '../queue/log.js'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000

export interface Settlement {
  readonly positions?: readonly number[]
  readonly counts?: readonly (readonly [string, number])[]
  readonly state?: readonly (readonly [string, Buffer | null])[]
  /** Part of the log it is about where its positions do not say so: what it settles is in parking. */
  readonly part?: number | undefined
  /** Called once the commit is durable, or given up because another process has what it settles. */
  readonly whenDurable?: () => void
  /** Called instead of `whenDurable` when it was given up. */
  readonly whenMoved?: () => void
}

export class Settler {
  readonly #log: Log
  readonly #cursor: string
  readonly #clock: Clock
  readonly #logger: Logger
  #waiting: Settlement[] = []
  /** Settlements to commit one by one: together they were refused. */
  #single: Settlement[] = []
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
    this.#waiting.push(what)
    this.pending += what.positions?.length ?? 0
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
    return !this.#committing && this.#waiting.length === 0 && this.#single.length === 0
  }

  #flush(): void {
    if (this.#committing || this.#isIdle()) return
    const batch = this.#single.length > 0 ? this.#single.splice(0, 1) : this.#waiting.splice(0)
    this.#committing = true
    this.#log.commit(merged(this.#cursor, batch)).then(
      () => this.#committed(batch),
      error => this.#failed(error, batch)
    )
  }

  /** Durable, or given up because it is another process's now. */
  #committed(batch: readonly Settlement[], hasMoved = false): void {
    this.#committing = false
    this.#failures = 0
    for (const { positions, whenDurable, whenMoved } of batch) {
      this.pending -= positions?.length ?? 0
      if (hasMoved && whenMoved !== undefined) whenMoved()
      else whenDurable?.()
    }
    this.#flush()
    if (this.#isIdle()) this.#wake()
  }

  #failed(error: unknown, batch: Settlement[]): void {
    const hasMoved = codeOf(error) === 'QUEUE_MOVED'
    if (hasMoved && batch.length === 1) {
      this.#committed(batch, true)
      return
    }
    this.#committing = false
    if (hasMoved) {
      this.#single = batch.concat(this.#single)
      this.#flush()
      return
    }
    this.#waiting = batch.concat(this.#waiting)
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

function merged(cursor: string, batch: readonly Settlement[]): Commit {
  const all: number[] = []
  const counts = new Map<string, number>()
  const state = new Map<string, Buffer | null>()
  const parts = new Set<number>()
  for (const one of batch) {
    if (one.part !== undefined) parts.add(one.part)
    if (one.positions) for (const position of one.positions) all.push(position)
    for (const [key, n] of one.counts ?? []) if (n !== 0) counts.set(key, (counts.get(key) ?? 0) + n)
    for (const [key, value] of one.state ?? []) state.set(key, value)
  }
  const acks = all.length === 0 ? [] : [{ cursor, positions: all }]
  return { acks, counts, state, ...(parts.size === 0 ? {} : { parts: [...parts] }) }
}
