// Delivery of one exporter: read -> merge or split -> send -> ack | try again | set aside. README.md has the states.
//
// Invariants:
//   D1  A position is acked only in the commit that counts its items as delivered, dropped or parked (ledger.ts).
//   D2  What is set aside is durable in parking before its position is acked.
//   D3  At most num_consumers requests are in flight and windowFactor times as many are known here at all; everything
//       else stays in the log, so memory does not grow with the backlog.
//   D4  Nothing here waits for another exporter: its own cursor, its own limits, its own breaker.
//   D5  One promise a request, none an entry.

import type { Batch } from '../component/batch.js'
import { catalogue, codeOf } from '../component/errors.js'
import type { RequestLimits } from '../component/exporter.js'
import type { Outcome } from '../component/outcome.js'
import { sanitise } from '../net/client-words.js'
import type { CursorStatus } from '../queue/log.js'
import type { Parked, ParkingStatus } from '../queue/parking.js'
import { SlotMap } from '../queue/slot-map.js'
import { backoffMs, waitMs } from './backoff.js'
import { Breaker, type BreakerState } from './breaker.js'
import { Concurrency } from './concurrency.js'
import { trim } from './dead-letters.js'
import { cut, type Division, divide, halve, type Piece } from './divide.js'
import { DrainRate } from './drain-rate.js'
import {
  type DropReason,
  deliveredKey,
  droppedKey,
  MARKER,
  markerKey,
  type ParkReason,
  parkedKey,
  unparkedKey
} from './ledger.js'
import { type DeliveryOptions, TUNING, type Tuning } from './options.js'
import { type Droppable, type Measure, Overflow } from './overflow.js'
import { Reader, type ReaderOptions } from './reader.js'
import { type Settlement, Settler } from './settler.js'
import { batchOf, fromGroup, fromParked, type Shipment } from './shipment.js'

export const deliveryErrors = catalogue({
  SEND_TIMEOUT: (ms: number) => `no answer within ${ms} ms`,
  SEND_HUNG: (ms: number) => `the exporter did not end its attempt within ${ms} ms after it was aborted`,
  DELIVERY_STOPPED: () => 'the gateway is stopping'
})

/** A refused request's size minus this share is tried next when the back end says "too large". */
const SHRINK = 0.5
const SMALLEST_TARGET = 64 * 1024
/** Acks that may wait for the store before reading pauses (the store is failing then). */
const MAX_UNSETTLED = 100_000
/** Ids looked at in parking at once; parking reads payloads of so many only when they are looked at. */
const PARKED_PAGE = 2048
const REMARK_EVERY_MS = 60_000
const STORE_PAUSE_MS = 1000
/** Until payloads that are being fetched are looked for again. */
const FETCH_MS = 20
const RETRY_AFTER_MIN_MS = 1000
const RETRY_AFTER_MAX_MS = 60_000

/** What an operator and the metrics see. */
export interface DeliveryStatus {
  readonly exporter: string
  /** In the log, not acked: entries, items, bytes, and the age of the oldest in milliseconds. */
  readonly waiting: { readonly entries: number; readonly items: number; readonly bytes: number }
  readonly oldestAgeMs: number
  readonly parked: ParkingStatus
  readonly inFlight: number
  /** Requests waiting for their next try. */
  readonly retrying: number
  /** Requests that may be in flight now (adaptive). */
  readonly concurrency: number
  readonly breaker: BreakerState
  readonly breakerOpened: number
  /** Attempts, and those that ended in a retry, since the start. */
  readonly attempts: number
  readonly retries: number
  readonly lastError: { readonly at: number; readonly text: string } | undefined
  readonly itemsPerSecond: number
  readonly bytesPerSecond: number
}

