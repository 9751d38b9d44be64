// The gateway as one object: wires the parts of a checked config. Started right to left (store, deliveries, chains,
// receivers) so that nothing is taken before there is a place for it; stopped left to right so that nothing taken is lost.

import type { Clock, Log as Logger } from '../../core/component/context.js'
import { catalogue, codeOf } from '../../core/component/errors.js'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import type { InlineProcessor, ProcessorDeclaration } from '../../core/component/processor.js'
import type { WindowedDeclaration } from '../../core/component/windowed.js'
import type { Secret } from '../../core/config/secret.js'
import type { RedisSettings } from '../../core/config/service.js'
import type { ExporterConfig, GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import { type DeadLetterStores, expire, lost } from '../../core/delivery/dead-letters.js'
import { Delivery } from '../../core/delivery/delivery.js'
import type { Signal } from '../../core/otlp/signal.js'
import { Chain, type Stage } from '../../core/pipeline/chain.js'
import type { Intake } from '../../core/pipeline/intake.js'
import { type Pipeline, Pipelines } from '../../core/pipeline/pipelines.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Log } from '../../core/queue/log.js'
import { openQueue, type QueueConfig, type RedisQueueConfig } from '../../core/queue/open.js'
import type { Parking } from '../../core/queue/parking.js'
import { type Ledger, ledgerOf } from '../../core/telemetry/ledger.js'
import { part } from '../../core/telemetry/log.js'
import { GatewayMetrics } from '../../core/telemetry/metrics.js'
import { EXPORTERS } from '../../exporters/index.js'
import { PROCESSORS } from '../../processors/index.js'
import { RECEIVER_TYPES, type Receiver } from './receivers/index.js'
import { abandonedWindows, isWindowed, KEEP_ALL, planWindows, type WindowPlan } from './windows.js'

export const gatewayErrors = catalogue({
  GATEWAY_NO_TYPE: (kind: string, type: string) => `this build has no ${kind} of type ${type}`,
  GATEWAY_TWO_WINDOWS: (pipeline: string, first: string, second: string) =>
    `pipeline ${pipeline} has two processors that judge whole traces, ${first} and ${second}: leave one out`,
  GATEWAY_WINDOW_QUEUE: (processor: string, queue: string) =>
    `${processor} judges whole traces and needs \`queue: {type: embedded}\`: with \`${queue}\` the spans of a trace may be with different gateways; sample there with probabilistic_sampler`
})

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly version: string
  readonly log: Logger
  readonly clock: Clock
  /** The installation's own secret, asked for when a processor needs one; absent where nothing is kept on disk. */
  readonly installationKey?: () => string
}

/** Why no data is taken, for machines and for people. */
export interface Obstacle {
  readonly code: string
  readonly says: string
}

export type GatewayState = 'created' | 'starting' | 'ready' | 'stopping' | 'stopped'

/** A pipeline with a window refuses senders when this part of the queue is full. */
const WINDOW_FULL = 0.9
/** Retry-After while nothing is known about the drain rate. */
const DEFAULT_RETRY_MS = 2000
const RETENTION_EVERY_MS = 3_600_000

export class Gateway {
  readonly metrics: GatewayMetrics
  readonly config: GatewayConfig
  readonly #log: Logger
  readonly #clock: Clock
  readonly #installationKey: (() => string) | undefined
  readonly #store: Log
  readonly #parking: Parking
  readonly #deliveries = new Map<string, Delivery>()
  readonly #processors: InlineProcessor[] = []
  readonly #windows = new Map<string, WindowedStage>()
  readonly #windowPlans: readonly WindowPlan[]
  readonly #receivers = new Map<string, Receiver>()
  readonly #pipelines: Pipelines
  #state: GatewayState = 'created'
  #retention: { cancel(): void } | undefined

