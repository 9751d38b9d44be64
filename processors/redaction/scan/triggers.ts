// Tier 1: decides from a value's bytes alone what could be in it, so that nearly all values are passed on without being
// decoded. Nothing here says "this is an email"; it says "there is an @". Three steps, each only when the last one asks:
//   a. one pass that ORs a class per byte and counts digits (about 0.6 ns a byte);
//   b. one pass of an Aho-Corasick automaton over folded letters: label words and vendor prefixes;
//   c. short passes for digit groups, dotted groups, colon groups and long mixed tokens.
// Invariant: a value that any detector would hit must get at least one of that detector's triggers. The detectors'
// examples hold this (detectors.test.ts runs them through the whole scanner).

/** What a value could contain. Detectors name the bits they wait for. */
export const Trigger = {
  /** `@`. */
  at: 1 << 0,
  /** Seven digits or more, separated by nothing but single separators. */
  digits: 1 << 1,
  /** digit.digit.digit */
  dotted: 1 << 2,
  /** Two colons or dashes between hexadecimal digits. */
  colons: 1 << 3,
  /** Twelve or more token characters of mixed kinds: base64, random tokens. */
  token: 1 << 4,
  /** A letter next to a digit, four digits or more: document numbers. */
  mixed: 1 << 5,
  /** A label of something numeric: phone, ssn, iban ... */
  numberLabel: 1 << 6,
  /** A label of a document or a date: passport, licence, birth. */
  documentLabel: 1 << 7,
  /** A label of text: password, token, cookie, customer, address. */
  textLabel: 1 << 8,
  /** A vendor's token prefix. */
  vendor: 1 << 9,
  /** `://` or a connection string's words. */
  scheme: 1 << 10,
  /** `-----BEGIN`. */
  pem: 1 << 11,
  /** `bearer`, `basic` and other authorization schemes. */
  auth: 1 << 12,
  /** `eyJ`. */
  jwt: 1 << 13,
  /** `%XX`, backslash or `&...;` escapes. */
  escapes: 1 << 14,
  /** A byte above 0x7f. */
  nonAscii: 1 << 15,
  /** A label that the configuration's own field rules look for in text. */
  fieldLabel: 1 << 16,
  /** SQL, Redis or Mongo statement words (only when statements are obfuscated). */
  always: 1 << 17
} as const

// Byte classes of step a. Bit 0 counts digits.
const DIGIT = 1
const UPPER = 2
const LOWER = 4
const AT = 8
const ESCAPE = 16
const HIGH = 32
const SEPARATOR = 64
const DOT = 128
const COLON = 256
const DASH = 512
const TOKEN_EXTRA = 1024

const CLASS = new Uint16Array(256)
for (let c = 0; c < 256; c++) CLASS[c] = c >= 0x80 ? HIGH : 0
for (let c = 0x30; c <= 0x39; c++) CLASS[c] = DIGIT
for (let c = 0x41; c <= 0x5a; c++) CLASS[c] = UPPER
for (let c = 0x61; c <= 0x7a; c++) CLASS[c] = LOWER
for (const c of ' \t\r\n:=\'"`/<>(){}[],;|?*#!$^~') CLASS[c.charCodeAt(0)]! |= SEPARATOR
CLASS[0x40] = AT
for (const c of '%\\&') CLASS[c.charCodeAt(0)]! |= ESCAPE | SEPARATOR
CLASS[0x2e]! |= DOT
CLASS[0x3a]! |= COLON
CLASS[0x2d]! |= DASH
for (const c of '+/=') CLASS[c.charCodeAt(0)]! |= TOKEN_EXTRA

// Symbols of the automaton: 1-26 letters (case folded), 27 digit, 28 '_', 29 '-', 30 '.', 31 ':', 0 anything else.
const SYMBOL = new Uint8Array(256)
for (let c = 0; c < 26; c++) SYMBOL[0x41 + c] = SYMBOL[0x61 + c] = c + 1
for (let c = 0x30; c <= 0x39; c++) SYMBOL[c] = 27
SYMBOL[0x5f] = 28
SYMBOL[0x2d] = 29
SYMBOL[0x2e] = 30
SYMBOL[0x3a] = 31

/** A word that sets trigger bits. `|` at either end of it means "not next to a letter". */
export interface Keyword {
  readonly word: string
  readonly bits: number
}

/** The prefilter: built once from the words of the detectors that are on. */
export class Prefilter {
  readonly #next: Uint16Array
  readonly #out: Int32Array
  readonly #ends: Int32Array
  readonly #vendorLike: number

