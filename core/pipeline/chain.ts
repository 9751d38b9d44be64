// The inline processors of one pipeline as as few walks as their meaning allows.
//
// Processors run in configured order *per value*, so one walk can serve many: each value meets them one after the other.
// A new walk (pass) begins only where that order would show: before a processor that looks at whole items (`item`) when
// one before it may have changed them, and after one that adds attributes (`itemEnd`), which those behind it must see.

import type { InlineProcessor } from '../component/processor.js'
import type { Signal } from '../otlp/signal.js'
import type { Visitor } from '../otlp/views.js'
import { Walker } from '../otlp/walk.js'

/** One processor of a pipeline, in its place. */
export interface Stage {
  /** The processor's id in the config. */
  readonly id: string
  readonly processor: InlineProcessor
  /** Its declaration's `mutates`. */
  readonly mutates: boolean
}

export interface Dropped {
  readonly processor: string
  readonly reason: string
  readonly items: number
}

export interface ChainResult {
  /** The processed request; the same Buffer when nothing changed. Empty when `items` is 0. */
  readonly bytes: Buffer
  readonly items: number
  /** Items the request held. */
  readonly seen: number
  /** Items that were not valid OTLP, and why the first was not. */
  readonly rejected: number
  readonly rejectedWhy: string
  /** Items that processors dropped, by processor and reason. */
  readonly dropped: readonly Dropped[]
}

export interface ChainReport {
  /** A hook threw; what it looked at is gone. */
  failed(processor: string, error: unknown): void
}

const NONE: readonly Dropped[] = []

/** A pipeline's inline chain. Synchronous; one batch at a time. */
export class Chain {
  readonly #signal: Signal
  readonly #passes: readonly Walker[]
  readonly #stages: readonly Stage[]
  #dropped: { processor: string; reason: string; items: number }[] = []

  constructor(signal: Signal, stages: readonly Stage[], report: ChainReport) {
    this.#signal = signal
    this.#stages = stages
    const ids = new Map<Visitor, string>(stages.map(stage => [stage.processor, stage.id]))
    this.#passes = passesOf(stages).map(
      pass =>
        new Walker(
          signal,
          pass.map(stage => stage.processor),
          {
            dropped: (visitor, reason, items) => this.#drop(ids.get(visitor)!, reason, items),
            failed: (visitor, error) => report.failed(ids.get(visitor)!, error)
          }
        )
    )
  }

  /** How many walks a batch takes: 1 unless the order of processors needs more. */
  get passes(): number {
    return this.#passes.length
  }

  /** Checks and processes one encoded request. @throws MalformedError when it is no OTLP request of this signal. */
  run(bytes: Buffer): ChainResult {
    this.#dropped = []
    let current = this.#passes[0]!.walk(bytes)
    const { seen, rejected, rejectedWhy } = current
    for (let i = 1; i < this.#passes.length && current.items > 0; i++) current = this.#passes[i]!.walk(current.bytes)
    for (const stage of this.#stages) stage.processor.batchEnd?.(this.#signal)
    const dropped = this.#dropped.length === 0 ? NONE : this.#dropped
    return { bytes: current.bytes, items: current.items, seen, rejected, rejectedWhy, dropped }
  }

  #drop(processor: string, reason: string, items: number): void {
    const known = this.#dropped.find(row => row.processor === processor && row.reason === reason)
    if (known === undefined) this.#dropped.push({ processor, reason, items })
    else known.items += items
  }
}

/** Splits a chain into walks; the first one is always there, since it also checks the bytes. */
export function passesOf(stages: readonly Stage[]): readonly (readonly Stage[])[] {
  const passes: Stage[][] = [[]]
  let mutated = false
  let added = false
  for (const stage of stages) {
    if (added || (mutated && stage.processor.item !== undefined)) {
      passes.push([])
      mutated = added = false
    }
    passes.at(-1)!.push(stage)
    mutated ||= stage.mutates
    added ||= stage.processor.itemEnd !== undefined
  }
  return passes
}
