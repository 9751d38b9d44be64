// What a text could hold, from its bytes alone. Nothing here says "this is an email"; it says "there is an @". In steps,
// each only when the last one asks:
//   a. one pass that classes and counts the bytes, sixteen at a time;
//   b. three-letter pieces of the wanted words: is any of them there at all? Then one pass of an Aho-Corasick automaton over
//      folded letters: words and prefixes;
//   c. short passes for digit groups, dotted groups, colon groups and long mixed tokens.
// The bits are those of `Shape` in ../shapes.ts. Texts end at `end`; sixteen bytes more are always readable.

const AT: i32 = 1 << 0
const DIGITS: i32 = 1 << 1
const DOTTED: i32 = 1 << 2
const COLONS: i32 = 1 << 3
const TOKEN: i32 = 1 << 4
const MIXED: i32 = 1 << 5
const ESCAPES: i32 = 1 << 14
const NON_ASCII: i32 = 1 << 15

// Byte kinds of the slow passes.
const K_DIGIT: u32 = 1
const K_UPPER: u32 = 2
const K_LOWER: u32 = 4
const K_EXTRA: u32 = 8
const K_LETTER: u32 = K_UPPER | K_LOWER
const K_WORD: u32 = K_LETTER | K_DIGIT
const K_TOKEN: u32 = K_WORD | K_EXTRA

/** 256 bytes: the kind of a byte. */
let kinds: usize = 0
/** 256 bytes: the automaton's symbol of a byte: 1-26 letters (case folded), 27 digit, 0 anything else. */
let symbols: usize = 0
/** Sixteen 0xff, then sixteen 0: what cuts a vector behind the end of a text. */
let tail: usize = 0

let next: usize = 0
let outs: usize = 0
let ends: usize = 0
let pieces: usize = 0
/** Bits of words that mean nothing without a digit, and without six. */
let numberish: i32 = 0
let numeric: i32 = 0
let hasWords: bool = false

// Of the text that `mask` saw last.
export let digits: i32 = 0
export let uppers: i32 = 0

/** `at`: 544 bytes for the tables of this file. */
export function prepareText(at: usize): void {
  kinds = at
  symbols = at + 256
  tail = at + 512
  memory.fill(at, 0, 512)
  for (let c: usize = 0; c < 10; c++) {
    store<u8>(kinds + 0x30 + c, K_DIGIT)
    store<u8>(symbols + 0x30 + c, 27)
  }
  for (let c: usize = 0; c < 26; c++) {
    store<u8>(kinds + 0x41 + c, K_UPPER)
    store<u8>(kinds + 0x61 + c, K_LOWER)
    store<u8>(symbols + 0x41 + c, <u8>(c + 1))
    store<u8>(symbols + 0x61 + c, <u8>(c + 1))
  }
  store<u8>(kinds + 0x2b, K_EXTRA) // +
  store<u8>(kinds + 0x2d, K_EXTRA) // -
  store<u8>(kinds + 0x2f, K_EXTRA) // /
  store<u8>(kinds + 0x3d, K_EXTRA) // =
  store<u8>(kinds + 0x5f, K_EXTRA) // _
  v128.store(tail, i8x16.splat(-1))
  v128.store(tail, i8x16.splat(0), 16)
}

/** The automaton's tables (../automaton.ts) and what its bits mean. */
export function setWords(nextAt: usize, outsAt: usize, endsAt: usize, piecesAt: usize, withDigit: i32, withSix: i32): void {
  next = nextAt
  outs = outsAt
  ends = endsAt
  pieces = piecesAt
  numberish = withDigit
  numeric = withSix
  hasWords = true
}

// @ts-ignore: decorator
@inline
function within(v: v128, first: i32, count: i32): v128 {
  return i8x16.lt_u(i8x16.sub(v, i8x16.splat(<i8>first)), i8x16.splat(<i8>count))
}

