// Keeps or drops whole traces when they are over. An error is never sampled away, in whatever order its spans arrive.

import { defineWindowed } from '../../core/component/windowed.js'
import { RULE_LATE_ERROR } from '../../core/sampling/window.js'
import { schema, validate } from './config.js'
import { Rules } from './rules.js'

export default defineWindowed({
  type: 'tail_sampling',
  signals: ['traces', 'logs'],
  stability: 'beta',
  about: 'Keeps or drops whole traces when they are over; traces with an error are always kept.',
  mutates: true,
  schema,
  counters: {
    traces_kept: { unit: '{trace}', about: 'Traces kept, by the rule that decided.', label: 'rule' },
    traces_dropped: { unit: '{trace}', about: 'Traces dropped, by the rule that decided.', label: 'rule' },
    traces_decided: { unit: '{trace}', about: 'Decisions, by what made them due.', label: 'when' }
  },
  validate,
  create(config, context) {
    const { rates } = context
    const rules = new Rules(config, rates && ((policy, rate) => rates.part(policy, rate)))
    return {
      settings: {
        decisionWaitMs: config.decision_wait,
        afterRootMs: config.decision_wait_after_root_received,
        lateErrorMs: config.late_error_window,
        lateErrorBytes: config.late_error_max_size,
        maxTraceItems: config.maximum_trace_spans,
        maxTraceBytes: config.maximum_trace_size_bytes || Number.POSITIVE_INFINITY,
        maxTraces: config.num_traces,
        maxKept: config.decision_cache.sampled_cache_size,
        maxDropped: config.decision_cache.non_sampled_cache_size,
        dryRun: config.dry_run
      },
      attributes: rules.attributes,
      traceStates: rules.traceStates,
      asksSampledFlag: rules.asksSampledFlag,
      decide: (trace, now) => rules.decide(trace, now),
      decided(rule, isKept, trace, when) {
        context.count.traces_decided(1, when)
        if (rule === RULE_LATE_ERROR) rules.broughtBack(trace)
        if (isKept) context.count.traces_kept(1, rule)
        else context.count.traces_dropped(1, rule)
      }
    }
  }
})
