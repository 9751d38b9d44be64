// The log on Redis Streams, shared by many gateways. README.md has the picture; the invariants are those of core/queue/log.ts, and
//   R1  A partition has one owner at a time. Whoever acquires it raises its epoch; every commit that acks, releases or speaks for a
//       part carries the epochs it relies on and changes nothing when one is old: a stale owner cannot write.   (ownership.ts)
//   R2  Only the owner knows who waits for what (its Book); Redis keeps what an owner needs to begin: entries, acks, lanes.
//   R3  Positions are this process's own.                                                                       (holdings.ts)
//   R4  One commit script is on its way at a time; what comes meanwhile forms the next group.                   (commits.ts)
//   R5  Every script that changes something carries the incarnation of the log this process began with; when Redis came back without
//       it nothing is changed, whatever the epochs of a new log are. (scripts.ts)
import type { CodedError } from '../../component/errors.js'
import { AppendListeners } from '../append-listeners.js'
import { queueErrors } from '../errors.js'
import type { Entry, LogStatus, LogTotals, PartReader, Parts, ReadLimit, StoredEntry, TotalsOf } from '../log.js'
import type { FencedCommit, SharedLog } from '../spill/shared.js'
import { Commits } from './commits.js'
import { fromRedis } from './connect.js'
import { type Damage, Fetching } from './fetching.js'
import { Holdings, laneOf } from './holdings.js'
import { Holds } from './holds.js'
import { endInstance, joinAs, newInstance } from './member.js'
import { Ownership } from './ownership.js'
import { checkServer, type Durability } from './server.js'
import { type Note, type RedisLogOptions, type Settings, settingsOf } from './settings.js'
import { Store } from './store.js'
import { NO_JOB, Timers, Turns } from './turns.js'

export type { RedisLogOptions } from './settings.js'

export class RedisLog implements SharedLog {
  readonly #o: Settings
  readonly #note: Note
  readonly #listeners = new AppendListeners(() => this.#open)
  readonly #damageListeners = new Set<(what: Damage) => void>()
  readonly #partListeners = new Set<(gained: readonly number[], lost: readonly number[]) => void>()
  readonly #readers = new Set<PartReader>()
  readonly parts: Parts
  #store: Store
  #turns = new Turns()
  #timers = new Timers()
  #holdings: Holdings
  #holds: Holds
  #fetching: Fetching
  #commits: Commits
  #ownership: Ownership | undefined
  #member = ''
  #instance = ''
  #partitions = 0
  #open = false
  #damaged = 0
  #durability: Durability | undefined

  constructor(options: RedisLogOptions) {
    this.#o = settingsOf(options)
    this.#note = options.onNote ?? NO_JOB
    this.parts = this.#madeParts()
    this.#store = this.#newStore()
    this.#holdings = new Holdings(this.#o.tailBytes, NO_JOB)
    this.#holds = new Holds(this.#holdings, this.#timers)
    this.#fetching = this.#newFetching()
    this.#commits = this.#newCommits()
  }

  /** What the OK of a sender waits for, as the server is set up. */
  get durability(): Durability | undefined {
    return this.#durability
  }

  /** The name this process has among the gateways of the log. */
  get member(): string {
    return this.#member
  }

  /** What tells this log from one that has its keys after Redis lost it. */
  get incarnation(): string {
    return this.#store.incarnation
  }

  /** Why nothing is taken, when that does not end by itself. */
  obstacle(): CodedError | undefined {
    return this.#store.isEmptied ? queueErrors.QUEUE_REDIS_EMPTIED(this.#store.where) : undefined
  }

  /** Calls `fn` with partitions that came to this process and that left it. */
  onChange(fn: (gained: readonly number[], lost: readonly number[]) => void): void {
    this.#partListeners.add(fn)
  }

