// Makes one part of the gateway at a time from its checked config: a receiver, a processor's place in a chain, a window,
// a delivery. It knows what parts need; which parts there are is parts.ts.

import { LearnedNames } from '../../core/algoflow/trace-names.js'
import type { Clock, ComponentContext, CounterSpec, Log as Logger, SharedRates } from '../../core/component/context.js'
import { codeOf } from '../../core/component/errors.js'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import type { ProcessorDeclaration } from '../../core/component/processor.js'
import type { WindowedDeclaration, WindowedProcessor } from '../../core/component/windowed.js'
import type { Secret } from '../../core/config/secret.js'
import type { RedisSettings } from '../../core/config/service.js'
import type { ComponentConfig, ExporterConfig, GatewayConfig } from '../../core/config/types.js'
import { Delivery } from '../../core/delivery/delivery.js'
import type { Signal } from '../../core/otlp/signal.js'
import type { ChainReport, Stage } from '../../core/pipeline/chain.js'
import { DerivingStage } from '../../core/pipeline/derived.js'
import type { Derived } from '../../core/pipeline/gather.js'
import type { Intake } from '../../core/pipeline/intake.js'
import { WindowedStage } from '../../core/pipeline/windowed.js'
import type { Log } from '../../core/queue/log.js'
import type { QueueConfig, RedisQueueConfig } from '../../core/queue/open.js'
import type { Parking } from '../../core/queue/parking.js'
import { part } from '../../core/telemetry/log.js'
import type { GatewayMetrics } from '../../core/telemetry/metrics.js'
import { EXPORTERS } from '../../exporters/index.js'
import { PROCESSORS } from '../../processors/index.js'
import { gatewayErrors } from './errors.js'
import { RECEIVER_TYPES, type Receiver } from './receivers/index.js'
import { KEEP_ALL, type WindowPlan } from './windows.js'

/** What parts are made with: the same for the gateway's whole life. */
export interface Tools {
  readonly metrics: GatewayMetrics
  readonly log: Logger
  readonly clock: Clock
  readonly store: Log
  readonly parking: Parking
  /** The installation's own secret, asked for when a processor needs one; absent where nothing is kept on disk. */
  readonly installationKey?: () => string
  /** Rates of all gateways, where there may be several. */
  readonly rates?: SharedRates
}

/** Where an inline processor stands: its pipeline, and whether a window behind it judges whole traces. */
export interface StagePlace {
  readonly pipeline: string
  readonly signal: Signal
  readonly isTraceJudged: boolean
}

type Kind = 'receiver' | 'processor' | 'exporter'

export class Workshop {
  readonly tools: Tools
  #names: LearnedNames | undefined

  constructor(tools: Tools) {
    this.tools = tools
  }

