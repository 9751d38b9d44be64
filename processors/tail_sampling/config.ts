// Settings of `tail_sampling`: the Collector's keys and policies, and more.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { MAX_CONDITIONS } from '../../core/sampling/window.js'

const percentage = (description: string) => Type.Number({ minimum: 0, maximum: 100, description, examples: [10] })
const names = (description: string, examples: string[]) =>
  Type.Array(Type.String(), { minItems: 1, description, examples: [examples] })
const inverted = Type.Boolean({ default: false, description: 'Matches when no item has such a value.' })

/** The parts of a policy, by its type; the key has the type's name. */
const PARTS = {
  latency: Type.Object(
    {
      threshold_ms: Type.Number({ minimum: 0, description: 'Shortest duration that matches, milliseconds.' }),
      upper_threshold_ms: Type.Number({ default: 0, minimum: 0, description: 'Longest that matches; 0 = no limit.' })
    },
    { description: 'By the time from the earliest start to the latest end of the trace.' }
  ),
  status_code: Type.Object(
    {
      status_codes: Type.Array(Type.Union([Type.Literal('ERROR'), Type.Literal('OK'), Type.Literal('UNSET')]), {
        minItems: 1,
        description: 'Matches when a span has one of these.'
      })
    },
    { description: 'By the status of spans.' }
  ),
  string_attribute: Type.Object(
    {
      key: Type.String({ description: 'Attribute of a span, a log record or the resource.' }),
      values: names('Values that match.', ['checkout']),
      enabled_regex_matching: Type.Boolean({ default: false, description: '`values` are regular expressions (RE2).' }),
      cache_max_size: Type.Integer({ default: 0, description: 'Taken and not needed.' }),
      invert_match: inverted
    },
    { description: 'By a text attribute.' }
  ),
  numeric_attribute: Type.Object(
    {
      key: Type.String({ description: 'Attribute of a span, a log record or the resource.' }),
      min_value: Type.Number({ default: Number.MIN_SAFE_INTEGER, description: 'Smallest value that matches.' }),
      max_value: Type.Number({ default: Number.MAX_SAFE_INTEGER, description: 'Largest value that matches.' }),
      invert_match: inverted
    },
    { description: 'By a number attribute.' }
  ),
  boolean_attribute: Type.Object(
    {
      key: Type.String({ description: 'Attribute of a span, a log record or the resource.' }),
      value: Type.Boolean({ default: false, description: 'The value that matches.' }),
      invert_match: inverted
    },
    { description: 'By a boolean attribute.' }
  ),
  trace_state: Type.Object(
    {
      key: Type.String({ description: 'Member of the W3C trace state.' }),
      values: names('Values that match.', ['vip'])
    },
    { description: 'By a member of the trace state.' }
  ),
  span_count: Type.Object(
    {
      min_spans: Type.Integer({ default: 0, minimum: 0, description: 'Fewest spans that match.' }),
      max_spans: Type.Integer({ default: 0, minimum: 0, description: 'Most that match; 0 = no limit.' })
    },
    { description: 'By the number of spans.' }
  ),
  probabilistic: Type.Object(
    {
      sampling_percentage: percentage('Part of the traces that is kept.'),
      hash_salt: Type.String({
        default: '',
        description: "Taken and not used: the trace's own randomness decides, so that all tiers agree."
      })
    },
    { description: 'A part of all traces.' }
  ),
  rate_limiting: Type.Object(
    { spans_per_second: Type.Number({ minimum: 0, description: 'Spans a second, over any longer time.' }) },
    { description: 'As many as fit into a rate. Kept spans carry no weight: their chance is not known.' }
  ),
  bytes_limiting: Type.Object(
    {
      bytes_per_second: Type.Number({ minimum: 0, description: 'Bytes a second, over any longer time.' }),
      burst_capacity: Type.Number({ default: 0, minimum: 0, description: 'Bytes at once; 0 = twice the rate.' })
    },
    { description: 'As many as fit into a rate of bytes.' }
  ),
  workflow: Type.Object(
    {
      names: names('Names of workflows (`workflow.name`).', ['sensitive-workflow']),
      sampling_percentage: Type.Number({ default: 100, minimum: 0, maximum: 100, description: 'Part that is kept.' })
    },
    { description: 'Traces of some workflows. The first one that fits is final: no later policy is asked.' }
  ),
  dynamic: Type.Object(
    {
      spans_per_second: Type.Number({
        exclusiveMinimum: 0,
        description: 'Spans a second to be kept of all keys together, shared fairly.'
      }),
      key: Type.Union([Type.Literal('workflow')], {
        default: 'workflow',
        description: 'What traces are told apart by.'
      }),
      adjustment_interval: duration({ default: '15s', description: 'How often the rates are worked out anew.' }),
      weight: Type.Number({
        default: 0.5,
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'How fast old traffic is forgotten (EMA).'
      })
    },
    { description: 'Frequent workflows are thinned out more than rare ones, to a total rate. Weights stay exact.' }
  ),
  adaptive: Type.Object(
    {
      items_per_second: Type.Optional(
        Type.Number({
          exclusiveMinimum: 0,
          description: 'Spans and log records a second that all gateways together are to keep.',
          examples: [5000]
        })
      ),
      bytes_per_second: Type.Optional(
        byteSize({ description: 'The same in bytes, as received. One of both.', examples: ['2MiB'] })
      ),
      adjustment_interval: duration({
        default: '10s',
        description: 'How often the rates of workflows are averaged. A burst ends an interval early.'
      }),
      weight: Type.Number({
        default: 0.5,
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'How fast old traffic is forgotten (EMA).'
      }),
      band: Type.Number({
        default: 10,
        minimum: 1,
        maximum: 50,
        description: 'Percent that the expected output may be off the target before chances change.'
      })
    },
    {
      description:
        'Keeps the output at a rate while the input changes. Errors and what other policies keep are taken off it first; the rest is shared fairly among workflows. Weights stay exact.'
    }
  ),
  slow_outlier: Type.Object(
    {
      percentile: Type.Number({
        default: 99,
        minimum: 50,
        maximum: 99.99,
        description: 'Slower than this part of its workflow.'
      }),
      min_traces: Type.Integer({
        default: 200,
        minimum: 10,
        description: 'Traces of a workflow that are learnt from before any is an outlier.'
      })
    },
    { description: 'Traces slower than usual for their workflow.' }
  )
} as const