export class Delivery {
  readonly id: string
  readonly #o: DeliveryOptions
  readonly #tuning: Tuning
  readonly #limits: RequestLimits
  readonly #random: () => number
  readonly #reader: Reader
  readonly #settler: Settler
  readonly #overflow: Overflow
  readonly #breaker: Breaker
  readonly #concurrency: Concurrency
  readonly #rate: DrainRate
  readonly #keys = new Map<string, string>()
  readonly #aborts = new SlotMap<number, AbortController>()
  readonly #parkedBusy = new Set<string>()
  #parkedReady: Parked[] = []
  #retrying: Shipment[] = []
  /** Shipments between launch and settlement or their place among `#retrying`. */
  #busy = 0
  #inFlight = 0
  #running = false
  #stopping: Promise<void> | undefined
  #pumping = false
  #pausedUntil = 0
  #parkedDue = Number.POSITIVE_INFINITY
  #timer: { at: number; cancel(): void } | undefined
  #idle: (() => void)[] = []
  #unsubscribe = () => {}
  #trimming: Promise<void> = Promise.resolve()
  #remarkedAt = Number.NEGATIVE_INFINITY
  #toldOfFailureAt = Number.NEGATIVE_INFINITY
  #attempts = 0
  #retries = 0
  #lastError: { at: number; text: string } | undefined
  /** Acked, and the ack not yet durable. */
  readonly #settling: Measure = { bytes: 0, items: 0, entries: 0 }

