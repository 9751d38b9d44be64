// What the gateway keeps for people goes when its time is over: now and every hour.

import type { Clock, Log as Logger } from '../../core/component/context.js'
import { type DeadLetterStores, expire } from '../../core/delivery/dead-letters.js'

export interface RetentionOptions {
  /** How long data is kept, milliseconds; asked each time. */
  readonly keepMs: () => number
  readonly stores: DeadLetterStores
  /** Ids of the exporters there are. */
  readonly exporters: () => readonly string[]
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
    this.#run().catch(error =>
      log.warn({ error }, 'the retention of dead letters could not be kept; tried again in an hour')
    )
    this.#timer = clock.after(EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  async #run(): Promise<void> {
    const { clock, log, stores, exporters, keepMs } = this.#options
    const before = clock.now() - keepMs()
    const all = exporters().map(async exporter => {
      const items = await expire(stores, exporter, before)
      if (items > 0) log.info({ exporter, items }, 'dead letters past their retention were removed')
    })
    await Promise.all(all)
  }
}
