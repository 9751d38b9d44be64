// Opens the queue a config asks for: `{type: embedded, path}` or `{type: memory}`.
import { join } from 'node:path'
import { EmbeddedLog } from './embedded/log.js'
import type { Log } from './log.js'
import { LogParking } from './log-parking.js'
import { MemoryLog } from './memory/log.js'

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

/** The log and the parking of a config; `start()` both before use. */
export function openQueue(config: QueueConfig): { readonly log: Log; readonly parking: LogParking } {
  const { type, path = 'queue', parkingMaxBytes, ...options } = config
  const parked = { ...options, maxBytes: parkingMaxBytes ?? config.maxBytes }
  if (type === 'memory') return { log: new MemoryLog(options), parking: new LogParking(new MemoryLog(parked), options) }
  const shelf = new EmbeddedLog({ ...parked, dir: join(path, 'parking'), segmentBytes: PARKING_SEGMENT, tailBytes: 0 })
  return { log: new EmbeddedLog({ ...options, dir: path }), parking: new LogParking(shelf, options) }
}

/** Dead letters stay long: small files come free sooner. */
const PARKING_SEGMENT = 16 << 20
