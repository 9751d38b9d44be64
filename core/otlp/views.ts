// What a processor sees during the walk: views on the batch's bytes. There is one of each per walk, reused from place to
// place; nothing is decoded before somebody asks.

import type { Key } from './keys.js'
import type { Place } from './schema.js'
import type { Interest } from './sieve/sieve.js'
import type { Signal } from './signal.js'

/** The kinds of `AnyValue` (opentelemetry.proto.common.v1), by field number; 0 = no value set. */
export const ValueType = {
  empty: 0,
  string: 1,
  bool: 2,
  int: 3,
  double: 4,
  array: 5,
  map: 6,
  bytes: 7,
  strindex: 8
} as const
export type ValueType = (typeof ValueType)[keyof typeof ValueType]

/** One key-value pair: an attribute, or a pair inside a nested map (`depth` > 0). */
export interface AttributeView {
  readonly signal: Signal
  /** Which list of attributes it stands in. */
  readonly place: Place
  readonly key: Key
  /** 0 for an attribute; n inside n nested maps. Arrays add no depth. */
  readonly depth: number
  /** Keys from the outermost (0) to this one (`depth`). */
  keyAt(depth: number): Key
  readonly type: ValueType
  /** The current value's content: `buf[start..end)`. string and bytes: the bytes; others: the encoded payload of the field. */
  readonly buf: Buffer
  readonly start: number
  readonly end: number
  /** True when an earlier processor said its value needs no further look (a keyed hash). */
  readonly sealed: boolean
  /** A string value's text; any other scalar's JSON text; arrays and maps: their JSON. */
  text(): string
  /** Makes it a string value. `seal`: later processors need not scan it. */
  replace(text: string, seal?: boolean): void
  /** Any encoded AnyValue. */
  replaceValue(anyValue: Buffer): void
  rename(key: string): void
  remove(): void
  /** Drops the item it belongs to; attributes around items (resource, scope) are removed instead. */
  dropItem(reason: string): void
}

/** What a scalar is. `key`: the text of an attribute key itself. */
export type ValueKind = 'string' | 'bytes' | 'int' | 'double' | 'key'

/** One scalar that can carry text. */
export interface ValueView {
  readonly signal: Signal
  readonly place: Place
  readonly kind: ValueKind
  /** The nearest key: of the attribute or nested pair it is the value of (or the key itself for kind `key`); undefined for names, messages, bodies. */
  readonly key: Key | undefined
  /** Number of keys above and including `key`, minus one; -1 without a key. */
  readonly depth: number
  keyAt(depth: number): Key
  /**
   * int and double: the absolute value, for skipping numbers too short to matter without making their text. Not for others.
   */
  readonly magnitude: number
  /** string, bytes, key: the content. int, double: its decimal text in ASCII, made when asked for. Valid until the hook returns. */
  readonly buf: Buffer
  readonly start: number
  readonly end: number
  /** True when an earlier processor sealed it: do not scan. */
  readonly sealed: boolean
  /** True once the running hook has replaced or removed it. */
  readonly isTouched: boolean
  text(): string
  /** The scalar becomes this text (an int or double becomes a string value; bytes become a string value). */
  replace(text: string, seal?: boolean): void
  /** Removes the attribute or pair it belongs to; a name, message or body becomes empty; an array element becomes empty. */
  remove(): void
  /** As for attributes. */
  dropItem(reason: string): void
}

/** One span, data point or log record. */
export interface ItemView {
  readonly signal: Signal
  /** The encoded message: `buf[start..end)`. */
  readonly buf: Buffer
  readonly start: number
  readonly end: number
  /** Field number of the attributes in the item's message. */
  readonly attributesField: number
  /** Span name, metric name, log event name. */
  name(): string
  /** An own attribute as JavaScript value (string, number, bigint, boolean, array, object, Buffer), undefined when absent. Reads on demand. */
  attribute(key: string): unknown
  resourceAttribute(key: string): unknown
  scopeName(): string
  /** Span kind; 0 for others. */
  readonly spanKind: number
  /** Status code of a span (0 unset, 1 ok, 2 error); severity number of a log record; 0 for points. */
  readonly status: number
  /** 16 bytes, or undefined. A copy. */
  traceId(): Buffer | undefined
  spanId(): Buffer | undefined
  /** Start and end in nanoseconds since the epoch; 0n when absent. Points and logs: their time as both. */
  startTime(): bigint
  endTime(): bigint
  /** A log record's body as JavaScript value. */
  body(): unknown
  /** A span's W3C trace state; empty when it has none, and for other items. */
  traceState(): string
  /** Drops it; `reason` comes from the processor's fixed list. */
  drop(reason: string): void
  /** Adds an attribute (`itemEnd` only): an encoded AnyValue. */
  insert(key: string, anyValue: Buffer): void
  /** Gives a span this trace state (`itemEnd` only); it stands in place of the one it has. */
  insertTraceState(text: string): void
}

/**
 * What the walk calls. The hooks a visitor has are the places it is asked at. Views are reused from call to call: never
 * keep one. Within one value the order is the order of the visitors; for one visitor, `attribute` comes before the
 * `value`s inside that attribute.
 */
export interface Visitor {
  /**
   * At the start of each span, data point or log record, before its attributes; sees the item as earlier *passes* left
   * it. May read anything of the item and drop it.
   */
  item?(item: ItemView): void
  /** Each attribute of resource, scope, item, event, link, exemplar, metric metadata, and each pair of a nested map. */
  attribute?(attribute: AttributeView): void
  /** Narrows `attribute` to some keys; asked once per distinct key, so it must depend on the key alone. Absent: all keys. */
  wantsKey?(key: Key): boolean
  /**
   * Each scalar that can carry text: attribute values (string, bytes, int, double; nested too), keys, names, messages,
   * bodies, unknown fields. A key's own text (kind `key`) is shown until it was left unchanged once in that place: what a
   * visitor does with a key may depend on its text and place only.
   */
  value?(value: ValueView): void
  /** Which values `value` would do anything about: the walk may pass over all others. Absent: it must be shown every one. */
  readonly interest?: Interest
  /** After the last attribute of an item: the place to add attributes (`item.insert`). */
  itemEnd?(item: ItemView): void
}
