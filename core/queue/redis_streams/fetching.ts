// Payloads that are in Redis and not in memory: fetched ahead of each reader, for what is tried again, and after a takeover.
import type { Holdings, Tenure } from './holdings.js'
import type { Store } from './store.js'
import type { Timers } from './turns.js'

const RETRY_MS = 1000
const GONE = 'its payload is not in Redis any more'
const DAMAGED = 'its payload in Redis cannot be decompressed'

export interface Damage {
  readonly position: number
  readonly items: number
  readonly stream: string
  readonly why: string
  readonly part: number
}

export interface FetchingOptions {
  readonly store: Store
  readonly holdings: Holdings
  readonly timers: Timers
  /** Payload bytes fetched ahead of each cursor. */
  readonly windowBytes: number
  /** Something can be read that could not before, or it is time to ask again. */
  readonly notify: () => void
  /** A payload that Redis does not have any more, and who waited for it. */
  readonly onLost: (what: Damage, waiters: readonly string[]) => void
}

export class Fetching {
  readonly #o: FetchingOptions
  readonly #holdings: Holdings
  readonly #jobs = new Set<string>()

  constructor(options: FetchingOptions) {
    this.#o = options
    this.#holdings = options.holdings
  }

  /** What the cursor reads next, from a position that is missing. */
  ahead(cursor: string, from: number, part?: number): void {
    const job = part === undefined ? `ahead ${cursor}` : `ahead ${cursor} ${part}`
    if (this.#jobs.has(job)) return
    const window = part === undefined ? cursor : `${cursor}\n${part}`
    void this.#fetch(job, this.#next(cursor, from, part), found => this.#holdings.payloads.window(window, from, found))
  }

  /** The beginning of what each cursor reads. */
  async preload(cursors: readonly string[]): Promise<void> {
    for (const cursor of cursors) {
      const wanted = this.#next(cursor, 1)
      if (wanted.length === 0) continue
      await this.#fetch(`ahead ${cursor}`, wanted, found => this.#holdings.payloads.window(cursor, 1, found))
    }
  }

  /** Whether all of these are at hand; if not they are fetched, and `notify` tells. */
  again(positions: readonly number[]): boolean {
    const { payloads } = this.#holdings
    const atHand = new Map<number, Buffer>()
    const missing: number[] = []
    for (const position of positions) {
      const bytes = payloads.get(position)
      if (bytes !== undefined) atHand.set(position, bytes)
      else if (this.#holdings.isLive(position)) missing.push(position)
    }
    if (missing.length === 0) return true
    const job = `again ${missing[0]}`
    // What is at hand may not be any more when the rest has come: it is kept with it.
    if (!this.#jobs.has(job)) void this.#fetch(job, missing, found => payloads.again(new Map([...atHand, ...found])))
    return false
  }

  /** Payloads of a partition that was just taken, oldest first, as many as fit beside what is in memory. */
  async warm(tenure: Tenure): Promise<void> {
    const { payloads, book } = this.#holdings
    let room = payloads.tailRoom
    let wanted: number[] = []
    let bytes = 0
    const fetch = (): Promise<void> =>
      this.#fetch(`take ${tenure.partition}`, wanted, found => {
        for (const [position, payload] of found) payloads.keep(position, payload)
      })
    for (const chunk of [...book.chunks]) {
      for (let i = 0; i < chunk.count; i++) {
        if (chunk.gone[i] === 1 || chunk.crc[i] !== tenure.id) continue
        bytes += chunk.bytes[i]!
        if (bytes > room) break
        wanted.push(chunk.first + i)
        if (bytes < this.#o.windowBytes) continue
        await fetch()
        room -= bytes
        bytes = 0
        wanted = []
      }
    }
    if (wanted.length > 0) await fetch()
  }

  /** What the cursor reads next and is not in memory, up to the size of a window. */
  #next(cursor: string, from: number, part?: number): number[] {
    const { payloads, book } = this.#holdings
    const wanted: number[] = []
    let bytes = 0
    book.waiting(cursor, from - 1, (chunk, i) => {
      if (part !== undefined && chunk.crc[i] !== part) return true
      bytes += chunk.bytes[i]!
      if (wanted.length > 0 && bytes > this.#o.windowBytes) return false
      if (payloads.get(chunk.first + i) === undefined) wanted.push(chunk.first + i)
      return true
    })
    return wanted
  }

  /** What Redis does not have is damaged. Errors of the connection: readers ask again. */
  async #fetch(job: string, positions: readonly number[], keep: (found: Map<number, Buffer>) => void): Promise<void> {
    this.#jobs.add(job)
    try {
      const found = await this.#payloadsOf(positions)
      for (const position of found.keys()) if (!this.#holdings.isLive(position)) found.delete(position)
      keep(found)
    } catch {
      this.#o.timers.after(RETRY_MS, this.#o.notify)
    } finally {
      this.#jobs.delete(job)
    }
    this.#o.notify()
  }

  async #payloadsOf(positions: readonly number[]): Promise<Map<number, Buffer>> {
    const byPartition = new Map<number, { position: number; seq: number }[]>()
    for (const position of positions) {
      const chunk = this.#holdings.book.find(position)
      const tenure = chunk && this.#holdings.tenures.get(chunk.crc[position - chunk.first]!)
      if (chunk === undefined || tenure === undefined) continue
      const list = byPartition.get(tenure.partition) ?? []
      list.push({ position, seq: chunk.offset[position - chunk.first]! })
      byPartition.set(tenure.partition, list)
    }
    const found = new Map<number, Buffer>()
    for (const [p, wanted] of byPartition) {
      const payloads = await this.#o.store.payloads(p, wanted.map(({ seq }) => seq)) // biome-ignore format: short
      for (const [i, { position }] of wanted.entries()) {
        const payload = payloads[i]
        if (payload) found.set(position, payload)
        else if (this.#holdings.isLive(position)) this.#lost(position, payload === null ? GONE : DAMAGED)
      }
    }
    return found
  }

  /** L6: counted for who waited, told, and gone on. */
  #lost(position: number, why: string): void {
    const { book } = this.#holdings
    const chunk = book.find(position)!
    const i = position - chunk.first
    const what = {
      position,
      items: chunk.items[i]!,
      stream: book.streamOf(chunk, i),
      why,
      part: chunk.crc[i]!
    }
    const waiters = book.waiters(position)
    book.lose(position)
    this.#o.onLost(what, waiters)
  }
}
