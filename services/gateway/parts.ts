// What stands between the receivers and the store for one config: chains, windows, deliveries. Built whole before
// anything of it runs, so that a config that cannot be built changes nothing.

import type { InlineProcessor } from '../../core/component/processor.js'
import { same } from '../../core/config/compare.js'
import type { ComponentConfig, ExporterConfig, GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import type { Delivery } from '../../core/delivery/delivery.js'
import { Chain, type Stage } from '../../core/pipeline/chain.js'
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
  readonly pipelines: readonly Pipeline[]
  readonly #workshop: Workshop
  readonly #plans: readonly WindowPlan[]
  /** Inline processors by pipeline and id: each has a place of its own in every pipeline. */
  readonly #stages = new Map<string, Stage>()

  /**
   * Builds everything, opens nothing.
   * @param before the parts that run now: what the config leaves as it is is taken over from them
   * @throws CodedError of a component that cannot be built.
   */
  constructor(config: GatewayConfig, workshop: Workshop, before?: Parts) {
    this.config = config
    this.#workshop = workshop
    for (const exporter of config.exporters.values()) {
      if (readersOf(config, exporter.id).length === 0) continue
      this.deliveries.set(exporter.id, before?.keptDelivery(exporter, config) ?? workshop.delivery(exporter))
    }
    this.#plans = planWindows(config)
    for (const plan of this.#plans)
      this.windows.set(plan.id, before?.keptWindow(plan, config) ?? workshop.window(plan, config))
    this.pipelines = config.pipelines.map(pipeline => this.#pipeline(pipeline, before))
    for (const id of new Set(config.pipelines.flatMap(pipeline => pipeline.processors))) this.renewDeriving(id)
  }

  /** All inline processors, one for each place. */
  get processors(): InlineProcessor[] {
    return [...this.#stages.values()].map(stage => stage.processor)
  }

  /** A delivery that was stopped is made anew, as it was. */
  renewDelivery(id: string): Delivery {
    const made = this.#workshop.delivery(this.config.exporters.get(id)!)
    this.deliveries.set(id, made)
    return made
  }

  /** A window that was stopped is made anew; it goes on where that one stopped. */
  renewWindow(id: string): WindowedStage | undefined {
    const plan = this.#plans.find(one => one.id === id)
    if (plan === undefined) return undefined
    const made = this.#workshop.window(plan, this.config)
    this.windows.set(id, made)
    return made
  }

  /** The half behind the log of a processor that has one, made anew: it goes on where the one before stopped. */
  renewDeriving(id: string): DerivingStage | undefined {
    const made = this.#workshop.deriving(this.config.processors.get(id)!, (signal, bytes, maker) =>
      derive(this.pipelines, signal, bytes, maker)
    )
    if (made !== undefined) this.deriving.set(id, made)
    return made
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

  /** This exporter's delivery, unless `next` changes its settings or takes a stream from it. */
  keptDelivery(exporter: ExporterConfig, next: GatewayConfig): Delivery | undefined {
    const streams = readersOf(next, exporter.id)
    const isSame = same(exporter, this.config.exporters.get(exporter.id))
    const keepsAll = readersOf(this.config, exporter.id).every(stream => streams.includes(stream))
    return isSame && keepsAll ? this.deliveries.get(exporter.id) : undefined
  }

  /** This window, unless `next` changes anything about it. */
  keptWindow(plan: WindowPlan, next: GatewayConfig): WindowedStage | undefined {
    const mine = this.#plans.find(one => one.id === plan.id)
    const judge = (config: GatewayConfig) => config.processors.get(plan.processor ?? '')
    const isSame = mine !== undefined && same(mine, plan) && same(judge(this.config), judge(next))
    return isSame ? this.windows.get(plan.id) : undefined
  }

  /** The processor in this place, unless its settings differ. */
  keptStage(place: string, processor: ComponentConfig): Stage | undefined {
    return same(processor, this.config.processors.get(processor.id)) ? this.#stages.get(place) : undefined
  }

  #pipeline(pipeline: PipelineConfig, before: Parts | undefined): Pipeline {
    const { config, deliveries } = this
    const inline = pipeline.processors.filter(id => !isWindowed(config, id))
    const window = this.#windowOf(pipeline)
    const at = { pipeline: pipeline.id, signal: pipeline.signal, isTraceJudged: window !== undefined }
    const stages = inline.map(id => {
      const [place, processor] = [`${pipeline.id} ${id} ${at.isTraceJudged}`, config.processors.get(id)!]
      const stage = before?.keptStage(place, processor) ?? this.#workshop.stage(processor, at)
      this.#stages.set(place, stage)
      return stage
    })
    const names = pipeline.signal === 'traces' ? this.#workshop.namesStage() : undefined
    if (names !== undefined) stages.push(names)
    return {
      id: pipeline.id,
      signal: pipeline.signal,
      receivers: new Set(pipeline.receivers),
      exporters: pipeline.exporters,
      chain: new Chain(pipeline.signal, stages, this.#workshop.report(pipeline.id)),
      ...(window === undefined ? {} : { window: { id: window.id, arrival: arrivalStream(pipeline.id) } }),
      pressure: () =>
        pressureOf(pipeline.exporters, deliveries) ?? (window === undefined ? undefined : this.#windowPressure())
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

function pressureOf(
  exporters: readonly string[],
  deliveries: ReadonlyMap<string, Delivery>
): { message: string; retryAfterMs: number } | undefined {
  for (const id of exporters) {
    const delivery = deliveries.get(id)
    if (delivery?.isFull())
      return { message: `the queue of exporter ${delivery.id} is full`, retryAfterMs: delivery.retryAfterMs() }
  }
  return undefined
}
