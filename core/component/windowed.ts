// What a windowed processor is: it judges whole traces after the log. The runner (core/pipeline/windowed.ts) reads, indexes,
// times, writes and restarts; the processor says what it must know of each item and decides, synchronously.

import type { Static, TSchema } from 'typebox'
import type { Signal } from '../otlp/signal.js'
import type { ComponentContext, CounterSpec } from './context.js'
import type { Problem, Stability } from './declaration.js'

/** How long and how much a window holds. Times in milliseconds. */
export interface WindowSettings {
  /** From a trace's first item to its decision, at the latest. */
  readonly decisionWaitMs: number
  /** From its root span to its decision. */
  readonly afterRootMs: number
  /** How long a dropped trace can be brought back by a late error. */
  readonly lateErrorMs: number
  /** Log bytes that dropped traces may hold for that; beyond it the oldest go early. */
  readonly lateErrorBytes: number
  /** A trace with more items or bytes is decided early. */
  readonly maxTraceItems: number
  readonly maxTraceBytes: number
  /** Undecided traces; beyond it the oldest are decided early. */
  readonly maxTraces: number
  /** Kept traces remembered for items that come later still. */
  readonly maxKept: number
  /** The same of dropped ones. */
  readonly maxDropped: number
  /** Keeps everything, and marks what would have gone. */
  readonly dryRun: boolean
}

/** Asks for a yes or no about attributes: true when any item of the trace (or its resource) has one that passes. */
export interface AttributeCondition {
  readonly key: string
  /** `type` is the field number in AnyValue (1 string, 2 bool, 3 int, 4 double); its content is `buf[from..to)`. */
  test(buf: Buffer, type: number, from: number, to: number): boolean
}

/** Asks about a member of the W3C trace state. */
export interface TraceStateCondition {
  readonly key: string
  test(value: string): boolean
}

/** What the index knows of a trace. A view, reused: never keep it. */
export interface TraceFacts {
  readonly items: number
  readonly spans: number
  readonly bytes: number
  readonly hasError: boolean
  readonly hasRoot: boolean
  /** Bit 0: a span with status unset was seen, 1: ok, 2: error. */
  readonly statuses: number
  /** From the earliest start to the latest end of its spans, milliseconds. */
  readonly durationMs: number
  /** Name of the workflow; empty when no item said it. */
  readonly workflow: string
  /** Did attribute condition `i` (trace state condition `i`) hold for any item? */
  attribute(i: number): boolean
  traceState(i: number): boolean
  /** A span had the W3C trace flag `sampled`; false unless the processor asks for it. */
  readonly hasSampledFlag: boolean
  /** Upper 48 of the trace's 56 bits of randomness. */
  readonly randomness: number
}

/** What is to become of a trace. */
export interface Verdict {
  /** Name of the rule that decided, one of a bounded list. */
  rule: string
  /**
   * The trace is kept when its randomness is not below this: 0 = always, `NEVER` = never (core/sampling/threshold.ts).
   */
  threshold: number
  /** False when the chance of being kept is not known (a rate limit): then no weight is written. */
  isWeighted: boolean
  /** True: not even an error brings it back. */
  isFinal: boolean
}

/**
 * What made a decision due: the workflow was over, the time after the root span or since the first item had passed, the trace was
 * too large, there were too many undecided ones, or an error came late.
 */
export type DecisionTime = 'workflow_over' | 'after_root' | 'waited' | 'too_large' | 'too_many' | 'late_error'

export interface WindowedProcessor {
  readonly settings: WindowSettings
  readonly attributes: readonly AttributeCondition[]
  readonly traceStates: readonly TraceStateCondition[]
  /** True when `hasSampledFlag` is to be known. */
  readonly asksSampledFlag?: boolean
  /** Judges a trace whose window has closed. `now`: milliseconds since the epoch, log time. */
  decide(trace: TraceFacts, now: number): Verdict
  /** Told of every decision, and what made it due. */
  decided?(rule: string, isKept: boolean, trace: TraceFacts, when: DecisionTime): void
  start?(): Promise<void>
  stop?(): Promise<void>
}

export interface WindowedDeclaration<S extends TSchema = TSchema, C extends string = string> {
  readonly kind: 'processor'
  readonly type: string
  readonly aliases?: readonly string[]
  readonly signals: readonly Signal[]
  readonly stability: Stability
  readonly about: string
  readonly stage: 'windowed'
  readonly mutates: boolean
  readonly schema: S
  readonly counters?: { readonly [K in C]: CounterSpec }
  validate?(config: Static<S>): readonly Problem[]
  create(config: Static<S>, context: ComponentContext<C>): WindowedProcessor
}

/** Declares a windowed processor type; processors/index.ts lists the built-in ones. */
export function defineWindowed<S extends TSchema, C extends string = never>(
  declaration: Omit<WindowedDeclaration<S, C>, 'kind' | 'stage'>
): WindowedDeclaration<S, C> {
  return { kind: 'processor', stage: 'windowed', ...declaration }
}
