// Which pipelines pass a windowed processor, and which of them share one window.

import type { WindowedProcessor } from '../../core/component/windowed.js'
import type { GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import type { Signal } from '../../core/otlp/signal.js'
import { arrivalStream } from '../../core/pipeline/windowed.js'
import type { WindowStream } from '../../core/sampling/window.js'
import { PROCESSORS } from '../../processors/index.js'

export interface WindowPlan {
  /** Names its cursors and its part of the ledger. */
  readonly id: string
  /** The processor's id; undefined: nobody judges any more, what is left goes on. */
  readonly processor: string | undefined
  readonly streams: readonly WindowStream[]
}

export function isWindowed(config: GatewayConfig, processor: string): boolean {
  const type = config.processors.get(processor)?.type
  return PROCESSORS.some(one => one.stage === 'windowed' && (one.type === type || one.aliases?.includes(type ?? '')))
}

/**
 * `traces` and `logs` with the same processor share its window, so that logs follow their trace; so do `traces/audit` and
 * `logs/audit`, apart from those.
 */
export function planWindows(config: GatewayConfig): WindowPlan[] {
  const plans = new Map<string, { id: string; processor: string; streams: WindowStream[] }>()
  for (const pipeline of config.pipelines) {
    for (const processor of pipeline.processors.filter(id => isWindowed(config, id))) {
      const part = pipeline.id.slice(pipeline.signal.length + 1)
      const id = part === '' ? processor : `${processor}@${part}`
      const plan = plans.get(id) ?? { id, processor, streams: [] }
      plan.streams.push(streamOf(pipeline))
      plans.set(id, plan)
    }
  }
  return [...plans.values()]
}

/** What windows that are not in the config any more still hold (`windowed|<pipeline>|<window>`): it goes on as it is. */
export function abandonedWindows(
  config: GatewayConfig,
  totals: ReadonlyMap<string, number>,
  plans: readonly WindowPlan[]
): WindowPlan[] {
  const found = new Map<string, { id: string; processor: undefined; streams: WindowStream[] }>()
  for (const [key, items] of totals) {
    const [what, pipeline = '', id = ''] = key.split('|')
    if (what !== 'windowed' || items <= 0) continue
    if (plans.some(plan => plan.id === id && plan.streams.some(stream => stream.id === pipeline))) continue
    const now = config.pipelines.find(p => p.id === pipeline)
    if (now === undefined) continue
    const plan = found.get(id) ?? { id, processor: undefined, streams: [] }
    plan.streams.push(streamOf(now))
    found.set(id, plan)
  }
  // A window that goes on for other pipelines keeps its cursor: what it held for this one is told as dropped.
  return [...found.values()].filter(({ id }) => !plans.some(plan => plan.id === id))
}

/** Keeps everything at once. */
export const KEEP_ALL: WindowedProcessor = {
  settings: {
    decisionWaitMs: 0,
    afterRootMs: 0,
    lateErrorMs: 0,
    lateErrorBytes: 0,
    maxTraceItems: 1,
    maxTraceBytes: 0,
    maxTraces: 0,
    maxKept: 0,
    maxDropped: 0,
    dryRun: false
  },
  attributes: [],
  traceStates: [],
  decide: () => ({ rule: 'no_sampling_any_more', threshold: 0, isWeighted: true, isFinal: false })
}

function streamOf({ id, signal, exporters }: PipelineConfig): WindowStream & { readonly signal: Signal } {
  return { id, signal, arrival: arrivalStream(id), exporters }
}