// @ts-ignore: decorator
@inline
function is(v: v128, byte: i32): v128 {
  return i8x16.eq(v, i8x16.splat(<i8>byte))
}

// @ts-ignore: decorator
@inline
function some(v: v128): bool {
  return v128.any_true(v)
}

/** The shapes of `[start, end)`; 0 = nothing. Leaves the counts of digits and capitals. */
export function mask(start: usize, end: usize): i32 {
  const length = <i32>(end - start)
  digits = 0
  uppers = 0
  let lowers = 0
  let colons = 0
  let dashes = 0
  let at = i8x16.splat(0)
  let any = at
  let separator = at
  let escape = at
  let ampersand = at
  let semicolon = at
  for (let p = start; p < end; p += 16) {
    let v = v128.load(p)
    if (end - p < 16) v = v128.and(v, v128.load(tail + 16 - (end - p)))
    const digit = within(v, 0x30, 10)
    const upper = within(v, 0x41, 26)
    const lower = within(v, 0x61, 26)
    const alnum = v128.or(v128.or(digit, upper), lower)
    const dash = is(v, 0x2d)
    const ats = is(v, 0x40)
    const plain = v128.or(v128.or(alnum, v128.or(dash, ats)), v128.or(is(v, 0x2e), v128.or(is(v, 0x5f), is(v, 0x2b))))
    const blank = v128.or(v128.or(is(v, 9), is(v, 10)), is(v, 13))
    separator = v128.or(separator, v128.or(blank, v128.andnot(within(v, 0x20, 0x5f), plain)))
    digits += popcnt<i32>(i8x16.bitmask(digit))
    uppers += popcnt<i32>(i8x16.bitmask(upper))
    lowers += popcnt<i32>(i8x16.bitmask(lower))
    colons += popcnt<i32>(i8x16.bitmask(is(v, 0x3a)))
    dashes += popcnt<i32>(i8x16.bitmask(dash))
    at = v128.or(at, ats)
    any = v128.or(any, v)
    escape = v128.or(escape, v128.or(is(v, 0x25), is(v, 0x5c)))
    ampersand = v128.or(ampersand, is(v, 0x26))
    semicolon = v128.or(semicolon, is(v, 0x3b))
  }
  const high = i8x16.bitmask(any) != 0
  const separated = some(separator)
  const hasAt = some(at)
  if (digits < 4 && dashes < 5 && !hasAt && !high && !separated && (length < 12 || (length < 20 && uppers == 0))) return 0
  if (length == 36 && load<u8>(start, 8) == 0x2d && isUuid(start)) return 0
  let found: i32 = 0
  if (hasAt) found |= AT
  if (high) found |= NON_ASCII
  if (some(escape) || (some(ampersand) && some(semicolon))) found |= escapes(start, end)
  if (hasWords && uppers + lowers > 0 && (separated || length >= 12)) {
    let said = words(start, end, dashes)
    if (digits < 1) said &= ~numberish
    else if (digits < 6) said &= ~numeric
    found |= said
  }
  if (digits >= 4 || dashes >= 5) {
    const isHash = lowers > 0 && digits + lowers == length && (length == 32 || length == 40 || length == 64)
    if (!isHash) found |= groups(start, end)
  }
  if (colons >= 2) found |= colonGroups(start, end)
  if (length >= 12 && uppers > 0 && lowers + digits > 0) found |= tokens(start, end)
  return found
}

/** The words outside of UUIDs, whose letters are no words. `dashes`: how many the text has. */
function words(start: usize, end: usize, dashes: i32): i32 {
  let found: i32 = 0
  let p = start
  if (dashes >= 4) {
    for (let uuid = nextUuid(p, end); uuid != 0; uuid = nextUuid(p, end)) {
      found |= wordsOf(p, uuid)
      p = uuid + 36
    }
  }
  return found | wordsOf(p, end)
}

