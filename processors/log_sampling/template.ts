// Templates of log messages: what is left of a body when its numbers, ids and quoted values are masked. Only a hash of it is
// ever made, straight from the bytes: no template is stored, so no value can be either.
//
//   user 4711 logged in from 10.0.0.1:55012      -> user # logged in from #
//   read "/tmp/a b" in 12ms                      -> read # in #
//   job 3f2c9a1e-77aa-4b41-9d3c-0a1b2c3d4e5f ok  -> job # ok
//
// A word is letters, digits, `_`, bytes beyond ASCII, and `-` `:` `.` `+` between them. A word with a digit is masked; so is what
// stands in quotes on one line, at most 1,024 bytes. A quote behind a letter is an apostrophe.

import { WireReader, WireType } from '../../core/otlp/wire.js'

const MASK = 0x01
const MAX_QUOTED = 1024

const OTHER = 0
const LETTER = 1
const DIGIT = 2
const JOINER = 3
const QUOTE = 4

const CLASS = new Uint8Array(256)
for (let c = 0; c < 256; c++) {
  const text = String.fromCharCode(c)
  if (c >= 0x80 || /[A-Za-z_]/.test(text)) CLASS[c] = LETTER
  else if (/[0-9]/.test(text)) CLASS[c] = DIGIT
  else if (/[-:.+]/.test(text)) CLASS[c] = JOINER
  else if (/["'`]/.test(text)) CLASS[c] = QUOTE
}

export class TemplateHash {
  #a = 0
  #b = 0

  begin(): this {
    this.#a = 0x811c9dc5 | 0
    this.#b = 0x27d4eb2f
    return this
  }

  /** 53 bits. */
  end(): number {
    return (this.#a >>> 0) * 0x200000 + (this.#b >>> 11)
  }

  add(byte: number): void {
    this.#a = Math.imul(this.#a ^ byte, 0x01000193)
    this.#b = Math.imul(this.#b ^ (byte + (this.#b >>> 13)), 0x85ebca6b)
  }

  /** A text with its variable parts masked. */
  text(buf: Buffer, from: number, to: number): void {
    for (let i = from; i < to; ) {
      const kind = CLASS[buf[i]!]
      if (kind === LETTER || kind === DIGIT) i = this.#word(buf, i, to)
      else if (kind === QUOTE) i = this.#quoted(buf, from, i, to)
      else this.add(buf[i++]!)
    }
  }

  /** An encoded AnyValue: texts masked, keys as they are, other values masked. */
  value(buf: Buffer, from: number, to: number): void {
    const reader = new WireReader(buf, from, to)
    while (reader.next()) {
      const { field, wire, start, stop } = reader
      this.add(field)
      if (wire !== WireType.bytes) this.add(MASK)
      else if (field === 1) this.text(buf, start, stop)
      else if (field === 5) this.#list(buf, start, stop, false)
      else if (field === 6) this.#list(buf, start, stop, true)
      else this.add(MASK)
    }
  }

  #list(buf: Buffer, from: number, to: number, isMap: boolean): void {
    const reader = new WireReader(buf, from, to)
    while (reader.next()) {
      if (reader.field !== 1 || reader.wire !== WireType.bytes) continue
      if (isMap) this.#pair(buf, reader.start, reader.stop)
      else this.value(buf, reader.start, reader.stop)
    }
  }

  #pair(buf: Buffer, from: number, to: number): void {
    const reader = new WireReader(buf, from, to)
    while (reader.next()) {
      if (reader.wire !== WireType.bytes) continue
      if (reader.field === 1) for (let i = reader.start; i < reader.stop; i++) this.add(buf[i]!)
      else if (reader.field === 2) this.value(buf, reader.start, reader.stop)
    }
  }

  #word(buf: Buffer, from: number, to: number): number {
    let hasDigit = false
    let i = from
    for (; i < to; i++) {
      const kind = CLASS[buf[i]!]
      if (kind === DIGIT) hasDigit = true
      else if (kind === JOINER) {
        if (!this.#goesOn(buf, i + 1, to)) break
      } else if (kind !== LETTER) break
    }
    if (hasDigit) this.add(MASK)
    else for (let at = from; at < i; at++) this.add(buf[at]!)
    return i
  }

  /** A joiner stands before the rest of a word, or before one more joiner that does (`::1`). */
  #goesOn(buf: Buffer, at: number, to: number): boolean {
    const kind = at < to ? CLASS[buf[at]!]! : OTHER
    const next = kind === JOINER && at + 1 < to ? CLASS[buf[at + 1]!]! : kind
    return next === LETTER || next === DIGIT
  }

  #quoted(buf: Buffer, start: number, at: number, to: number): number {
    const quote = buf[at]!
    const isApostrophe = at > start && CLASS[buf[at - 1]!] === LETTER
    const end = Math.min(to, at + MAX_QUOTED)
    for (let i = at + 1; i < end && !isApostrophe && buf[i] !== 0x0a; i++) {
      if (buf[i] !== quote) continue
      this.add(MASK)
      return i + 1
    }
    this.add(quote)
    return at + 1
  }
}
