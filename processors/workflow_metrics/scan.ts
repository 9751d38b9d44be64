// Reads what counts out of a request's spans: a light walk beside the chain's, over bytes that were checked, with nothing
// allocated for a span (bench/micro/workflow-metrics.ts). Only the fields and attributes that matter are looked at; keys are
// told apart by length and last byte before they are compared.

import { contentFrom, skipField } from '../../core/otlp/walk-fields.js'
import { WireError } from '../../core/otlp/wire.js'
import type { WorkflowMetricsConfig } from './config.js'

/** Slots of what attributes say, in the order of `attributes` in the config. */
export const WORKFLOW_NAME = 0
export const STEP_NAME = 1
export const ERROR_TYPE = 2
export const ATTEMPT = 3
export const CACHED = 4
export const QUEUE_TIME = 5
export const MEMORY = 6
export const THREADS = 7
export const CACHE_SIZE = 8
const SLOTS = 9

const KEYS = [
  'workflow_name',
  'step_name',
  'error_type',
  'attempt',
  'cached',
  'queue_time_ms',
  'memory_used',
  'threads_active',
  'cache_size'
] as const

interface Wanted {
  readonly bytes: Buffer
  readonly slot: number
  /** Of several keys for the same, the first one of the list counts. */
  readonly rank: number
}

/** Takes spans as they are found; the scan's fields describe the span during the call. */
export interface SpanSink {
  span(scan: SpanScan): void
}

const MAX_KEY = 128

export class SpanScan {
  buf: Buffer = Buffer.alloc(0)
  /** Positions of the ids; -1 when absent. */
  traceAt = -1
  spanAt = -1
  /** Trace state: `buf[stateFrom..stateTo)`. */
  stateFrom = 0
  stateTo = 0
  /** Nanoseconds from start to end, 0 when one of them is absent or they are the wrong way round. */
  duration = 0
  /** 0 unset, 1 ok, 2 error. */
  status = 0
  /** Position of each slot's AnyValue field (its tag), 0 = absent. */
  readonly at = new Int32Array(SLOTS)
  readonly #end = new Int32Array(SLOTS)
  readonly #rank = new Int32Array(SLOTS)
  /** Index into #lists by key length and last byte, 0 = none. */
  readonly #table = new Uint8Array(MAX_KEY * 256)
  readonly #lists: Wanted[][] = [[]]
  #startLow = 0
  #startHigh = 0
  #endLow = 0
  #endHigh = 0

  constructor(config: Pick<WorkflowMetricsConfig, 'attributes' | 'attribute_prefix'>) {
    for (const [slot, name] of KEYS.entries()) {
      const keys = config.attributes[name].flatMap(key => [key, `${config.attribute_prefix}${key}`])
      for (const [rank, key] of [...new Set(keys)].entries()) this.#want(Buffer.from(key), slot, rank)
    }
  }

