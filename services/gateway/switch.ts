// From the parts that run to those of another config, without losing a connection or an item.
//
//   1  What may fail and disturbs nobody: new processors start, new exporters open, new addresses listen.
//   2  Deliveries that change or end finish what is under way; what else waits stays in the queue, under its cursor. Windows
//      that change, and what derives metrics, write what they have. Receivers that end answer what they have.
//   3  Between two commits of the intake: cursors are declared, pipelines exchanged. Requests that come then wait.
//   4  What cannot fail: new windows and deliveries begin, receivers go over to their settings, what was replaced stops.
//
// Whatever fails before the end of 3 is undone, in reverse: the old parts go on.

import type { Clock, Log as Logger } from '../../core/component/context.js'
import { codeOf } from '../../core/component/errors.js'
import { same } from '../../core/config/compare.js'
import type { ComponentConfig, GatewayConfig } from '../../core/config/types.js'
import type { Pipelines } from '../../core/pipeline/pipelines.js'
import type { Log } from '../../core/queue/log.js'
import type { Role } from './app.js'
import { Gate } from './gate.js'
import type { Parts } from './parts.js'
import type { Receiver } from './receivers/index.js'
import type { Workshop } from './workshop.js'

export interface SwitchOptions {
  readonly before: Parts
  readonly after: Parts
  /** `deliver`: without receivers; `receive`: without deliveries and windows. */
  readonly role: Role
  /** Those that run; afterwards those of the new config. */
  readonly receivers: Map<string, Receiver>
  readonly pipelines: Pipelines
  /** What receivers hand over to. */
  readonly intake: Gate['intake']
  readonly workshop: Workshop
  readonly store: Log
  readonly clock: Clock
  readonly log: Logger
}

/** Longer than an attempt's own limit, so that it ends by itself and is not sent again. */
const SPARE_MS = 2000

export class Switch {
  readonly #o: SwitchOptions
  readonly #undo: (() => unknown)[] = []
  readonly #then: (() => unknown)[] = []

  constructor(options: SwitchOptions) {
    this.#o = options
  }

  /** @throws what kept it from being done; then everything is as before. */
  async run(): Promise<void> {
    const { pipelines, store, after } = this.#o
    try {
      const [receives, delivers] = [this.#o.role !== 'deliver', this.#o.role !== 'receive']
      await this.#processors()
      if (delivers) await this.#newDeliveries()
      if (receives) await this.#newReceivers()
      if (delivers) await this.#oldDeliveries()
      if (delivers) await this.#oldWindows()
      if (delivers) await this.#oldDeriving()
      if (receives) await this.#oldReceivers()
      await pipelines.exchange(async () => {
        after.adopt((await store.totals?.())?.counts ?? store.counts())
        await store.cursors(after.readers())
        return after.pipelines
      })
    } catch (error) {
      for (const undo of this.#undo.reverse()) await this.#safely(undo)
      throw error
    }
    await this.#begin()
    for (const then of this.#then) await this.#safely(then)
  }

  async #processors(): Promise<void> {
    const [before, after] = [this.#o.before.processors, this.#o.after.processors]
    for (const processor of after.filter(one => !before.includes(one))) {
      this.#undo.push(() => processor.stop?.())
      await processor.start?.()
    }
    for (const processor of before.filter(one => !after.includes(one))) this.#then.push(() => processor.stop?.())
  }

  /** Exporters that were not there: they can open beside the others. */
  async #newDeliveries(): Promise<void> {
    const { before, after } = this.#o
    for (const [id, delivery] of after.deliveries) {
      if (before.deliveries.has(id)) continue
      this.#undo.push(() => delivery.stop(0))
      await delivery.open()
    }
  }

  async #newReceivers(): Promise<void> {
    const { before, after, receivers, workshop, intake } = this.#o
    for (const config of usedReceivers(after)) {
      const running = receivers.get(config.id)
      if (running === undefined) {
        const gate = new Gate(intake)
        const receiver = workshop.receiver(config, gate.intake)
        this.#undo.push(() => receiver.stop(0))
        await receiver.start()
        this.#then.push(() => receivers.set(config.id, receiver) && gate.open())
      } else if (!same(config, before.config.receivers.get(config.id))) {
        const change = await running.prepare(config.config as never)
        this.#undo.push(() => change.abort())
        this.#then.push(() => change.commit())
        this.#later(() => change.finish(after.config.service.shutdownTimeoutMs))
      }
    }
  }

  async #oldDeliveries(): Promise<void> {
    const { before, after } = this.#o
    const ending = [...before.deliveries].filter(([id, delivery]) => after.deliveries.get(id) !== delivery)
    for (const [id] of ending) this.#undo.push(() => this.#restoreDelivery(id))
    await Promise.all(ending.map(([id, delivery]) => delivery.stop(this.#limitMs(id))))
    for (const [id] of ending) {
      const next = after.deliveries.get(id)
      if (next === undefined) continue
      this.#undo.push(() => next.stop(0))
      await next.open()
    }
  }

  async #restoreDelivery(id: string): Promise<void> {
    const delivery = this.#o.before.renewDelivery(id)
    await delivery.start()
  }

  /** How long requests under way may take; what is cut off would be sent twice. */
  #limitMs(exporter: string): number {
    const { service, exporters } = this.#o.before.config
    return Math.max(service.shutdownTimeoutMs, (exporters.get(exporter)?.timeoutMs ?? 0) + SPARE_MS)
  }

  async #oldWindows(): Promise<void> {
    const { before, after } = this.#o
    for (const [id, window] of before.windows) {
      if (after.windows.get(id) === window) continue
      this.#undo.push(() => before.renewWindow(id)?.start())
      await window.stop()
    }
  }