  /** Builds everything, opens nothing. @throws CodedError of a component that cannot be built. */
  constructor(options: GatewayOptions) {
    const { config } = options
    this.config = config
    this.#log = options.log
    this.#clock = options.clock
    this.#installationKey = options.installationKey
    this.metrics = new GatewayMetrics(options.version)
    const queue = openQueue(queueOf(config, options.log))
    this.#store = queue.log
    this.#parking = queue.parking
    for (const exporter of config.exporters.values()) {
      if (readersOf(config, exporter.id).length > 0) this.#deliveries.set(exporter.id, this.#delivery(exporter))
    }
    this.#windowPlans = planWindows(config)
    // Positions of a shared log are a process's own and its partitions move: a window could neither be whole nor restart.
    const [shared] = config.queue.type === 'redis' ? this.#windowPlans : []
    if (shared !== undefined) throw gatewayErrors.GATEWAY_WINDOW_QUEUE(shared.id, config.queue.type)
    for (const plan of this.#windowPlans) this.#windows.set(plan.id, this.#window(plan))
    this.#pipelines = new Pipelines({
      log: this.#store,
      clock: this.#clock,
      pipelines: config.pipelines.map(pipeline => this.#pipeline(pipeline)),
      retryAfterMs: () => this.#retryAfterMs(),
      onRefused: (signal, code, items, error) => this.#refused(signal, code, items, error)
    })
    const used = new Set(config.pipelines.flatMap(p => p.receivers))
    for (const [id, receiver] of config.receivers)
      if (used.has(id)) this.#receivers.set(id, this.#receiver(id, receiver))
  }

  get state(): GatewayState {
    return this.#state
  }

