// Parking on BullMQ: two queues an exporter, `<exporter>` with delayed jobs (retries) and `<exporter>.dead` (dead letters), so
// that BullMQ's own tools show them. A job carries what is known of a payload; the payload itself is kept once, beside it.
//
//   {prefix}:parked            hash   id -> payload        written before its job: a payload without job is nobody's
//   {prefix}:parked:seq        ids
//   {prefix}:parked:exporters  set    names of the queues
//   {prefix}:bull:...          BullMQ's keys; job id p<id>, data {meta, part}
//
// Each job belongs to a partition of the log. Who owns the partition delivers and lists its jobs; nobody else sees them. When
// partitions move, their jobs come and go with them. The payload is what makes a job count, and it is written and removed by
// scripts that know the partition's epoch: an owner that hung and comes back writes nothing any more (QUEUE_MOVED).
import { createRequire } from 'node:module'
import type * as Bull from 'bullmq'
import type { Job, Queue } from 'bullmq'
import { queueErrors } from '../errors.js'
import type { Parked, Parking, ParkingStatus, ToPark } from '../parking.js'
import { type IndexItem, type ParkedMeta, ParkingIndex, shorten } from '../parking-index.js'
import { type Compression, decodePayload, encodePayload } from '../redis_streams/codec.js'
import { type Client, createClient, fromRedis, parseAddress } from '../redis_streams/connect.js'

/** Which parts are this process's. */
export interface Parts {
  readonly owned: readonly number[]
  /** Calls `fn` with what came and what went. */
  onChange(fn: (gained: readonly number[], lost: readonly number[]) => void): void
  /** Our time of ownership of a partition. Absent: nobody else can have it. */
  tenureOf?(partition: number): { readonly part: number; readonly epoch: string } | undefined
  /** The log they are parts of; a Redis that has another one lost it. Absent: nobody else can have it. */
  readonly incarnation?: string
  /** The partition of a part that is still ours. */
  partitionOf?(part: number): number | undefined
}

export interface BullParkingOptions {
  readonly url: string
  /** First part of every key, as the log's. Default `algoflow`. */
  readonly prefix?: string
  /** Payload bytes held at most. */
  readonly maxBytes: number
  /** Default: one part, ours. */
  readonly parts?: Parts
  /** Payloads kept in memory. Default 32 MiB. */
  readonly cacheBytes?: number
  /** How payloads are kept in Redis. Default none. */
  readonly compression?: Compression
  readonly connectTimeoutMs?: number
  readonly now?: () => number
}

interface Item extends IndexItem {
  readonly part: number
}

interface JobData {
  readonly meta: ParkedMeta
  readonly size: number
  readonly part: number
}

const PAGE = 500
const CACHE_BYTES = 32 << 20
const STATES = ['delayed', 'wait', 'prioritized', 'paused'] as const
const ONE_PART: Parts = { owned: [0], onChange: () => {} }

type Scripts = Record<'afPark' | 'afUnpark', (...args: (string | number | Buffer)[]) => Promise<string>>

/**
 * Before both scripts. ARGV[3] is the incarnation of the log that this process began with, or "". When Redis lost it: error EMPTIED
 * and nothing changed.
 */
const GUARD = `
if ARGV[3] ~= '' and redis.call('HGET', KEYS[1], 'incarnation') ~= ARGV[3] then
  return redis.error_reply('EMPTIED the log that this process began with is gone')
end
`

/**
 * park: writes a payload, as long as its partition is ours.
 * KEYS  meta, parked, seq, exporters. ARGV  partition, epoch or "", incarnation, payload, exporter.
 * Gives its id; "" when the epoch is another.
 */
const PARK = `${GUARD}
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'epoch:' .. ARGV[1]) ~= ARGV[2] then return '' end
local id = string.format('%.0f', redis.call('INCR', KEYS[3]))
redis.call('HSET', KEYS[2], id, ARGV[4])
redis.call('SADD', KEYS[4], ARGV[5])
return id
`

