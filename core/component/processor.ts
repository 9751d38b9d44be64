// What a processor is. Inline processors are synchronous and fused: the chain walks a batch once and asks each
// processor, in configured order, at each place it declared. Windowed processors read the log instead (sampling).

import type { Static, TSchema } from 'typebox'
import type { Signal } from '../otlp/signal.js'
import type { Visitor } from '../otlp/views.js'
import type { ComponentContext, CounterSpec } from './context.js'
import type { Problem, Stability } from './declaration.js'
import type { DerivedSpec, Note } from './derived.js'

/**
 * A running inline processor: the hooks of the walk (core/otlp/views.ts `Visitor`) and a life cycle: create (pure) ->
 * start (may fail, may open things) -> work -> stop (safe twice, safe without start).
 *
 * A hook that throws fails closed: `attribute` and `value` cost the attribute or text they threw at, `item` and
 * `itemEnd` the item; counted as `processor_error`, never the batch.
 */
export interface InlineProcessor extends Visitor {
  /**
   * Sees each whole request as the processors in front of it left it, and may write a note that goes into the log with it
   * (`derives`). The bytes were checked. For those that read a few fields of every item and change none: a look of their
   * own costs less than hooks.
   */
  observe?(signal: Signal, request: Buffer): Note | undefined
  /** Notes in `count` parts by trace id, for a log that is cut into partitions; empty parts may be left out. */
  splitNotes?(notes: Buffer, count: number): readonly (Note & { readonly partition: number })[]
  /** After a batch's walk, e.g. to flush what was counted. */
  batchEnd?(signal: Signal): void
  start?(): Promise<void>
  stop?(): Promise<void>
}

export interface ProcessorDeclaration<S extends TSchema = TSchema, C extends string = string> {
  readonly kind: 'processor'
  readonly type: string
  readonly aliases?: readonly string[]
  readonly signals: readonly Signal[]
  readonly stability: Stability
  /** One line for the reference page. */
  readonly about: string
  /** `windowed` processors hold data over time and are placed after the log. */
  readonly stage: 'inline' | 'windowed'
  /** True when it may change bytes; the contract suite checks that others never do. */
  readonly mutates: boolean
  readonly schema: S
  readonly counters?: { readonly [K in C]: CounterSpec }
  /** It removes what must not be stored: those that write notes belong behind it. */
  readonly protects?: boolean
  /** It makes telemetry of its own out of the notes that `observe` writes. */
  readonly derives?: DerivedSpec<Static<S>>
  /** Cross-field checks; pure. */
  validate?(config: Static<S>): readonly Problem[]
  create(config: Static<S>, context: ComponentContext<C>): InlineProcessor
}

/** Declares a processor type; processors/index.ts lists the built-in ones. */
export function defineProcessor<S extends TSchema, C extends string = never>(
  declaration: Omit<ProcessorDeclaration<S, C>, 'kind'>
): ProcessorDeclaration<S, C> {
  return { kind: 'processor', ...declaration }
}
