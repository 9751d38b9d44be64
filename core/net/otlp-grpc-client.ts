// OTLP/gRPC, client side: one call, one outcome. What exporters to OTLP back ends share. Requests and answers stay bytes
// (identity serializers).

import { createSecureContext } from 'node:tls'
import {
  type CallOptions,
  ChannelCredentials,
  type ChannelOptions,
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status
} from '@grpc/grpc-js'
import type { Batch } from '../component/batch.js'
import type { Clock, Log } from '../component/context.js'
import { catalogue } from '../component/errors.js'
import { DELIVERED, type Outcome } from '../component/outcome.js'
import type { Signal } from '../otlp/signal.js'
import { MAX_ANSWER_BYTES, partialSuccessProtobuf, retryDelayMs } from './client-answers.js'
import { type HeadersConfig, revealed } from './client-headers.js'
import { ClientReload } from './client-reload.js'
import { sanitise } from './client-words.js'
import { clientTls, type TlsClientConfig } from './tls.js'

export const otlpGrpcErrors = catalogue({
  OTLP_GRPC_STATUS: (name: string, words: string) => `${name}${words === '' ? '' : `: ${words}`}`
})

const METHOD: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
}

/** Status codes that may be tried again (OTLP specification, "Failures"); RESOURCE_EXHAUSTED only with RetryInfo. */
const RETRYABLE: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS
])
/** Not about the data: halving the request finds nothing. */
const ABOUT_US: ReadonlySet<number> = new Set([
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED
])

/** Longest time that calls under way keep connections whose certificates were replaced. */
const OLD_CLIENTS_MS = 60_000

const identity = (bytes: Buffer): Buffer => bytes

export interface OtlpGrpcSettings {
  readonly address: GrpcAddress
  readonly compression: 'gzip' | 'none'
  readonly headers: HeadersConfig
  readonly tls?: TlsClientConfig
  /** Milliseconds. */
  readonly keepalive?: { readonly time: number; readonly timeout: number; readonly permit_without_stream: boolean }
  readonly wait_for_ready: boolean
  /** Milliseconds; 0: never, as when it is left out. */
  readonly reload_interval?: number
  /** Connections. */
  readonly channels: number
}

export interface GrpcAddress {
  /** host:port as grpc-js wants it. */
  readonly authority: string
  readonly host: string
  readonly isPlain: boolean
}

/**
 * Where `host:port` or a URL leads and whether in plain text (`http://`, or no scheme and `tls.insecure`); undefined
 * when it is neither.
 */
export function grpcAddress(endpoint: string, isInsecure: boolean): GrpcAddress | undefined {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint)
  const text = hasScheme ? endpoint : `${isInsecure ? 'http' : 'https'}://${endpoint}`
  try {
    const url = new URL(text)
    if (!/^https?:$/.test(url.protocol) || url.hostname === '' || !/^\/?$/.test(url.pathname)) return undefined
    const isPlain = url.protocol === 'http:'
    const port = url.port === '' ? (isPlain ? '80' : '443') : url.port
    return { authority: `${url.hostname}:${port}`, host: url.hostname, isPlain }
  } catch {
    return undefined
  }
}

/** start -> send* -> stop, as an exporter. */
export class OtlpGrpcClient {
  readonly #config: OtlpGrpcSettings
  readonly #where: string
  #metadata = new Metadata()
  #clients: Client[] = []
  #turn = 0
  readonly #clock: Clock
  readonly #reload: ClientReload

