// What a delivery is made of, and the settings that are not in the config file.

import type { Clock, Log as Logger } from '../component/context.js'
import type { Exporter } from '../component/exporter.js'
import type { ExporterConfig } from '../config/types.js'
import type { Log } from '../queue/log.js'
import type { Parking } from '../queue/parking.js'

export interface DeliveryOptions {
  readonly config: ExporterConfig
  /** Created, not started: the delivery starts and stops it. */
  readonly exporter: Exporter
  /** Started, with a cursor of the exporter's id. */
  readonly log: Log
  readonly parking: Parking
  readonly clock: Clock
  readonly logger: Logger
  /** A number in [0, 1); jitter. Default Math.random. */
  readonly random?: () => number
  readonly tuning?: Partial<Tuning>
}

export interface Tuning {
  /**
   * A request is not merged beyond this many bytes, unless `batch.min_size` asks for more: past it, copying costs more
   * than the requests saved (bench/micro/delivery.ts).
   */
  readonly mergeBytes: number
  /** How long a request that is not full waits for company while others are in flight, milliseconds. */
  readonly lingerMs: number
  /** Failures in a row that open the breaker. */
  readonly breakerThreshold: number
  /** Requests in flight and waiting to be tried again, per `num_consumers`. */
  readonly windowFactor: number
  /** How long after its abort an attempt may still be out before it is given up, milliseconds. */
  readonly abortGraceMs: number
}

export const TUNING: Tuning = {
  mergeBytes: 2 * 1024 * 1024,
  lingerMs: 20,
  breakerThreshold: 5,
  windowFactor: 4,
  abortGraceMs: 5000
}
