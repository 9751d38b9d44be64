// Copies kept runs of items out of stored requests: whole fields by byte range, under the resource and scope they stood in.
//
// What is added to an item (trace state, marks) is put behind its last field: protobuf does not mind the order. Only an item
// that has a trace state already is looked into, since a field given twice would win over it.

import type { Signal } from '../otlp/signal.js'
import { varintSize, WireReader, WireType, WireWriter } from '../otlp/wire.js'
import { withThreshold } from './threshold.js'

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
  for (const key of marks) writeTrue(writer, ATTRIBUTES_FIELD[signal], key)
  const attributes = writer.finish()
  if (signal === 'traces' && threshold !== undefined) writeState(writer, withThreshold('', threshold))
  return { threshold, attributes, suffix: writer.finish() }
}

function writeTrue(writer: WireWriter, field: number, key: string): void {
  writer.tag(field, WireType.bytes)
  const at = writer.open()
  writer.tag(1, WireType.bytes)
  writer.string(key)
  writer.tag(2, WireType.bytes)
  writer.raw(TRUE)
  writer.close(at)
}

/** Length and content of the AnyValue `true`. */
const TRUE = Buffer.from([2, 0x10, 1])

function writeState(writer: WireWriter, text: string): void {
  writer.tag(3, WireType.bytes)
  writer.string(text)
}

/** Builds one request. Runs of one stored request must come together, scope by scope. */
export class Cutter {
  readonly #signal: Signal
  #writer = new WireWriter(64 * 1024)
  #source: Buffer = Buffer.alloc(0)
  #scopeAt = -1
  #resourceMark = 0
  #scopeMark = 0
  #resourceGuess = 1
  #scopeGuess = 1
  /** Items and bytes written since `take`. */
  items = 0

  constructor(signal: Signal) {
    this.#signal = signal
  }

  get size(): number {
    return this.#writer.pos
  }

  /**
   * Copies the items in `source[start..end)` of the scope message whose tag is at `scopeAt`, in the resource message at
   * `resourceAt`.
   * @param isPlain no item of the run has a trace state
   */
  add(
    source: Buffer,
    resourceAt: number,
    scopeAt: number,
    run: { readonly start: number; readonly end: number; readonly items: number },
    mark: Marking | undefined,
    isPlain: boolean
  ): void {
    if (source !== this.#source || scopeAt !== this.#scopeAt) this.#enter(source, resourceAt, scopeAt)
    this.items += run.items
    if (mark === undefined || (isPlain && mark.suffix.length === 0)) this.#writer.raw(source, run.start, run.end)
    else this.#marked(source, run.start, run.end, mark, isPlain)
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

  #enter(source: Buffer, resourceAt: number, scopeAt: number): void {
    this.#leave()
    const writer = this.#writer
    const resource = contentOf(source, resourceAt)
    const scope = contentOf(source, scopeAt)
    this.#source = source
    this.#scopeAt = scopeAt
    this.#resourceGuess = varintSize((resource.to - resource.from) >>> 1)
    this.#scopeGuess = varintSize((scope.to - scope.from) >>> 1)
    writer.tag(1, WireType.bytes)
    this.#resourceMark = writer.open(this.#resourceGuess)
    copyEnvelope(writer, source, resource.from, resource.to)
    writer.tag(2, WireType.bytes)
    this.#scopeMark = writer.open(this.#scopeGuess)
    copyEnvelope(writer, source, scope.from, scope.to)
  }

  #leave(): void {
    if (this.#scopeAt < 0) return
    this.#writer.close(this.#scopeMark, this.#scopeGuess)
    this.#writer.close(this.#resourceMark, this.#resourceGuess)
    this.#scopeAt = -1
    this.#source = Buffer.alloc(0)
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
    const reader = new WireReader(source, from, to)
    while (reader.next()) {
      if (reader.field === 3 && reader.wire === WireType.bytes && this.#signal === 'traces') {
        state = source.toString('latin1', reader.start, reader.stop)
      } else writer.raw(source, reader.at, reader.stop)
    }
    writer.raw(mark.attributes)
    const made = withThreshold(state, mark.threshold)
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

/** Everything of a resource or scope message that does not lead to items. */
function copyEnvelope(writer: WireWriter, source: Buffer, from: number, to: number): void {
  const reader = new WireReader(source, from, to)
  while (reader.next()) {
    if (reader.field !== 2 || reader.wire !== WireType.bytes) writer.raw(source, reader.at, reader.stop)
  }
}
