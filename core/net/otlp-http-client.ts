// OTLP/HTTP 1.x, client side: one request, one outcome. What exporters to OTLP back ends share.

import type { Dispatcher } from 'undici'
import type { Batch } from '../component/batch.js'
import type { Clock, Log } from '../component/context.js'
import { catalogue } from '../component/errors.js'
import { DELIVERED, type Outcome } from '../component/outcome.js'
import { protobufToJson } from '../otlp/json-write.js'
import { SIGNALS, type Signal } from '../otlp/signal.js'
import { partialSuccessJson, partialSuccessProtobuf, retryAfterMs, statusMessage } from './client-answers.js'
import { type Compression, type Compressor, compressor } from './client-compress.js'
import { type ConnectionSettings, dispatcherOf } from './client-dispatcher.js'
import { type HeadersConfig, revealed } from './client-headers.js'
import { ClientReload } from './client-reload.js'
import { type Answer, request } from './client-request.js'
import { sanitise } from './client-words.js'
import { failureWords, statusWords } from './failure-words.js'

export const otlpHttpErrors = catalogue({
  OTLP_HTTP_STATUS: (status: number, words: string) => `HTTP ${status}${words === '' ? '' : `: ${words}`}`,
  OTLP_HTTP_NO_ANSWER: (why: string) => `no answer (${why})`,
  OTLP_HTTP_NO_ENDPOINT: (signal: string) => `no endpoint is configured for ${signal}`
})

/** Large buffers cost page faults and garbage collections, small writes system calls: between them. */
const PIECE_BYTES = 256 * 1024
/** The only statuses that may be tried again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE = new Set([429, 502, 503, 504])
/** Not about the data: halving the request finds nothing. */
const ABOUT_US = new Set([401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426, 501, 505, 511])
const CONTENT_TYPE = { proto: 'application/x-protobuf', json: 'application/json' } as const

interface Target {
  readonly origin: string
  readonly path: string
}

export interface OtlpHttpSettings extends ConnectionSettings {
  readonly encoding: 'proto' | 'json'
  readonly compression: Compression
  readonly headers: HeadersConfig
  /** Milliseconds; 0: never, as when it is left out. */
  readonly reload_interval?: number
  /** Whole URL of a signal; undefined when it goes nowhere. */
  readonly endpointOf: (signal: Signal) => string | undefined
}

/** start -> send* -> stop, as an exporter. */
export class OtlpHttpClient {
  readonly #config: OtlpHttpSettings
  readonly #clock: Clock
  readonly #where: string
  readonly #targets = new Map<Signal, Target>()
  #headers: Record<string, string> = {}
  #compress: Compressor | undefined
  #dispatcher: Dispatcher | undefined
  readonly #reload: ClientReload

  /** @param where config path, for error texts. */
  constructor(
    settings: OtlpHttpSettings,
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
    const config = this.#config
    for (const signal of SIGNALS) {
      const endpoint = config.endpointOf(signal)
      if (endpoint !== undefined) this.#targets.set(signal, target(endpoint))
    }
    this.#compress = await compressor(config.compression)
    this.#setHeaders(revealed(config.headers))
    this.#dispatcher = await dispatcherOf(config, `${this.#where}.tls`)
    await this.#reload.start()
  }

  #setHeaders(plain: Readonly<Record<string, string>>): void {
    const { encoding, compression } = this.#config
    this.#headers = {
      'user-agent': 'algoflow-gateway',
      ...plain,
      'content-type': CONTENT_TYPE[encoding],
      ...(this.#compress ? { 'content-encoding': compression } : {})
    }
  }

  /** New requests go over new connections; what is under way ends on the old ones. */
  async #reconnect(): Promise<void> {
    const next = await dispatcherOf(this.#config, `${this.#where}.tls`)
    const old = this.#dispatcher
    this.#dispatcher = next
    old?.close().catch(() => {})
  }

  async send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const target = this.#targets.get(batch.signal)
    if (target === undefined) {
      return { kind: 'refused', whole: true, cause: otlpHttpErrors.OTLP_HTTP_NO_ENDPOINT(batch.signal) }
    }
    const body = await this.#body(batch)
    const headers = body instanceof Pieces ? { ...this.#headers, 'content-length': String(body.length) } : this.#headers
    try {
      // undici takes iterables too; its types do not say so for dispatch
      const options = { ...target, method: 'POST' as const, headers, body: body as Buffer }
      return this.#outcome(batch.signal, await request(this.#dispatcher!, options, abort))
    } catch (error) {
      if (abort.aborted) return { kind: 'retry', cause: abort.reason as Error }
      return { kind: 'retry', cause: otlpHttpErrors.OTLP_HTTP_NO_ANSWER(failureWords(error)) }
    }
  }

  #body(batch: Batch): Buffer | Pieces | Promise<Buffer> {
    const isJson = this.#config.encoding === 'json'
    if (!isJson && !this.#compress && batch.parts) return new Pieces(batch.parts)
    const plain = isJson ? Buffer.from(protobufToJson(batch.signal, batch.bytes)) : batch.bytes
    return this.#compress ? this.#compress(plain) : plain
  }

  async stop(): Promise<void> {
    await this.#reload.stop()
    const dispatcher = this.#dispatcher
    this.#dispatcher = undefined
    await dispatcher?.destroy()
  }

  #outcome(signal: Signal, answer: Answer): Outcome {
    const { status, body, contentType } = answer
    if (status >= 200 && status < 300) return delivered(signal, contentType, body)
    const words = sanitise(statusMessage(contentType, body) ?? '') || statusWords(status)
    const cause = otlpHttpErrors.OTLP_HTTP_STATUS(status, words)
    if (RETRYABLE.has(status)) {
      const afterMs = retryAfterMs(answer.retryAfter, this.#clock.now())
      return afterMs === undefined ? { kind: 'retry', cause } : { kind: 'retry', afterMs, cause }
    }
    if (status === 413) return { kind: 'refused', tooLarge: true, cause }
    return status < 400 || ABOUT_US.has(status) ? { kind: 'refused', whole: true, cause } : { kind: 'refused', cause }
  }
}

/** A body that is written piece after piece and never put together. */
class Pieces {
  readonly #parts: readonly Buffer[]
  readonly length: number

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts
    this.length = sizeOf(parts)
  }

  /** Each piece is a write of its own, so small ones are put together first. */
  *[Symbol.iterator](): Iterator<Buffer> {
    let small: Buffer[] = []
    let size = 0
    for (const part of this.#parts) {
      if (size > 0 && size + part.length > PIECE_BYTES) {
        yield small.length === 1 ? small[0]! : Buffer.concat(small, size)
        small = []
        size = 0
      }
      small.push(part)
      size += part.length
    }
    if (size > 0) yield small.length === 1 ? small[0]! : Buffer.concat(small, size)
  }
}

function sizeOf(parts: readonly Buffer[]): number {
  let size = 0
  for (const part of parts) size += part.length
  return size
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
