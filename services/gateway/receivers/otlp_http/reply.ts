// Writes OTLP/HTTP answers in the request's encoding: Export<Signal>ServiceResponse or google.rpc.Status.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type Cause,
  EMPTY_JSON,
  type Refusal,
  responseJson,
  responseProtobuf,
  retryAfterSeconds,
  STATUS,
  statusJson,
  statusProtobuf
} from '../../../../core/net/answers.js'
import { ACCEPTED_ENCODINGS } from '../../../../core/net/compression.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import { ignore } from './body.js'

export type Encoding = 'protobuf' | 'json'

const MEDIA_TYPE: Readonly<Record<Encoding, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' }

/** Bytes of an unwanted body that are read and thrown away so that the client gets to read its answer. */
const LINGER_BYTES = 4 * 1024 * 1024

/** Encoding of a Content-Type, parameters ignored; undefined when it is not one of OTLP's. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  if (contentType === MEDIA_TYPE.protobuf) return 'protobuf'
  if (contentType === MEDIA_TYPE.json) return 'json'
  if (contentType === undefined) return undefined
  const semicolon = contentType.indexOf(';')
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  return type === MEDIA_TYPE.protobuf ? 'protobuf' : type === MEDIA_TYPE.json ? 'json' : undefined
}

/** Answers 200: `partial_success` is set only when something was rejected or said. */
export function sendAccepted(
  response: ServerResponse,
  signal: Signal,
  encoding: Encoding,
  rejected: number,
  message: string
): void {
  const body = encoding === 'json' ? responseJson(signal, rejected, message) : responseProtobuf(rejected, message)
  response.writeHead(200, { 'content-type': MEDIA_TYPE[encoding], 'content-length': body.length })
  // A string goes out in one piece with the headers, a Buffer in a second one.
  if (body.length === 0) response.end()
  else if (body === EMPTY_JSON) response.end('{}', 'latin1')
  else response.end(body)
}

/** Answers a refusal whose request has been read to its end. */
export function sendRefusal(response: ServerResponse, refusal: Refusal, encoding: Encoding | undefined): void {
  response.end(writeRefusalHead(response, refusal, encoding))
}

/**
 * Answers a refusal while the body is still coming. What is left of it is read and thrown away, up to LINGER_BYTES:
 * closing at once would reset the connection and could lose the answer on its way.
 */
export function sendEarlyRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: Refusal,
  encoding: Encoding | undefined
): void {
  response.setHeader('connection', 'close')
  request.on('error', ignore)
  const body = writeRefusalHead(response, refusal, encoding)
  if (request.complete) return void response.end(body)
  let left = LINGER_BYTES
  response.write(body)
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) request.socket.destroy()
  })
  request.on('end', () => response.end())
  request.resume()
}

function writeRefusalHead(response: ServerResponse, refusal: Refusal, encoding: Encoding | undefined): Buffer {
  const body = encoding === 'protobuf' ? statusProtobuf(refusal) : statusJson(refusal)
  const { retryAfterMs } = refusal
  if (retryAfterMs !== undefined) response.setHeader('retry-after', String(retryAfterSeconds(retryAfterMs)))
  if (refusal.cause === 'unauthenticated') response.setHeader('www-authenticate', 'Bearer')
  if (refusal.cause === 'unsupported_encoding') response.setHeader('accept-encoding', ACCEPTED_ENCODINGS)
  response.writeHead(STATUS[refusal.cause].http, {
    'content-type': MEDIA_TYPE[encoding ?? 'json'],
    'content-length': body.length
  })
  return body
}

const BAD_REQUEST: Refusal = { cause: 'malformed', message: 'The HTTP request is malformed.' }
const PARSER_REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { cause: 'headers_too_large', message: 'The request headers are larger than max_header_size.' },
  ERR_HTTP_REQUEST_TIMEOUT: { cause: 'timeout', message: 'The request did not arrive in time.' }
}

/**
 * Answers what Node's parser or its timers refused, where there is no request object yet. Returns the cause, or undefined
 * when the client just went away.
 */
export function sendParserRefusal(error: NodeJS.ErrnoException, socket: Socket): Cause | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const refusal = PARSER_REFUSALS[error.code ?? ''] ?? BAD_REQUEST
  const body = statusJson(refusal)
  const head = `HTTP/1.1 ${STATUS[refusal.cause].http} ${refusal.cause}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
  socket.end(Buffer.concat([Buffer.from(head), body]), () => socket.destroySoon())
  return refusal.cause
}
