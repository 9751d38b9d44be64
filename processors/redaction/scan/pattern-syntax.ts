// RE2 syntax read into a tree (what must a text hold? pattern-needs.ts) and into a program for an automaton over ASCII
// (pattern-automaton.ts): sets of characters, branches, assertions. What the program accepts may be more than RE2 does, never less;
// what is not understood throws, and the pattern is then left to RE2 alone.

/** A set of ASCII characters: bit `c & 31` of word `c >> 5`. */
export type CharSet = readonly [number, number, number, number]

export type Assertion = 'begin' | 'end' | 'word' | 'no_word'

/** One step of a program. Targets are indices into the program. */
export type Step =
  | { readonly op: 'char'; readonly set: CharSet; next: number }
  | { readonly op: 'split'; next: number; other: number }
  | { readonly op: 'assert'; readonly assertion: Assertion; next: number }
  | { readonly op: 'match' }

/** A part of a pattern. */
export type Node =
  /** One character; `beyond`: perhaps one that is not ASCII. */
  | { readonly kind: 'set'; readonly set: CharSet; readonly beyond: boolean }
  /** One character of a class of Unicode. */
  | { readonly kind: 'foreign' }
  /** `line`: the begin or end of one. */
  | { readonly kind: 'assert'; readonly assertion: Assertion | 'line' }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'either'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number }

const MAX_REPEAT = 200
const MAX_STEPS = 4000
const ANY: CharSet = [-1, -1, -1, -1]
export const DIGIT = setOf(c => c >= 48 && c <= 57)
export const WORD = setOf(c => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95)
export const UPPER = setOf(c => c >= 65 && c <= 90)
const BLANK = setOf(c => c === 32 || (c >= 9 && c <= 13))
const POSIX: Readonly<Record<string, CharSet>> = {
  digit: DIGIT,
  alpha: setOf(c => (c >= 65 && c <= 90) || (c >= 97 && c <= 122)),
  alnum: setOf(c => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122)),
  upper: UPPER,
  lower: setOf(c => c >= 97 && c <= 122),
  space: BLANK,
  xdigit: setOf(c => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)),
  punct: setOf(c => c > 32 && c < 127 && !((c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122))),
  word: WORD
}
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7 }

function setOf(fits: (c: number) => boolean): CharSet {
  const set: [number, number, number, number] = [0, 0, 0, 0]
  for (let c = 0; c < 128; c++) if (fits(c)) set[c >> 5]! |= 1 << (c & 31)
  return set
}

export function holds(set: CharSet, c: number): boolean {
  return ((set[c >> 5]! >>> (c & 31)) & 1) === 1
}

/** The tree of a pattern. @throws SyntaxError when it is not understood. */
export function parse(pattern: string): Node {
  return new Parser(pattern).whole()
}

/** The program of a pattern; begins at step 0. @throws SyntaxError when it is not understood, or not for ASCII alone. */
export function programOf(pattern: string): Step[] {
  const steps: Step[] = []
  emit(parse(pattern), steps)
  steps.push({ op: 'match' })
  return steps
}

type Single = Node & { kind: 'set' | 'foreign' }

class Parser {
  readonly #text: string
  #at = 0
  #folds = false
  #dotAll = false
  #lines = false

  constructor(text: string) {
    this.#text = text
  }

