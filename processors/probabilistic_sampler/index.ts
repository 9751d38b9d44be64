// Keeps a part of all traces, item by item as they come: the same trace decides the same on every replica and tier.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { ItemFacts } from '../../core/sampling/items.js'
import { WeightEdit, weightHooks } from '../../core/sampling/log-weight.js'
import { ALWAYS, NEVER, readOtelState, thresholdOf, withThreshold } from '../../core/sampling/threshold.js'
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
  create(config, context) {
    const own = thresholdOf(config.sampling_percentage / 100)
    const isProportional = config.mode === 'proportional'
    const facts = new ItemFacts()
    const edit = new WeightEdit()
    let threshold = own

    const earlierOf = (item: ItemView): number =>
      item.signal === 'logs' ? edit.read(item).threshold : (readOtelState(facts.traceState).threshold ?? ALWAYS)

    return {
      item(item: ItemView) {
        threshold = own
        edit.begin()
        facts.read(item)
        const { randomness } = facts
        if (randomness < 0) {
          threshold = ALWAYS
          if (config.fail_closed) item.drop('no_trace_id')
          return
        }
        if (config.keep_errors && facts.isError) threshold = ALWAYS
        else if (isProportional) threshold = stricter(own, earlierOf(item), randomness)
        if (randomness < threshold) item.drop('not_sampled')
        else if (item.signal === 'logs' && threshold !== ALWAYS) edit.raise(item, threshold)
      },
      itemEnd(item: ItemView) {
        if (item.signal === 'logs') edit.itemEnd(item)
        else item.insertTraceState(withThreshold(facts.traceState, threshold, facts.randomness))
      },
      ...weightHooks(edit, context.signal)
    }
  }
})

/** The threshold of both chances together. An earlier one above the randomness cannot be true: it counts for nothing. */
function stricter(own: number, earlier: number, randomness: number): number {
  if (own === NEVER || randomness < earlier) return own
  return thresholdOf(((RANGE - own) / RANGE) * ((RANGE - earlier) / RANGE))
}
