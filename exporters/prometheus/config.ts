// Options of the `prometheus` exporter; keys as in the Collector's.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { isLoopback } from '../../core/net/client-endpoint.js'
import { tlsServerSchema } from '../../core/net/tls.js'
import { parseHostPort } from './address.js'

export const schema = Type.Object(
  {
    endpoint: Type.String({
      default: 'localhost:8889',
      description: 'host:port that Prometheus scrapes at `/metrics`. Port 0 takes a free one.',
      examples: ['0.0.0.0:8889']
    }),
    tls: Type.Optional(tlsServerSchema),
    insecure: Type.Boolean({
      default: false,
      description: 'Serve plain text on an address that is not loopback. Without it such an address needs `tls`.'
    }),
    namespace: Type.String({ default: '', description: 'Put before every metric name.', examples: ['algoflow'] }),
    const_labels: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Labels added to every series that has none of that name.',
      examples: [{ cluster: 'eu-1' }]
    }),
    send_timestamps: Type.Boolean({ default: false, description: 'Expose the time of each point.' }),
    metric_expiration: duration({
      default: '5m',
      description: 'A series not heard of for so long is shown no more; Prometheus then marks it stale.'
    }),
    enable_open_metrics: Type.Boolean({
      default: false,
      description: 'Answer in OpenMetrics (units, exemplars) when the scraper accepts it.'
    }),
    resource_to_telemetry_conversion: Type.Object(
      { enabled: Type.Boolean({ default: false }) },
      {
        default: {},
        additionalProperties: false,
        description: 'Make every resource attribute a label of every series.'
      }
    ),
    add_metric_suffixes: Type.Boolean({
      default: true,
      description: 'Add the unit and `_total` / `_ratio` to names.'
    }),
    without_scope_info: Type.Boolean({
      default: false,
      description: 'Leave the `otel_scope_*` labels out.'
    }),
    max_series: Type.Integer({
      default: 200_000,
      minimum: 1,
      description: 'Series kept at most; points of further ones are dropped with reason `series_limit`.'
    }),
    max_series_bytes: byteSize({
      default: '256MiB',
      description: 'Memory for all series at most, estimated; beyond it as with `max_series`.'
    }),
    max_classic_buckets: Type.Integer({
      default: 32,
      minimum: 2,
      maximum: 1000,
      description:
        'Classic buckets a sign that an exponential histogram becomes for scrapers that take no native histograms.'
    })
  },
  { additionalProperties: false }
)

export type PrometheusConfig = Static<typeof schema>

export function validate(config: PrometheusConfig): readonly Problem[] {
  const address = parseHostPort(config.endpoint)
  if (address === undefined) return [{ path: 'endpoint', says: 'is not host:port, for example localhost:8889' }]
  if (config.tls !== undefined || config.insecure || isLoopback(address.host)) return []
  const says = 'is not a loopback address: give `tls`, or `insecure: true` to serve plain text there'
  return [{ path: 'endpoint', says }]
}
