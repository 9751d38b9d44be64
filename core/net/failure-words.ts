// Why no answer came, in words for logs, status and dead letters: what is wrong and which setting is about it. No quotation
// marks: what stands in them is hidden later (client-words.ts).

import { codeOf } from '../component/errors.js'
import { sanitise } from './client-words.js'

const UNTRUSTED = 'its certificate is from no authority known here: name the authority in tls.ca_file'
const OLD_TLS = 'it does not speak the TLS version wanted here: see tls.min_version'
const CLOSED = 'it closed the connection before it answered'
const NO_ROUTE = 'there is no way to this address: see endpoint, routes and firewalls'
const NO_CONNECTION = 'no connection in time: see endpoint, routes and firewalls'

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: see endpoint, and whether the back end runs',
  ENOTFOUND: 'DNS does not know the name: see endpoint',
  EAI_AGAIN: 'DNS does not answer',
  ECONNRESET: CLOSED,
  EPIPE: CLOSED,
  UND_ERR_SOCKET: CLOSED,
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  ETIMEDOUT: NO_CONNECTION,
  UND_ERR_CONNECT_TIMEOUT: NO_CONNECTION,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_HAS_EXPIRED: 'its certificate is out of date',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: see the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: see endpoint and tls.server_name_override',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: OLD_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: OLD_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: see the port, and whether https is right',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there: see the port, and whether https is right',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a client certificate: see tls.cert_file'
}

/** The code of a failed request and what it means; for errors without a code their own words, made safe. */
export function failureWords(error: unknown): string {
  const code = codeOf(error)
  if (Object.hasOwn(WORDS, code)) return `${code}: ${WORDS[code]}`
  if (code !== 'UNKNOWN') return code
  return error instanceof Error ? sanitise(error.message) : 'unknown'
}

const ABOUT_STATUS: Readonly<Record<number, string>> = {
  401: 'it does not accept the credentials: see headers',
  403: 'it does not allow this with these credentials: see headers',
  404: 'there is no such path: see endpoint',
  405: 'nothing takes OTLP at this path: see endpoint',
  407: 'the proxy wants credentials: see proxy_url'
}

/** What a status that is about the request's address or credentials means; empty for others. */
export function statusWords(status: number): string {
  return ABOUT_STATUS[status] ?? ''
}
