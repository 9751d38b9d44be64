// Cross-origin requests (the Fetch standard's CORS protocol), with the meaning of the Collector's `cors` block.

import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { CorsConfig } from './config.js'

const ALWAYS_ALLOWED = ['Accept', 'Content-Type', 'Content-Encoding', 'X-Requested-With']

export class Cors {
  readonly #origins: readonly RegExp[]
  readonly #headers: string
  readonly #anyHeader: boolean
  readonly #maxAge: number

  constructor(config: CorsConfig, authHeader: string | undefined) {
    this.#origins = config.allowed_origins.map(originPattern)
    const auth = authHeader === undefined ? [] : ['Authorization', authHeader]
    this.#headers = [...ALWAYS_ALLOWED, ...auth, ...config.allowed_headers].join(', ')
    this.#anyHeader = config.allowed_headers.includes('*')
    this.#maxAge = config.max_age
  }

  /** Adds what lets the page read the answer; nothing for origins that are not listed. */
  allow(headers: IncomingHttpHeaders, response: ServerResponse): void {
    const origin = headers.origin
    response.setHeader('vary', 'Origin')
    if (origin === undefined || !this.#origins.some(pattern => pattern.test(origin))) return
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-expose-headers', 'Retry-After')
  }

  /** Answers a preflight request. */
  preflight(headers: IncomingHttpHeaders, response: ServerResponse): void {
    this.allow(headers, response)
    response.setHeader('access-control-allow-methods', 'POST')
    response.setHeader('access-control-allow-headers', this.#allowedHeaders(headers))
    if (this.#maxAge > 0) response.setHeader('access-control-max-age', String(this.#maxAge))
    response.writeHead(204).end()
  }

  #allowedHeaders(headers: IncomingHttpHeaders): string {
    const asked = headers['access-control-request-headers']
    return this.#anyHeader && typeof asked === 'string' ? asked : this.#headers
  }
}

/** `*` stands for any text; everything else is meant literally, letters in either case. */
function originPattern(origin: string): RegExp {
  const literal = origin.split('*').map(part => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${literal.join('.*')}$`, 'i')
}
