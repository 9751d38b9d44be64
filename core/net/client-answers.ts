// Reading what an OTLP back end answers: partial success, google.rpc.Status, RetryInfo, Retry-After. Tiny readers with
// bounds: a back end is as little trusted as a client.

import type { Signal } from '../otlp/signal.js'

/** Bytes of an answer that are looked at. */
export const MAX_ANSWER_BYTES = 64 * 1024

export interface PartialSuccess {
  readonly rejected: number
  readonly message: string
}

const REJECTED_JSON: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords'
}
const NONE: PartialSuccess = { rejected: 0, message: '' }

/** `Export*ServiceResponse` in protobuf: field 1 partial_success { 1 rejected, 2 error_message }. Nonsense reads as none. */
export function partialSuccessProtobuf(bytes: Buffer): PartialSuccess {
  if (bytes.length === 0) return NONE
  let [rejected, message] = [0, '']
  for (const partial of fields(bytes)) {
    if (partial.number !== 1 || partial.bytes === undefined) continue
    for (const field of fields(partial.bytes)) {
      if (field.number === 1 && field.value !== undefined) rejected = count(field.value)
      if (field.number === 2 && field.bytes !== undefined) message = field.bytes.toString('utf8')
    }
  }
  return { rejected, message }
}

/** The same in OTLP/JSON. */
export function partialSuccessJson(signal: Signal, bytes: Buffer): PartialSuccess {
  const partial = (json(bytes) as { partialSuccess?: Record<string, unknown> } | undefined)?.partialSuccess
  if (typeof partial !== 'object' || partial === null) return NONE
  const message = partial['errorMessage']
  return { rejected: count(partial[REJECTED_JSON[signal]]), message: typeof message === 'string' ? message : '' }
}

/** `message` of a google.rpc.Status, whatever encoding the back end chose; undefined when it is none. */
export function statusMessage(contentType: string, bytes: Buffer): string | undefined {
  if (contentType.startsWith('application/json')) {
    const message = (json(bytes) as { message?: unknown } | undefined)?.message
    return typeof message === 'string' && message !== '' ? message : undefined
  }
  if (contentType.startsWith('application/x-protobuf')) {
    for (const field of fields(bytes))
      if (field.number === 2 && field.bytes?.length) return field.bytes.toString('utf8')
    return undefined
  }
  const text = contentType.startsWith('text/plain') ? bytes.toString('utf8').trim() : ''
  return text === '' ? undefined : text
}

/**
 * `retry_delay` of a google.rpc.RetryInfo among the details of a google.rpc.Status (`grpc-status-details-bin`), in
 * milliseconds; undefined without one.
 */
export function retryDelayMs(status: Buffer): number | undefined {
  for (const detail of fields(status)) {
    if (detail.number !== 3 || detail.bytes === undefined) continue
    let [type, value] = ['', Buffer.alloc(0) as Buffer]
    for (const field of fields(detail.bytes)) {
      if (field.number === 1 && field.bytes) type = field.bytes.toString('latin1')
      if (field.number === 2 && field.bytes) value = field.bytes
    }
    if (!type.endsWith('/google.rpc.RetryInfo')) continue
    for (const field of fields(value)) if (field.number === 1 && field.bytes) return durationMs(field.bytes)
    return 0
  }
  return undefined
}

/** `Retry-After`: seconds or an HTTP date (RFC 9110 section 10.2.3), in milliseconds from `now`. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (!/[a-z]/i.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

function durationMs(bytes: Buffer): number {
  let ms = 0
  for (const { number, value } of fields(bytes)) {
    if (number === 1) ms += count(value) * 1000
    if (number === 2) ms += count(value) / 1e6
  }
  return Math.ceil(ms)
}

/** A count from a back end: a whole number from 0; everything else is 0. */
function count(value: unknown): number {
  const n = typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value
  return typeof n === 'number' && Number.isSafeInteger(n) && n > 0 ? n : 0
}

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

interface WireField {
  readonly number: number
  readonly value: bigint | undefined
  readonly bytes: Buffer | undefined
}

/** The fields of one message; ends quietly at the first byte that makes no sense. */
function* fields(bytes: Buffer): Generator<WireField> {
  let at = 0
  const varint = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    return undefined
  }
  while (at < bytes.length) {
    const tag = varint()
    if (tag === undefined) return
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)]
    if (wire === 0) {
      const value = varint()
      if (value === undefined) return
      yield { number, value, bytes: undefined }
    } else if (wire === 2) {
      const length = varint()
      if (length === undefined || length < 0n || length > BigInt(bytes.length - at)) return
      yield { number, value: undefined, bytes: bytes.subarray(at, (at += Number(length))) }
    } else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else return
  }
}
