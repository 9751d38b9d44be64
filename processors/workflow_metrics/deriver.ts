// The half behind the log: notes become totals. Every span once, whichever request, retry or replica brought it.

import { randomUUID } from 'node:crypto'
import type { Deriver } from '../../core/component/derived.js'
import { ActiveTraces } from './active.js'
import type { WorkflowMetricsConfig } from './config.js'
import { emitTotals } from './emit.js'
import { Exemplars } from './exemplars.js'
import { TimeHistogram } from './histogram.js'
import { MAX_NAME, Names } from './names.js'
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
  type NoteHead,
  type NoteSeries,
  RECORD_SIZES,
  readNote,
  readSeries,
  STATUS_ERROR,
  seriesEnd
} from './note.js'
import { SeenSpans } from './seen.js'
import { type Counter, type StepTotals, type Timed, Totals, type TotalsState } from './totals.js'
import { type Held, type HeldState, UnnamedSteps } from './unnamed.js'
import { type WriterState, Writers } from './writers.js'

const NANOS_PER_MS = 1e6
const VERSION = 1

/** Series of notes whose targets are remembered, and the longest one in bytes. */
const TARGETS_KEPT = 16_384
const LONGEST_SERIES = 2 + 3 * (2 + MAX_NAME)

/** More attempts at a step than this count as this many. */
const MOST_ATTEMPTS = 1000

/** Where the spans of a series of a note are counted. */
interface Target {
  readonly isError: boolean
  /** As `ActiveTraces` numbers it. */
  readonly workflow: number
  /** Hash of its name. */
  readonly step: number
  readonly timed: Timed
  readonly counter: Counter | undefined
  readonly totals: StepTotals | undefined
  readonly name: string
  /** A step that does not say its workflow: nothing is counted here. */
  readonly unnamed: NoteSeries | undefined
}

const NOWHERE: Target = {
  isError: false,
  workflow: 0,
  step: 0,
  timed: { histogram: new TimeHistogram({ maxSize: 2, bounds: undefined }), exemplars: [] },
  counter: undefined,
  totals: undefined,
  name: '',
  unnamed: undefined
}

interface State {
  readonly version: number
  readonly instance: string
  readonly writers: readonly (readonly [writer: string, WriterState])[]
  /** Steps that wait for the name of their workflow. */
  readonly unnamed: readonly HeldState[]
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
  readonly #keys = new Names(LONGEST_SERIES)
  /** By number in `#keys`. */
  readonly #targets: (Target | undefined)[] = [undefined]
  readonly #noteTargets: Target[] = []
  readonly #writers = new Writers()
  readonly #unnamed: UnnamedSteps
  #totals: Totals
  #instance: string = randomUUID()
  #isOverflowing = false
  #isChanged = false

  constructor(options: DeriverOptions) {
    const { config } = options
    this.#o = options
    this.#seen = new SeenSpans(config.dedupe.window, config.dedupe.max_spans)
    this.#exemplars = new Exemplars(config.exemplars)
    this.#active = new ActiveTraces(config.active_timeout)
    this.#unnamed = new UnnamedSteps(config.workflow_name_wait)
    const { exponential, explicit } = config.histogram
    const shape = { maxSize: exponential.max_size, bounds: explicit?.buckets.map(ms => ms / 1000) }
    this.#totals = new Totals(shape, config.aggregation_cardinality_limit)
  }

  /** Also while steps wait: it may be time for one. */
  get isChanged(): boolean {
    return this.#isChanged || this.#unnamed.count > 0
  }

  get generation(): number {
    return this.#seen.generation
  }

  /** State that cannot be read is an error of ours or of the disk; counting goes on from 0 as another instance. */
  restore(state: Buffer | undefined): void {
    if (state === undefined) return
    const { version, instance, writers, unnamed, totals } = JSON.parse(state.toString()) as State
    if (version !== VERSION) return
    this.#instance = instance
    this.#writers.restore(writers)
    this.#unnamed.restore(unnamed)
    this.#totals.restore(totals)
  }

