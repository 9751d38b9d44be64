// `protocols.http` of the OTLP receiver, with the Collector's keys.

import Type, { type Static } from 'typebox'
import { byteSize, duration } from '../../../../core/config/fields.js'
import { tlsServerSchema } from '../../../../core/net/tls.js'

const path = (fallback: string, what: string) =>
  Type.String({ default: fallback, pattern: '^/', description: `Path that takes ${what}.` })

const corsSchema = Type.Object(
  {
    allowed_origins: Type.Array(Type.String(), {
      description: 'Origins that browsers may send from; `*` stands for any text, as in `https://*.example.com`.'
    }),
    allowed_headers: Type.Array(Type.String(), {
      default: [],
      description:
        'Request headers allowed besides Accept, Content-Type, Content-Encoding and X-Requested-With; `*` = any.'
    }),
    max_age: Type.Integer({
      default: 0,
      minimum: 0,
      description: 'Seconds a browser may remember the answer to its preflight request. 0 = the browser’s own default.'
    })
  },
  { additionalProperties: false, description: 'Cross-origin requests of browsers. Without it browsers cannot send.' }
)

export const httpSchema = Type.Object(
  {
    endpoint: Type.String({
      default: 'localhost:4318',
      description: 'host:port to listen on. 0.0.0.0:4318 = every address.'
    }),
    tls: Type.Optional(tlsServerSchema),
    cors: Type.Optional(corsSchema),
    max_request_body_size: byteSize({
      default: '20MiB',
      description: 'Largest body, counted before and after decompression. A larger one is answered 413.'
    }),
    max_header_size: byteSize({
      default: '16KiB',
      description: 'Largest request line and headers together. More is answered 431.'
    }),
    traces_url_path: path('/v1/traces', 'traces'),
    metrics_url_path: path('/v1/metrics', 'metrics'),
    logs_url_path: path('/v1/logs', 'logs'),
    read_header_timeout: duration({ default: '10s', description: 'A request’s headers must be in within this time.' }),
    read_timeout: duration({
      default: '30s',
      description: 'A whole request must be in within this time, else it is answered 408.'
    }),
    idle_timeout: duration({ default: '1m', description: 'A connection without a request is closed after this time.' }),
    keep_alives_enabled: Type.Boolean({ default: true, description: 'Whether connections stay open between requests.' })
  },
  { additionalProperties: false }
)

export type HttpConfig = Static<typeof httpSchema>
export type CorsConfig = Static<typeof corsSchema>
