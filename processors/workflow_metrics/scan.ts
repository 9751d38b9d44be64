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
  /** The same in words of four bytes, and what is left. */
  readonly words: Int32Array
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
  view: DataView = new DataView(new ArrayBuffer(0))
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
  #at = 0

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
    const words = Int32Array.from({ length: bytes.length >> 2 }, (_, i) => bytes.readInt32LE(i * 4))
    this.#lists[list]!.push({ bytes, words, slot, rank })
  }

  /** Shows every span of an encoded trace request. @throws WireError when the bytes are no such request. */
  scan(buf: Buffer, sink: SpanSink): void {
    this.buf = buf
    this.view = new DataView(buf.buffer, buf.byteOffset, buf.length)
    for (let p = 0; p < buf.length; ) {
      const next = this.#next(p, buf.length)
      if (buf[p] === 0x0a) this.#resource(this.#at, next, sink)
      p = next
    }
  }

  #resource(from: number, to: number, sink: SpanSink): void {
    for (let p = from; p < to; ) {
      const next = this.#next(p, to)
      if (this.buf[p] === 0x12) this.#scope(this.#at, next, sink)
      p = next
    }
  }

  #scope(from: number, to: number, sink: SpanSink): void {
    for (let p = from; p < to; ) {
      const next = this.#next(p, to)
      if (this.buf[p] === 0x12) {
        this.#span(this.#at, next)
        sink.span(this)
      }
      p = next
    }
  }

  #span(from: number, to: number): void {
    const { buf, view } = this
    this.traceAt = this.spanAt = -1
    this.stateFrom = this.stateTo = 0
    this.status = 0
    let startAt = 0
    let endAt = 0
    for (let slot = 0; slot < SLOTS; slot++) this.at[slot] = 0
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      let at = p + 2
      let next = at + buf[p + 1]!
      // Short fields with a length, nearly all there are, without the call.
      if ((tag & 0x87) !== 2 || next - at >= 0x80 || next > to) {
        next = this.#next(p, to)
        at = this.#at
      }
      switch (tag) {
        case 0x4a: {
          // A key comes first and is short: anything else takes the long way.
          const keyEnd = at + 2 + buf[at + 1]!
          if (buf[at] !== 0x0a || keyEnd - at >= 0x82 || keyEnd > next) this.#oddAttribute(at, next)
          else {
            const list = this.#table[(keyEnd - at - 2) * 256 + buf[keyEnd - 1]!]!
            if (list !== 0) this.#known(list, at + 2, keyEnd, keyEnd, next)
          }
          break
        }
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
          startAt = at
          break
        case 0x41:
          endAt = at
          break
        case 0x7a:
          this.#status(at, next)
          break
        default:
      }
      p = next
    }
    this.duration = startAt === 0 || endAt === 0 ? 0 : nanosBetween(view, startAt, endAt)
  }

  #status(from: number, to: number): void {
    for (let p = from; p < to; ) {
      const next = this.#next(p, to)
      if (this.buf[p] === 0x18) this.status = this.buf[p + 1]!
      p = next
    }
  }

  #known(list: number, keyAt: number, keyEnd: number, from: number, to: number): void {
    const all = this.#lists[list]!
    for (let i = 0; i < all.length; i++) {
      const wanted = all[i]!
      if (!this.#isKey(wanted, keyAt, keyEnd)) continue
      const { slot, rank } = wanted
      if (this.at[slot] !== 0 && this.#rank[slot]! < rank) continue
      this.#rank[slot] = rank
      this.#value(slot, from, to)
    }
  }

  #isKey({ words, bytes }: Wanted, from: number, to: number): boolean {
    if (to - from !== bytes.length) return false
    let p = from
    for (let i = 0; i < words.length; i++, p += 4) if (this.view.getInt32(p, true) !== words[i]) return false
    for (; p < to; p++) if (this.buf[p] !== bytes[p - from]) return false
    return true
  }

  /** Notes where the AnyValue's content is. */
  #value(slot: number, from: number, to: number): void {
    const { buf } = this
    if (buf[from] === 0x12 && buf[from + 1]! === to - from - 2 && to - from < 0x82) {
      this.at[slot] = to > from + 2 ? from + 2 : 0
      this.#end[slot] = to
      return
    }
    for (let p = from; p < to; ) {
      const next = this.#next(p, to)
      if (buf[p] === 0x12) {
        this.at[slot] = this.#at < next ? this.#at : 0
        this.#end[slot] = next
      }
      p = next
    }
  }

  #oddAttribute(from: number, to: number): void {
    const { buf } = this
    let [keyAt, keyEnd] = [from, from]
    for (let p = from; p < to; ) {
      const next = this.#next(p, to)
      if (buf[p] === 0x0a) [keyAt, keyEnd] = [this.#at, next]
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
    this.textTo = this.#next(at, this.#end[slot]!)
    this.textFrom = this.#at
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
        return buf[at + 1]! < 0x80 ? buf[at + 1]! : varint(buf, at + 1)
      case 0x21: {
        const value = this.view.getFloat64(at + 1, true)
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

  /** Behind the field at `p`; `#at` is where its content begins. */
  #next(p: number, to: number): number {
    const { buf } = this
    const tag = buf[p]!
    let next = -1
    this.#at = p + 1
    if (tag < 0x80) {
      const wire = tag & 7
      const first = buf[p + 1]!
      if (wire === 2) {
        const second = buf[p + 2]!
        if (first < 0x80) {
          this.#at = p + 2
          next = p + 2 + first
        } else if (second < 0x80) {
          this.#at = p + 3
          next = p + 3 + (first & 0x7f) + second * 0x80
        }
      } else if (wire === 1) next = p + 9
      else if (wire === 0 && first < 0x80) next = p + 2
    }
    if (next >= 0 && next <= to) return next
    next = skipField(buf, p, to)
    if (next < 0) throw new WireError('OTLP_TRUNCATED', p)
    if (tag < 0x80 && (tag & 7) === 2) this.#at = contentFrom(buf, p)
    return next
  }
}

/** Nanoseconds between two fixed64 times; 0 when one is absent or they are the wrong way round. */
function nanosBetween(view: DataView, from: number, to: number): number {
  const [fromLow, fromHigh] = [view.getUint32(from, true), view.getUint32(from + 4, true)]
  const [toLow, toHigh] = [view.getUint32(to, true), view.getUint32(to + 4, true)]
  if ((fromLow === 0 && fromHigh === 0) || (toLow === 0 && toHigh === 0)) return 0
  const nanos = (toHigh - fromHigh) * 0x100000000 + (toLow - fromLow)
  return Math.max(nanos, 0)
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
