// What a processor is. Inline processors are synchronous and fused: the chain walks a batch once and asks each
// processor, in configured order, at each place it declared. Windowed processors read the log instead (sampling).

import type { Static, TSchema } from 'typebox'
import type { Signal } from '../otlp/signal.js'
import type { AttributeView, ItemView, ValueView } from '../otlp/views.js'
import type { ComponentContext, CounterSpec } from './context.js'
import type { Problem, Stability } from './declaration.js'

/**
 * A running inline processor: the hooks it has are the places it is asked at. Views are reused from call to call: never
 * keep one. Within one value the order is the configured order of processors; for one processor, `attribute` comes
 * before the `value`s inside that attribute.
 *
 * A hook that throws costs the item it threw at (dropped with reason `processor_error`), never the batch.
 */
export interface InlineProcessor {
  /**
   * At the start of each span, data point or log record, before its attributes; sees the item as earlier *passes* left
   * it. May read anything of the item and drop it.
   */
  item?(item: ItemView): void
  /** Each attribute of resource, scope, item, event, link, exemplar, metric metadata, and each pair of a nested map. */
  attribute?(attribute: AttributeView): void
  /** Each scalar that can carry text: attribute values (string, bytes, int, double; nested too), keys, names, messages, bodies. */
  value?(value: ValueView): void
  /** After the last attribute of an item: the place to add attributes (`item.insert`). */
  itemEnd?(item: ItemView): void
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
