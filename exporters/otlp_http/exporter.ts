// The work of otlp_http: OTLP/HTTP 1.x client side.

import { Agent, type Dispatcher, ProxyAgent } from 'undici'
import type { Batch } from '../../core/component/batch.js'
import type { ComponentContext } from '../../core/component/context.js'
import { catalogue, codeOf } from '../../core/component/errors.js'
import type { Exporter, RequestLimits } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import {
  partialSuccessJson,
  partialSuccessProtobuf,
  retryAfterMs,
  statusMessage
} from '../../core/net/client-answers.js'
import { type Compressor, compressor } from '../../core/net/client-compress.js'
import { revealed } from '../../core/net/client-headers.js'
import { sanitise } from '../../core/net/client-words.js'
import { clientTls } from '../../core/net/tls.js'
import { protobufToJson } from '../../core/otlp/json-write.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { endpointOf, type OtlpHttpConfig } from './config.js'
import { type Answer, request } from './request.js'

export const otlpHttpErrors = catalogue({
  OTLP_HTTP_STATUS: (status: number, words: string) => `HTTP ${status}${words === '' ? '' : `: ${words}`}`,
  OTLP_HTTP_NO_ANSWER: (why: string) => `no answer (${why})`,
  OTLP_HTTP_NO_ENDPOINT: (signal: string) => `no endpoint is configured for ${signal}`
})

/** The only statuses that may be tried again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE = new Set([429, 502, 503, 504])
/** Not about the data: halving the request finds nothing. */
const ABOUT_US = new Set([401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426, 501, 505, 511])
const CONNECT_TIMEOUT_MS = 10_000
const CONTENT_TYPE = { proto: 'application/x-protobuf', json: 'application/json' } as const

interface Target {
  readonly origin: string
  readonly path: string
}

export class OtlpHttpExporter implements Exporter {
  readonly limits: RequestLimits
  readonly #config: OtlpHttpConfig
  readonly #clock: ComponentContext['clock']
  readonly #where: string
  readonly #targets = new Map<Signal, Target>()
  #headers: Record<string, string> = {}
  #compress: Compressor | undefined
  #dispatcher: Dispatcher | undefined

  constructor(config: OtlpHttpConfig, context: ComponentContext) {
    this.#config = config
    this.#clock = context.clock
    this.#where = `exporters.${context.id}`
    this.limits = { maxBytes: config.max_request_size, maxItems: Number.MAX_SAFE_INTEGER }
  }

  async start(): Promise<void> {
    const config = this.#config
    for (const signal of SIGNALS) {
      const endpoint = endpointOf(config, signal)
      if (endpoint !== undefined) this.#targets.set(signal, target(endpoint))
    }
    this.#compress = await compressor(config.compression)
    this.#headers = {
      'user-agent': 'algoflow-gateway',
      ...revealed(config.headers),
      'content-type': CONTENT_TYPE[config.encoding],
      ...(this.#compress ? { 'content-encoding': config.compression } : {})
    }
    this.#dispatcher = await this.#connect()
  }

  async send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const target = this.#targets.get(batch.signal)
    if (target === undefined) {
      return { kind: 'refused', whole: true, cause: otlpHttpErrors.OTLP_HTTP_NO_ENDPOINT(batch.signal) }
    }
    const { encoding } = this.#config
    const plain = encoding === 'json' ? Buffer.from(protobufToJson(batch.signal, batch.bytes)) : batch.bytes
    const body = this.#compress ? await this.#compress(plain) : plain
    try {
      const options = { ...target, method: 'POST' as const, headers: this.#headers, body }
      return this.#outcome(batch.signal, await request(this.#dispatcher!, options, abort))
    } catch (error) {
      return { kind: 'retry', cause: otlpHttpErrors.OTLP_HTTP_NO_ANSWER(reason(error)) }
    }
  }

  async stop(): Promise<void> {
    const dispatcher = this.#dispatcher
    this.#dispatcher = undefined
    await dispatcher?.destroy()
  }

  async #connect(): Promise<Dispatcher> {
    const { tls, max_conns_per_host, idle_conn_timeout, proxy_url } = this.#config
    const secured = tls === undefined ? { minVersion: 'TLSv1.3' as const } : await clientTls(tls, `${this.#where}.tls`)
    const options: Agent.Options = {
      connections: max_conns_per_host > 0 ? max_conns_per_host : null,
      pipelining: 1,
      keepAliveTimeout: idle_conn_timeout,
      keepAliveMaxTimeout: idle_conn_timeout,
      headersTimeout: 0, // delivery limits each attempt
      bodyTimeout: 0,
      connect: { ...(secured as object), timeout: CONNECT_TIMEOUT_MS, keepAlive: true }
    }
    if (proxy_url === undefined) return new Agent(options)
    return new ProxyAgent({ ...options, uri: proxy_url, requestTls: secured as object })
  }

  #outcome(signal: Signal, answer: Answer): Outcome {
    const { status, body, contentType } = answer
    if (status >= 200 && status < 300) return delivered(signal, contentType, body)
    const words = sanitise(statusMessage(contentType, body) ?? '')
    const cause = otlpHttpErrors.OTLP_HTTP_STATUS(status, words)
    if (RETRYABLE.has(status)) {
      const afterMs = retryAfterMs(answer.retryAfter, this.#clock.now())
      return afterMs === undefined ? { kind: 'retry', cause } : { kind: 'retry', afterMs, cause }
    }
    if (status === 413) return { kind: 'refused', tooLarge: true, cause }
    return status < 400 || ABOUT_US.has(status) ? { kind: 'refused', whole: true, cause } : { kind: 'refused', cause }
  }
}

function delivered(signal: Signal, contentType: string, body: Buffer): Outcome {
  if (body.length === 0) return DELIVERED
  const isJson = contentType.startsWith('application/json')
  const { rejected, message } = isJson ? partialSuccessJson(signal, body) : partialSuccessProtobuf(body)
  if (rejected === 0 && message === '') return DELIVERED
  return { kind: 'delivered', rejected, message: sanitise(message) }
}

function target(endpoint: string): Target {
  const url = new URL(endpoint)
  return { origin: url.origin, path: `${url.pathname}${url.search}` }
}

/** A short reason: the code where there is one (ECONNREFUSED, UND_ERR_SOCKET), else our own abort's text. */
function reason(error: unknown): string {
  const code = codeOf(error)
  if (code !== 'UNKNOWN' && !code.startsWith('SEND_')) return code
  return error instanceof Error ? sanitise(error.message) : 'unknown'
}
