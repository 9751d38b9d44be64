// What travels through the gateway: encoded OTLP bytes and how many items they hold.

import type { Signal } from '../otlp/signal.js'

/**
 * One OTLP export request in protobuf encoding (`ExportTraceServiceRequest` and its sisters). The bytes are shared and
 * immutable: whoever wants other bytes makes a new batch.
 */
export interface Batch {
  readonly signal: Signal
  /** An encoded `Export<Signal>ServiceRequest`. May be put together on first use: see `parts`. */
  readonly bytes: Buffer
  /**
   * The same bytes in pieces, when they were not put together yet: an exporter that can write them one after the other
   * saves the copy.
   */
  readonly parts?: readonly Buffer[]
  /** Spans, data points or log records in `bytes`. */
  readonly items: number
}
