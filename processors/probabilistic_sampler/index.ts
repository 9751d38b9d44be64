// Keeps a part of all traces, item by item as they come: the same trace decides the same on every replica and tier.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import {
  ALWAYS,
  NEVER,
  randomnessOf,
  readOtelState,
  thresholdOf,
  withThreshold
} from '../../core/sampling/threshold.js'
import { schema } from './config.js'

const STATUS_ERROR = 2
const SEVERITY_ERROR = 17
const RANGE = NEVER

export default defineProcessor({
  type: 'probabilistic_sampler',
  signals: ['traces', 'logs'],
  stability: 'beta',
  about: 'Keeps a part of all traces as they come (head sampling), consistent by trace id, with weights.',
  stage: 'inline',
  mutates: true,
  schema,
  create(config) {
    const own = thresholdOf(config.sampling_percentage / 100)
    let threshold = own
    let randomness: number | undefined
    return {
      item(item: ItemView) {
        const id = item.traceId()
        threshold = own
        randomness = undefined
        if (id === undefined) {
          threshold = ALWAYS
          if (config.fail_closed) item.drop('no_trace_id')
          return
        }
        const state = readOtelState(item.traceState())
        randomness = state.randomness ?? randomnessOf(id, 0)
        // An earlier threshold above the randomness cannot be true: it counts for nothing, and is erased below.
        const isTrue = state.threshold !== undefined && randomness >= state.threshold
        if (config.mode === 'proportional' && isTrue) threshold = share(own, state.threshold)
        if (config.keep_errors && isError(item)) threshold = ALWAYS
        if (randomness < threshold) item.drop('not_sampled')
      },
      itemEnd(item: ItemView) {
        if (item.signal === 'traces') item.insertTraceState(withThreshold(item.traceState(), threshold, randomness))
      }
    }
  }
})

/** The threshold of both chances together. */
function share(own: number, earlier: number): number {
  if (own === NEVER) return NEVER
  return thresholdOf(((RANGE - own) / RANGE) * ((RANGE - earlier) / RANGE))
}

function isError(item: ItemView): boolean {
  return item.signal === 'traces' ? item.status === STATUS_ERROR : item.status >= SEVERITY_ERROR
}
