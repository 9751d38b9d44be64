// Which places of a request somebody has to look at. The walk (../walk.ts) copies a request in, gets back the ascending
// offsets of the fields that need a look, and passes over everything else, whole spans included: most spans hold nothing
// anybody wants. One copy and one pass in WebAssembly at about the price of reading the bytes (bench/micro/walk.ts).
//
// What may be passed over is learned: a key is unknown until the walk has shown it to all visitors, none of them wanted
// attributes of that key, and its own text was left as it is. Then the visitor that looks at values says once what it would
// look at (`Interest`), and from then on equal keys are judged by the bytes of their value.

import type { Key } from '../keys.js'
import { Instance, SLACK } from './module.js'
import type { Shapes } from './shapes.js'

/**
 * An automaton over ASCII that says whether a text holds something: it begins in state 0, goes for each character to
 * `next[state * width + classes[character]]`, and at the end of the text by the class `end`; state 1 has found something.
 * Texts with other characters are taken to hold it.
 */
export interface Matcher {
  readonly classes: Uint8Array
  readonly end: number
  readonly width: number
  readonly next: Uint16Array
}

/** What a text must hold for a pattern to match it. Necessary, never sufficient. */
export interface Need {
  readonly length: number
  readonly digits: number
  /** Capital letters. */
  readonly upper: number
  /** Longest run of digits that must be there. */
  readonly run: number
  /** Bytes that must be there; only the first so many are asked for. */
  readonly bytes: ReadonlySet<number>
  /** The pattern itself: a text that holds all of the above counts when this finds something in it. */
  readonly matcher?: Matcher | undefined
}

/** `by_shape`: when shapes or needs fit; `all`: every one; `none`: none. */
export type Texts = 'by_shape' | 'all' | 'none'

/**
 * What a visitor's `value` hook would look at. For every other value it must do nothing at all, so that it need not be
 * called; it may still be called for any value.
 */
export interface Interest {
  /** Texts with any of these shapes; undefined: shapes do not matter. */
  readonly shapes: Shapes | undefined
  /** Texts that hold all that one of these needs. */
  readonly needs: readonly Need[]
  /** Longer texts are always of interest. */
  readonly maxBytes: number
  /** Values under a key: which texts, and the absolute value from which numbers are of interest. */
  ofKey(key: Key): { readonly texts: Texts; readonly smallestNumber: number }
}

// Sizes of assembly/index.ts.
const SLOTS = 8192
const CACHE_SIZE = 8192 * (128 + 16)
const KEY_SIZE = 48
const NEED_SIZE = 80
const NEED_MATCHER = 64
const MAX_NEED_BYTES = 40
const MAX_KEYS = 4096
const MAX_KEY_BYTES = 256
const KEY_ARENA = 256 * 1024
const MAX_PLACES = 32
const MAX_EVENTS = 64 * 1024
/** Longer requests are walked without a sieve: its memory stays what the longest request needed. */
const MAX_REQUEST = 8 << 20
const TEXTS: Readonly<Record<Texts, number>> = { by_shape: 0, all: 1, none: 2 }

export interface SieveOptions {
  /** The walk's field table, and the message that requests are. */
  readonly fields: Int32Array
  readonly root: number
  readonly isTraces: boolean
  /** Somebody looks at attributes. */
  readonly attributes: boolean
  /** Somebody looks at values. */
  readonly interest: Interest | undefined
}

export class Sieve {
  readonly #instance = new Instance()
  readonly #root: number
  readonly #interest: Interest | undefined
  readonly #slots: number
  readonly #entries: number
  readonly #arena: number
  readonly #eventsAt: number
  readonly #request: number
  #memory: Uint8Array
  #keys = 0
  #keyBytes = 0
  /** Offsets that need a look, ascending; `count` of them. */
  events: Int32Array
  count = 0
  /** Offset up to which what is not listed needs no look. */
  sureUntil = 0
  /** Changes when what was taught is forgotten. */
  generation = 1

