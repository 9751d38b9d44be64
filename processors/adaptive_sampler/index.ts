// Holds the output at a rate while the input changes, item by item as they come (head sampling). What of a trace is kept is
// decided by its own randomness, so its spans agree as long as the chance of their workflow stays the same.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { AdaptiveRates } from '../../core/sampling/adaptive.js'
import { chanceOf } from '../../core/sampling/fair-shares.js'
import { ItemFacts, workflowOf } from '../../core/sampling/items.js'
import { WeightEdit, weightHooks } from '../../core/sampling/log-weight.js'
import { ALWAYS, withThreshold } from '../../core/sampling/threshold.js'
import { type AdaptiveSamplerConfig, schema, validate } from './config.js'

export default defineProcessor({
  type: 'adaptive_sampler',
  signals: ['traces', 'logs'],
  stability: 'beta',
  about: 'Holds the output of all gateways at a rate (head sampling); rare workflows and errors first, with weights.',
  stage: 'inline',
  mutates: true,
  schema,
  validate,
  create(config, context) {
    const { rates: shared } = context
    const rates = new AdaptiveRates(optionsOf(config, shared && (rate => shared.part('rate', rate))))
    const isBytes = config.items_per_second === undefined
    const facts = new ItemFacts()
    const edit = new WeightEdit()
    let threshold = ALWAYS
    return {
      item(item: ItemView) {
        const now = context.clock.now()
        const units = isBytes ? item.end - item.start : 1
        threshold = ALWAYS
        edit.begin()
        facts.read(item)
        const { randomness, isError } = facts
        // Errors compete with nobody, and what has no trace cannot be chosen by it.
        if (randomness >= 0 && !isError) threshold = rates.threshold(workflowOf(item) ?? '', units, now)
        rates.spend(units, chanceOf(threshold), now)
        if (randomness >= 0 && randomness < threshold) item.drop('not_sampled')
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

function optionsOf(config: AdaptiveSamplerConfig, part: ((rate: number) => number) | undefined) {
  const { items_per_second: items, bytes_per_second: bytes, adjustment_interval, weight, band } = config
  return {
    target: items ?? bytes ?? Number.POSITIVE_INFINITY,
    intervalMs: adjustment_interval,
    weight,
    band: band / 100,
    ...(part === undefined ? {} : { part })
  }
}
