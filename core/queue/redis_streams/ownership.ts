// Which partitions this process owns (R1): signs of life, taking what nobody has, giving what others should have, losing what others
// took, and hearing of what others append to ours.
import type { PartReader } from '../log.js'
import { fromRedis } from './connect.js'
import type { Fetching } from './fetching.js'
import type { Holdings, Tenure } from './holdings.js'
import type { Holds } from './holds.js'
import type { Note, Settings } from './settings.js'
import type { Beat, Store } from './store.js'
import { NO_JOB, type Timers, type Turns } from './turns.js'

export interface OwnershipOptions {
  readonly store: Store
  readonly holdings: Holdings
  readonly holds: Holds
  readonly fetching: Fetching
  readonly turns: Turns
  readonly timers: Timers
  readonly settings: Settings
  readonly member: string
  readonly instance: string
  readonly partitions: number
  readonly note: Note
  readonly now: () => number
  readonly readers: ReadonlySet<PartReader>
  /** Writes what commits left to be told; within a turn. */
  readonly tidy: () => Promise<void>
  readonly notify: () => void
  /** Told of partitions that came and went. */
  readonly changed: (gained: readonly number[], lost: readonly number[]) => void
}

const NEWS_MS = 1000
const RETRY_MS = 50
const LOOK_MS = 50
const PAGE = 1000
/** Before the name of one among the living that takes no partition: the others share them without it. */
const TAKES_NONE = '\t'

export class Ownership {
  readonly #o: OwnershipOptions
  readonly #holdings: Holdings
  #beating: NodeJS.Timeout | undefined
  #isAlone = true
  #isOpen = true
  /** Member that has each partition, as the last beat told. */
  #owners: readonly string[] = []
  /** Redis' clock less this machine's, milliseconds, at the least. */
  clockOffset = 0

  constructor(options: OwnershipOptions) {
    this.#o = options
    this.#holdings = options.holdings
  }

  /** Takes the first partitions, then lives on by itself. */
  async start(): Promise<void> {
    await this.#beat()
    this.#scheduleBeat()
    void this.#listen()
  }

