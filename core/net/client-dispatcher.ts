// The connections of one exporter over HTTP: undici with TLS, proxy and keep-alive as configured.

import type { Agent, Dispatcher } from 'undici'
import { clientTls, type TlsClientConfig } from './tls.js'

const CONNECT_TIMEOUT_MS = 10_000

export interface ConnectionSettings {
  readonly tls?: TlsClientConfig
  readonly proxy_url?: string
  /** 0: as many as are asked for at once. */
  readonly max_conns_per_host: number
  /** Milliseconds. */
  readonly idle_conn_timeout: number
}

/**
 * TLS 1.3 where `tls` says nothing. No limit of time on answers: delivery limits each attempt and aborts it.
 * @param where config path of `tls`, for error texts.
 * @throws TLS_FILE_UNREADABLE, TLS_INCOMPLETE, TLS_INVALID, TLS_VERSIONS
 */
export async function dispatcherOf(settings: ConnectionSettings, where: string): Promise<Dispatcher> {
  const { tls, max_conns_per_host, idle_conn_timeout, proxy_url } = settings
  // Loaded by the first exporter over HTTP: time that other gateways and commands need not wait.
  const undici = await import('undici')
  const secured = tls === undefined ? { minVersion: 'TLSv1.3' as const } : await clientTls(tls, where)
  const options: Agent.Options = {
    connections: max_conns_per_host > 0 ? max_conns_per_host : null,
    pipelining: 1,
    keepAliveTimeout: idle_conn_timeout,
    keepAliveMaxTimeout: idle_conn_timeout,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...(secured as object), timeout: CONNECT_TIMEOUT_MS, keepAlive: true }
  }
  if (proxy_url === undefined) return new undici.Agent(options)
  return new undici.ProxyAgent({ ...options, uri: proxy_url, requestTls: secured as object })
}
