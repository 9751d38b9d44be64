// What travels through the gateway: encoded OTLP bytes and how many items they hold.

import type { Signal } from '../otlp/signal.js'

/**
 * One OTLP export request in protobuf encoding (`ExportTraceServiceRequest` and its sisters). The bytes are shared and
 * immutable: whoever wants other bytes makes a new batch.
 */
export interface Batch {
  readonly signal: Signal
  /** An encoded `Export<Signal>ServiceRequest`. */
  readonly bytes: Buffer
  /** Spans, data points or log records in `bytes`. */
  readonly items: number
}
