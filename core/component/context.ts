// What every component is handed when it is created: its own log, its own counters, time. Nothing global.

import type { Signal } from '../otlp/signal.js'

/** Structured log; never pass telemetry values, only names, counts, codes. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Time, injected so that tests move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fn` once after `ms`; the handle cancels. Timers never keep the process alive by themselves. */
  after(ms: number, fn: () => void): { cancel(): void }
}

/** A monotonic counter; `labels` come from a fixed, bounded list. */
export type Count = (n: number, label?: string) => void

/** What the gateways of a cluster tell each other, so that a target for all of them can be shared out. */
export interface SharedRates {
  /**
   * Says how much of `name` this component sees in its place (pipeline, window), units a second, and gives the part of a
   * target for that place on all gateways that is its own: above 0, at most 1. Answers at once from what is known; while the
   * others cannot be reached the parts are equal.
   */
  part(name: string, rate: number): number
}

/** Which workflow a trace belongs to and which step a span is, as far as the spans that passed this gateway told. */
export interface TraceNames {
  /** `trace`, `span`: the ids' bytes. */
  workflowId(trace: Buffer): string | undefined
  stepName(trace: Buffer, span: Buffer): string | undefined
  /** A record that knows its workflow tells it for the others of its trace. */
  noteWorkflow(trace: Buffer, id: string): void
}

export interface ComponentContext<C extends string = string> {
  /** The id in the config file: `redaction` or `redaction/strict`. */
  readonly id: string
  readonly log: Log
  readonly clock: Clock
  /** One function per counter the component declared. */
  readonly count: { readonly [K in C]: Count }
  /**
   * A random secret that this installation made at its first start and keeps in its data directory; undefined where it
   * has none. What is hashed under it agrees over restarts, not over replicas.
   */
  readonly installationKey?: string
  /** That of the pipeline it stands in; undefined where it may see several. */
  readonly signal?: Signal
  /** True when a processor behind this one, in the same pipeline, judges whole traces. */
  readonly isTraceJudged?: boolean
  /** Undefined where this gateway is the only one. */
  readonly rates?: SharedRates
  /** Asked for at creation by who needs it: spans are looked at for it from then on. Undefined in tests without it. */
  readonly traceNames?: TraceNames
}

/** A counter's declaration: exported as `algoflow_gateway_<kind>_<name>_total`, labelled with the component's id. */
export interface CounterSpec {
  /** UCUM, items in braces: `{span}`, `By`. */
  readonly unit: string
  readonly about: string
  /** The one extra label's name, where the counter has one (`detector`, `reason`). */
  readonly label?: string
}
