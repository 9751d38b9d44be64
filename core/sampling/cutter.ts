// Copies kept runs of items out of stored requests: whole fields by byte range, under the resource and scope they stood in.
//
// What is added to an item (trace state, marks) is put behind its last field: protobuf does not mind the order. Only an item
// that has a trace state already is looked into, since a field given twice would win over it.

import type { Signal } from '../otlp/signal.js'
import { varintSize, WireReader, WireType, WireWriter } from '../otlp/wire.js'
import { THRESHOLD_KEY, thresholdValue, WEIGHT_KEY, weightValue } from './log-weight.js'
import { ALWAYS, randomnessOf, readOtelState, weightOf, withThreshold } from './threshold.js'

/** Kept runs of one trace's verdict: what every item of them gets. */
export interface Marking {
  /** Undefined: the chance is not known; an older statement of it is removed. */
  readonly threshold: number | undefined
  /** Encoded attributes to add. */
  readonly attributes: Buffer
  /** Attributes and, for spans without a trace state, that. */
  readonly suffix: Buffer
}

/** Field numbers per signal: of an item's attributes; 0 = no trace state. */
const ATTRIBUTES_FIELD: Readonly<Record<Signal, number>> = { traces: 9, logs: 6, metrics: 0 }

export function marking(signal: Signal, threshold: number | undefined, marks: readonly string[]): Marking {
  const writer = new WireWriter(64)
  for (const key of marks) writeAttribute(writer, ATTRIBUTES_FIELD[signal], key, TRUE)
  if (signal === 'logs' && threshold !== undefined && threshold !== ALWAYS) {
    writeAttribute(writer, ATTRIBUTES_FIELD.logs, WEIGHT_KEY, weightValue(weightOf(threshold)))
    writeAttribute(writer, ATTRIBUTES_FIELD.logs, THRESHOLD_KEY, thresholdValue(threshold))
  }
  const attributes = writer.finish()
  if (signal === 'traces' && threshold !== undefined) writeState(writer, withThreshold('', threshold))
  return { threshold, attributes, suffix: writer.finish() }
}

/** `value`: an encoded AnyValue. */
function writeAttribute(writer: WireWriter, field: number, key: string, value: Buffer): void {
  writer.tag(field, WireType.bytes)
  const at = writer.open()
  writer.tag(1, WireType.bytes)
  writer.string(key)
  writer.tag(2, WireType.bytes)
  writer.uint32(value.length)
  writer.raw(value)
  writer.close(at)
}

/** The AnyValue `true`. */
const TRUE = Buffer.from([0x10, 1])

function writeState(writer: WireWriter, text: string): void {
  writer.tag(3, WireType.bytes)
  writer.string(text)
}

/** A stored request and the byte ranges of its envelopes, as core/otlp/item-scan.ts found them. */
export interface Source {
  readonly bytes: Buffer
  readonly envelopes: readonly number[]
  readonly resources: readonly number[]
}

const NO_SOURCE: Source = { bytes: Buffer.alloc(0), envelopes: [], resources: [] }

/** Builds one request. Runs of one stored request must come together, scope by scope. */
export class Cutter {
  readonly #signal: Signal
  #writer = new WireWriter(64 * 1024)
  #source = NO_SOURCE
  #scope = -1
  #resourceMark = 0
  #scopeMark = 0
  #guess = 1
  /** Items and bytes written since `take`. */
  items = 0

  constructor(signal: Signal) {
    this.#signal = signal
  }

  get size(): number {
    return this.#writer.pos
  }

  /**
   * Copies the items of a run that stands in the scope message described at `scope` of the envelopes.
   * @param isPlain no item of the run has a trace state
   */
  add(
    source: Source,
    scope: number,
    run: { readonly start: number; readonly end: number; readonly items: number },
    mark: Marking | undefined,
    isPlain: boolean
  ): void {
    if (source !== this.#source || scope !== this.#scope) this.#enter(source, scope)
    this.items += run.items
    if (mark === undefined || (isPlain && mark.suffix.length === 0)) this.#writer.raw(source.bytes, run.start, run.end)
    else this.#marked(source.bytes, run.start, run.end, mark, isPlain)
  }

  /** The finished request; the cutter is empty again. */
  take(): { readonly bytes: Buffer; readonly items: number } {
    this.#leave()
    const writer = this.#writer
    const bytes = writer.buf.subarray(0, writer.pos)
    const { items } = this
    // The bytes are handed on as they are: the next request gets a buffer of its own.
    this.#writer = new WireWriter(Math.max(64 * 1024, writer.pos))
    this.items = 0
    return { bytes, items }
  }

  #enter(source: Source, scope: number): void {
    this.#leave()
    const writer = this.#writer
    const { bytes, envelopes, resources } = source
    this.#source = source
    this.#scope = scope
    this.#guess = varintSize(bytes.length >>> 2)
    writer.tag(1, WireType.bytes)
    this.#resourceMark = writer.open(this.#guess)
    copyRanges(writer, bytes, resources, envelopes[scope]!)
    writer.tag(2, WireType.bytes)
    this.#scopeMark = writer.open(this.#guess)
    copyRanges(writer, bytes, envelopes, scope + 1)
  }

  #leave(): void {
    if (this.#scope < 0) return
    this.#writer.close(this.#scopeMark, this.#guess)
    this.#writer.close(this.#resourceMark, this.#guess)
    this.#scope = -1
    this.#source = NO_SOURCE
  }

  #marked(source: Buffer, start: number, end: number, mark: Marking, isPlain: boolean): void {
    const writer = this.#writer
    for (let p = start; p < end; ) {
      const { from, to } = contentOf(source, p)
      writer.tag(2, WireType.bytes)
      if (isPlain) {
        writer.uint32(to - from + mark.suffix.length)
        writer.raw(source, from, to)
        writer.raw(mark.suffix)
      } else this.#remade(source, from, to, mark)
      p = to
    }
  }

  #remade(source: Buffer, from: number, to: number, mark: Marking): void {
    const writer = this.#writer
    const at = writer.open(2)
    let state = ''
    let randomness: number | undefined
    const reader = new WireReader(source, from, to)
    while (reader.next()) {
      if (reader.field === 3 && reader.wire === WireType.bytes && this.#signal === 'traces') {
        state = source.toString('latin1', reader.start, reader.stop)
        continue
      }
      if (reader.field === 1 && reader.stop - reader.start === 16) randomness = randomnessOf(source, reader.start)
      writer.raw(source, reader.at, reader.stop)
    }
    writer.raw(mark.attributes)
    const made = withThreshold(state, mark.threshold, readOtelState(state).randomness ?? randomness)
    if (made !== '') writeState(writer, made)
    writer.close(at, 2)
  }
}

/** The content of the length-delimited field whose one-byte tag is at `at`. */
function contentOf(source: Buffer, at: number): { readonly from: number; readonly to: number } {
  let p = at + 1
  let length = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = source[p++]!
    length += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  return { from: p, to: p + length }
}

/** Copies the ranges listed at `at`: [count, from, to, ...]. */
function copyRanges(writer: WireWriter, bytes: Buffer, ranges: readonly number[], at: number): void {
  for (let i = 0, p = at + 1; i < ranges[at]!; i++, p += 2) writer.raw(bytes, ranges[p]!, ranges[p + 1]!)
}
