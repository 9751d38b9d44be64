// `protocols.grpc` of the OTLP receiver, with the Collector's keys.

import Type, { type Static } from 'typebox'
import { duration } from '../../../../core/config/fields.js'
import { tlsServerSchema } from '../../../../core/net/tls.js'

const serverParameters = Type.Object(
  {
    max_connection_idle: Type.Optional(
      duration({ description: 'Close a connection without calls after this time. Default: never.' })
    ),
    max_connection_age: Type.Optional(
      duration({
        description:
          'Ask a client to reconnect after this time (±10 %), so that new replicas get their share. Default: never.'
      })
    ),
    max_connection_age_grace: Type.Optional(
      duration({ description: 'Time for calls under way after max_connection_age. Default: as long as they take.' })
    ),
    time: duration({ default: '2h', description: 'Ask a silent client for a sign of life after this time.' }),
    timeout: duration({
      default: '20s',
      description: 'Close the connection when the sign of life does not come within this time.'
    })
  },
  { additionalProperties: false, default: {} }
)

export const grpcSchema = Type.Object(
  {
    endpoint: Type.String({
      default: 'localhost:4317',
      description: 'host:port to listen on. 0.0.0.0:4317 = every address.'
    }),
    tls: Type.Optional(tlsServerSchema),
    max_recv_msg_size_mib: Type.Number({
      default: 4,
      exclusiveMinimum: 0,
      maximum: 1024,
      description:
        'Largest message in MiB, before and after decompression. A larger one is answered RESOURCE_EXHAUSTED.'
    }),
    max_concurrent_streams: Type.Integer({
      default: 256,
      minimum: 1,
      description: 'Calls under way at once on one connection.'
    }),
    read_timeout: duration({
      default: '30s',
      description: 'A message must be in whole within this time, else DEADLINE_EXCEEDED.'
    }),
    keepalive: Type.Object({ server_parameters: serverParameters }, { additionalProperties: false, default: {} })
  },
  { additionalProperties: false }
)

export type GrpcConfig = Static<typeof grpcSchema>
