// Samples log records: by severity, by workflow, and by a rate for each message template. Records from ERROR up are always
// kept; those of a trace wait for its decision where tail_sampling is in the pipeline.

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
import { ALWAYS, randomnessOf } from '../../core/sampling/threshold.js'
import { Chances } from './chances.js'
import { schema } from './config.js'
import { KeyedLimiter } from './limiter.js'
import { ERROR, RecordFacts } from './record.js'
import { TemplateHash } from './template.js'

export default defineProcessor({
  type: 'log_sampling',
  signals: ['logs'],
  stability: 'beta',
  about: 'Samples log records by severity, workflow and message template; errors are always kept, weights are told.',
  stage: 'inline',
  mutates: true,
  schema,
  counters: {
    weight_forgotten: {
      unit: '{record}',
      about: 'Records over a template limit that no kept record stands for, since their template was forgotten.'
    }
  },
  create(config, context) {
    const chances = new Chances(config)
    const limit = config.template_limit
    const limiter =
      limit &&
      new KeyedLimiter(limit.records_per_second, limit.burst, limit.max_templates, n =>
        context.count.weight_forgotten(n)
      )
    const follows = config.follow_traces && context.isTraceJudged === true
    const facts = new RecordFacts()
    const template = new TemplateHash()
    const before = { weight: 1, threshold: ALWAYS }
    let [weight, threshold] = [1, ALWAYS]
    let isWeightNew = false

    /** False: it is dropped. */
    const passesLimit = (item: ItemView): boolean => {
      if (limiter === undefined) return true
      template.begin().add(facts.severity)
      if (facts.nameTo > facts.nameFrom) template.text(facts.buf, facts.nameFrom, facts.nameTo)
      template.value(facts.buf, facts.bodyFrom, facts.bodyTo)
      const all = limiter.take(template.end(), weight, context.clock.now())
      if (all === 0) item.drop('template_limit')
      else weight = all
      return all > 0
    }

    return {
      item(item: ItemView) {
        isWeightNew = false
        facts.read(item)
        if (facts.severity >= ERROR || (follows && facts.traceAt >= 0)) return
        const { threshold: own, reason } = chances.of(item, facts.severity)
        if (own === ALWAYS && limiter === undefined) return
        readLogWeight(item, before)
        const randomness = facts.traceAt >= 0 ? randomnessOf(facts.buf, facts.traceAt) : facts.randomness()
        if (randomness < own) {
          item.drop(reason)
          return
        }
        weight = weightAt(before, own)
        threshold = Math.max(before.threshold, own)
        isWeightNew = passesLimit(item) && (weight !== before.weight || threshold !== before.threshold)
      },
      wantsKey: key => key.text === WEIGHT_KEY || key.text === THRESHOLD_KEY,
      attribute(attribute: AttributeView) {
        // What is said anew at the end of the item.
        if (isWeightNew && attribute.depth === 0 && attribute.place === 'log.attributes') attribute.remove()
      },
      itemEnd(item: ItemView) {
        if (!isWeightNew) return
        item.insert(WEIGHT_KEY, weightValue(weight))
        if (threshold !== ALWAYS) item.insert(THRESHOLD_KEY, thresholdValue(threshold))
      }
    }
  }
})
