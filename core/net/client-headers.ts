// Headers an exporter sends with each request; their values may be credentials.

import Type from 'typebox'
import { secret } from '../config/fields.js'
import type { Secret } from '../config/secret.js'

/** `headers` of an exporter: name -> value; every value is treated as a secret. */
export const headersSchema = Type.Record(Type.String(), secret({ description: 'Value; shown nowhere.' }), {
  default: {},
  description:
    'Headers (gRPC: metadata) sent with each request, such as credentials. Values are secrets; those with `${file:PATH}` are read ' +
    'again when the file changes (`reload_interval`).',
  examples: [{ authorization: '${env:OTLP_AUTHORIZATION}' }]
})

export type HeadersConfig = Readonly<Record<string, Secret | string>>

/** Whether a value comes from a file and may change. */
export function hasSources(headers: HeadersConfig): boolean {
  return Object.values(headers).some(value => typeof value !== 'string' && value.hasSource)
}

/** As `revealed`, with values from files as they are now. @throws when one cannot be read */
export function reread(headers: HeadersConfig): Record<string, string> {
  return plainOf(headers, value => value.reread())
}

/** The values in plain text, names in lower case. Only for the request itself. */
export function revealed(headers: HeadersConfig): Record<string, string> {
  return plainOf(headers, value => value.reveal())
}

function plainOf(headers: HeadersConfig, text: (value: Secret) => string): Record<string, string> {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    plain[name.toLowerCase()] = typeof value === 'string' ? value : text(value)
  }
  return plain
}