const LEAVES = [...Object.keys(PARTS), 'always_sample'] as const
const optionalParts = Object.fromEntries(Object.entries(PARTS).map(([key, part]) => [key, Type.Optional(part)])) as {
  [K in keyof typeof PARTS]: ReturnType<typeof Type.Optional<(typeof PARTS)[K]>>
}

const NESTING = ['and', 'not', 'drop', 'composite'] as const

const typeOf = (types: readonly string[]) =>
  Type.Unsafe<string>({ type: 'string', enum: types, description: 'Which key below says what it does.' })

const leaf = Type.Object({
  name: Type.String({ minLength: 1, description: 'Told as the reason of decisions.' }),
  type: typeOf(LEAVES),
  ...optionalParts
})

const group = Type.Object({
  name: Type.String({ minLength: 1, description: 'Told as the reason of decisions.' }),
  type: typeOf([...LEAVES, 'and', 'not']),
  ...optionalParts,
  and: Type.Optional(
    Type.Object({ and_sub_policy: Type.Array(leaf, { minItems: 1, description: 'All must match.' }) })
  ),
  not: Type.Optional(Type.Object({ not_sub_policy: leaf }))
})

const policy = Type.Object({
  name: Type.String({ minLength: 1, description: 'Told as the reason of decisions.' }),
  type: typeOf([...LEAVES, ...NESTING]),
  ...optionalParts,
  and: Type.Optional(
    Type.Object(
      { and_sub_policy: Type.Array(group, { minItems: 1, description: 'All must match.' }) },
      { description: 'Matches when all of its policies do.' }
    )
  ),
  not: Type.Optional(
    Type.Object({ not_sub_policy: group }, { description: 'Matches when its policy, a condition, does not.' })
  ),
  drop: Type.Optional(
    Type.Object(
      { drop_sub_policy: Type.Array(group, { minItems: 1, description: 'All must match.' }) },
      { description: 'Traces that match are dropped, whatever other policies say; errors are kept all the same.' }
    )
  ),
  composite: Type.Optional(
    Type.Object(
      {
        max_total_spans_per_second: Type.Number({ minimum: 0, description: 'Spans a second of all sub-policies.' }),
        policy_order: Type.Array(Type.String(), { default: [], description: 'Names of the sub-policies, in order.' }),
        composite_sub_policy: Type.Array(group, { minItems: 1, description: 'Sub-policies.' }),
        rate_allocation: Type.Array(
          Type.Object({
            policy: Type.String({ description: 'Name of a sub-policy.' }),
            percent: percentage('Its part of the rate.')
          }),
          { default: [], description: 'Parts of the rate; sub-policies without one share the rest.' }
        )
      },
      { description: 'Sub-policies with a part of a rate each.' }
    )
  )
})

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
    maximum_trace_size_bytes: byteSize({ default: '16MiB', description: 'A trace with more bytes is decided early.' }),
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
/** Any policy, nested or not: sub-policies are looked for under the key of its type. */
export interface Policy extends Static<typeof leaf> {
  readonly and?: { readonly and_sub_policy: readonly Policy[] }
  readonly not?: { readonly not_sub_policy: Policy }
  readonly drop?: { readonly drop_sub_policy: readonly Policy[] }
  readonly composite?: {
    readonly max_total_spans_per_second: number
    readonly policy_order: readonly string[]
    readonly composite_sub_policy: readonly Policy[]
    readonly rate_allocation: readonly { readonly policy: string; readonly percent: number }[]
  }
}

