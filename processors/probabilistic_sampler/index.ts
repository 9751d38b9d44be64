// Keeps a part of all traces, item by item as they come: the same trace decides the same on every replica and tier.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { isErrorItem } from '../../core/sampling/items.js'
import { isWeightKey, WeightEdit, weightAt } from '../../core/sampling/log-weight.js'
import {
  ALWAYS,
  NEVER,
  randomnessOf,
  readOtelState,
  thresholdOf,
  withThreshold
} from '../../core/sampling/threshold.js'
import { schema } from './config.js'

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
    const edit = new WeightEdit()
    let threshold = own
    let randomness: number | undefined

    /** Finds the randomness, and the threshold of an earlier stage; ALWAYS: none. */
    const earlierOf = (item: ItemView, id: Buffer): number => {
      randomness = randomnessOf(id, 0)
      if (item.signal === 'logs') return edit.read(item).threshold
      const state = readOtelState(item.traceState())
      randomness = state.randomness ?? randomness
      return state.threshold ?? ALWAYS
    }

    return {
      item(item: ItemView) {
        const id = item.traceId()
        threshold = own
        randomness = undefined
        edit.begin()
        if (id === undefined) {
          threshold = ALWAYS
          if (config.fail_closed) item.drop('no_trace_id')
          return
        }
        const earlier = earlierOf(item, id)
        // An earlier threshold above the randomness cannot be true: it counts for nothing.
        if (isProportional && randomness! >= earlier) threshold = share(own, earlier)
        if (config.keep_errors && isErrorItem(item)) threshold = ALWAYS
        if (randomness! < threshold) item.drop('not_sampled')
        else if (item.signal === 'logs' && threshold > earlier) edit.set(weightAt(edit.before, threshold), threshold)
      },
      wantsKey: isWeightKey,
      attribute: attribute => edit.attribute(attribute),
      itemEnd(item: ItemView) {
        if (item.signal === 'traces') item.insertTraceState(withThreshold(item.traceState(), threshold, randomness))
        edit.itemEnd(item)
      }
    }
  }
})

/** The threshold of both chances together. */
function share(own: number, earlier: number): number {
  if (own === NEVER) return NEVER
  return thresholdOf(((RANGE - own) / RANGE) * ((RANGE - earlier) / RANGE))
}