  state(): Buffer {
    const state: State = {
      version: VERSION,
      instance: this.#instance,
      writers: this.#writers.state(),
      unnamed: this.#unnamed.state(),
      totals: this.#totals.state()
    }
    return Buffer.from(JSON.stringify(state))
  }

  take(notes: Buffer, atMs: number): void {
    if (this.#seen.turn(atMs)) this.#writers.turn(atMs)
    const view = new DataView(notes.buffer, notes.byteOffset, notes.length)
    let duplicates = 0
    for (let at = 0, note = readNote(notes, at); note !== undefined; at = note.end, note = readNote(notes, at)) {
      const isCounted = this.#writers.isCounted(note.writer, note.number, atMs)
      const from = this.#readSeries(notes, view, note, atMs)
      duplicates += this.#readRecords(notes, view, from, atMs, isCounted)
    }
    if (duplicates > 0) this.#o.onDuplicates(duplicates)
  }

  /** Finds what the note's series count for; where its records begin. */
  #readSeries(buf: Buffer, view: DataView, { series, seriesFrom }: NoteHead, atMs: number): number {
    if (this.#keys.size > TARGETS_KEPT) {
      this.#keys.clear()
      this.#targets.length = 1
    }
    const targets = this.#noteTargets
    targets.length = series
    let p = seriesFrom
    for (let i = 0; i < series; i++) {
      const end = seriesEnd(buf, p)
      // The same series come again and again: they are known by their bytes.
      const key = this.#keys.of(buf, view, p, end)
      targets[i] = this.#targets[key] ??= this.#target(readSeries(buf, p), atMs)
      p = end
    }
    return p
  }

  /** Reads the records of one note; how many spans were known. Counted notes are only remembered. */
  #readRecords(buf: Buffer, view: DataView, from: number, atMs: number, isCounted: boolean): number {
    const records = view.getUint32(from, true)
    let duplicates = 0
    let p = from + 4
    for (let i = 0; i < records; i++) {
      this.#seen.prepare(i, view, p)
      p += ID_BYTES + 11 + RECORD_SIZES[buf[p + ID_BYTES + 10]!]!
    }
    this.#seen.touch(records)
    p = from + 4
    for (let i = 0; i < records; i++) {
      const at = p
      const flags = buf[p + ID_BYTES + 10]!
      const target = this.#noteTargets[view.getUint16(p + ID_BYTES + 8, true)]!
      const dataAt = p + ID_BYTES + 11
      p = dataAt + RECORD_SIZES[flags]!
      const isNew = this.#seen.add(i)
      if (this.#unnamed.isThere && target.unnamed === undefined && target.name !== '')
        for (const held of this.#unnamed.learn(buf, at, target.name)) this.#countHeld(held, target.name)
      if (isCounted) {
        if ((flags & HAS_ATTEMPT) !== 0) this.#retries(view, at, target.step, view.getUint32(dataAt, true))
      } else if (!isNew) duplicates++
      else {
        const attempt = (flags & HAS_ATTEMPT) === 0 ? 1 : view.getUint32(dataAt, true)
        const retries = attempt === 1 ? 0 : this.#retries(view, at, target.step, attempt)
        if (target.unnamed === undefined) this.#count(target, buf, view, at, retries, atMs)
        else this.#name({ series: target.unnamed, record: buf.subarray(at, p), retries, atMs })
      }
    }
    if (!isCounted && duplicates < records) this.#isChanged = true
    return duplicates
  }

  /** Counts a span whose record is at `at`. */
  #count(target: Target, buf: Buffer, view: DataView, at: number, retries: number, atMs: number): void {
    const flags = buf[at + ID_BYTES + 10]!
    const dataAt = at + ID_BYTES + 11
    const nanos = view.getFloat64(at + ID_BYTES, true)
    target.timed.histogram.record(nanos)
    const randomness = (flags & HAS_RANDOMNESS) !== 0 ? view.getFloat64(dataAt + RECORD_SIZES[flags]! - 8, true) : -1
    this.#exemplars.offer(target, buf, at, nanos, randomness, atMs)
    if (target.counter !== undefined) {
      target.counter.n++
      this.#active.ended(view, at, atMs)
    } else if (target.totals !== undefined) {
      this.#active.step(view, at, target.workflow, atMs)
      if (flags !== 0) step(target.totals, view, dataAt, flags, retries)
    }
  }