  /** @throws GATEWAY_NO_TYPE, what the exporter's `create` throws. */
  delivery(config: ExporterConfig): Delivery {
    const { store, parking, clock, log } = this.tools
    const declaration = find<ExporterDeclaration>('exporter', config.type, EXPORTERS as readonly ExporterDeclaration[])
    const names = () => (this.#names ??= new LearnedNames())
    const own = this.#context('exporter', config.id, declaration.counters)
    const context = Object.defineProperty({ ...own }, 'traceNames', { get: names })
    const exporter = declaration.create(config.config as never, context as never)
    return new Delivery({ config, exporter, log: store, parking, clock, logger: part(log, config.id) })
  }

  /**
   * An inline processor in its place. @throws GATEWAY_NO_TYPE, what its `create` throws.
   */
  stage({ id, type, config }: ComponentConfig, { pipeline, signal, isTraceJudged }: StagePlace): Stage {
    const declaration = find<ProcessorDeclaration>('processor', type, PROCESSORS as readonly ProcessorDeclaration[])
    const shared = this.#sharing(`${pipeline}/${id}`)
    const context = { ...this.#context('processor', id, declaration.counters), ...shared, signal, isTraceJudged }
    const own = this.tools.installationKey
    const withKey = own === undefined ? context : Object.defineProperty({ ...context }, 'installationKey', { get: own })
    return { id, processor: declaration.create(config as never, withKey as never), mutates: declaration.mutates }
  }

  /** Looks at spans for those who asked for names of traces; undefined when nobody has. */
  namesStage(): Stage | undefined {
    const names = this.#names
    if (names === undefined) return undefined
    const processor = {
      observe(_: Signal, request: Buffer) {
        names.learn(request)
        return undefined
      }
    }
    return { id: 'trace names', processor, mutates: false }
  }

  /** Tells of hooks that threw in a pipeline's chain. */
  report(pipeline: string): ChainReport {
    const errors = { unit: '{error}', about: 'Hooks that threw: what they looked at was removed.', label: 'processor' }
    const failed = this.#context('processor', pipeline, { errors })
    return {
      failed: (processor, error) => {
        failed.count.errors(1, processor)
        // The message could hold a telemetry value: only the kind of error is told.
        const name = error instanceof Error ? error.name : typeof error
        failed.log.error(
          { processor, error: name, code: codeOf(error) },
          'a processor failed; the value it looked at was removed'
        )
      }
    }
  }

  /** @throws GATEWAY_NO_TYPE, what the processor's `create` throws. */
  window(plan: WindowPlan, config: GatewayConfig): WindowedStage {
    const { store, clock, log } = this.tools
    return new WindowedStage({
      id: plan.id,
      processor: plan.processor === undefined ? KEEP_ALL : this.#judge(config.processors.get(plan.processor)!, plan.id),
      streams: plan.streams,
      log: store,
      clock,
      logger: part(log, plan.id),
      maxLogBytes: config.queue.maxBytes
    })
  }

  /**
   * The half behind the log of a processor that makes telemetry of its own; undefined for one that does not. `derive` takes
   * what it made through its pipelines.
   */
  deriving(
    { id, type, config }: ComponentConfig,
    derive: (signal: Signal, bytes: Buffer, maker: string) => Derived
  ): DerivingStage | undefined {
    const { store, clock, log } = this.tools
    const all = PROCESSORS as readonly ProcessorDeclaration[]
    const declaration = find<ProcessorDeclaration>('processor', type, all)
    const spec = declaration.derives
    if (spec === undefined) return undefined
    const context = this.#context('processor', id, declaration.counters)
    return new DerivingStage({
      id,
      create: () => spec.create(config as never, context),
      intervalMs: spec.intervalMs(config as never),
      derive: bytes => derive(spec.signal, bytes, id),
      log: store,
      clock,
      logger: part(log, id)
    })
  }

  /** @throws GATEWAY_NO_TYPE, what the receiver's `create` throws. */
  receiver({ id, type, config }: ComponentConfig, intake: Intake): Receiver {
    const found = RECEIVER_TYPES.find(one => one.declaration.type === type)
    if (found === undefined) throw gatewayErrors.GATEWAY_NO_TYPE('receiver', type)
    const context = this.#context('receiver', id, found.declaration.counters)
    return found.create(id, config, { ...context, intake } as never)
  }

  #judge({ id, type, config }: ComponentConfig, window: string): WindowedProcessor {
    const declaration = find<WindowedDeclaration>('processor', type, PROCESSORS as readonly WindowedDeclaration[])
    const context = { ...this.#context('processor', id, declaration.counters), ...this.#sharing(window) }
    return declaration.create(config as never, context as never)
  }

  /** Rates of the same place on all gateways. */
  #sharing(place: string): { readonly rates?: SharedRates } {
    const { rates } = this.tools
    return rates === undefined ? {} : { rates: { part: (name, rate) => rates.part(`${place}/${name}`, rate) } }
  }

  #context<C extends string>(
    kind: Kind,
    id: string,
    counters: { readonly [K in C]: CounterSpec } | undefined
  ): ComponentContext<C> {
    const { metrics, log, clock } = this.tools
    return metrics.context<C>({ kind, id, counters, log, clock })
  }
}

/** What the queue is opened with. */
export function queueOf(config: GatewayConfig, log: Logger, takesPartitions = true): QueueConfig | RedisQueueConfig {
  const { type, path, maxBytes, options } = config.queue
  if (type !== 'redis') return { type, path, maxBytes }
  const queueLog = part(log, 'queue')
  return {
    ...(options as unknown as RedisSettings),
    type,
    url: (options['url'] as Secret).reveal(),
    maxBytes,
    takesPartitions,
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
