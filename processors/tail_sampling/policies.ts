// Policies of `tail_sampling`: those of the Collector with its keys, and more. Each type has a key of its name with its settings.

import RE2 from 're2'
import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { MAX_CONDITIONS } from '../../core/sampling/window.js'

const percentage = (description: string) => Type.Number({ minimum: 0, maximum: 100, description, examples: [10] })
const names = (description: string, examples: string[]) =>
  Type.Array(Type.String(), { description, examples: [examples] })
const inverted = Type.Boolean({ default: false, description: 'Matches when no item has such a value.' })

/** The parts of a policy, by its type; the key has the type's name. */
const PARTS = {
  latency: Type.Object(
    {
      threshold_ms: Type.Number({ minimum: 0, description: 'Longer traces match, milliseconds.' }),
      upper_threshold_ms: Type.Number({
        default: 0,
        minimum: 0,
        description: 'Traces that are longer do not; 0 = no limit.'
      })
    },
    { description: 'By the time from the earliest start to the latest end of the trace, in whole milliseconds.' }
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
      sampling_percentage: Type.Number({
        minimum: 0,
        description: 'Part of the traces that is kept; 100 and more is all.',
        examples: [10]
      }),
      hash_salt: Type.String({
        default: '',
        description: "Taken and not used: the trace's own randomness decides, so that all tiers agree."
      })
    },
    { description: 'A part of all traces.' }
  ),
  rate_limiting: Type.Object(
    {
      spans_per_second: Type.Number({ minimum: 0, description: 'Spans a second, over any longer time.' }),
      burst_capacity: Type.Number({ default: 0, minimum: 0, description: 'Spans at once; 0 = twice the rate.' })
    },
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
  ottl_condition: Type.Object(
    {
      error_mode: Type.String({ default: 'ignore', description: 'As in the Collector.' }),
      span: Type.Array(Type.String(), { default: [], description: 'As in the Collector.' }),
      spanevent: Type.Array(Type.String(), { default: [], description: 'As in the Collector.' })
    },
    { description: 'Refused, with what to write instead: this gateway does not run OTTL.' }
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

const LEAVES = [...Object.keys(PARTS), 'always_sample', 'trace_flags'] as const
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

export const policy = Type.Object({
  name: Type.String({ minLength: 1, description: 'Told as the reason of decisions.' }),
  type: typeOf([...LEAVES, ...NESTING]),
  final: Type.Optional(
    Type.Boolean({
      description:
        'First match wins: when the conditions of this policy hold, no later one is asked, whatever its chances and limits say. `workflow` is always so.'
    })
  ),
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

/** Any policy, nested or not: sub-policies are looked for under the key of its type. */
export interface Policy extends Static<typeof leaf> {
  readonly final?: boolean
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
  'trace_flags',
  'slow_outlier',
  'and',
  'not'
])
const BITS: ReadonlySet<string> = new Set([
  'string_attribute',
  'numeric_attribute',
  'boolean_attribute',
  'trace_state',
  'trace_flags'
])

/** Says yes or no; nested ones by what they hold. */
export function isCondition(policy: Policy): boolean {
  return CONDITIONS.has(policy.type) && subPolicies(policy).every(isCondition)
}

export function subPolicies(policy: Policy): readonly Policy[] {
  return placedSubPolicies(policy).map(([, sub]) => sub)
}

/** With where they stand in the policy. */
function placedSubPolicies({ and, not, drop, composite }: Policy): readonly (readonly [string, Policy])[] {
  const listed = (place: string, list: readonly Policy[] = []) => list.map((sub, i) => [`${place}[${i}]`, sub] as const)
  return [
    ...listed('and.and_sub_policy', and?.and_sub_policy),
    ...(not === undefined ? [] : [['not.not_sub_policy', not.not_sub_policy] as const]),
    ...listed('drop.drop_sub_policy', drop?.drop_sub_policy),
    ...listed('composite.composite_sub_policy', composite?.composite_sub_policy)
  ]
}

/** What the schema cannot say. */
export function policyProblems(policies: readonly Policy[]): readonly Problem[] {
  const found: Problem[] = []
  let bits = 0
  const names = new Set<string>()
  const visit = (policy: Policy, path: string): void => {
    if (BITS.has(policy.type)) bits++
    found.push(...problemsOf(policy, path))
    for (const [place, sub] of placedSubPolicies(policy)) visit(sub, `${path}.${place}`)
  }
  policies.forEach((policy, i) => {
    visit(policy, `policies[${i}]`)
    if (names.has(policy.name)) found.push({ path: `policies[${i}].name`, says: `\`${policy.name}\` is taken` })
    names.add(policy.name)
  })
  if (bits > MAX_CONDITIONS) {
    const says = `${bits} policies look at attributes, trace state or flags; at most ${MAX_CONDITIONS} can`
    found.push({ path: 'policies', says })
  }
  return found
}

function problemsOf(policy: Policy, path: string): Problem[] {
  const { type, adaptive, ottl_condition: ottl } = policy
  const at = `${path}.${type}`
  if (NEEDS_PART.has(type) && policy[type as 'and'] === undefined)
    return [{ path: at, says: `a policy of type \`${type}\` needs the key \`${type}\`` }]
  if (type === 'ottl_condition') return [{ path: at, says: insteadOf([...ottl!.span, ...ottl!.spanevent]) }]
  if (type === 'adaptive' && (adaptive!.items_per_second === undefined) === (adaptive!.bytes_per_second === undefined))
    return [{ path: at, says: 'needs either `items_per_second` or `bytes_per_second`' }]
  if (type === 'string_attribute' && policy.string_attribute!.enabled_regex_matching) return patternProblems(policy, at)
  const inner = policy.not?.not_sub_policy
  if (type !== 'not' || inner === undefined || isCondition(inner) || inner.type === 'ottl_condition') return []
  return [{ path: `${at}.not_sub_policy`, says: `\`${inner.type}\` is no condition and cannot be negated` }]
}

function patternProblems(policy: Policy, at: string): Problem[] {
  return policy.string_attribute!.values.flatMap((value, i) => {
    try {
      new RE2(value)
      return []
    } catch (error) {
      return [{ path: `${at}.values[${i}]`, says: `is no pattern that RE2 takes: ${(error as Error).message}` }]
    }
  })
}

/** What to write in place of OTTL: the policy that says the same, as far as the conditions show. */
function insteadOf(conditions: readonly string[]): string {
  const text = conditions.join(' ')
  const fitting = [
    [/attributes\[[^\]]*\]\s*[!=]=\s*(true|false)/, '`boolean_attribute`'],
    [/attributes\[[^\]]*\]\s*([<>]|[!=]=\s*-?\d)/, '`numeric_attribute`'],
    [/attributes\[[^\]]*\]\s*[!=]=\s*"|IsMatch|^$/, '`string_attribute` (`enabled_regex_matching` for patterns)'],
    [/status\.code/, '`status_code`'],
    [/end_time|start_time|duration/i, '`latency`'],
    [/exception|spanevent/, 'nothing: traces with an `exception` event are always kept']
  ] as const
  const found = fitting.filter(([pattern]) => pattern.test(text)).map(([, what]) => what)
  const list = found.length > 0 ? found.join(', ') : '`string_attribute`, `numeric_attribute`, `boolean_attribute`'
  return `OTTL is not run here; use ${list}, joined by \`and\` and turned round by \`not\` (docs/migration.md)`
}
