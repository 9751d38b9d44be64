// A light walk over stored spans and log records: what sampling must know of each, and where its bytes are.
//
// The bytes were checked by the chain's walk before they were stored; a length that does not fit all the same throws. Nothing
// is allocated per item or attribute. Neighbours of one trace are reported as one run: one lookup and later one copy for
// the spans of a trace that came together (bench/micro/sampling.ts: 0.25 us a span).

import type { Signal } from './signal.js'
import { isZeroId, Steps } from './step-over.js'
import { WireError } from './wire.js'

/** A key to look for, and what its value says. */
export interface ScanKey {
  readonly key: string
  /** Returns bits to be set for the item (`conditions`). `type`: field number in AnyValue; content `buf[from..to)`. */
  test(buf: Buffer, type: number, from: number, to: number): number
  /** Looked for among resource attributes as well. */
  readonly inResource: boolean
}

export interface ItemScanOptions {
  readonly keys: readonly ScanKey[]
  /** Called for each span with a trace state; returns condition bits. */
  readonly traceState?: (text: string) => number
  /** Condition bits of a span whose W3C trace flags say `sampled`. */
  readonly sampledFlag?: number
}

/** Takes runs as they are found. The scan's fields describe the run during the call. */
export interface RunSink {
  run(scan: ItemScan): void
}

const WORKFLOW = 1
const TOTAL_STEPS = 2
const STEP_NAME = 3
const ERROR_TYPE = 4

interface Wanted {
  readonly bytes: Buffer
  readonly what: number
  readonly key: ScanKey | undefined
}

/** Severity ERROR of log records (SEVERITY_NUMBER_ERROR and above). */
const SEVERITY_ERROR = 17
const EXCEPTION = Buffer.from('exception')

export class ItemScan {
  buf: Buffer = Buffer.alloc(0)
  /** Position of the trace id's 16 bytes; -1 when the items have none. */
  traceAt = -1
  /** The run: whole fields, tags included. */
  start = 0
  end = 0
  items = 0
  /** Where in `envelopes` the scope message of the run is described. */
  scope = 0
  /**
   * Byte ranges of what stands around items. A resource message: [count, from, to, ...]; a scope message: [place of its
   * resource in `resources`, count, from, to, ...].
   */
  envelopes: number[] = []
  resources: number[] = []
  isError = false
  isRoot = false
  /** Bits: status unset, ok, error. */
  statuses = 0
  steps = 0
  /** Of the root span; -1 when it does not say. */
  totalSteps = -1
  /** Nanoseconds since the epoch, as a double; Infinity and 0 when absent. */
  minStart = 0
  maxEnd = 0
  conditions = 0
  hasTraceState = false
  /** Upper 48 bits of an explicit `rv`; undefined when none. */
  traceStateText = ''
  /** The workflow's name: `buf[workflowFrom..workflowTo)`; -1 when absent. */
  workflowFrom = -1
  workflowTo = -1

  readonly #byLength: (Wanted[] | undefined)[] = []
  readonly #resourceKeys: boolean
  readonly #stateBits: ((text: string) => number) | undefined
  readonly #sampledBits: number
  readonly #steps = new Steps()
  #resourceBits = 0
  // The item just read.
  #trace = -1
  #error = false
  #hasParent = false
  #status = 0
  #isStep = false
  #total = -1
  #from = 0
  #to = 0
  #bits = 0
  #state = ''
  #wfFrom = -1
  #wfTo = -1

  constructor(options: ItemScanOptions) {
    for (const prefix of ['', 'algoflow.']) {
      this.#want(`${prefix}workflow.name`, WORKFLOW)
      this.#want(`${prefix}workflow.total_steps`, TOTAL_STEPS)
      this.#want(`${prefix}step.name`, STEP_NAME)
      this.#want(`${prefix}step.error_type`, ERROR_TYPE)
    }
    for (const key of options.keys) this.#want(key.key, 0, key)
    this.#resourceKeys = options.keys.some(key => key.inResource)
    this.#stateBits = options.traceState
    this.#sampledBits = options.sampledFlag ?? 0
  }

  /** Reports every run of an encoded request, in order. @throws WireError when it is not what was stored. */
  scan(signal: Signal, buf: Buffer, sink: RunSink): void {
    this.buf = buf
    this.envelopes = []
    this.resources = []
    this.items = 0
    for (let p = 0; p < buf.length; ) {
      const tag = buf[p]!
      const next = this.#steps.over(this.buf, p, buf.length)
      if (tag === 0x0a) this.#resource(signal, this.#steps.at, next, sink)
      p = next
    }
  }

