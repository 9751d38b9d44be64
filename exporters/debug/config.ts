// Settings of the debug exporter: the Collector's keys.

import Type, { type Static } from 'typebox'

export const schema = Type.Object(
  {
    verbosity: Type.Union([Type.Literal('basic'), Type.Literal('normal'), Type.Literal('detailed')], {
      default: 'basic',
      description: '`basic`: a line a batch with counts. `normal`: also a line an item. `detailed`: everything.'
    }),
    encoding: Type.Optional(
      Type.Literal('algoflow_json', {
        description:
          "Log records as AlgoFlow's JSON lines, all of them and nothing around them (docs/logs.md); traces and metrics are not printed then."
      })
    ),
    sampling_initial: Type.Integer({
      default: 10,
      minimum: 0,
      description: 'Batches printed in each second before sampling begins.'
    }),
    sampling_thereafter: Type.Integer({
      default: 100,
      minimum: 1,
      description: 'Then one batch of this many is printed; the next printed line says how many were left out.'
    })
  },
  { additionalProperties: false }
)

export type DebugConfig = Static<typeof schema>
