// Settings of the jaeger exporter: where its collector takes OTLP.

import Type, { type Static } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { byteSize, duration } from '../../core/config/fields.js'
import { endpointProblems, plaintextProblems } from '../../core/net/client-endpoint.js'
import { headersSchema } from '../../core/net/client-headers.js'
import { reloadInterval } from '../../core/net/client-reload.js'
import { type GrpcAddress, grpcAddress } from '../../core/net/otlp-grpc-client.js'
import { tlsClientSchema } from '../../core/net/tls.js'

export const schema = Type.Object(
  {
    endpoint: Type.String({
      default: 'http://localhost:4317',
      description:
        'Jaeger’s OTLP port: 4317 with `protocol: grpc` (host:port or URL), 4318 with `http` (base URL; `/v1/traces` is added).',
      examples: ['jaeger-collector.example.com:4317', 'https://jaeger-collector.example.com:4318']
    }),
    protocol: Type.Union([Type.Literal('grpc'), Type.Literal('http')], {
      default: 'grpc',
      description: 'OTLP over gRPC or over HTTP.'
    }),
    tenant: Type.Optional(
      Type.String({
        description: 'Tenant, sent as `x-tenant`: Jaeger’s default name with `--multi-tenancy.enabled`.',
        examples: ['team-a']
      })
    ),
    compression: Type.Union([Type.Literal('gzip'), Type.Literal('none')], {
      default: 'gzip',
      description: 'Compression of requests.'
    }),
    headers: headersSchema,
    reload_interval: reloadInterval,
    tls: Type.Optional(tlsClientSchema),
    idle_conn_timeout: duration({
      default: '30s',
      description: 'With `http`: an idle connection is closed after this.'
    }),
    max_request_size: byteSize({
      default: '4MiB',
      description: 'Largest request before compression; larger ones are split. Jaeger’s gRPC port takes 4 MiB.'
    })
  },
  { additionalProperties: false }
)

export type JaegerConfig = Static<typeof schema>

/** Where gRPC connects to; undefined when the endpoint is neither host:port nor a URL. */
export function grpcTarget(config: Pick<JaegerConfig, 'endpoint' | 'tls'>): GrpcAddress | undefined {
  return grpcAddress(config.endpoint, config.tls?.insecure === true)
}

/** Whole URL for traces over HTTP. An endpoint that already ends in `/v1/traces` stays as it is. */
export function httpTarget({ endpoint }: Pick<JaegerConfig, 'endpoint'>): string {
  const base = endpoint.replace(/\/+$/, '')
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`
}

/** Ports that Jaeger gives to its other protocols, which do not speak OTLP. */
const OTHER_PORTS: ReadonlyMap<string, string> = new Map([
  ['6831', 'the agent’s compact Thrift'],
  ['6832', 'the agent’s binary Thrift'],
  ['14250', 'Jaeger’s own gRPC protocol'],
  ['14268', 'Jaeger’s Thrift over HTTP'],
  ['16686', 'the user interface']
])

export function validate(config: JaegerConfig): readonly Problem[] {
  return [...endpointOk(config), ...portOk(config)]
}

function endpointOk(config: JaegerConfig): readonly Problem[] {
  if (config.protocol === 'http') return endpointProblems('endpoint', config.endpoint, config.tls)
  const found = grpcTarget(config)
  if (found === undefined) return [{ path: 'endpoint', says: 'is neither host:port nor an http(s) URL without a path' }]
  if (/:\/\//.test(config.endpoint)) return endpointProblems('endpoint', config.endpoint, config.tls)
  return plaintextProblems('endpoint', found.isPlain, found.host, config.tls)
}

function portOk({ endpoint, protocol }: JaegerConfig): readonly Problem[] {
  const port = /:(\d+)(\/|$)/.exec(endpoint.replace(/^[a-z]+:\/\//i, ''))?.[1] ?? ''
  const other = OTHER_PORTS.get(port)
  if (other !== undefined) {
    return [{ path: 'endpoint', says: `port ${port} is ${other}; Jaeger takes OTLP on 4317 (grpc) and 4318 (http)` }]
  }
  if (protocol === 'grpc' && port === '4318')
    return [{ path: 'endpoint', says: 'port 4318 speaks HTTP: set `protocol: http`' }]
  if (protocol === 'http' && port === '4317')
    return [{ path: 'endpoint', says: 'port 4317 speaks gRPC: set `protocol: grpc`' }]
  return []
}
