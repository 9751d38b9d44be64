// Samples log records: by severity, by workflow, and by a rate for each message template. Records from ERROR up are always
// kept; those of a trace wait for its decision where tail_sampling is in the pipeline.

import { defineProcessor } from '../../core/component/processor.js'
import type { ItemView } from '../../core/otlp/views.js'
import { WeightEdit, weightAt, weightHooks } from '../../core/sampling/log-weight.js'
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
    const edit = new WeightEdit()

    /** The weight it is kept with; 0: its template has had its part. */
    const limited = (weight: number): number => {
      if (limiter === undefined) return weight
      template.begin().add(facts.severity)
      if (facts.nameTo > facts.nameFrom) template.text(facts.buf, facts.nameFrom, facts.nameTo)
      template.value(facts.buf, facts.bodyFrom, facts.bodyTo)
      return limiter.take(template.end(), weight, context.clock.now())
    }

    return {
      item(item: ItemView) {
        edit.begin()
        facts.read(item)
        if (facts.severity >= ERROR || (follows && facts.traceAt >= 0)) return
        const { threshold, reason } = chances.of(item, facts.severity)
        if (threshold === ALWAYS && limiter === undefined) return
        const randomness = facts.traceAt >= 0 ? randomnessOf(facts.buf, facts.traceAt) : facts.randomness()
        if (randomness < threshold) {
          item.drop(reason)
          return
        }
        const before = facts.mayHaveWeight ? edit.read(item) : edit.none()
        const weight = limited(weightAt(before, threshold))
        if (weight === 0) item.drop('template_limit')
        else edit.set(weight, Math.max(before.threshold, threshold))
      },
      itemEnd: item => edit.itemEnd(item),
      ...weightHooks(edit)
    }
  }
})
