// Settings of `tail_sampling`: the Collector's keys, and more.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { type Policy, policy, policyProblems } from './policies.js'

export const schema = Type.Object(
  {
    decision_wait: duration({
      default: '30s',
      description: 'From the first item of a trace to its decision, at the latest.'
    }),
    decision_wait_after_root_received: duration({
      default: '2s',
      description:
        'From the root span to the decision. With `workflow.total_steps` on the root span and so many step spans there, the decision is made at once.'
    }),
    late_error_window: duration({
      default: '60s',
      description: 'How long a dropped trace stays in the queue: an error that arrives meanwhile brings all of it back.'
    }),
    late_error_max_size: byteSize({
      default: '512MiB',
      description:
        'Bytes of the queue for that, at most a quarter of `queue.max_size`; beyond them the oldest go early.'
    }),
    policies: Type.Array(policy, {
      default: [],
      description: 'A trace is kept when a policy keeps it. None: everything is kept.',
      examples: [[{ name: 'ten', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }]]
    }),
    exclude_workflows: Type.Array(Type.String(), {
      default: [],
      description: 'Workflows of which nothing is kept, not even errors.',
      examples: [['internal-probe']]
    }),
    dry_run: Type.Boolean({
      default: false,
      description: 'Keeps everything and marks what would have gone: attribute `sampling.would_drop`.'
    }),
    num_traces: Type.Integer({
      default: 500_000,
      minimum: 1,
      description: 'Undecided traces; beyond it the oldest are decided early. About 150 bytes of memory each.'
    }),
    maximum_trace_size_bytes: byteSize({
      default: '16MiB',
      description: 'A trace with more bytes is decided early; 0 = no limit.'
    }),
    maximum_trace_spans: Type.Integer({
      default: 20_000,
      minimum: 1,
      description: 'A trace with more items is decided early.'
    }),
    decision_cache: Type.Object(
      {
        sampled_cache_size: Type.Integer({
          default: 100_000,
          minimum: 0,
          description: 'Kept traces remembered beyond the late-error window.'
        }),
        non_sampled_cache_size: Type.Integer({
          default: 100_000,
          minimum: 0,
          description: 'The same of dropped traces.'
        })
      },
      { description: 'For items that come very late: they follow the decision on their trace.' }
    ),
    expected_new_traces_per_sec: Type.Integer({ default: 0, description: 'Taken and not needed.' }),
    sample_on_first_match: Type.Boolean({ default: false, description: 'Taken and not needed.' }),
    sampling_strategy: Type.Union([Type.Literal('trace-complete'), Type.Literal('span-ingest')], {
      default: 'trace-complete',
      description: 'Taken; traces are judged when they are over, or when a limit is reached, in both.'
    }),
    tail_storage: Type.Optional(
      Type.String({ description: 'Taken and not needed: what is undecided waits in the queue.' })
    ),
    num_shards: Type.Integer({ default: 1, minimum: 0, maximum: 256, description: 'Taken and not needed.' }),
    block_on_overflow: Type.Boolean({
      default: false,
      description: 'Taken and not needed: nothing undecided is let go.'
    }),
    drop_pending_traces_on_shutdown: Type.Boolean({
      default: false,
      description: 'Taken and not needed: what is undecided at a stop is decided after the next start.'
    })
  },
  { additionalProperties: false }
)

export type TailSamplingConfig = Static<typeof schema>

/** What the schema cannot say. */
export function validate(config: TailSamplingConfig): readonly Problem[] {
  return policyProblems(config.policies as readonly Policy[])
}
