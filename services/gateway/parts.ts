// What stands between the receivers and the store for one config: chains, windows, deliveries. Built whole before
// anything of it runs, so that a config that cannot be built changes nothing.

import type { InlineProcessor } from '../../core/component/processor.js'
import type { GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import type { Delivery } from '../../core/delivery/delivery.js'
import { Chain } from '../../core/pipeline/chain.js'
import type { DerivingStage } from '../../core/pipeline/derived.js'
import { derive } from '../../core/pipeline/gather.js'
import type { Pipeline } from '../../core/pipeline/pipelines.js'
import { arrivalStream, type WindowedStage } from '../../core/pipeline/windowed.js'
import { gatewayErrors } from './errors.js'
import { abandonedWindows, isWindowed, planWindows, type WindowPlan } from './windows.js'
import type { Workshop } from './workshop.js'

/** A pipeline with a window refuses senders when this part of the queue is full. */
const WINDOW_FULL = 0.9
/** Retry-After while nothing is known about the drain rate. */
const DEFAULT_RETRY_MS = 2000

export class Parts {
  readonly config: GatewayConfig
  /** By exporter, those that a pipeline uses. */
  readonly deliveries = new Map<string, Delivery>()
  /** By window; those of earlier configs that still hold something too (`adopt`). */
  readonly windows = new Map<string, WindowedStage>()
  /** By processor: what makes telemetry of the gateway's own. */
  readonly deriving = new Map<string, DerivingStage>()
  /** Inline processors, one for each place they have in a pipeline. */
  readonly processors: InlineProcessor[] = []
  readonly pipelines: readonly Pipeline[]
  readonly #workshop: Workshop
  readonly #plans: readonly WindowPlan[]

  /** Builds everything, opens nothing. @throws CodedError of a component that cannot be built. */
  constructor(config: GatewayConfig, workshop: Workshop) {
    this.config = config
    this.#workshop = workshop
    for (const exporter of config.exporters.values()) {
      if (readersOf(config, exporter.id).length > 0) this.deliveries.set(exporter.id, workshop.delivery(exporter))
    }
    this.#plans = planWindows(config)
    for (const plan of this.#plans) this.windows.set(plan.id, workshop.window(plan, config))
    this.pipelines = config.pipelines.map(pipeline => this.#pipeline(pipeline))
    for (const id of new Set(config.pipelines.flatMap(pipeline => pipeline.processors))) this.#derive(id)
  }

  #derive(id: string): void {
    const stage = this.#workshop.deriving(this.config.processors.get(id)!, (signal, bytes, maker) =>
      derive(this.pipelines, signal, bytes, maker)
    )
    if (stage !== undefined) this.deriving.set(id, stage)
  }

  /** Makes windows for what earlier configs left in the store. Before `readers`. */
  adopt(totals: ReadonlyMap<string, number>): void {
    for (const plan of abandonedWindows(this.config, totals, this.#plans)) {
      this.windows.set(plan.id, this.#workshop.window(plan, this.config))
    }
  }

  /** The cursors of the store and the streams that each one reads. */
  readers(): ReadonlyMap<string, readonly string[]> {
    return new Map([
      ...[...this.deliveries.keys()].map(id => [id, readersOf(this.config, id)] as const),
      ...[...this.windows.values()].flatMap(window => [...window.readers()]),
      ...[...this.deriving.values()].flatMap(stage => [...stage.readers()])
    ])
  }

  /** How long a refused sender should wait, milliseconds. */
  retryAfterMs(): number {
    const wanted = [...this.deliveries.values()].map(delivery => delivery.retryAfterMs())
    return Math.max(DEFAULT_RETRY_MS, ...wanted)
  }

  #pipeline(pipeline: PipelineConfig): Pipeline {
    const { config } = this
    const inline = pipeline.processors.filter(id => !isWindowed(config, id))
    const window = this.#windowOf(pipeline)
    const place = { pipeline: pipeline.id, isTraceJudged: window !== undefined }
    const stages = inline.map(id => this.#workshop.stage(config.processors.get(id)!, place))
    this.processors.push(...stages.map(stage => stage.processor))
    const deliveries = pipeline.exporters.map(id => this.deliveries.get(id)!)
    return {
      id: pipeline.id,
      signal: pipeline.signal,
      receivers: new Set(pipeline.receivers),
      exporters: pipeline.exporters,
      chain: new Chain(pipeline.signal, stages, this.#workshop.report(pipeline.id)),
      ...(window === undefined ? {} : { window: { id: window.id, arrival: arrivalStream(pipeline.id) } }),
      pressure: () => pressureOf(deliveries) ?? (window === undefined ? undefined : this.#windowPressure())
    }
  }

  #windowOf(pipeline: PipelineConfig): WindowPlan | undefined {
    const [first, second] = this.#plans.filter(plan => plan.streams.some(stream => stream.id === pipeline.id))
    if (second !== undefined) throw gatewayErrors.GATEWAY_TWO_WINDOWS(pipeline.id, first!.id, second.id)
    return first
  }

  /** What a window keeps is written anew: room for that must be left. */
  #windowPressure(): { message: string; retryAfterMs: number } | undefined {
    const { bytes, maxBytes } = this.#workshop.tools.store.status()
    if (bytes < maxBytes * WINDOW_FULL) return undefined
    return { message: 'the queue is full: a back end is slow or down', retryAfterMs: this.retryAfterMs() }
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