  constructor(keywords: readonly Keyword[]) {
    const built = automaton(keywords)
    this.#next = built.next
    this.#out = built.out
    this.#ends = built.ends
    this.#vendorLike = Trigger.numberLabel | Trigger.documentLabel
  }

  /** The triggers of `buf[start..end)`; 0 = nothing any detector could hit without context from its key. */
  mask(buf: Uint8Array, start: number, end: number): number {
    let seen = 0
    let digits = 0
    for (let i = start; i < end; i++) {
      const c = CLASS[buf[i]!]!
      seen |= c
      digits += c & DIGIT
    }
    const length = end - start
    if (
      (seen & (AT | HIGH | SEPARATOR)) === 0 &&
      digits < 4 &&
      (length < 12 || (length < 20 && (seen & UPPER) === 0))
    ) {
      return 0
    }
    if (length === 36 && digits > 0 && isUuid(buf, start)) return 0
    let found = 0
    if (seen & AT) found |= Trigger.at
    if (seen & HIGH) found |= Trigger.nonAscii
    if (seen & ESCAPE) found |= escapes(buf, start, end)
    if (seen & LOWER || seen & UPPER) {
      found |= this.#words(buf, start, end)
      if (digits < 3) found &= ~this.#vendorLike
      else if (digits < 6) found &= ~Trigger.numberLabel
    }
    if (digits >= 4) found |= groups(buf, start, end, seen)
    else if (seen & COLON && length > 10) found |= colons(buf, start, end)
    if (length >= 12 && (seen & UPPER) !== 0 && (seen & (LOWER | DIGIT)) !== 0) found |= tokens(buf, start, end)
    return found
  }

  #words(buf: Uint8Array, start: number, end: number): number {
    const next = this.#next
    const out = this.#out
    let found = 0
    let state = 0
    for (let i = start; i < end; i++) {
      state = next[(state << 5) | SYMBOL[buf[i]!]!]!
      found |= out[state]!
    }
    return found | this.#ends[state]!
  }
}

/** 8-4-4-4-12 hexadecimal digits: never personal data, and in nearly every span. */
function isUuid(buf: Uint8Array, start: number): boolean {
  if (buf[start + 8] !== 0x2d || buf[start + 13] !== 0x2d || buf[start + 18] !== 0x2d || buf[start + 23] !== 0x2d) {
    return false
  }
  for (let i = 0; i < 36; i++) {
    const c = buf[start + i]!
    const hex = (c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46)
    if (!hex && !(c === 0x2d && (i === 8 || i === 13 || i === 18 || i === 23))) return false
  }
  return true
}

function isHex(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46)
}

/** `%` + hex, a backslash, `&#` or `&letter`. */
function escapes(buf: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const c = buf[i]!
    if (c === 0x5c) return Trigger.escapes
    if (i + 2 >= end) continue
    const d = buf[i + 1]!
    if (c === 0x25 && isHex(d) && isHex(buf[i + 2]!)) return Trigger.escapes
    if (c === 0x26 && (d === 0x23 || (CLASS[d]! & (UPPER | LOWER)) !== 0) && entityEnds(buf, i + 2, end)) {
      return Trigger.escapes
    }
  }
  return 0
}

function entityEnds(buf: Uint8Array, from: number, end: number): boolean {
  const last = Math.min(end, from + 10)
  for (let i = from; i < last; i++) if (buf[i] === 0x3b) return true
  return false
}

/** Digit groups, dotted groups, colon groups, letters next to digits. */
function groups(buf: Uint8Array, start: number, end: number, seen: number): number {
  let found = 0
  let run = 0
  let led = false
  let letterAt = -9
  let dots = 0
  let gap = 0
  let before = 0
  for (let i = start; i < end; i++) {
    const b = buf[i]!
    const c = CLASS[b]!
    if (c & DIGIT) {
      gap = 0
      if (++run >= 7) found |= Trigger.digits
      if (run === 1) led = i - letterAt <= 2
      if (led && run >= 4) found |= Trigger.mixed
    } else if (c & (UPPER | LOWER)) {
      if (run >= 6) found |= Trigger.mixed
      letterAt = i
      run = 0
      dots = 0
    } else if (b === 0x2e) {
      if (before & DIGIT && ++dots >= 3) found |= Trigger.dotted
      gap++
    } else {
      dots = 0
      if (++gap > 4 || b === 0x3a || b === 0x3d || b === 0x2c || b === 0x3b) run = 0
    }
    before = c
  }
  if (seen & (COLON | DASH | DOT)) found |= colons(buf, start, end)
  return found
}

