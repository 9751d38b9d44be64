// OTLP/HTTP as a fastify plug-in: POST on one path per signal, protobuf and JSON, every error a google.rpc.Status.
//
// Fastify routes; the body is read here, because all of what makes a request unwanted (key, encoding, length, a full
// gateway) is known before its body, and because a body of known length then needs no second copy.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Refusal } from '../../../../core/net/answers.js'
import { ACCEPTED_ENCODINGS, isSupportedEncoding } from '../../../../core/net/compression.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import { type Door, refusalOfError } from '../shared/door.js'
import { declaredLength, readBody, tooLarge } from './body.js'
import type { HttpConfig } from './config.js'
import { Cors } from './cors.js'
import { Exchange, type JsonToProtobuf, type Route } from './exchange.js'
import { type Encoding, encodingOf, sendEarlyRefusal } from './reply.js'

export interface OtlpHttpOptions {
  readonly door: Door
  readonly config: HttpConfig
  readonly jsonToProtobuf: JsonToProtobuf
  /** Header that may carry an API key, for CORS; undefined without `auth`. */
  readonly authHeader: string | undefined
  /** True while stopping: answers then close their connection. */
  readonly isStopping: () => boolean
}

const METHODS_REFUSED = ['GET', 'PUT', 'PATCH', 'DELETE'] as const
const NOT_FOUND: Refusal = {
  cause: 'not_found',
  message: 'Nothing is served here. OTLP is taken at /v1/traces, /v1/metrics and /v1/logs.'
}
const NOT_ALLOWED: Refusal = { cause: 'method_not_allowed', message: 'Only POST is allowed here.' }
const NO_MEDIA_TYPE: Refusal = {
  cause: 'unsupported_media_type',
  message: 'Content-Type must be application/x-protobuf or application/json.'
}
const NO_ENCODING: Refusal = {
  cause: 'unsupported_encoding',
  message: `Content-Encoding is not supported. Supported: ${ACCEPTED_ENCODINGS}.`
}

/** The plug-in. Register it on a fastify instance of its own: it replaces the body parsers and the error answers. */
export async function otlpHttp(app: FastifyInstance, options: OtlpHttpOptions): Promise<void> {
  const { door, config } = options
  const cors = config.cors === undefined ? undefined : new Cors(config.cors, options.authHeader)
  const respond = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): void => {
    reply.hijack()
    prepare(options, cors, request.raw, reply.raw)
    door.refused(refusal.cause)
    sendEarlyRefusal(request.raw, reply.raw, refusal, encodingOf(request.headers['content-type']))
  }
  app.removeAllContentTypeParsers()
  // Nothing is read here; the handler does it. Also keeps fastify from refusing a content type before we can.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setNotFoundHandler((request, reply) => respond(request, reply, NOT_FOUND))
  app.setErrorHandler((error, request, reply) => {
    const isMediaType = (error as { statusCode?: number }).statusCode === 415
    if (!isMediaType) door.log.error({ code: (error as { code?: string }).code }, 'request failed')
    respond(request, reply, isMediaType ? NO_MEDIA_TYPE : refusalOfError(error))
  })
  for (const [path, signal] of paths(config)) {
    const exchange = exchangeFor(signal, options, cors)
    app.post(path, {
      // Taken over before fastify parses the content type (measured: a fifth of a small request's cost).
      onRequest: (request, reply) => {
        reply.hijack()
        exchange(request.raw, reply.raw)
      },
      handler: () => undefined
    })
    app.route({
      method: [...METHODS_REFUSED],
      url: path,
      handler: (request, reply) => {
        reply.raw.setHeader('allow', 'POST')
        respond(request, reply, NOT_ALLOWED)
      }
    })
    app.options(path, (request, reply) => {
      if (cors === undefined) {
        reply.raw.setHeader('allow', 'POST')
        return respond(request, reply, NOT_ALLOWED)
      }
      reply.hijack()
      cors.preflight(request.headers, reply.raw)
    })
  }
}

function paths(config: HttpConfig): [string, Signal][] {
  return [
    [config.traces_url_path, 'traces'],
    [config.metrics_url_path, 'metrics'],
    [config.logs_url_path, 'logs']
  ]
}

/** Headers that every answer of this connection or origin needs. */
function prepare(
  options: OtlpHttpOptions,
  cors: Cors | undefined,
  request: IncomingMessage,
  response: ServerResponse
): void {
  if (cors !== undefined) cors.allow(request.headers, response)
  if (options.isStopping() || !options.config.keep_alives_enabled) response.setHeader('connection', 'close')
}

/** Handles one POST of a signal, from headers to answer. */
function exchangeFor(signal: Signal, options: OtlpHttpOptions, cors: Cors | undefined) {
  const { door, config } = options
  const limit = config.max_request_body_size
  const route: Route = { signal, door, limit, jsonToProtobuf: options.jsonToProtobuf }
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { headers } = request
    const encoding = encodingOf(headers['content-type'])
    const compression = headers['content-encoding']?.toLowerCase()
    prepare(options, cors, request, response)
    const refusal = refuseByHeaders(request, encoding, compression)
    if (refusal !== undefined) {
      door.refused(refusal.cause)
      return sendEarlyRefusal(request, response, refusal, encoding)
    }
    if (headers.expect !== undefined) response.writeContinue()
    readBody(request, door, limit, new Exchange(route, request, response, encoding!, compression))
  }

  function refuseByHeaders(
    request: IncomingMessage,
    encoding: Encoding | undefined,
    compression: string | undefined
  ): Refusal | undefined {
    const declared = declaredLength(request) ?? 0
    const refusal = door.refuse(request.headers, declared)
    if (refusal !== undefined) return refusal
    if (encoding === undefined) return NO_MEDIA_TYPE
    if (!isSupportedEncoding(compression)) return NO_ENCODING
    return declared > limit ? { cause: 'too_large', message: tooLarge(limit) } : undefined
  }
}
