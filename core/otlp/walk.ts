// The one walk over an encoded OTLP request.
//
// It checks the whole structure (bounds, varints, nesting, ids), counts items, and shows every place to the visitors
// of its pass, all from the bytes: nothing is decoded unless a visitor asks. What they change is noted in an EditList
// and copied out once.
//
//   - The table below is schema.ts compiled to integers: one load per field says what to do with it.
//   - Attributes are the hot path (four fifths of a span): a KeyValue in its usual form, key then value, once each, is
//     read straight through. Any other form (swapped, repeated or unknown fields) is first rewritten to the usual one,
//     because a repeated field is where a value could hide: protobuf readers keep the last one, a disk keeps both.
//   - Before all that the sieve (sieve/) lists the places that need a look; the rest, whole items included, it has checked.
//   - A KeyValue that changes is written anew and replaces the old one; nested maps and arrays are rebuilt from the inside.
//   - What is wrong inside an item costs that item; what is wrong around items costs the request (MalformedError).
//
// Merging, as protobuf does, of a singular message that occurs twice in its parent needs no care here: every occurrence
// is walked. Unknown fields stay byte for byte; they are shown as values (kind `bytes` or `int`) and cut if touched.

import { EditList, encodeLength, lengthSize, writeLength } from './edit.js'
import { ItemReader } from './item-reader.js'
import { KeyTable } from './key-table.js'
import type { Key } from './keys.js'
import { MESSAGES, PLACES, REQUEST_MESSAGE } from './schema.js'
import { Sieve } from './sieve/sieve.js'
import type { Signal } from './signal.js'
import { isHiding, parseAny, parseUsual, restLength, usualAny, usualForm } from './usual-form.js'
import { AttributeImpl, ValueImpl } from './view-impl.js'
import { ValueType, type Visitor } from './views.js'
import { readLengthAt, skipField, skipGroup } from './walk-fields.js'
import {
  ANY,
  ATTRIBUTE,
  FIELDS,
  ID,
  ITEM,
  MESSAGE,
  METRIC,
  NAMES,
  RESOURCE,
  SCOPE,
  SKIP,
  TABLE,
  TEXT
} from './walk-table.js'

/** Nesting of AnyValues beyond this is refused: protobuf readers give up near 100 levels of messages, two a value. */
export const MAX_VALUE_DEPTH = 32

/** The bytes are no OTLP request. The message names what is wrong and where (byte offset), never a value. */
export class MalformedError extends Error {
  readonly code = 'OTLP_MALFORMED'
}

export interface WalkResult {
  /** The request after edits; the very same Buffer when nothing changed. */
  readonly bytes: Buffer
  /** Items in `bytes`. */
  readonly items: number
  /** Items the request held. */
  readonly seen: number
  /** Items refused because they are not valid OTLP, and why the first of them was. */
  readonly rejected: number
  readonly rejectedWhy: string
}

const PLACE_UNKNOWN = PLACES.indexOf('unknown_field')
const ATTRIBUTES_FIELD = NAMES.map(name => MESSAGES.get(name)!.fields.find(f => f.message === 'KeyValue')?.number ?? 0)

const ALL_PLACES = -1
const UNTOUCHED = -1
const GONE = -2
const MAX_VISITORS = 30
/** Shorter requests cost less without a sieve. */
const SIEVE_FROM = 512
const NEVER = 0x7fffffff

const M_KEY_VALUE = NAMES.indexOf('KeyValue')
const M_ANY_VALUE = NAMES.indexOf('AnyValue')

interface Step {
  readonly visitor: Visitor
  readonly item: boolean
  readonly attribute: boolean
  readonly value: boolean
  readonly itemEnd: boolean
}

/** What the walk reports besides edits. */
export interface WalkReport {
  /** A visitor dropped `items` items for `reason`. */
  dropped(visitor: Visitor, reason: string, items: number): void
  /** A visitor's hook threw; the text or item is gone (fails closed). */
  failed(visitor: Visitor, error: unknown): void
}

/** Walks requests of one signal for a fixed list of visitors. One walk at a time. */
export class Walker {
  readonly #root: number
  readonly #signal: Signal
  readonly #steps: readonly Step[]
  readonly #report: WalkReport
  readonly #hasItem: boolean
  readonly #hasItemEnd: boolean
  readonly #hasValue: boolean
  readonly #hasAttributeOrValue: boolean
  readonly #hasAttribute: boolean
  readonly #sieveFrom: number
  #sieve: Sieve | undefined
  // What the sieve says of the request in hand.
  #events: Int32Array = new Int32Array(0)
  #eventAt = 0
  #eventCount = 0
  /** The next place that needs a look, NEVER when there is none. */
  #next = 0
  /** Up to here all others need none. */
  #sure = 0

  readonly #keys = new KeyTable()
  readonly #edits = new EditList()
  readonly #path: Key[] = []
  readonly #attributes: AttributeImpl[] = []
  /** Stands above a log body, which has no key: depth -1, so that pairs in it begin at 0. */
  readonly #bodyOwner: AttributeImpl
  readonly #value: ValueImpl
  readonly #item: ItemReader