  /** The name among the living. */
  get #sign(): string {
    const { member, settings } = this.#o
    return settings.takesPartitions ? member : TAKES_NONE + member
  }

  close(): void {
    this.#isOpen = false
    clearTimeout(this.#beating)
  }

  /** Tells a reader of what is owned already. */
  introduce(reader: PartReader): void {
    for (const { id, partition, isReady, isLeaving } of this.#holdings.owned.values())
      if (isReady && !isLeaving) reader.gained(id, partition)
  }

  ownerOf(partition: number): string {
    return this.#holdings.owned.has(partition) ? this.#o.member : (this.#owners[partition] ?? '')
  }

  /** Gives everything free, at the end. */
  async handOverAll(): Promise<void> {
    const { store, member, instance } = this.#o
    for (const { partition, epoch } of this.#holdings.owned.values()) await store.handOver(partition, epoch)
    await store.leave({ member, instance, as: this.#sign })
  }

  /** Brings in what others appended, up to number `to`; tried until it is done or the store is closed. */
  async pull(tenure: Tenure, to: number): Promise<void> {
    for (;;) {
      try {
        await this.#pull(tenure, to)
        return
      } catch {
        await this.#o.store.ready()
        await new Promise(done => setTimeout(done, RETRY_MS))
      }
    }
  }

  /** Another process has it. Within a turn. */
  lose(p: number, why: string): void {
    const tenure = this.#holdings.owned.get(p)
    if (tenure === undefined) return
    this.#forget(tenure)
    this.#o.note('warn', { partition: p, epoch: tenure.epoch }, `partition lost: ${why}`)
  }

  #forget(tenure: Tenure): void {
    this.#holdings.forget(tenure)
    for (const reader of this.#o.readers) reader.lost(tenure.id)
    this.#o.changed([], [tenure.partition])
  }

  /** Hears at once of what others appended. */
  async refresh(): Promise<void> {
    await this.#o.turns.take(async () => {
      const knownAt = this.#o.now()
      for (const tenure of this.#holdings.owned.values()) await this.#pull(tenure, Number.POSITIVE_INFINITY)
      this.#holdings.knownAt = Math.max(this.#holdings.knownAt, knownAt)
    })
  }

  #scheduleBeat(): void {
    const { note, store, settings } = this.#o
    this.#beating = setTimeout(() => {
      this.#beat()
        .catch(error => {
          // That Redis lost the log is told once, by the store.
          if (!store.isEmptied) note('warn', { code: fromRedis(error, store.where).code }, 'no word from Redis')
        })
        .finally(() => {
          if (this.#isOpen) this.#scheduleBeat()
        })
    }, settings.leaseMs / 4)
    this.#beating.unref()
  }

  /** Signs of life both ways, then gives and takes partitions. */
  async #beat(): Promise<void> {
    const { store, member, instance, partitions, settings, turns } = this.#o
    const begun = performance.now()
    const knownAt = this.#o.now()
    const asked = Date.now()
    const owned = [...this.#holdings.owned.values()].map(
      ({ partition, epoch }) => [partition, epoch] as [number, string]
    )
    const sign = { member, instance, as: this.#sign }
    const beat = await store.beat(sign, settings.leaseMs, partitions, owned)
    if (!this.#isOpen) return
    this.clockOffset = leastOffset(beat.now - Date.now(), beat.now - asked)
    if (!beat.named) {
      await turns.take(async () => {
        for (const p of [...this.#holdings.owned.keys()]) this.lose(p, 'another process has the name of this one')
      })
      return
    }
    await turns.take(() => this.#refresh(beat, begun, knownAt))
    await this.#balance(beat)
  }

  async #refresh(beat: Beat, begun: number, knownAt: number): Promise<void> {
    const holdings = this.#holdings
    this.#owners = beat.owners
    for (const p of beat.lost) this.lose(p, 'its lease ran out and another gateway took it over')
    holdings.remoteBytes = beat.bytes
    this.#isAlone = beat.alive.length <= 1
    for (const tenure of holdings.owned.values()) {
      if (beat.last[tenure.partition]! > tenure.known) await this.#pull(tenure, Number.POSITIVE_INFINITY)
    }
    // Only now: who reads must not think that what came meanwhile had not come.
    const wasInDoubt = performance.now() > holdings.validUntil
    holdings.validUntil = begun + this.#o.settings.leaseMs
    holdings.knownAt = Math.max(holdings.knownAt, knownAt)
    if (wasInDoubt) this.#o.notify()
  }

  async #balance(beat: Beat): Promise<void> {
    const { partitions, member, turns, settings } = this.#o
    if (!settings.takesPartitions) return
    const { owned } = this.#holdings
    const takers = beat.alive.filter(name => !name.startsWith(TAKES_NONE))
    const members = Math.max(1, takers.length)
    const floor = Math.floor(partitions / members)
    const ceil = Math.ceil(partitions / members)
    const free = beat.owners.map((owner, p) => (owner === '' || owner === member ? p : -1)).filter(p => p >= 0)
    for (const p of free) {
      if (owned.size >= ceil) break
      if (!owned.has(p)) await turns.take(() => this.#acquire(p))
    }
    const mine = [...owned.values()].filter(({ isLeaving }) => !isLeaving)
    const someoneHasLess = takers.some(
      other => other !== member && beat.owners.filter(owner => owner === other).length < floor
    )
    const surplus = mine.length > ceil ? mine.length - ceil : mine.length > floor && someoneHasLess ? 1 : 0
    for (const tenure of mine.slice(mine.length - surplus)) void this.#giveAway(tenure)
  }

  async #acquire(p: number): Promise<void> {
    const { store, member, settings, note } = this.#o
    const epoch = await store.acquire(p, member, settings.leaseMs)
    if (epoch === undefined) return
    const tenure = this.#holdings.begin(p, epoch)
    try {
      await this.#load(tenure)
    } catch (error) {
      this.lose(p, 'it could not be loaded')
      await store.handOver(p, epoch).catch(NO_JOB)
      throw error
    }
    note('info', { partition: p, epoch, entries: this.#holdings.book.heldEntries }, 'partition taken')
    await this.#o.fetching.warm(tenure)
    // Who comes from here on is introduced to it: nobody is told twice.
    tenure.isReady = true
    for (const reader of [...this.#o.readers]) reader.gained(tenure.id, p)
    this.#o.changed([p], [])
    this.#o.notify()
  }

  async #load(tenure: Tenure): Promise<void> {
    const { store, holds } = this.#o
    const acked = await store.acked(tenure.partition)
    // What another member committed may be among what is parked or sampled here.
    for (const [key, value] of await store.state()) this.#holdings.book.state.set(key, value)
    holds.load(tenure.partition, await store.holds())
    await this.#pull(tenure, Number.POSITIVE_INFINITY, acked)
  }

  async #pull(tenure: Tenure, to: number, acked?: ReadonlyMap<number, readonly string[]>): Promise<void> {
    for (;;) {
      const rows = await this.#o.store.rows(tenure.partition, tenure.known)
      for (const row of rows) if (row.seq <= to) this.#holdings.addLoaded(tenure, row, acked?.get(row.seq))
      if (rows.length < PAGE || rows.at(-1)!.seq >= to) break
    }
    this.#o.notify()
  }

  /** Gives a partition to somebody who has less: first what is under way here ends, then it is free. */
  async #giveAway(tenure: Tenure): Promise<void> {
    const { timers, turns, store, note, readers, settings } = this.#o
    tenure.isLeaving = true
    const isOurs = (): boolean => this.#isOpen && this.#holdings.owned.get(tenure.partition) === tenure
    const deadline = performance.now() + 2 * settings.leaseMs
    const isTime = timers.pause(2 * settings.leaseMs)
    await Promise.race([isTime, Promise.all([...readers].map(reader => reader.leaving(tenure.id)))])
    while (isOurs() && this.#holdings.isUnderWay(tenure) && performance.now() < deadline) await timers.pause(LOOK_MS)
    if (!isOurs()) return
    await turns
      .take(async () => {
        await this.#o.tidy()
        if (!isOurs()) return
        this.#forget(tenure)
        await store.handOver(tenure.partition, tenure.epoch)
        note('info', { partition: tenure.partition }, 'partition handed over')
      })
      .catch(NO_JOB)
  }

  /** Hears of what others append to partitions of ours, while there are others. */
  async #listen(): Promise<void> {
    const { store, timers, settings } = this.#o
    while (this.#isOpen) {
      const known = new Map([...this.#holdings.owned.values()].map(tenure => [tenure.partition, tenure.known]))
      if (this.#isAlone || known.size === 0 || !store.isReady) await timers.pause(settings.leaseMs / 8)
      else await this.#hear(known)
    }
  }

  async #hear(known: ReadonlyMap<number, number>): Promise<void> {
    try {
      const knownAt = this.#o.now()
      const news = await this.#o.store.news(known, NEWS_MS)
      await this.#o.turns.take(async () => {
        for (const [p, rows] of news) {
          const tenure = this.#holdings.owned.get(p)
          if (tenure === undefined) continue
          for (const row of rows) if (row.seq > tenure.known) this.#holdings.addLoaded(tenure, row)
        }
        // A full page may not be all.
        const isAll = [...news.values()].every(rows => rows.length < PAGE)
        if (isAll) this.#holdings.knownAt = Math.max(this.#holdings.knownAt, knownAt)
      })
      if (news.size > 0) this.#o.notify()
    } catch {
      if (this.#isOpen) await this.#o.timers.pause(NEWS_MS)
    }
  }
}

/** The other clock is ahead by something between the two: by nothing, as far as that is possible. */
function leastOffset(low: number, high: number): number {
  return low > 0 ? low : Math.min(high, 0)
}
