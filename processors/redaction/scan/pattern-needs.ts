// What a text must hold for a pattern to match it: so many digits, so many in a row, certain bytes, a length. Worked out
// from the pattern's source, so that a value without it never meets the regular expression. Whatever is not understood
// needs nothing, which is always safe.

import type { Need } from '../../../core/otlp/sieve/sieve.js'
import { DIGIT, holds, membersOf, type Node, parse, UPPER } from './pattern-syntax.js'

/** Necessary, never sufficient. */
export type Needs = Omit<Need, 'matcher'>

/** What a text has of what patterns need: measured once for all of them. */
export class Measure {
  #length = 0
  #digits = 0
  #upper = 0
  #run = 0
  readonly #seen = new Int32Array(8)

  take(buf: Uint8Array, start: number, end: number): void {
    this.#length = end - start
    this.#seen.fill(0)
    let digits = 0
    let upper = 0
    let run = 0
    let longest = 0
    for (let i = start; i < end; i++) {
      const b = buf[i]!
      this.#seen[b >> 5]! |= 1 << (b & 31)
      if ((b - 48) >>> 0 < 10) {
        digits++
        if (++run > longest) longest = run
      } else {
        run = 0
        if ((b - 65) >>> 0 < 26) upper++
      }
    }
    this.#digits = digits
    this.#upper = upper
    this.#run = longest
  }

  /** Whether the text taken last holds all of it. */
  meets({ length, digits, upper, run, bytes }: Needs): boolean {
    if (this.#length < length || this.#digits < digits || this.#upper < upper || this.#run < run) return false
    for (const byte of bytes) if (((this.#seen[byte >> 5]! >>> (byte & 31)) & 1) === 0) return false
    return true
  }
}

interface Part extends Needs {
  /** Digits that must stand at its very start and end; `solid`: it is nothing but those. */
  readonly head: number
  readonly tail: number
  readonly solid: boolean
}

const NOTHING: ReadonlySet<number> = new Set()
const EMPTY: Part = { length: 0, digits: 0, upper: 0, run: 0, head: 0, tail: 0, solid: true, bytes: NOTHING }
const ANYTHING: Part = { ...EMPTY, solid: false }
const ONE: Part = { ...ANYTHING, length: 1 }
const ONE_UPPER: Part = { ...ONE, upper: 1 }
const ONE_DIGIT: Part = { length: 1, digits: 1, upper: 0, run: 1, head: 1, tail: 1, solid: true, bytes: NOTHING }
const MAX_REPEAT = 64

/** The needs of an RE2 pattern. */
export function needsOf(pattern: string): Needs {
  try {
    return partOf(parse(pattern))
  } catch {
    return ANYTHING
  }
}

function partOf(node: Node): Part {
  switch (node.kind) {
    case 'foreign':
      return ONE
    case 'assert':
      return EMPTY
    case 'set':
      return node.beyond ? ONE : characterOf(membersOf(node.set))
    case 'sequence':
      return node.parts.map(partOf).reduce(both, EMPTY)
    case 'either':
      return node.parts.map(partOf).reduce(either)
    case 'repeat':
      return repeated(partOf(node.part), node.least, node.most)
  }
}

/** One of these. */
function characterOf(members: readonly number[]): Part {
  const all = (set: typeof DIGIT) => members.length > 0 && members.every(c => holds(set, c))
  const part = all(DIGIT) ? ONE_DIGIT : all(UPPER) ? ONE_UPPER : ONE
  return members.length === 1 ? { ...part, bytes: new Set(members) } : part
}

function repeated(once: Part, least: number, most: number): Part {
  let part = EMPTY
  for (let i = 0; i < Math.min(least, MAX_REPEAT); i++) part = both(part, once)
  return least === most && least <= MAX_REPEAT ? part : { ...part, solid: false }
}

function both(a: Part, b: Part): Part {
  return {
    length: a.length + b.length,
    digits: a.digits + b.digits,
    upper: a.upper + b.upper,
    run: Math.max(a.run, b.run, a.tail + b.head),
    head: a.solid ? a.digits + b.head : a.head,
    tail: b.solid ? b.digits + a.tail : b.tail,
    solid: a.solid && b.solid,
    bytes: new Set([...a.bytes, ...b.bytes])
  }
}

function either(a: Part, b: Part): Part {
  return {
    length: Math.min(a.length, b.length),
    digits: Math.min(a.digits, b.digits),
    upper: Math.min(a.upper, b.upper),
    run: Math.min(a.run, b.run),
    head: Math.min(a.head, b.head),
    tail: Math.min(a.tail, b.tail),
    solid: a.solid && b.solid && a.length === b.length,
    bytes: new Set([...a.bytes].filter(byte => b.bytes.has(byte)))
  }
}
