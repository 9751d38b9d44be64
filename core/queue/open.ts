// Opens the queue a config asks for: `{type: embedded, path}` or `{type: memory}`.

import { EmbeddedLog } from './embedded/log.js'
import type { Log } from './log.js'
import { MemoryLog } from './memory/log.js'

export interface LogConfig {
  readonly type: 'embedded' | 'memory'
  /** Directory of the embedded queue; made if missing. */
  readonly path?: string
  /** Payload bytes held at most. */
  readonly maxBytes: number
  readonly segmentBytes?: number
  readonly tailBytes?: number
}

/** The log of a config; `start()` it before use. */
export function openLog(config: LogConfig): Log {
  const { type, path = 'queue', ...options } = config
  return type === 'memory' ? new MemoryLog(options) : new EmbeddedLog({ dir: path, ...options })
}
