// The inline processors of one pipeline as as few walks as their meaning allows.
//
// Processors run in configured order *per value*, so one walk can serve many: each value meets them one after the other.
// A new walk (pass) begins only where that order would show: before a processor that looks at whole items (`item`) when
// one before it may have changed them, and after one that adds attributes (`itemEnd`), which those behind it must see.
// Processors that look at whole requests (`observe`) do so between two walks or behind the last one.

import type { Note } from '../component/derived.js'
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

/** A processor's note about the request; it goes into the log with it. */
export interface ChainNote extends Note {
  readonly processor: string
  readonly split: InlineProcessor['splitNotes']
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
  readonly notes: readonly ChainNote[]
}

export interface ChainReport {
  /** A hook threw; what it looked at is gone. */
  failed(processor: string, error: unknown): void
}

const NONE: readonly Dropped[] = []
const NO_NOTES: readonly ChainNote[] = []

/** One walk and the processors that look at its result. */
interface Pass {
  readonly walker: Walker
  readonly observers: readonly Stage[]
}

/** A pipeline's inline chain. Synchronous; one batch at a time. */
export class Chain {
  readonly #signal: Signal
  readonly #passes: readonly Pass[]
  readonly #stages: readonly Stage[]
  readonly #report: ChainReport
  #dropped: { processor: string; reason: string; items: number }[] = []

  constructor(signal: Signal, stages: readonly Stage[], report: ChainReport) {
    this.#signal = signal
    this.#stages = stages
    this.#report = report
    const ids = new Map<Visitor, string>(stages.map(stage => [stage.processor, stage.id]))
    this.#passes = passesOf(stages).map(pass => ({
      walker: new Walker(
        signal,
        pass.filter(stage => !isObserver(stage)).map(stage => stage.processor),
        {
          dropped: (visitor, reason, items) => this.#drop(ids.get(visitor)!, reason, items),
          failed: (visitor, error) => report.failed(ids.get(visitor)!, error)
        }
      ),
      observers: pass.filter(isObserver)
    }))
  }

  /** How many walks a batch takes: 1 unless the order of processors needs more. */
  get passes(): number {
    return this.#passes.length
  }

  /** Checks and processes one encoded request. @throws MalformedError when it is no OTLP request of this signal. */
  run(bytes: Buffer): ChainResult {
    this.#dropped = []
    let notes = NO_NOTES
    let current = this.#passes[0]!.walker.walk(bytes)
    const { seen, rejected, rejectedWhy } = current
    for (let i = 0; i < this.#passes.length && current.items > 0; i++) {
      const { walker, observers } = this.#passes[i]!
      if (i > 0) current = walker.walk(current.bytes)
      if (observers.length > 0 && current.items > 0) notes = this.#observe(observers, current.bytes, notes)
    }
    for (const stage of this.#stages) stage.processor.batchEnd?.(this.#signal)
    const dropped = this.#dropped.length === 0 ? NONE : this.#dropped
    return { bytes: current.bytes, items: current.items, seen, rejected, rejectedWhy, dropped, notes }
  }

  #observe(observers: readonly Stage[], bytes: Buffer, before: readonly ChainNote[]): readonly ChainNote[] {
    const notes = [...before]
    for (const { id, processor } of observers) {
      try {
        const note = processor.observe!(this.#signal, bytes)
        if (note !== undefined) notes.push({ ...note, processor: id, split: processor.splitNotes })
      } catch (error) {
        this.#report.failed(id, error)
      }
    }
    return notes
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
  let observed = false
  for (const stage of stages) {
    if (!isObserver(stage) && (observed || added || (mutated && stage.processor.item !== undefined))) {
      passes.push([])
      mutated = added = observed = false
    }
    passes.at(-1)!.push(stage)
    observed ||= isObserver(stage)
    mutated ||= stage.mutates
    added ||= stage.processor.itemEnd !== undefined
  }
  return passes
}

function isObserver(stage: Stage): boolean {
  return stage.processor.observe !== undefined
}
