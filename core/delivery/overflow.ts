// What happens when more waits for an exporter than its `sending_queue` may hold: `block` makes `isFull` true (senders
// are refused), `drop_oldest` and `drop_newest` drop whole entries, counted, until it fits again. What is in flight or
// waiting for its next try is never dropped.

import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../component/context.js'
import type { SendingQueueConfig } from '../config/types.js'
import type { Log } from '../queue/log.js'
import type { StoredEntryLike } from './delivery.js'
import type { Reader } from './reader.js'

/** The log's status is asked at most this often, milliseconds. */
const STATUS_AGE_MS = 10
/** Read at once while looking for entries to drop. */
const STRIDE = { maxItems: 1 << 20, maxBytes: 8 * 1024 * 1024 }

export interface OverflowOptions {
  readonly log: Log
  readonly cursor: string
  readonly clock: Clock
  readonly config: SendingQueueConfig
  readonly reader: Reader
  /** Bytes that are acked but not yet durably so: the log still counts them as waiting. */
  readonly settlingBytes: () => number
  readonly drop: (entries: readonly StoredEntryLike[], then: () => void) => void
}

export class Overflow {
  readonly #o: OverflowOptions
  #dropping = false
  #statusAt = Number.NEGATIVE_INFINITY
  #waitingBytes = 0
  /** Entries up to here fitted once; the newest are behind it. */
  #keptTo = -1

  constructor(options: OverflowOptions) {
    this.#o = options
  }

  isFull(): boolean {
    return this.#o.config.overflow === 'block' && this.excessBytes(1) >= 0
  }

  /** Waiting bytes above `share` of the limit; negative when below. */
  excessBytes(share: number): number {
    const now = this.#o.clock.now()
    if (now - this.#statusAt >= STATUS_AGE_MS || now < this.#statusAt) this.#refresh(now)
    return this.#waitingBytes - share * this.#o.config.maxBytes
  }

  /** After an append: starts dropping where the policy says so. */
  check(): void {
    if (this.#o.config.overflow === 'block' || this.#dropping) return
    this.#refresh(this.#o.clock.now())
    const excess = this.excessBytes(1)
    if (excess <= 0) return
    this.#dropping = true
    const found = this.#o.config.overflow === 'drop_oldest' ? this.#oldest(excess) : this.#newest(excess)
    found.then(
      entries => this.#drop(entries),
      () => this.#done() // the log could not be read; the next append asks again
    )
  }

  #drop(entries: readonly StoredEntryLike[]): void {
    if (entries.length === 0) {
      this.#done()
      return
    }
    for (const entry of entries) this.#o.reader.skip(entry.positions)
    this.#o.drop(entries, () => {
      for (const entry of entries) this.#o.reader.unskip(entry.positions)
      this.#done()
      this.check()
    })
  }

  #done(): void {
    this.#dropping = false
  }

  #refresh(now: number): void {
    const cursor = this.#o.log.status().cursors.find(status => status.cursor === this.#o.cursor)
    this.#waitingBytes = (cursor?.waitingBytes ?? 0) - this.#o.settlingBytes()
    this.#statusAt = now
  }

  /** First what was read and not sent, then what is unread, in order. */
  async #oldest(excess: number): Promise<StoredEntryLike[]> {
    const found: StoredEntryLike[] = []
    for (let group = this.#o.reader.takeUnsent(); group !== undefined; group = this.#o.reader.takeUnsent()) {
      found.push({ positions: group.positions, stream: group.stream, items: group.items, bytes: group.bytes })
      excess -= group.bytes
      if (excess <= 0) return found
    }
    while (excess > 0) {
      const from = this.#o.reader.after
      const entries = this.#o.log.read(this.#o.cursor, from, { ...STRIDE, maxBytes: Math.min(STRIDE.maxBytes, excess) })
      if (entries.length === 0) return found
      for (const { position, stream, items, bytes } of entries) {
        if (excess <= 0) break
        found.push({ positions: [position], stream, items, bytes: bytes.length })
        this.#o.reader.skipTo(position)
        excess -= bytes.length
      }
    }
    return found
  }

  /** Walks to the end, then takes from there. Yields between strides, so that a long walk blocks nobody. */
  async #newest(excess: number): Promise<StoredEntryLike[]> {
    const tail: StoredEntryLike[] = []
    let at = Math.max(this.#keptTo, this.#o.reader.after)
    for (;;) {
      const entries = this.#o.log.read(this.#o.cursor, at, STRIDE)
      if (entries.length === 0) break
      for (const { position, stream, items, bytes } of entries) {
        tail.push({ positions: [(at = position)], stream, items, bytes: bytes.length })
      }
      await setImmediate()
    }
    const found: StoredEntryLike[] = []
    for (let last = tail.pop(); last !== undefined; last = tail.pop()) {
      if (excess <= 0 || last.positions[0]! <= this.#o.reader.after) {
        this.#keptTo = Math.max(this.#keptTo, last.positions[0]!)
        break
      }
      found.push(last)
      excess -= last.bytes
    }
    return found
  }
}