/** Where the first UUID begins, 0 when there is none. */
function nextUuid(start: usize, end: usize): usize {
  for (let p = start + 8; p + 28 <= end; p++) {
    if (load<u8>(p) == 0x2d && isUuid(p - 8)) return p - 8
  }
  return 0
}

function wordsOf(start: usize, end: usize): i32 {
  if (!mayHoldWord(start, end)) return 0
  let found: i32 = 0
  let state: u32 = 0
  for (let p = start; p < end; p++) {
    state = load<u16>(next + (((state << 5) | load<u8>(symbols + load<u8>(p))) << 1))
    found |= load<i32>(outs + (state << 2))
  }
  return found | load<i32>(ends + (state << 2))
}

/** Whether a three-symbol piece of any word is there: no chain of loads, so four times the pace of the automaton. */
function mayHoldWord(start: usize, end: usize): bool {
  let piece: u32 = 0
  let seen: u32 = 0
  for (let p = start; p < end; p++) {
    piece = ((piece << 5) | load<u8>(symbols + load<u8>(p))) & 0x7fff
    seen |= load<u8>(pieces + (piece >> 3)) >> (piece & 7)
  }
  // The end of a text is a boundary like any other character.
  piece = (piece << 5) & 0x7fff
  seen |= load<u8>(pieces + (piece >> 3)) >> (piece & 7)
  return (seen & 1) != 0
}

// @ts-ignore: decorator
@inline
function hex(v: v128): i32 {
  return i8x16.bitmask(v128.or(within(v, 0x30, 10), within(v128.or(v, i8x16.splat(0x20)), 0x61, 6)))
}

/** 8-4-4-4-12 hexadecimal digits: never personal data, and in nearly every span. */
function isUuid(start: usize): bool {
  if (load<u8>(start, 13) != 0x2d || load<u8>(start, 18) != 0x2d || load<u8>(start, 23) != 0x2d) return false
  if (hex(v128.load(start)) != 0xdeff || hex(v128.load(start, 16)) != 0xff7b) return false
  return hex(v128.load(start, 20)) == 0xfff7
}

/** `%` + hex, a backslash, `&#` or `&letter`. */
function escapes(start: usize, end: usize): i32 {
  for (let p = start; p < end; p++) {
    const c = load<u8>(p)
    if (c == 0x5c) return ESCAPES
    if (p + 2 >= end) continue
    const d = load<u8>(p, 1)
    if (c == 0x25 && isHex(d) && isHex(load<u8>(p, 2))) return ESCAPES
    if (c == 0x26 && (d == 0x23 || (kindOf(d) & K_LETTER) != 0)) {
      const last = min(end, p + 12)
      for (let q = p + 2; q < last; q++) if (load<u8>(q) == 0x3b) return ESCAPES
    }
  }
  return 0
}

// @ts-ignore: decorator
@inline
function kindOf(c: u32): u32 {
  return load<u8>(kinds + c)
}

// @ts-ignore: decorator
@inline
function isHex(c: u32): bool {
  return c - 0x30 < 10 || (c | 0x20) - 0x61 < 6
}

