// What a processor is that makes telemetry of its own out of what passes (metrics from spans): an inline half that writes a
// note for each request, and a half behind the log that reads the notes and makes totals of them.
//
//   chain -> request and note, in one commit -> log -> deriver -> metrics, totals and cursor, in one commit -> pipelines
//
// A request is counted when it was accepted and not otherwise, and once: what is not durable has no note, what was counted
// is in the totals that moved with the cursor (core/pipeline/derived.ts runs it).

import type { Signal } from '../otlp/signal.js'
import type { ComponentContext } from './context.js'

/** A note about a request. Notes one behind the other must be a valid note. */
export interface Note {
  readonly bytes: Buffer
  /** Items it tells of. */
  readonly items: number
}

/** The half behind the log, for one part of it: opaque to who runs it. Synchronous. */
export interface Deriver {
  /** Goes on from what `state` gave; called before anything else, `undefined` at the very first start. */
  restore(state: Buffer | undefined, nowMs: number): void
  /**
   * Takes the notes of one entry, in the order of the log. What is in the restored state already is known from the notes
   * themselves and counts no more. `atMs`: when the entry was appended.
   */
  take(notes: Buffer, atMs: number): void
  /**
   * Grows when memory of earlier notes is given up: notes taken two generations ago need not be read again by who starts
   * with the state.
   */
  readonly generation: number
  /** Whether `emit` would say something new. */
  readonly isChanged: boolean
  /** Everything that must not be lost. */
  state(): Buffer
  /** An encoded request of the derived signal: totals as of now; undefined when there are none yet. */
  emit(nowMs: number): Buffer | undefined
  /** What was emitted is committed. */
  committed(): void
}

/** The declaration's part for it. */
export interface DerivedSpec<Config> {
  /** The signal that comes out; pipelines of it name the processor among their `receivers`. */
  readonly signal: Signal
  /** How often totals are sent on, milliseconds. */
  intervalMs(config: Config): number
  create(config: Config, context: ComponentContext): Deriver
}
