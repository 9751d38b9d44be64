// The gateway as one object: the store, the parts of a checked config (parts.ts) and the receivers in front of them.
// Started right to left (store, deliveries, chains, receivers) so that nothing is taken before there is a place for it;
// stopped left to right so that nothing taken is lost.

import type { Clock, Log as Logger, SharedRates } from '../../core/component/context.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { type DeadLetterStores, lost } from '../../core/delivery/dead-letters.js'
import type { Delivery } from '../../core/delivery/delivery.js'
import type { Signal } from '../../core/otlp/signal.js'
import type { Intake } from '../../core/pipeline/intake.js'
import { Pipelines } from '../../core/pipeline/pipelines.js'
import type { WindowedStage } from '../../core/pipeline/windowed.js'
import type { Log } from '../../core/queue/log.js'
import { openQueue, type RedisQueueConfig } from '../../core/queue/open.js'
import type { Parking } from '../../core/queue/parking.js'
import { RedisRates } from '../../core/queue/redis_streams/rates.js'
import { type Ledger, ledgerOf } from '../../core/telemetry/ledger.js'
import { GatewayMetrics } from '../../core/telemetry/metrics.js'
import { gatewayErrors } from './errors.js'
import { Parts } from './parts.js'
import type { Receiver } from './receivers/index.js'
import { Retention } from './retention.js'
import { needRestart, Switch, usedReceivers } from './switch.js'
import { timedIntake } from './timed-intake.js'
import { queueOf, Workshop } from './workshop.js'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly version: string
  readonly log: Logger
  readonly clock: Clock
  /** The installation's own secret, asked for when a processor needs one; absent where nothing is kept on disk. */
  readonly installationKey?: () => string
  /** Its part of the work. Default `all`. */
  readonly role?: Role
  /** Processes that the gateway has. Default 1. */
  readonly processes?: number
}

/** `receive`: takes data that others deliver (Redis queue); `deliver`: has no receivers. */
export type Role = 'all' | 'receive' | 'deliver'

/** Why no data is taken, for machines and for people. */
export interface Obstacle {
  readonly code: string
  readonly says: string
}

/** The ledger of several gateways. */
export interface WholeLedger extends Ledger {
  /** Gateways that ever counted something. */
  readonly gateways: number
  /** False: it changed while it was read, so that the numbers need not fit together. */
  readonly isExact: boolean
}

export type GatewayState = 'created' | 'starting' | 'ready' | 'stopping' | 'stopped'

const NONE: ReadonlyMap<string, Delivery> = new Map()

export class Gateway {
  readonly metrics: GatewayMetrics
  readonly #log: Logger
  readonly #clock: Clock
  readonly #store: Log
  readonly #parking: Parking
  readonly #rates: RedisRates | undefined
  readonly #role: Role
  readonly #workshop: Workshop
  readonly #intake: Intake
  #parts: Parts
  readonly #receivers = new Map<string, Receiver>()
  readonly #pipelines: Pipelines
  readonly #retention: Retention
  #state: GatewayState = 'created'
  /** The last change of the running gateway; each one waits for the one before. */
  #changing: Promise<unknown> = Promise.resolve()

