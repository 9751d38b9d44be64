// Settings of `adaptive_sampler`.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'

export const schema = Type.Object(
  {
    items_per_second: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          'Spans (log records) a second that the pipelines of this name on all gateways together are to keep.',
        examples: [5000]
      })
    ),
    bytes_per_second: Type.Optional(
      byteSize({ description: 'The same in bytes of the items, as received. One of both.', examples: ['2MiB'] })
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
  { additionalProperties: false }
)

export type AdaptiveSamplerConfig = Static<typeof schema>

/** What the schema cannot say. */
export function validate(config: AdaptiveSamplerConfig): readonly Problem[] {
  if ((config.items_per_second === undefined) !== (config.bytes_per_second === undefined)) return []
  return [{ path: 'items_per_second', says: 'needs either `items_per_second` or `bytes_per_second`' }]
}
