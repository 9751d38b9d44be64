// The OTLP/HTTP server: node:http(s) with its limits, fastify on it, the plug-in in it, a graceful stop.

import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse
} from 'node:http'
import { createServer as createHttps, type Server as HttpsServer } from 'node:https'
import fastify, { type FastifyInstance } from 'fastify'
import { serverTls } from '../../../../core/net/tls.js'
import type { Door } from '../shared/door.js'
import { listen, parseEndpoint } from '../shared/endpoint.js'
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

/** One listening OTLP/HTTP server. */
export class OtlpHttpServer {
  readonly #options: HttpServerOptions
  #app: FastifyInstance | undefined
  #server: Server | undefined
  #endpoint: string | undefined
  #isStopping = false
  #reload: { cancel(): void } | undefined

  constructor(options: HttpServerOptions) {
    this.#options = options
  }

  /** `host:port` it listens on, with the real port; undefined before start. */
  get endpoint(): string | undefined {
    return this.#endpoint
  }

  /** @throws RECEIVER_* of listening, TLS_* of reading certificates. */
  async start(): Promise<void> {
    const { config, where } = this.#options
    const key = `${where}.endpoint`
    parseEndpoint(config.endpoint, key)
    const server = await this.#createServer()
    const app = this.#createApp(server)
    await app.ready()
    this.#endpoint = await listen(server, config.endpoint, key)
    this.#app = app
    this.#server = server
  }

  /**
   * Stops listening, lets requests under way finish and closes their connections; after `limitMs` closes what is left.
   * Safe twice and without start.
   */
  async stop(limitMs: number): Promise<void> {
    const server = this.#server
    if (server === undefined || this.#isStopping) return
    this.#isStopping = true
    this.#reload?.cancel()
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const limit = this.#options.door.clock.after(limitMs, () => server.closeAllConnections())
    await closed
    limit.cancel()
    await this.#app?.close()
  }

  async #createServer(): Promise<Server | HttpsServer> {
    const { config, where } = this.#options
    const options: ServerOptions = {
      maxHeaderSize: config.max_header_size,
      headersTimeout: config.read_header_timeout,
      requestTimeout: config.read_timeout,
      keepAliveTimeout: config.idle_timeout,
      // Node looks for late requests this often; its default of 30 s would stretch short timeouts.
      connectionsCheckingInterval: Math.max(50, Math.min(config.read_header_timeout, config.read_timeout, 10_000) / 4),
      noDelay: true
    }
    if (config.tls === undefined) return createHttp(options)
    const tls = config.tls
    const server = createHttps({ ...options, ...(await serverTls(tls, `${where}.tls`)) })
    if (tls.reload_interval !== undefined) this.#reloadTls(server, tls.reload_interval)
    return server
  }

  /** New certificates for new connections; a file that cannot be used leaves the old ones in place. */
  #reloadTls(server: HttpsServer, everyMs: number): void {
    const { config, where, door } = this.#options
    this.#reload = door.clock.after(everyMs, () => {
      this.#reloadTls(server, everyMs)
      serverTls(config.tls!, `${where}.tls`).then(
        context => server.setSecureContext(context),
        error => door.log.error({ code: error.code }, error.message)
      )
    })
  }

  #createApp(server: Server): FastifyInstance {
    const { door } = this.#options
    const app = fastify({
      logger: false,
      genReqId: () => '',
      requestIdHeader: false,
      return503OnClosing: false,
      forceCloseConnections: false,
      exposeHeadRoutes: false,
      serverFactory: handler => {
        server.on('request', handler)
        // Without this Node says 100 Continue before anybody has looked at key, length and type.
        server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => handler(request, response))
        return server
      },
      clientErrorHandler: (error, socket) => {
        const cause = sendParserRefusal(error, socket)
        if (cause !== undefined) door.refused(cause)
      },
      frameworkErrors: (_error, request, reply) => {
        reply.callNotFound()
        void request
      }
    })
    const { config, jsonToProtobuf, authHeader } = this.#options
    app.register(otlpHttp, { door, config, jsonToProtobuf, authHeader, isStopping: () => this.#isStopping })
    return app as unknown as FastifyInstance
  }
}
