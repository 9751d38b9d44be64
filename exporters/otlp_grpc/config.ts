// Settings of the otlp_grpc exporter: the Collector's keys.

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
      description:
        'host:port, or a URL: `http://` means plain text, `https://` TLS. Without a scheme TLS is used unless `tls: {insecure: true}`.',
      examples: ['otlp.example.com:4317', 'http://127.0.0.1:4317']
    }),
    compression: Type.Union([Type.Literal('gzip'), Type.Literal('none')], {
      default: 'gzip',
      description: 'Compression of requests.'
    }),
    headers: headersSchema,
    reload_interval: reloadInterval,
    tls: Type.Optional(tlsClientSchema),
    keepalive: Type.Optional(
      Type.Object(
        {
          time: duration({ default: '30s', description: 'Ping after this long without traffic.' }),
          timeout: duration({
            default: '10s',
            description: 'The connection is given up when no answer comes in this.'
          }),
          permit_without_stream: Type.Boolean({ default: false, description: 'Ping although nothing is under way.' })
        },
        { additionalProperties: false, description: 'Pings that find dead connections.' }
      )
    ),
    wait_for_ready: Type.Boolean({
      default: false,
      description: 'While there is no connection, wait for one (within the timeout) instead of failing at once.'
    }),
    channels: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 64,
      description: 'Connections; more than one helps when one TCP connection or one server thread is the limit.'
    }),
    max_request_size: byteSize({
      default: '4MiB',
      description: 'Largest request before compression; larger ones are split. Servers accept 4 MiB unless configured.'
    })
  },
  { additionalProperties: false }
)

export type OtlpGrpcConfig = Static<typeof schema>

/** Where to connect to and whether in plain text; undefined when the endpoint is neither host:port nor a URL. */
export function address(config: Pick<OtlpGrpcConfig, 'endpoint' | 'tls'>): GrpcAddress | undefined {
  return grpcAddress(config.endpoint, config.tls?.insecure === true)
}

export function validate(config: OtlpGrpcConfig): readonly Problem[] {
  const found = address(config)
  if (found === undefined) return [{ path: 'endpoint', says: 'is neither host:port nor an http(s) URL without a path' }]
  if (/:\/\//.test(config.endpoint)) return endpointProblems('endpoint', config.endpoint, config.tls)
  return plaintextProblems('endpoint', found.isPlain, found.host, config.tls)
}
