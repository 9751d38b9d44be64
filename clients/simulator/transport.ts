// The way to the gateway: OTLP over HTTP or gRPC, and whether anybody is there.

import { isLoopback } from '../../core/net/client-endpoint.js'
import { grpcAddress, OtlpGrpcClient } from '../../core/net/otlp-grpc-client.js'
import { OtlpHttpClient } from '../../core/net/otlp-http-client.js'
import { systemClock } from '../../core/telemetry/clock.js'
import type { Transport } from './sender.js'

export interface TransportOptions {
  readonly endpoint: string
  readonly protocol: 'http' | 'grpc'
  readonly headers: Readonly<Record<string, string>>
}

export interface OpenTransport extends Transport {
  stop(): Promise<void>
}

const HELLO_MS = 5000

/** Opens a client. @throws when the endpoint is no address. */
export async function openTransport({ endpoint, protocol, headers }: TransportOptions): Promise<OpenTransport> {
  const client =
    protocol === 'http' ? httpClient(endpoint, headers) : new OtlpGrpcClient(grpcSettings(endpoint, headers), 'demo')
  await client.start()
  return client
}

function httpClient(endpoint: string, headers: Readonly<Record<string, string>>): OtlpHttpClient {
  const base = new URL(endpoint.includes('://') ? endpoint : `http://${endpoint}`).href.replace(/\/$/, '')
  const settings = {
    encoding: 'proto' as const,
    compression: 'gzip' as const,
    headers: { 'user-agent': 'algoflow-simulator', ...headers },
    endpointOf: (signal: string) => `${base}/v1/${signal}`,
    max_conns_per_host: 8,
    idle_conn_timeout: 30_000
  }
  return new OtlpHttpClient(settings, 'demo', systemClock)
}

function grpcSettings(endpoint: string, headers: Readonly<Record<string, string>>) {
  const host = endpoint.replace(/^\w+:\/\//, '').replace(/:\d+\/?$/, '')
  const address = grpcAddress(endpoint, isLoopback(host))
  if (address === undefined) throw new Error(`${endpoint} is no address such as localhost:4317`)
  return { address, compression: 'none' as const, headers, wait_for_ready: false, channels: 1 }
}

/** Sends an empty request; why the gateway cannot be used, or undefined when it can. */
export async function obstacle(transport: Transport, endpoint: string): Promise<string | undefined> {
  const hello = { signal: 'traces' as const, bytes: Buffer.alloc(0), items: 0 }
  const outcome = await transport.send(hello, AbortSignal.timeout(HELLO_MS))
  if (outcome.kind === 'delivered') return undefined
  const text = outcome.cause.message
  if (outcome.kind === 'refused') {
    const fix = /401|403|UNAUTHENTICATED|PERMISSION/.test(text) ? ' Give its key with --header NAME=VALUE.' : ''
    return `The gateway at ${endpoint} refuses: ${text}.${fix}`
  }
  const isBusy = /HTTP (429|503)|RESOURCE_EXHAUSTED/.test(text)
  if (isBusy) return undefined
  return `No gateway answers at ${endpoint} (${text}).\nStart one with \`npm start\` in another terminal, or let the simulator do it: \`npm run demo -- --start\`.`
}
