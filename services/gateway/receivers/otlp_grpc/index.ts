// The OTLP/gRPC server: unary Export of three services, straight on node:http2.
//
// Why not @grpc/grpc-js: docs/decisions/2026-11-23-grpc-on-http2.md. The protocol is "gRPC over HTTP2" of the gRPC
// project (doc/PROTOCOL-HTTP2.md); only what a unary call without streaming needs is here.

import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
  type Settings
} from 'node:http2'
import type { Server } from 'node:net'
import type { Refusal } from '../../../../core/net/answers.js'
import { isSupportedEncoding } from '../../../../core/net/compression.js'
import { serverTls } from '../../../../core/net/tls.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import type { Door } from '../shared/door.js'
import { closed, listen, parseEndpoint } from '../shared/endpoint.js'
import type { Served } from '../shared/served.js'
import { TlsReload } from '../shared/tls-reload.js'
import { Call, type CallOptions } from './call.js'
import type { GrpcConfig } from './config.js'
import { ACCEPTED_GRPC_ENCODINGS, sendHttpStatus, sendRefusal } from './reply.js'
import { Connection } from './session.js'

const SIGNAL_OF_PATH: ReadonlyMap<string, Signal> = new Map([
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs']
])

const UNKNOWN_METHOD: Refusal = {
  cause: 'not_found',
  message: 'Unknown service or method. Served: trace, metrics and logs Export.'
}
const UNKNOWN_ENCODING: Refusal = {
  cause: 'unsupported_encoding',
  message: `grpc-encoding is not supported. Supported: ${ACCEPTED_GRPC_ENCODINGS}.`
}
const TOO_SLOW: Refusal = { cause: 'timeout', message: 'The message did not arrive in time.' }

const MIB = 1024 * 1024
/** Window of a connection: what its calls together may have on the way. */
const CONNECTION_WINDOW = 16 * MIB
/** How often ages and deadlines are looked at. */
const SWEEP_MS = 1000

export interface GrpcServerOptions {
  readonly door: Door
  readonly config: GrpcConfig
  /** Config path, for error texts: `receivers.otlp.protocols.grpc`. */
  readonly where: string
}

/** One listening OTLP/gRPC server. */
export class OtlpGrpcServer implements Served<GrpcConfig> {
  readonly #options: GrpcServerOptions
  #config: GrpcConfig
  #callOptions: CallOptions
  readonly #connections = new Map<ServerHttp2Session, Connection>()
  #server: Http2Server | Http2SecureServer | undefined
  #endpoint: string | undefined
  #isStopping = false
  #sweep: { cancel(): void } | undefined
  readonly #tlsReload: TlsReload

  constructor(options: GrpcServerOptions) {
    this.#options = options
    this.#config = options.config
    this.#tlsReload = new TlsReload(options.door, options.where)
    this.#callOptions = { door: options.door, limit: limitOf(options.config), reading: new Set() }
  }

  get config(): GrpcConfig {
    return this.#config
  }

  /** `host:port` it listens on, with the real port; undefined before start. */
  get endpoint(): string | undefined {
    return this.#endpoint
  }

