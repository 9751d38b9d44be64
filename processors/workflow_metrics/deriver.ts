// The half behind the log: notes become totals. Every span once, whichever request, retry or replica brought it.

import { randomUUID } from 'node:crypto'
import type { Deriver } from '../../core/component/derived.js'
import { ActiveTraces } from './active.js'
import type { WorkflowMetricsConfig } from './config.js'
import { emitTotals } from './emit.js'
import { Exemplars } from './exemplars.js'
import {
  CACHE_HIT,
  CACHE_KNOWN,
  HAS_ATTEMPT,
  HAS_CACHE_SIZE,
  HAS_MEMORY,
  HAS_QUEUE_TIME,
  HAS_RANDOMNESS,
  HAS_THREADS,
  ID_BYTES,
  KIND_STEP,
  type NoteSeries,
  readNote,
  STATUS_ERROR
} from './note.js'
import { SeenSpans } from './seen.js'
import { type Counter, type StepTotals, type Timed, Totals, type TotalsState } from './totals.js'

const NANOS_PER_MS = 1e6
const VERSION = 1

/** Where the spans of a series of a note are counted. */
interface Target {
  readonly kind: number
  readonly isError: boolean
  readonly workflow: string
  readonly step: string
  readonly timed: Timed
  readonly counter: Counter | undefined
  readonly totals: StepTotals | undefined
}

interface State {
  readonly version: number
  readonly instance: string
  /** Writer of notes -> number of its last note that is counted, and when that came. */
  readonly counted: readonly (readonly [writer: string, number: number, atMs: number])[]
  readonly totals: TotalsState
}

export interface DeriverOptions {
  readonly config: WorkflowMetricsConfig
  /** Told of spans that were counted before. */
  readonly onDuplicates: (spans: number) => void
  /** Told once when a metric has more series than the budget. */
  readonly onOverflow: () => void
}

export class WorkflowDeriver implements Deriver {
  readonly #o: DeriverOptions
  readonly #seen: SeenSpans
  readonly #exemplars: Exemplars
  readonly #active: ActiveTraces
  readonly #counted = new Map<string, { number: number; atMs: number }>()
  #attempts = new Map<string, number>()
  #oldAttempts = new Map<string, number>()
  #generation = 0
  #totals: Totals
  #instance: string = randomUUID()
  #isOverflowing = false
  isChanged = false

  constructor(options: DeriverOptions) {
    const { config } = options
    this.#o = options
    this.#seen = new SeenSpans(config.dedupe.window, config.dedupe.max_spans)
    this.#exemplars = new Exemplars(config.exemplars)
    this.#active = new ActiveTraces(config.active_timeout)
    const { exponential, explicit } = config.histogram
    const shape = { maxSize: exponential.max_size, bounds: explicit?.buckets.map(ms => ms / 1000) }
    this.#totals = new Totals(shape, config.aggregation_cardinality_limit)
  }

  get generation(): number {
    return this.#seen.generation
  }

  /** State that cannot be read is an error of ours or of the disk; counting goes on from 0 as another instance. */
  restore(state: Buffer | undefined): void {
    if (state === undefined) return
    const { version, instance, counted, totals } = JSON.parse(state.toString()) as State
    if (version !== VERSION) return
    this.#instance = instance
    for (const [writer, number, atMs] of counted) this.#counted.set(writer, { number, atMs })
    this.#totals.restore(totals)
  }

