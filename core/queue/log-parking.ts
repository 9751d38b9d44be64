// Parking kept in a log of its own: an append parks, an ack removes, so that it has the log's durability, checksums, disk space
// handling and recovery. What is searched for (due times, dead letters, totals) is an index in memory, about 300 bytes a
// payload, built from the log at start.
//
//   entry = meta length u32 LE | meta JSON | payload      id = its position
import { queueErrors } from './errors.js'
import type { Log } from './log.js'
import type { Parked, Parking, ParkingStatus, ToPark } from './parking.js'

export interface ParkingDamage {
  readonly id: string
  readonly exporter: string
  readonly stream: string
  readonly items: number
  readonly dead: boolean
  readonly why: string
}

type Meta = Omit<Parked, 'bytes' | 'id'>

interface Item {
  readonly position: number
  readonly meta: Meta
  readonly size: number
}

interface Shelf {
  /** By due time, then position. */
  readonly retrying: Item[]
  /** By position. */
  readonly dead: Item[]
}

const CURSOR = 'parking'
const STREAM = 'parked'
const REASON_BYTES = 1024
/** Asked for more than this, payloads are read when looked at: a list of ids must not fill the memory. */
const EAGER = 1024

const byDue = (a: Item, b: Item): number => a.meta.dueAt - b.meta.dueAt || a.position - b.position
const byPosition = (a: Item, b: Item): number => a.position - b.position

export class LogParking implements Parking {
  readonly #log: Log
  readonly #now: () => number
  readonly #items = new Map<number, Item>()
  readonly #shelves = new Map<string, Shelf>()
  readonly #damageListeners = new Set<(what: ParkingDamage) => void>()
  readonly #untold: ParkingDamage[] = []
  #listening = false

  /** The log is this parking's alone; it is started and stopped with it. */
  constructor(log: Log, options: { readonly now?: () => number } = {}) {
    this.#log = log
    this.#now = options.now ?? Date.now
  }

  async start(): Promise<void> {
    await this.#log.start()
    await this.#log.cursors(new Map([[CURSOR, [STREAM]]]))
    this.#clear()
    this.#load()
    if (!this.#listening) this.#log.onDamage(({ position, items, why }) => this.#damaged(position, items, why))
    this.#listening = true
  }

  async park(what: ToPark): Promise<string> {
    const { bytes, ...rest } = what
    const meta: Meta = { ...rest, reason: shorten(what.reason), parkedAt: this.#now() }
    const head = Buffer.from(JSON.stringify(meta))
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(head.length)
    const entry = { stream: STREAM, items: what.items, bytes: Buffer.concat([length, head, bytes]) }
    const [position] = await this.#log.commit({ appends: [entry] })
    this.#add({ position: position!, meta, size: bytes.length })
    return String(position)
  }

  due(exporter: string, now: number, max: number): readonly Parked[] {
    const all = this.#shelves.get(exporter)?.retrying ?? []
    return this.#parked(
      all.slice(
        0,
        Math.min(
          max,
          upper(all, item => item.meta.dueAt <= now)
        )
      ),
      max <= EAGER
    )
  }

  dead(exporter: string, afterId: string | undefined, max: number): readonly Parked[] {
    const all = this.#shelves.get(exporter)?.dead ?? []
    const after = afterId === undefined ? 0 : Number(afterId)
    const from = upper(all, item => item.position <= after)
    return this.#parked(all.slice(from, from + Math.min(max, all.length)), max <= EAGER)
  }

  get(id: string): Parked | undefined {
    const item = this.#items.get(Number(id))
    return item && this.#parked([item], true)[0]
  }

  async remove(ids: readonly string[]): Promise<void> {
    const items = ids.map(id => this.#items.get(Number(id))).filter(item => item !== undefined)
    if (items.length === 0) return
    await this.#log.commit({ acks: [{ cursor: CURSOR, positions: items.map(({ position }) => position) }] })
    for (const item of items) this.#forget(item)
  }

  status(): readonly ParkingStatus[] {
    return [...this.#shelves].map(([exporter, { retrying, dead }]) => ({
      exporter,
      retrying: retrying.length,
      retryingItems: sum(retrying, item => item.meta.items),
      dead: dead.length,
      deadItems: sum(dead, item => item.meta.items),
      bytes: sum(retrying, item => item.size) + sum(dead, item => item.size)
    }))
  }