  whole(): Node {
    const node = this.#alternation()
    if (this.#at < this.#text.length) throw new SyntaxError('a bracket too many')
    return node
  }

  #alternation(): Node {
    const [folds, dotAll, lines] = [this.#folds, this.#dotAll, this.#lines]
    const parts = [this.#sequence()]
    while (this.#text[this.#at] === '|') {
      this.#at++
      parts.push(this.#sequence())
    }
    this.#folds = folds
    this.#dotAll = dotAll
    this.#lines = lines
    return parts.length === 1 ? parts[0]! : { kind: 'either', parts }
  }

  #sequence(): Node {
    const parts: Node[] = []
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      parts.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', parts }
  }

  #repeated(part: Node): Node {
    let node = part
    for (;;) {
      const quantifier = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.#text.slice(this.#at))
      if (quantifier === null) return node
      this.#at += quantifier[0].length
      const [, sign, from, comma, to] = quantifier
      const least = sign === undefined ? Number(from) : sign === '+' ? 1 : 0
      const bound = sign === '?' ? 1 : comma === undefined ? least : to === '' ? Number.POSITIVE_INFINITY : Number(to)
      const most = sign === '*' || sign === '+' ? Number.POSITIVE_INFINITY : bound
      node = { kind: 'repeat', part: node, least, most }
    }
  }

  #atom(): Node {
    const c = this.#text[this.#at++]!
    if (c === '(') return this.#group()
    if (c === '[') return this.#class()
    if (c === '.') return { kind: 'set', set: this.#dotAll ? ANY : setOf(c => c !== 10), beyond: true }
    if (c === '^') return { kind: 'assert', assertion: this.#lines ? 'line' : 'begin' }
    if (c === '$') return { kind: 'assert', assertion: this.#lines ? 'line' : 'end' }
    if (c === '\\') return this.#escape()
    if (c === '*' || c === '+' || c === '?') throw new SyntaxError('nothing to repeat')
    return this.#one(c.charCodeAt(0))
  }

  #group(): Node {
    const opening = /^\?(?:P?<[A-Za-z_]\w*>|([a-zA-Z]*)(?:-([a-zA-Z]+))?(:|\)))/.exec(this.#text.slice(this.#at))
    if (opening === null && this.#text[this.#at] === '?') throw new SyntaxError('an unknown group')
    const [folds, dotAll, lines] = [this.#folds, this.#dotAll, this.#lines]
    if (opening !== null) {
      this.#at += opening[0].length
      this.#flags(opening[1] ?? '', true)
      this.#flags(opening[2] ?? '', false)
      if (opening[3] === ')') return { kind: 'sequence', parts: [] }
    }
    const node = this.#alternation()
    if (this.#text[this.#at++] !== ')') throw new SyntaxError('a group without end')
    this.#folds = folds
    this.#dotAll = dotAll
    this.#lines = lines
    return node
  }

  #flags(flags: string, on: boolean): void {
    for (const flag of flags) {
      if (flag === 'i') this.#folds = on
      else if (flag === 's') this.#dotAll = on
      else if (flag === 'm') this.#lines = on
      else throw new SyntaxError('an unknown flag')
    }
  }

  #escape(): Node {
    const c = this.#text[this.#at]
    if (c === 'b' || c === 'B') return this.#assert(c === 'b' ? 'word' : 'no_word')
    if (c === 'A') return this.#assert('begin')
    if (c === 'z') return this.#assert('end')
    return this.#escaped()
  }

  #assert(assertion: Assertion): Node {
    this.#at++
    return { kind: 'assert', assertion }
  }

  /** The character or set behind a backslash. */
  #escaped(): Single {
    const c = this.#text[this.#at++]
    if (c === undefined) throw new SyntaxError('ends in a backslash')
    if (c === 'd') return within(DIGIT)
    if (c === 'w') return within(WORD)
    if (c === 's') return within(BLANK)
    if (c === 'D') return without(DIGIT)
    if (c === 'W') return without(WORD)
    // RE2's blanks lack the vertical tab: here it is both.
    if (c === 'S') return { kind: 'set', set: setOf(c => c === 11 || !holds(BLANK, c)), beyond: true }
    if (c === 'p' || c === 'P') return this.#unicode()
    const control = CONTROLS[c]
    if (control !== undefined) return within(only(control))
    if (c === 'x') {
      const hex = /^[0-7][0-9A-Fa-f]/.exec(this.#text.slice(this.#at))
      if (hex === null) throw new SyntaxError('an unknown escape')
      this.#at += 2
      return this.#one(Number.parseInt(hex[0], 16))
    }
    if (/[a-zA-Z0-9]/.test(c)) throw new SyntaxError('an unknown escape')
    return this.#one(c.charCodeAt(0))
  }

  /** `\pL`, `\p{Greek}`. */
  #unicode(): Single {
    const name = /^(?:[A-Za-z]|\{[^}]+\})/.exec(this.#text.slice(this.#at))
    if (name === null) throw new SyntaxError('an unknown class')
    this.#at += name[0].length
    return { kind: 'foreign' }
  }

  #class(): Single {
    const isNegated = this.#text[this.#at] === '^'
    if (isNegated) this.#at++
    const members: Single[] = []
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw new SyntaxError('a class without end')
      members.push(this.#member())
    }
    this.#at++
    let set: CharSet = [0, 0, 0, 0]
    let beyond = isNegated
    for (const member of members) {
      if (member.kind === 'foreign') return member
      set = union(set, member.set)
      beyond ||= member.beyond
    }
    return { ...(isNegated ? without(set) : within(set)), beyond }
  }