  /** Partitions this process owns now. */
  get owned(): readonly number[] {
    return [...this.#holdings.owned.keys()].sort((a, b) => a - b)
  }

  /** This process's time of ownership of a partition; undefined when it is another's. */
  tenureOf(partition: number): { readonly part: number; readonly epoch: string } | undefined {
    const tenure = this.#holdings.owned.get(partition)
    return tenure && { part: tenure.id, epoch: tenure.epoch }
  }

  /** The partition of a part that is still this process's. */
  partitionOf(part: number): number | undefined {
    return this.#holdings.tenures.get(part)?.partition
  }

  async start(): Promise<void> {
    this.#build()
    const { leaseMs, commitTimeoutMs } = this.#o
    try {
      await this.#store.connect(commitTimeoutMs)
      this.#durability = await checkServer(this.#store, this.#o, this.#note)
      this.#instance = newInstance()
      this.#member = await joinAs(this.#store, this.#o.member, this.#instance, leaseMs)
      this.#partitions = await this.#store.begin(this.#o.partitions)
      await this.#load()
      this.#open = true
      this.#ownership = this.#newOwnership()
      await this.#ownership.start()
    } catch (error) {
      this.#open = false
      this.#ownership?.close()
      this.#store.close()
      throw error
    }
  }

  async cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#checkOpen()
    const { book, begins, payloads } = this.#holdings
    await this.#turns.take(async () => {
      const wanted = new Set([...readers].flatMap(([cursor, streams]) => streams.map(s => laneOf(cursor, s))))
      const begin = [...wanted].filter(lane => !begins.has(lane))
      const retire = [...begins.keys()].filter(lane => !wanted.has(lane))
      const lost = book.declare(readers)
      book.add(lost)
      const begun = await this.#store.declare(this.#member, begin, retire, lost)
      for (const lane of retire) begins.delete(lane)
      for (const [lane, seq] of begun) begins.set(lane, seq)
      payloads.only(new Set(readers.keys()))
    })
    await this.#fetching.preload([...readers.keys()])
  }

  async commit(commit: FencedCommit): Promise<readonly number[]> {
    this.#checkOpen()
    let bytes = 0
    for (const entry of commit.appends ?? []) bytes += this.#sizeOf(entry)
    return this.#commits.add(commit, bytes)
  }

  read(cursor: string, after: number, limit: ReadLimit): readonly StoredEntry[] {
    this.#checkOpen()
    if (performance.now() > this.#holdings.validUntil) return []
    const { found, missing } = this.#holdings.read(cursor, after, limit)
    if (missing > 0) this.#fetching.ahead(cursor, missing, limit.part)
    return found
  }

  /** @throws QUEUE_FETCHING when it is held but not in memory: it comes, and `onAppend` tells. */
  get(position: number): StoredEntry | undefined {
    this.#checkOpen()
    const chunk = this.#holdings.book.find(position)
    if (chunk === undefined || !this.#holdings.isLive(position)) return undefined
    const payload = this.#holdings.payloads.get(position)
    if (payload !== undefined) return this.#holdings.entry(chunk, position - chunk.first, payload)
    this.#fetching.again([position])
    throw queueErrors.QUEUE_FETCHING()
  }

  /** Whether `get` of these would not have to wait; if not they are fetched and `onAppend` tells. */
  ready(positions: readonly number[]): boolean {
    return this.#fetching.again(positions)
  }

  onAppend(fn: () => void): () => void {
    return this.#listeners.add(fn)
  }

  hold(name: string, position: number): void {
    this.#holds.set(name, position)
  }

  counts(): ReadonlyMap<string, number> {
    return new Map(this.#holdings.book.counts)
  }

  state(key: string): Buffer | undefined {
    return this.#holdings.book.state.get(key)
  }

  /** Whether there is a connection. */
  get isReady(): boolean {
    return this.#store.isReady
  }

  /** The value in Redis, once the fate of every commit before is known; `state` has it from then on. */
  fetchState(key: string): Promise<Buffer | undefined> {
    return this.#turns.take(async () => {
      const value = await this.#store.stateOf(key)
      if (value === undefined) this.#holdings.book.state.delete(key)
      else this.#holdings.book.state.set(key, value)
      return value
    })
  }

  totals(what: TotalsOf = 'all'): Promise<LogTotals> {
    this.#checkOpen()
    return this.#store.totals(this.#partitions, what)
  }

  status(): LogStatus {
    return {
      bytes: this.#holdings.heldBytes,
      maxBytes: this.#o.maxBytes,
      entries: this.#holdings.book.heldEntries,
      cursors: this.#holdings.book.cursors(),
      damagedEntries: this.#damaged
    }
  }

  onDamage(fn: (what: Damage) => void): void {
    this.#damageListeners.add(fn)
  }

  async stop(): Promise<void> {
    if (!this.#open) return
    await this.#commits.settle()
    this.#commits.close()
    this.#ownership?.close()
    if (this.#store.isReady) {
      await this.#turns
        .take(async () => {
          await this.#commits.tidy()
          await this.#ownership?.handOverAll()
        })
        .catch(error => this.#note('warn', { code: fromRedis(error, this.#store.where).code }, 'left without goodbye'))
    }
    this.crash()
  }

  /** Ends as a kill would: nothing is given back. For tests. */
  crash(): void {
    this.#open = false
    this.#commits.close()
    this.#ownership?.close()
    this.#timers.clear()
    this.#store.close()
    endInstance(this.#instance)
  }

  // --- parts, built anew by each start ---------------------------------------------------------------------------------

  #build(): void {
    const { tailBytes } = this.#o
    this.#store = this.#newStore()
    this.#turns = new Turns()
    this.#timers = new Timers()
    this.#holdings = new Holdings(tailBytes, () => this.#commits.tidyLater())
    this.#holds = new Holds(this.#holdings, this.#timers)
    this.#fetching = this.#newFetching()
    this.#commits = this.#newCommits()
    this.#ownership = undefined
    for (const { cursors } of this.#readers) for (const cursor of cursors) this.#holdings.replayed.add(cursor)
  }

  #newStore(): Store {
    const { url, prefix, commitTimeoutMs } = this.#o
    const store: Store = new Store(url, prefix, commitTimeoutMs, isEmptied => {
      if (!isEmptied) this.#note('info', { redis: store.where }, 'Redis has the queue again')
      else {
        const error = queueErrors.QUEUE_REDIS_EMPTIED(store.where)
        this.#note('error', { code: error.code, redis: store.where }, error.message)
      }
    })
    return store
  }

  #newFetching(): Fetching {
    return new Fetching({
      store: this.#store,
      holdings: this.#holdings,
      timers: this.#timers,
      windowBytes: this.#o.windowBytes,
      notify: () => this.#listeners.tell(),
      onLost: (what, waiters) => this.#lost(what, waiters)
    })
  }

  #newCommits(): Commits {
    return new Commits({
      store: this.#store,
      holdings: this.#holdings,
      holds: this.#holds,
      turns: this.#turns,
      settings: this.#o,
      now: () => this.#now(),
      member: () => ({ member: this.#member, instance: this.#instance, partitions: this.#partitions }),
      pull: (tenure, to) => this.#ownership!.pull(tenure, to),
      lose: (p, why) => this.#ownership!.lose(p, why),
      notify: () => this.#listeners.tell()
    })
  }

  #newOwnership(): Ownership {
    return new Ownership({
      store: this.#store,
      holdings: this.#holdings,
      holds: this.#holds,
      fetching: this.#fetching,
      turns: this.#turns,
      timers: this.#timers,
      settings: this.#o,
      member: this.#member,
      instance: this.#instance,
      partitions: this.#partitions,
      note: this.#note,
      now: () => this.#now(),
      readers: this.#readers,
      tidy: () => this.#commits.tidy(),
      notify: () => this.#listeners.tell(),
      changed: (gained, lost) => {
        for (const listener of this.#partListeners) listener(gained, lost)
      }
    })
  }

  #madeParts(): Parts {
    const count = (): number => this.#partitions
    return {
      get count() {
        return count()
      },
      now: () => this.#now(),
      attach: reader => {
        this.#readers.add(reader)
        for (const cursor of reader.cursors) this.#holdings.replayed.add(cursor)
        this.#ownership?.introduce(reader)
        return () => this.#readers.delete(reader)
      },
      waiting: (cursor, part, after, limit) => this.#holdings.waiting(cursor, part, after, limit),
      ownerOf: partition => this.#ownership?.ownerOf(partition) ?? '',
      knownAt: () => this.#holdings.knownAt,
      refresh: () => this.#ownership?.refresh() ?? Promise.resolve(),
      isCertain: part => this.#holdings.tenures.has(part) && performance.now() <= this.#holdings.validUntil
    }
  }

  async #load(): Promise<void> {
    const lanes = await this.#store.lanes()
    for (const [lane, seq] of Object.entries(lanes)) this.#holdings.begins.set(lane, Number(seq))
    const states = Object.keys(lanes).map(lane => {
      const [cursor = '', stream = ''] = lane.split('\n')
      return { cursor, stream, low: 0, sparse: [] }
    })
    this.#holdings.book.restore(states, await this.#store.counts(this.#member), await this.#store.state())
  }

  #now(): number {
    return this.#o.now === undefined ? Date.now() + (this.#ownership?.clockOffset ?? 0) : this.#o.now()
  }

  #sizeOf({ stream, bytes, partition = 0 }: Entry): number {
    if (Buffer.byteLength(stream) > 255) throw queueErrors.QUEUE_BAD_ENTRY('its stream name is longer than 255 bytes')
    if (!(partition >= 0 && partition < this.#partitions)) {
      throw queueErrors.QUEUE_BAD_ENTRY(`there is no partition ${partition}`)
    }
    return bytes.length
  }

  #lost(what: Damage, waiters: readonly string[]): void {
    this.#damaged++
    for (const listener of this.#damageListeners) listener(what)
    const counts = new Map(waiters.map(cursor => [`dropped|${cursor}|${what.stream}|damaged`, what.items]))
    if (counts.size > 0) this.commit({ counts }).catch(NO_JOB)
  }

  #checkOpen(): void {
    if (!this.#open) throw queueErrors.QUEUE_CLOSED()
  }
}
