// Holds the output at a rate while the input changes, item by item as they come (head sampling). What of a trace is kept is
// decided by its own randomness, so its spans agree as long as the chance of their workflow stays the same.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { AdaptiveRates } from '../../core/sampling/adaptive.js'
import { chanceOf } from '../../core/sampling/fair-shares.js'
import { isErrorItem, workflowOf } from '../../core/sampling/items.js'
import { isWeightKey, WeightEdit, weightAt } from '../../core/sampling/log-weight.js'
import { ALWAYS, randomnessOf, readOtelState, withThreshold } from '../../core/sampling/threshold.js'
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
    const edit = new WeightEdit()
    let threshold = ALWAYS
    let randomness: number | undefined
    return {
      item(item: ItemView) {
        const now = context.clock.now()
        const units = isBytes ? item.end - item.start : 1
        threshold = ALWAYS
        randomness = randomnessIn(item)
        edit.begin()
        // Errors compete with nobody, and what has no trace cannot be chosen by it.
        if (randomness !== undefined && !isErrorItem(item))
          threshold = rates.threshold(workflowOf(item) ?? '', units, now)
        rates.spend(units, chanceOf(threshold), now)
        if (randomness !== undefined && randomness < threshold) item.drop('not_sampled')
        else if (item.signal === 'logs' && threshold !== ALWAYS) {
          const before = edit.read(item)
          edit.set(weightAt(before, threshold), Math.max(before.threshold, threshold))
        }
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

function randomnessIn(item: ItemView): number | undefined {
  const id = item.traceId()
  if (id === undefined) return undefined
  const explicit = item.signal === 'traces' ? readOtelState(item.traceState()).randomness : undefined
  return explicit ?? randomnessOf(id, 0)
}

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