  /** Opens the store, starts deliveries and processors, then the receivers. @throws CodedError: what cannot start and what to do. */
  async start(): Promise<void> {
    this.#state = 'starting'
    try {
      await this.#store.start()
      await this.#parking.start()
      for (const plan of abandonedWindows(this.config, this.#store.counts(), this.#windowPlans)) {
        this.#windows.set(plan.id, this.#window(plan))
      }
      this.#store.onDamage(what => {
        for (const window of this.#windows.values()) window.damaged(what)
        this.#log.error(
          { position: what.position, items: what.items, stream: what.stream, why: what.why },
          'a damaged entry was set aside'
        )
      })
      this.#parking.onGained?.(() => {
        for (const delivery of this.#deliveries.values()) delivery.parkingChanged()
      })
      this.#parking.onDamage?.(what => {
        this.#log.error(
          { exporter: what.exporter, items: what.items, why: what.why },
          'a damaged dead letter was set aside'
        )
        void lost(this.deadLetters, what).catch(error => this.#log.error({ error }, 'the loss could not be counted'))
      })
      await this.#store.cursors(
        new Map([
          ...[...this.#deliveries.keys()].map(id => [id, readersOf(this.config, id)] as const),
          ...[...this.#windows.values()].flatMap(window => [...window.readers()])
        ])
      )
      for (const delivery of this.#deliveries.values()) await delivery.start()
      for (const window of this.#windows.values()) await window.start()
      for (const processor of this.#processors) await processor.start?.()
      this.#watch()
      this.#keepRetention()
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
    this.#retention?.cancel()
    const deadline = this.#clock.now() + limitMs
    await Promise.all([...this.#receivers.values()].map(receiver => receiver.stop(limitMs)))
    await this.#pipelines.stop()
    for (const window of this.#windows.values()) await window.stop()
    const left = Math.max(0, deadline - this.#clock.now())
    await Promise.all([...this.#deliveries.values()].map(delivery => delivery.stop(left)))
    for (const processor of this.#processors) await processor.stop?.()
    this.metrics.unwatch()
    await this.#parking.stop()
    await this.#store.stop()
    this.#state = 'stopped'
  }

  /** Addresses that receivers listen on, by receiver and protocol. */
  endpoints(): ReadonlyMap<string, { readonly grpc?: string; readonly http?: string }> {
    return new Map([...this.#receivers].map(([id, receiver]) => [id, receiver.endpoints()]))
  }

  ledger(): Ledger {
    const cursors = this.#store.status().cursors.filter(c => this.#deliveries.has(c.cursor))
    return ledgerOf(this.#store.counts(), new Map(cursors.map(c => [c.cursor, c.waitingItems])))
  }

  /** What is in the way of taking data now; empty when ready. */
  obstacles(): readonly Obstacle[] {
    if (this.#state !== 'ready') return [{ code: this.#state, says: `the gateway is ${this.#state}` }]
    const full = [...this.#deliveries.values()].filter(delivery => delivery.isFull())
    return full.map(({ id }) => ({ code: 'queue_full', says: `the queue of exporter ${id} is full` }))
  }

  get deliveries(): ReadonlyMap<string, Delivery> {
    return this.#deliveries
  }

  /** What commands about dead letters work on. */
  get deadLetters(): DeadLetterStores {
    return {
      log: this.#store,
      parking: this.#parking,
      clock: this.#clock,
      redriven: exporter => this.#deliveries.get(exporter)?.parkingChanged()
    }
  }

  queue() {
    return this.#store.status()
  }

  #delivery(config: ExporterConfig): Delivery {
    const declaration = find<ExporterDeclaration>('exporter', config.type, EXPORTERS as readonly ExporterDeclaration[])
    const context = this.metrics.context({
      kind: 'exporter',
      id: config.id,
      counters: declaration.counters,
      log: this.#log,
      clock: this.#clock
    })
    return new Delivery({
      config,
      exporter: declaration.create(config.config as never, context as never),
      log: this.#store,
      parking: this.#parking,
      clock: this.#clock,
      logger: part(this.#log, config.id)
    })
  }

  #pipeline(pipeline: PipelineConfig): Pipeline {
    const stages = pipeline.processors.filter(id => !isWindowed(this.config, id)).map(id => this.#stage(id))
    const window = this.#windowOf(pipeline)
    const failed = this.metrics.context({
      kind: 'processor',
      id: pipeline.id,
      counters: {
        errors: { unit: '{error}', about: 'Hooks that threw: what they looked at was removed.', label: 'processor' }
      },
      log: this.#log,
      clock: this.#clock
    })
    const chain = new Chain(pipeline.signal, stages, {
      failed: (processor, error) => {
        failed.count.errors(1, processor)
        // The message could hold a telemetry value: only the kind of error is told.
        const name = error instanceof Error ? error.name : typeof error
        failed.log.error(
          { processor, error: name, code: codeOf(error) },
          'a processor failed; the value it looked at was removed'
        )
      }
    })
    const deliveries = pipeline.exporters.map(id => this.#deliveries.get(id)!)
    return {
      id: pipeline.id,
      signal: pipeline.signal,
      receivers: new Set(pipeline.receivers),
      exporters: pipeline.exporters,
      chain,
      ...(window === undefined ? {} : { window: { id: window.id, arrival: arrivalStream(pipeline.id) } }),
      pressure: () => pressureOf(deliveries) ?? (window === undefined ? undefined : this.#windowPressure())
    }
  }

  #windowOf(pipeline: PipelineConfig): WindowPlan | undefined {
    const [first, second] = this.#windowPlans.filter(plan => plan.streams.some(stream => stream.id === pipeline.id))
    if (second !== undefined) throw gatewayErrors.GATEWAY_TWO_WINDOWS(pipeline.id, first!.id, second.id)
    return first
  }

  /** What a window keeps is written anew: room for that must be left. */
  #windowPressure(): { message: string; retryAfterMs: number } | undefined {
    const { bytes, maxBytes } = this.#store.status()
    if (bytes < maxBytes * WINDOW_FULL) return undefined
    return { message: 'the queue is full: a back end is slow or down', retryAfterMs: this.#retryAfterMs() }
  }

  #window(plan: WindowPlan): WindowedStage {
    return new WindowedStage({
      id: plan.id,
      processor: plan.processor === undefined ? KEEP_ALL : this.#judge(plan.processor),
      streams: plan.streams,
      log: this.#store,
      clock: this.#clock,
      logger: part(this.#log, plan.id),
      maxLogBytes: this.config.queue.maxBytes
    })
  }

  #judge(id: string) {
    const config = this.config.processors.get(id)!
    const declaration = find<WindowedDeclaration>(
      'processor',
      config.type,
      PROCESSORS as readonly WindowedDeclaration[]
    )
    const context = this.metrics.context({
      kind: 'processor',
      id,
      counters: declaration.counters,
      log: this.#log,
      clock: this.#clock
    })
    return declaration.create(config.config as never, context as never)
  }

  /** Windows of processors that judge whole traces, by id: what they hold, what became of a trace. */
  get windows(): ReadonlyMap<string, WindowedStage> {
    return this.#windows
  }

  #stage(id: string): Stage {
    const config = this.config.processors.get(id)!
    const declaration = find<ProcessorDeclaration>(
      'processor',
      config.type,
      PROCESSORS as readonly ProcessorDeclaration[]
    )
    const context = this.metrics.context({
      kind: 'processor',
      id,
      counters: declaration.counters,
      log: this.#log,
      clock: this.#clock
    })
    const own = this.#installationKey
    const withKey = own === undefined ? context : Object.defineProperty({ ...context }, 'installationKey', { get: own })
    const processor = declaration.create(config.config as never, withKey as never)
    this.#processors.push(processor)
    return { id, processor, mutates: declaration.mutates }
  }

  #receiver(id: string, config: { readonly type: string; readonly config: unknown }): Receiver {
    const type = RECEIVER_TYPES.find(one => one.declaration.type === config.type)
    if (type === undefined) throw gatewayErrors.GATEWAY_NO_TYPE('receiver', config.type)
    const context = this.metrics.context({
      kind: 'receiver',
      id,
      counters: type.declaration.counters as never,
      log: this.#log,
      clock: this.#clock
    })
    return type.create(id, config.config, { ...context, intake: this.#timed(this.#pipelines) } as never)
  }

  /** The intake, with the time of each answer in the metrics. */
  #timed(intake: Intake): Intake {
    const timers = new Map<string, (seconds: number) => void>()
    const note = (receiver: string, signal: Signal, answer: string, startedAt: number) => {
      const name = `${receiver} ${signal} ${answer}`
      let timer = timers.get(name)
      if (timer === undefined) timers.set(name, (timer = this.metrics.requestTimer(receiver, signal, answer)))
      timer((performance.now() - startedAt) / 1000)
    }
    return {
      get isOpen() {
        return intake.isOpen
      },
      async take(signal, bytes, receiver) {
        const startedAt = performance.now()
        const answer = await intake.take(signal, bytes, receiver)
        note(receiver, signal, answer.kind, startedAt)
        return answer
      }
    }
  }

  #watch(): void {
    this.metrics.watch({
      ledger: () => this.ledger(),
      queue: () => this.#store.status(),
      deliveries: () => [...this.#deliveries.values()].map(delivery => delivery.status()),
      inFlightBytes: () => [...this.#receivers].map(([receiver, r]) => ({ receiver, bytes: r.inFlightBytes() })),
      isReady: () => this.obstacles().length === 0
    })
  }

  /** Dead letters older than the retention go, now and every hour. */
  #keepRetention(): void {
    const before = this.#clock.now() - this.config.retentionMs
    const all = [...this.#deliveries.keys()].map(async id => {
      const items = await expire(this.deadLetters, id, before)
      if (items > 0) this.#log.info({ exporter: id, items }, 'dead letters past their retention were removed')
    })
    Promise.all(all).catch(error =>
      this.#log.warn({ error }, 'the retention of dead letters could not be kept; tried again in an hour')
    )
    this.#retention = this.#clock.after(RETENTION_EVERY_MS, () => this.#keepRetention())
  }

  #refused(signal: Signal, code: string, items: number, error: unknown): void {
    const text = code === 'UNKNOWN' ? (error as Error | undefined)?.name : (error as Error).message
    this.#log.warn({ signal, items, code, error: text }, 'a request was refused')
  }

  #retryAfterMs(): number {
    const wanted = [...this.#deliveries.values()].map(delivery => delivery.retryAfterMs())
    return Math.max(DEFAULT_RETRY_MS, ...wanted)
  }
}

/** Streams that an exporter reads: the ids of its pipelines. */
function readersOf(config: GatewayConfig, exporter: string): readonly string[] {
  return config.pipelines.filter(p => p.exporters.includes(exporter)).map(p => p.id)
}

function pressureOf(deliveries: readonly Delivery[]): { message: string; retryAfterMs: number } | undefined {
  for (const delivery of deliveries) {
    if (delivery.isFull())
      return { message: `the queue of exporter ${delivery.id} is full`, retryAfterMs: delivery.retryAfterMs() }
  }
  return undefined
}

function queueOf(config: GatewayConfig, log: Logger): QueueConfig | RedisQueueConfig {
  const { type, path, maxBytes, options } = config.queue
  if (type !== 'redis') return { type, path, maxBytes }
  const queueLog = part(log, 'queue')
  return {
    ...(options as unknown as RedisSettings),
    type,
    url: (options['url'] as Secret).reveal(),
    maxBytes,
    onNote: (level, fields, text) => queueLog[level](fields, text)
  }
}

function find<D extends { readonly type: string; readonly aliases?: readonly string[] }>(
  kind: string,
  type: string,
  list: readonly D[]
): D {
  const found = list.find(one => one.type === type || one.aliases?.includes(type))
  if (found === undefined) throw gatewayErrors.GATEWAY_NO_TYPE(kind, type)
  return found
}
