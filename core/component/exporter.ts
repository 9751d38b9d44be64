// What an exporter is: one batch, a format, a back end. It never retries, queues or sleeps.

import type { Static, TSchema } from 'typebox'
import type { Signal } from '../otlp/signal.js'
import type { Batch } from './batch.js'
import type { ComponentContext, CounterSpec } from './context.js'
import type { Problem, Stability } from './declaration.js'
import type { Outcome } from './outcome.js'

/** What a back end takes at most in one request. Delivery merges and splits to these. */
export interface RequestLimits {
  /** Encoded, uncompressed bytes of one request. */
  readonly maxBytes: number
  /** Items in one request. */
  readonly maxItems: number
}

/**
 * A running exporter. Life cycle: create (pure) -> start (may fail, opens things) -> send* -> stop (safe twice, safe
 * without start). `send` may be called concurrently up to the queue's `num_consumers`; it must settle soon after `abort`.
 */
export interface Exporter {
  readonly limits: RequestLimits
  start?(): Promise<void>
  send(batch: Batch, abort: AbortSignal): Promise<Outcome>
  stop?(): Promise<void>
}

export interface ExporterDeclaration<S extends TSchema = TSchema, C extends string = string> {
  readonly kind: 'exporter'
  readonly type: string
  readonly aliases?: readonly string[]
  readonly signals: readonly Signal[]
  readonly stability: Stability
  /** One line for the reference page. */
  readonly about: string
  readonly schema: S
  readonly counters?: { readonly [K in C]: CounterSpec }
  validate?(config: Static<S>): readonly Problem[]
  /**
   * The config of process `n` (from 2) of a gateway with several on one machine, where they would be in each other's way
   * with the same one (a file, a port); as text: why there cannot be several. Left out: they can share it.
   */
  inProcess?(config: Static<S>, n: number): Static<S> | string
  create(config: Static<S>, context: ComponentContext<C>): Exporter
}

/** Declares an exporter type; exporters/index.ts lists the built-in ones. */
export function defineExporter<S extends TSchema, C extends string = never>(
  declaration: Omit<ExporterDeclaration<S, C>, 'kind'>
): ExporterDeclaration<S, C> {
  return { kind: 'exporter', ...declaration }
}
