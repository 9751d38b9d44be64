// gRPC answers on an HTTP/2 stream (gRPC over HTTP2, "Responses"): one message and trailers, or trailers only.

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type Refusal, responseProtobuf, STATUS, statusProtobuf } from '../../../../core/net/answers.js'

export const ACCEPTED_GRPC_ENCODINGS = 'identity,gzip,deflate,zstd'

const HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': 'application/grpc' }
/** No `date`: gRPC has no use for it. */
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false }
const TRAILERS_OK: OutgoingHttpHeaders = { 'grpc-status': '0' }
const LAST = { endStream: true, sendDate: false }
/** Five bytes of frame head, no message bytes: a response with `partial_success` unset. */
const EMPTY_FRAME = Buffer.alloc(5)

/** Answers OK with an Export<Signal>ServiceResponse. */
export function sendAccepted(stream: ServerHttp2Stream, rejected: number, message: string): void {
  if (stream.destroyed || stream.closed) return
  stream.on('wantTrailers', sendOkTrailers)
  stream.respond(HEADERS, WITH_TRAILERS)
  stream.end(rejected === 0 && message === '' ? EMPTY_FRAME : framed(responseProtobuf(rejected, message)))
}

function sendOkTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(TRAILERS_OK)
}

/** Answers an error by trailers only, with the google.rpc.Status as `grpc-status-details-bin`. */
export function sendRefusal(stream: ServerHttp2Stream, refusal: Refusal): void {
  if (stream.destroyed || stream.closed) return
  const headers: OutgoingHttpHeaders = {
    ...HEADERS,
    'grpc-status': String(STATUS[refusal.cause].grpc),
    'grpc-message': percentEncoded(refusal.message)
  }
  if (refusal.cause === 'malformed' || refusal.retryAfterMs !== undefined) {
    headers['grpc-status-details-bin'] = statusProtobuf(refusal).toString('base64').replace(/=+$/, '')
  }
  if (refusal.cause === 'unsupported_encoding') headers['grpc-accept-encoding'] = ACCEPTED_GRPC_ENCODINGS
  stream.respond(headers, LAST)
  // What is still coming is not wanted: NO_ERROR after a whole answer says so (RFC 9113 section 8.1).
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}

/** Answers what is not gRPC at all with a plain HTTP status (gRPC over HTTP2, "Content-Type"). */
export function sendHttpStatus(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': status }, LAST)
  stream.close(constants.NGHTTP2_NO_ERROR)
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return frame
}

/** Status-Message: UTF-8, everything but printable ASCII and `%` percent-encoded. */
function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]+/gu, part =>
    [...Buffer.from(part)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  )
}
