// Listening addresses: `host:port` as in the Collector, and readable errors when one cannot be had.

import type { AddressInfo, Server } from 'node:net'
import type { Clock } from '../../../../core/component/context.js'
import { catalogue } from '../../../../core/component/errors.js'

export const receiverErrors = catalogue({
  RECEIVER_ADDRESS_INVALID: (key: string) =>
    `${key} must be host:port with a port from 0 to 65535, such as localhost:4318, 0.0.0.0:4318 or [::1]:4318.`,
  RECEIVER_PORT_IN_USE: (key: string, endpoint: string) =>
    `${key}: ${endpoint} is in use by another program. Stop it or set another port.`,
  RECEIVER_PORT_FORBIDDEN: (key: string, endpoint: string) =>
    `${key}: this user may not listen on ${endpoint}. Ports below 1024 often need a privilege: use a higher one.`,
  RECEIVER_ADDRESS_UNAVAILABLE: (key: string, endpoint: string) =>
    `${key}: this machine has no address ${endpoint}. Use one of its own addresses, localhost or 0.0.0.0.`,
  RECEIVER_TLS_SWITCH: (key: string) =>
    `${key}: TLS and client certificates cannot be switched on or off on an address that is being served. Set another endpoint as well, or restart the gateway.`,
  RECEIVER_LISTEN_FAILED: (key: string, endpoint: string, code: string) =>
    `${key}: cannot listen on ${endpoint} (${code}).`
})

export interface Endpoint {
  /** Undefined = every address. */
  readonly host: string | undefined
  readonly port: number
}

/**
 * Reads `host:port`. `localhost` becomes 127.0.0.1: what clients mean by it, whichever family the resolver lists first.
 * @throws RECEIVER_ADDRESS_INVALID
 */
export function parseEndpoint(endpoint: string, key: string): Endpoint {
  const match = /^(\[[0-9a-fA-F:.%\w]+\]|[^:[\]\s/]*):(\d{1,5})$/.exec(endpoint)
  const port = Number(match?.[2])
  if (match === null || port > 65535) throw receiverErrors.RECEIVER_ADDRESS_INVALID(key)
  const host = match[1]!.replace(/^\[|\]$/g, '')
  return { host: host === '' ? undefined : host === 'localhost' ? '127.0.0.1' : host, port }
}

/**
 * Listens and says where: `host:port` with the port it got.
 * @throws RECEIVER_ADDRESS_INVALID, RECEIVER_PORT_IN_USE, RECEIVER_PORT_FORBIDDEN, RECEIVER_ADDRESS_UNAVAILABLE,
 *   RECEIVER_LISTEN_FAILED
 */
export function listen(server: Server, endpoint: string, key: string): Promise<string> {
  const { host, port } = parseEndpoint(endpoint, key)
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(listenError(error, endpoint, key))
    server.once('error', failed)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeListener('error', failed)
      resolve(addressText(server.address() as AddressInfo))
    })
  })
}

/** Listens no more and waits for what is under way; after `limitMs` `cut` ends it. */
export async function closed(
  server: Pick<Server, 'close'>,
  clock: Clock,
  limitMs: number,
  cut: () => void
): Promise<void> {
  const done = new Promise<void>(resolve => void server.close(() => resolve()))
  const limit = clock.after(limitMs, cut)
  await done
  limit.cancel()
}

function listenError(error: NodeJS.ErrnoException, endpoint: string, key: string): Error {
  if (error.code === 'EADDRINUSE') return receiverErrors.RECEIVER_PORT_IN_USE(key, endpoint)
  if (error.code === 'EACCES') return receiverErrors.RECEIVER_PORT_FORBIDDEN(key, endpoint)
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') {
    return receiverErrors.RECEIVER_ADDRESS_UNAVAILABLE(key, endpoint)
  }
  return receiverErrors.RECEIVER_LISTEN_FAILED(key, endpoint, error.code ?? 'unknown error')
}

function addressText(address: AddressInfo): string {
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}
