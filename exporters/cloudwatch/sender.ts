// Sends a batch as one or more PutMetricData requests, one batch at a time, and remembers how far a batch came.
//
// Invariants: differences count from what CloudWatch has, so they move with a delivered request and only then; points of
// one batch keep their order; a batch that is sent again goes on behind the points that were delivered.

import { createHash } from 'node:crypto'
import type { MetricDatum, PutMetricDataCommandInput } from '@aws-sdk/client-cloudwatch'
import type { Batch } from '../../core/component/batch.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import type { CloudWatchConfig } from './config.js'
import { type Group, groupsOf, type NotSent } from './datums.js'
import type { Differences } from './differences.js'
import { type Failure, failureOf } from './failures.js'
import { datumSize } from './size.js'

/** Datums in one PutMetricData request. */
export const MAX_DATUMS = 1000
/** PutMetricData takes 1 MB; this leaves room for the head of the request. */
export const MAX_BYTES = 1_000_000 - 4096
/** Batches whose progress is remembered at once. */
const MAX_PROGRESS = 1024

export interface SenderOptions {
  /** One PutMetricData request; rejects with the SDK's error. */
  readonly put: (input: PutMetricDataCommandInput, abort: AbortSignal) => Promise<unknown>
  readonly config: CloudWatchConfig
  readonly differences: Differences
  readonly now: () => number
  readonly notSent: (reason: NotSent) => void
  readonly dimensionsLeft: (n: number) => void
  /** After a request has arrived. */
  readonly committed: () => void
}

/** As many of the batch's points as fit into one request. */
interface Request {
  readonly datums: MetricDatum[]
  readonly groups: Group[]
  bytes: number
  /** Data points that are in it. */
  points: number
  /** Index of the first point behind it. */
  end: number
}

export class Sender {
  readonly #options: SenderOptions
  readonly #progress = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Waits for its turn: two batches at once would take differences from the same base. */
  send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const mine = this.#turn.then(() => this.#sendAll(batch, abort))
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  async #sendAll(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const id = createHash('sha256').update(batch.bytes).digest('base64')
    let done = this.#progress.get(id) ?? 0
    let rejected = 0
    let message = ''
    this.#progress.delete(id)
    this.#options.differences.rollback()
    for (const request of this.#requests(batch, done)) {
      const failure = await this.#put(request, abort)
      if (failure?.retry === true) return this.#later(id, done, failure)
      // A batch of one request is given back whole, to be split down to what is wrong with it.
      if (failure !== undefined && done === 0 && request.end === batch.items) return refused(failure)
      if (failure !== undefined) {
        rejected += request.points
        message = failure.cause.message
      }
      this.#settle(request)
      done = request.end
    }
    return rejected === 0 ? DELIVERED : { kind: 'delivered', rejected, message }
  }

  *#requests(batch: Batch, skip: number): Generator<Request> {
    const { config, differences, now } = this.#options
    let request = emptyRequest(skip)
    let index = 0
    for (const group of groupsOf(batch.bytes, config, differences, now(), skip)) {
      index++
      if (group === undefined) continue
      const bytes = group.datums.reduce((sum, datum) => sum + datumSize(datum), 0)
      const isFull = request.datums.length + group.datums.length > MAX_DATUMS || request.bytes + bytes > MAX_BYTES
      if (isFull && request.datums.length > 0) {
        yield request
        request = emptyRequest(index - 1)
      }
      request.groups.push(group)
      request.datums.push(...group.datums)
      request.bytes += bytes
      request.points += group.datums.length > 0 ? 1 : 0
      request.end = index
    }
    yield request
  }

  /** Counts and steps only now: a request that failed is made again from the same points. */
  #settle({ groups }: Request): void {
    const { differences, notSent, dimensionsLeft, committed } = this.#options
    for (const group of groups) {
      if (group.notSent !== undefined) notSent(group.notSent)
      if (group.dimensionsLeft > 0) dimensionsLeft(group.dimensionsLeft)
    }
    differences.commit(groups.flatMap(({ advance }) => advance ?? []))
    committed()
  }

  async #put(request: Request, abort: AbortSignal): Promise<Failure | undefined> {
    if (request.datums.length === 0) return undefined
    const { put, config } = this.#options
    try {
      await put({ Namespace: config.namespace, MetricData: request.datums }, abort)
      return undefined
    } catch (error) {
      return failureOf(error)
    }
  }

  #later(id: string, done: number, { cause, afterMs }: Failure): Outcome {
    if (done > 0) this.#progress.set(id, done)
    for (const oldest of this.#progress.keys()) {
      if (this.#progress.size <= MAX_PROGRESS) break
      this.#progress.delete(oldest)
    }
    return { kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), cause }
  }
}

function emptyRequest(end: number): Request {
  return { datums: [], groups: [], bytes: 0, points: 0, end }
}

function refused({ cause, tooLarge }: Failure): Outcome {
  return { kind: 'refused', ...(tooLarge === true ? { tooLarge } : {}), cause }
}