  constructor(options: DeliveryOptions) {
    const { config, log, clock, exporter } = options
    this.#o = options
    this.id = config.id
    this.#tuning = { ...TUNING, ...options.tuning }
    this.#limits = exporter.limits
    this.#random = options.random ?? Math.random
    this.#settler = new Settler(log, this.id, clock, options.logger)
    this.#breaker = new Breaker({
      threshold: this.#tuning.breakerThreshold,
      openMs: config.retry.initialIntervalMs,
      maxOpenMs: Math.max(config.retry.maxIntervalMs, config.retry.initialIntervalMs)
    })
    this.#concurrency = new Concurrency(config.sendingQueue.numConsumers, config.timeoutMs)
    this.#rate = new DrainRate(clock.now())
    this.#reader = new Reader(log, this.id, this.#readerOptions())
    this.#overflow = new Overflow({
      log,
      cursor: this.id,
      clock,
      config: config.sendingQueue,
      reader: this.#reader,
      settling: this.#settling,
      drop: (entries, whenDurable) => this.#drop(entries, 'overflow', whenDurable)
    })
  }

  /**
   * Starts the exporter, repairs parking after a crash and begins to deliver.
   * @throws what the exporter's `start` throws.
   */
  async start(): Promise<void> {
    await this.open()
    this.run()
  }

  /** The first half of `start`, which may fail: everything but delivering. @throws what the exporter's `start` throws. */
  async open(): Promise<void> {
    await this.#o.exporter.start?.()
    await this.#repairParking()
  }

  /** The second half of `start`: delivers from now on. */
  run(): void {
    this.#running = true
    this.#unsubscribe = this.#o.log.onAppend(() => this.#appended())
    this.#parkedDue = 0
    this.#appended()
  }

  /**
   * Stops reading, waits up to `limitMs` for requests in flight, aborts the rest. What is not delivered stays in the log
   * (or, when it is the rest of a divided request, in parking). Safe twice, safe without start.
   */
  stop(limitMs = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(limitMs)
    return this.#stopping
  }

  /** True when senders must be refused for this exporter's sake: its queue is full and its policy is `block`. */
  isFull(): boolean {
    return this.#overflow.isFull()
  }

  /** How long a refused sender should wait, milliseconds: until a tenth of the queue has drained at the present rate. */
  retryAfterMs(): number {
    const now = this.#o.clock.now()
    const wanted = this.#overflow.bytesToDrain()
    const { bytesPerSecond } = this.#rate.at(now)
    const drainMs = bytesPerSecond > 0 ? (wanted / bytesPerSecond) * 1000 : RETRY_AFTER_MAX_MS
    const closedMs = Math.max(this.#breaker.openUntil, this.#pausedUntil) - now
    return Math.round(Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, drainMs, closedMs)))
  }

  /** Items and bytes a second that left the queue lately. */
  drainRate(): { readonly itemsPerSecond: number; readonly bytesPerSecond: number } {
    return this.#rate.at(this.#o.clock.now())
  }

  status(): DeliveryStatus {
    const now = this.#o.clock.now()
    const waiting = cursorStatus(this.#o.log.status().cursors, this.id)
    return {
      exporter: this.id,
      waiting: { entries: waiting.waitingEntries, items: waiting.waitingItems, bytes: waiting.waitingBytes },
      oldestAgeMs: waiting.oldestAt === 0 ? 0 : Math.max(0, now - waiting.oldestAt),
      parked: parkingStatus(this.#o.parking.status(), this.id),
      inFlight: this.#inFlight,
      retrying: this.#retrying.length,
      concurrency: this.#concurrency.limit,
      breaker: this.#breaker.state,
      breakerOpened: this.#breaker.opened,
      attempts: this.#attempts,
      retries: this.#retries,
      lastError: this.#lastError,
      ...this.#rate.at(now)
    }
  }

  /** Makes it look into parking again: dead letters were redriven. */
  parkingChanged(): void {
    this.#parkedReady = []
    this.#parkedDue = 0
    this.#pump()
  }

  /**
   * Payloads of another process came here with their part of the log. What that process had not committed it cannot commit
   * any more, so it is nobody's: the log delivers its origin.
   */
  parkingGained(ids: readonly string[]): void {
    const { parking, log, logger } = this.#o
    const orphans = ids.filter(
      id => parking.get(id)?.exporter === this.id && log.state(markerKey(this.id, id)) === undefined
    )
    parking
      .remove(orphans)
      .catch(error =>
        logger.warn({ exporter: this.id, code: codeOf(error) }, 'what nobody committed stays parked for now')
      )
      .finally(() => this.parkingChanged())
  }

  // --- what to send next -------------------------------------------------------------------------------------------

  #appended(): void {
    if (!this.#running) return
    this.#reader.wake()
    this.#overflow.check()
    this.#pump()
  }

  /** Starts whatever may start, then sets one timer for the next moment at which something could. */
  #pump(): void {
    if (!this.#running || this.#pumping) return
    this.#pumping = true
    const now = this.#o.clock.now()
    try {
      for (let next = this.#next(now); next !== undefined; next = this.#next(now)) this.#launch(next, now)
    } catch (error) {
      this.#storeFailed(error, now)
    }
    this.#pumping = false
    this.#schedule(now)
  }

  /** The log or parking cannot be read now: nothing else is tried for a while. */
  #storeFailed(error: unknown, now: number): void {
    this.#lastError = { at: now, text: words(error) }
    this.#pausedUntil = now + STORE_PAUSE_MS
    this.#o.logger.error({ exporter: this.id, code: codeOf(error) }, 'cannot read the queue; trying again')
  }

  #next(now: number): Shipment | undefined {
    if (this.#busy >= this.#concurrency.limit || now < this.#pausedUntil || !this.#breaker.allows(now)) return undefined
    return this.#nextRetry(now) ?? this.#nextParked(now) ?? this.#nextFresh(now)
  }

  #nextRetry(now: number): Shipment | undefined {
    const at = this.#retrying.findIndex(shipment => shipment.dueAt <= now)
    return at < 0 ? undefined : this.#retrying.splice(at, 1)[0]
  }

  #nextParked(now: number): Shipment | undefined {
    if (this.#parkedReady.length === 0) this.#findParked(now)
    for (let parked = this.#parkedReady.shift(); parked !== undefined; parked = this.#parkedReady.shift()) {
      if (this.#o.parking.get(parked.id) === undefined) continue
      if (this.#o.parking.ready?.(parked.id) === false) {
        this.#parkedDue = now + FETCH_MS
        continue
      }
      this.#parkedBusy.add(parked.id)
      return fromParked(parked)
    }
    return undefined
  }

  /** Finds what is due and not under way. Without its marker a payload is not committed yet: that announces itself. */
  #findParked(now: number): void {
    if (now < this.#parkedDue) return
    this.#parkedDue = Number.POSITIVE_INFINITY
    const all = this.#o.parking.due(this.id, Number.MAX_SAFE_INTEGER, PARKED_PAGE + this.#parkedBusy.size)
    for (const parked of all) {
      if (this.#parkedBusy.has(parked.id)) continue
      if (parked.dueAt > now) {
        this.#parkedDue = parked.dueAt // they come by due time
        return
      }
      if (this.#o.log.state(markerKey(this.id, parked.id)) !== undefined) this.#parkedReady.push(parked)
    }
    if (all.length > PARKED_PAGE) this.#parkedDue = now
  }

  #nextFresh(now: number): Shipment | undefined {
    if (!this.#hasRoom()) return undefined
    const group = this.#reader.next(now, this.#busy === 0)
    return group && fromGroup(group)
  }

  #hasRoom(): boolean {
    const window = this.#tuning.windowFactor * this.#o.config.sendingQueue.numConsumers
    return this.#busy + this.#retrying.length < window && this.#settler.pending < MAX_UNSETTLED
  }

  #schedule(now: number): void {
    const gate = Math.max(this.#pausedUntil, this.#breaker.openUntil)
    if (!this.#breaker.allows(Math.max(now, gate))) return // the probe's end pumps
    let due = this.#parkedReady.length > 0 ? now : this.#parkedDue
    for (const shipment of this.#retrying) due = Math.min(due, shipment.dueAt)
    if (this.#hasRoom()) due = Math.min(due, this.#reader.dueAt(this.#busy === 0))
    const at = Math.max(gate, due)
    if (!this.#running || at === Number.POSITIVE_INFINITY || this.#busy >= this.#concurrency.limit) return
    if (this.#timer !== undefined && this.#timer.at <= at && this.#timer.at > now) return
    this.#timer?.cancel()
    const handle = this.#o.clock.after(Math.max(1, at - now), () => {
      this.#timer = undefined
      this.#pump()
    })
    this.#timer = { at, cancel: () => handle.cancel() }
  }

  // --- one request -------------------------------------------------------------------------------------------------

  #launch(shipment: Shipment, now: number): void {
    if (!this.#isAtHand(shipment)) {
      shipment.dueAt = now + FETCH_MS
      this.#retrying.push(shipment)
      return
    }
    const batch = this.#batchOf(shipment)
    if (batch === undefined) {
      this.#vanished(shipment)
      return
    }
    this.#busy++
    shipment.buffers = undefined
    if (shipment.firstTryAt === 0) shipment.firstTryAt = now
    const { maxItems, maxBytes } = this.#limits
    if (shipment.size > maxBytes || shipment.items > maxItems) {
      this.#divide(shipment, cut(shipment.signal, batch.bytes, this.#cutTo(maxItems, maxBytes)))
      return
    }
    shipment.attempts++
    this.#attempt(batch, shipment.size, outcome => this.#answered(shipment, batch, outcome))
  }

  /** Where payloads can be elsewhere (Redis) they are fetched before a retry. */
  #isAtHand({ buffers, parkedId, positions }: Shipment): boolean {
    if (buffers !== undefined) return true
    if (parkedId !== undefined) return this.#o.parking.ready?.(parkedId) ?? true
    return this.#o.log.ready?.(positions) ?? true
  }

  /** A shipment whose bytes cannot be read now is not lost: it is tried again. */
  #batchOf(shipment: Shipment): Batch | undefined {
    try {
      return batchOf(shipment, this.#o.log, this.#o.parking)
    } catch (error) {
      this.#retrying.push(shipment)
      throw error
    }
  }

  #cutTo(maxItems: number, maxBytes: number): { maxItems: number; maxBytes: number } {
    const { batch } = this.#o.config.sendingQueue
    return { maxItems: batch.maxItems > 0 ? Math.min(maxItems, batch.maxItems) : maxItems, maxBytes }
  }

  /** An entry was quarantined by the log (L6) between reading and retry: what is left of the request goes entry by entry. */
  #vanished(shipment: Shipment): void {
    for (const position of shipment.positions) {
      const entry = this.#o.log.get(position)
      if (entry === undefined) continue
      const { items, bytes, appendedAt } = entry
      const alone = { ...shipment, positions: [position], items, size: bytes.length, acceptedAt: appendedAt }
      this.#retrying.push({ ...alone, buffers: undefined })
    }
    if (shipment.parkedId !== undefined) this.#parkedBusy.delete(shipment.parkedId)
  }

  /** One attempt: `done` is called exactly once, later. */
  #attempt(batch: Batch, size: number, done: (outcome: Outcome) => void): void {
    const { clock, config, exporter } = this.#o
    const startedAt = clock.now()
    const abort = new AbortController()
    const id = ++this.#attempts
    let isOpen = true
    let timer: { cancel(): void } | undefined
    const settle = (outcome: Outcome) => {
      if (!isOpen) return
      isOpen = false
      timer?.cancel()
      this.#aborts.delete(id)
      this.#inFlight--
      const before = this.#breaker.state
      this.#note(outcome, batch.items, size, startedAt)
      if (this.#breaker.state !== before) this.#logBreaker(before)
      else if (outcome.kind === 'retry') this.#logFailure()
      done(outcome)
      this.#pump()
    }
    const graceMs = this.#tuning.abortGraceMs
    const aborted = () => {
      timer?.cancel()
      timer = clock.after(graceMs, () => settle({ kind: 'retry', cause: deliveryErrors.SEND_HUNG(graceMs) }))
    }
    abort.signal.addEventListener('abort', aborted, { once: true })
    if (config.timeoutMs > 0) {
      timer = clock.after(config.timeoutMs, () => abort.abort(deliveryErrors.SEND_TIMEOUT(config.timeoutMs)))
    }
    this.#aborts.set(id, abort)
    this.#inFlight++
    this.#breaker.started(startedAt)
    startSend(() => exporter.send(batch, abort.signal)).then(settle, cause => settle({ kind: 'retry', cause }))
  }

  /** What every attempt teaches: breaker, concurrency, rate, last error. */
  #note(outcome: Outcome, items: number, size: number, startedAt: number): void {
    const now = this.#o.clock.now()
    if (outcome.kind === 'delivered') {
      this.#breaker.succeeded()
      this.#concurrency.succeeded(startedAt, now)
      this.#rate.add(items, size, now)
      return
    }
    if (!this.#running) return
    this.#lastError = { at: now, text: words(outcome.cause) }
    if (outcome.kind === 'refused') {
      if (outcome.whole) this.#breaker.failed(now)
      else this.#breaker.succeeded()
      return
    }
    this.#retries++
    this.#concurrency.failed(startedAt, now)
    // A probe that is told to come later has failed too: half open, its end is all that lets the next one go.
    if (outcome.afterMs === undefined || this.#breaker.state === 'half_open') this.#breaker.failed(now)
    if (outcome.afterMs !== undefined)
      this.#pausedUntil = Math.max(this.#pausedUntil, now + waitMs(this.#o.config.retry, 1, 0, outcome.afterMs))
  }

  #answered(shipment: Shipment, batch: Batch, outcome: Outcome): void {
    if (outcome.kind === 'delivered') {
      this.#logRemark(shipment.stream, outcome.rejected ?? 0, outcome.message)
      this.#delivered(shipment, outcome.rejected ?? 0)
      return
    }
    if (outcome.kind === 'retry') {
      this.#later(shipment, batch, outcome)
      return
    }
    const text = words(outcome.cause)
    const reason = outcome.tooLarge ? 'too_large' : 'refused'
    if (outcome.tooLarge) this.#shrink(shipment.size)
    const halves = outcome.whole ? undefined : halve(shipment.signal, batch.bytes, text, reason)
    if (halves) {
      this.#divide(shipment, halves)
      return
    }
    this.#setAside(shipment, [{ bytes: batch.bytes, items: shipment.items, words: text, reason }])
  }

  #shrink(refused: number): void {
    this.#reader.targetBytes = Math.min(
      this.#reader.targetBytes,
      Math.max(SMALLEST_TARGET, Math.floor(refused * SHRINK))
    )
  }

  /** Opening, and closing again after a probe; the probes that fail in between say nothing new. */
  #logBreaker(before: BreakerState): void {
    const fields = { exporter: this.id, error: this.#lastError?.text }
    if (this.#breaker.state === 'open' && before === 'closed') {
      this.#o.logger.warn(fields, 'the back end fails; waiting and probing, everything stays in the queue')
    } else if (this.#breaker.state === 'closed') {
      this.#o.logger.info({ exporter: this.id }, 'the back end works again')
    }
  }

  /** The first failures are told too, at most one a minute: the breaker may open minutes later where attempts are slow. */
  #logFailure(): void {
    const now = this.#o.clock.now()
    if (!this.#running || this.#breaker.state !== 'closed' || now - this.#toldOfFailureAt < REMARK_EVERY_MS) return
    this.#toldOfFailureAt = now
    this.#o.logger.warn({ exporter: this.id, error: this.#lastError?.text }, 'an attempt failed; trying again')
  }

  /** What a back end says about what it took, at most once a minute. */
  #logRemark(stream: string, rejected: number, message: string | undefined): void {
    if (rejected === 0 && !message) return
    const now = this.#o.clock.now()
    if (now - this.#remarkedAt < REMARK_EVERY_MS) return
    this.#remarkedAt = now
    const fields = { exporter: this.id, stream, rejected, message: sanitise(message ?? '') }
    this.#o.logger.warn(fields, 'the back end took a request with a remark')
  }

  #delivered(shipment: Shipment, rejected: number): void {
    const dropped = Math.min(rejected, shipment.items)
    this.#settle(shipment, [
      [this.#key(deliveredKey, shipment.stream), shipment.items - dropped],
      [droppedKey(this.id, shipment.stream, 'rejected'), dropped]
    ])
  }

  // --- not now -----------------------------------------------------------------------------------------------------

  #later(shipment: Shipment, batch: Batch, outcome: Outcome & { kind: 'retry' }): void {
    if (!this.#running) {
      this.#release(shipment)
      return
    }
    const { retry } = this.#o.config
    const now = this.#o.clock.now()
    const wait = waitMs(retry, shipment.attempts, this.#random(), outcome.afterMs)
    const tooLate = retry.maxElapsedMs > 0 && now - shipment.firstTryAt + wait > retry.maxElapsedMs
    if (!retry.enabled || tooLate) {
      this.#expired(shipment, batch, words(outcome.cause))
      return
    }
    this.#reschedule(shipment, now + wait)
  }

  #reschedule(shipment: Shipment, dueAt: number): void {
    shipment.dueAt = dueAt
    this.#busy--
    this.#retrying.push(shipment)
    this.#wakeIdle()
    this.#pump()
  }

  #expired(shipment: Shipment, { bytes }: Batch, text: string): void {
    if (this.#o.config.retry.onExpired === 'drop') {
      this.#settle(shipment, [[droppedKey(this.id, shipment.stream, 'retry_expired'), shipment.items]])
      return
    }
    this.#setAside(shipment, [{ bytes, items: shipment.items, words: text, reason: 'retry_expired' }])
  }

  // --- in pieces, aside --------------------------------------------------------------------------------------------

  #divide(shipment: Shipment, pieces: readonly Piece[]): void {
    const send = (batch: Batch) => new Promise<Outcome>(resolve => this.#attempt(batch, batch.bytes.length, resolve))
    const maySend = () => {
      const now = this.#o.clock.now()
      return this.#running && now >= this.#pausedUntil && this.#breaker.allows(now)
    }
    shipment.attempts = Math.max(1, shipment.attempts)
    divide(pieces, { signal: shipment.signal, maxBytes: this.#limits.maxBytes, send, maySend, words })
      .then(division => this.#divided(shipment, division))
      .catch(error => this.#divided(shipment, undecided(pieces, error)))
  }

  #divided(shipment: Shipment, division: Division): void {
    const untouched = division.delivered === 0 && division.rejected === 0 && division.dead.length === 0
    if (untouched && this.#running) {
      this.#reschedule(shipment, this.#backoffAt(shipment.attempts++))
      return
    }
    if (untouched) {
      this.#release(shipment)
      return
    }
    this.#setAside(shipment, division.dead, division)
  }

  #backoffAt(attempts: number): number {
    return this.#o.clock.now() + backoffMs(this.#o.config.retry, Math.max(1, attempts), this.#random())
  }

  /** Parks durably, then acks (D2). When parking fails the shipment is tried again as a whole. */
  #setAside(shipment: Shipment, dead: readonly Piece[], division?: Division): void {
    const later = division?.later ?? []
    this.#park(shipment, dead, later).then(
      parked => {
        const counts: [string, number][] = [
          [this.#key(deliveredKey, shipment.stream), division?.delivered ?? 0],
          [droppedKey(this.id, shipment.stream, 'rejected'), division?.rejected ?? 0]
        ]
        for (const { piece, reason } of parked) counts.push([parkedKey(this.id, shipment.stream, reason), piece.items])
        const state = parked.map(({ id }) => [markerKey(this.id, id), MARKER] as const)
        const whenDurable = (): void => {
          if (later.length > 0) this.parkingChanged()
          if (dead.length > 0) this.#trimDead()
        }
        // Another process has the origin and delivers it: what was set aside of it here is nobody's.
        const whenMoved = (): void => void this.#o.parking.remove(parked.map(({ id }) => id)).catch(() => undefined)
        this.#settle(shipment, counts, state, whenDurable, whenMoved)
        this.#logSetAside(shipment, dead)
      },
      error => {
        this.#o.logger.error({ exporter: this.id, code: codeOf(error) }, 'cannot set items aside; trying again later')
        if (this.#running) this.#reschedule(shipment, this.#backoffAt(shipment.attempts))
        else this.#release(shipment)
      }
    )
  }

  async #park(shipment: Shipment, dead: readonly Piece[], later: readonly Piece[]) {
    const { parking } = this.#o
    const dueAt = this.#backoffAt(shipment.attempts)
    const parked: { id: string; piece: Piece; reason: ParkReason }[] = []
    try {
      for (const piece of [...dead, ...later]) {
        const isDead = dead.includes(piece)
        const id = await parking.park({
          exporter: this.id,
          stream: shipment.stream,
          items: piece.items,
          bytes: piece.bytes,
          part: shipment.part,
          attempts: shipment.attempts,
          acceptedAt: shipment.acceptedAt,
          dueAt: isDead ? 0 : dueAt,
          reason: isDead ? `${piece.reason}: ${piece.words}` : 'divided: to be tried again',
          dead: isDead
        })
        parked.push({ id, piece, reason: isDead ? piece.reason : 'divided' })
      }
      return parked
    } catch (error) {
      await parking.remove(parked.map(({ id }) => id)).catch(() => undefined) // without marker they go at the next start
      throw error
    }
  }

  /** Dead letters have a limit of their own, so that they never keep what is to be tried again from being parked. */
  #trimDead(): void {
    const { config, parking, log, logger } = this.#o
    if (config.deadLetterBytes === undefined) return
    this.#trimming = this.#trimming
      .then(() => trim({ log, parking }, this.id, config.deadLetterBytes!))
      .then(
        items => {
          if (items > 0)
            logger.warn({ exporter: this.id, items }, 'the oldest dead letters were dropped: dead_letters.max_size')
        },
        error => logger.error({ exporter: this.id, code: codeOf(error) }, 'dead letters could not be dropped')
      )
  }

  #logSetAside(shipment: Shipment, dead: readonly Piece[]): void {
    if (dead.length === 0) return
    const items = dead.reduce((sum, piece) => sum + piece.items, 0)
    const fields = { exporter: this.id, stream: shipment.stream, letters: dead.length, items, ...causeOf(dead[0]!) }
    this.#o.logger.warn(fields, 'items set aside as dead letters; `queue list` shows them')
  }

  // --- the end of a shipment ---------------------------------------------------------------------------------------

  #settle(
    shipment: Shipment,
    counts: [string, number][],
    state: (readonly [string, Buffer | null])[] = [],
    whenDurable?: () => void,
    whenMoved = whenDurable
  ): void {
    const { parkedId, part, positions, stream, items, size: bytes } = shipment
    this.#busy--
    if (parkedId === undefined) {
      const moved = whenMoved === undefined ? {} : { whenMoved }
      this.#acked(
        { bytes, items, entries: positions.length },
        { positions, counts, state, part, ...moved },
        whenDurable
      )
    } else {
      counts.push([unparkedKey(this.id, stream), items])
      state = [...state, [markerKey(this.id, parkedId), null]]
      const unpark = () => {
        this.#unpark(parkedId)
        whenDurable?.()
      }
      const moved = () => {
        this.#parkedBusy.delete(parkedId)
        whenMoved?.()
      }
      this.#settler.add({ counts, state, part, whenDurable: unpark, whenMoved: moved })
    }
    this.#wakeIdle()
    this.#pump()
  }

  /** Until the ack is durable the log counts the amount as waiting; the overflow policy must not. */
  #acked(amount: Measure, settlement: Settlement, whenDurable?: () => void): void {
    add(this.#settling, amount, 1)
    const ended = (then?: () => void) => () => {
      add(this.#settling, amount, -1)
      then?.()
    }
    const { whenMoved = whenDurable } = settlement
    this.#settler.add({ ...settlement, whenDurable: ended(whenDurable), whenMoved: ended(whenMoved) })
  }

  #unpark(id: string): void {
    this.#o.parking
      .remove([id])
      .catch(error => this.#o.logger.error({ exporter: this.id, code: codeOf(error) }, 'cannot remove from parking'))
      .finally(() => this.#parkedBusy.delete(id))
  }

  /** Stopping: it stays where it is and goes again after the next start. */
  #release(shipment: Shipment): void {
    if (shipment.parkedId !== undefined) this.#parkedBusy.delete(shipment.parkedId)
    this.#busy--
    this.#wakeIdle()
  }

  #drop(entries: readonly Droppable[], reason: DropReason, whenDurable?: () => void): void {
    const counts = new Map<string, number>()
    const amount: Measure = { bytes: 0, items: 0, entries: 0 }
    for (const entry of entries) {
      const key = droppedKey(this.id, entry.stream, reason)
      counts.set(key, (counts.get(key) ?? 0) + entry.items)
      add(amount, entry, 1)
    }
    const positions = entries.flatMap(entry => entry.positions)
    this.#acked(amount, { positions, counts: [...counts] }, whenDurable)
  }

  #key(make: (exporter: string, stream: string) => string, stream: string): string {
    let key = this.#keys.get(stream)
    if (key === undefined) this.#keys.set(stream, (key = make(this.id, stream)))
    return key
  }

  #wakeIdle(): void {
    if (this.#busy > 0 || this.#idle.length === 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #stop(limitMs: number): Promise<void> {
    const wasRunning = this.#running
    this.#running = false
    this.#unsubscribe()
    this.#timer?.cancel()
    if (wasRunning) {
      const timer = this.#o.clock.after(limitMs, () => this.#abortAll())
      if (this.#busy > 0) await new Promise<void>(resolve => this.#idle.push(resolve))
      timer.cancel()
      await this.#settler.settled(true)
    }
    await this.#o.exporter.stop?.()
  }

  #abortAll(): void {
    for (const abort of this.#aborts.values()) abort.abort(deliveryErrors.DELIVERY_STOPPED())
  }

  /** Removes payloads whose origin was not acked before a crash: the log delivers them again (ledger.ts). */
  async #repairParking(): Promise<void> {
    const { parking, log } = this.#o
    const orphans: string[] = []
    const look = (id: string) => {
      if (log.state(markerKey(this.id, id)) === undefined) orphans.push(id)
    }
    for (const { id } of parking.due(this.id, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) look(id)
    let after: string | undefined
    for (let page = parking.dead(this.id, after, PARKED_PAGE); page.length > 0; ) {
      for (const { id } of page) look((after = id))
      page = parking.dead(this.id, after, PARKED_PAGE)
    }
    if (orphans.length > 0) await parking.remove(orphans)
  }

  #readerOptions(): ReaderOptions {
    const { config, exporter } = this.#o
    const { minItems, maxItems, flushTimeoutMs, minBytes = 0, maxBytes = 0 } = config.sendingQueue.batch
    const { limits } = exporter
    const hasMinimum = minItems > 0 || minBytes > 0
    const merged = maxBytes > 0 ? maxBytes : hasMinimum ? limits.maxBytes : this.#tuning.mergeBytes
    return {
      maxItems: maxItems > 0 ? Math.min(maxItems, limits.maxItems) : limits.maxItems,
      targetBytes: Math.min(limits.maxBytes, merged),
      minItems,
      minBytes,
      flushTimeoutMs,
      lingerMs: this.#tuning.lingerMs,
      maxAgeMs: config.sendingQueue.maxAgeMs ?? 0,
      onExpired: ({ position, stream, items, bytes }) =>
        this.#drop([{ positions: [position], stream, items, bytes: bytes.length, entries: 1 }], 'expired')
    }
  }
}