/**
 * unpark: removes a payload, as long as its partition is ours. KEYS  meta, parked. ARGV  partition, epoch or "", incarnation, id.
 * Gives "1", or "" when the epoch is another.
 */
const UNPARK = `${GUARD}
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'epoch:' .. ARGV[1]) ~= ARGV[2] then return '' end
redis.call('HDEL', KEYS[2], ARGV[4])
return '1'
`

/** Loaded by the first queue: a gateway without Redis starts without it. */
const load = createRequire(import.meta.url)

export class BullParking implements Parking {
  readonly #o: BullParkingOptions
  readonly #now: () => number
  readonly #tag: string
  readonly #where: string
  readonly #index = new ParkingIndex<Item>()
  readonly #cache = new Map<number, Buffer>()
  readonly #queues = new Map<string, Queue>()
  readonly #fetching = new Set<number>()
  readonly #gainedListeners = new Set<(ids: readonly string[]) => void>()
  #cacheBytes = 0
  #heldBytes = 0
  #client: Client | undefined
  #loading: Promise<void> = Promise.resolve()

  constructor(options: BullParkingOptions) {
    this.#o = options
    this.#now = options.now ?? Date.now
    this.#tag = `{${options.prefix ?? 'algoflow'}}`
    this.#where = parseAddress(options.url).text
    const parts = options.parts ?? ONE_PART
    parts.onChange((gained, lost) => this.#moved(gained, lost))
  }

  async start(): Promise<void> {
    this.#index.clear()
    this.#cache.clear()
    this.#cacheBytes = 0
    this.#heldBytes = 0
    this.#client = createClient(parseAddress(this.#o.url))
    this.#client.on('error', () => {})
    this.#client.defineCommand('afPark', { lua: PARK })
    this.#client.defineCommand('afUnpark', { lua: UNPARK })
    await this.#run(client => client.connect())
    await this.#load(new Set(this.#parts.owned))
  }

  /** Calls `fn` when payloads of others came to this process. */
  onGained(fn: (ids: readonly string[]) => void): void {
    this.#gainedListeners.add(fn)
  }

  /** @throws QUEUE_FULL, QUEUE_MOVED, QUEUE_UNAVAILABLE, QUEUE_REDIS_MEMORY, QUEUE_REDIS_EMPTIED */
  async park(what: ToPark): Promise<string> {
    const { bytes, part: wanted, ...rest } = what
    if (this.#heldBytes + bytes.length > this.#o.maxBytes) {
      throw queueErrors.QUEUE_FULL(this.#heldBytes, bytes.length, this.#o.maxBytes)
    }
    const meta: ParkedMeta = { ...rest, reason: shorten(what.reason), parkedAt: this.#now() }
    const part = this.#partitionFor(wanted)
    const epoch = this.#epochOf(part)
    const kept = encodePayload(bytes, this.#o.compression ?? 'none')
    const id = await this.#script(
      'afPark',
      ['meta', 'parked', 'parked:seq', 'parked:exporters'],
      part,
      epoch,
      this.#parts.incarnation ?? '',
      kept,
      what.exporter
    )
    if (id === '') throw queueErrors.QUEUE_MOVED()
    const item: Item = { position: Number(id), meta, size: bytes.length, part }
    try {
      const delay = meta.dead ? 0 : Math.max(0, meta.dueAt - this.#now())
      const data: JobData = { meta, size: bytes.length, part }
      await this.#queue(meta).add(meta.dead ? 'dead' : 'retry', data, { jobId: `p${id}`, delay })
      if (epoch !== '' && (await this.#epochNow(part)) !== epoch) throw queueErrors.QUEUE_MOVED()
    } catch (error) {
      await this.#client?.hdel(`${this.#tag}:parked`, id).catch(() => 0)
      await this.#queue(meta).remove(`p${id}`).catch(() => 0) // biome-ignore format: short
      throw fromRedis(error, this.#where)
    }
    this.#keep(item.position, bytes)
    this.#add(item)
    return id
  }

  due(exporter: string, now: number, max: number): readonly Parked[] {
    return this.#index.due(exporter, now, max).map(item => this.#parked(item))
  }

  dead(exporter: string, afterId: string | undefined, max: number): readonly Parked[] {
    const after = afterId === undefined ? 0 : Number(afterId)
    return this.#index.dead(exporter, after, max).map(item => this.#parked(item))
  }

  get(id: string): Parked | undefined {
    const item = this.#index.get(Number(id))
    return item && this.#parked(item)
  }

  ready(id: string): boolean {
    const position = Number(id)
    if (this.#index.get(position) === undefined || this.#cache.has(position)) return true
    if (!this.#fetching.has(position)) void this.#fetch([position])
    return false
  }

  /** What another process has by now stays as it is. */
  async remove(ids: readonly string[]): Promise<void> {
    const items = ids.map(id => this.#index.get(Number(id))).filter(item => item !== undefined)
    for (const item of items) {
      const [part, id] = [item.part, `${item.position}`]
      const args = [part, this.#epochOf(part), this.#parts.incarnation ?? '', id]
      const isOurs = (await this.#script('afUnpark', ['meta', 'parked'], ...args)) === '1'
      if (isOurs) await this.#run(() => this.#queue(item.meta).remove(`p${id}`))
      this.#forget(item)
    }
  }

  status(): readonly ParkingStatus[] {
    return this.#index.status()
  }

  async expire(before: number): Promise<number> {
    const old = this.#index.old(before)
    await this.remove(old.map(({ position }) => `${position}`))
    return old.length
  }

  async stop(): Promise<void> {
    await this.#loading
    const queues = [...this.#queues.values()]
    this.#queues.clear()
    await Promise.all(queues.map(queue => queue.close().catch(() => {})))
    this.#client?.disconnect()
    this.#client = undefined
  }

  /** Where a payload of a part belongs; without one, to what is ours. @throws QUEUE_MOVED */
  #partitionFor(part: number | undefined): number {
    const { owned, partitionOf } = this.#parts
    if (part === undefined || partitionOf === undefined) return owned[0] ?? 0
    const partition = this.#parts.partitionOf!(part)
    if (partition === undefined) throw queueErrors.QUEUE_MOVED()
    return partition
  }

  /** What Redis must have as the partition's epoch; '' where nobody else can have it. */
  #epochOf(partition: number): string {
    if (this.#parts.tenureOf === undefined) return ''
    return this.#parts.tenureOf(partition)?.epoch ?? 'none'
  }

  #epochNow(partition: number): Promise<string | null> {
    return this.#run(client => client.hget(`${this.#tag}:meta`, `epoch:${partition}`))
  }

  #script(name: keyof Scripts, keys: readonly string[], ...args: (string | number | Buffer)[]): Promise<string> {
    const names = keys.map(key => `${this.#tag}:${key}`)
    return this.#run(client => (client as Client & Scripts)[name](keys.length, ...names, ...args))
  }

  get #parts(): Parts {
    return this.#o.parts ?? ONE_PART
  }

  #queue({ exporter, dead }: ParkedMeta): Queue {
    const name = dead ? `${exporter}.dead` : exporter
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      if (this.#client === undefined) throw queueErrors.QUEUE_CLOSED()
      const bullmq = load('bullmq') as typeof Bull
      queue = new bullmq.Queue(name, {
        connection: this.#client as never,
        prefix: `${this.#tag}:bull`,
        skipVersionCheck: true,
        skipWaitingForReady: true,
        defaultJobOptions: { attempts: 1, removeOnComplete: true },
        streams: { events: { maxLen: 100 } }
      })
      queue.on('error', () => {})
      this.#queues.set(name, queue)
    }
    return queue
  }

  /** Puts the jobs of the given parts into the index; the ids of those that are new here. */
  async #load(parts: ReadonlySet<number>): Promise<readonly string[]> {
    if (parts.size === 0) return []
    const found: string[] = []
    for (const exporter of await this.#run(client => client.smembers(`${this.#tag}:parked:exporters`))) {
      for (const dead of [false, true]) {
        const queue = this.#queue({ exporter, dead } as ParkedMeta)
        for (let from = 0; ; from += PAGE) {
          const jobs: (Job<JobData> | undefined)[] = await this.#run(() =>
            queue.getJobs([...STATES], from, from + PAGE - 1, true)
          )
          for (const job of jobs) if (job && parts.has(job.data.part) && this.#addJob(job)) found.push(job.id!.slice(1))
          if (jobs.length < PAGE) break
        }
      }
    }
    const first = [...this.#index.all()].map(({ position }) => position)
    await this.#fetch(first)
    return found
  }

  /** Whether it is new here. */
  #addJob({ id, data }: Job<JobData>): boolean {
    const position = Number(id!.slice(1))
    if (this.#index.get(position) !== undefined) return false
    this.#add({ position, ...data })
    return true
  }

  #moved(gained: readonly number[], lost: readonly number[]): void {
    if (this.#client === undefined) return
    const gone = new Set(lost)
    for (const item of [...this.#index.all()]) if (gone.has(item.part)) this.#forget(item)
    if (gained.length === 0) return
    this.#loading = this.#loading
      .then(() => this.#load(new Set(gained)))
      .then(
        ids => {
          for (const listener of this.#gainedListeners) listener(ids)
        },
        () => undefined // Redis is away; its jobs come with the next change or start
      )
  }

  #add(item: Item): void {
    this.#index.add(item)
    this.#heldBytes += item.size
  }

  #forget(item: Item): void {
    if (this.#index.get(item.position) === undefined) return
    this.#index.forget(item)
    this.#heldBytes -= item.size
    this.#drop(item.position)
  }

  /** Payloads into memory, oldest first, until it is full. */
  async #fetch(positions: readonly number[]): Promise<void> {
    for (const position of positions) {
      if (positions.length > 1 && this.#cacheBytes >= (this.#o.cacheBytes ?? CACHE_BYTES)) return
      this.#fetching.add(position)
      try {
        const kept = await this.#run(client => client.hgetBuffer(`${this.#tag}:parked`, `${position}`))
        const bytes = kept && decodePayload(kept)
        if (bytes && this.#index.get(position) !== undefined) this.#keep(position, bytes)
      } catch {
        return // asked for again when it is needed
      } finally {
        this.#fetching.delete(position)
      }
    }
  }

  #keep(position: number, bytes: Buffer): void {
    this.#drop(position)
    this.#cache.set(position, bytes)
    this.#cacheBytes += bytes.length
    for (const old of this.#cache.keys()) {
      if (this.#cacheBytes <= (this.#o.cacheBytes ?? CACHE_BYTES) || old === position) return
      this.#drop(old)
    }
  }

  #drop(position: number): void {
    const bytes = this.#cache.get(position)
    if (bytes === undefined) return
    this.#cache.delete(position)
    this.#cacheBytes -= bytes.length
  }

  #parked({ position, meta, size, part }: Item): Parked {
    const bytesOf = (): Buffer => {
      const bytes = this.#cache.get(position)
      if (bytes !== undefined) return bytes
      this.ready(`${position}`)
      throw queueErrors.QUEUE_FETCHING()
    }
    return {
      id: `${position}`,
      ...meta,
      size,
      part: this.#parts.tenureOf?.(part)?.part,
      get bytes(): Buffer {
        return bytesOf()
      }
    }
  }

  async #run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    if (this.#client === undefined) throw queueErrors.QUEUE_CLOSED()
    try {
      return await command(this.#client)
    } catch (error) {
      throw fromRedis(error, this.#where)
    }
  }
}