  /** They write into the pipelines of their config: the new ones have their own. */
  async #oldDeriving(): Promise<void> {
    const { before } = this.#o
    for (const [id, stage] of before.deriving) {
      this.#undo.push(() => before.renewDeriving(id)?.start())
      await stage.stop()
    }
  }

  /** Before their pipelines end: what they took must find one. */
  async #oldReceivers(): Promise<void> {
    const { before, after, receivers, workshop, intake } = this.#o
    const used = new Set(usedReceivers(after).map(({ id }) => id))
    for (const [id, receiver] of receivers) {
      if (used.has(id)) continue
      this.#undo.push(async () => {
        const again = workshop.receiver(before.config.receivers.get(id)!, intake)
        await again.start()
        receivers.set(id, again)
      })
      await receiver.stop(before.config.service.shutdownTimeoutMs)
      this.#then.push(() => receivers.delete(id))
    }
  }

  async #begin(): Promise<void> {
    const { before, after, role } = this.#o
    if (role === 'receive') return
    for (const [id, window] of after.windows) {
      if (before.windows.get(id) !== window) await this.#safely(() => window.start())
    }
    for (const stage of after.deriving.values()) await this.#safely(() => stage.start())
    for (const [id, delivery] of after.deliveries) {
      if (before.deliveries.get(id) !== delivery) delivery.run()
    }
  }

  /** What may take as long as a request is not waited for. */
  #later(work: () => Promise<void>): void {
    this.#then.push(() => void this.#safely(work))
  }

  async #safely(work: () => unknown): Promise<void> {
    try {
      await work()
    } catch (error) {
      const says = error instanceof Error ? error.message : String(error)
      this.#o.log.error({ code: codeOf(error), error: says }, 'a part of the old or new config failed on the way')
    }
  }
}

/** The receivers that a pipeline names. */
export function usedReceivers({ config }: Parts): readonly ComponentConfig[] {
  const used = new Set(config.pipelines.flatMap(pipeline => pipeline.receivers))
  return [...config.receivers.values()].filter(({ id }) => used.has(id))
}

/** Settings that differ and cannot be changed while it runs. */
export function needRestart(before: GatewayConfig, after: GatewayConfig): string[] {
  const fixed: [string, (config: GatewayConfig) => unknown][] = [
    ['queue', config => config.queue],
    ['service.audit', ({ service: { audit } }) => [audit.enabled, audit.path]],
    ['service.workers', config => config.service.workers],
    ['service.telemetry.admin.endpoint', config => config.service.adminEndpoint],
    ['service.telemetry.logs.encoding', config => config.service.logs.encoding]
  ]
  return fixed.filter(([, of]) => !same(of(before), of(after))).map(([path]) => path)
}