function add(to: Measure, { bytes, items, entries }: Measure, sign: 1 | -1): void {
  to.bytes += sign * bytes
  to.items += sign * items
  to.entries += sign * entries
}

function causeOf({ reason, words: error }: Piece): object {
  return { reason, error }
}

function words(cause: unknown): string {
  return sanitise(cause instanceof Error ? cause.message : String(cause))
}

/** A bug in an exporter that throws instead of rejecting costs a retry, not the process. */
function startSend(send: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return send()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** The request's own bytes cannot be halved (not OTLP): set aside whole. */
function undecided(pieces: readonly Piece[], error: unknown): Division {
  const dead = pieces.map(piece => ({ ...piece, words: words(error) }))
  return { delivered: 0, rejected: 0, dead, later: [] }
}

function cursorStatus(cursors: readonly CursorStatus[], cursor: string): CursorStatus {
  const found = cursors.find(status => status.cursor === cursor)
  return found ?? { cursor, waitingEntries: 0, waitingItems: 0, waitingBytes: 0, oldestAt: 0 }
}

function parkingStatus(all: readonly ParkingStatus[], exporter: string): ParkingStatus {
  const found = all.find(status => status.exporter === exporter)
  return found ?? { exporter, retrying: 0, retryingItems: 0, dead: 0, deadItems: 0, deadBytes: 0, bytes: 0 }
}
