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
  HAS_MEMORY,
  HAS_QUEUE_TIME,
  HAS_RANDOMNESS,
  KIND_STEP,
  KIND_WORKFLOW,
  MAX_RECORD,
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
  WORKFLOW_NAME
} from './scan.js'
import { SeriesTable } from './series-table.js'

/** Series a note can number; a request with more gives several notes. */
const MAX_SERIES = 60_000
/** Names kept from request to request, and names a note can tell apart. */
const NAMES_KEPT = 8192
const NAMES_IN_NOTE = 60_000
const CODE_OK = 1
const CODE_ERROR = 2
export class Observer implements SpanSink {
  readonly #scan: SpanScan
  readonly #names = new Names()
  readonly #writer = randomBytes(WRITER_BYTES)
  #number = 0
  #records = Buffer.allocUnsafeSlow(64 * 1024)
  #view = new DataView(this.#records.buffer)
  #size = 0
  #count = 0
  #items = 0
  readonly #series = new SeriesTable(this.#names)
  #notes: Buffer[] = []

  constructor(config: Pick<WorkflowMetricsConfig, 'attributes' | 'attribute_prefix'>) {
    this.#scan = new SpanScan(config)
  }

  /** The note of a request; undefined when no span of it is a workflow or a step. `items`: spans noted. */
  observe(bytes: Buffer): { readonly bytes: Buffer; readonly items: number } | undefined {
    if (this.#names.size > NAMES_KEPT) this.#forget()
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
    if (this.#names.size > NAMES_IN_NOTE || this.#series.count > MAX_SERIES) {
      this.#end()
      this.#forget()
    }
    const isStep = scan.isText(STEP_NAME)
    const step = isStep ? this.#names.of(scan.buf, scan.view, scan.textFrom, scan.textTo) : Names.NONE
    const isNamed = scan.isText(WORKFLOW_NAME)
    if (!isStep && !isNamed) return
    if (scan.traceAt < 0 || scan.spanAt < 0) return
    const workflow = isNamed ? this.#names.of(scan.buf, scan.view, scan.textFrom, scan.textTo) : Names.NONE
    const isTyped = scan.status !== CODE_OK && scan.isText(ERROR_TYPE)
    const isError = scan.status === CODE_ERROR || isTyped
    const error = isTyped ? this.#names.of(scan.buf, scan.view, scan.textFrom, scan.textTo) : Names.NONE
    const kind = isStep ? KIND_STEP : KIND_WORKFLOW
    const status = isError ? STATUS_ERROR : STATUS_OK
    this.#record(scan, isStep, this.#series.number(kind, status, workflow, step, error))
  }

  #forget(): void {
    this.#names.clear()
    this.#series.clear()
  }

  #record(scan: SpanScan, isStep: boolean, series: number): void {
    if (this.#size + MAX_RECORD > this.#records.length) this.#grow()
    const out = this.#view
    const from = scan.view
    const { traceAt, spanAt } = scan
    let p = this.#size
    for (let i = 0; i < 16; i += 4) out.setInt32(p + i, from.getInt32(traceAt + i))
    out.setInt32(p + 16, from.getInt32(spanAt))
    out.setInt32(p + 20, from.getInt32(spanAt + 4))
    out.setFloat64(p + 24, scan.duration, true)
    out.setUint16(p + 32, series, true)
    const flagsAt = p + 34
    p += 35
    let flags = 0
    if (isStep) {
      const cached = scan.number(CACHED)
      if (cached >= 0) flags = cached > 0 ? CACHE_KNOWN | CACHE_HIT : CACHE_KNOWN
      const attempt = scan.number(ATTEMPT)
      if (attempt >= 2) {
        flags |= HAS_ATTEMPT
        out.setUint32(p, Math.min(Math.floor(attempt), 0xffffffff), true)
        p += 4
      }
      const queued = scan.number(QUEUE_TIME)
      if (queued >= 0) {
        flags |= HAS_QUEUE_TIME
        out.setFloat64(p, queued, true)
        p += 8
      }
      for (let slot = MEMORY; slot <= CACHE_SIZE; slot++) {
        if (scan.at[slot] === 0) continue
        const value = scan.number(slot)
        if (value < 0) continue
        flags |= HAS_MEMORY << (slot - MEMORY)
        out.setFloat64(p, value, true)
        p += 8
      }
    }
    if (scan.stateTo > scan.stateFrom) {
      const { randomness } = readOtelState(scan.buf.toString('latin1', scan.stateFrom, scan.stateTo))
      if (randomness !== undefined) {
        flags |= HAS_RANDOMNESS
        out.setFloat64(p, randomness, true)
        p += 8
      }
    }
    out.setUint8(flagsAt, flags)
    this.#size = p
    this.#count++
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.#records.length * 2)
    this.#records.copy(larger, 0, 0, this.#size)
    this.#records = larger
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length)
  }

  #begin(): void {
    this.#series.begin()
    this.#size = 0
    this.#count = 0
  }

  #end(): void {
    if (this.#count > 0) {
      this.#number = (this.#number + 1) >>> 0
      const records = this.#records.subarray(0, this.#size)
      const { count, bytes } = this.#series
      this.#notes.push(encodeNote(this.#writer, this.#number, count, bytes, this.#count, records))
    }
    this.#items += this.#count
    this.#begin()
  }
}
