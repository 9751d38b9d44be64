// Settings of the prometheus_remote_write exporter: the Collector's keys.

import Type, { type Static } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { endpointProblems } from '../../core/net/client-endpoint.js'
import { headersSchema } from '../../core/net/client-headers.js'
import { reloadInterval } from '../../core/net/client-reload.js'
import { tlsClientSchema } from '../../core/net/tls.js'

export const schema = Type.Object(
  {
    endpoint: Type.String({
      description: 'Whole URL of the remote-write receiver.',
      examples: ['https://prometheus.example.com/api/v1/write']
    }),
    headers: headersSchema,
    reload_interval: reloadInterval,
    tls: Type.Optional(tlsClientSchema),
    proxy_url: Type.Optional(
      Type.String({ description: 'HTTP proxy to go through.', examples: ['http://proxy.example.com:3128'] })
    ),
    idle_conn_timeout: duration({ default: '30s', description: 'An idle connection is closed after this.' }),
    namespace: Type.String({ default: '', description: 'Put before every metric name.', examples: ['algoflow'] }),
    external_labels: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Labels added to every series that has none of that name.',
      examples: [{ cluster: 'eu-1' }]
    }),
    resource_to_telemetry_conversion: Type.Object(
      { enabled: Type.Boolean({ default: false }) },
      {
        default: {},
        additionalProperties: false,
        description: 'Make every resource attribute a label of every series.'
      }
    ),
    target_info: Type.Object(
      { enabled: Type.Boolean({ default: true }) },
      { default: {}, additionalProperties: false, description: 'Send `target_info` with the resource attributes.' }
    ),
    add_metric_suffixes: Type.Boolean({ default: true, description: 'Add the unit and `_total` / `_ratio` to names.' }),
    without_scope_info: Type.Boolean({ default: false, description: 'Leave the `otel_scope_*` labels out.' }),
    send_metadata: Type.Boolean({ default: false, description: 'Send type, help and unit of each metric along.' }),
    native_histograms: Type.Boolean({
      default: true,
      description:
        'Send exponential histograms as native ones, which the receiver must have switched on; otherwise as classic ones.'
    }),
    max_classic_buckets: Type.Integer({
      default: 32,
      minimum: 2,
      maximum: 1000,
      description: 'Classic buckets a sign that an exponential histogram becomes without `native_histograms`.'
    }),
    max_delta_series: Type.Integer({
      default: 100_000,
      minimum: 1,
      description:
        'Series whose deltas are added up to cumulative ones. Beyond it the longest unheard one starts again from zero.'
    }),
    max_request_items: Type.Integer({ default: 2000, minimum: 1, description: 'Data points in one request at most.' }),
    max_request_size: byteSize({
      default: '1MiB',
      description: 'OTLP bytes that become one request at most; a request is larger than that, before compression.'
    })
  },
  { additionalProperties: false }
)

export type RemoteWriteConfig = Static<typeof schema>

export function validate(config: RemoteWriteConfig): readonly Problem[] {
  const problems = endpointProblems('endpoint', config.endpoint, config.tls)
  if (config.proxy_url === undefined) return problems
  return [...problems, ...endpointProblems('proxy_url', config.proxy_url, { insecure: true })]
}