  #member(): Single {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#text.slice(this.#at))
    if (posix !== null) {
      const named = POSIX[posix[2]!]
      if (named === undefined) throw new SyntaxError('an unknown class')
      this.#at += posix[0].length
      return posix[1] === '' ? within(named) : without(named)
    }
    const from = this.#point()
    if (typeof from !== 'number') return from
    if (this.#text[this.#at] !== '-' || this.#text[this.#at + 1] === ']' || this.#text[this.#at + 1] === undefined) {
      return this.#one(from)
    }
    this.#at++
    const to = this.#point()
    if (typeof to !== 'number' || to < from) throw new SyntaxError('an odd range')
    const range = setOf(c => c >= from && c <= to)
    return { kind: 'set', set: this.#folds ? folded(range) : range, beyond: to > 127 }
  }

  /** A character of a class, or what an escape stands for. */
  #point(): number | Single {
    const c = this.#text[this.#at++]!
    if (c !== '\\') return c.charCodeAt(0)
    const escaped = this.#escaped()
    if (escaped.kind === 'foreign' || escaped.beyond) return escaped
    const held = membersOf(escaped.set)
    return held.length === 1 ? held[0]! : escaped
  }

  #one(c: number): Single {
    return { kind: 'set', set: this.#folds ? folded(only(c)) : only(c), beyond: c > 127 }
  }
}

/** The ASCII characters of a set. */
export function membersOf(set: CharSet): number[] {
  return Array.from({ length: 128 }, (_, c) => c).filter(c => holds(set, c))
}

/** Nothing of a character beyond ASCII is here: texts with one are not for this automaton. */
function only(c: number): CharSet {
  return setOf(other => other === c)
}

function within(set: CharSet): Node & { kind: 'set' } {
  return { kind: 'set', set, beyond: false }
}

function without(set: CharSet): Node & { kind: 'set' } {
  return { kind: 'set', set: setOf(c => !holds(set, c)), beyond: true }
}

function union(a: CharSet, b: CharSet): CharSet {
  return [a[0] | b[0], a[1] | b[1], a[2] | b[2], a[3] | b[3]]
}

function folded(set: CharSet): CharSet {
  const isLetter = (c: number) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122)
  return setOf(c => holds(set, c) || (isLetter(c) && holds(set, c ^ 32)))
}

function emit(node: Node, steps: Step[]): void {
  if (steps.length > MAX_STEPS) throw new SyntaxError('too long')
  if (node.kind === 'foreign') throw new SyntaxError('not for ASCII alone')
  if (node.kind === 'set') steps.push({ op: 'char', set: node.set, next: steps.length + 1 })
  else if (node.kind === 'assert') {
    if (node.assertion === 'line') throw new SyntaxError('lines are not known here')
    steps.push({ op: 'assert', assertion: node.assertion, next: steps.length + 1 })
  } else if (node.kind === 'sequence') for (const part of node.parts) emit(part, steps)
  else if (node.kind === 'either') emitEither(node.parts, steps)
  else emitRepeat(node.part, node.least, node.most, steps)
}

function emitEither(parts: readonly Node[], steps: Step[]): void {
  const jumps: { next: number }[] = []
  for (const [i, part] of parts.entries()) {
    const split = { op: 'split' as const, next: steps.length + 1, other: steps.length + 1 }
    if (i < parts.length - 1) steps.push(split)
    emit(part, steps)
    if (i === parts.length - 1) break
    const jump = { op: 'split' as const, next: 0, other: 0 }
    steps.push(jump)
    jumps.push(jump)
    split.other = steps.length
  }
  for (const jump of jumps) {
    jump.next = steps.length
    ;(jump as { other?: number }).other = steps.length
  }
}

function emitRepeat(part: Node, least: number, most: number, steps: Step[]): void {
  if (least > MAX_REPEAT || (Number.isFinite(most) && most > MAX_REPEAT)) throw new SyntaxError('repeated too often')
  for (let i = 0; i < least; i++) emit(part, steps)
  if (most === Number.POSITIVE_INFINITY) {
    const loop = { op: 'split' as const, next: steps.length + 1, other: 0 }
    const at = steps.push(loop) - 1
    emit(part, steps)
    steps.push({ op: 'split', next: at, other: at })
    loop.other = steps.length
    return
  }
  const skips: { other: number }[] = []
  for (let i = least; i < most; i++) {
    const skip = { op: 'split' as const, next: steps.length + 1, other: 0 }
    steps.push(skip)
    skips.push(skip)
    emit(part, steps)
  }
  for (const skip of skips) skip.other = steps.length
}
