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
  /** Cookie headers and names of session cookies. */
  cookie: 1 << 17,
  /** Query parameters that carry signatures. */
  query: 1 << 18
} as const

// Byte classes of step a. The three that are counted stand ten bits apart, so that adding classes up counts them at
// once; counts hold for values under 1 KiB, longer ones are taken to have plenty of each.
const DIGIT = 1
const COLON = 1 << 10
const DASH = 1 << 20
const COUNTED = DIGIT | COLON | DASH
const COUNT_LIMIT = 1023
const UPPER = 1 << 1
const LOWER = 1 << 2
const AT = 1 << 3
const ESCAPE = 1 << 4
const HIGH = 1 << 5
const SEPARATOR = 1 << 6
const DOT = 1 << 7
const SEMICOLON = 1 << 8
const AMPERSAND = 1 << 9
const TOKEN_EXTRA = 1 << 11
const LETTER = UPPER | LOWER
const WORD = UPPER | LOWER | DIGIT

const CLASS = new Int32Array(256)
for (let c = 0; c < 256; c++) CLASS[c] = c >= 0x80 ? HIGH : 0
for (let c = 0x30; c <= 0x39; c++) CLASS[c] = DIGIT
for (let c = 0x41; c <= 0x5a; c++) CLASS[c] = UPPER
for (let c = 0x61; c <= 0x7a; c++) CLASS[c] = LOWER
for (const c of ' \t\r\n:=\'"`/<>(){}[],;|?*#!$^~&%\\') CLASS[c.charCodeAt(0)]! |= SEPARATOR
CLASS[0x40] = AT
CLASS[0x25]! |= ESCAPE
CLASS[0x5c]! |= ESCAPE
CLASS[0x26]! |= AMPERSAND
CLASS[0x3b]! |= SEMICOLON
CLASS[0x2e]! |= DOT
CLASS[0x3a]! |= COLON
CLASS[0x2d]! |= DASH
for (const c of '+/=_') CLASS[c.charCodeAt(0)]! |= TOKEN_EXTRA

const HEX = new Uint8Array(256)
for (const c of '0123456789abcdefABCDEF') HEX[c.charCodeAt(0)] = 1

// Symbols of the automaton: 1-26 letters (case folded), 27 digit, 0 anything else, runs of which count once.
const SYMBOL = new Uint8Array(256)
for (let c = 0; c < 26; c++) SYMBOL[0x41 + c] = SYMBOL[0x61 + c] = c + 1
for (let c = 0x30; c <= 0x39; c++) SYMBOL[c] = 27

/**
 * A word that sets trigger bits. A blank or punctuation in it stands for one or more characters that are neither letter
 * nor digit; `|` at either end means "not next to a letter or digit".
 */
export interface Keyword {
  readonly word: string
  readonly bits: number
}

/** The prefilter: built once from the words of the detectors that are on. */
export class Prefilter {
  readonly #next: Uint16Array
  readonly #out: Int32Array
  readonly #ends: Int32Array
  readonly #numberish: number

  constructor(keywords: readonly Keyword[]) {
    const built = automaton(keywords)
    this.#next = built.next
    this.#out = built.out
    this.#ends = built.ends
    this.#numberish = Trigger.numberLabel | Trigger.documentLabel
  }