  /** @param where config path, for error texts. */
  constructor(
    settings: OtlpGrpcSettings,
    where: string,
    { clock, log }: { readonly clock: Clock; readonly log?: Log }
  ) {
    this.#config = settings
    this.#where = where
    this.#clock = clock
    this.#reload = new ClientReload({
      ...settings,
      everyMs: settings.reload_interval,
      where,
      clock,
      log,
      onHeaders: plain => this.#setHeaders(plain),
      onTls: () => this.#reconnect()
    })
  }

  async start(): Promise<void> {
    this.#setHeaders(revealed(this.#config.headers))
    this.#clients = await this.#connect()
    await this.#reload.start()
  }

  #setHeaders(plain: Readonly<Record<string, string>>): void {
    const metadata = new Metadata({ waitForReady: this.#config.wait_for_ready })
    for (const [name, value] of Object.entries(plain)) metadata.set(name, value)
    this.#metadata = metadata
  }

  async #connect(): Promise<Client[]> {
    const { channels, address } = this.#config
    const secured = address.isPlain ? credentials.createInsecure() : await this.#secured()
    return Array.from({ length: channels }, () => new Client(address.authority, secured, this.#options()))
  }

  /** New calls go over new connections; those under way have time to end on the old ones. */
  async #reconnect(): Promise<void> {
    const old = this.#clients
    this.#clients = await this.#connect()
    this.#clock.after(OLD_CLIENTS_MS, () => {
      for (const client of old) client.close()
    })
  }

  send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const client = this.#clients[this.#turn++ % this.#clients.length]!
    return new Promise(resolve => {
      const options: CallOptions = {}
      const call = client.makeUnaryRequest(
        METHOD[batch.signal],
        identity,
        identity,
        batch.bytes,
        this.#metadata,
        options,
        (error: ServiceError | null, answer?: Buffer) => {
          abort.removeEventListener('abort', cancel)
          resolve(error ? failed(error, abort) : delivered(answer))
        }
      )
      const cancel = () => call.cancel()
      if (abort.aborted) cancel()
      else abort.addEventListener('abort', cancel, { once: true })
    })
  }

  async stop(): Promise<void> {
    await this.#reload.stop()
    for (const client of this.#clients.splice(0)) client.close()
  }

  async #secured(): Promise<ChannelCredentials> {
    const { tls } = this.#config
    if (tls === undefined) {
      return ChannelCredentials.createFromSecureContext(createSecureContext({ minVersion: 'TLSv1.3' }))
    }
    const options = await clientTls(tls, `${this.#where}.tls`)
    return ChannelCredentials.createFromSecureContext(createSecureContext(options), {
      rejectUnauthorized: options.rejectUnauthorized !== false
    })
  }

  #options(): ChannelOptions {
    const { compression, keepalive, tls } = this.#config
    return {
      'grpc.use_local_subchannel_pool': 1, // each client its own connection
      'grpc.max_send_message_length': -1, // delivery keeps to max_request_size
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
      'grpc.enable_retries': 0, // delivery retries
      'grpc.primary_user_agent': 'algoflow-gateway',
      // Short, because delivery has its own backoff on top.
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 5000,
      ...(compression === 'gzip' ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {}),
      ...(tls?.server_name_override === undefined
        ? {}
        : {
            'grpc.ssl_target_name_override': tls.server_name_override,
            'grpc.default_authority': tls.server_name_override
          }),
      ...(keepalive === undefined
        ? {}
        : {
            'grpc.keepalive_time_ms': keepalive.time,
            'grpc.keepalive_timeout_ms': keepalive.timeout,
            'grpc.keepalive_permit_without_calls': keepalive.permit_without_stream ? 1 : 0
          })
    }
  }
}

function delivered(answer: Buffer | undefined): Outcome {
  if (answer === undefined || answer.length === 0) return DELIVERED
  const { rejected, message } = partialSuccessProtobuf(answer)
  if (rejected === 0 && message === '') return DELIVERED
  return { kind: 'delivered', rejected, message: sanitise(message) }
}

function failed(error: ServiceError, abort: AbortSignal): Outcome {
  if (abort.aborted) return { kind: 'retry', cause: abort.reason as Error }
  const cause = otlpGrpcErrors.OTLP_GRPC_STATUS(
    status[error.code] ?? String(error.code),
    sanitise(withoutDebris(error.details ?? ''))
  )
  const afterMs = retryInfo(error)
  if (RETRYABLE.has(error.code) || (error.code === status.RESOURCE_EXHAUSTED && afterMs !== undefined)) {
    return afterMs === undefined ? { kind: 'retry', cause } : { kind: 'retry', afterMs, cause }
  }
  if (error.code === status.RESOURCE_EXHAUSTED) return { kind: 'refused', tooLarge: true, cause }
  return ABOUT_US.has(error.code) ? { kind: 'refused', whole: true, cause } : { kind: 'refused', cause }
}

/** grpc-js ends its words on a connection with labels that nothing follows. */
function withoutDebris(details: string): string {
  return details.replace('Last error: Error:', 'Last error:').replace(/\s*Resolution note:\s*$/, '')
}

function retryInfo(error: ServiceError): number | undefined {
  const details = error.metadata?.get('grpc-status-details-bin')[0]
  return Buffer.isBuffer(details) ? retryDelayMs(details) : undefined
}