  #want(bytes: Buffer, slot: number, rank: number): void {
    if (bytes.length === 0 || bytes.length >= MAX_KEY) return
    const place = bytes.length * 256 + bytes.at(-1)!
    let list = this.#table[place]!
    if (list === 0) {
      list = this.#lists.push([]) - 1
      this.#table[place] = list
    }
    this.#lists[list]!.push({ bytes, slot, rank })
  }

  /** Shows every span of an encoded trace request. @throws WireError when the bytes are no such request. */
  scan(buf: Buffer, sink: SpanSink): void {
    this.buf = buf
    for (let p = 0; p < buf.length; ) {
      const next = this.#skip(p, buf.length)
      if (buf[p] === 0x0a) this.#resource(contentFrom(buf, p), next, sink)
      p = next
    }
  }

  #resource(from: number, to: number, sink: SpanSink): void {
    for (let p = from; p < to; ) {
      const next = this.#skip(p, to)
      if (this.buf[p] === 0x12) this.#scope(contentFrom(this.buf, p), next, sink)
      p = next
    }
  }

  #scope(from: number, to: number, sink: SpanSink): void {
    for (let p = from; p < to; ) {
      const next = this.#skip(p, to)
      if (this.buf[p] === 0x12) {
        this.#span(contentFrom(this.buf, p), next)
        sink.span(this)
      }
      p = next
    }
  }

  #span(from: number, to: number): void {
    const { buf } = this
    this.#reset()
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      let at = p + 2
      let next = at + buf[p + 1]!
      // Short fields with a length, nearly all there are, without the call.
      if ((tag & 0x87) !== 2 || next - at >= 0x80 || next > to) {
        next = this.#skip(p, to)
        at = (tag & 7) === 2 ? contentFrom(buf, p) : p + 1
      }
      switch (tag) {
        case 0x4a:
          this.#attribute(at, next)
          break
        case 0x0a:
          if (next - at === 16) this.traceAt = at
          break
        case 0x12:
          if (next - at === 8) this.spanAt = at
          break
        case 0x1a:
          this.stateFrom = at
          this.stateTo = next
          break
        case 0x39:
          this.#startLow = word(buf, at)
          this.#startHigh = word(buf, at + 4)
          break
        case 0x41:
          this.#endLow = word(buf, at)
          this.#endHigh = word(buf, at + 4)
          break
        case 0x7a:
          this.#status(at, next)
          break
        default:
      }
      p = next
    }
    const isTimed = (this.#startHigh !== 0 || this.#startLow !== 0) && (this.#endHigh !== 0 || this.#endLow !== 0)
    const nanos = (this.#endHigh - this.#startHigh) * 0x100000000 + (this.#endLow - this.#startLow)
    this.duration = isTimed && nanos > 0 ? nanos : 0
  }

  #reset(): void {
    this.traceAt = this.spanAt = -1
    this.stateFrom = this.stateTo = 0
    this.status = 0
    this.#startLow = this.#startHigh = this.#endLow = this.#endHigh = 0
    this.at.fill(0)
  }

  #status(from: number, to: number): void {
    for (let p = from; p < to; ) {
      const next = this.#skip(p, to)
      if (this.buf[p] === 0x18) this.status = this.buf[p + 1]!
      p = next
    }
  }

  #attribute(from: number, to: number): void {
    const { buf } = this
    const length = buf[from + 1]!
    // A key comes first and is short: anything else takes the long way.
    if (from + 2 >= to || buf[from] !== 0x0a || length >= 0x80) {
      this.#oddAttribute(from, to)
      return
    }
    const at = from + 2
    const end = at + length
    const list = this.#table[length * 256 + buf[end - 1]!]!
    if (list !== 0) this.#known(list, at, end, end, to)
  }

  #known(list: number, keyAt: number, keyEnd: number, from: number, to: number): void {
    const all = this.#lists[list]!
    for (let i = 0; i < all.length; i++) {
      const { bytes, slot, rank } = all[i]!
      if (!isEqual(this.buf, keyAt, keyEnd, bytes)) continue
      if (this.at[slot] !== 0 && this.#rank[slot]! < rank) continue
      this.#rank[slot] = rank
      this.#value(slot, from, to)
    }
  }

  /** Notes where the AnyValue's content is. */
  #value(slot: number, from: number, to: number): void {
    const { buf } = this
    for (let p = from; p < to; ) {
      const next = this.#skip(p, to)
      if (buf[p] === 0x12) {
        const at = contentFrom(buf, p)
        this.at[slot] = at < next ? at : 0
        this.#end[slot] = next
      }
      p = next
    }
  }

  #oddAttribute(from: number, to: number): void {
    const { buf } = this
    let [keyAt, keyEnd] = [from, from]
    for (let p = from; p < to; ) {
      const next = this.#skip(p, to)
      if (buf[p] === 0x0a) [keyAt, keyEnd] = [contentFrom(buf, p), next]
      p = next
    }
    const length = keyEnd - keyAt
    if (length === 0 || length >= MAX_KEY) return
    const list = this.#table[length * 256 + buf[keyEnd - 1]!]!
    if (list !== 0) this.#known(list, keyAt, keyEnd, from, to)
  }

  /** Is the slot's value a text that is not empty? Then it is `buf[textFrom..textTo)`. */
  isText(slot: number): boolean {
    const at = this.at[slot]!
    if (at === 0 || this.buf[at] !== 0x0a) return false
    this.textFrom = contentFrom(this.buf, at)
    this.textTo = Math.min(this.#end[slot]!, this.#skip(at, this.#end[slot]!))
    return this.textTo > this.textFrom
  }
  textFrom = 0
  textTo = 0

  /** The slot's value as a number: int, double, bool, or a text that is one; -1 when it is none or negative. */
  number(slot: number): number {
    const at = this.at[slot]!
    const { buf } = this
    switch (at === 0 ? 0 : buf[at]) {
      case 0x10:
        return buf[at + 1]!
      case 0x18:
        return varint(buf, at + 1)
      case 0x21: {
        const value = buf.readDoubleLE(at + 1)
        return value >= 0 && value < Number.POSITIVE_INFINITY ? value : -1
      }
      case 0x0a:
        return this.#spelled(slot)
      default:
        return -1
    }
  }

  #spelled(slot: number): number {
    if (!this.isText(slot)) return -1
    const text = this.buf.toString('latin1', this.textFrom, this.textTo)
    if (/^true$/i.test(text)) return 1
    if (/^false$/i.test(text)) return 0
    return /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : -1
  }

  #skip(p: number, to: number): number {
    const next = skipField(this.buf, p, to)
    if (next < 0) throw new WireError('OTLP_TRUNCATED', p)
    return next
  }
}

function isEqual(buf: Buffer, from: number, to: number, wanted: Buffer): boolean {
  if (to - from !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (buf[from + i] !== wanted[i]) return false
  return true
}

function word(buf: Buffer, at: number): number {
  return buf[at]! + buf[at + 1]! * 0x100 + buf[at + 2]! * 0x10000 + buf[at + 3]! * 0x1000000
}

/** An int64; -1 when it is negative. */
function varint(buf: Buffer, at: number): number {
  let value = 0
  for (let p = at, factor = 1; p < at + 10; p++, factor *= 128) {
    const byte = buf[p]!
    value += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  return value >= 2 ** 63 ? -1 : value
}
