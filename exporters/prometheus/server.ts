// The HTTP server that Prometheus scrapes: `GET /metrics`, nothing else.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { catalogue } from '../../core/component/errors.js'
import { serverTls, type TlsServerConfig } from '../../core/net/tls.js'
import type { HostPort } from './address.js'
import { CONTENT_TYPES, type Format, negotiate } from './negotiate.js'

export const errors = catalogue({
  PROMETHEUS_LISTEN: (endpoint: string, why: string) =>
    `prometheus exporter: cannot listen on ${endpoint} (${why}). Choose another \`endpoint\`, or stop what uses it.`
})

export interface ScrapeServerOptions {
  readonly address: HostPort
  readonly endpoint: string
  readonly tls: TlsServerConfig | undefined
  readonly openMetrics: boolean
  /** The page in a format. */
  readonly expose: (format: Format) => AsyncIterable<string | Buffer>
  /** A scrape that broke off; the scraper sees a broken transfer too. */
  readonly failed: (error: unknown) => void
}

/** A scraper needs one; more at once are somebody else's load and wait for their turn outside. */
const MAX_SCRAPES = 8
const REQUEST_TIMEOUT_MS = 30_000

export class ScrapeServer {
  readonly #options: ScrapeServerOptions
  #server: Server | undefined
  #scrapes = 0

  constructor(options: ScrapeServerOptions) {
    this.#options = options
  }

  /** The port it listens on; 0 before start. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0
  }

  async start(): Promise<void> {
    const { tls, address, endpoint } = this.#options
    const server = await this.#create(tls)
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.headersTimeout = REQUEST_TIMEOUT_MS
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(errors.PROMETHEUS_LISTEN(endpoint, codeText(error))))
      server.listen({ port: address.port, ...(address.host === '' ? {} : { host: address.host }) }, resolve)
    })
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }

  async #create(tls: TlsServerConfig | undefined): Promise<Server> {
    const listener: RequestListener = (request, response) => {
      this.#answer(request, response).catch(this.#options.failed)
    }
    return tls === undefined ? createServer(listener) : createTlsServer(await serverTls(tls, 'tls'), listener)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0]
    if (path !== '/metrics') return plain(response, 404, 'Metrics are at /metrics\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(response, 405, 'Only GET\n')
    if (this.#scrapes >= MAX_SCRAPES) return plain(response, 503, 'Too many scrapes at once\n')
    this.#scrapes++
    try {
      await this.#scrape(request, response)
    } finally {
      this.#scrapes--
    }
  }

  async #scrape(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const format = negotiate(request.headers.accept, this.#options.openMetrics)
    response.setHeader('content-type', CONTENT_TYPES[format])
    response.setHeader('vary', 'accept, accept-encoding')
    if (request.method === 'HEAD') return void response.end()
    const source = Readable.from(this.#options.expose(format), { objectMode: true })
    if (!/\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '')) return pipeline(source, response)
    response.setHeader('content-encoding', 'gzip')
    return pipeline(source, createGzip({ level: 1 }), response)
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

function codeText(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? 'error'
}