/** Types that need a key of their name. */
const NEEDS_PART: ReadonlySet<string> = new Set([...Object.keys(PARTS), ...NESTING])
/** Types that say yes or no; others have chances or rates, which cannot be turned round. */
const CONDITIONS: ReadonlySet<string> = new Set([
  'latency',
  'status_code',
  'string_attribute',
  'numeric_attribute',
  'boolean_attribute',
  'trace_state',
  'span_count',
  'always_sample',
  'slow_outlier',
  'and',
  'not'
])
const BITS: ReadonlySet<string> = new Set(['string_attribute', 'numeric_attribute', 'boolean_attribute', 'trace_state'])

export function subPolicies(policy: Policy): readonly Policy[] {
  return [
    ...(policy.and?.and_sub_policy ?? []),
    ...(policy.not === undefined ? [] : [policy.not.not_sub_policy]),
    ...(policy.drop?.drop_sub_policy ?? []),
    ...(policy.composite?.composite_sub_policy ?? [])
  ]
}

/** What the schema cannot say. */
export function validate(config: TailSamplingConfig): readonly Problem[] {
  const found: Problem[] = []
  let bits = 0
  const names = new Set<string>()
  const visit = (policy: Policy, path: string): void => {
    if (BITS.has(policy.type)) bits++
    if (NEEDS_PART.has(policy.type) && policy[policy.type as 'and'] === undefined) {
      found.push({
        path: `${path}.${policy.type}`,
        says: `a policy of type \`${policy.type}\` needs the key \`${policy.type}\``
      })
    }
    const { adaptive } = policy
    if (
      adaptive !== undefined &&
      (adaptive.items_per_second === undefined) === (adaptive.bytes_per_second === undefined)
    ) {
      found.push({ path: `${path}.adaptive`, says: 'needs either `items_per_second` or `bytes_per_second`' })
    }
    const inner = policy.not?.not_sub_policy
    if (policy.type === 'not' && inner !== undefined && !CONDITIONS.has(inner.type)) {
      found.push({
        path: `${path}.not.not_sub_policy`,
        says: `\`${inner.type}\` is no condition and cannot be negated`
      })
    }
    for (const [i, sub] of subPolicies(policy).entries()) visit(sub, `${path}.${policy.type}[${i}]`)
  }
  config.policies.forEach((policy, i) => {
    visit(policy as Policy, `policies[${i}]`)
    if (names.has(policy.name)) found.push({ path: `policies[${i}].name`, says: `\`${policy.name}\` is taken` })
    names.add(policy.name)
  })
  if (bits > MAX_CONDITIONS) {
    found.push({
      path: 'policies',
      says: `${bits} policies look at attributes or trace state; at most ${MAX_CONDITIONS} can`
    })
  }
  return found
}