  async expire(before: number): Promise<number> {
    const old = [...this.#shelves.values()].flatMap(({ dead }) => dead.filter(item => item.meta.parkedAt < before))
    await this.remove(old.map(({ position }) => String(position)))
    return old.length
  }

  /** Told of each payload that was damaged and set aside: it is parked no longer. */
  onDamage(fn: (what: ParkingDamage) => void): void {
    this.#damageListeners.add(fn)
    for (const what of this.#untold.splice(0)) fn(what)
  }

  async stop(): Promise<void> {
    await this.#log.stop()
  }

  #load(): void {
    let after = 0
    for (;;) {
      // One at a time: the payloads of a long outage do not fit into memory together.
      const entries = this.#log.read(CURSOR, after, { maxItems: 1, maxBytes: 1 })
      for (const { position, bytes } of entries) {
        const { meta, payload } = split(bytes)
        this.#add({ position, meta, size: payload.length })
        after = position
      }
      if (entries.length === 0) return
    }
  }

  #parked(items: readonly Item[], eager: boolean): Parked[] {
    if (!eager) return items.map(item => this.#lazy(item))
    const found: Parked[] = []
    for (const { position, meta } of items) {
      const entry = this.#log.get(position)
      if (entry !== undefined) found.push({ id: String(position), ...meta, bytes: split(entry.bytes).payload })
    }
    return found
  }

  #lazy({ position, meta }: Item): Parked {
    const log = this.#log
    return {
      id: String(position),
      ...meta,
      get bytes(): Buffer {
        const entry = log.get(position)
        if (entry === undefined) throw queueErrors.QUEUE_DAMAGED(`parked payload ${position}`, 'the folder damaged')
        return split(entry.bytes).payload
      }
    }
  }

  #damaged(position: number, items: number, why: string): void {
    const item = this.#items.get(position)
    // Found at start, whose it was is as lost as its bytes.
    const { exporter, stream, dead } = item?.meta ?? { exporter: '', stream: '', dead: false }
    if (item !== undefined) this.#forget(item)
    const what = { id: String(position), exporter, stream, items, dead, why }
    if (this.#damageListeners.size === 0) this.#untold.push(what)
    for (const listener of this.#damageListeners) listener(what)
  }

  #add(item: Item): void {
    const { exporter, dead } = item.meta
    let shelf = this.#shelves.get(exporter)
    if (shelf === undefined) this.#shelves.set(exporter, (shelf = { retrying: [], dead: [] }))
    this.#items.set(item.position, item)
    if (dead) insert(shelf.dead, item, byPosition)
    else insert(shelf.retrying, item, byDue)
  }

  #forget(item: Item): void {
    if (!this.#items.delete(item.position)) return
    const shelf = this.#shelves.get(item.meta.exporter)!
    if (item.meta.dead) take(shelf.dead, item, byPosition)
    else take(shelf.retrying, item, byDue)
    if (shelf.dead.length + shelf.retrying.length === 0) this.#shelves.delete(item.meta.exporter)
  }

  #clear(): void {
    this.#items.clear()
    this.#shelves.clear()
  }
}

function split(entry: Buffer): { meta: Meta; payload: Buffer } {
  const end = 4 + entry.readUInt32LE(0)
  return { meta: JSON.parse(entry.toString('utf8', 4, end)) as Meta, payload: entry.subarray(end) }
}

/** How many items from the begin fulfil `fits`, which holds for a first part and then no more. */
function upper(items: readonly Item[], fits: (item: Item) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const mid = (low + high) >> 1
    if (fits(items[mid]!)) low = mid + 1
    else high = mid
  }
  return low
}

function insert(items: Item[], item: Item, order: (a: Item, b: Item) => number): void {
  items.splice(
    upper(items, other => order(other, item) < 0),
    0,
    item
  )
}

function take(items: Item[], item: Item, order: (a: Item, b: Item) => number): void {
  items.splice(
    upper(items, other => order(other, item) < 0),
    1
  )
}

function sum(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function shorten(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= REASON_BYTES) return reason
  // A character cut in half becomes U+FFFD, three bytes: leave them room.
  return bytes
    .subarray(0, REASON_BYTES - 6)
    .toString()
    .concat('…')
}