  /** A step that does not say its workflow: by its trace, now or when that says it. */
  #name(held: Held): void {
    const workflow = this.#unnamed.workflowOf(held.record, 0)
    if (workflow !== undefined) this.#countHeld(held, workflow)
    // Of its own: the note's buffer is the log's.
    else this.#unnamed.hold({ ...held, record: Buffer.from(held.record) })
  }

  #countHeld({ series, record, retries, atMs }: Held, workflow: string): void {
    const view = new DataView(record.buffer, record.byteOffset, record.length)
    this.#count(this.#named({ ...series, workflow }, atMs), record, view, 0, retries, atMs)
    this.#isChanged = true
  }

  #target(series: NoteSeries, atMs: number): Target {
    if (series.kind !== KIND_STEP || series.workflow !== '') return this.#named(series, atMs)
    this.#unnamed.isThere = true
    return { ...NOWHERE, step: hashOf(series.step), unnamed: series }
  }

  #named({ kind, status, workflow, step, errorType }: NoteSeries, atMs: number): Target {
    const totals = this.#totals
    const isError = status === STATUS_ERROR
    const said = isError ? 'error' : 'ok'
    const number = this.#active.workflow(workflow)
    const common = { isError, step: hashOf(step), workflow: number, name: workflow, unnamed: undefined }
    if (kind === KIND_STEP) {
      const timed = totals.durations.get([workflow, step, said, errorType], atMs)
      return { ...common, timed, counter: undefined, totals: totals.steps.get([workflow, step], atMs) }
    }
    const timed = totals.workflows.get([workflow, said, errorType], atMs)
    const counter = isError ? totals.failed.get([workflow, errorType], atMs) : totals.completed.get([workflow], atMs)
    return { ...common, timed, counter, totals: undefined }
  }

  /** How many retries an attempt adds to what is known of the step in its trace. */
  #retries(view: DataView, at: number, step: number, attempt: number): number {
    if (this.#o.config.retries === 'sum') return attempt - 1
    const highest = Math.min(attempt, MOST_ATTEMPTS)
    // Who knows an attempt knows all before it.
    let retry = highest
    while (retry > 1 && this.#seen.addFact(view, at, step, retry)) retry--
    return highest - retry
  }

  emit(nowMs: number): Buffer | undefined {
    for (const held of this.#unnamed.due(nowMs)) this.#countHeld(held, '')
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

  /** Exemplars are told once. */
  committed(): void {
    this.#isChanged = false
    for (const set of [this.#totals.workflows, this.#totals.durations])
      for (const { value } of set.series()) if (value.exemplars.length > 0) value.exemplars = []
  }
}

/** What a step's span says besides its time. */
function step(to: StepTotals, view: DataView, dataAt: number, flags: number, retries: number): void {
  let p = dataAt
  to.retries += retries
  if ((flags & CACHE_HIT) !== 0) to.hits++
  else if ((flags & CACHE_KNOWN) !== 0) to.misses++
  if ((flags & HAS_ATTEMPT) !== 0) p += 4
  if ((flags & HAS_QUEUE_TIME) !== 0) {
    to.queue.record(Math.round(view.getFloat64(p, true) * NANOS_PER_MS))
    p += 8
  }
  if ((flags & (HAS_MEMORY | HAS_THREADS | HAS_CACHE_SIZE)) === 0) return
  if ((flags & HAS_MEMORY) !== 0) {
    to.memory = view.getFloat64(p, true)
    p += 8
  }
  if ((flags & HAS_THREADS) !== 0) {
    to.threads = view.getFloat64(p, true)
    p += 8
  }
  if ((flags & HAS_CACHE_SIZE) !== 0) to.cacheSize = view.getFloat64(p, true)
}

/** 32 bits: two steps of one trace are taken for one with a chance of 2^-32. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