/** Digit groups, dotted groups, letters next to digits. UUIDs are stepped over. */
function groups(start: usize, end: usize): i32 {
  let found: i32 = 0
  let run: i32 = 0
  let dots: i32 = 0
  let gap: i32 = 0
  let led = false
  let before: u32 = 0
  for (let p = start; p < end; p++) {
    const b: u32 = load<u8>(p)
    const c = kindOf(b)
    if ((c & K_WORD) != 0 && (before & K_WORD) == 0 && p + 36 <= end && load<u8>(p, 8) == 0x2d && isUuid(p)) {
      p += 35
      before = K_WORD
      run = dots = 0
      continue
    }
    if (c & K_DIGIT) {
      if (run == 0) led = (before & K_LETTER) != 0
      gap = 0
      if (++run >= 7) found |= DIGITS
    } else if (c & K_LETTER) {
      if ((run >= 6 && gap <= 1) || (led && run == 4 && gap == 0)) found |= MIXED
      run = dots = 0
    } else if (b == 0x2e) {
      // aabb.ccdd.eeff
      if (p - start >= 4 && p + 10 <= end && load<u8>(p, 5) == 0x2e) found |= COLONS
      if ((before & K_DIGIT) != 0 && ++dots >= 3) found |= DOTTED
      gap++
    } else {
      dots = 0
      // aa-bb-cc-dd-ee-ff
      if (b == 0x2d && p + 12 < end && load<u8>(p, 3) == 0x2d && load<u8>(p, 6) == 0x2d && load<u8>(p, 9) == 0x2d && load<u8>(p, 12) == 0x2d) {
        found |= COLONS
      }
      if (++gap > 5 || b == 0x3a || b == 0x3d || b == 0x2c || b == 0x3b) run = 0
    }
    before = c
  }
  return found
}

/** Groups of hexadecimal digits between colons, as in IPv6 and MAC addresses. Times of day are none. */
function colonGroups(start: usize, end: usize): i32 {
  let marks: i32 = 0
  let size: i32 = 0
  let wide = false
  for (let p = start; p < end; p++) {
    const c: u32 = load<u8>(p)
    if (isHex(c)) {
      if (++size > 2 || c > 0x39) wide = true
      if (size > 4) marks = 0
    } else if (c == 0x3a) {
      if (size == 0 && p > start && load<u8>(p - 1) == 0x3a) wide = true
      if (++marks >= 5 || (marks >= 2 && wide)) return COLONS
      size = 0
    } else {
      marks = size = 0
      wide = false
    }
  }
  return 0
}

const SHORTEST_TOKEN: i32 = 12

/** A run of twelve or more base64 characters with capitals, and small letters or digits, in it. */
function tokens(start: usize, end: usize): i32 {
  // A run of twelve covers a position of every twelve: the others need no look.
  for (let p = start + SHORTEST_TOKEN - 1; p < end; p += SHORTEST_TOKEN) {
    if ((kindOf(load<u8>(p)) & K_TOKEN) == 0) continue
    let all: u32 = 0
    let capitals: i32 = 0
    let from = p + 1
    while (from > start && (kindOf(load<u8>(from - 1)) & K_TOKEN) != 0) {
      from--
      const kind = kindOf(load<u8>(from))
      all |= kind
      capitals += <i32>((kind >> 1) & 1)
    }
    let to = p + 1
    while (to < end && (kindOf(load<u8>(to)) & K_TOKEN) != 0) {
      const kind = kindOf(load<u8>(to++))
      all |= kind
      capitals += <i32>((kind >> 1) & 1)
    }
    const length = <i32>(to - from)
    if (length >= SHORTEST_TOKEN && (all & K_UPPER) != 0) {
      if ((all & K_DIGIT) != 0 || (length >= 16 && (all & K_LOWER) != 0) || capitals >= 4) return TOKEN
    }
    if (to > p + SHORTEST_TOKEN) p = to - SHORTEST_TOKEN
  }
  return 0
}

/** The longest run of digits in a text. */
export function longestRun(start: usize, end: usize): i32 {
  let longest: i32 = 0
  let run: i32 = 0
  for (let p = start; p < end; p++) {
    if (<u32>load<u8>(p) - 0x30 < 10) {
      if (++run > longest) longest = run
    } else run = 0
  }
  return longest
}

/** Whether a byte is in a text. */
export function holds(start: usize, end: usize, byte: i32): bool {
  for (let p = start; p < end; p += 16) {
    const hits = i8x16.bitmask(is(v128.load(p), byte))
    if (hits == 0) continue
    if (end - p >= 16 || (hits & ((1 << <i32>(end - p)) - 1)) != 0) return true
  }
  return false
}