  state(): Buffer {
    const state: State = {
      version: VERSION,
      instance: this.#instance,
      counted: [...this.#counted].map(([writer, { number, atMs }]) => [writer, number, atMs] as const),
      totals: this.#totals.state()
    }
    return Buffer.from(JSON.stringify(state))
  }

  take(notes: Buffer, atMs: number): void {
    this.#seen.turn(atMs)
    if (this.#seen.generation !== this.#generation) {
      this.#generation = this.#seen.generation
      this.#oldAttempts = this.#attempts
      this.#attempts = new Map()
    }
    let duplicates = 0
    for (let at = 0, note = readNote(notes, at); note !== undefined; at = note.end, note = readNote(notes, at)) {
      const last = this.#counted.get(note.writer)
      const isCounted = last !== undefined && note.number <= last.number
      if (!isCounted) this.#counted.set(note.writer, { number: note.number, atMs })
      else last.atMs = atMs
      duplicates += this.#note(notes, note, atMs, isCounted)
    }
    if (duplicates > 0) this.#o.onDuplicates(duplicates)
  }

  /** Reads the records of one note; how many spans were known. Counted notes are only remembered. */
  #note(
    buf: Buffer,
    {
      series,
      records,
      from
    }: { readonly series: readonly NoteSeries[]; readonly records: number; readonly from: number },
    atMs: number,
    isCounted: boolean
  ): number {
    const targets: (Target | undefined)[] = new Array(series.length)
    let duplicates = 0
    let p = from
    for (let i = 0; i < records; i++) {
      const at = p
      const nanos = buf.readDoubleLE(p + ID_BYTES)
      const index = buf[p + ID_BYTES + 8]! | (buf[p + ID_BYTES + 9]! << 8)
      const flags = buf[p + ID_BYTES + 10]!
      p += ID_BYTES + 11
      const dataAt = p
      if ((flags & HAS_ATTEMPT) !== 0) p += 4
      for (let bit = HAS_QUEUE_TIME; bit <= HAS_RANDOMNESS; bit <<= 1) if ((flags & bit) !== 0) p += 8
      const isNew = this.#seen.add(buf, at)
      if (isCounted) {
        if ((flags & HAS_ATTEMPT) !== 0) this.#retries(buf, at, series[index]!.step, buf.readUInt32LE(dataAt))
        continue
      }
      if (!isNew) {
        duplicates++
        continue
      }
      const target = (targets[index] ??= this.#target(series[index]!, atMs))
      const randomness = (flags & HAS_RANDOMNESS) !== 0 ? buf.readDoubleLE(p - 8) : -1
      target.timed.histogram.record(nanos)
      this.#exemplars.offer(target.timed, buf, at, nanos, target.isError, randomness, atMs)
      if (target.counter !== undefined) {
        target.counter.n++
        this.#active.ended(buf, at, target.workflow, atMs)
      } else if (target.totals !== undefined) this.#step(target, target.totals, buf, at, dataAt, flags, atMs)
    }
    if (!isCounted && duplicates < records) this.isChanged = true
    return duplicates
  }

  #target({ kind, status, workflow, step, errorType }: NoteSeries, atMs: number): Target {
    const totals = this.#totals
    const isError = status === STATUS_ERROR
    const said = isError ? 'error' : 'ok'
    const common = { kind, isError, workflow, step }
    if (kind === KIND_STEP) {
      const timed = totals.durations.get([workflow, step, said, errorType], atMs)
      return { ...common, timed, counter: undefined, totals: totals.steps.get([workflow, step], atMs) }
    }
    const timed = totals.workflows.get([workflow, said, errorType], atMs)
    const counter = isError ? totals.failed.get([workflow, errorType], atMs) : totals.completed.get([workflow], atMs)
    return { ...common, timed, counter, totals: undefined }
  }

  #step(target: Target, to: StepTotals, buf: Buffer, at: number, dataAt: number, flags: number, atMs: number): void {
    let p = dataAt
    if ((flags & CACHE_KNOWN) !== 0) {
      if ((flags & CACHE_HIT) !== 0) to.hits++
      else to.misses++
    }
    if ((flags & HAS_ATTEMPT) !== 0) {
      to.retries += this.#retries(buf, at, target.step, buf.readUInt32LE(p))
      p += 4
    }
    if ((flags & HAS_QUEUE_TIME) !== 0) {
      to.queue.record(Math.round(buf.readDoubleLE(p) * NANOS_PER_MS))
      p += 8
    }
    if ((flags & (HAS_MEMORY | HAS_THREADS | HAS_CACHE_SIZE)) !== 0) {
      if ((flags & HAS_MEMORY) !== 0) {
        to.memory = buf.readDoubleLE(p)
        p += 8
      }
      if ((flags & HAS_THREADS) !== 0) {
        to.threads = buf.readDoubleLE(p)
        p += 8
      }
      if ((flags & HAS_CACHE_SIZE) !== 0) to.cacheSize = buf.readDoubleLE(p)
    }
    this.#active.step(buf, at, target.workflow, atMs)
  }

  /** How many retries an attempt adds to what is known of the step in its trace. */
  #retries(buf: Buffer, at: number, step: string, attempt: number): number {
    if (this.#o.config.retries === 'sum') return attempt - 1
    const key = buf.toString('latin1', at, at + 16) + step
    const known = this.#attempts.get(key) ?? this.#oldAttempts.get(key) ?? 1
    if (attempt <= known) return 0
    this.#attempts.set(key, attempt)
    return attempt - known
  }

  emit(nowMs: number): Buffer | undefined {
    const { workflows, durations, steps, completed, failed } = this.#totals
    if (!this.#isOverflowing && [workflows, durations, steps, completed, failed].some(set => set.isOverflowing)) {
      this.#isOverflowing = true
      this.#o.onOverflow()
    }
    return emitTotals(this.#totals, this.#active.count(nowMs), {
      config: this.#o.config,
      instance: this.#instance,
      nowMs
    })
  }

  /** Exemplars are told once; writers of long ago are forgotten. */
  committed(): void {
    this.isChanged = false
    for (const set of [this.#totals.workflows, this.#totals.durations])
      for (const { value } of set.series()) if (value.exemplars.length > 0) value.exemplars = []
    let newest = 0
    for (const { atMs } of this.#counted.values()) newest = Math.max(newest, atMs)
    const { window } = this.#o.config.dedupe
    for (const [writer, { atMs }] of this.#counted)
      if (atMs < newest - 3 * window - 3_600_000) this.#counted.delete(writer)
  }
}
