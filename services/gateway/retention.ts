// What the gateway keeps goes when its time is over: dead letters, what waits for a back end that is long away, and the
// bytes of both on the disk. Now and every hour.

import type { Clock, Log as Logger } from '../../core/component/context.js'
import { codeOf } from '../../core/component/errors.js'
import { type DeadLetterStores, expire } from '../../core/delivery/dead-letters.js'
import { expireWaiting, hasWaitedSince } from '../../core/delivery/expiry.js'

export interface RetentionOptions {
  /** How long data is kept, milliseconds; asked each time. */
  readonly keepMs: () => number
  readonly stores: DeadLetterStores
  /** Ids of the exporters whose queue this process reads. */
  readonly exporters: () => readonly string[]
  /** Lets `work` run while nobody delivers for the exporter. */
  readonly paused: <T>(exporter: string, work: () => Promise<T>) => Promise<T>
  readonly clock: Clock
  readonly log: Logger
}

const EVERY_MS = 3_600_000

export class Retention {
  readonly #options: RetentionOptions
  #timer: { cancel(): void } | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, log } = this.#options
    this.run().catch(error =>
      log.warn({ code: codeOf(error) }, 'the retention could not be kept; tried again in an hour')
    )
    this.#timer = clock.after(EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Once. */
  async run(): Promise<void> {
    const { clock, log, stores, exporters, keepMs, paused } = this.#options
    const before = clock.now() - keepMs()
    // Those of exporters that are gone from the config, too.
    for (const exporter of new Set([...exporters(), ...stores.parking.status().map(one => one.exporter)])) {
      const items = await expire(stores, exporter, before)
      if (items > 0) log.info({ exporter, items }, 'dead letters past their retention were removed')
    }
    for (const exporter of exporters()) {
      if (!hasWaitedSince(stores, exporter, before)) continue
      const items = await paused(exporter, () => expireWaiting(stores, exporter, before))
      if (items > 0) log.warn({ exporter, items }, 'what waited past its retention was removed from the queue')
    }
    await stores.log.scrub?.(before)
    await stores.parking.scrub?.(before)
  }
}