  #buf: Buffer = Buffer.alloc(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #after = 0 // position behind the varint that #long read
  #why = ''
  #whyAt = 0
  #seen = 0
  #kept = 0
  #rejected = 0
  #rejectedWhy = ''
  #ids = 0 // of the current item: 1 trace_id, 2 span_id seen
  #inItem = false
  #step = 0 // whose hook is running
  #dropBy = -1 // the step that dropped the current item
  #dropReason = ''
  #inserts: Buffer[] = []

  /** `sieveFrom`: requests of so many bytes go through the sieve first. */
  constructor(signal: Signal, visitors: readonly Visitor[], report: WalkReport, sieveFrom = SIEVE_FROM) {
    if (visitors.length > MAX_VISITORS) throw new RangeError(`at most ${MAX_VISITORS} processors in one walk`)
    this.#signal = signal
    this.#root = NAMES.indexOf(REQUEST_MESSAGE[signal])
    this.#report = report
    this.#steps = visitors.map(visitor => ({
      visitor,
      item: visitor.item !== undefined,
      attribute: visitor.attribute !== undefined,
      value: visitor.value !== undefined,
      itemEnd: visitor.itemEnd !== undefined
    }))
    this.#hasItem = this.#steps.some(step => step.item)
    this.#hasItemEnd = this.#steps.some(step => step.itemEnd)
    this.#hasValue = this.#steps.some(step => step.value)
    this.#hasAttribute = this.#steps.some(step => step.attribute)
    this.#hasAttributeOrValue = this.#hasValue || this.#hasAttribute
    this.#sieveFrom = canSieve(visitors) ? sieveFrom : NEVER
    const drop = (reason: string): boolean => this.#drop(reason)
    this.#value = new ValueImpl(signal, this.#path, drop)
    for (let d = 0; d <= MAX_VALUE_DEPTH; d++) this.#attributes.push(new AttributeImpl(signal, d, this.#path, drop))
    this.#bodyOwner = new AttributeImpl(signal, -1, this.#path, drop)
    this.#item = new ItemReader(
      signal,
      drop,
      (key, any) => this.#insert(key, any),
      field => this.#inserts.push(field)
    )
  }

  /** Walks one request. @throws MalformedError when it is no OTLP request of this signal. */
  walk(bytes: Buffer): WalkResult {
    this.#buf = bytes
    this.#view = viewOf(bytes)
    this.#seen = this.#kept = this.#rejected = 0
    this.#rejectedWhy = ''
    this.#inItem = false
    this.#dropBy = -1
    const edits = this.#edits
    edits.reset()
    this.#item.enter(bytes)
    this.#sift(bytes)
    if (!this.#message(this.#root, 0, bytes.length)) {
      throw new MalformedError(`${this.#why} at byte ${this.#whyAt}`)
    }
    return {
      bytes: edits.isEmpty ? bytes : edits.apply(bytes),
      items: this.#kept,
      seen: this.#seen,
      rejected: this.#rejected,
      rejectedWhy: this.#rejectedWhy
    }
  }

  #sift(bytes: Buffer): void {
    this.#sure = 0
    this.#next = NEVER
    if (bytes.length < this.#sieveFrom) return
    this.#sieve ??= new Sieve({
      fields: TABLE,
      root: this.#root,
      isTraces: this.#signal === 'traces',
      attributes: this.#hasAttribute,
      interest: this.#steps.find(step => step.value)?.visitor.interest
    })
    if (!this.#sieve.run(bytes)) return
    this.#events = this.#sieve.events
    this.#eventCount = this.#sieve.count
    this.#eventAt = 0
    this.#sure = this.#sieve.sureUntil
    this.#next = this.#eventCount > 0 ? this.#events[0]! : NEVER
  }

  /** True when the sieve has checked the field and nobody need look at it; else it is looked at now. */
  #isSpared(tagAt: number, stop: number): boolean {
    if (tagAt !== this.#next && stop <= this.#sure) return true
    this.#advance(stop)
    return false
  }

  /** Goes on to the first listed place at or behind `from`. */
  #advance(from: number): void {
    while (this.#next < from) {
      const i = ++this.#eventAt
      this.#next = i < this.#eventCount ? this.#events[i]! : NEVER
    }
  }

  #message(m: number, start: number, end: number): boolean {
    const buf = this.#buf
    const edits = this.#edits
    let p = start
    while (p < end) {
      const tagAt = p
      let tag = buf[p++]!
      if (tag >= 0x80) {
        tag = this.#long(tagAt, end)
        if (tag < 0) return false
        p = this.#after
      }
      const field = tag >>> 3
      const op = field < FIELDS ? TABLE[m * FIELDS + field]! : 0
      if ((tag & 7) !== 2) {
        p = this.#scalar(op, tag, tagAt, p, end)
        if (p < 0) return false
        continue
      }
      const lengthAt = p
      if (p >= end) return this.#fail('truncated length', p)
      let length = buf[p++]!
      if (length >= 0x80) {
        length = this.#long(lengthAt, end)
        if (length < 0) return false
        p = this.#after
      }
      const stop = p + length
      if (stop > end) return this.#fail('a length reaches beyond its message', lengthAt)
      switch (op & 15) {
        case ATTRIBUTE:
          if (this.#isSpared(tagAt, stop)) break
          if (!this.#attribute(op >> 4, tagAt, p, stop)) return false
          break
        case TEXT:
          if (this.#isSpared(tagAt, stop)) break
          if (this.#hasValue && !this.#text(op >> 4, tagAt, p, stop)) return false
          break
        case ID:
          if (!this.#id(op, p, length)) return false
          break
        case ITEM:
          if (this.#next >= stop && stop <= this.#sure && !this.#hasItem && !this.#hasItemEnd) {
            this.#seen++
            this.#kept++
            break
          }
          this.#oneItem(op >> 4, tagAt, lengthAt, p, stop)
          break
        case RESOURCE:
        case METRIC:
        case SCOPE:
        case MESSAGE: {
          const keptBefore = this.#kept
          const seenBefore = this.#seen
          edits.open(tagAt, lengthAt, p, stop)
          if ((op & 15) === RESOURCE) this.#item.enterResource(p, stop)
          else if ((op & 15) === METRIC) this.#item.enterMetric(p, stop)
          else if ((op & 15) === SCOPE) this.#item.enterScope(p, stop)
          if (!this.#message(op >> 4, p, stop)) return false
          // An envelope that lost all its items goes too: nobody should send empty ones (OTLP G8).
          if (this.#seen > seenBefore && this.#kept === keptBefore) edits.cut()
          else edits.close()
          break
        }
        case ANY:
          if (this.#isSpared(tagAt, stop)) break
          if (!this.#body(op >> 4, tagAt, p, stop)) return false
          break
        case SKIP:
          // One number in a foreign wire type is an unknown field: it could hold text.
          if (op !== SKIP && this.#hasValue && !this.#unknown(tagAt, p, stop, 'bytes')) return false
          break
        default:
          if (field === 0) return this.#fail('field number 0', tagAt)
          if (this.#hasValue && !this.#unknown(tagAt, p, stop, 'bytes')) return false
      }
      p = stop
    }
    return true
  }

  /** A field that is not length-delimited; the position behind it, or -1. */
  #scalar(op: number, tag: number, tagAt: number, p: number, end: number): number {
    let next: number
    switch (tag & 7) {
      case 0:
        if (p < end && this.#buf[p]! < 0x80) next = p + 1
        else {
          next = this.#skipVarint(p, end)
          if (next < 0) return -1
        }
        break
      case 1:
        next = p + 8
        break
      case 5:
        next = p + 4
        break
      case 3:
        next = skipGroup(this.#buf, tag >>> 3, p, end, 0)
        if (next < 0) return this.#fail('a malformed group', tagAt) ? 0 : -1
        break
      default:
        this.#fail(`wire type ${tag & 7}`, tagAt)
        return -1
    }
    if (next > end) {
      this.#fail('truncated field', tagAt)
      return -1
    }
    if ((op & 15) !== SKIP || (tag & 7) === 3) {
      if (tag >>> 3 === 0) {
        this.#fail('field number 0', tagAt)
        return -1
      }
      // A known field in a foreign wire type is an unknown field to every protobuf reader. With somebody looking for
      // text it is cut when it could hold some: a group, or a varint that was flagged.
      if (this.#hasValue && (tag & 7) === 3) this.#edits.replace(tagAt, next, undefined)
      else if (this.#hasValue && (tag & 7) === 0 && !this.#unknown(tagAt, p, next, 'int')) return -1
    }
    return next
  }

  #oneItem(m: number, tagAt: number, lengthAt: number, from: number, to: number): void {
    const edits = this.#edits
    this.#seen++
    edits.open(tagAt, lengthAt, from, to)
    const depth = edits.depth
    // An item that is listed itself is walked in full.
    const sure = this.#sure
    if (this.#next === tagAt) this.#sure = 0
    this.#inItem = true
    this.#ids = 0
    this.#item.enterItem(m, from, to)
    let isGood = !this.#hasItem || this.#askItem(false)
    isGood = isGood && this.#message(m, from, to)
    if (isGood && this.#signal === 'traces' && this.#ids !== 3) {
      isGood = this.#fail((this.#ids & 1) === 0 ? 'a span without trace_id' : 'a span without span_id', from)
    }
    if (isGood && this.#hasItemEnd) isGood = this.#askItem(true)
    this.#inItem = false
    this.#sure = sure
    this.#advance(to)
    if (isGood) {
      this.#kept++
      if (this.#inserts.length > 0) this.#flushInserts(to)
      edits.close()
      return
    }
    this.#inserts.length = 0
    edits.unwind(depth)
    edits.cut()
    if (this.#dropBy >= 0) {
      this.#report.dropped(this.#steps[this.#dropBy]!.visitor, this.#dropReason, 1)
      this.#dropBy = -1
    } else {
      if (this.#rejected++ === 0) this.#rejectedWhy = `${this.#why} at byte ${this.#whyAt}`
    }
  }

  #askItem(isEnd: boolean): boolean {
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (isEnd ? !step.itemEnd : !step.item) continue
      this.#step = i
      try {
        if (isEnd) step.visitor.itemEnd!(this.#item)
        else step.visitor.item!(this.#item)
      } catch (error) {
        this.#report.failed(step.visitor, error)
        this.#drop('processor_error')
      }
      if (this.#dropBy >= 0) return false
    }
    return true
  }

  #drop(reason: string): boolean {
    if (!this.#inItem) return false
    this.#dropBy = this.#step
    this.#dropReason = reason
    return true
  }

  #insert(key: string, any: Buffer): void {
    const text = Buffer.from(key)
    const field = ATTRIBUTES_FIELD[this.#item.message]!
    const size = 1 + lengthSize(text.length) + text.length + 1 + lengthSize(any.length) + any.length
    const out = Buffer.allocUnsafe(1 + lengthSize(size) + size)
    let p = 0
    out[p++] = (field << 3) | 2
    p = writeLength(out, p, size)
    p = writeKeyValue(out, p, text, 0, text.length)
    out[p++] = 0x12
    p = writeLength(out, p, any.length)
    any.copy(out, p)
    this.#inserts.push(out)
  }

  #flushInserts(at: number): void {
    this.#edits.replace(at, at, this.#inserts.length === 1 ? this.#inserts[0] : Buffer.concat(this.#inserts))
    this.#inserts.length = 0
  }

  #id(op: number, at: number, length: number): boolean {
    const wanted = (op >> 4) & 31
    if (length !== wanted) {
      if (length === 0 && op >> 9 === 0) return true
      return this.#fail(`${wanted === 16 ? 'trace_id' : 'span_id'} of ${length} bytes instead of ${wanted}`, at)
    }
    if (op >> 9 === 0) return true
    const view = this.#view
    let isZero = view.getInt32(at, true) === 0 && view.getInt32(at + 4, true) === 0
    if (isZero && wanted === 16) isZero = view.getInt32(at + 8, true) === 0 && view.getInt32(at + 12, true) === 0
    if (isZero) return this.#fail(`${wanted === 16 ? 'trace_id' : 'span_id'} is all zeros`, at)
    this.#ids |= wanted === 16 ? 1 : 2
    return true
  }

  // ---- attributes

  #attribute(place: number, tagAt: number, start: number, end: number): boolean {
    const buf = this.#buf
    // The usual form: 0A len key 12 len value, nothing else.
    if (start + 2 <= end && buf[start] === 0x0a) {
      let p = start + 1
      let length = buf[p++]!
      if (length >= 0x80) {
        length = this.#long(start + 1, end)
        if (length < 0) return false
        p = this.#after
      }
      const keyEnd = p + length
      if (keyEnd === end) return this.#usual(place, tagAt, p, keyEnd, end, ValueType.empty, end, end, false)
      if (keyEnd + 2 <= end && buf[keyEnd] === 0x12) {
        let v = keyEnd + 1
        let size = buf[v++]!
        if (size >= 0x80) {
          size = this.#long(keyEnd + 1, end)
          if (size < 0) return false
          v = this.#after
        }
        if (v + size === end) return this.#anyValue(place, tagAt, start, p, keyEnd, v, end)
      }
    }
    return this.#unusual(place, tagAt, start, end)
  }

  /** The AnyValue `[v, end)` of an attribute with its key at `[keyAt, keyEnd)`. */
  #anyValue(
    place: number,
    tagAt: number,
    start: number,
    keyAt: number,
    keyEnd: number,
    v: number,
    end: number
  ): boolean {
    const buf = this.#buf
    if (v === end) return this.#usual(place, tagAt, keyAt, keyEnd, end, ValueType.empty, end, end, true)
    switch (buf[v]!) {
      case 0x0a:
      case 0x2a:
      case 0x32:
      case 0x3a: {
        let p = v + 1
        if (p >= end) break
        let size = buf[p++]!
        if (size >= 0x80) {
          size = this.#long(v + 1, end)
          if (size < 0) return false
          p = this.#after
        }
        if (p + size !== end) break
        return this.#usual(place, tagAt, keyAt, keyEnd, end, (buf[v]! >>> 3) as ValueType, p, end, true)
      }
      case 0x10:
      case 0x18:
      case 0x40:
        if (this.#varintEnd(v + 1, end) !== end) break
        return this.#usual(place, tagAt, keyAt, keyEnd, end, (buf[v]! >>> 3) as ValueType, v + 1, end, true)
      case 0x21:
        if (v + 9 !== end) break
        return this.#usual(place, tagAt, keyAt, keyEnd, end, ValueType.double, v + 1, end, true)
    }
    return this.#unusual(place, tagAt, start, end)
  }

  #varintEnd(p: number, end: number): number {
    const buf = this.#buf
    const last = Math.min(end, p + 10)
    for (let i = p; i < last; i++) if (buf[i]! < 0x80) return i + 1
    return -1
  }

  #usual(
    place: number,
    tagAt: number,
    keyAt: number,
    keyEnd: number,
    end: number,
    type: ValueType,
    from: number,
    to: number,
    hasValue: boolean
  ): boolean {
    if (type === ValueType.array || type === ValueType.map) {
      if (!this.#isList(this.#buf, from, to, type === ValueType.map, 1)) return false
    }
    if (!this.#hasAttributeOrValue) return true
    const key = this.#keys.lookup(this.#view, keyAt, keyEnd)
    if (key.wanted === -1) this.#askWanted(key)
    this.#path[0] = key
    const a = this.#attributes[0]!
    let isOpen = true
    if (key.wanted === 0 && (key.quiet & (1 << place)) !== 0 && type !== ValueType.array && type !== ValueType.map) {
      this.#teach(key, place)
      if (!this.#hasValue || !isText(type)) return true
      const touched = this.#showUsual(place, key, type, from, to)
      if (touched < 0) return touched === UNTOUCHED
      a.enter(PLACES[place]!, key, this.#buf, type, from, to, hasValue)
      apply(this.#value, a)
      isOpen = this.#ask(a, place, touched + 1)
    } else {
      a.enter(PLACES[place]!, key, this.#buf, type, from, to, hasValue)
      isOpen = this.#ask(a, place, 0)
    }
    if (!isOpen) return false
    if (key.wanted === 0 && (key.quiet & (1 << place)) !== 0) this.#teach(key, place)
    if (a.isRemoved) this.#edits.replace(tagAt, end, undefined)
    else if (a.isChanged) this.#edits.replace(tagAt, end, a.encode(this.#buf[tagAt]!))
    return true
  }

  /** A key that was shown and left, and that nobody wants as such, is from now on the sieve's to judge. */
  #teach(key: Key, place: number): void {
    const sieve = this.#sieve
    if (sieve === undefined) return
    if (key.taughtIn !== sieve.generation) {
      key.taught = 0
      key.taughtIn = sieve.generation
    }
    if ((key.taught & (1 << place)) !== 0) return
    key.taught |= 1 << place
    sieve.teach(key, place)
  }

  #askWanted(key: Key): void {
    let wanted = 0
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (step.attribute && (step.visitor.wantsKey?.(key) ?? true)) wanted |= 1 << i
    }
    key.wanted = wanted
    if (!this.#hasValue) key.quiet = ALL_PLACES
  }

  /**
   * The short way for most attributes: a scalar that nobody wants as an attribute. The step that touched it, with its
   * change in #value; UNTOUCHED; or GONE when the item was dropped.
   */
  #showUsual(place: number, key: Key, type: ValueType, from: number, to: number): number {
    const v = this.#value
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (!step.value) continue
      this.#step = i
      v.enterScalar(PLACES[place]!, key, 0, type, this.#buf, from, to)
      this.#showTo(step.visitor, v)
      if (this.#dropBy >= 0) return GONE
      if (v.isTouched) return i
    }
    return UNTOUCHED
  }

  /** Asks one visitor about the value in hand; a hook that throws costs that value. */
  #showTo(visitor: Visitor, v: ValueImpl): void {
    try {
      visitor.value!(v)
    } catch (error) {
      this.#report.failed(visitor, error)
      v.remove()
    }
  }

  /** Shows one pair to the visitors from step `first` on, in order; descends into maps and arrays. False when the item goes. */
  #ask(a: AttributeImpl, place: number, first: number): boolean {
    const steps = this.#steps
    for (let i = first; i < steps.length && !a.isRemoved; i++) {
      const step = steps[i]!
      this.#step = i
      try {
        if (step.attribute) {
          if (a.key.wanted === -1) this.#askWanted(a.key)
          if ((a.key.wanted & (1 << i)) !== 0) step.visitor.attribute!(a)
        }
        if (step.value && !a.isRemoved) this.#askValue(a, step, place)
      } catch (error) {
        this.#report.failed(step.visitor, error)
        a.remove()
      }
      if (this.#dropBy >= 0) return false
    }
    if (a.isRemoved || a.sealed) return true
    if (!a.isRenamed && first === 0) a.key.quiet |= 1 << place
    if (a.type === ValueType.array || a.type === ValueType.map) return this.#descend(a, place)
    return true
  }

  #askValue(a: AttributeImpl, step: Step, place: number): void {
    const v = this.#value
    if ((a.key.quiet & (1 << place)) === 0) {
      const key = a.key
      v.enterText(a.place, 'key', key, a.depth, key.bytes, 0, key.bytes.length)
      step.visitor.value!(v)
      if (v.isTouched) {
        if (v.isRemoved) {
          a.remove()
          return
        }
        a.renameBytes(v.fresh)
      }
    }
    if (a.sealed || !isText(a.type)) return
    v.enterScalar(a.place, a.key, a.depth, a.type, a.buf, a.start, a.end)
    step.visitor.value!(v)
    if (v.isTouched) apply(v, a)
  }

  // ---- nested values

  #descend(a: AttributeImpl, place: number): boolean {
    if (a.depth + 1 > MAX_VALUE_DEPTH) return true // refused by #isList before
    const fresh = this.#list(a.buf, a.start, a.end, a.type === ValueType.map, a, place)
    if (this.#dropBy >= 0) return false
    if (fresh !== undefined) a.replaceContent(fresh)
    return true
  }

  /** Walks the content of a KeyValueList or ArrayValue; its new content, or undefined when nothing changed. */
  #list(
    buf: Buffer,
    start: number,
    end: number,
    isMap: boolean,
    owner: AttributeImpl,
    place: number
  ): Buffer | undefined {
    const view = buf === this.#buf ? this.#view : viewOf(buf)
    let parts: Buffer[] | undefined
    let from = start
    let p = start
    while (p < end) {
      const at = p
      const next = skipField(buf, p, end)
      const length = readLengthAt(buf, p + 1)
      const body = next - length
      let fresh: Buffer | undefined | null
      if (buf[at] !== 0x0a) fresh = this.#hasValue ? null : undefined
      else if (isMap) fresh = this.#pair(buf, view, body, next, owner, place)
      else fresh = this.#element(buf, body, next, owner, place)
      if (this.#dropBy >= 0) return undefined
      if (fresh !== undefined) {
        parts ??= []
        if (at > from) parts.push(buf.subarray(from, at))
        if (fresh !== null) parts.push(Buffer.of(0x0a), encodeLength(fresh.length), fresh)
        from = next
      }
      p = next
    }
    if (parts === undefined) return undefined
    if (end > from) parts.push(buf.subarray(from, end))
    return Buffer.concat(parts)
  }

  /** One pair of a nested map: its new KeyValue content, undefined = unchanged, null = gone. */
  #pair(
    buf: Buffer,
    view: DataView,
    start: number,
    end: number,
    owner: AttributeImpl,
    place: number
  ): Buffer | null | undefined {
    const usual = parseUsual(buf, start, end)
    if (usual === undefined) {
      const rest: Buffer[] = []
      if (!this.#keepRest(buf, start, end, rest)) return undefined
      const fixed = usualForm(buf, start, end)
      const inner = this.#pair(fixed, viewOf(fixed), 0, fixed.length, owner, place)
      if (inner === null || (inner === undefined && this.#mayStay(buf, start, end, rest))) return inner
      return Buffer.concat([inner ?? fixed, ...rest])
    }
    const depth = owner.depth + 1
    const a = this.#attributes[depth]!
    const key = this.#keys.lookup(view, usual.keyAt, usual.keyEnd)
    this.#path[depth] = key
    a.enter(owner.place, key, buf, usual.type, usual.from, usual.to, usual.hasValue)
    if (!this.#ask(a, place, 0)) return undefined
    if (a.isRemoved) return null
    return a.isChanged ? a.encodeContent() : undefined
  }

  /** One element of an array, or a log body: an AnyValue at `[start, end)`. New AnyValue content, or undefined. */
  #element(buf: Buffer, start: number, end: number, owner: AttributeImpl, place: number): Buffer | undefined {
    const any = parseAny(buf, start, end)
    if (any === undefined) {
      const fixed = usualAny(buf, start, end)
      return this.#element(fixed, 0, fixed.length, owner, place) ?? (this.#hasValue ? fixed : undefined)
    }
    if (any.type === ValueType.array || any.type === ValueType.map) {
      const fresh = this.#list(buf, any.from, any.to, any.type === ValueType.map, owner, place)
      return fresh === undefined ? undefined : anyValue(any.type, fresh)
    }
    if (
      !this.#hasValue ||
      any.type === ValueType.empty ||
      any.type === ValueType.bool ||
      any.type === ValueType.strindex
    )
      return undefined
    const key = owner.hasKey ? owner.key : undefined
    return this.#showScalar(place, key, owner.depth, any.type, buf, any.from, any.to)
  }

  #showScalar(
    place: number,
    key: Key | undefined,
    depth: number,
    type: ValueType,
    buf: Buffer,
    from: number,
    to: number
  ): Buffer | undefined {
    const v = this.#value
    let current: Buffer | undefined
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (!step.value) continue
      this.#step = i
      if (current === undefined) v.enterScalar(PLACES[place]!, key, depth, type, buf, from, to)
      else v.enterText(PLACES[place]!, 'string', key, depth, current, 0, current.length)
      this.#showTo(step.visitor, v)
      if (this.#dropBy >= 0) return undefined
      if (!v.isTouched) continue
      if (v.isRemoved) return Buffer.alloc(0)
      current = v.fresh
      if (v.sealed) break
    }
    return current === undefined ? undefined : anyValue(ValueType.string, current)
  }

  #body(place: number, tagAt: number, start: number, end: number): boolean {
    if (!this.#isMessage(M_ANY_VALUE, this.#buf, start, end, 1)) return false
    if (!this.#hasAttributeOrValue) return true
    const owner = this.#bodyOwner
    owner.enterKeyless(PLACES[place]!)
    const fresh = this.#element(this.#buf, start, end, owner, place)
    if (this.#dropBy >= 0) return false
    if (fresh !== undefined)
      this.#edits.replace(
        tagAt,
        end,
        Buffer.concat([this.#buf.subarray(tagAt, tagAt + 1), encodeLength(fresh.length), fresh])
      )
    return true
  }

  // ---- plain texts and unknown fields

  #text(place: number, tagAt: number, start: number, end: number): boolean {
    if (start === end) return true
    const v = this.#value
    let current: Buffer | undefined
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (!step.value) continue
      this.#step = i
      if (current === undefined) v.enterText(PLACES[place]!, 'string', undefined, -1, this.#buf, start, end)
      else v.enterText(PLACES[place]!, 'string', undefined, -1, current, 0, current.length)
      this.#showTo(step.visitor, v)
      if (this.#dropBy >= 0) return false
      if (!v.isTouched) continue
      current = v.isRemoved ? Buffer.alloc(0) : v.fresh
      if (v.isRemoved || v.sealed) break
    }
    if (current === undefined) return true
    this.#edits.replace(
      tagAt,
      end,
      Buffer.concat([this.#buf.subarray(tagAt, tagAt + 1), encodeLength(current.length), current])
    )
    return true
  }

  /** Shows an unknown field; one that a visitor touches is cut. */
  #unknown(tagAt: number, start: number, end: number, kind: 'bytes' | 'int'): boolean {
    const v = this.#value
    for (let i = 0; i < this.#steps.length; i++) {
      const step = this.#steps[i]!
      if (!step.value) continue
      this.#step = i
      if (kind === 'bytes') v.enterText('unknown_field', 'bytes', undefined, -1, this.#buf, start, end)
      else v.enterScalar('unknown_field', undefined, -1, ValueType.int, this.#buf, start, end)
      this.#showTo(step.visitor, v)
      if (this.#dropBy >= 0) return false
      if (v.isTouched) {
        this.#edits.replace(tagAt, end, undefined)
        return true
      }
    }
    return true
  }

  /** An attribute in another form than key, value: checked, and, if somebody looks, rewritten to the usual form first. */
  #unusual(place: number, tagAt: number, start: number, end: number): boolean {
    if (!this.#isMessage(M_KEY_VALUE, this.#buf, start, end, 0)) return false
    if (!this.#hasAttributeOrValue) return true
    const rest: Buffer[] = []
    if (!this.#keepRest(this.#buf, start, end, rest)) return false
    const fixed = usualForm(this.#buf, start, end)
    const view = viewOf(fixed)
    const usual = parseUsual(fixed, 0, fixed.length)!
    const a = this.#attributes[0]!
    const key = this.#keys.lookup(view, usual.keyAt, usual.keyEnd)
    this.#path[0] = key
    a.enter(PLACES[place]!, key, fixed, usual.type, usual.from, usual.to, usual.hasValue)
    if (!this.#ask(a, place, 0)) return false
    if (a.isRemoved) {
      this.#edits.replace(tagAt, end, undefined)
      return true
    }
    if (!a.isChanged && this.#mayStay(this.#buf, start, end, rest)) return true
    const content = Buffer.concat([a.isChanged ? a.encodeContent() : fixed, ...rest])
    this.#edits.replace(
      tagAt,
      end,
      Buffer.concat([this.#buf.subarray(tagAt, tagAt + 1), encodeLength(content.length), content])
    )
    return true
  }

  /** A pair in unusual form that nobody changed may stay as it is, unless it holds more than was shown. */
  #mayStay(buf: Buffer, start: number, end: number, rest: readonly Buffer[]): boolean {
    if (!this.#hasValue) return true
    const kept = rest.reduce((n, one) => n + one.length, 0)
    return kept === restLength(buf, start, end) && !isHiding(buf, start, end)
  }

  /** Collects the fields of a KeyValue that are neither key nor value and that no visitor objects to. */
  #keepRest(buf: Buffer, start: number, end: number, rest: Buffer[]): boolean {
    const v = this.#value
    for (let p = start; p < end; ) {
      const next = skipField(buf, p, end)
      const tag = buf[p]!
      if (tag !== 0x0a && tag !== 0x12) {
        let isTouched = this.#hasValue && (tag & 7) === 3
        if (this.#hasValue && (tag & 7) === 2) {
          for (let i = 0; i < this.#steps.length && !isTouched; i++) {
            const step = this.#steps[i]!
            if (!step.value) continue
            this.#step = i
            v.enterText(PLACES[PLACE_UNKNOWN]!, 'bytes', undefined, -1, buf, p + 1, next)
            this.#showTo(step.visitor, v)
            if (this.#dropBy >= 0) return false
            isTouched = v.isTouched
          }
        }
        if (!isTouched) rest.push(buf.subarray(p, next))
      }
      p = next
    }
    return true
  }

  // ---- structure

  #isList(buf: Buffer, start: number, end: number, isMap: boolean, depth: number): boolean {
    if (depth > MAX_VALUE_DEPTH) return this.#fail(`values nested deeper than ${MAX_VALUE_DEPTH}`, start)
    let p = start
    while (p < end) {
      const at = p
      if (buf[p] === 0x0a) {
        p++
        if (p >= end) return this.#fail('truncated length', at)
        let length = buf[p++]!
        if (length >= 0x80) {
          length = this.#long(p - 1, end)
          if (length < 0) return false
          p = this.#after
        }
        const stop = p + length
        if (stop > end) return this.#fail('a length reaches beyond its message', at)
        if (!this.#isMessage(isMap ? M_KEY_VALUE : M_ANY_VALUE, buf, p, stop, depth)) return false
        p = stop
      } else {
        p = this.#skip(at, end)
        if (p < 0) return false
      }
    }
    return true
  }

  /** Checks a KeyValue or AnyValue and everything in it. */
  #isMessage(m: number, buf: Buffer, start: number, end: number, depth: number): boolean {
    let p = start
    while (p < end) {
      const at = p
      const tag = buf[p]!
      const isInner = m === M_KEY_VALUE ? tag === 0x12 : tag === 0x2a || tag === 0x32
      if (!isInner) {
        p = this.#skip(at, end)
        if (p < 0) return false
        continue
      }
      const length = this.#long(p + 1, end)
      if (length < 0) return false
      const from = this.#after
      const stop = from + length
      if (stop > end) return this.#fail('a length reaches beyond its message', at)
      if (m === M_KEY_VALUE) {
        if (!this.#isMessage(M_ANY_VALUE, buf, from, stop, depth + 1)) return false
      } else if (!this.#isList(buf, from, stop, tag === 0x32, depth + 1)) return false
      p = stop
    }
    return true
  }

  #skip(at: number, end: number): number {
    const next = skipField(this.#buf, at, end)
    if (next < 0) this.#fail('a malformed field', at)
    return next
  }

  #skipVarint(p: number, end: number): number {
    const next = this.#varintEnd(p, end)
    if (next < 0) this.#fail(p + 10 <= end ? 'a varint longer than 10 bytes' : 'truncated varint', p)
    return next
  }

  /** A varint of up to 31 bits (a tag or a length) at `p`; -1 when it is none. The position behind it is in #after. */
  #long(p: number, end: number): number {
    const buf = this.#buf
    let value = 0
    for (let i = 0; i < 10; i++) {
      if (p + i >= end) break
      const b = buf[p + i]!
      if (i < 4) value |= (b & 0x7f) << (7 * i)
      else if (i === 4) {
        if ((b & 0x7f) > 7) break
        value += (b & 0x7f) * 0x10000000
      } else if ((b & 0x7f) !== 0) break
      if (b < 0x80) {
        this.#after = p + i + 1
        return value > 0x7fffffff ? (this.#fail('a length beyond 2 GiB', p) ? 0 : -1) : value
      }
    }
    this.#fail('a truncated or over-long varint', p)
    return -1
  }

  #fail(why: string, at: number): false {
    this.#why = why
    this.#whyAt = at
    return false
  }
}

/** With one visitor that looks at values, and one that says which. */
function canSieve(visitors: readonly Visitor[]): boolean {
  const looking = visitors.filter(visitor => visitor.value !== undefined)
  return looking.length === 0 || (looking.length === 1 && looking[0]!.interest !== undefined)
}

/** Scalars that are shown as values. */
function isText(type: ValueType): boolean {
  return type === ValueType.string || type === ValueType.int || type === ValueType.double || type === ValueType.bytes
}

/** What a hook did to a value, onto the pair it is the value of. */
function apply(v: ValueImpl, a: AttributeImpl): void {
  if (v.isRemoved) a.remove()
  else a.replaceBytes(v.fresh, v.sealed)
}

function writeKeyValue(out: Buffer, at: number, key: Buffer, start: number, end: number): number {
  let p = at
  out[p++] = 0x0a
  p = writeLength(out, p, end - start)
  key.copy(out, p, start, end)
  return p + end - start
}

/** An AnyValue with one length-delimited field. */
function anyValue(type: ValueType, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of((type << 3) | 2), encodeLength(content.length), content])
}

function viewOf(buf: Buffer): DataView {
  return new DataView(buf.buffer, buf.byteOffset, buf.length)
}
