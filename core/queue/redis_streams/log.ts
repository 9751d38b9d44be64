// The log on Redis Streams, shared by many gateways. README.md has the picture; the invariants are those of core/queue/log.ts, and
//   R1  A partition has one owner at a time. Whoever acquires it raises its epoch; every commit that acks or releases carries the
//       epochs it relies on and changes nothing when one is old: a stale owner cannot write.
//   R2  Only the owner knows who waits for what (its Book); Redis keeps what an owner needs to begin: entries, acks, lanes.
//   R3  Positions are this process's: the entry's number in Redis when it comes in order (always, in one process), else
//       the next free one, so that what a takeover brings is behind what was read before.
//   R4  One commit script is on its way at a time; what comes meanwhile forms the next group.
import { Book, type Chunk } from '../book.js'
import { queueErrors } from '../errors.js'
import type { Commit, Entry, Log, LogStatus, StoredEntry } from '../log.js'
import { fromRedis } from './connect.js'
import { endInstance, joinAs, newInstance } from './member.js'
import { Payloads } from './payloads.js'
import { checkServer, type Durability } from './server.js'
import { type Beat, type CommitAnswer, list, metaOf, type Row, Store } from './store.js'

export interface RedisLogOptions {
  /** `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://` (connect.ts). */
  readonly url: string
  /** First part of every key; one log each. Default `algoflow`. */
  readonly prefix?: string
  /** Payload bytes the log holds at most, over all partitions. */
  readonly maxBytes: number
  /** Name of this process among the gateways of the log. Default: host name and a number. */
  readonly member?: string
  /** Counts when the log is first used; later the log's own number wins. Default 8. */
  readonly partitions?: number
  /** After this long without a sign of life others take over, milliseconds. Default 10,000. */
  readonly leaseMs?: number
  /** Replicas that must have an append before its commit resolves. Default 0. */
  readonly waitReplicas?: number
  /** An append that is not written by then is refused, milliseconds. Default 10,000. */
  readonly commitTimeoutMs?: number
  /** Payloads of own appends kept in memory. Default 64 MiB. */
  readonly tailBytes?: number
  /** Payloads fetched ahead of each cursor. Default 8 MiB. */
  readonly windowBytes?: number
  readonly now?: () => number
  /** Told what an operator should know. */
  readonly onNote?: (level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, unknown>>, text: string) => void
}

/** A time of ownership of one partition. */
interface Tenure {
  readonly id: number
  readonly partition: number
  readonly epoch: string
  /** Last number known. */
  known: number
  isLeaving: boolean
}

interface Job {
  readonly commit: Commit
  readonly bytes: number
  /** performance.now() when it came. */
  readonly at: number
  readonly resolve: (positions: readonly number[]) => void
  readonly reject: (error: unknown) => void
}

/** What a group releases, by partition. */
interface Freed {
  readonly seqs: string[]
  bytes: number
}

interface Damage {
  readonly position: number
  readonly items: number
  readonly stream: string
  readonly why: string
}

const GROUP_BYTES = 32 << 20
const CHUNK_ENTRIES = 4096
const LONGEST_GAP = 64
const TIDY_MS = 50
const HOLD_GRACE_MS = 60_000
const NEWS_MS = 1000
const DEFAULTS = {
  prefix: 'algoflow',
  partitions: 8,
  leaseMs: 10_000,
  waitReplicas: 0,
  commitTimeoutMs: 10_000,
  tailBytes: 64 << 20,
  windowBytes: 8 << 20
}
const NO_JOB = (): void => {}

export class RedisLog implements Log {
  readonly #o: RedisLogOptions & typeof DEFAULTS
  readonly #now: () => number
  readonly #note: NonNullable<RedisLogOptions['onNote']>
  readonly #listeners = new Set<() => void>()
  readonly #damageListeners = new Set<(what: Damage) => void>()
  readonly #partListeners = new Set<(gained: readonly number[], lost: readonly number[]) => void>()
  #store: Store
  #book = this.#newBook()
  #payloads: Payloads
  #member = ''
  #instance = ''
  #partitions = 0
  /** By partition. */
  readonly #owned = new Map<number, Tenure>()
  /** By id: the `crc` column of the book says which one brought an entry. */
  readonly #tenures = new Map<number, Tenure>()
  #lastTenure = 0
  /** Lane -> number of the last entry before it began. */
  readonly #begins = new Map<string, number>()
  /** Read positions of lost partitions: their acks come too late. As many as were under way then. */
  readonly #moved = new Set<number>()
  readonly #highestRead = new Map<string, number>()
  #pending = new Map<number, Freed>()
  #pendingBytes = 0
  #freeing: ReadonlySet<number> = new Set()
  #isLosing = false
  readonly #holds = new Map<string, number>()
  /** Names that Redis may know. */
  readonly #knownHolds = new Set<string>()
  #holdsChanged = false
  #undeclaredHolds = new Set<string>()
  #jobs: Job[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #chain: Promise<unknown> = Promise.resolve()
  #commits = 0
  #remoteBytes = 0
  #isAlone = true
  #validUntil = 0
  #timers = new Set<NodeJS.Timeout>()
  #beating: NodeJS.Timeout | undefined
  #fetching = new Set<string>()
  #notified = false
  #open = false
  #damaged = 0
  #tidying: NodeJS.Timeout | undefined
  #durability: Durability | undefined

