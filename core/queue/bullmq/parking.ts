// Parking on BullMQ: two queues an exporter, `<exporter>` with delayed jobs (retries) and `<exporter>.dead` (dead letters), so
// that BullMQ's own tools show them. A job carries what is known of a payload; the payload itself is kept once, beside it.
//
//   {prefix}:parked            hash   id -> payload        written before its job: a payload without job is nobody's
//   {prefix}:parked:seq        ids
//   {prefix}:parked:exporters  set    names of the queues
//   {prefix}:bull:...          BullMQ's keys; job id p<id>, data {meta, part}
//
// Each job belongs to a part: a partition of the log. Who owns the partition delivers and lists its jobs; nobody else sees
// them. When partitions move, their jobs come and go with them.
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
  readonly #gainedListeners = new Set<() => void>()
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
    await this.#run(client => client.connect())
    await this.#load(new Set((this.#o.parts ?? ONE_PART).owned))
  }

  /** Calls `fn` when payloads of others came to this process. */
  onGained(fn: () => void): void {
    this.#gainedListeners.add(fn)
  }

  async park(what: ToPark): Promise<string> {
    const { bytes, ...rest } = what
    if (this.#heldBytes + bytes.length > this.#o.maxBytes) {
      throw queueErrors.QUEUE_FULL(this.#heldBytes, bytes.length, this.#o.maxBytes)
    }
    const meta: ParkedMeta = { ...rest, reason: shorten(what.reason), parkedAt: this.#now() }
    const part = (this.#o.parts ?? ONE_PART).owned[0] ?? 0
    const position = await this.#run(client => client.incr(`${this.#tag}:parked:seq`))
    const item: Item = { position, meta, size: bytes.length, part }
    const id = `${position}`
    await this.#run(client =>
      client.hset(`${this.#tag}:parked`, id, encodePayload(bytes, this.#o.compression ?? 'none'))
    )
    await this.#run(client => client.sadd(`${this.#tag}:parked:exporters`, what.exporter))
    try {
      const delay = meta.dead ? 0 : Math.max(0, meta.dueAt - this.#now())
      const data: JobData = { meta, size: bytes.length, part }
      await this.#queue(meta).add(meta.dead ? 'dead' : 'retry', data, { jobId: `p${id}`, delay })
    } catch (error) {
      await this.#client?.hdel(`${this.#tag}:parked`, id).catch(() => 0)
      throw fromRedis(error, this.#where)
    }
    this.#keep(position, bytes)
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

  async remove(ids: readonly string[]): Promise<void> {
    const items = ids.map(id => this.#index.get(Number(id))).filter(item => item !== undefined)
    for (const item of items) {
      await this.#run(() => this.#queue(item.meta).remove(`p${item.position}`))
      this.#forget(item)
    }
    const fields = items.map(({ position }) => `${position}`)
    if (fields.length > 0) await this.#run(client => client.hdel(`${this.#tag}:parked`, ...fields))
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

  /** Puts the jobs of the given parts into the index. */
  async #load(parts: ReadonlySet<number>): Promise<void> {
    if (parts.size === 0) return
    for (const exporter of await this.#run(client => client.smembers(`${this.#tag}:parked:exporters`))) {
      for (const dead of [false, true]) {
        const queue = this.#queue({ exporter, dead } as ParkedMeta)
        for (let from = 0; ; from += PAGE) {
          const jobs: (Job<JobData> | undefined)[] = await this.#run(() =>
            queue.getJobs([...STATES], from, from + PAGE - 1, true)
          )
          for (const job of jobs) if (job && parts.has(job.data.part)) this.#addJob(job)
          if (jobs.length < PAGE) break
        }
      }
    }
    const first = [...this.#index.all()].map(({ position }) => position)
    await this.#fetch(first)
  }

  #addJob({ id, data }: Job<JobData>): void {
    const position = Number(id!.slice(1))
    if (this.#index.get(position) === undefined) this.#add({ position, ...data })
  }

  #moved(gained: readonly number[], lost: readonly number[]): void {
    if (this.#client === undefined) return
    const gone = new Set(lost)
    for (const item of [...this.#index.all()]) if (gone.has(item.part)) this.#forget(item)
    if (gained.length === 0) return
    this.#loading = this.#loading
      .then(() => this.#load(new Set(gained)))
      .then(
        () => {
          for (const listener of this.#gainedListeners) listener()
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

  #parked({ position, meta, size }: Item): Parked {
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
