// Settings of `log_sampling`.

import { type Static, Type } from 'typebox'

const percentage = (description: string, examples = [10]) =>
  Type.Number({ minimum: 0, maximum: 100, description, examples })

/** Names of severities that can be sampled; ERROR and FATAL are always kept. */
export const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN'] as const

const severities = Type.Object(
  {
    TRACE: Type.Optional(percentage('Part of the TRACE records that is kept.', [1])),
    DEBUG: Type.Optional(percentage('Part of the DEBUG records that is kept.', [1])),
    INFO: Type.Optional(percentage('Part of the INFO records that is kept.', [10])),
    WARN: Type.Optional(percentage('Part of the WARN records that is kept.', [100]))
  },
  { additionalProperties: false, description: 'By severity; records from ERROR up are always kept.' }
)

const rest = Type.Number({
  default: 100,
  minimum: 0,
  maximum: 100,
  description: 'Part that is kept of records whose severity is not listed, or that have none.'
})

const workflow = Type.Object(
  {
    names: Type.Array(Type.String(), {
      minItems: 1,
      description: 'Names of workflows (`workflow.name` of the record or its resource).',
      examples: [['nightly']]
    }),
    severities: Type.Optional(severities),
    sampling_percentage: rest
  },
  { additionalProperties: false, description: 'What holds for these workflows in place of the general settings.' }
)

const templateLimit = Type.Object(
  {
    records_per_second: Type.Number({
      exclusiveMinimum: 0,
      description: 'Records a second of one template that are kept, over any longer time.',
      examples: [5]
    }),
    burst: Type.Integer({ default: 10, minimum: 1, description: 'Records of one template at once.' }),
    max_templates: Type.Integer({
      default: 10_000,
      minimum: 100,
      maximum: 1_000_000,
      description: 'Templates remembered; beyond it those not seen for longest are forgotten. About 100 bytes each.'
    })
  },
  {
    description:
      'Limits the rate of records that differ only in numbers, ids and quoted values. The next one that is kept stands for those that were not.'
  }
)

export const schema = Type.Object(
  {
    severities: Type.Optional(severities),
    sampling_percentage: rest,
    workflows: Type.Array(workflow, {
      default: [],
      description: 'By workflow; the first entry with its name holds.',
      examples: [[{ names: ['nightly'], sampling_percentage: 5 }]]
    }),
    template_limit: Type.Optional(templateLimit),
    follow_traces: Type.Boolean({
      default: true,
      description:
        'With `tail_sampling` in the same pipeline: records with a trace id are left to it; they wait for the decision on their trace and are kept with it. `false`: they are sampled here before that.'
    })
  },
  { additionalProperties: false }
)

export type LogSamplingConfig = Static<typeof schema>
