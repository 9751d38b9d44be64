// What a text must hold for a pattern to match it: so many digits, so many in a row, certain bytes, a length. Worked out
// from the pattern's source, so that a value without it never meets the regular expression. Whatever is not understood
// needs nothing, which is always safe.

/** Necessary, never sufficient. */
export interface Needs {
  readonly length: number
  readonly digits: number
  /** Capital letters. */
  readonly upper: number
  /** Longest run of digits that must be there. */
  readonly run: number
  /** Bytes (ASCII) that must be there. */
  readonly bytes: ReadonlySet<number>
}

/** Whether the bytes hold all of it. */
export function meets(
  { length, digits, upper, run, bytes }: Needs,
  buf: Uint8Array,
  start: number,
  end: number
): boolean {
  if (end - start < length) return false
  let ones = 0
  let capitals = 0
  let row = 0
  let longest = 0
  const seen = new Set<number>()
  for (let i = start; i < end; i++) {
    const b = buf[i]!
    row = b >= 48 && b <= 57 ? row + 1 : 0
    if (row > 0) ones++
    if (row > longest) longest = row
    if (b >= 65 && b <= 90) capitals++
    if (bytes.has(b)) seen.add(b)
  }
  return ones >= digits && capitals >= upper && longest >= run && seen.size === bytes.size
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
    const parser = new Parser(pattern)
    const part = parser.alternation()
    return parser.isAtEnd ? part : ANYTHING
  } catch {
    return ANYTHING
  }
}

class Parser {
  readonly #text: string
  #at = 0
  #foldsCase = false

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  alternation(): Part {
    let part = this.#sequence()
    while (this.#text[this.#at] === '|') {
      this.#at++
      part = either(part, this.#sequence())
    }
    return part
  }

  #sequence(): Part {
    let part = EMPTY
    while (!this.isAtEnd && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      part = both(part, this.#repeated(this.#atom()))
    }
    return part
  }

  #repeated(atom: Part): Part {
    const quantifier = /^(?:([*+?])|\{(\d+)(,(\d*))?\})[?]?/.exec(this.#text.slice(this.#at))
    if (quantifier === null) return atom
    this.#at += quantifier[0].length
    const sign = quantifier[1]
    const least = sign === '+' ? 1 : sign !== undefined ? 0 : Number(quantifier[2])
    const isExact = sign === undefined && (quantifier[3] === undefined || quantifier[4] === quantifier[2])
    let part = EMPTY
    for (let i = 0; i < Math.min(least, MAX_REPEAT); i++) part = both(part, atom)
    return isExact && least <= MAX_REPEAT ? part : { ...part, solid: false, tail: part.tail, head: part.head }
  }

  #atom(): Part {
    const c = this.#text[this.#at++]!
    if (c === '(') return this.#group()
    if (c === '[') return this.#class()
    if (c === '\\') return this.#escape()
    if (c === '.') return ONE
    if (c === '^' || c === '$') return EMPTY
    return this.#literal(c)
  }

  #group(): Part {
    const opening = /^\?(?:P?<[A-Za-z_]\w*>|([a-zA-Z]*)(?:-[a-zA-Z]+)?(:|\)))/.exec(this.#text.slice(this.#at))
    if (opening !== null) {
      this.#at += opening[0].length
      if (opening[1]?.includes('i')) this.#foldsCase = true
      if (opening[2] === ')') return EMPTY
    } else if (this.#text[this.#at] === '?') throw new SyntaxError('unknown group')
    const part = this.alternation()
    if (this.#text[this.#at++] !== ')') throw new SyntaxError('unclosed group')
    return part
  }

  #class(): Part {
    const from = this.#at
    if (this.#text[this.#at] === '^') this.#at++
    if (this.#text[this.#at] === ']') this.#at++
    while (!this.isAtEnd && this.#text[this.#at] !== ']') {
      if (this.#text.startsWith('[:', this.#at)) this.#at = this.#text.indexOf(':]', this.#at) + 1
      if (this.#text[this.#at] === '\\') this.#at++
      this.#at++
    }
    const body = this.#text.slice(from, this.#at++)
    if (!this.#foldsCase && /^(?:[A-Z](?:-[A-Z])?)+$/.test(body)) return ONE_UPPER
    return body === '0-9' || body === '\\d' || /^[0-9](?:-[0-9])?$/.test(body) ? ONE_DIGIT : ONE
  }

  #escape(): Part {
    const c = this.#text[this.#at++]
    if (c === undefined) throw new SyntaxError('ends in a backslash')
    if (c === 'd') return ONE_DIGIT
    if (c === 'b' || c === 'B' || c === 'A' || c === 'z') return EMPTY
    if (c === 'p' || c === 'P') {
      this.#at = this.#text[this.#at] === '{' ? this.#text.indexOf('}', this.#at) + 1 : this.#at + 1
      return ONE
    }
    if (/[a-zA-Z0-9]/.test(c)) {
      if (/[wWsSDtnrfv]/.test(c)) return ONE
      throw new SyntaxError('unknown escape')
    }
    return this.#literal(c)
  }

  #literal(c: string): Part {
    if (c >= '0' && c <= '9') return { ...ONE_DIGIT, bytes: new Set([c.charCodeAt(0)]) }
    if (c.charCodeAt(0) > 0x7f || (this.#foldsCase && /[a-z]/i.test(c))) return ONE
    return { ...(c >= 'A' && c <= 'Z' ? ONE_UPPER : ONE), bytes: new Set([c.charCodeAt(0)]) }
  }
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
