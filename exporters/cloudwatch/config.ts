// Options of the `cloudwatch` exporter. Credentials come from the SDK's default chain, never from here.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { tlsClientSchema } from '../../core/net/tls.js'

export const schema = Type.Object(
  {
    namespace: Type.String({
      default: 'AlgoFlow',
      minLength: 1,
      maxLength: 255,
      // PutMetricData: a namespace may not start with a colon; `AWS/` belongs to Amazon.
      pattern: '^(?!AWS/)[^:][\\x20-\\x7e]*$',
      description: 'CloudWatch namespace of all metrics.',
      examples: ['AlgoFlow/production']
    }),
    region: Type.Optional(
      Type.String({
        description: 'AWS region. Default: AWS_REGION, or the shared AWS config file.',
        examples: ['eu-central-1']
      })
    ),
    endpoint: Type.Optional(
      Type.String({
        description: 'Another address of the service, such as a VPC endpoint. Default: the region’s own.',
        examples: ['https://monitoring.eu-central-1.amazonaws.com']
      })
    ),
    tls: Type.Optional(tlsClientSchema),
    dimensions: Type.Array(Type.String(), {
      default: [],
      description: 'Keys of the point attributes that become dimensions, most important first. Empty: all of them.',
      examples: [['workflow.name', 'step.name']]
    }),
    resource_dimensions: Type.Array(Type.String(), {
      default: ['service.name'],
      description: 'Keys of the resource attributes that become dimensions; they come before the points’ own.'
    }),
    dimension_rollup_option: Type.Union(
      [
        Type.Literal('NoDimensionRollup'),
        Type.Literal('SingleDimensionRollupOnly'),
        Type.Literal('ZeroAndSingleDimensionRollup')
      ],
      {
        default: 'NoDimensionRollup',
        description:
          'Send each point also under each of its dimensions alone, and under none. Each one is a metric that AWS charges.'
      }
    ),
    histograms: Type.Union([Type.Literal('values'), Type.Literal('statistics')], {
      default: 'values',
      description:
        '`values`: bucket middles with their counts, for percentiles. `statistics`: count, sum, minimum and maximum alone.'
    }),
    storage_resolution: Type.Union([Type.Literal(1), Type.Literal(60)], {
      default: 60,
      description: 'Seconds. 1 = a high-resolution metric.'
    }),
    max_series: Type.Integer({
      default: 100_000,
      minimum: 1,
      description:
        'Cumulative series whose last value is kept, to send differences. The longest unheard one is forgotten first.'
    })
  },
  { additionalProperties: false }
)

export type CloudWatchConfig = Static<typeof schema>

export function validate(config: CloudWatchConfig): readonly Problem[] {
  if (config.endpoint === undefined) return []
  if (!URL.canParse(config.endpoint)) return [{ path: 'endpoint', says: 'is not a URL' }]
  const { protocol, hostname } = new URL(config.endpoint)
  if (protocol === 'https:' || config.tls?.insecure === true) return []
  if (protocol === 'http:' && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) return []
  return [{ path: 'endpoint', says: 'must be https, unless it is loopback or `tls.insecure` is true' }]
}
