// The OTLP/HTTP server: node:http(s) with its limits, fastify on it, the plug-in in it, a graceful stop.

import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse
} from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { serverTls } from '../../../../core/net/tls.js'
import type { Door } from '../shared/door.js'
import { closed, listen, parseEndpoint } from '../shared/endpoint.js'
import type { Served } from '../shared/served.js'
import { TlsReload } from '../shared/tls-reload.js'
import type { HttpConfig } from './config.js'
import type { JsonToProtobuf } from './exchange.js'
import { otlpHttp } from './plugin.js'
import { sendParserRefusal } from './reply.js'

export interface HttpServerOptions {
  readonly door: Door
  readonly config: HttpConfig
  /** Config path, for error texts: `receivers.otlp.protocols.http`. */
  readonly where: string
  readonly jsonToProtobuf: JsonToProtobuf
  readonly authHeader: string | undefined
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** One listening OTLP/HTTP server. */
export class OtlpHttpServer implements Served<HttpConfig> {
  readonly #options: HttpServerOptions
  #config: HttpConfig
  #authHeader: string | undefined
  /** The fastify app of the present settings, last; those of earlier ones until they are closed. */
  readonly #apps: FastifyInstance[] = []
  #handler: Handler = () => {}
  #server: Server | undefined
  #endpoint: string | undefined
  #isStopping = false
  readonly #tlsReload: TlsReload

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#config = options.config
    this.#tlsReload = new TlsReload(options.door, options.where)
    this.#authHeader = options.authHeader
  }

  get config(): HttpConfig {
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
    this.#handler = await this.#handlerOf(this.#config)
    this.#endpoint = await listen(server, endpoint, key)
    this.#server = server
    this.#tlsReload.watch(server as HttpsServer, this.#config.tls)
  }

  /** The header of API keys, for CORS; counts from the next `prepare` on. */
  useAuthHeader(header: string | undefined): void {
    this.#authHeader = header
  }

  async prepare(config: HttpConfig): Promise<() => void> {
    const tls = config.tls && (await serverTls(config.tls, `${this.#options.where}.tls`))
    const handler = await this.#handlerOf(config)
    return () => {
      const server = this.#server
      this.#config = config
      this.#handler = handler
      // What they are still answering was taken over from them: only their routes go.
      for (const app of this.#apps.splice(0, this.#apps.length - 1)) void app.close()
      if (server === undefined) return
      const { maxHeaderSize, headersTimeout, requestTimeout, keepAliveTimeout } = optionsOf(config)
      Object.assign(server, { maxHeaderSize, headersTimeout, requestTimeout, keepAliveTimeout })
      if (tls !== undefined) (server as HttpsServer).setSecureContext(tls)
      this.#tlsReload.watch(server as HttpsServer, config.tls)
    }
  }

  /**
   * Stops listening, lets requests under way finish and closes their connections; after `limitMs` closes what is left.
   * Safe twice and without start.
   */
  async stop(limitMs: number): Promise<void> {
    const server = this.#server
    if (server === undefined || this.#isStopping) return
    this.#isStopping = true
    this.#tlsReload.stop()
    await closed(server, this.#options.door.clock, limitMs, () => server.closeAllConnections())
    for (const app of this.#apps) await app.close()
  }

  async #createServer(): Promise<Server | HttpsServer> {
    const { door, where } = this.#options
    const options = optionsOf(this.#config)
    const { tls } = this.#config
    const server =
      tls === undefined ? createHttp(options) : createHttps({ ...options, ...(await serverTls(tls, `${where}.tls`)) })
    const handle: Handler = (request, response) => this.#handler(request, response)
    server.on('request', handle)
    // Without this Node says 100 Continue before anybody has looked at key, length and type.
    server.on('checkContinue', handle)
    server.on('clientError', (error: Error, socket: Socket) => {
      const cause = sendParserRefusal(error, socket)
      if (cause !== undefined) door.refused(cause)
    })
    return server
  }

  /** Routes for these settings. Requests come from our own server, so that the routes can change and the socket stay. */
  async #handlerOf(config: HttpConfig): Promise<Handler> {
    let handler: Handler = () => {}
    const app = fastify({
      logger: false,
      genReqId: () => '',
      requestIdHeader: false,
      return503OnClosing: false,
      forceCloseConnections: false,
      exposeHeadRoutes: false,
      serverFactory: routes => {
        handler = routes as Handler
        return createHttp()
      },
      frameworkErrors: (_error, request, reply) => {
        reply.callNotFound()
        void request
      }
    })
    const { door, jsonToProtobuf } = this.#options
    const isStopping = () => this.#isStopping
    app.register(otlpHttp, { door, config, jsonToProtobuf, authHeader: this.#authHeader, isStopping })
    await app.ready()
    this.#apps.push(app as unknown as FastifyInstance)
    return handler
  }
}

function optionsOf(config: HttpConfig): ServerOptions {
  return {
    maxHeaderSize: config.max_header_size,
    headersTimeout: config.read_header_timeout,
    requestTimeout: config.read_timeout,
    keepAliveTimeout: config.idle_timeout,
    // Node looks for late requests this often; its default of 30 s would stretch short timeouts.
    connectionsCheckingInterval: Math.max(50, Math.min(config.read_header_timeout, config.read_timeout, 10_000) / 4),
    noDelay: true
  }
}