  constructor(options: SieveOptions) {
    const { interest } = options
    const instance = this.#instance
    const { exports } = instance
    this.#root = options.root
    this.#interest = interest
    const fields = instance.put(options.fields)
    this.#slots = instance.take(SLOTS * 4)
    const cache = instance.take(CACHE_SIZE)
    const places = instance.take(MAX_PLACES * KEY_SIZE)
    this.#entries = instance.take(MAX_KEYS * KEY_SIZE)
    this.#arena = instance.take(KEY_ARENA)
    this.#eventsAt = instance.take(MAX_EVENTS * 4)
    interest?.shapes?.install(instance)
    if (interest !== undefined)
      exports.setNeeds(instance.put(needRows(interest.needs, instance)), interest.needs.length)
    exports.layout(fields, this.#slots, cache, places, this.#eventsAt, MAX_EVENTS)
    exports.wants(
      Number(interest !== undefined),
      Number(options.attributes),
      Number(interest?.shapes !== undefined),
      Math.min(interest?.maxBytes ?? 0, 0x7fffffff),
      Number(options.isTraces)
    )
    this.#request = instance.end
    this.#memory = new Uint8Array(exports.memory.buffer)
    this.events = new Int32Array(exports.memory.buffer, this.#eventsAt, MAX_EVENTS)
  }

  /** Lists what of `bytes` needs a look. False when it is too long: then nothing is sure. */
  run(bytes: Uint8Array): boolean {
    if (bytes.length > MAX_REQUEST) return false
    const end = this.#request + bytes.length
    if (end + SLACK > this.#memory.length) this.#grow(end + SLACK)
    this.#memory.set(bytes, this.#request)
    const { exports } = this.#instance
    this.count = exports.sieve(this.#root, this.#request, end)
    this.sureUntil = exports.sureUntil.value as number
    return true
  }

  /** From now on the key in this place is judged by its values. */
  teach(key: Key, place: number): void {
    const { length } = key.bytes
    if (length > MAX_KEY_BYTES) return
    if (this.#keys >= MAX_KEYS || this.#keyBytes + length + 16 > KEY_ARENA) this.#forget()
    const at = this.#arena + this.#keyBytes
    this.#memory.set(key.bytes, at)
    const fresh = this.#entries + this.#keys * KEY_SIZE
    const entry = this.#instance.exports.learn(at, length, fresh)
    if (entry === 0) return
    if (entry === fresh) {
      this.#keys++
      this.#keyBytes += length
    }
    const known = this.#interest?.ofKey(key)
    this.#instance.exports.describe(entry, place, known?.smallestNumber ?? 0, TEXTS[known?.texts ?? 'by_shape'])
  }

  /** Full of keys, most of them of the past or of somebody hostile. */
  #forget(): void {
    this.#memory.fill(0, this.#slots, this.#slots + SLOTS * 4)
    this.#memory.fill(0, this.#entries, this.#entries + MAX_KEYS * KEY_SIZE)
    this.#keys = this.#keyBytes = 0
    this.generation++
  }

  #grow(bytes: number): void {
    this.#instance.ensure(bytes)
    const { buffer } = this.#instance.exports.memory
    this.#memory = new Uint8Array(buffer)
    this.events = new Int32Array(buffer, this.#eventsAt, MAX_EVENTS)
  }
}

function needRows(needs: readonly Need[], instance: Instance): Uint8Array {
  const rows = Buffer.alloc(needs.length * NEED_SIZE)
  for (const [i, { length, digits, upper, run, bytes, matcher }] of needs.entries()) {
    const asked = [...bytes].slice(0, MAX_NEED_BYTES)
    const at = i * NEED_SIZE
    for (const [n, value] of [length, digits, upper, run, asked.length].entries()) rows.writeInt32LE(value, at + n * 4)
    rows.set(asked, at + 20)
    if (matcher === undefined) continue
    const { classes, next, width, end } = matcher
    const numbers = [instance.put(classes), instance.put(next), width, end]
    for (const [n, value] of numbers.entries()) rows.writeInt32LE(value, at + NEED_MATCHER + n * 4)
  }
  return rows
}
