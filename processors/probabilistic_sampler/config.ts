// Settings of `probabilistic_sampler`: the Collector's keys.

import { type Static, Type } from 'typebox'

export const schema = Type.Object(
  {
    sampling_percentage: Type.Number({
      minimum: 0,
      maximum: 100,
      description: 'Part of the traces that is kept.',
      examples: [10]
    }),
    mode: Type.Union([Type.Literal('equalizing'), Type.Literal('proportional'), Type.Literal('hash_seed')], {
      default: 'equalizing',
      description:
        'Of what was sampled before: `equalizing` keeps to the stricter of both chances, `proportional` multiplies them. `hash_seed` is taken as `equalizing`.'
    }),
    keep_errors: Type.Boolean({
      default: true,
      description:
        'Spans with status ERROR and log records of severity ERROR and above are kept, each for itself; use `tail_sampling` to keep all of their trace.'
    }),
    fail_closed: Type.Boolean({
      default: false,
      description: 'Drops items without a trace id instead of keeping them.'
    }),
    hash_seed: Type.Integer({
      default: 0,
      description: "Taken and not used: the trace's own randomness decides, so that all tiers agree."
    })
  },
  { additionalProperties: false }
)

export type ProbabilisticSamplerConfig = Static<typeof schema>
