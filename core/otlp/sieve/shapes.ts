// What a text could hold, told from its bytes alone (assembly/text.ts). A first look that passes nearly all texts without
// decoding them; whoever knows what an email is looks at the rest.

import { type Automaton, automaton, type Keyword } from './automaton.js'
import { Instance, SLACK } from './module.js'

/** Bits that shapes set by themselves. The others are free for words. */
export const Shape = {
  /** `@`. */
  at: 1 << 0,
  /** Seven digits or more, separated by nothing but single separators. */
  digits: 1 << 1,
  /** digit.digit.digit.digit */
  dotted: 1 << 2,
  /** Two colons or dashes between hexadecimal digits. */
  colons: 1 << 3,
  /** Twelve or more token characters of mixed kinds: base64, random tokens. */
  token: 1 << 4,
  /** A letter next to a digit, four digits or more: document numbers. */
  mixed: 1 << 5,
  /** `%XX`, backslash or `&...;` escapes. */
  escapes: 1 << 14,
  /** A byte above 0x7f. */
  nonAscii: 1 << 15
} as const

/** Below about this many bytes a loop is faster than making a view to copy from (bench/micro/redaction.ts). */
const SHORT = 96

/** Words to look for, and which of their bits mean nothing without digits. */
export interface Words {
  readonly keywords: readonly Keyword[]
  /** Bits dropped from a text without any digit. */
  readonly withDigit: number
  /** Bits dropped from a text with fewer than six. */
  readonly withSixDigits: number
}

/** Compiled words. */
export class Shapes {
  readonly #words: Words
  readonly #automaton: Automaton
  readonly #own = new Instance()
  readonly #scratch: number
  #memory = Buffer.alloc(0)

  constructor(words: Words) {
    this.#words = words
    this.#automaton = automaton(words.keywords)
    this.install(this.#own)
    this.#scratch = this.#own.end
  }

  /** The shapes of `buf[start..end)`; 0 = nothing that any word or shape fits. */
  mask(buf: Uint8Array, start: number, end: number): number {
    const length = end - start
    this.#reserve(length)
    if (length > SHORT) this.#memory.set(buf.subarray(start, end), this.#scratch)
    else for (let i = 0; i < length; i++) this.#memory[this.#scratch + i] = buf[start + i]!
    return this.#own.exports.mask(this.#scratch, this.#scratch + length)
  }

  /** The same for a text. */
  maskOf(text: string): number {
    this.#reserve(text.length * 3)
    const length = this.#memory.write(text, this.#scratch, 'utf8')
    return this.#own.exports.mask(this.#scratch, this.#scratch + length)
  }

  #reserve(length: number): void {
    const to = this.#scratch + length + SLACK
    if (to <= this.#memory.length) return
    this.#own.ensure(to)
    this.#memory = Buffer.from(this.#own.exports.memory.buffer)
  }

  /** Copies the tables into another instance. */
  install(instance: Instance): void {
    const { next, outs, ends, pieces } = this.#automaton
    const { withDigit, withSixDigits } = this.#words
    const at = [next, outs, ends, pieces].map(table => instance.put(table)) as [number, number, number, number]
    instance.exports.setWords(...at, withDigit, withSixDigits)
  }
}
