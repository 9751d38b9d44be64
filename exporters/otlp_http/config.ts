// Settings of the otlp_http exporter: the Collector's keys.

import Type, { type Static } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { compressionSchema } from '../../core/net/client-compress.js'
import { endpointProblems } from '../../core/net/client-endpoint.js'
import { headersSchema } from '../../core/net/client-headers.js'
import { reloadInterval } from '../../core/net/client-reload.js'
import { tlsClientSchema } from '../../core/net/tls.js'
import type { Signal } from '../../core/otlp/signal.js'

const url = (description: string, example: string) => Type.Optional(Type.String({ description, examples: [example] }))

export const schema = Type.Object(
  {
    endpoint: url('Base URL; `/v1/traces`, `/v1/metrics`, `/v1/logs` are added.', 'https://otlp.example.com:4318'),
    traces_endpoint: url('Whole URL for traces, instead of `endpoint`.', 'https://otlp.example.com/v1/traces'),
    metrics_endpoint: url('Whole URL for metrics.', 'https://otlp.example.com/v1/metrics'),
    logs_endpoint: url('Whole URL for logs.', 'https://otlp.example.com/v1/logs'),
    encoding: Type.Union([Type.Literal('proto'), Type.Literal('json')], {
      default: 'proto',
      description: 'Encoding of requests.'
    }),
    compression: compressionSchema,
    headers: headersSchema,
    reload_interval: reloadInterval,
    tls: Type.Optional(tlsClientSchema),
    proxy_url: Type.Optional(
      Type.String({ description: 'HTTP proxy to go through.', examples: ['http://proxy.example.com:3128'] })
    ),
    max_conns_per_host: Type.Integer({
      default: 0,
      minimum: 0,
      description: 'Connections at once; 0: as many as `sending_queue.num_consumers` needs.'
    }),
    idle_conn_timeout: duration({
      default: '30s',
      description: 'An idle connection is closed after this, or sooner when the server says so.'
    }),
    max_request_size: byteSize({
      default: '20MiB',
      description: 'Largest request before compression; larger ones are split (OTLP recommends 20 MiB).'
    })
  },
  { additionalProperties: false }
)

export type OtlpHttpConfig = Static<typeof schema>

const OWN = { traces: 'traces_endpoint', metrics: 'metrics_endpoint', logs: 'logs_endpoint' } as const

/** Where a signal goes; undefined when the config names nowhere. */
export function endpointOf(config: OtlpHttpConfig, signal: Signal): string | undefined {
  const own = config[OWN[signal]]
  if (own !== undefined) return own
  return config.endpoint === undefined ? undefined : `${config.endpoint.replace(/\/+$/, '')}/v1/${signal}`
}

export function validate(config: OtlpHttpConfig): readonly Problem[] {
  const keys = ['endpoint', ...Object.values(OWN)] as const
  const given = keys.filter(key => config[key] !== undefined)
  if (given.length === 0) return [{ path: 'endpoint', says: 'is missing' }]
  const problems = given.flatMap(key => endpointProblems(key, config[key]!, config.tls))
  if (config.proxy_url === undefined) return problems
  return [...problems, ...endpointProblems('proxy_url', config.proxy_url, { insecure: true })]
}
