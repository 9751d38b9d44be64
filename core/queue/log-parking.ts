// Parking kept in a log of its own: an append parks, an ack removes, so that it has the log's durability, checksums, disk space
// handling and recovery. What is searched for (due times, dead letters, totals) is an index in memory, about 300 bytes a
// payload, built from the log at start.
//
//   entry = meta length u32 LE | meta JSON | payload      id = its position
import { queueErrors } from './errors.js'
import type { Log } from './log.js'
import type { Parked, Parking, ParkingDamage, ParkingStatus, ToPark } from './parking.js'
import { type IndexItem, type ParkedMeta, ParkingIndex, shorten } from './parking-index.js'

const CURSOR = 'parking'
const STREAM = 'parked'
/** Asked for more than this, payloads are read when looked at: a list of ids must not fill the memory. */
const EAGER = 1024

export class LogParking implements Parking {
  readonly #log: Log
  readonly #now: () => number
  readonly #index = new ParkingIndex()
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
    this.#index.clear()
    this.#load()
    if (!this.#listening) this.#log.onDamage(({ position, items, why }) => this.#damaged(position, items, why))
    this.#listening = true
  }

  async park(what: ToPark): Promise<string> {
    const { bytes, part: _, ...rest } = what
    const meta: ParkedMeta = { ...rest, reason: shorten(what.reason), parkedAt: this.#now() }
    const head = Buffer.from(JSON.stringify(meta))
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(head.length)
    const entry = { stream: STREAM, items: what.items, bytes: Buffer.concat([length, head, bytes]) }
    const [position] = await this.#log.commit({ appends: [entry] })
    this.#index.add({ position: position!, meta, size: bytes.length })
    return String(position)
  }

  due(exporter: string, now: number, max: number): readonly Parked[] {
    return this.#parked(this.#index.due(exporter, now, max), max <= EAGER)
  }

  dead(exporter: string, afterId: string | undefined, max: number): readonly Parked[] {
    const after = afterId === undefined ? 0 : Number(afterId)
    return this.#parked(this.#index.dead(exporter, after, max), max <= EAGER)
  }

  get(id: string): Parked | undefined {
    const item = this.#index.get(Number(id))
    return item && this.#parked([item], true)[0]
  }

  async remove(ids: readonly string[]): Promise<void> {
    const items = ids.map(id => this.#index.get(Number(id))).filter(item => item !== undefined)
    if (items.length === 0) return
    await this.#log.commit({ acks: [{ cursor: CURSOR, positions: items.map(({ position }) => position) }] })
    for (const item of items) this.#index.forget(item)
  }

  status(): readonly ParkingStatus[] {
    return this.#index.status()
  }

  async expire(before: number): Promise<number> {
    const old = this.#index.old(before)
    await this.remove(old.map(({ position }) => String(position)))
    return old.length
  }

  /** Told of each payload that was damaged and set aside: it is parked no longer. */
  onDamage(fn: (what: ParkingDamage) => void): void {
    this.#damageListeners.add(fn)
    for (const what of this.#untold.splice(0)) fn(what)
  }

  async scrub(before: number): Promise<void> {
    await this.#log.scrub?.(before)
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
        this.#index.add({ position, meta, size: payload.length })
        after = position
      }
      if (entries.length === 0) return
    }
  }

  #parked(items: readonly IndexItem[], eager: boolean): Parked[] {
    if (!eager) return items.map(item => this.#lazy(item))
    const found: Parked[] = []
    for (const { position, meta, size } of items) {
      const entry = this.#log.get(position)
      if (entry !== undefined) found.push({ id: String(position), ...meta, size, bytes: split(entry.bytes).payload })
    }
    return found
  }

  #lazy({ position, meta, size }: IndexItem): Parked {
    const log = this.#log
    return {
      id: String(position),
      ...meta,
      size,
      get bytes(): Buffer {
        const entry = log.get(position)
        if (entry === undefined) throw queueErrors.QUEUE_DAMAGED(`parked payload ${position}`, 'the folder damaged')
        return split(entry.bytes).payload
      }
    }
  }

  #damaged(position: number, items: number, why: string): void {
    const item = this.#index.get(position)
    // Found at start, whose it was is as lost as its bytes.
    const { exporter, stream, dead } = item?.meta ?? { exporter: '', stream: '', dead: false }
    if (item !== undefined) this.#index.forget(item)
    const what = { id: String(position), exporter, stream, items, dead, why }
    if (this.#damageListeners.size === 0) this.#untold.push(what)
    for (const listener of this.#damageListeners) listener(what)
  }
}

function split(entry: Buffer): { meta: ParkedMeta; payload: Buffer } {
  const end = 4 + entry.readUInt32LE(0)
  return { meta: JSON.parse(entry.toString('utf8', 4, end)) as ParkedMeta, payload: entry.subarray(end) }
}
