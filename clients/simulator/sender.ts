// Sends requests as an OTLP client must: tries again what may be tried again, waits as long as the gateway asks, and
// knows of every request what became of it. What was put in is delivered, refused or still waiting; nothing else.

import type { Batch } from '../../core/component/batch.js'
import type { Outcome } from '../../core/component/outcome.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'

/** Sends one request; an OTLP client of core/net. */
export interface Transport {
  send(batch: Batch, abort: AbortSignal): Promise<Outcome>
}

export interface SenderOptions {
  readonly transport: Transport
  /** Requests on their way at once. Default 4. */
  readonly concurrency?: number
  /** Requests that may wait; `put` holds the fleet back when there are more. Default 2000. */
  readonly maxWaiting?: number
  /** Longest wait for one answer, milliseconds. Default 30,000. */
  readonly answerMs?: number
  /** True: this request is sent a second time after it was delivered, as a client does that did not hear the answer. */
  readonly sendTwice?: () => boolean
  /** Waits; resolves early when it is aborted. */
  readonly wait: (ms: number, abort: AbortSignal) => Promise<void>
  readonly now: () => number
}

/** Of one signal. */
export interface SentFigures {
  requests: number
  items: number
  bytes: number
  /** Items that the gateway named in a partial success. */
  rejected: number
  /** Items of requests that were refused for good. */
  refused: number
}

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5000

interface Entry {
  readonly batch: Batch
  readonly isCopy: boolean
  tries: number
}

export class Sender {
  readonly figures: Readonly<Record<Signal, SentFigures>>
  /** Requests sent a second time on purpose, and items in them. */
  readonly copies = { requests: 0, items: 0 }
  /** Answers that asked to try again, and connections that gave none. */
  retries = 0
  lastError: string | undefined
  /** Why items were refused for good, the last time. */
  lastRefusal: string | undefined
  readonly #o: Required<SenderOptions>
  readonly #queue: Entry[] = []
  readonly #stop = new AbortController()
  readonly #loops: Promise<void>[]
  #wake: (() => void)[] = []
  #room: (() => void)[] = []
  #idle: (() => void)[] = []
  #underWay = 0
  /** Requests that are done with. */
  #answered = 0
  /** Nobody sends before: the gateway asked for it, or does not answer. */
  #holdUntil = 0
  #isAway = false

  constructor(options: SenderOptions) {
    this.#o = { concurrency: 4, maxWaiting: 2000, answerMs: 30_000, sendTwice: () => false, ...options }
    const none = (): SentFigures => ({ requests: 0, items: 0, bytes: 0, rejected: 0, refused: 0 })
    this.figures = Object.fromEntries(SIGNALS.map(signal => [signal, none()])) as Record<Signal, SentFigures>
    this.#loops = Array.from({ length: this.#o.concurrency }, () => this.#loop())
  }

  /** Requests not yet answered for good. */
  get waiting(): number {
    return this.#queue.length + this.#underWay
  }

  /** True while the gateway does not answer or asks to wait. */
  get isHeldBack(): boolean {
    return this.#isAway
  }

  /** Takes a request; resolves when there is room for another one. */
  async put(batch: Batch): Promise<void> {
    this.#push({ batch, isCopy: false, tries: 0 })
    while (this.#queue.length >= this.#o.maxWaiting && !this.#stop.signal.aborted) {
      await new Promise<void>(resolve => this.#room.push(resolve))
    }
  }

  /** Resolves when every request is answered, or when none was for `limitMs`; how many are not. */
  async drain(limitMs: number): Promise<number> {
    let before = -1
    while (this.waiting > 0 && this.#answered !== before) {
      before = this.#answered
      const limit = new AbortController()
      const idle = new Promise<void>(resolve => this.#idle.push(resolve))
      await Promise.race([idle, this.#o.wait(limitMs, limit.signal)])
      limit.abort()
    }
    return this.waiting
  }

  /** Ends; what is on its way is broken off and counts as waiting. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the simulator ends'))
    for (const wake of [...this.#wake.splice(0), ...this.#room.splice(0)]) wake()
    await Promise.all(this.#loops)
  }

  #push(entry: Entry): void {
    this.#queue.push(entry)
    this.#wake.shift()?.()
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const entry = this.#queue.shift()
      if (entry === undefined) {
        await new Promise<void>(resolve => this.#wake.push(resolve))
        continue
      }
      this.#underWay++
      await this.#deliver(entry)
      this.#underWay--
      if (this.#queue.length < this.#o.maxWaiting) for (const resume of this.#room.splice(0)) resume()
      this.#told()
    }
  }

  #told(): void {
    if (this.waiting === 0) for (const done of this.#idle.splice(0)) done()
  }

  /** Tries until it is delivered or refused; puts it back when it all ends. */
  async #deliver(entry: Entry): Promise<void> {
    const { wait, now } = this.#o
    const { signal } = this.#stop
    for (;;) {
      while (now() < this.#holdUntil && !signal.aborted) await wait(this.#holdUntil - now(), signal)
      if (signal.aborted) break
      const outcome = await this.#attempt(entry.batch)
      if (outcome.kind !== 'retry') {
        this.#isAway = false
        this.#settled(entry, outcome)
        return
      }
      if (signal.aborted) break
      this.retries++
      this.lastError = outcome.cause.message
      this.#isAway = true
      const pause = outcome.afterMs ?? Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(entry.tries, 10))
      entry.tries++
      this.#holdUntil = Math.max(this.#holdUntil, now() + pause)
    }
    this.#queue.unshift(entry)
  }

  async #attempt(batch: Batch): Promise<Outcome> {
    const abort = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#o.answerMs)])
    try {
      return await this.#o.transport.send(batch, abort)
    } catch (error) {
      return { kind: 'retry', cause: error as Error }
    }
  }

  #settled({ batch, isCopy }: Entry, outcome: Exclude<Outcome, { kind: 'retry' }>): void {
    this.#answered++
    if (isCopy) {
      this.copies.requests++
      this.copies.items += batch.items
      return
    }
    const figures = this.figures[batch.signal]
    if (outcome.kind === 'refused') {
      figures.refused += batch.items
      this.lastRefusal = outcome.cause.message
      return
    }
    figures.requests++
    figures.items += batch.items
    figures.bytes += batch.bytes.length
    figures.rejected += outcome.rejected ?? 0
    if (outcome.rejected) this.lastRefusal = outcome.message
    if (this.#o.sendTwice()) this.#push({ batch, isCopy: true, tries: 0 })
  }
}