  /** Builds everything, opens nothing. @throws CodedError of a component that cannot be built. */
  constructor(options: GatewayOptions) {
    const { config, log, clock, installationKey } = options
    this.#log = log
    this.#clock = clock
    this.metrics = new GatewayMetrics(options.version)
    this.#role = options.role ?? 'all'
    const queueConfig = queueOf(config, log, this.#role !== 'receive')
    const queue = openQueue(queueConfig)
    this.#rates = queueConfig.type === 'redis' ? redisRates(queueConfig, options) : undefined
    const rates = this.#rates ?? equalRates(options.processes ?? 1)
    this.#store = queue.log
    this.#parking = queue.parking
    this.#workshop = new Workshop({
      metrics: this.metrics,
      log,
      clock,
      store: this.#store,
      parking: this.#parking,
      ...(installationKey === undefined ? {} : { installationKey }),
      ...(rates === undefined ? {} : { rates })
    })
    this.#parts = new Parts(config, this.#workshop)
    this.#pipelines = new Pipelines({
      log: this.#store,
      clock,
      pipelines: this.#parts.pipelines,
      retryAfterMs: () => this.#parts.retryAfterMs(),
      onRefused: (signal, code, items, error) => this.#refused(signal, code, items, error)
    })
    this.#intake = timedIntake(this.#pipelines, this.metrics)
    for (const receiver of this.#role === 'deliver' ? [] : usedReceivers(this.#parts))
      this.#receivers.set(receiver.id, this.#workshop.receiver(receiver, this.#intake))
    this.#retention = new Retention({
      keepMs: () => this.config.retentionMs,
      stores: this.deadLetters,
      exporters: () => [...this.deliveries.keys()],
      paused: (exporter, work) => this.exclusively(() => this.#paused(exporter, work)),
      clock,
      log
    })
  }

  get state(): GatewayState {
    return this.#state
  }

  /** What runs now. */
  get config(): GatewayConfig {
    return this.#parts.config
  }

  /** Opens the store, starts deliveries and processors, then the receivers. @throws CodedError: what cannot start and what to do. */
  async start(): Promise<void> {
    this.#state = 'starting'
    const parts = this.#parts
    try {
      await this.#store.start()
      await this.#parking.start()
      this.#rates?.start()
      // What one gateway took, the window of another one may hold.
      parts.adopt((await this.#store.totals?.('counts'))?.counts ?? this.#store.counts())
      this.#listen()
      await this.#store.cursors(parts.readers())
      if (this.#role !== 'receive') {
        for (const delivery of parts.deliveries.values()) await delivery.start()
        for (const window of parts.windows.values()) await window.start()
        for (const stage of parts.deriving.values()) await stage.start()
      }
      for (const processor of parts.processors) await processor.start?.()
      this.#watch()
      this.#retention.start()
      for (const receiver of this.#receivers.values()) await receiver.start()
    } catch (error) {
      await this.stop(0)
      throw error
    }
    this.#state = 'ready'
  }

  /**
   * Stops taking, answers what was taken, lets deliveries finish within `limitMs`; the rest stays in the queue. Safe twice.
   */
  async stop(limitMs = this.config.service.shutdownTimeoutMs): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return
    this.#state = 'stopping'
    this.#retention.stop()
    const deadline = this.#clock.now() + limitMs
    await this.#changed(limitMs)
    const { windows, deriving, processors } = this.#parts
    const { deliveries } = this
    await Promise.all([...this.#receivers.values()].map(receiver => receiver.stop(limitMs)))
    await this.#pipelines.stop()
    for (const stage of deriving.values()) await stage.stop()
    const windowsMs = Math.max(0, deadline - this.#clock.now())
    await Promise.all([...windows.values()].map(window => window.stop(windowsMs)))
    const left = Math.max(0, deadline - this.#clock.now())
    await Promise.all([...deliveries.values()].map(delivery => delivery.stop(left)))
    for (const processor of processors) await processor.stop?.()
    this.metrics.unwatch()
    await this.#rates?.stop()
    await this.#parking.stop()
    await this.#store.stop()
    this.#state = 'stopped'
  }

  /**
   * Goes over to another config while it runs: no connection is closed whose receiver and address stay, no item is lost or
   * sent twice; data that only exporters or pipelines had that are gone is counted as `exporter_removed`.
   * @throws GATEWAY_NEEDS_RESTART, GATEWAY_NOT_READY, and what a new part throws when it cannot be built or started; then
   *   everything goes on as before.
   */
  reload(config: GatewayConfig): Promise<void> {
    return this.exclusively(async () => {
      if (this.#state !== 'ready') throw gatewayErrors.GATEWAY_NOT_READY(this.#state)
      const fixed = needRestart(this.config, config)
      if (fixed.length > 0) throw gatewayErrors.GATEWAY_NEEDS_RESTART(fixed)
      const before = this.#parts
      const after = new Parts(config, this.#workshop, before)
      const [receivers, pipelines, intake] = [this.#receivers, this.#pipelines, this.#intake]
      const [workshop, store, clock, log] = [this.#workshop, this.#store, this.#clock, this.#log]
      const role = this.#role
      await new Switch({ before, after, role, receivers, pipelines, intake, workshop, store, clock, log }).run()
      this.#parts = after
    })
  }

  /** Runs what changes the gateway's parts or its stores as a whole: one at a time. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#changing.catch(() => {}).then(work)
    this.#changing = run
    run.catch(() => {})
    return run
  }

  /** Lets `work` run while nobody delivers for the exporter; what is under way is finished first. */
  async #paused<T>(exporter: string, work: () => Promise<T>): Promise<T> {
    if (this.#state === 'stopping' || this.#state === 'stopped') throw gatewayErrors.GATEWAY_NOT_READY(this.#state)
    const delivery = this.deliveries.get(exporter)
    if (delivery === undefined) return work() // a reload took it away meanwhile
    await delivery.stop(this.config.service.shutdownTimeoutMs)
    try {
      return await work()
    } finally {
      await this.#parts.renewDelivery(exporter).start()
    }
  }

  /** Waits for a change under way, but not for one that hangs. */
  #changed(limitMs: number): Promise<unknown> {
    return new Promise(resolve => {
      const timer = this.#clock.after(limitMs, () => resolve(undefined))
      void this.#changing
        .catch(() => {})
        .then(() => {
          timer.cancel()
          resolve(undefined)
        })
    })
  }

  /** Addresses that receivers listen on, by receiver and protocol. */
  endpoints(): ReadonlyMap<string, { readonly grpc?: string; readonly http?: string }> {
    return new Map([...this.#receivers].map(([id, receiver]) => [id, receiver.endpoints()]))
  }

  ledger(): Ledger {
    const cursors = this.#store.status().cursors.filter(c => this.#parts.deliveries.has(c.cursor))
    return ledgerOf(this.#store.counts(), new Map(cursors.map(c => [c.cursor, c.waitingItems])))
  }

  /** The ledger of all gateways that share the queue; this one's where it is not shared. */
  async wholeLedger(): Promise<WholeLedger> {
    if (this.#store.totals === undefined) return { gateways: 1, isExact: true, ...this.ledger() }
    const { counts, waiting, members, isExact } = await this.#store.totals()
    const exporters = new Set(
      [...counts.keys()].map(key => key.split('|')).flatMap(([what, who = '']) => (what === 'offered' ? [who] : []))
    )
    const theirs = new Map([...waiting].filter(([cursor]) => exporters.has(cursor)))
    return { gateways: members.length, isExact, ...ledgerOf(counts, theirs) }
  }

  /** What is in the way of taking data now; empty when ready. */
  obstacles(): readonly Obstacle[] {
    if (this.#state !== 'ready') return [{ code: this.#state, says: `the gateway is ${this.#state}` }]
    const obstacle = this.#store.obstacle?.()
    if (obstacle !== undefined) return [{ code: obstacle.code.toLowerCase(), says: obstacle.message }]
    const full = [...this.deliveries.values()].filter(delivery => delivery.isFull())
    return full.map(({ id }) => ({ code: 'queue_full', says: `the queue of exporter ${id} is full` }))
  }

  /** What delivers here: nothing in a gateway that only receives. */
  get deliveries(): ReadonlyMap<string, Delivery> {
    return this.#role === 'receive' ? NONE : this.#parts.deliveries
  }

  /** Windows of processors that judge whole traces, by id: what they hold, what became of a trace. */
  get windows(): ReadonlyMap<string, WindowedStage> {
    return this.#parts.windows
  }

  /** What commands about dead letters work on. */
  get deadLetters(): DeadLetterStores {
    return {
      log: this.#store,
      parking: this.#parking,
      clock: this.#clock,
      redriven: exporter => this.deliveries.get(exporter)?.parkingChanged()
    }
  }

  queue() {
    return this.#store.status()
  }

  /** What the store tells by itself: damage, and payloads that came from another process. */
  #listen(): void {
    this.#store.onDamage(what => {
      for (const window of this.windows.values()) window.damaged(what)
      this.#log.error(
        { position: what.position, items: what.items, stream: what.stream, why: what.why },
        'a damaged entry was set aside'
      )
    })
    this.#parking.onGained?.(ids => {
      for (const delivery of this.deliveries.values()) delivery.parkingGained(ids)
    })
    this.#parking.onDamage?.(what => {
      this.#log.error(
        { exporter: what.exporter, items: what.items, why: what.why },
        'a damaged dead letter was set aside'
      )
      void lost(this.deadLetters, what).catch(error => this.#log.error({ error }, 'the loss could not be counted'))
    })
  }

  #watch(): void {
    this.metrics.watch({
      ledger: () => this.ledger(),
      queue: () => this.#store.status(),
      deliveries: () => [...this.deliveries.values()].map(delivery => delivery.status()),
      inFlightBytes: () => [...this.#receivers].map(([receiver, r]) => ({ receiver, bytes: r.inFlightBytes() })),
      isReady: () => this.obstacles().length === 0,
      isWholeLedger: this.config.queue.type !== 'redis'
    })
  }

  #refused(signal: Signal, code: string, items: number, error: unknown): void {
    const text = code === 'UNKNOWN' ? (error as Error | undefined)?.name : (error as Error).message
    this.#log.warn({ signal, items, code, error: text }, 'a request was refused')
  }
}

/** With a shared queue there may be other gateways: what is to be a rate of all is shared out over the same Redis. */
function redisRates({ url, prefix = 'algoflow' }: RedisQueueConfig, { clock, log, role }: GatewayOptions): RedisRates {
  const onNote = (level: 'info' | 'warn', text: string) => log[level]({}, text)
  return new RedisRates({ url, prefix, clock, takesData: role !== 'deliver', onNote })
}

/** Processes of one gateway with queues of their own cannot know of each other: equal parts. */
function equalRates(processes: number): SharedRates | undefined {
  return processes > 1 ? { part: () => 1 / processes } : undefined
}
