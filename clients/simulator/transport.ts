// The way to the gateway: OTLP over HTTP or gRPC, and whether anybody is there.

import type { Batch } from '../../core/component/batch.js'
import type { Outcome } from '../../core/component/outcome.js'
import { isLoopback } from '../../core/net/client-endpoint.js'
import { grpcAddress, OtlpGrpcClient } from '../../core/net/otlp-grpc-client.js'
import { OtlpHttpClient } from '../../core/net/otlp-http-client.js'
import { systemClock } from '../../core/telemetry/clock.js'
import type { Transport } from './sender.js'

export interface TransportOptions {
  readonly endpoints: readonly string[]
  readonly protocol: 'http' | 'grpc'
  readonly headers: Readonly<Record<string, string>>
}

export interface OpenTransport extends Transport {
  stop(): Promise<void>
}

const HELLO_MS = 5000

/** Opens a client for each endpoint. @throws when one is no address. */
export async function openTransport({ endpoints, protocol, headers }: TransportOptions): Promise<OpenTransport> {
  const clients = endpoints.map(endpoint =>
    protocol === 'http'
      ? httpClient(endpoint, headers)
      : new OtlpGrpcClient(grpcSettings(endpoint, headers), 'demo', { clock: systemClock })
  )
  for (const client of clients) await client.start()
  return new Balanced(clients)
}

/** Replicas take turns; what one does not answer the next one gets. */
class Balanced implements OpenTransport {
  readonly #all: readonly OpenTransport[]
  #turn = 0

  constructor(all: readonly OpenTransport[]) {
    this.#all = all
  }

  async send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    let outcome: Outcome | undefined
    for (let tries = 0; tries < this.#all.length; tries++) {
      outcome = await this.#all[this.#turn++ % this.#all.length]!.send(batch, abort)
      if (outcome.kind !== 'retry' || abort.aborted) break
    }
    return outcome!
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map(one => one.stop()))
  }
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
  return new OtlpHttpClient(settings, 'demo', { clock: systemClock })
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
