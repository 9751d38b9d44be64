// What a receiver hands over, and the few answers it may get. Receivers turn an answer into their protocol's own words
// by the table in core/net/answers.ts.

import type { Signal } from '../otlp/signal.js'

export type Answer =
  /** Durable. `rejected` > 0 or a message = partial success (OTLP partial_success). */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  /** The bytes are not OTLP, or every item was invalid: 400 / INVALID_ARGUMENT, never retried. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** Full or overloaded: 429 / UNAVAILABLE with a delay. */
  | { readonly kind: 'busy'; readonly message: string; readonly retryAfterMs: number }
  /** Cannot store now (disk full, queue away, stopping): 503 / UNAVAILABLE with a delay. */
  | { readonly kind: 'unavailable'; readonly message: string; readonly retryAfterMs: number }

/** Takes one encoded export request; settles when the answer may be given. Never rejects. */
export interface Intake {
  take(signal: Signal, bytes: Buffer, receiver: string): Promise<Answer>
  /** False while stopping or full: receivers may refuse before reading a body. */
  readonly isOpen: boolean
}
