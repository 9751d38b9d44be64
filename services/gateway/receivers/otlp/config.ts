// `receivers.otlp`: the Collector's shape, plus keys of senders and one limit of bytes under way for both protocols.

import Type, { type Static } from 'typebox'
import type { Problem } from '../../../../core/component/declaration.js'
import { byteSize } from '../../../../core/config/fields.js'
import { grpcSchema } from '../otlp_grpc/config.js'
import { httpSchema } from '../otlp_http/config.js'
import { authProblems, authSchema } from '../shared/auth.js'
import { parseEndpoint } from '../shared/endpoint.js'

export const schema = Type.Object(
  {
    protocols: Type.Object(
      { grpc: Type.Optional(grpcSchema), http: Type.Optional(httpSchema) },
      { additionalProperties: false, description: 'Which protocols to serve; those that are not listed are off.' }
    ),
    auth: Type.Optional(authSchema),
    max_in_flight_bytes: byteSize({
      default: '64MiB',
      description:
        'Bytes of requests being read or waiting for their answer, both protocols together. Above it senders get 429 / UNAVAILABLE and come back.'
    })
  },
  { additionalProperties: false }
)

export type OtlpConfig = Static<typeof schema>

/** Cross-field problems; paths are relative to the receiver. Pure. */
export function validate(config: OtlpConfig): readonly Problem[] {
  const { protocols, auth } = config
  const problems: Problem[] = []
  if (protocols.grpc === undefined && protocols.http === undefined) {
    problems.push({ path: 'protocols', says: 'lists no protocol: add grpc, http or both' })
  }
  for (const protocol of ['grpc', 'http'] as const) {
    const endpoint = protocols[protocol]?.endpoint
    if (endpoint === undefined) continue
    try {
      parseEndpoint(endpoint, 'endpoint')
    } catch {
      problems.push({
        path: `protocols.${protocol}.endpoint`,
        says: 'must be host:port, such as localhost:4318 or 0.0.0.0:4318'
      })
    }
  }
  for (const problem of auth === undefined ? [] : authProblems(auth)) {
    problems.push({ path: `auth.${problem.path}`, says: problem.says })
  }
  return problems
}
