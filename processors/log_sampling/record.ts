// What sampling must know of a log record, read from its bytes without decoding it.

import type { ItemView } from '../../core/otlp/views.js'
import { WireReader, WireType } from '../../core/otlp/wire.js'
import { isZero } from '../../core/sampling/items.js'

/** Fields of LogRecord (opentelemetry.proto.logs.v1). */
const TIME = 1
const SEVERITY_TEXT = 3
const BODY = 5
const ATTRIBUTES = 6
const TRACE_ID = 9
const OBSERVED_TIME = 11
const EVENT_NAME = 12

/** SEVERITY_NUMBER_ERROR. */
export const ERROR = 17
/** For loggers that give their severity as text alone. */
const BY_TEXT: readonly (readonly [RegExp, number])[] = [
  [/^(err|fatal|crit|alert|emerg|panic|severe)/i, ERROR],
  [/^warn/i, 13],
  [/^(info|notice)/i, 9],
  [/^debug/i, 5],
  [/^(trace|verbose)/i, 1]
]

export class RecordFacts {
  buf: Buffer = Buffer.alloc(0)
  /** Severity number, from the text where there is no number; 0: none. */
  severity = 0
  /** Position of the trace id; -1: none. */
  traceAt = -1
  /** The body: an encoded AnyValue `buf[bodyFrom..bodyTo)`. */
  bodyFrom = 0
  bodyTo = 0
  nameFrom = 0
  nameTo = 0
  /** False: it cannot have an attribute of earlier sampling. */
  mayHaveWeight = false
  readonly #reader = new WireReader(Buffer.alloc(0))
  #times = 0

  read(item: ItemView): void {
    const reader = this.#reader.reset(item.buf, item.start, item.end)
    this.buf = item.buf
    this.severity = item.status
    this.traceAt = -1
    this.bodyFrom = this.bodyTo = this.nameFrom = this.nameTo = 0
    this.#times = 0
    this.mayHaveWeight = false
    let [textFrom, textTo] = [0, 0]
    while (reader.next()) {
      const { field, wire, start, stop } = reader
      if (wire === WireType.fixed64 && (field === TIME || field === OBSERVED_TIME)) this.#noteTime(start)
      else if (wire !== WireType.bytes) continue
      else if (field === ATTRIBUTES) this.mayHaveWeight ||= this.#isSampling(start, stop)
      else if (field === BODY) [this.bodyFrom, this.bodyTo] = [start, stop]
      else if (field === TRACE_ID && stop - start === 16) this.traceAt = start
      else if (field === EVENT_NAME) [this.nameFrom, this.nameTo] = [start, stop]
      else if (field === SEVERITY_TEXT) [textFrom, textTo] = [start, stop]
    }
    // All zeros is how some SDKs say that there is none.
    if (this.traceAt >= 0 && isZero(this.buf, this.traceAt)) this.traceAt = -1
    if (this.severity === 0 && textTo > textFrom)
      this.severity = severityOf(this.buf.toString('latin1', textFrom, textTo))
  }

  /**
   * 48 bits that stand for the record itself: of its times and body, which no tier changes. The same record, sent again or
   * seen on another tier, decides the same.
   */
  randomness(): number {
    const { buf } = this
    let [a, b] = [0x2c1b3c6d ^ this.#times, 0x297a2d39]
    for (let i = this.bodyFrom; i < this.bodyTo; i++) {
      a = Math.imul(a ^ buf[i]!, 0x01000193)
      b = Math.imul(b + buf[i]!, 0x85ebca6b) ^ (a >>> 15)
    }
    a = mixed(a ^ (this.bodyTo - this.bodyFrom))
    b = mixed(b ^ a)
    return (a >>> 8) * 0x1000000 + (b >>> 8)
  }

  /** An attribute whose key, as far as a glance shows, begins like `sampling.`; one in an unusual form counts as well. */
  #isSampling(from: number, to: number): boolean {
    const { buf } = this
    if (to - from < 3 || buf[from] !== 0x0a) return true
    return buf[from + 2] === 0x73 && buf[from + 3] === 0x61 && buf[from + 4] === 0x6d
  }

  #noteTime(at: number): void {
    const { buf } = this
    this.#times = mixed(this.#times ^ mixed(buf.readInt32LE(at)) ^ Math.imul(buf.readInt32LE(at + 4), 0x9e3779b1))
  }
}

function severityOf(text: string): number {
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1] ?? 0
}

/** Every bit of the result depends on every bit of `h` (the finalizer of murmur3). */
function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
