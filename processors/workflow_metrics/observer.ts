// The inline half: from a request to its note. Runs behind the processors in front of it, on what they left.

import { randomBytes } from 'node:crypto'
import { readOtelState } from '../../core/sampling/threshold.js'
import type { WorkflowMetricsConfig } from './config.js'
import { Names } from './names.js'
import {
  CACHE_HIT,
  CACHE_KNOWN,
  encodeNote,
  HAS_ATTEMPT,
  HAS_CACHE_SIZE,
  HAS_MEMORY,
  HAS_QUEUE_TIME,
  HAS_RANDOMNESS,
  HAS_THREADS,
  KIND_STEP,
  KIND_WORKFLOW,
  MAX_RECORD,
  type SeriesTexts,
  STATUS_ERROR,
  STATUS_OK,
  WRITER_BYTES
} from './note.js'
import {
  ATTEMPT,
  CACHE_SIZE,
  CACHED,
  ERROR_TYPE,
  MEMORY,
  QUEUE_TIME,
  SpanScan,
  type SpanSink,
  STEP_NAME,
  THREADS,
  WORKFLOW_NAME
} from './scan.js'

/** Series a note can number; a request with more gives several notes. */
const MAX_SERIES = 60_000
/** Names kept from request to request, and names a note can tell apart. */
const NAMES_KEPT = 8192
const NAMES_IN_NOTE = 60_000
const CODE_OK = 1
const CODE_ERROR = 2
const GAUGES = [
  [MEMORY, HAS_MEMORY],
  [THREADS, HAS_THREADS],
  [CACHE_SIZE, HAS_CACHE_SIZE]
] as const

export class Observer implements SpanSink {
  readonly #scan: SpanScan
  readonly #names = new Names()
  readonly #writer = randomBytes(WRITER_BYTES)
  #number = 0
  #records = Buffer.allocUnsafe(64 * 1024)
  #size = 0
  #count = 0
  #items = 0
  /** Of the note that is being made: combination of names -> its number in the note. */
  readonly #known = new Map<number, number>()
  #series: SeriesTexts[] = []
  #notes: Buffer[] = []
  #last = -1
  #lastSeries = 0

  constructor(config: Pick<WorkflowMetricsConfig, 'attributes' | 'attribute_prefix'>) {
    this.#scan = new SpanScan(config)
  }

  /** The note of a request; undefined when no span of it is a workflow or a step. `items`: spans noted. */
  observe(bytes: Buffer): { readonly bytes: Buffer; readonly items: number } | undefined {
    if (this.#names.size > NAMES_KEPT) this.#names.clear()
    this.#begin()
    this.#scan.scan(bytes, this)
    this.#end()
    const notes = this.#notes
    const items = this.#items
    this.#notes = []
    this.#items = 0
    if (notes.length === 0) return undefined
    return { bytes: notes.length === 1 ? notes[0]! : Buffer.concat(notes), items }
  }

  span(scan: SpanScan): void {
    if (this.#names.size > NAMES_IN_NOTE) {
      this.#end()
      this.#names.clear()
    }
    const isStep = scan.isText(STEP_NAME)
    const step = isStep ? this.#names.of(scan.buf, scan.textFrom, scan.textTo) : Names.NONE
    const isNamed = scan.isText(WORKFLOW_NAME)
    if (!isStep && !isNamed) return
    if (scan.traceAt < 0 || scan.spanAt < 0) return
    const workflow = isNamed ? this.#names.of(scan.buf, scan.textFrom, scan.textTo) : Names.NONE
    const isTyped = scan.status !== CODE_OK && scan.isText(ERROR_TYPE)
    const isError = scan.status === CODE_ERROR || isTyped
    const error = isTyped ? this.#names.of(scan.buf, scan.textFrom, scan.textTo) : Names.NONE
    this.#record(scan, isStep, this.#seriesOf(isStep ? KIND_STEP : KIND_WORKFLOW, isError, workflow, step, error))
  }

  #seriesOf(kind: number, isError: boolean, workflow: number, step: number, error: number): number {
    // Three numbers of 16 bits and two more bits: a double holds them exactly.
    const key = ((workflow * 0x10000 + step) * 0x10000 + error) * 4 + kind * 2 + (isError ? 1 : 0)
    if (key === this.#last) return this.#lastSeries
    let series = this.#known.get(key)
    if (series === undefined) {
      if (this.#series.length >= MAX_SERIES) this.#end()
      series = this.#series.push({
        kind,
        status: isError ? STATUS_ERROR : STATUS_OK,
        workflow: this.#names.text(workflow),
        step: this.#names.text(step),
        errorType: this.#names.text(error)
      })
      series--
      this.#known.set(key, series)
    }
    this.#last = key
    this.#lastSeries = series
    return series
  }

  #record(scan: SpanScan, isStep: boolean, series: number): void {
    if (this.#size + MAX_RECORD > this.#records.length) this.#grow()
    const out = this.#records
    const { buf, traceAt, spanAt } = scan
    let p = this.#size
    for (let i = 0; i < 16; i++) out[p + i] = buf[traceAt + i]!
    for (let i = 0; i < 8; i++) out[p + 16 + i] = buf[spanAt + i]!
    p = out.writeDoubleLE(scan.duration, p + 24)
    out[p] = series & 0xff
    out[p + 1] = series >> 8
    const flagsAt = p + 2
    p += 3
    let flags = 0
    if (isStep) {
      const cached = scan.number(CACHED)
      if (cached >= 0) flags = cached > 0 ? CACHE_KNOWN | CACHE_HIT : CACHE_KNOWN
      const attempt = scan.number(ATTEMPT)
      if (attempt >= 2) {
        flags |= HAS_ATTEMPT
        p = out.writeUInt32LE(Math.min(Math.floor(attempt), 0xffffffff), p)
      }
      const queued = scan.number(QUEUE_TIME)
      if (queued >= 0) {
        flags |= HAS_QUEUE_TIME
        p = out.writeDoubleLE(queued, p)
      }
      for (let i = 0; i < GAUGES.length; i++) {
        const [slot, flag] = GAUGES[i]!
        if (scan.at[slot] === 0) continue
        const value = scan.number(slot)
        if (value < 0) continue
        flags |= flag
        p = out.writeDoubleLE(value, p)
      }
    }
    if (scan.stateTo > scan.stateFrom) {
      const { randomness } = readOtelState(buf.toString('latin1', scan.stateFrom, scan.stateTo))
      if (randomness !== undefined) {
        flags |= HAS_RANDOMNESS
        p = out.writeDoubleLE(randomness, p)
      }
    }
    out[flagsAt] = flags
    this.#size = p
    this.#count++
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#records.length * 2)
    this.#records.copy(larger, 0, 0, this.#size)
    this.#records = larger
  }

  #begin(): void {
    this.#known.clear()
    this.#series = []
    this.#size = 0
    this.#count = 0
    this.#last = -1
  }

  #end(): void {
    if (this.#count > 0) {
      this.#number = (this.#number + 1) >>> 0
      const records = this.#records.subarray(0, this.#size)
      this.#notes.push(encodeNote(this.#writer, this.#number, this.#series, this.#count, records))
    }
    this.#items += this.#count
    this.#begin()
  }
}