  /** @throws RECEIVER_* of listening, TLS_* of reading certificates. */
  async start(): Promise<void> {
    const key = `${this.#options.where}.endpoint`
    const { endpoint } = this.#config
    parseEndpoint(endpoint, key)
    const server = await this.#createServer()
    server.on('session', session => this.#connected(session))
    server.on('stream', (stream, headers) => this.#called(stream, headers))
    this.#endpoint = await listen(server as unknown as Server, endpoint, key)
    this.#server = server
    this.#sweepLater()
    this.#tlsReload.watch(server as Http2SecureServer, this.#config.tls)
  }

  /** Sizes, times and certificates count for calls and connections that begin afterwards. */
  async prepare(config: GrpcConfig): Promise<() => void> {
    const tls = config.tls && (await serverTls(config.tls, `${this.#options.where}.tls`))
    return () => {
      this.#config = config
      this.#callOptions = { ...this.#callOptions, limit: limitOf(config) }
      this.#server?.updateSettings(settingsOf(config))
      if (tls !== undefined) (this.#server as Http2SecureServer | undefined)?.setSecureContext(tls)
      if (this.#server !== undefined) this.#tlsReload.watch(this.#server as Http2SecureServer, config.tls)
    }
  }

  /**
   * Stops listening, says GOAWAY to every client, lets calls under way finish; after `limitMs` closes what is left. Safe
   * twice and without start.
   */
  async stop(limitMs: number): Promise<void> {
    const server = this.#server
    if (server === undefined || this.#isStopping) return
    this.#isStopping = true
    this.#tlsReload.stop()
    const { clock } = this.#options.door
    const ended = closed(server, clock, limitMs, () => {
      for (const session of this.#connections.keys()) session.destroy()
    })
    for (const connection of this.#connections.values()) connection.close(clock.now())
    await ended
    this.#sweep?.cancel()
  }

  async #createServer(): Promise<Http2Server | Http2SecureServer> {
    const { tls } = this.#config
    const options: ServerOptions = {
      // MB of nghttp2's own bookkeeping per connection; above it new calls are refused.
      maxSessionMemory: 64,
      settings: settingsOf(this.#config)
    }
    if (tls === undefined) return createServer(options)
    const context = await serverTls(tls, `${this.#options.where}.tls`)
    const secure: SecureServerOptions = { ...options, ...context, allowHTTP1: false }
    return createSecureServer(secure)
  }

  #connected(session: ServerHttp2Session): void {
    const { door } = this.#options
    const connection = new Connection(
      session,
      this.#config.keepalive.server_parameters,
      door.clock.now(),
      Math.random()
    )
    this.#connections.set(session, connection)
    session.setLocalWindowSize(Math.max(CONNECTION_WINDOW, this.#callOptions.limit))
    session.on('remoteSettings', () => connection.hasPreface())
    session.on('close', () => this.#connections.delete(session))
    // A connection that breaks or speaks something else concerns nobody but its client.
    session.on('error', ignore)
    if (this.#isStopping) connection.close(door.clock.now())
  }

  #called(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', ignore)
    const contentType = headers['content-type']
    if (contentType !== 'application/grpc' && !isGrpc(contentType)) return sendHttpStatus(stream, 415)
    if (headers[':method'] !== 'POST') return sendHttpStatus(stream, 405)
    const { door } = this.#options
    const signal = SIGNAL_OF_PATH.get(headers[':path'] as string)
    const compression = headers['grpc-encoding'] as string | undefined
    const refusal = this.#refuseByHeaders(headers, signal, compression)
    if (refusal !== undefined) {
      door.refused(refusal.cause)
      return sendRefusal(stream, refusal)
    }
    const timeout = headers['grpc-timeout']
    const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : grpcTimeoutMs(timeout as string)
    const call = new Call(this.#callOptions, stream, signal!, compression, timeoutMs)
    const connection = this.#connections.get(stream.session as ServerHttp2Session)
    connection?.callStarted(call.startedAt)
    stream.on('data', (chunk: unknown) => call.data(chunk as Buffer))
    stream.on('end', () => call.end())
    stream.on('close', () => {
      connection?.callEnded(door.clock.now())
      call.aborted()
    })
  }

  #refuseByHeaders(headers: IncomingHttpHeaders, signal: Signal | undefined, compression: string | undefined) {
    const refusal = this.#options.door.refuse(headers, 0)
    if (refusal !== undefined) return refusal
    if (signal === undefined) return UNKNOWN_METHOD
    return isSupportedEncoding(compression) ? undefined : UNKNOWN_ENCODING
  }

  #sweepLater(): void {
    const { door } = this.#options
    this.#sweep = door.clock.after(SWEEP_MS, () => {
      const now = door.clock.now()
      for (const call of this.#callOptions.reading) {
        if (now - call.startedAt > this.#config.read_timeout) call.refuse(TOO_SLOW)
      }
      for (const connection of this.#connections.values()) connection.look(now)
      this.#sweepLater()
    })
  }
}

function limitOf(config: GrpcConfig): number {
  return Math.floor(config.max_recv_msg_size_mib * MIB)
}

function settingsOf(config: GrpcConfig): Settings {
  return {
    // A whole message may come without waiting for window updates.
    initialWindowSize: Math.min(Math.max(limitOf(config) + 1024, 65_535), 2 ** 31 - 1),
    maxConcurrentStreams: config.max_concurrent_streams,
    maxHeaderListSize: 16 * 1024
  }
}

function ignore(): void {}

/** `application/grpc`, then nothing, `+proto` or parameters. */
function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(\+proto)?\s*(;.*)?$/i.test(contentType)
}

const TIMEOUT_UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** `grpc-timeout`: up to 8 digits and a unit. Infinity when it is malformed: a deadline is the client's own business. */
function grpcTimeoutMs(text: string): number {
  const unit = TIMEOUT_UNIT_MS[text.charAt(text.length - 1)]
  const value = Number(text.slice(0, -1))
  return unit === undefined || !(value >= 0) ? Number.POSITIVE_INFINITY : value * unit
}
