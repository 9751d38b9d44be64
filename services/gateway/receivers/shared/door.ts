// What both transports share between the socket and the intake: who may send, how many bytes may be under way, counting.

import type { Clock, Count, CounterSpec, Log } from '../../../../core/component/context.js'
import type { Cause, Refusal } from '../../../../core/net/answers.js'
import type { Signal } from '../../../../core/otlp/signal.js'
import type { Answer, Intake } from '../../../../core/pipeline/intake.js'
import type { Authenticator } from './auth.js'

/** Transport and encoding: a label of the counters. */
export type Kind = 'grpc' | 'http_protobuf' | 'http_json'

export const receiverCounters = {
  requests: {
    unit: '{request}',
    about: 'Export requests answered with success, partial success included.',
    label: 'transport'
  },
  refused: { unit: '{request}', about: 'Requests answered with an error.', label: 'reason' },
  aborted: {
    unit: '{request}',
    about: 'Requests the client gave up before it had sent them whole.',
    label: 'transport'
  },
  bytes: { unit: 'By', about: 'Bytes of request bodies as sent, before decompression.', label: 'transport' },
  key_uses: { unit: '{request}', about: 'Requests let in, by API key.', label: 'key' }
} as const satisfies Record<string, CounterSpec>

export type ReceiverCounts = { readonly [K in keyof typeof receiverCounters]: Count }

export interface ReceiverContext {
  readonly intake: Intake
  readonly log: Log
  readonly clock: Clock
  readonly count: ReceiverCounts
}

/** Delay told to clients when the receiver itself, not the intake, is full. */
const FULL_RETRY_MS = 1000

const UNAUTHENTICATED: Refusal = {
  cause: 'unauthenticated',
  message: 'No valid API key. Send it as Authorization: Bearer KEY.'
}
const CLOSED: Refusal = {
  cause: 'unavailable',
  message: 'The gateway takes no data at the moment.',
  retryAfterMs: FULL_RETRY_MS
}
const FULL: Refusal = { cause: 'busy', message: 'Too many bytes are under way.', retryAfterMs: FULL_RETRY_MS }

/** One receiver's door: both its servers go through the same one, so that the byte limit is one limit. */
export class Door {
  readonly log: Log
  readonly clock: Clock
  readonly count: ReceiverCounts
  readonly #id: string
  readonly #intake: Intake
  #auth: Authenticator | undefined
  #maxBytes: number
  #bytes = 0

  constructor(id: string, context: ReceiverContext, auth: Authenticator | undefined, maxInFlightBytes: number) {
    this.#id = id
    this.#intake = context.intake
    this.#auth = auth
    this.#maxBytes = maxInFlightBytes
    this.log = context.log
    this.clock = context.clock
    this.count = context.count
  }

  /** Other keys and another limit from the next request on. */
  adjust(auth: Authenticator | undefined, maxInFlightBytes: number): void {
    this.#auth = auth
    this.#maxBytes = maxInFlightBytes
  }

  /** Bytes of requests being read, inflated or waiting for their answer. */
  get inFlightBytes(): number {
    return this.#bytes
  }

  /** Why a request may not even be read; `declared` = its length if known, else 0. */
  refuse(headers: Readonly<Record<string, string | string[] | undefined>>, declared: number): Refusal | undefined {
    if (this.#auth !== undefined) {
      const name = this.#auth.check(headers)
      if (name === undefined) return UNAUTHENTICATED
      this.count.key_uses(1, name)
    }
    if (!this.#intake.isOpen) return CLOSED
    return this.#bytes + declared > this.#maxBytes && this.#bytes > 0 ? FULL : undefined
  }

  /** Charges bytes against `max_in_flight_bytes`; a refusal means they were not charged. One request always fits. */
  charge(bytes: number, alreadyHeld: number): Refusal | undefined {
    if (this.#bytes + bytes > this.#maxBytes && this.#bytes > alreadyHeld) return FULL
    this.#bytes += bytes
    return undefined
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }

  take(signal: Signal, bytes: Buffer): Promise<Answer> {
    return this.#intake.take(signal, bytes, this.#id)
  }

  refused(cause: Cause): void {
    this.count.refused(1, cause)
  }
}

/** The refusal an intake's answer means, or undefined when it was accepted. */
export function refusalOf(answer: Answer): Refusal | undefined {
  if (answer.kind === 'accepted') return undefined
  if (answer.kind === 'malformed') return { cause: 'malformed', message: answer.message }
  return { cause: answer.kind, message: answer.message, retryAfterMs: answer.retryAfterMs }
}

/** The refusal an error of decompression or JSON reading means. */
export function refusalOfError(error: unknown): Refusal {
  const { code, message } = error as { code?: unknown; message: string }
  if (code === 'BODY_TOO_LARGE') return { cause: 'too_large', message }
  if (code === 'ENCODING_UNSUPPORTED') return { cause: 'unsupported_encoding', message }
  if (code === 'BODY_CORRUPT' || code === 'OTLP_JSON') return { cause: 'malformed', message }
  return { cause: 'internal', message: 'The request could not be handled.' }
}
