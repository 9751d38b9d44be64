// Opens the queue a config asks for: `{type: embedded, path}`, `{type: memory}` or `{type: redis, url}`.
import { join } from 'node:path'
import { BullParking } from './bullmq/parking.js'
import { EmbeddedLog } from './embedded/log.js'
import type { Log } from './log.js'
import { LogParking } from './log-parking.js'
import { MemoryLog } from './memory/log.js'
import type { Parking } from './parking.js'
import { RedisLog, type RedisLogOptions } from './redis_streams/log.js'
import { SpillLog } from './spill/log.js'
import { Shelf } from './spill/shelf.js'

export interface QueueConfig {
  readonly type: 'embedded' | 'memory'
  /** Directory of the embedded queue; made if missing. Default `queue`. */
  readonly path?: string
  /** Payload bytes the log holds at most. */
  readonly maxBytes: number
  /** Payload bytes parking holds at most. Default: as the log. */
  readonly parkingMaxBytes?: number
  readonly segmentBytes?: number
  readonly tailBytes?: number
  readonly now?: () => number
}

export interface RedisQueueConfig extends RedisLogOptions {
  readonly type: 'redis'
  /** Payload bytes this process's parking holds at most. Default: as the log. */
  readonly parkingMaxBytes?: number
  /** The disk that takes what Redis cannot. */
  readonly spill?: {
    readonly path: string
    /** Payload bytes on the disk at most. */
    readonly maxBytes: number
    /** Directories of processes that are no more: emptied into Redis. */
    readonly abandoned?: readonly string[]
  }
}

/** The log and the parking of a config; `start()` both before use, the log first. */
export function openQueue(config: QueueConfig): { readonly log: Log; readonly parking: LogParking }
export function openQueue(config: QueueConfig | RedisQueueConfig): { readonly log: Log; readonly parking: Parking }
export function openQueue(config: QueueConfig | RedisQueueConfig): { readonly log: Log; readonly parking: Parking } {
  if (config.type === 'redis') return openRedis(config)
  const { type, path = 'queue', parkingMaxBytes, ...options } = config
  const parked = { ...options, maxBytes: parkingMaxBytes ?? config.maxBytes }
  if (type === 'memory') return { log: new MemoryLog(options), parking: new LogParking(new MemoryLog(parked), options) }
  const shelf = new EmbeddedLog({ ...parked, dir: join(path, 'parking'), segmentBytes: PARKING_SEGMENT, tailBytes: 0 })
  return { log: new EmbeddedLog({ ...options, dir: path }), parking: new LogParking(shelf, options) }
}

/** Dead letters stay long: small files come free sooner. */
const PARKING_SEGMENT = 16 << 20

/** Records of the spill stay a short time or a long one; memory is for deliveries. */
const SPILL_TAIL = 4 << 20

function openRedis({ type: _, parkingMaxBytes, spill, ...options }: RedisQueueConfig) {
  const { url, prefix, now, maxBytes, compression } = options
  const log = new RedisLog(options)
  const parking = new BullParking({
    url,
    ...(prefix === undefined ? {} : { prefix }),
    ...(now === undefined ? {} : { now }),
    ...(compression === undefined ? {} : { compression }),
    maxBytes: parkingMaxBytes ?? maxBytes,
    parts: log
  })
  return { log: spill === undefined ? log : spilling(log, spill, options), parking }
}

function spilling(
  shared: RedisLog,
  { path, maxBytes, abandoned = [] }: NonNullable<RedisQueueConfig['spill']>,
  { now, onNote }: RedisLogOptions
): SpillLog {
  const shelf = (dir: string): Shelf =>
    new Shelf(new EmbeddedLog({ dir, maxBytes, tailBytes: SPILL_TAIL, ...(now === undefined ? {} : { now }) }))
  return new SpillLog({
    shared,
    shelf: shelf(path),
    abandoned: abandoned.map(shelf),
    maxBytes,
    ...(onNote === undefined ? {} : { onNote })
  })
}
