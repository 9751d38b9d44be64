// What parking searches for - due times, dead letters, totals - in memory, about 300 bytes a payload.
import type { Parked, ParkingStatus } from './parking.js'

export type ParkedMeta = Omit<Parked, 'bytes' | 'id' | 'size' | 'part'>

export interface IndexItem {
  /** Grows with each payload parked. */
  readonly position: number
  readonly meta: ParkedMeta
  /** Bytes of the payload. */
  readonly size: number
}

interface Shelf<I> {
  /** By due time, then position. */
  readonly retrying: I[]
  /** By position. */
  readonly dead: I[]
}

const byDue = (a: IndexItem, b: IndexItem): number => a.meta.dueAt - b.meta.dueAt || a.position - b.position
const byPosition = (a: IndexItem, b: IndexItem): number => a.position - b.position

export class ParkingIndex<I extends IndexItem = IndexItem> {
  readonly #items = new Map<number, I>()
  readonly #shelves = new Map<string, Shelf<I>>()

  get(position: number): I | undefined {
    return this.#items.get(position)
  }

  all(): IterableIterator<I> {
    return this.#items.values()
  }

  add(item: I): void {
    const { exporter, dead } = item.meta
    let shelf = this.#shelves.get(exporter)
    if (shelf === undefined) this.#shelves.set(exporter, (shelf = { retrying: [], dead: [] }))
    this.#items.set(item.position, item)
    if (dead) insert(shelf.dead, item, byPosition)
    else insert(shelf.retrying, item, byDue)
  }

  forget(item: I): void {
    if (!this.#items.delete(item.position)) return
    const shelf = this.#shelves.get(item.meta.exporter)!
    if (item.meta.dead) take(shelf.dead, item, byPosition)
    else take(shelf.retrying, item, byDue)
    if (shelf.dead.length + shelf.retrying.length === 0) this.#shelves.delete(item.meta.exporter)
  }

  clear(): void {
    this.#items.clear()
    this.#shelves.clear()
  }

  due(exporter: string, now: number, max: number): readonly I[] {
    const all = this.#shelves.get(exporter)?.retrying ?? []
    const ready = upper(all, item => item.meta.dueAt <= now)
    return all.slice(0, Math.min(max, ready))
  }

  dead(exporter: string, after: number, max: number): readonly I[] {
    const all = this.#shelves.get(exporter)?.dead ?? []
    const from = upper(all, item => item.position <= after)
    return all.slice(from, from + Math.min(max, all.length))
  }

  /** Dead letters parked before `before`. */
  old(before: number): readonly I[] {
    return [...this.#shelves.values()].flatMap(({ dead }) => dead.filter(item => item.meta.parkedAt < before))
  }

  status(): readonly ParkingStatus[] {
    return [...this.#shelves].map(([exporter, { retrying, dead }]) => ({
      exporter,
      retrying: retrying.length,
      retryingItems: sum(retrying, item => item.meta.items),
      dead: dead.length,
      deadItems: sum(dead, item => item.meta.items),
      deadBytes: sum(dead, item => item.size),
      bytes: sum(retrying, item => item.size) + sum(dead, item => item.size)
    }))
  }
}

/** A reason cut to what parking keeps. */
export function shorten(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= REASON_BYTES) return reason
  // A character cut in half becomes U+FFFD, three bytes: leave them room.
  return bytes
    .subarray(0, REASON_BYTES - 6)
    .toString()
    .concat('…')
}

const REASON_BYTES = 1024

/** How many items from the begin fulfil `fits`, which holds for a first part and then no more. */
function upper<I>(items: readonly I[], fits: (item: I) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const mid = (low + high) >> 1
    if (fits(items[mid]!)) low = mid + 1
    else high = mid
  }
  return low
}

function insert<I>(items: I[], item: I, order: (a: I, b: I) => number): void {
  items.splice(upper(items, other => order(other, item) < 0), 0, item) // biome-ignore format: short
}

function take<I>(items: I[], item: I, order: (a: I, b: I) => number): void {
  items.splice(upper(items, other => order(other, item) < 0), 1) // biome-ignore format: short
}

function sum<I>(items: readonly I[], of: (item: I) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