/** At least two of `:`, `-` or `.` between groups of hexadecimal digits of one to four. */
function colons(buf: Uint8Array, start: number, end: number): number {
  let marks = 0
  let size = 0
  for (let i = start; i < end; i++) {
    const c = buf[i]!
    if (isHex(c)) {
      if (++size > 4) marks = 0
    } else if (c === 0x3a || c === 0x2d || c === 0x2e) {
      if (size > 4) marks = 0
      size = 0
      if (++marks >= 2) {
        if (c === 0x3a) return Trigger.colons
        if (marks >= (c === 0x2e ? 2 : 5)) return Trigger.colons
      }
    } else {
      marks = 0
      size = 0
    }
  }
  return 0
}

/** A run of twelve or more base64 characters with upper case and (lower case or digits) in it. */
function tokens(buf: Uint8Array, start: number, end: number): number {
  let run = 0
  let kinds = 0
  for (let i = start; i < end; i++) {
    const b = buf[i]!
    const c = CLASS[b]! & (DIGIT | UPPER | LOWER | TOKEN_EXTRA | DASH)
    if (c !== 0 || b === 0x5f) {
      kinds |= c
      if (++run >= 12 && (kinds & UPPER) !== 0 && (kinds & (LOWER | DIGIT)) !== 0) {
        if (kinds & DIGIT || run >= 16) return Trigger.token
      }
    } else {
      run = 0
      kinds = 0
    }
  }
  return 0
}

const BOUNDARIES = [0, 27, 28, 29, 30, 31]

/** Aho-Corasick over the 32 symbols; a dense table, because one load a byte is what this is for. */
function automaton(keywords: readonly Keyword[]): { next: Uint16Array; out: Int32Array; ends: Int32Array } {
  const trie: number[][] = [new Array<number>(32).fill(-1)]
  const out = [0]
  const ends = [0]
  const step = (state: number, symbol: number): number => {
    let to = trie[state]![symbol]!
    if (to < 0) {
      to = trie.length
      trie[state]![symbol] = to
      trie.push(new Array<number>(32).fill(-1))
      out.push(0)
      ends.push(0)
    }
    return to
  }
  // The start of a value counts as a boundary: words with one in front are added with and without it; without it they
  // would match everywhere, so the automaton starts in the state "after a boundary" (symbol 0).
  const after = step(0, 0)
  for (const { word, bits } of keywords) {
    const open = word.startsWith('|')
    const close = word.endsWith('|') && word.length > 1
    const body = [...word.slice(open ? 1 : 0, close ? -1 : undefined)].map(c => SYMBOL[c.charCodeAt(0)]!)
    for (const first of open ? BOUNDARIES : [-1]) {
      let state = first < 0 ? 0 : step(0, first)
      for (const symbol of body) state = step(state, symbol)
      if (!close) out[state]! |= bits
      else {
        ends[state]! |= bits
        for (const last of BOUNDARIES) out[step(state, last)]! |= bits
      }
    }
  }
  return link(trie, out, ends, after)
}

function link(
  trie: number[][],
  out: number[],
  ends: number[],
  after: number
): { next: Uint16Array; out: Int32Array; ends: Int32Array } {
  const fail = new Array<number>(trie.length).fill(0)
  const order: number[] = []
  for (let symbol = 0; symbol < 32; symbol++) {
    const to = trie[0]![symbol]!
    if (to < 0) trie[0]![symbol] = 0
    else order.push(to)
  }
  for (let i = 0; i < order.length; i++) {
    const state = order[i]!
    out[state]! |= out[fail[state]!]!
    ends[state]! |= ends[fail[state]!]!
    for (let symbol = 0; symbol < 32; symbol++) {
      const to = trie[state]![symbol]!
      const fallback = trie[fail[state]!]![symbol]!
      if (to < 0) trie[state]![symbol] = fallback
      else {
        fail[to] = fallback
        order.push(to)
      }
    }
  }
  // State 0 is swapped with "after a boundary", so that scanning can begin at 0.
  const swap = (state: number): number => (state === 0 ? after : state === after ? 0 : state)
  const next = new Uint16Array(trie.length * 32)
  const outs = new Int32Array(trie.length)
  const endings = new Int32Array(trie.length)
  for (let state = 0; state < trie.length; state++) {
    const row = swap(state) * 32
    for (let symbol = 0; symbol < 32; symbol++) next[row + symbol] = swap(trie[state]![symbol]!)
    outs[swap(state)] = out[state]!
    endings[swap(state)] = ends[state]!
  }
  return { next, out: outs, ends: endings }
}
