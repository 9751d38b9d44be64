// One table from what happened to what the client is told, and the few protobuf messages that say it:
// google.rpc.Status with BadRequest and RetryInfo details, and Export<Signal>ServiceResponse.
//
// OTLP specification, "OTLP/gRPC Response", "OTLP/HTTP Response" and "Failures". Overload is UNAVAILABLE / 429 / 503
// with a delay, never a bare RESOURCE_EXHAUSTED: clients drop data on that one.

import type { Signal } from '../otlp/signal.js'

/** Why a request was refused. Also the label of the receivers' `refused` counter: a bounded list. */
export type Cause =
  | 'malformed'
  | 'unauthenticated'
  | 'not_found'
  | 'method_not_allowed'
  | 'timeout'
  | 'too_large'
  | 'unsupported_media_type'
  | 'unsupported_encoding'
  | 'headers_too_large'
  | 'busy'
  | 'unavailable'
  | 'cancelled'
  | 'internal'

export interface StatusPair {
  readonly http: number
  readonly grpc: number
}

/** HTTP status and gRPC code of each cause. */
export const STATUS: Readonly<Record<Cause, StatusPair>> = {
  malformed: { http: 400, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  not_found: { http: 404, grpc: 12 },
  method_not_allowed: { http: 405, grpc: 12 },
  timeout: { http: 408, grpc: 4 },
  too_large: { http: 413, grpc: 8 },
  unsupported_media_type: { http: 415, grpc: 3 },
  unsupported_encoding: { http: 415, grpc: 12 },
  headers_too_large: { http: 431, grpc: 8 },
  busy: { http: 429, grpc: 14 },
  unavailable: { http: 503, grpc: 14 },
  cancelled: { http: 499, grpc: 1 },
  internal: { http: 500, grpc: 13 }
}

/** A refusal on its way to a client. `message` is ours or the intake's: never a telemetry value. */
export interface Refusal {
  readonly cause: Cause
  readonly message: string
  /** When the client may try again, for `busy` and `unavailable`. */
  readonly retryAfterMs?: number
}

/** `Retry-After` in whole seconds, rounded up: coming early is what it should prevent. */
export function retryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}

/** google.rpc.Status in protobuf: what OTLP/HTTP error bodies and `grpc-status-details-bin` hold. */
export function statusProtobuf(refusal: Refusal): Buffer {
  const parts = [varintField(1, STATUS[refusal.cause].grpc), stringField(2, refusal.message)]
  if (refusal.cause === 'malformed') parts.push(bytesField(3, any('google.rpc.BadRequest', badRequest(refusal))))
  if (refusal.retryAfterMs !== undefined) {
    parts.push(bytesField(3, any('google.rpc.RetryInfo', retryInfo(refusal.retryAfterMs))))
  }
  return Buffer.concat(parts)
}

/** google.rpc.Status in protobuf JSON. */
export function statusJson(refusal: Refusal): Buffer {
  const details: object[] = []
  if (refusal.cause === 'malformed') {
    const fieldViolations = [{ field: VIOLATED_FIELD, description: refusal.message }]
    details.push({ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations })
  }
  if (refusal.retryAfterMs !== undefined) {
    const retryDelay = `${Math.max(0, Math.round(refusal.retryAfterMs)) / 1000}s`
    details.push({ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay })
  }
  const status = { code: STATUS[refusal.cause].grpc, message: refusal.message }
  return Buffer.from(JSON.stringify(details.length > 0 ? { ...status, details } : status))
}

export const EMPTY_PROTOBUF = Buffer.alloc(0)
export const EMPTY_JSON = Buffer.from('{}')

/** Export<Signal>ServiceResponse: `partial_success` is left unset on full success (0 bytes, not an empty message). */
export function responseProtobuf(rejected: number, message: string): Buffer {
  if (rejected === 0 && message === '') return EMPTY_PROTOBUF
  const parts = rejected === 0 ? [] : [varintField(1, rejected)]
  if (message !== '') parts.push(stringField(2, message))
  return bytesField(1, Buffer.concat(parts))
}

const REJECTED_KEY: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords'
}

/** The same in OTLP JSON: 64-bit integers are decimal strings. */
export function responseJson(signal: Signal, rejected: number, message: string): Buffer {
  if (rejected === 0 && message === '') return EMPTY_JSON
  const partialSuccess: Record<string, string> = {}
  if (rejected !== 0) partialSuccess[REJECTED_KEY[signal]] = String(rejected)
  if (message !== '') partialSuccess['errorMessage'] = message
  return Buffer.from(JSON.stringify({ partialSuccess }))
}

/** The place a BadRequest points at. Finer places would have to quote the data. */
const VIOLATED_FIELD = 'body'

function badRequest(refusal: Refusal): Buffer {
  return bytesField(1, Buffer.concat([stringField(1, VIOLATED_FIELD), stringField(2, refusal.message)]))
}

/** RetryInfo { Duration retry_delay = 1 }; Duration { int64 seconds = 1; int32 nanos = 2 }. */
function retryInfo(delayMs: number): Buffer {
  const ms = Math.max(0, Math.round(delayMs))
  const nanos = (ms % 1000) * 1e6
  const duration = [varintField(1, Math.floor(ms / 1000)), nanos === 0 ? EMPTY_PROTOBUF : varintField(2, nanos)]
  return bytesField(1, Buffer.concat(duration))
}

function any(type: string, value: Buffer): Buffer {
  return Buffer.concat([stringField(1, `type.googleapis.com/${type}`), bytesField(2, value)])
}

function varintField(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)])
}

function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text))
}

function bytesField(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}
