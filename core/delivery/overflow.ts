// What happens when more waits for an exporter than its `sending_queue` may hold: `block` makes `isFull` true (senders
// are refused), `drop_oldest` and `drop_newest` drop whole entries, counted, until it fits again. What is in flight or
// waiting for its next try is never dropped.

import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../component/context.js'
import type { SendingQueueConfig } from '../config/types.js'
import type { Log, StoredEntry } from '../queue/log.js'
import type { Reader } from './reader.js'

/** The log's status is asked at most this often, milliseconds. */
const STATUS_AGE_MS = 10
/** Read at once while looking for entries to drop. */
const STRIDE = { maxItems: 1 << 20, maxBytes: 8 * 1024 * 1024 }

/** Entries to drop, without their payload. */
export interface Droppable extends Measure {
  readonly positions: readonly number[]
  readonly stream: string
}

/** An amount in the three units a queue can be bounded by. */
export interface Measure {
  bytes: number
  items: number
  entries: number
}

export interface OverflowOptions {
  readonly log: Log
  readonly cursor: string
  readonly clock: Clock
  readonly config: SendingQueueConfig
  readonly reader: Reader
  /** What is acked but not yet durably so: the log still counts it as waiting. */
  readonly settling: Readonly<Measure>
  readonly drop: (entries: readonly Droppable[], whenDurable: () => void) => void
}

export class Overflow {
  readonly #o: OverflowOptions
  #dropping = false
  #statusAt = Number.NEGATIVE_INFINITY
  #waiting: Measure = { bytes: 0, items: 0, entries: 0 }
  /** Entries up to here fitted once; the newest are behind it. */
  #keptTo = -1

  constructor(options: OverflowOptions) {
    this.#o = options
  }

  isFull(): boolean {
    if (this.#o.config.overflow !== 'block') return false
    const { bytes, items, entries } = this.#excess()
    return bytes >= 0 || items >= 0 || entries >= 0
  }

  /** Bytes that must go before a refused sender is welcome again: a tenth of what may wait. */
  bytesToDrain(): number {
    const { bytes } = this.#excess()
    const limit = Number.isFinite(this.#o.config.maxBytes) ? this.#o.config.maxBytes : this.#waiting.bytes
    return 0.1 * limit + Math.max(0, bytes)
  }

  /** After an append: starts dropping where the policy says so. */
  check(): void {
    if (this.#o.config.overflow === 'block' || this.#dropping) return
    this.#statusAt = Number.NEGATIVE_INFINITY
    const excess = this.#excess()
    if (fits(excess)) return
    this.#dropping = true
    const found = this.#o.config.overflow === 'drop_oldest' ? this.#oldest(excess) : this.#newest(excess)
    found.then(
      entries => this.#drop(entries),
      () => this.#done() // the log could not be read; the next append asks again
    )
  }

  #drop(entries: readonly Droppable[]): void {
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

  /** What waits above the limits; negative: room. */
  #excess(): Measure {
    const now = this.#o.clock.now()
    if (now - this.#statusAt >= STATUS_AGE_MS || now < this.#statusAt) this.#refresh(now)
    const { maxBytes, maxItems, maxRequests } = this.#o.config
    const { bytes, items, entries } = this.#waiting
    return {
      bytes: bytes - maxBytes,
      items: items - (maxItems ?? Number.POSITIVE_INFINITY),
      entries: entries - (maxRequests ?? Number.POSITIVE_INFINITY)
    }
  }

  #refresh(now: number): void {
    const cursor = this.#o.log.status().cursors.find(status => status.cursor === this.#o.cursor)
    const { settling } = this.#o
    this.#waiting = {
      bytes: (cursor?.waitingBytes ?? 0) - settling.bytes,
      items: (cursor?.waitingItems ?? 0) - settling.items,
      entries: (cursor?.waitingEntries ?? 0) - settling.entries
    }
    this.#statusAt = now
  }

  /** First what was read and not sent, then what is unread, in order. */
  async #oldest(excess: Measure): Promise<Droppable[]> {
    const found: Droppable[] = []
    const take = (entry: Droppable) => {
      found.push(entry)
      subtract(excess, entry)
    }
    while (!fits(excess)) {
      const group = this.#o.reader.takeUnsent()
      if (group === undefined) break
      const { positions, stream, items, bytes } = group
      take({ positions, stream, items, bytes, entries: positions.length })
    }
    while (!fits(excess)) {
      const entries = this.#o.log.read(this.#o.cursor, this.#o.reader.after, STRIDE)
      if (entries.length === 0) break
      for (const entry of entries) {
        if (fits(excess)) break
        take(droppable(entry))
        this.#o.reader.skipTo(entry.position)
      }
    }
    return found
  }

  /** Walks to the end, then takes from there. Yields between strides, so that a long walk blocks nobody. */
  async #newest(excess: Measure): Promise<Droppable[]> {
    const tail: Droppable[] = []
    let at = Math.max(this.#keptTo, this.#o.reader.after)
    for (;;) {
      const entries = this.#o.log.read(this.#o.cursor, at, STRIDE)
      if (entries.length === 0) break
      for (const entry of entries) tail.push(droppable(entry))
      at = entries.at(-1)!.position
      await setImmediate()
    }
    const found: Droppable[] = []
    for (let last = tail.pop(); last !== undefined; last = tail.pop()) {
      const position = last.positions[0]!
      if (fits(excess) || position <= this.#o.reader.after) {
        this.#keptTo = Math.max(this.#keptTo, position)
        break
      }
      found.push(last)
      subtract(excess, last)
    }
    return found
  }
}

function fits({ bytes, items, entries }: Measure): boolean {
  return bytes <= 0 && items <= 0 && entries <= 0
}

function subtract(from: Measure, { bytes, items, entries }: Measure): void {
  from.bytes -= bytes
  from.items -= items
  from.entries -= entries
}

function droppable({ position, stream, items, bytes }: StoredEntry): Droppable {
  return { positions: [position], stream, items, bytes: bytes.length, entries: 1 }
}