  /** The triggers of `buf[start..end)`; 0 = nothing any detector could hit without context from its key. */
  mask(buf: Uint8Array, start: number, end: number): number {
    const length = end - start
    if (length === 36 && buf[start + 8] === 0x2d && isUuid(buf, start)) return 0
    let seen = 0
    let counts = 0
    for (let i = start; i < end; i++) {
      const c = CLASS[buf[i]!]!
      seen |= c
      counts += c & COUNTED
    }
    const long = length > COUNT_LIMIT
    const digits = long ? length : counts & 1023
    if (
      digits < 4 &&
      (seen & (AT | HIGH | SEPARATOR)) === 0 &&
      (length < 12 || (length < 20 && (seen & UPPER) === 0))
    ) {
      return 0
    }
    let found = 0
    if (seen & AT) found |= Trigger.at
    if (seen & HIGH) found |= Trigger.nonAscii
    if (seen & ESCAPE || (seen & AMPERSAND && seen & SEMICOLON)) found |= escapes(buf, start, end)
    if (seen & LETTER && (seen & SEPARATOR || length >= 12)) {
      found |= this.#words(buf, start, end)
      if (digits < 1) found &= ~this.#numberish
      else if (digits < 6) found &= ~Trigger.numberLabel
    }
    if (digits >= 4 || counts >>> 20 >= 5) {
      const isHash = (seen & ~(DIGIT | LOWER)) === 0 && (length === 32 || length === 40 || length === 64)
      if (!(isHash && seen & LOWER)) found |= groups(buf, start, end)
    }
    if (long || ((counts >>> 10) & 1023) >= 2) found |= colons(buf, start, end)
    if (length >= 12 && seen & UPPER && seen & (LOWER | DIGIT)) found |= tokens(buf, start, end)
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
  if (buf[start + 13] !== 0x2d || buf[start + 18] !== 0x2d || buf[start + 23] !== 0x2d) return false
  let hex = 0
  for (let i = start; i < start + 36; i++) hex += HEX[buf[i]!]!
  return hex === 32
}

/** `%` + hex, a backslash, `&#` or `&letter`. */
function escapes(buf: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const c = buf[i]!
    if (c === 0x5c) return Trigger.escapes
    if (i + 2 >= end) continue
    const d = buf[i + 1]!
    if (c === 0x25 && HEX[d] === 1 && HEX[buf[i + 2]!] === 1) return Trigger.escapes
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

/** Digit groups, dotted groups, letters next to digits. UUIDs are stepped over. */
function groups(buf: Uint8Array, start: number, end: number): number {
  let found = 0
  let run = 0
  let dots = 0
  let gap = 0
  let led = false
  let before = 0
  for (let i = start; i < end; i++) {
    const b = buf[i]!
    const c = CLASS[b]!
    if ((c & WORD) !== 0 && (before & WORD) === 0 && i + 36 <= end && buf[i + 8] === 0x2d && isUuid(buf, i)) {
      i += 35
      before = WORD
      run = dots = 0
      continue
    }
    if (c & DIGIT) {
      if (run === 0) led = (before & LETTER) !== 0
      gap = 0
      if (++run >= 7) found |= Trigger.digits
    } else if (c & LETTER) {
      if ((run >= 6 && gap <= 1) || (led && run === 4 && gap === 0)) found |= Trigger.mixed
      run = 0
      dots = 0
    } else if (b === 0x2e) {
      // aabb.ccdd.eeff
      if (buf[i + 5] === 0x2e && i - start >= 4 && i + 10 <= end) found |= Trigger.colons
      if (before & DIGIT && ++dots >= 3) found |= Trigger.dotted
      gap++
    } else {
      dots = 0
      // aa-bb-cc-dd-ee-ff
      if (b === 0x2d && buf[i + 3] === 0x2d && buf[i + 6] === 0x2d && buf[i + 9] === 0x2d && buf[i + 12] === 0x2d) {
        found |= Trigger.colons
      }
      if (++gap > 5 || b === 0x3a || b === 0x3d || b === 0x2c || b === 0x3b) run = 0
    }
    before = c
  }
  return found
}

/** Groups of hexadecimal digits between colons, as in IPv6 and MAC addresses. Times of day are none. */
function colons(buf: Uint8Array, start: number, end: number): number {
  let marks = 0
  let size = 0
  let wide = false
  for (let i = start; i < end; i++) {
    const c = buf[i]!
    if (HEX[c] === 1) {
      if (++size > 2 || c > 0x39) wide = true
      if (size > 4) marks = 0
    } else if (c === 0x3a) {
      if (size === 0 && i > start && buf[i - 1] === 0x3a) wide = true
      if (++marks >= 5 || (marks >= 2 && wide)) return Trigger.colons
      size = 0
    } else {
      marks = size = 0
      wide = false
    }
  }
  return 0
}

const TOKEN = WORD | TOKEN_EXTRA | DASH
const SHORTEST_TOKEN = 12

/** A run of twelve or more base64 characters with capitals, and small letters or digits, in it. */
function tokens(buf: Uint8Array, start: number, end: number): number {
  // A run of twelve covers a position of every twelve: the others need no look.
  for (let p = start + SHORTEST_TOKEN - 1; p < end; p += SHORTEST_TOKEN) {
    if ((CLASS[buf[p]!]! & TOKEN) === 0) continue
    let kinds = 0
    let from = p
    while (from >= start && (CLASS[buf[from]!]! & TOKEN) !== 0) kinds |= CLASS[buf[from--]!]!
    let to = p + 1
    while (to < end && (CLASS[buf[to]!]! & TOKEN) !== 0) kinds |= CLASS[buf[to++]!]!
    const length = to - from - 1
    if (length >= SHORTEST_TOKEN && kinds & UPPER) {
      if (kinds & DIGIT || (length >= 16 && kinds & LOWER)) return Trigger.token
      if (capitals(buf, from + 1, to) >= 4) return Trigger.token
    }
    p = Math.max(p, to - SHORTEST_TOKEN)
  }
  return 0
}

function capitals(buf: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let i = start; i < end; i++) count += (CLASS[buf[i]!]! >> 1) & 1
  return count
}

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
    const close = word.endsWith('|')
    let state = open ? after : 0
    let last = open ? 0 : -1
    for (const char of word.slice(open ? 1 : 0, close ? -1 : undefined)) {
      const symbol = SYMBOL[char.charCodeAt(0)]!
      if (symbol !== 0 || last !== 0) state = step(state, symbol)
      last = symbol
    }
    if (close) {
      ends[state]! |= bits
      state = step(state, 0)
    }
    out[state]! |= bits
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
  const afterOther = new Set<number>()
  for (const row of trie) if (row[0]! > 0) afterOther.add(row[0]!)
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
      if (to < 0) trie[state]![symbol] = symbol === 0 && afterOther.has(state) ? state : fallback
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
