// Keeps a part of all traces, item by item as they come: the same trace decides the same on every replica and tier.

import { defineProcessor } from '../../core/component/processor.js'
import type { AttributeView, ItemView } from '../../core/otlp/views.js'
import {
  readLogWeight,
  THRESHOLD_KEY,
  thresholdValue,
  WEIGHT_KEY,
  weightAt,
  weightValue
} from '../../core/sampling/log-weight.js'
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
    const isProportional = config.mode === 'proportional'
    const before = { weight: 1, threshold: ALWAYS }
    let threshold = own
    let randomness: number | undefined
    let isWeightNew = false

    /** The threshold of an earlier stage; undefined: none, or one that cannot be true and counts for nothing. */
    const earlierOf = (item: ItemView, id: Buffer): number | undefined => {
      if (item.signal === 'logs') {
        readLogWeight(item, before)
        randomness = randomnessOf(id, 0)
      } else {
        const state = readOtelState(item.traceState())
        randomness = state.randomness ?? randomnessOf(id, 0)
        before.threshold = state.threshold ?? ALWAYS
      }
      return randomness >= before.threshold ? before.threshold : undefined
    }

    return {
      item(item: ItemView) {
        const id = item.traceId()
        threshold = own
        randomness = undefined
        isWeightNew = false
        if (id === undefined) {
          threshold = ALWAYS
          if (config.fail_closed) item.drop('no_trace_id')
          return
        }
        const earlier = earlierOf(item, id)
        if (isProportional && earlier !== undefined) threshold = share(own, earlier)
        if (config.keep_errors && isError(item)) threshold = ALWAYS
        if (randomness! < threshold) item.drop('not_sampled')
        isWeightNew = item.signal === 'logs' && threshold > before.threshold
      },
      wantsKey: key => key.text === WEIGHT_KEY || key.text === THRESHOLD_KEY,
      attribute(attribute: AttributeView) {
        // What is said anew at the end of the record.
        if (isWeightNew && attribute.depth === 0 && attribute.place === 'log.attributes') attribute.remove()
      },
      itemEnd(item: ItemView) {
        if (item.signal === 'traces') item.insertTraceState(withThreshold(item.traceState(), threshold, randomness))
        if (!isWeightNew) return
        item.insert(WEIGHT_KEY, weightValue(weightAt(before, threshold)))
        item.insert(THRESHOLD_KEY, thresholdValue(threshold))
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
