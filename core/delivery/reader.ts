// Reads the exporter's cursor and groups what it finds: entries of one stream, in order, up to the size of a request.
//
// Grouped by stream and not by signal, because totals are kept by stream and a back end's "3 rejected" of a request of
// two streams could be booked to neither.

import type { Signal } from '../otlp/signal.js'
import type { Log, StoredEntry } from '../queue/log.js'
import { SlotMap } from '../queue/slot-map.js'

/** Entries of one stream that travel in one request. */
export interface Group {
  readonly stream: string
  readonly part: number | undefined
  readonly signal: Signal
  readonly positions: number[]
  readonly buffers: Buffer[]
  items: number
  bytes: number
  /** Oldest entry's time of append. */
  readonly oldestAt: number
  /** When the first entry was read. */
  readonly formedAt: number
}

export interface ReaderOptions {
  /** No more than this many items in a group, unless one entry alone has more. */
  readonly maxItems: number
  /** A group is closed when one more entry would pass this. */
  readonly targetBytes: number
  /** A group waits for this many items, or bytes, at most `flushTimeoutMs`; 0 and 0 = no waiting. */
  readonly minItems: number
  readonly minBytes: number
  readonly flushTimeoutMs: number
  /** Without a minimum: how long a group that is not full waits while other requests are in flight. */
  readonly lingerMs: number
  /** Entries older than this are handed to `onExpired` instead; 0 = never. */
  readonly maxAgeMs: number
  readonly onExpired: (entry: StoredEntry) => void
}

export class Reader {
  readonly #log: Log
  readonly #cursor: string
  readonly #options: ReaderOptions
  /** By stream and part. */
  readonly #forming = new SlotMap<string, Group>()
  readonly #ready: Group[] = []
  readonly #skipped = new Set<number>()
  #after = -1
  #more = true
  /** Shrinks when the back end says that requests are too large. */
  targetBytes: number

  constructor(log: Log, cursor: string, options: ReaderOptions) {
    this.#log = log
    this.#cursor = cursor
    this.#options = options
    this.targetBytes = options.targetBytes
  }

  /** Last position read. */
  get after(): number {
    return this.#after
  }

  /** Tells that something was appended. */
  wake(): void {
    this.#more = true
  }

  /**
   * The next group to send: a full one, else the oldest one that may go as it is.
   * @param isIdle true when no request is in flight: then nothing is gained by waiting for more.
   */
  next(now: number, isIdle: boolean): Group | undefined {
    while (this.#ready.length === 0 && this.#more) this.#read(now)
    return this.#ready.shift() ?? this.#oldest(now, isIdle)
  }

  /** When a group that is not full may go (milliseconds since the epoch); Infinity when there is none. */
  dueAt(isIdle: boolean): number {
    let due = Number.POSITIVE_INFINITY
    for (const group of this.#forming.values()) due = Math.min(due, this.#dueAt(group, isIdle))
    return due
  }

  /** Gives up the oldest group that was read and not sent: the overflow policy drops it. */
  takeUnsent(): Group | undefined {
    const ready = this.#ready.shift()
    if (ready) return ready
    const [oldest] = this.#forming.keys()
    return oldest === undefined ? undefined : this.#forming.delete(oldest)
  }

  /** Positions that are being dropped: not to be read, although their ack is not durable yet. */
  skip(positions: readonly number[]): void {
    for (const position of positions) this.#skipped.add(position)
  }

  unskip(positions: readonly number[]): void {
    for (const position of positions) this.#skipped.delete(position)
  }

  /** Continues behind `position`: entries up to there were dropped. */
  skipTo(position: number): void {
    this.#after = Math.max(this.#after, position)
  }

  #read(now: number): void {
    const limit = { maxItems: this.#options.maxItems, maxBytes: this.targetBytes }
    const entries = this.#log.read(this.#cursor, this.#after, limit)
    this.#more = entries.length > 0
    for (const entry of entries) {
      this.#after = entry.position
      if (this.#skipped.has(entry.position)) continue
      if (this.#options.maxAgeMs > 0 && now - entry.appendedAt > this.#options.maxAgeMs) this.#options.onExpired(entry)
      else this.#add(entry, now)
    }
  }

  #add(entry: StoredEntry, now: number): void {
    const lane = laneOf(entry)
    const open = this.#forming.get(lane)
    const { maxItems } = this.#options
    if (open && open.items + entry.items <= maxItems && open.bytes + entry.bytes.length <= this.targetBytes) {
      open.positions.push(entry.position)
      open.buffers.push(entry.bytes)
      open.items += entry.items
      open.bytes += entry.bytes.length
      return
    }
    if (open) this.#ready.push(open)
    this.#forming.set(lane, start(entry, now))
  }

  #oldest(now: number, isIdle: boolean): Group | undefined {
    let oldest: Group | undefined
    for (const group of this.#forming.values()) {
      if (this.#dueAt(group, isIdle) > now) continue
      if (oldest === undefined || group.formedAt < oldest.formedAt) oldest = group
    }
    if (oldest) this.#forming.delete(laneOf(oldest))
    return oldest
  }

  #dueAt(group: Group, isIdle: boolean): number {
    const { minItems, minBytes, flushTimeoutMs, lingerMs, maxItems } = this.#options
    if (group.items >= maxItems || group.bytes >= this.targetBytes) return 0
    if (minItems === 0 && minBytes === 0) return isIdle ? 0 : group.formedAt + lingerMs
    const hasEnough = (minItems > 0 && group.items >= minItems) || (minBytes > 0 && group.bytes >= minBytes)
    return hasEnough ? 0 : group.formedAt + flushTimeoutMs
  }
}

function laneOf({ stream, part }: { readonly stream: string; readonly part?: number | undefined }): string {
  return part === undefined ? stream : `${stream}\n${part}`
}

function start(entry: StoredEntry, now: number): Group {
  return {
    stream: entry.stream,
    part: entry.part,
    signal: entry.stream.split('/', 1)[0] as Signal,
    positions: [entry.position],
    buffers: [entry.bytes],
    items: entry.items,
    bytes: entry.bytes.length,
    oldestAt: entry.appendedAt,
    formedAt: now
  }
}