  #want(key: string, what: number, own?: ScanKey): void {
    const bytes = Buffer.from(key)
    const list = this.#byLength[bytes.length] ?? []
    this.#byLength[bytes.length] = list
    list.push({ bytes, what, key: own })
  }

  #resource(signal: Signal, from: number, to: number, sink: RunSink): void {
    const { buf, resources } = this
    const mine = resources.push(0) - 1
    this.#resourceBits = 0
    if (this.#resourceKeys) this.#resourceAttributes(from, to)
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      const at = p
      p = this.#steps.over(this.buf, p, to)
      if (tag === 0x12) this.#scope(signal, mine, this.#steps.at, p, sink)
      else {
        resources[mine]!++
        resources.push(at, p)
      }
    }
  }

  #resourceAttributes(from: number, to: number): void {
    const { buf } = this
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      p = this.#steps.over(this.buf, p, to)
      if (tag !== 0x0a) continue
      this.#bits = 0
      for (let q = this.#steps.at; q < p; ) {
        const isAttribute = buf[q] === 0x0a
        const next = this.#steps.over(this.buf, q, p)
        if (isAttribute) this.#attribute(this.#steps.at, next, true)
        q = next
      }
      this.#resourceBits |= this.#bits
    }
  }

  #scope(signal: Signal, resource: number, from: number, to: number, sink: RunSink): void {
    const { buf, envelopes } = this
    const isLog = signal === 'logs'
    const mine = envelopes.push(resource, 0) - 2
    this.scope = mine
    for (let p = from; p < to; ) {
      const at = p
      const isItem = buf[p] === 0x12
      p = this.#steps.over(this.buf, p, to)
      if (!isItem) {
        envelopes[mine + 1]!++
        envelopes.push(at, p)
        continue
      }
      if (isLog) this.#record(this.#steps.at, p)
      else this.#span(this.#steps.at, p)
      if (this.items > 0 && this.end === at && this.#isSameTrace()) this.#extend(p)
      else {
        if (this.items > 0) sink.run(this)
        this.#begin(at, p)
      }
    }
    if (this.items > 0) sink.run(this)
    this.items = 0
  }

  #isSameTrace(): boolean {
    const { buf, traceAt } = this
    const trace = this.#trace
    if (trace < 0 || traceAt < 0) return trace === traceAt
    for (let i = 15; i >= 0; i--) if (buf[trace + i] !== buf[traceAt + i]) return false
    return true
  }

  #begin(at: number, end: number): void {
    this.traceAt = this.#trace
    this.start = at
    this.isError = false
    this.isRoot = false
    this.statuses = 0
    this.steps = 0
    this.totalSteps = -1
    this.minStart = Number.POSITIVE_INFINITY
    this.maxEnd = 0
    this.conditions = this.#resourceBits
    this.hasTraceState = false
    this.traceStateText = ''
    this.workflowFrom = -1
    this.items = 0
    this.#extend(end)
  }

  #extend(end: number): void {
    this.end = end
    this.items++
    if (this.#error) this.isError = true
    this.statuses |= this.#status
    if (this.#isStep) this.steps++
    if (!this.#hasParent) {
      this.isRoot = true
      if (this.#total >= 0) this.totalSteps = this.#total
    }
    if (this.#from > 0 && this.#from < this.minStart) this.minStart = this.#from
    if (this.#to > this.maxEnd) this.maxEnd = this.#to
    this.conditions |= this.#bits
    if (this.#state !== '') {
      this.hasTraceState = true
      this.traceStateText = this.#state
    }
    if (this.#wfFrom >= 0 && this.workflowFrom < 0) this.#readWorkflow(this.#wfFrom, this.#wfTo)
  }

  /** The text of the attribute noted before: read once a run. */
  #readWorkflow(from: number, to: number): void {
    for (let p = from; p < to; ) {
      const isValue = this.buf[p] === 0x12
      const next = this.#steps.over(this.buf, p, to)
      if (isValue && this.buf[this.#steps.at] === 0x0a) {
        const end = this.#steps.over(this.buf, this.#steps.at, next)
        if (end > this.#steps.at) {
          this.workflowFrom = this.#steps.at
          this.workflowTo = end
        }
      }
      p = next
    }
  }

  #reset(): void {
    this.#trace = -1
    this.#error = false
    this.#hasParent = false
    this.#status = 0
    this.#isStep = false
    this.#total = -1
    this.#from = 0
    this.#to = 0
    this.#bits = 0
    this.#state = ''
    this.#wfFrom = -1
  }

  #span(from: number, to: number): void {
    const { buf } = this
    this.#reset()
    let status = 0
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      let at = p + 2
      let next = at + buf[p + 1]!
      // Short fields with a length, nearly all there are, without the call.
      if ((tag & 0x87) !== 2 || next - at >= 0x80 || next > to) {
        next = this.#steps.over(this.buf, p, to)
        at = this.#steps.at
      }
      switch (tag) {
        case 0x4a:
          if (buf[at] !== 0x0a || this.#byLength[buf[at + 1]!] !== undefined) this.#attribute(at, next, false)
          break
        case 0x0a:
          this.#trace = next - at === 16 ? at : -1
          break
        case 0x1a:
          this.#traceState(at, next)
          break
        case 0x22:
          this.#hasParent = next > at
          break
        case 0x39:
          this.#from = this.#fixed64(at)
          break
        case 0x41:
          this.#to = this.#fixed64(at)
          break
        case 0x5a:
          if (!this.#error) this.#event(at, next)
          break
        case 0x7a:
          status = this.#statusCode(at, next)
          break
        case 0x85:
          // Field 16, `flags`: its tag has two bytes.
          if (buf[p + 1] === 1 && (buf[at]! & 1) !== 0) this.#bits |= this.#sampledBits
          break
        default:
      }
      p = next
    }
    this.#status = status === 2 ? 4 : status === 1 ? 2 : 1
    if (status === 2) this.#error = true
  }

  #record(from: number, to: number): void {
    const { buf } = this
    this.#reset()
    this.#hasParent = true
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      const next = this.#steps.over(this.buf, p, to)
      const at = this.#steps.at
      if (tag === 0x10) this.#error ||= this.#varint(at) >= SEVERITY_ERROR
      else if (tag === 0x32) this.#attribute(at, next, false)
      else if (tag === 0x4a && next - at === 16) this.#trace = at
      p = next
    }
    // All zeros is how some SDKs say that there is none.
    if (this.#trace >= 0 && isZeroId(buf, this.#trace)) this.#trace = -1
  }

  #traceState(from: number, to: number): void {
    if (from === to) return
    this.#state = this.buf.toString('latin1', from, to)
    if (this.#stateBits !== undefined) this.#bits |= this.#stateBits(this.#state)
  }

  #event(from: number, to: number): void {
    const { buf } = this
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      const next = this.#steps.over(this.buf, p, to)
      if (tag === 0x12 && isEqual(buf, this.#steps.at, next, EXCEPTION)) this.#error = true
      p = next
    }
  }

  #statusCode(from: number, to: number): number {
    let code = 0
    for (let p = from; p < to; ) {
      const tag = this.buf[p]!
      p = this.#steps.over(this.buf, p, to)
      if (tag === 0x18) code = this.buf[this.#steps.at]!
    }
    return code
  }

  #attribute(from: number, to: number, inResource: boolean): void {
    const { buf } = this
    // A key comes first and is short: anything else takes the long way.
    if (buf[from] === 0x0a && buf[from + 1]! < 0x80) {
      const length = buf[from + 1]!
      const list = this.#byLength[length]
      if (list === undefined) return
      const at = from + 2
      if (at + length > to) throw new WireError('OTLP_TRUNCATED', from)
      for (let i = 0; i < list.length; i++) {
        const wanted = list[i]!
        if (isEqual(buf, at, at + length, wanted.bytes)) this.#value(wanted, at + length, to, inResource)
      }
      return
    }
    this.#oddAttribute(from, to, inResource)
  }

  #oddAttribute(from: number, to: number, inResource: boolean): void {
    const { buf } = this
    let [keyFrom, keyTo] = [from, from]
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      p = this.#steps.over(this.buf, p, to)
      if (tag === 0x0a) [keyFrom, keyTo] = [this.#steps.at, p]
    }
    for (const wanted of this.#byLength[keyTo - keyFrom] ?? []) {
      if (isEqual(buf, keyFrom, keyTo, wanted.bytes)) this.#value(wanted, from, to, inResource)
    }
  }

  #value(wanted: Wanted, from: number, to: number, inResource: boolean): void {
    const { buf } = this
    if (inResource && wanted.key?.inResource !== true) return
    if (wanted.what === STEP_NAME) {
      this.#isStep = true
      return
    }
    if (wanted.what === WORKFLOW) {
      this.#wfFrom = from
      this.#wfTo = to
      return
    }
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      const next = this.#steps.over(this.buf, p, to)
      if (tag === 0x12) {
        for (let q = this.#steps.at; q < next; ) {
          const type = buf[q]! >>> 3
          const end = this.#steps.over(this.buf, q, next)
          this.#known(wanted, type, this.#steps.at, end)
          q = end
        }
      }
      p = next
    }
  }

  #known(wanted: Wanted, type: number, from: number, to: number): void {
    if (wanted.key !== undefined) {
      this.#bits |= wanted.key.test(this.buf, type, from, to)
      return
    }
    switch (wanted.what) {
      case TOTAL_STEPS:
        if (type === 3) this.#total = this.#varint(from)
        break
      case ERROR_TYPE:
        if (to > from) this.#error = true
        break
      default:
    }
  }

  #fixed64(at: number): number {
    const { buf } = this
    const low = buf[at]! + buf[at + 1]! * 0x100 + buf[at + 2]! * 0x10000 + buf[at + 3]! * 0x1000000
    const high = buf[at + 4]! + buf[at + 5]! * 0x100 + buf[at + 6]! * 0x10000 + buf[at + 7]! * 0x1000000
    return high * 0x100000000 + low
  }

  #varint(at: number): number {
    let value = 0
    for (let p = at, factor = 1; p < at + 10; p++, factor *= 128) {
      const byte = this.buf[p]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    return value
  }
}

function isEqual(buf: Buffer, from: number, to: number, bytes: Buffer): boolean {
  const length = to - from
  if (length !== bytes.length) return false
  for (let i = length - 1; i >= 0; i--) if (buf[from + i] !== bytes[i]) return false
  return true
}