  constructor(options: RedisLogOptions) {
    this.#o = { ...DEFAULTS, ...defined(options) }
    this.#now = options.now ?? Date.now
    this.#note = options.onNote ?? NO_JOB
    this.#payloads = new Payloads(this.#o.tailBytes)
    this.#store = new Store(options.url, this.#o.prefix, this.#o.commitTimeoutMs)
  }

  /** What the OK of a sender waits for, as the server is set up. */
  get durability(): Durability | undefined {
    return this.#durability
  }

  /** The name this process has among the gateways of the log. */
  get member(): string {
    return this.#member
  }

  /** Calls `fn` with partitions that came to this process and that left it. */
  onChange(fn: (gained: readonly number[], lost: readonly number[]) => void): void {
    this.#partListeners.add(fn)
  }

  /** Partitions this process owns now. */
  get owned(): readonly number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b)
  }

  async start(): Promise<void> {
    const { url, prefix, leaseMs, commitTimeoutMs } = this.#o
    this.#clear()
    this.#store = new Store(url, prefix, commitTimeoutMs)
    try {
      await this.#store.connect(commitTimeoutMs)
      this.#durability = await checkServer(this.#store, this.#o, this.#note)
      this.#instance = newInstance()
      this.#member = await joinAs(this.#store, this.#o.member, this.#instance, leaseMs)
      this.#partitions = await this.#store.partitions(this.#o.partitions)
      await this.#load()
      this.#open = true
      await this.#beat()
    } catch (error) {
      this.#open = false
      this.#store.close()
      throw error
    }
    this.#scheduleBeat()
    this.#listen()
  }

  async cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#checkOpen()
    await this.#exclusive(async () => {
      const wanted = new Set([...readers].flatMap(([cursor, streams]) => streams.map(s => laneOf(cursor, s))))
      const begin = [...wanted].filter(lane => !this.#begins.has(lane))
      const retire = [...this.#begins.keys()].filter(lane => !wanted.has(lane))
      const lost = this.#book.declare(readers)
      this.#book.add(lost)
      const begun = await this.#store.declare(this.#member, begin, retire, lost)
      for (const lane of retire) this.#begins.delete(lane)
      for (const [lane, seq] of begun) this.#begins.set(lane, seq)
      this.#payloads.only(new Set(readers.keys()))
    })
    await this.#preload([...readers.keys()])
  }

  async commit(commit: Commit): Promise<readonly number[]> {
    this.#checkOpen()
    const appends = commit.appends ?? []
    let bytes = 0
    for (const entry of appends) bytes += sizeOf(entry)
    if (bytes > 0) {
      if (!this.#store.isReady) throw queueErrors.QUEUE_UNAVAILABLE(this.#store.where, 'no connection')
      const held = this.#heldBytes() + this.#queuedBytes
      if (held + bytes > this.#o.maxBytes) throw queueErrors.QUEUE_FULL(held, bytes, this.#o.maxBytes)
    }
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      this.#jobs.push({ commit, bytes, at: performance.now(), resolve, reject })
      this.#start()
    })
  }

  read(
    cursor: string,
    after: number,
    limit: { readonly maxItems: number; readonly maxBytes: number }
  ): readonly StoredEntry[] {
    this.#checkOpen()
    const found: StoredEntry[] = []
    if (performance.now() > this.#validUntil) return found
    let items = 0
    let bytes = 0
    let missing = 0
    this.#book.waiting(cursor, after, (chunk, i) => {
      const tenure = this.#tenures.get(chunk.crc[i]!)
      if (tenure === undefined || tenure.isLeaving) return true
      items += chunk.items[i]!
      bytes += chunk.bytes[i]!
      if (found.length > 0 && (items > limit.maxItems || bytes > limit.maxBytes)) return false
      const payload = this.#payloads.get(chunk.first + i)
      if (payload === undefined) {
        missing = chunk.first + i
        return false
      }
      found.push(this.#entry(chunk, i, payload))
      return items < limit.maxItems && bytes < limit.maxBytes
    })
    if (missing > 0) this.#fetchAhead(cursor, missing)
    const last = found.at(-1)?.position ?? 0
    if (last > (this.#highestRead.get(cursor) ?? 0)) this.#highestRead.set(cursor, last)
    return found
  }

  /** @throws QUEUE_FETCHING when it is held but not in memory: it comes, and `onAppend` tells. */
  get(position: number): StoredEntry | undefined {
    this.#checkOpen()
    const chunk = this.#book.find(position)
    if (chunk === undefined || chunk.gone[position - chunk.first] === 1) return undefined
    const payload = this.#payloads.get(position)
    if (payload !== undefined) return this.#entry(chunk, position - chunk.first, payload)
    this.ready([position])
    throw queueErrors.QUEUE_FETCHING()
  }

  /** Whether `get` of these would not have to wait; if not they are fetched and `onAppend` tells. */
  ready(positions: readonly number[]): boolean {
    const missing = positions.filter(p => this.#isLive(p) && this.#payloads.get(p) === undefined)
    if (missing.length === 0) return true
    const job = `again ${missing[0]}`
    if (!this.#fetching.has(job)) {
      void this.#fetch(
        job,
        positions.filter(p => this.#isLive(p)),
        found => this.#payloads.again(found)
      )
    }
    return false
  }

  onAppend(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  hold(name: string, position: number): void {
    this.#book.hold(name, position)
    if (position === Number.POSITIVE_INFINITY) this.#holds.delete(name)
    else this.#holds.set(name, position)
    this.#undeclaredHolds.delete(name)
    this.#holdsChanged = true
  }

  counts(): ReadonlyMap<string, number> {
    return new Map(this.#book.counts)
  }

  state(key: string): Buffer | undefined {
    return this.#book.state.get(key)
  }

  status(): LogStatus {
    return {
      bytes: this.#heldBytes(),
      maxBytes: this.#o.maxBytes,
      entries: this.#book.heldEntries,
      cursors: this.#book.cursors(),
      damagedEntries: this.#damaged
    }
  }

  onDamage(fn: (what: Damage) => void): void {
    this.#damageListeners.add(fn)
  }

  async stop(): Promise<void> {
    if (!this.#open) return
    while (this.#running !== undefined && this.#store.isReady) await this.#running
    clearTimeout(this.#beating)
    clearTimeout(this.#tidying)
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    if (this.#store.isReady) {
      await this.#exclusive(async () => {
        if (this.#hasDirt()) await this.#write([])
        for (const { partition, epoch } of this.#owned.values()) await this.#store.handOver(partition, epoch)
        await this.#store.leave(this.#member, this.#instance)
      }).catch(error => this.#note('warn', { code: fromRedis(error, this.#store.where).code }, 'left without goodbye'))
    }
    this.crash()
  }

  /** Ends as a kill would: nothing is given back. For tests. */
  crash(): void {
    this.#open = false
    clearTimeout(this.#beating)
    clearTimeout(this.#tidying)
    this.#store.close()
    endInstance(this.#instance)
  }

  // --- commits -------------------------------------------------------------------------------------------------------

  #start(): void {
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined
        if (this.#jobs.length > 0) this.#start()
        else this.#tidyLater()
      })
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const group = this.#takeGroup()
      const late = setInterval(() => this.#late(group), this.#o.commitTimeoutMs / 4)
      try {
        await this.#exclusive(() => this.#write(group))
      } catch (error) {
        const coded = fromRedis(error, this.#store.where)
        for (const job of group) job.reject(coded)
      }
      clearInterval(late)
      for (const job of group) this.#queuedBytes -= job.bytes
    }
  }

  #takeGroup(): Job[] {
    let bytes = 0
    let n = 0
    while (n < this.#jobs.length && (n === 0 || bytes + this.#jobs[n]!.bytes <= GROUP_BYTES))
      bytes += this.#jobs[n++]!.bytes
    return this.#jobs.splice(0, n)
  }

  /** Senders do not wait for ever for a Redis that is away. What was not sent to it yet will not be. */
  #late(group: readonly Job[]): void {
    const before = performance.now() - this.#o.commitTimeoutMs
    const isLate = ({ bytes, at }: Job): boolean => bytes > 0 && at <= before
    for (const job of [...group, ...this.#jobs]) {
      if (isLate(job)) job.reject(queueErrors.QUEUE_UNAVAILABLE(this.#store.where, 'no answer in time'))
    }
    this.#jobs = this.#jobs.filter(job => {
      if (isLate(job)) this.#queuedBytes -= job.bytes
      return !isLate(job)
    })
  }

  /** Writes jobs in as few scripts as possible; each one is resolved or rejected. */
  async #write(jobs: readonly Job[]): Promise<void> {
    let left = jobs.filter(job => this.#isCurrent(job))
    const hadDirt = this.#hasDirt()
    if (left.length === 0 && !hadDirt) return
    do {
      const done = await this.#script(left)
      left = left.slice(done).filter(job => this.#isCurrent(job))
    } while (left.length > 0)
  }

  /** Whether all it acks is still ours; if not it is refused whole, as its counts belong to its acks. */
  #isCurrent(job: Job): boolean {
    if (this.#moved.size === 0) return true
    const acks = job.commit.acks ?? []
    if (!acks.some(({ positions }) => positions.some(position => this.#moved.has(position)))) return true
    job.reject(queueErrors.QUEUE_MOVED())
    return false
  }

  /** One script; how many of the jobs are settled. */
  async #script(jobs: readonly Job[]): Promise<number> {
    const plan = this.#plan(jobs)
    let answer: CommitAnswer
    try {
      answer = await this.#store.commit(plan.keys, plan.args)
    } catch (error) {
      this.#unplan(plan)
      const coded = fromRedis(error, this.#store.where)
      if (coded.code !== 'QUEUE_REDIS_MEMORY') throw coded
      // At maxmemory acks and counts still pass: they make room.
      for (const job of jobs) if (job.bytes > 0) job.reject(coded)
      const others = jobs.filter(job => job.bytes === 0)
      if (others.length > 0 && others.length < jobs.length) await this.#write(others)
      else for (const job of others) job.reject(coded)
      return jobs.length
    }
    if (answer.moved !== undefined) {
      this.#unplan(plan)
      for (const p of list(answer.moved)) this.#lose(p, 'another gateway has it')
      return 0
    }
    return this.#apply(jobs, plan, answer)
  }

  #plan(jobs: readonly Job[]): Plan {
    const parts: number[] = []
    const index = (p: number): number => {
      const at = parts.indexOf(p)
      return at >= 0 ? at : parts.push(p) - 1
    }
    const fenced = new Set<number>()
    const pending = this.#pending
    this.#pending = new Map()
    const pendingBytes = this.#pendingBytes
    this.#pendingBytes = 0
    const rel = [...pending]
      .filter(([p]) => this.#owned.has(p))
      .map(([p, freed]) => {
        fenced.add(index(p))
        return [index(p), freed.seqs, freed.bytes] as const
      })
    const holds = this.#holdsChanged ? this.#holdFields() : []
    this.#holdsChanged = false
    const time = this.#now()
    const target = this.#target()
    const payloads: Buffer[] = []
    const values: Buffer[] = []
    const overlay = new Map<number, string[]>()
    const freed = new Set<number>()
    const minHold = Math.min(Number.POSITIVE_INFINITY, ...this.#book.holds().values())
    const planned = jobs.map(({ commit }) => {
      const a = (commit.appends ?? []).map(entry => {
        payloads.push(entry.bytes)
        const { stream, items } = entry
        return [index(target), metaOf({ items, bytes: entry.bytes.length, time, stream }), entry.bytes.length] as const
      })
      const acks = this.#planAcks(commit, overlay, freed, minHold, index, fenced)
      const set: string[] = []
      const del: string[] = []
      for (const [key, value] of commit.state ?? []) {
        if (value === null) del.push(key)
        else {
          set.push(key)
          values.push(value)
        }
      }
      return { a, ...acks, counts: Object.fromEntries(commit.counts ?? []), set, del }
    })
    const head = {
      id: `${++this.#commits}`,
      max: this.#o.maxBytes,
      parts,
      fences: [...fenced].map(i => [i, this.#owned.get(parts[i]!)!.epoch]),
      rel,
      holds,
      jobs: planned,
      appends: payloads.length > 0
    }
    return {
      keys: this.#store.commitKeys(this.#member, this.#instance, parts),
      args: [JSON.stringify(head), ...payloads, ...values],
      parts,
      target,
      time,
      pending,
      pendingBytes,
      hadHolds: holds.length > 0,
      freed
    }
  }

  /** The acks that change something, as marks, and what they release. */
  #planAcks(
    commit: Commit,
    overlay: Map<number, string[]>,
    freed: Set<number>,
    minHold: number,
    index: (p: number) => number,
    fenced: Set<number>
  ) {
    const marks: (readonly [number, string, string[]])[] = []
    const rel = new Map<number, Freed>()
    for (const { cursor, positions } of commit.acks ?? []) {
      const byPart = new Map<number, string[]>()
      for (const position of positions) {
        const chunk = this.#book.find(position)
        if (chunk === undefined) continue
        const i = position - chunk.first
        const tenure = this.#tenures.get(chunk.crc[i]!)
        const waiters = this.#book.waiters(position)
        const before = overlay.get(position) ?? []
        if (tenure === undefined || chunk.gone[i] === 1 || !waiters.includes(cursor) || before.includes(cursor))
          continue
        overlay.set(position, [...before, cursor])
        const at = index(tenure.partition)
        fenced.add(at)
        const seq = `${chunk.offset[i]!}`
        if (before.length + 1 < waiters.length || position >= minHold) {
          push(byPart, at, seq)
          continue
        }
        freed.add(position)
        const one = rel.get(at) ?? { seqs: [], bytes: 0 }
        one.seqs.push(seq)
        one.bytes += chunk.bytes[i]!
        rel.set(at, one)
      }
      for (const [at, seqs] of byPart) marks.push([at, cursor, seqs])
    }
    return { k: marks, rel: [...rel].map(([at, { seqs, bytes }]) => [at, seqs, bytes] as const) }
  }

  /** The script changed nothing: what it would have tidied is still to do. */
  #unplan(plan: Plan): void {
    for (const [p, { seqs, bytes }] of plan.pending) {
      const now = this.#pending.get(p)
      if (now === undefined) this.#pending.set(p, { seqs, bytes })
      else {
        now.seqs.push(...seqs)
        now.bytes += bytes
      }
    }
    this.#pendingBytes += plan.pendingBytes
    this.#holdsChanged ||= plan.hadHolds
  }

  async #apply(jobs: readonly Job[], plan: Plan, answer: CommitAnswer): Promise<number> {
    this.#remoteBytes = answer.bytes
    const results = list(answer.r)
    const tenure = this.#owned.get(plan.target)
    const prev = answer.prev[`${plan.parts.indexOf(plan.target)}`]
    const given = results.flatMap(seqs => [...list(seqs)].map(Number))
    if (tenure !== undefined && given.length > 0 && Number(prev) > tenure.known) {
      await this.#pull(tenure, given[0]! - 1)
    }
    this.#freeing = plan.freed
    const settled: (readonly number[])[] = []
    for (const [j, seqs] of results.entries()) {
      const { commit } = jobs[j]!
      for (const { cursor, positions } of commit.acks ?? []) {
        for (const position of positions) this.#book.ack(cursor, position)
      }
      this.#book.add(commit.counts)
      this.#book.put(commit.state)
      settled.push(this.#appended(commit.appends ?? [], list(seqs).map(Number), tenure, plan.time))
    }
    this.#freeing = new Set()
    const isSafe = given.length === 0 || (await this.#isReplicated())
    for (const [j, positions] of settled.entries()) {
      const job = jobs[j]!
      if (isSafe === true || job.bytes === 0) job.resolve(positions)
      else job.reject(queueErrors.QUEUE_NOT_REPLICATED(isSafe as number, this.#o.waitReplicas))
    }
    if (given.length > 0) this.#notify()
    if (answer.full === undefined) return results.length
    const { bytes, reject } = jobs[answer.full]!
    reject(queueErrors.QUEUE_FULL(answer.bytes, bytes, this.#o.maxBytes))
    return answer.full + 1
  }

  #appended(appends: readonly Entry[], seqs: readonly number[], tenure: Tenure | undefined, time: number): number[] {
    return appends.map(({ stream, items, bytes }, i) => {
      if (tenure === undefined) return 0
      const seq = seqs[i]!
      tenure.known = seq
      const position = this.#addRow(tenure, { seq, stream, items, bytes: bytes.length, time })
      if (this.#isLive(position)) this.#payloads.keep(position, bytes)
      return position
    })
  }

  async #isReplicated(): Promise<true | number> {
    const { waitReplicas, commitTimeoutMs } = this.#o
    if (waitReplicas === 0) return true
    const got = await this.#store.wait(waitReplicas, commitTimeoutMs / 2).catch(() => 0)
    return got >= waitReplicas ? true : got
  }

  /** Own partition if there is one: its readers are here, and the payload is in memory already. */
  #target(): number {
    for (const { partition, isLeaving } of this.#owned.values()) if (!isLeaving) return partition
    let sum = 0
    for (const char of this.#member) sum = (sum * 31 + char.charCodeAt(0)) >>> 0
    return sum % this.#partitions
  }

  #hasDirt(): boolean {
    return this.#pending.size > 0 || this.#holdsChanged
  }

  /** Releases that no commit carried along leave a moment later. */
  #tidyLater(): void {
    if (!this.#open || this.#tidying !== undefined || !this.#hasDirt()) return
    this.#tidying = setTimeout(() => {
      this.#tidying = undefined
      if (!this.#open || !this.#hasDirt()) return
      this.#jobs.push({ commit: {}, bytes: 0, at: 0, resolve: NO_JOB, reject: NO_JOB })
      this.#start()
    }, TIDY_MS)
    this.#tidying.unref()
  }

  /** The holds of each owned partition as Redis keeps them. */
  #holdFields(): (readonly [string, string])[] {
    const fields: (readonly [string, string])[] = []
    for (const name of this.#holds.keys()) this.#knownHolds.add(name)
    for (const p of this.#owned.keys()) {
      for (const name of this.#knownHolds) {
        const position = this.#holds.get(name)
        fields.push([`${p}|${name}`, position === undefined ? '' : `${this.#seqAt(position)}`])
      }
    }
    for (const name of this.#knownHolds) if (!this.#holds.has(name)) this.#knownHolds.delete(name)
    return fields
  }

  /** The lowest number of the entries at and behind `position`. */
  #seqAt(position: number): number {
    let seq = position
    for (const chunk of this.#book.chunks) {
      if (chunk.first + chunk.count <= position) continue
      for (let i = Math.max(0, position - chunk.first); i < chunk.count; i++) {
        if (chunk.gone[i] === 0) seq = Math.min(seq, chunk.offset[i]!)
      }
    }
    return seq
  }

  // --- entries in memory ---------------------------------------------------------------------------------------------

  #addRow(tenure: Tenure, { seq, stream, items, bytes, time }: Row): number {
    const book = this.#book
    const position = Math.max(book.next, seq)
    const last = book.chunks.at(-1)
    const gap = last === undefined ? 0 : position - last.first - last.count
    if (last === undefined || gap > LONGEST_GAP || last.count >= CHUNK_ENTRIES) {
      for (const chunk of book.chunks.filter(({ liveEntries }) => liveEntries === 0)) book.drop(chunk)
      book.chunk(position)
    } else for (let i = 0; i < gap; i++) book.appendLost()
    book.append(stream, items, bytes, tenure.id, seq, time)
    return position
  }

  /** An entry that came from Redis: who has it behind them does not wait for it. */
  #addLoaded(tenure: Tenure, row: Row, acked: readonly string[] = []): void {
    tenure.known = row.seq
    const position = this.#addRow(tenure, row)
    for (const cursor of this.#book.waiters(position)) {
      const begin = this.#begins.get(laneOf(cursor, row.stream)) ?? 0
      if (row.seq <= begin || acked.includes(cursor)) this.#book.ack(cursor, position)
    }
  }

  #newBook(): Book {
    return new Book((position, bytes) => this.#released(position, bytes))
  }

  #released(position: number, bytes: number): void {
    this.#payloads.delete(position)
    if (this.#isLosing || this.#freeing.has(position)) return
    const chunk = this.#book.find(position)!
    const i = position - chunk.first
    const tenure = this.#tenures.get(chunk.crc[i]!)
    if (tenure === undefined) return
    const freed = this.#pending.get(tenure.partition) ?? { seqs: [], bytes: 0 }
    freed.seqs.push(`${chunk.offset[i]!}`)
    freed.bytes += bytes
    this.#pending.set(tenure.partition, freed)
    this.#pendingBytes += bytes
    if (this.#running === undefined) this.#tidyLater()
  }

  #heldBytes(): number {
    return this.#remoteBytes - this.#pendingBytes
  }

  #isLive(position: number): boolean {
    const chunk = this.#book.find(position)
    return chunk !== undefined && chunk.gone[position - chunk.first] === 0
  }

  #entry(chunk: Chunk, i: number, bytes: Buffer): StoredEntry {
    return {
      position: chunk.first + i,
      stream: this.#book.streamOf(chunk, i),
      items: chunk.items[i]!,
      bytes,
      appendedAt: chunk.time[i]!,
      part: chunk.crc[i]!
    }
  }

  #fetchAhead(cursor: string, from: number): void {
    const job = `ahead ${cursor}`
    if (this.#fetching.has(job)) return
    void this.#fetch(job, this.#ahead(cursor, from), found => this.#payloads.window(cursor, from, found))
  }

  /** What the cursor reads next and is not in memory, up to the size of a window. */
  #ahead(cursor: string, from: number): number[] {
    const wanted: number[] = []
    let bytes = 0
    this.#book.waiting(cursor, from - 1, (chunk, i) => {
      bytes += chunk.bytes[i]!
      if (wanted.length > 0 && bytes > this.#o.windowBytes) return false
      if (this.#payloads.get(chunk.first + i) === undefined) wanted.push(chunk.first + i)
      return true
    })
    return wanted
  }

  /** Payloads of a partition that was just taken, oldest first, as many as fit beside what is in memory. */
  async #warm(tenure: Tenure): Promise<void> {
    let room = this.#payloads.tailRoom
    let wanted: number[] = []
    let bytes = 0
    const fetch = (): Promise<void> =>
      this.#fetch(`take ${tenure.partition}`, wanted, found => {
        for (const [position, payload] of found) this.#payloads.keep(position, payload)
      })
    for (const chunk of [...this.#book.chunks]) {
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

  async #preload(cursors: readonly string[]): Promise<void> {
    for (const cursor of cursors) {
      const wanted = this.#ahead(cursor, 1)
      if (wanted.length === 0) continue
      await this.#fetch(`ahead ${cursor}`, wanted, found => this.#payloads.window(cursor, 1, found))
    }
  }

  /** Fetches payloads; what Redis does not have is damaged. Errors of the connection: readers ask again. */
  async #fetch(job: string, positions: readonly number[], keep: (found: Map<number, Buffer>) => void): Promise<void> {
    this.#fetching.add(job)
    try {
      const byPart = new Map<number, { position: number; seq: number }[]>()
      for (const position of positions) {
        const chunk = this.#book.find(position)!
        const tenure = this.#tenures.get(chunk.crc[position - chunk.first]!)
        if (tenure === undefined) continue
        push(byPart, tenure.partition, { position, seq: chunk.offset[position - chunk.first]! })
      }
      const found = new Map<number, Buffer>()
      for (const [p, wanted] of byPart) {
        const payloads = await this.#store.payloads(p, wanted.map(({ seq }) => seq)) // biome-ignore format: short
        for (const [i, { position }] of wanted.entries()) {
          const payload = payloads[i]
          if (payload) found.set(position, payload)
          else if (this.#isLive(position)) this.#lostPayload(position)
        }
      }
      for (const position of found.keys()) if (!this.#isLive(position)) found.delete(position)
      keep(found)
    } catch {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#notify()
      }, NEWS_MS)
      this.#timers.add(timer.unref())
    } finally {
      this.#fetching.delete(job)
    }
    this.#notify()
  }

  /** L6: counted for who waited, told, and gone on. */
  #lostPayload(position: number): void {
    const chunk = this.#book.find(position)!
    const i = position - chunk.first
    const stream = this.#book.streamOf(chunk, i)
    const items = chunk.items[i]!
    const counts = new Map(this.#book.waiters(position).map(cursor => [`dropped|${cursor}|${stream}|damaged`, items]))
    this.#book.lose(position)
    this.#damaged++
    for (const listener of this.#damageListeners) {
      listener({ position, items, stream, why: 'its payload is not in Redis any more' })
    }
    if (counts.size > 0) this.commit({ counts }).catch(NO_JOB)
  }

  #notify(): void {
    if (this.#notified) return
    this.#notified = true
    setImmediate(() => {
      this.#notified = false
      if (this.#open) for (const listener of this.#listeners) listener()
    })
  }

  // --- partitions ----------------------------------------------------------------------------------------------------

  #clear(): void {
    this.#payloads = new Payloads(this.#o.tailBytes)
    this.#owned.clear()
    this.#tenures.clear()
    this.#begins.clear()
    this.#moved.clear()
    this.#highestRead.clear()
    this.#pending.clear()
    this.#pendingBytes = 0
    this.#remoteBytes = 0
    this.#holds.clear()
    this.#knownHolds.clear()
    this.#undeclaredHolds.clear()
    this.#holdsChanged = false
    this.#jobs = []
    this.#queuedBytes = 0
    this.#chain = Promise.resolve()
    this.#book = this.#newBook()
    this.#isAlone = true
  }

  async #load(): Promise<void> {
    const lanes = await this.#store.lanes()
    for (const [lane, seq] of Object.entries(lanes)) this.#begins.set(lane, Number(seq))
    const states = Object.keys(lanes).map(lane => {
      const [cursor = '', stream = ''] = lane.split('\n')
      return { cursor, stream, low: 0, sparse: [] }
    })
    this.#book.restore(states, await this.#store.counts(this.#member), await this.#store.state())
  }

  #scheduleBeat(): void {
    this.#beating = setTimeout(() => {
      this.#beat()
        .catch(error => this.#note('warn', { code: fromRedis(error, this.#store.where).code }, 'no word from Redis'))
        .finally(() => {
          if (this.#open) this.#scheduleBeat()
        })
    }, this.#o.leaseMs / 4)
    this.#beating.unref()
  }

  /** Signs of life both ways, then gives and takes partitions. */
  async #beat(): Promise<void> {
    const begun = performance.now()
    const owned = [...this.#owned.values()].map(({ partition, epoch }) => [partition, epoch] as [number, string])
    const beat = await this.#store.beat(this.#member, this.#instance, this.#o.leaseMs, this.#partitions, owned)
    if (!this.#open) return
    if (!beat.named) {
      await this.#exclusive(async () => {
        for (const p of this.owned) this.#lose(p, 'another process has the name of this one')
      })
      return
    }
    await this.#exclusive(async () => {
      for (const p of beat.lost) this.#lose(p, 'its lease ran out and another gateway took it over')
      this.#validUntil = begun + this.#o.leaseMs
      this.#remoteBytes = beat.bytes
      this.#isAlone = beat.alive.length <= 1
      for (const tenure of this.#owned.values()) {
        if (beat.last[tenure.partition]! > tenure.known) await this.#pull(tenure, Number.POSITIVE_INFINITY)
      }
    })
    await this.#balance(beat)
  }

  async #balance(beat: Beat): Promise<void> {
    const members = Math.max(1, beat.alive.length)
    const floor = Math.floor(this.#partitions / members)
    const ceil = Math.ceil(this.#partitions / members)
    const free = beat.owners.map((owner, p) => (owner === '' || owner === this.#member ? p : -1)).filter(p => p >= 0)
    for (const p of free) {
      if (this.#owned.size >= ceil) break
      if (!this.#owned.has(p)) await this.#exclusive(() => this.#acquire(p))
    }
    const mine = [...this.#owned.values()].filter(({ isLeaving }) => !isLeaving)
    const someoneHasLess = beat.alive.some(
      member => member !== this.#member && beat.owners.filter(owner => owner === member).length < floor
    )
    const surplus = mine.length > ceil ? mine.length - ceil : mine.length > floor && someoneHasLess ? 1 : 0
    for (const tenure of mine.slice(mine.length - surplus)) this.#giveAway(tenure)
  }

  async #acquire(p: number): Promise<void> {
    const epoch = await this.#store.acquire(p, this.#member, this.#o.leaseMs)
    if (epoch === undefined) return
    const tenure: Tenure = { id: ++this.#lastTenure, partition: p, epoch, known: 0, isLeaving: false }
    this.#tenures.set(tenure.id, tenure)
    this.#owned.set(p, tenure)
    try {
      const acked = await this.#store.acked(p)
      // What another member committed may be among what is parked or sampled here.
      for (const [key, value] of await this.#store.state()) this.#book.state.set(key, value)
      await this.#loadHolds(p)
      this.#holdsChanged ||= this.#holds.size > 0
      await this.#pull(tenure, Number.POSITIVE_INFINITY, acked)
    } catch (error) {
      this.#lose(p, 'it could not be loaded')
      await this.#store.handOver(p, epoch).catch(NO_JOB)
      throw error
    }
    this.#note('info', { partition: p, epoch, entries: this.#book.heldEntries }, 'partition taken')
    await this.#warm(tenure)
    for (const listener of this.#partListeners) listener([p], [])
    this.#notify()
  }

  async #loadHolds(p: number): Promise<void> {
    for (const [field, seq] of Object.entries(await this.#store.holds())) {
      const name = field.slice(field.indexOf('|') + 1)
      if (!field.startsWith(`${p}|`)) continue
      const at = Math.min(this.#holds.get(name) ?? Number.POSITIVE_INFINITY, Math.max(Number(seq), this.#book.next))
      this.#book.hold(name, at)
      this.#holds.set(name, at)
      this.#knownHolds.add(name)
      this.#undeclaredHolds.add(name)
    }
    if (this.#undeclaredHolds.size === 0) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      for (const name of this.#undeclaredHolds) this.hold(name, Number.POSITIVE_INFINITY)
    }, HOLD_GRACE_MS)
    this.#timers.add(timer.unref())
  }

  /** Brings in what others appended, up to number `to`. */
  async #pull(tenure: Tenure, to: number, acked?: ReadonlyMap<number, readonly string[]>): Promise<void> {
    for (;;) {
      const rows = await this.#store.rows(tenure.partition, tenure.known)
      for (const row of rows) if (row.seq <= to) this.#addLoaded(tenure, row, acked?.get(row.seq))
      if (rows.length < 1000 || rows.at(-1)!.seq >= to) break
    }
    this.#notify()
  }

  /** Another process has it: its entries vanish from here. What was read of them is acked too late. */
  #lose(p: number, why: string): void {
    const tenure = this.#owned.get(p)
    if (tenure === undefined) return
    this.#owned.delete(p)
    this.#forget(tenure, true)
    this.#note('warn', { partition: p, epoch: tenure.epoch }, `partition lost: ${why}`)
  }

  #forget(tenure: Tenure, isSudden: boolean): void {
    const read = Math.max(0, ...this.#highestRead.values())
    this.#isLosing = true
    for (const chunk of this.#book.chunks) {
      for (let i = 0; i < chunk.count; i++) {
        if (chunk.gone[i] === 1 || chunk.crc[i] !== tenure.id) continue
        if (isSudden && chunk.first + i <= read) this.#moved.add(chunk.first + i)
        this.#book.lose(chunk.first + i)
      }
    }
    this.#isLosing = false
    this.#tenures.delete(tenure.id)
    for (const listener of this.#partListeners) listener([], [tenure.partition])
    const freed = this.#pending.get(tenure.partition)
    if (freed !== undefined) this.#pendingBytes -= freed.bytes
    this.#pending.delete(tenure.partition)
  }

  /** Gives a partition to somebody who has less: first what is under way here ends, then it is free. */
  #giveAway(tenure: Tenure): void {
    tenure.isLeaving = true
    const deadline = performance.now() + 2 * this.#o.leaseMs
    const look = (): void => {
      if (!this.#open || this.#owned.get(tenure.partition) !== tenure) return
      if (this.#isUnderWay(tenure) && performance.now() < deadline) {
        this.#timers.add(setTimeout(look, TIDY_MS).unref())
        return
      }
      this.#exclusive(async () => {
        if (this.#hasDirt()) await this.#write([])
        if (this.#owned.get(tenure.partition) !== tenure) return
        this.#owned.delete(tenure.partition)
        this.#forget(tenure, true)
        await this.#store.handOver(tenure.partition, tenure.epoch)
        this.#note('info', { partition: tenure.partition }, 'partition handed over')
      }).catch(NO_JOB)
    }
    look()
  }

  /** Whether something of it was read here and is not settled. */
  #isUnderWay(tenure: Tenure): boolean {
    for (const [cursor, highest] of this.#highestRead) {
      let found = false
      this.#book.waiting(cursor, 0, (chunk, i) => {
        if (chunk.first + i > highest) return false
        found = chunk.crc[i] === tenure.id
        return !found
      })
      if (found) return true
    }
    return false
  }

  /** Hears of what others append to partitions of ours, while there are others. */
  #listen(): void {
    const wait = async (): Promise<void> => {
      while (this.#open) {
        const known = new Map([...this.#owned.values()].map(tenure => [tenure.partition, tenure.known]))
        if (this.#isAlone || known.size === 0 || !this.#store.isReady) await pause(this.#o.leaseMs / 8, this.#timers)
        else await this.#hear(known)
      }
    }
    void wait()
  }

  async #hear(known: ReadonlyMap<number, number>): Promise<void> {
    try {
      const news = await this.#store.news(known, NEWS_MS)
      if (news.size === 0) return
      await this.#exclusive(async () => {
        for (const [p, rows] of news) {
          const tenure = this.#owned.get(p)
          if (tenure === undefined) continue
          for (const row of rows) if (row.seq > tenure.known) this.#addLoaded(tenure, row)
        }
      })
      this.#notify()
    } catch {
      if (this.#open) await pause(NEWS_MS, this.#timers)
    }
  }

  /** One at a time: commits, loading, losing. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#chain.then(work, work)
    this.#chain = next.catch(NO_JOB)
    return next
  }

  #checkOpen(): void {
    if (!this.#open) throw queueErrors.QUEUE_CLOSED()
  }
}

interface Plan {
  readonly keys: string[]
  readonly args: (string | Buffer)[]
  readonly parts: readonly number[]
  readonly target: number
  readonly time: number
  readonly pending: ReadonlyMap<number, Freed>
  readonly pendingBytes: number
  readonly hadHolds: boolean
  readonly freed: ReadonlySet<number>
}

function laneOf(cursor: string, stream: string): string {
  return `${cursor}\n${stream}`
}

function sizeOf({ stream, bytes }: Entry): number {
  if (Buffer.byteLength(stream) > 255) throw queueErrors.QUEUE_BAD_ENTRY('its stream name is longer than 255 bytes')
  return bytes.length
}

function push<K, V>(to: Map<K, V[]>, key: K, value: V): void {
  const known = to.get(key)
  if (known === undefined) to.set(key, [value])
  else known.push(value)
}

/** Without the keys that are undefined, so that defaults hold. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function pause(ms: number, timers: Set<NodeJS.Timeout>): Promise<void> {
  return new Promise(done => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      done()
    }, ms)
    timers.add(timer.unref())
  })
}
