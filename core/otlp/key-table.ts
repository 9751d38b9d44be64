// The interning table behind `Key`: bytes -> Key without decoding, at about the price of comparing the bytes once.
//
// Attribute keys come in the same order span after span, so each key remembers which key followed it last; the guess is
// checked by comparing words, and only a wrong guess is hashed (bench/micro/walk.ts). Bounded against hostile input: keys
// longer than MAX_KEY_BYTES, or that collide more than MAX_PROBES times, get a Key of their own that nobody keeps; a full
// table starts a new generation.

import { Key } from './keys.js'

const SLOTS = 8192
const MAX_KEYS = 4096
const MAX_KEY_BYTES = 256
const MAX_PROBES = 8

interface Interned {
  readonly key: Key
  readonly hash: number
  readonly length: number
  /** The bytes as little-endian words at 0, 4, 8, ... and, when the length is no multiple of 4, the last 4 bytes. */
  readonly words: Int32Array
  next: Interned | undefined
}

export class KeyTable {
  #slots: (Interned | undefined)[] = new Array(SLOTS).fill(undefined)
  #count = 0
  #last: Interned | undefined

  /** The key whose bytes are at `view[start..end)`. */
  lookup(view: DataView, start: number, end: number): Key {
    const last = this.#last
    if (last !== undefined) {
      const guess = last.next
      if (guess !== undefined && guess.length === end - start && isEqual(guess.words, view, start, end)) {
        this.#last = guess
        return guess.key
      }
    }
    return this.#find(view, start, end)
  }

  #find(view: DataView, start: number, end: number): Key {
    const length = end - start
    if (length < 4 || length > MAX_KEY_BYTES)
      return length < 4 ? this.#short(view, start, end) : fresh(view, start, end)
    const hash = hashOf(view, start, end)
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const at = (hash + probe) & (SLOTS - 1)
      const known = this.#slots[at]
      if (known === undefined) return this.#remember(this.#insert(at, hash, view, start, end))
      if (known.hash === hash && known.length === length && isEqual(known.words, view, start, end)) {
        return this.#remember(known)
      }
    }
    return fresh(view, start, end)
  }

  #remember(found: Interned): Key {
    if (this.#last !== undefined) this.#last.next = found
    this.#last = found
    return found.key
  }

  #insert(at: number, hash: number, view: DataView, start: number, end: number): Interned {
    if (this.#count >= MAX_KEYS) {
      this.#slots = new Array(SLOTS).fill(undefined)
      this.#short_.clear()
      this.#count = 0
      this.#last = undefined
    }
    this.#count++
    const made = {
      key: fresh(view, start, end),
      hash,
      length: end - start,
      words: wordsOf(view, start, end),
      next: undefined
    }
    this.#slots[at] = made
    return made
  }

  // Keys under 4 bytes ("id", "db") have no whole word: a map by value.
  readonly #short_ = new Map<number, Interned>()

  #short(view: DataView, start: number, end: number): Key {
    let packed = end - start
    for (let p = start; p < end; p++) packed = (packed << 8) | view.getUint8(p)
    const known = this.#short_.get(packed)
    if (known !== undefined) return this.#remember(known)
    if (this.#short_.size >= MAX_KEYS) this.#short_.clear()
    // A length no lookup has: a short key is never the guess, it is found here.
    const made = { key: fresh(view, start, end), hash: 0, length: -1, words: new Int32Array(0), next: undefined }
    this.#short_.set(packed, made)
    return this.#remember(made)
  }
}

function fresh(view: DataView, start: number, end: number): Key {
  return new Key(Buffer.from(Buffer.from(view.buffer, view.byteOffset + start, end - start)))
}

function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start
  const lastWord = end - 4
  for (let p = start; p < lastWord; p += 4) hash = Math.imul(hash ^ view.getInt32(p, true), 0x9e3779b1)
  hash = Math.imul(hash ^ view.getInt32(lastWord, true), 0x9e3779b1)
  return (hash ^ (hash >>> 15)) & 0x3fffffff
}

function wordsOf(view: DataView, start: number, end: number): Int32Array {
  const words: number[] = []
  const lastWord = end - 4
  for (let p = start; p < lastWord; p += 4) words.push(view.getInt32(p, true))
  words.push(view.getInt32(lastWord, true))
  return Int32Array.from(words)
}

function isEqual(words: Int32Array, view: DataView, start: number, end: number): boolean {
  const lastWord = end - 4
  let i = 0
  for (let p = start; p < lastWord; p += 4) if (words[i++] !== view.getInt32(p, true)) return false
  return words[i] === view.getInt32(lastWord, true)
}
