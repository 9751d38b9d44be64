// Reads google.rpc.Status and Export<Signal>ServiceResponse independently of the product: protobufjs over their
// published definitions.

import protobuf from 'protobufjs'
import type { Signal } from '../../core/otlp/signal.js'

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message FieldViolation { string field = 1; string description = 2; }
  message BadRequest { repeated FieldViolation field_violations = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Partial { int64 rejected = 1; string error_message = 2; }
  message Response { Partial partial_success = 1; }
`)

export interface RpcStatus {
  readonly code: number
  readonly message: string
  readonly badRequest: readonly { field: string; description: string }[] | undefined
  readonly retryDelayMs: number | undefined
}

interface Detail {
  readonly type: string
  readonly value: Record<string, unknown>
}

/** Decodes a protobuf Status; throws when it is not one. */
export function statusFromProtobuf(bytes: Uint8Array): RpcStatus {
  const status = plain('Status', bytes) as {
    code?: number
    message?: string
    details?: { type_url: string; value: Buffer }[]
  }
  const details = (status.details ?? []).map(any => {
    const type = any.type_url.replace('type.googleapis.com/google.rpc.', '')
    return { type, value: plain(type, any.value) }
  })
  return statusOf(status.code ?? 0, status.message ?? '', details, value => {
    const delay = value['retry_delay'] as { seconds?: string; nanos?: number }
    return Number(delay.seconds ?? 0) * 1000 + (delay.nanos ?? 0) / 1e6
  })
}

/** Decodes a JSON Status; throws when it is not one. */
export function statusFromJson(text: string): RpcStatus {
  const status = JSON.parse(text) as { code: number; message: string; details?: Record<string, unknown>[] }
  const details = (status.details ?? []).map(value => ({
    type: String(value['@type']).replace('type.googleapis.com/google.rpc.', ''),
    value
  }))
  return statusOf(status.code, status.message, details, value => Number.parseFloat(String(value['retryDelay'])) * 1000)
}

function statusOf(
  code: number,
  message: string,
  details: readonly Detail[],
  delay: (value: Record<string, unknown>) => number
): RpcStatus {
  const bad = details.find(detail => detail.type === 'BadRequest')?.value
  const retry = details.find(detail => detail.type === 'RetryInfo')?.value
  return {
    code,
    message,
    badRequest: bad && ((bad['field_violations'] ?? bad['fieldViolations']) as RpcStatus['badRequest']),
    retryDelayMs: retry && delay(retry)
  }
}

/** Decodes a protobuf export response; `partial` is undefined when the field is unset, not when it is empty. */
export function responseFromProtobuf(bytes: Uint8Array): {
  partial: { rejected: number; message: string } | undefined
} {
  const response = plain('Response', bytes) as { partial_success?: { rejected?: string; error_message?: string } }
  const partial = response.partial_success
  return { partial: partial && { rejected: Number(partial.rejected ?? 0), message: partial.error_message ?? '' } }
}

/** JSON key of the rejected count. */
export const REJECTED_KEY: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords'
}

function plain(message: string, bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType(message)
  const camel = type.toObject(type.decode(bytes), { longs: String, bytes: Buffer, defaults: false })
  return snake(camel) as Record<string, unknown>
}

/** protobuf.parse makes camelCase of the names above. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake)
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`), snake(v)])
  )
}
