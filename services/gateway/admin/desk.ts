// Where dead letters are looked after: the desk of one queue, or of several behind one counter. A gateway has several queues
// when it runs in several processes, and when it delivers what processes that are no more have left.

import {
  allIds,
  type DeadLetter,
  type DeadLetterStores,
  deadLetterErrors,
  list,
  purge,
  redrive,
  show
} from '../../../core/delivery/dead-letters.js'

export type Awaitable<T> = T | Promise<T>

export interface Page {
  readonly after?: string
  readonly max: number
}

export interface Desk {
  /** Ids of the exporters there are. */
  exporters(): readonly string[]
  /** Dead letters of an exporter behind `after`, oldest first. */
  list(exporter: string, page: Page): Awaitable<readonly DeadLetter[]>
  /** @throws DEAD_LETTER_UNKNOWN */
  show(id: string): Awaitable<DeadLetter & { readonly json: string }>
  /** Ids of all dead letters of an exporter. */
  ids(exporter: string): Awaitable<readonly string[]>
  /** Those of the given ids that are here. */
  known(ids: readonly string[]): Awaitable<readonly string[]>
  /** Items given back or removed. @throws DEAD_LETTER_UNKNOWN before anything changed. */
  change(what: Change, ids: readonly string[]): Promise<number>
}

export type Change = 'redrive' | 'purge'

const WORK = { redrive, purge } as const

/** `17`, and `w3-17` where the queue is that of process 3. */
const ID = /^(?:w(\d+)-)?(\d+)$/

type Alone = (work: () => Promise<number>) => Promise<number>

/** The desk of one queue; `seat` is the process whose queue it is, from 1. */
export class StoreDesk implements Desk {
  readonly exporters: () => readonly string[]
  readonly #stores: DeadLetterStores
  readonly #seat: number

  readonly #alone: Alone

  /** @param alone lets changes run when nothing else changes the gateway */
  constructor(stores: DeadLetterStores, exporters: () => readonly string[], seat = 1, alone: Alone = work => work()) {
    this.#alone = alone
    this.#stores = stores
    this.exporters = exporters
    this.#seat = seat
  }

  list(exporter: string, { after, max }: Page): readonly DeadLetter[] {
    const [seat, own] = after === undefined ? [0, undefined] : partsOf(after)
    if (seat > this.#seat) return []
    const page = seat === this.#seat && own !== undefined ? { after: own, max } : { max }
    return list(this.#stores, exporter, page).map(letter => this.#named(letter))
  }

  show(id: string): DeadLetter & { readonly json: string } {
    return this.#named(show(this.#stores, this.#own(id)))
  }

  ids(exporter: string): readonly string[] {
    return allIds(this.#stores, exporter).map(id => this.#name(id))
  }

  known(ids: readonly string[]): readonly string[] {
    return ids.filter(id => {
      const [seat, own] = partsOf(id)
      return seat === this.#seat && this.#stores.parking.get(own)?.dead === true
    })
  }

  async change(what: Change, ids: readonly string[]): Promise<number> {
    const own = ids.map(id => this.#own(id))
    return this.#alone(async () => {
      const items = await WORK[what](this.#stores, own)
      // Removed for good means from the disk too.
      if (what === 'purge') await this.#stores.parking.scrub?.(Number.POSITIVE_INFINITY)
      return items
    })
  }

  #named<L extends DeadLetter>(letter: L): L {
    return { ...letter, id: this.#name(letter.id) }
  }

  #name(id: string): string {
    return this.#seat === 1 ? id : `w${this.#seat}-${id}`
  }

  #own(id: string): string {
    const [seat, own] = partsOf(id)
    if (seat !== this.#seat) throw deadLetterErrors.DEAD_LETTER_UNKNOWN(id)
    return own
  }
}

/** Several desks as one. */
export class Counter implements Desk {
  readonly #desks: () => readonly Desk[]

  /** @param desks asked each time: they may come and go. */
  constructor(desks: () => readonly Desk[]) {
    this.#desks = desks
  }

  exporters(): readonly string[] {
    return [...new Set(this.#desks().flatMap(desk => desk.exporters()))]
  }

  async list(exporter: string, page: Page): Promise<readonly DeadLetter[]> {
    const all = await this.#all(desk => desk.list(exporter, page))
    return all.flat().sort(byId).slice(0, page.max)
  }

  async show(id: string): Promise<DeadLetter & { readonly json: string }> {
    const [[desk]] = await this.#find([id])
    return desk.show(id)
  }

  async ids(exporter: string): Promise<readonly string[]> {
    return (await this.#all(desk => desk.ids(exporter))).flat()
  }

  async known(ids: readonly string[]): Promise<readonly string[]> {
    return (await this.#all(desk => desk.known(ids))).flat()
  }

  async change(what: Change, ids: readonly string[]): Promise<number> {
    let items = 0
    if (ids.length === 0) return 0
    for (const [desk, own] of await this.#find(ids)) items += await desk.change(what, own)
    return items
  }

  /** Who has which of these. @throws DEAD_LETTER_UNKNOWN when somebody has none of them. */
  async #find(ids: readonly string[]): Promise<[[Desk, readonly string[]], ...[Desk, readonly string[]][]]> {
    const found: [Desk, readonly string[]][] = []
    for (const desk of this.#desks()) {
      const own = await desk.known(ids)
      if (own.length > 0) found.push([desk, own])
    }
    const missing = ids.find(id => !found.some(([, own]) => own.includes(id)))
    if (missing !== undefined) throw deadLetterErrors.DEAD_LETTER_UNKNOWN(missing)
    return found as never
  }

  #all<T>(ask: (desk: Desk) => Awaitable<T>): Promise<T[]> {
    return Promise.all(this.#desks().map(ask))
  }
}

function partsOf(id: string): [seat: number, own: string] {
  const [, seat, own] = ID.exec(id) ?? []
  return own === undefined ? [0, id] : [Number(seat ?? 1), own]
}

function byId(a: DeadLetter, b: DeadLetter): number {
  const [seatA, idA] = partsOf(a.id)
  const [seatB, idB] = partsOf(b.id)
  return seatA - seatB || Number(idA) - Number(idB)
}
