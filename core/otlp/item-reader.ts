// The ItemView of the walk: reads single fields of the current item, its metric, scope and resource when asked.
// Everything it reads lies at or around the item in the request being walked and was bounds-checked or is checked here:
// a malformed part reads as absent (the walk refuses the item right after).

import { findLast, valueAt } from './any-value.js'
import { encodeLength } from './edit.js'
import { MESSAGES } from './schema.js'
import type { Signal } from './signal.js'
import type { ItemView } from './views.js'
import { contentFrom, skipField } from './walk-fields.js'

const NAMES = [...MESSAGES.keys()]
const NUMBERS = NAMES.map(name => new Map(MESSAGES.get(name)!.fields.map(f => [f.name, f.number])))

export class ItemReader implements ItemView {
  readonly signal: Signal
  buf: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  /** Index of the item's message in the schema. */
  message = 0
  #resourceFrom = 0
  #resourceTo = 0
  #metricFrom = 0
  #metricTo = 0
  #scopeFrom = 0
  #scopeTo = 0
  readonly #drop: (reason: string) => boolean
  readonly #insert: (key: string, anyValue: Buffer) => void
  readonly #insertField: (field: Buffer) => void

  constructor(
    signal: Signal,
    drop: (reason: string) => boolean,
    insert: (key: string, anyValue: Buffer) => void,
    insertField: (field: Buffer) => void
  ) {
    this.signal = signal
    this.#drop = drop
    this.#insert = insert
    this.#insertField = insertField
  }

  enter(buf: Buffer): void {
    this.buf = buf
  }

  enterResource(from: number, to: number): void {
    this.#resourceFrom = from
    this.#resourceTo = to
  }

  enterMetric(from: number, to: number): void {
    this.#metricFrom = from
    this.#metricTo = to
  }

  enterScope(from: number, to: number): void {
    this.#scopeFrom = from
    this.#scopeTo = to
  }

  enterItem(message: number, from: number, to: number): void {
    this.message = message
    this.start = from
    this.end = to
  }

  get attributesField(): number {
    return NUMBERS[this.message]!.get('attributes') ?? 0
  }

  name(): string {
    if (this.signal === 'metrics') return this.#textAt(1, this.#metricFrom, this.#metricTo)
    return this.#textAt(this.signal === 'traces' ? 5 : 12, this.start, this.end)
  }

  attribute(key: string): unknown {
    return this.#attributeIn(this.attributesField, key, this.start, this.end)
  }

  resourceAttribute(key: string): unknown {
    const at = findLast(this.buf, 1, 2, this.#resourceFrom, this.#resourceTo)
    return at === undefined ? undefined : this.#attributeIn(1, key, at.from, at.to)
  }

  scopeName(): string {
    const at = findLast(this.buf, 1, 2, this.#scopeFrom, this.#scopeTo)
    return at === undefined ? '' : this.#textAt(1, at.from, at.to)
  }

  get spanKind(): number {
    return this.signal === 'traces' ? this.#varintAt(6, this.start, this.end) : 0
  }

  get status(): number {
    if (this.signal === 'logs') return this.#varintAt(2, this.start, this.end)
    if (this.signal === 'metrics') return 0
    const at = findLast(this.buf, 15, 2, this.start, this.end)
    return at === undefined ? 0 : this.#varintAt(3, at.from, at.to)
  }

  traceId(): Buffer | undefined {
    return this.signal === 'metrics' ? undefined : this.#bytesAt(this.signal === 'traces' ? 1 : 9)
  }

  spanId(): Buffer | undefined {
    return this.signal === 'metrics' ? undefined : this.#bytesAt(this.signal === 'traces' ? 2 : 10)
  }

  startTime(): bigint {
    return this.#fixed64At(this.signal === 'traces' ? 7 : this.signal === 'logs' ? 1 : 3)
  }

  endTime(): bigint {
    return this.signal === 'traces' ? this.#fixed64At(8) : this.startTime()
  }

  body(): unknown {
    if (this.signal !== 'logs') return undefined
    const at = findLast(this.buf, 5, 2, this.start, this.end)
    return at === undefined ? undefined : valueAt(this.buf, at.from, at.to)
  }

  drop(reason: string): void {
    this.#drop(reason)
  }

  insert(key: string, anyValue: Buffer): void {
    this.#insert(key, anyValue)
  }

  traceState(): string {
    return this.signal === 'traces' ? this.#textAt(3, this.start, this.end) : ''
  }

  /** A singular field given twice: the later one counts (protobuf), and this one stands behind all others. */
  insertTraceState(text: string): void {
    if (this.signal !== 'traces') return
    const content = Buffer.from(text)
    this.#insertField(Buffer.concat([Buffer.from([0x1a]), encodeLength(content.length), content]))
  }

  #attributeIn(field: number, key: string, from: number, to: number): unknown {
    let found: unknown
    const wanted = bytesOf(key)
    for (let p = from; p < to; ) {
      const next = skipField(this.buf, p, to)
      if (next < 0) break
      if (this.buf[p] === ((field << 3) | 2)) {
        const at = contentFrom(this.buf, p)
        const keyAt = findLast(this.buf, 1, 2, at, next)
        if (keyAt !== undefined && isAt(this.buf, keyAt.from, keyAt.to, wanted)) {
          const value = findLast(this.buf, 2, 2, at, next)
          found = value === undefined ? undefined : valueAt(this.buf, value.from, value.to)
        }
      }
      p = next
    }
    return found
  }

  #textAt(field: number, from: number, to: number): string {
    const at = findLast(this.buf, field, 2, from, to)
    return at === undefined ? '' : this.buf.toString('utf8', at.from, at.to)
  }

  #bytesAt(field: number): Buffer | undefined {
    const at = findLast(this.buf, field, 2, this.start, this.end)
    return at === undefined || at.from === at.to ? undefined : Buffer.from(this.buf.subarray(at.from, at.to))
  }

  #varintAt(field: number, from: number, to: number): number {
    const at = findLast(this.buf, field, 0, from, to)
    if (at === undefined) return 0
    let value = 0
    for (let p = at.from, shift = 1; p < at.to; p++, shift *= 128) value += (this.buf[p]! & 0x7f) * shift
    return value
  }

  #fixed64At(field: number): bigint {
    const at = findLast(this.buf, field, 1, this.start, this.end)
    return at === undefined ? 0n : this.buf.readBigUInt64LE(at.from)
  }
}

/** Keys that processors ask for come from their config: few. */
const MAX_KEYS = 1000
const KEYS = new Map<string, Buffer>()

function bytesOf(key: string): Buffer {
  let bytes = KEYS.get(key)
  if (bytes === undefined) {
    bytes = Buffer.from(key)
    if (KEYS.size < MAX_KEYS) KEYS.set(key, bytes)
  }
  return bytes
}

function isAt(buf: Buffer, from: number, to: number, wanted: Buffer): boolean {
  return to - from === wanted.length && buf.compare(wanted, 0, wanted.length, from, to) === 0
}
