// `host:port` of the scrape endpoint.

import { isIPv6 } from 'node:net'

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `localhost:8889`, `[::1]:8889`, `:8889` (every address); undefined when it is none of these. */
export function parseHostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/]*)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  if (bracketed !== undefined && !isIPv6(bracketed)) return undefined
  return { host: bracketed ?? plain ?? '', port }
}
