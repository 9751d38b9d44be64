// Makes AlgoFlow's workflow and step metrics from all spans, before any sampling, exactly.

import { defineProcessor } from '../../core/component/processor.js'
import { schema, validate } from './config.js'
import { WorkflowDeriver } from './deriver.js'
import { splitNotes } from './note.js'
import { Observer } from './observer.js'

export default defineProcessor({
  type: 'workflow_metrics',
  signals: ['traces'],
  stability: 'beta',
  about:
    "Makes AlgoFlow's workflow and step metrics from all spans, before any sampling; metrics pipelines receive them.",
  stage: 'inline',
  mutates: false,
  schema,
  counters: {
    spans: { unit: '{span}', about: 'Workflow and step spans noted, those sent twice too.' },
    duplicates: { unit: '{span}', about: 'Spans that had been counted before.' },
    overflows: { unit: '{metric}', about: 'Starts of this gateway in which a metric passed the series budget.' }
  },
  validate,
  derives: {
    signal: 'metrics',
    intervalMs: config => config.metrics_flush_interval,
    create(config, context) {
      return new WorkflowDeriver({
        config,
        onDuplicates: n => context.count['duplicates']?.(n),
        onOverflow: () => {
          context.count['overflows']?.(1)
          context.log.warn(
            { limit: config.aggregation_cardinality_limit },
            'a metric has more series than aggregation_cardinality_limit; further ones are counted together'
          )
        }
      })
    }
  },
  create(config, context) {
    const observer = new Observer(config)
    return {
      observe(_signal, request) {
        const note = observer.observe(request)
        if (note !== undefined) context.count.spans(note.items)
        return note
      },
      splitNotes
    }
  }
})
