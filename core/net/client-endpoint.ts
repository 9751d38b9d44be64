// Where an exporter connects to, and whether it may do so in plain text: TLS 1.3 unless the address is loopback or the
// config says `insecure: true` in so many words.

import { isIP } from 'node:net'
import type { Problem } from '../component/declaration.js'
import type { TlsClientConfig } from './tls.js'

/** True when the host can only be this machine: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (isIP(name) === 4) return name.startsWith('127.')
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost')
}

/** What is wrong with an http(s) endpoint and its `tls`; paths are relative to the exporter's config. */
export function endpointProblems(
  path: string,
  endpoint: string,
  tls: Partial<TlsClientConfig> | undefined
): readonly Problem[] {
  const url = parse(endpoint)
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    return [{ path, says: 'is not a URL such as https://otlp.example.com:4318' }]
  }
  const problems: Problem[] = []
  if (url.username !== '' || url.password !== '') {
    problems.push({ path, says: 'holds a user name or password; put credentials into `headers`' })
  }
  return [...problems, ...plaintextProblems(path, url.protocol === 'http:', url.hostname, tls)]
}

/** What is wrong with using plain text, or an old TLS, to `host`. */
export function plaintextProblems(
  path: string,
  isPlain: boolean,
  host: string,
  tls: Partial<TlsClientConfig> | undefined
): readonly Problem[] {
  if (isLoopback(host) || tls?.insecure === true) return []
  if (isPlain) {
    const says = `would send telemetry in plain text to ${host}; use TLS, or set \`tls: {insecure: true}\` if that is meant`
    return [{ path, says }]
  }
  const old = tls?.min_version === '1.2' || tls?.max_version === '1.2'
  if (!old) return []
  return [{ path: 'tls.min_version', says: 'below 1.3 needs `insecure: true`' }]
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
