// The sieve: walks an encoded request and lists the places that somebody has to look at, in order. What is not listed was
// checked to be well-formed and needs no look; whatever this walk does not understand is listed, or stops it. The walk in
// ../../walk.ts has the last word on everything listed and on everything behind `sureUntil`.
//
// Memory is laid out by ../sieve.ts, which also fills the tables. Nothing is ever freed or allocated here.

import { digits, holds, longestRun, mask, prepareText, setWords, uppers } from './text'

export { mask, prepareText, setWords }

// Operations of the field table (walk.ts).
const SKIP: i32 = 1
const TEXT: i32 = 2
const MESSAGE: i32 = 3
const ITEM: i32 = 4
const ATTRIBUTE: i32 = 5
const ANY: i32 = 6
const ID: i32 = 7
const RESOURCE: i32 = 8
const METRIC: i32 = 9
const SCOPE: i32 = 10

/** Messages (events, links, points) stand less deep than this inside each other. */
const MAX_DEPTH: i32 = 12

// A key: what ../sieve.ts was told about it.
const KEY_HASH: usize = 0
const KEY_LENGTH: usize = 4
const KEY_BYTES: usize = 8
/** Bit per place in which the key's own text was shown and left. */
const KEY_PLACES: usize = 12
/** Whole numbers and doubles below this need no look. */
const KEY_SMALLEST: usize = 16
/** 0 texts by their shapes; 1 every text; 2 no text. */
const KEY_TEXTS: usize = 24
/** The key that came behind it last. */
const KEY_NEXT: usize = 28
// How often its texts were found in the cache of clean ones.
const KEY_ASKED: usize = 32
const KEY_FOUND: usize = 36
const KEY_PAUSE: usize = 40
const KEY_SIZE: usize = 48
const TEXTS_BY_SHAPE: i32 = 0
const TEXTS_NEVER: i32 = 2

const SLOTS: u32 = 8192
const MAX_PROBES: u32 = 8

// Texts that were found clean: a slot is a length and the bytes.
const CACHE_SLOTS: u32 = 8192
const CACHE_BYTES: usize = 128
const CACHE_SLOT: usize = CACHE_BYTES + 16
const TRIAL: i32 = 512
const PAUSE: i32 = 8192

// A condition that a pattern needs: length, digits, capitals, run of digits, number of bytes, then those bytes; at the end the
// pattern's automaton: its classes, its table (0 = none), the width of a row, the class of the end.
const NEED_SIZE: usize = 80
const NEED_MATCHER: usize = 64

let fields: usize = 0
let slots: usize = 0
let cache: usize = 0
let places: usize = 0
let events: usize = 0
let maxEvents: i32 = 0
let needs: usize = 0
let needCount: i32 = 0
let wantsTexts: bool = false
let wantsAttributes: bool = false
let byShape: bool = false
let longest: i32 = 0
let smallestOfAll: f64 = 0
let isTraces: bool = false

let from: usize = 0
let count: i32 = 0
let last: usize = 0
let stopped: bool = false
let ids: i32 = 0
let isInItem: bool = false
/** Where the number that `lengthAt` read ends. */
let varintEnd: usize = 0
/** Offset up to which what is not listed needs no look. */
export let sureUntil: i32 = 0

/** Where things are; the sizes are the constants above. */
export function layout(fieldsAt: usize, slotsAt: usize, cacheAt: usize, placesAt: usize, eventsAt: usize, eventLimit: i32): void {
  fields = fieldsAt
  slots = slotsAt
  cache = cacheAt
  places = placesAt
  events = eventsAt
  maxEvents = eventLimit
}

/** What the walk's visitors want to see. `shapes`: texts by their shapes; `limit`: longer texts are always shown. */
export function wants(texts: bool, attributes: bool, shapes: bool, limit: i32, traces: bool): void {
  wantsTexts = texts
  wantsAttributes = attributes
  byShape = shapes
  longest = limit
  isTraces = traces
}

export function setNeeds(at: usize, n: i32): void {
  needs = at
  needCount = n
}

/** Walks the request at `[start, end)`, a message of kind `root`; the number of events. */
export function sieve(root: i32, start: usize, end: usize): i32 {
  from = start
  count = 0
  last = 0
  stopped = false
  sureUntil = <i32>(end - start)
  message(root, start, end, 0)
  return count
}

function emit(at: usize): void {
  if (count >= maxEvents) {
    stop(at)
    return
  }
  store<i32>(events + (count << 2), <i32>(at - from))
  count++
}

/** From here on nothing is sure. */
function stop(at: usize): void {
  if (!stopped) sureUntil = <i32>(at - from)
  stopped = true
}

/** False when something is wrong: inside an item the item is listed, elsewhere the sieve stops. */
function message(m: i32, start: usize, end: usize, depth: i32): bool {
  if (depth > MAX_DEPTH) return wrong(start)
  let p = start
  while (p < end) {
    const tagAt = p
    let tag: u32 = load<u8>(p++)
    if (tag >= 0x80) {
      if (p >= end || load<u8>(p) >= 0x80) return wrong(tagAt)
      tag = (tag & 0x7f) | (<u32>load<u8>(p++) << 7)
    }
    const field = tag >>> 3
    const op: i32 = field < 32 ? load<i32>(fields + ((<usize>m << 5) + field << 2)) : 0
    if ((tag & 7) != 2) {
      if ((op & 15) != SKIP) return wrong(tagAt)
      switch (tag & 7) {
        case 0:
          p = skipVarint(p, end)
          if (p == 0) return wrong(tagAt)
          break
        case 1:
          p += 8
          break
        case 5:
          p += 4
          break
        default:
          return wrong(tagAt)
      }
      if (p > end) return wrong(tagAt)
      continue
    }
    const length = lengthAt(p, end)
    if (length < 0) return wrong(tagAt)
    p = varintEnd
    const to = p + length
    if (to > end) return wrong(tagAt)
    switch (op & 15) {
      case ATTRIBUTE:
        if (attribute(op >> 4, p, to)) emit(tagAt)
        break
      case TEXT:
        if (wantsTexts && length > 0 && text(places + (<usize>(op >> 4) * KEY_SIZE), p, to)) emit(tagAt)
        break
      case ID:
        if (!id(op, p, length)) return wrong(tagAt)
        break
      case ITEM:
        item(op >> 4, tagAt, p, to)
        break
      case RESOURCE:
      case METRIC:
      case SCOPE:
      case MESSAGE:
        if (!message(op >> 4, p, to, depth + 1)) return false
        break
      case ANY:
        if ((wantsTexts || wantsAttributes) && !isQuietBody(op >> 4, p, to)) emit(tagAt)
        else if (!wantsTexts && !wantsAttributes && !isScalar(p, to)) emit(tagAt)
        break
      case SKIP:
        if (op != SKIP) return wrong(tagAt)
        break
      default:
        return wrong(tagAt)
    }
    if (stopped) return false
    p = to
  }
  return true
}

/** Inside an item it costs the item its place among the sure ones; outside the sieve ends. */
function wrong(at: usize): bool {
  if (!isInItem) stop(at)
  return false
}

function item(m: i32, tagAt: usize, start: usize, end: usize): void {
  const mark = count
  ids = 0
  isInItem = true
  const isGood = message(m, start, end, 1) && (!isTraces || ids == 3)
  isInItem = false
  if (isGood || stopped) return
  count = mark
  emit(tagAt)
}

function id(op: i32, at: usize, length: i32): bool {
  const wanted = (op >> 4) & 31
  if (length != wanted) return length == 0 && op >> 9 == 0
  if (op >> 9 == 0) return true
  let bits = load<u64>(at)
  if (wanted == 16) bits |= load<u64>(at, 8)
  if (bits == 0) return false
  ids |= wanted == 16 ? 1 : 2
  return true
}

/** True when somebody has to look at the KeyValue `[start, end)`. */
function attribute(place: i32, start: usize, end: usize): bool {
  // The usual form: 0A len key 12 len value, nothing else.
  if (start + 2 > end || load<u8>(start) != 0x0a) return true
  const keyLength = lengthAt(start + 1, end)
  if (keyLength < 0) return true
  const keyAt = varintEnd
  const keyEnd = keyAt + keyLength
  if (keyEnd > end) return true
  if (!wantsAttributes && !wantsTexts) return !isScalarPair(keyEnd, end)
  const key = find(keyAt, keyLength)
  if (key == 0 || (load<u32>(key, KEY_PLACES) & (1 << place)) == 0) return true
  if (keyEnd == end) return false
  if (load<u8>(keyEnd) != 0x12) return true
  const size = lengthAt(keyEnd + 1, end)
  if (size < 0 || varintEnd + size != end) return true
  return any(key, varintEnd, end)
}

/** Whether the value behind a key is well-formed and holds no list. */
function isScalarPair(at: usize, end: usize): bool {
  if (at == end) return true
  if (load<u8>(at) != 0x12) return false
  const size = lengthAt(at + 1, end)
  return size >= 0 && varintEnd + size == end && isScalar(varintEnd, end)
}

/** An AnyValue of one field, no map, lists of scalars only. */
function isScalar(start: usize, end: usize): bool {
  if (start == end) return true
  switch (<i32>load<u8>(start)) {
    case 0x0a:
    case 0x3a: {
      const size = lengthAt(start + 1, end)
      return size >= 0 && varintEnd + size == end
    }
    case 0x10:
    case 0x18:
    case 0x40:
      return skipVarint(start + 1, end) == end
    case 0x21:
      return start + 9 == end
    case 0x2a: {
      const size = lengthAt(start + 1, end)
      if (size < 0 || varintEnd + size != end) return false
      let p = varintEnd
      while (p < end) {
        if (load<u8>(p) != 0x0a) return false
        const length = lengthAt(p + 1, end)
        if (length < 0) return false
        const to = varintEnd + length
        if (to > end || (length > 0 && load<u8>(varintEnd) == 0x2a) || !isScalar(varintEnd, to)) return false
        p = to
      }
      return true
    }
    default:
      return false
  }
}

/** True when somebody has to look at the AnyValue `[start, end)` under `key`. */
function any(key: usize, start: usize, end: usize): bool {
  if (start == end) return false
  switch (<i32>load<u8>(start)) {
    case 0x0a: {
      const size = lengthAt(start + 1, end)
      if (size < 0 || varintEnd + size != end) return true
      return wantsTexts && text(key, varintEnd, end)
    }
    case 0x10:
    case 0x40:
      return skipVarint(start + 1, end) != end
    case 0x18:
      return skipVarint(start + 1, end) != end || (wantsTexts && magnitude(start + 1, end) >= load<f64>(key, KEY_SMALLEST))
    case 0x21:
      return start + 9 != end || (wantsTexts && !(abs(load<f64>(start + 1)) < load<f64>(key, KEY_SMALLEST)))
    case 0x2a: {
      const size = lengthAt(start + 1, end)
      if (size < 0 || varintEnd + size != end) return true
      let p = varintEnd
      while (p < end) {
        if (load<u8>(p) != 0x0a) return true
        const length = lengthAt(p + 1, end)
        if (length < 0) return true
        const to = varintEnd + length
        if (to > end || (length > 0 && load<u8>(varintEnd) == 0x2a) || any(key, varintEnd, to)) return true
        p = to
      }
      return false
    }
    default:
      return true
  }
}

/** A log body that is a plain text of no interest. */
function isQuietBody(place: i32, start: usize, end: usize): bool {
  if (start == end) return true
  if (load<u8>(start) != 0x0a) return false
  const size = lengthAt(start + 1, end)
  if (size < 0 || varintEnd + size != end) return false
  return !wantsTexts || size == 0 || !text(places + (<usize>place * KEY_SIZE), varintEnd, end)
}

/** The absolute value of a varint-encoded int64. */
function magnitude(start: usize, end: usize): f64 {
  let value: u64 = 0
  let shift: u64 = 0
  for (let p = start; p < end; p++) {
    value |= <u64>(load<u8>(p) & 0x7f) << shift
    shift += 7
  }
  const signed = <i64>value
  return signed < 0 ? -<f64>signed : <f64>signed
}

/** True when somebody has to look at a text. `key`: what is known of its key or its place. */
function text(key: usize, start: usize, end: usize): bool {
  const texts = load<i32>(key, KEY_TEXTS)
  if (texts != TEXTS_BY_SHAPE) return texts != TEXTS_NEVER
  const length = <i32>(end - start)
  if (length > longest) return true
  const mayCache = length >= 8 && length <= <i32>CACHE_BYTES
  let slot: usize = 0
  if (mayCache) {
    const pause = load<i32>(key, KEY_PAUSE)
    if (pause > 0) store<i32>(key, pause - 1, KEY_PAUSE)
    else {
      slot = cacheSlot(start, length)
      store<i32>(key, load<i32>(key, KEY_ASKED) + 1, KEY_ASKED)
      if (isCached(slot, start, length)) {
        store<i32>(key, load<i32>(key, KEY_FOUND) + 1, KEY_FOUND)
        return false
      }
      judge(key)
    }
  }
  const shapes = mask(start, end)
  if (byShape && shapes != 0) return true
  if (needCount > 0 && mayMatch(start, end)) return true
  if (slot != 0) keep(slot, start, length)
  return false
}

/** A key whose texts hardly ever repeat stops asking for a while. */
function judge(key: usize): void {
  if (load<i32>(key, KEY_ASKED) < TRIAL) return
  if (load<i32>(key, KEY_FOUND) < TRIAL / 8) store<i32>(key, PAUSE, KEY_PAUSE)
  store<i32>(key, 0, KEY_ASKED)
  store<i32>(key, 0, KEY_FOUND)
}

/** Whether any pattern finds what it needs in the text that `mask` saw last. */
function mayMatch(start: usize, end: usize): bool {
  const length = <i32>(end - start)
  let run = -1
  for (let i = 0; i < needCount; i++) {
    const need = needs + <usize>i * NEED_SIZE
    if (length < load<i32>(need) || digits < load<i32>(need, 4) || uppers < load<i32>(need, 8)) continue
    const bytes = load<i32>(need, 16)
    let b = 0
    while (b < bytes && holds(start, end, load<u8>(need + <usize>b, 20))) b++
    if (b < bytes) continue
    const wanted = load<i32>(need, 12)
    if (wanted > 1) {
      if (run < 0) run = longestRun(start, end)
      if (run < wanted) continue
    }
    if (matches(need + NEED_MATCHER, start, end)) return true
  }
  return false
}

/** Whether a pattern's automaton finds something; texts beyond ASCII are not for it. */
function matches(matcher: usize, start: usize, end: usize): bool {
  const next = load<usize>(matcher, 4)
  if (next == 0) return true
  const classes = load<usize>(matcher)
  const width = load<u32>(matcher, 8)
  let state: u32 = 0
  for (let p = start; p < end; p++) {
    const c: u32 = load<u8>(p)
    if (c >= 0x80) return true
    state = load<u16>(next + <usize>((state * width + load<u8>(classes + c)) << 1))
    if (state == 1) return true
  }
  return load<u16>(next + <usize>((state * width + load<u32>(matcher, 12)) << 1)) == 1
}

// ---- texts known to be clean

function cacheSlot(start: usize, length: i32): usize {
  const a = load<u64>(start)
  const b = load<u64>(start + <usize>length - 8)
  const c = load<u64>(start + <usize>((length - 8) >> 1))
  let h = (a ^ rotl<u64>(b, 23) ^ rotl<u64>(c, 41) ^ <u64>length) * 0x9e3779b97f4a7c15
  h ^= h >> 29
  return cache + <usize>(<u32>(h >> 32) & (CACHE_SLOTS - 1)) * CACHE_SLOT
}

function isCached(slot: usize, start: usize, length: i32): bool {
  return load<i32>(slot) == length && isEqual(slot + 16, start, length)
}

function keep(slot: usize, start: usize, length: i32): void {
  store<i32>(slot, length)
  memory.copy(slot + 16, start, length)
}

/** Sixteen bytes behind either may be read. */
function isEqual(a: usize, b: usize, length: i32): bool {
  let i: i32 = 0
  for (; i + 16 <= length; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + <usize>i), v128.load(b + <usize>i)))) return false
  }
  const rest = length - i
  if (rest == 0) return true
  const same = i8x16.bitmask(i8x16.eq(v128.load(a + <usize>i), v128.load(b + <usize>i)))
  const wanted = (1 << rest) - 1
  return (same & wanted) == wanted
}

// ---- keys

function hashOf(at: usize, length: i32): u32 {
  let hash: u32 = length
  if (length < 4) {
    for (let i: i32 = 0; i < length; i++) hash = (hash ^ load<u8>(at + <usize>i)) * 0x9e3779b1
  } else {
    const lastWord = at + <usize>length - 4
    for (let p = at; p < lastWord; p += 4) hash = (hash ^ load<u32>(p)) * 0x9e3779b1
    hash = (hash ^ load<u32>(lastWord)) * 0x9e3779b1
  }
  return hash ^ (hash >>> 15)
}

function isKey(key: usize, at: usize, length: i32): bool {
  return load<i32>(key, KEY_LENGTH) == length && isEqual(load<usize>(key, KEY_BYTES), at, length)
}

/** What is known of a key; 0 = nothing. The guess is the key that followed the last one before. */
function find(at: usize, length: i32): usize {
  if (last != 0) {
    const guess = load<usize>(last, KEY_NEXT)
    if (guess != 0 && isKey(guess, at, length)) {
      last = guess
      return guess
    }
  }
  const hash = hashOf(at, length)
  for (let probe: u32 = 0; probe < MAX_PROBES; probe++) {
    const key = load<usize>(slots + <usize>(((hash + probe) & (SLOTS - 1)) << 2))
    if (key == 0) break
    if (load<u32>(key) == hash && isKey(key, at, length)) {
      if (last != 0) store<usize>(last, key, KEY_NEXT)
      last = key
      return key
    }
  }
  return 0
}

/** A free slot or the key itself for a key at `at`; 0 when it collides too often. The caller fills the entry `fresh`. */
export function learn(at: usize, length: i32, fresh: usize): usize {
  const hash = hashOf(at, length)
  for (let probe: u32 = 0; probe < MAX_PROBES; probe++) {
    const slot = slots + <usize>(((hash + probe) & (SLOTS - 1)) << 2)
    const key = load<usize>(slot)
    if (key != 0 && load<u32>(key) == hash && isKey(key, at, length)) return key
    if (key != 0) continue
    store<usize>(slot, fresh)
    store<u32>(fresh, hash)
    store<i32>(fresh, length, KEY_LENGTH)
    store<usize>(fresh, at, KEY_BYTES)
    return fresh
  }
  return 0
}

/** Tells about a key (or place) entry. */
export function describe(key: usize, place: i32, smallest: f64, texts: i32): void {
  store<u32>(key, load<u32>(key, KEY_PLACES) | (1 << place), KEY_PLACES)
  store<f64>(key, smallest, KEY_SMALLEST)
  store<i32>(key, texts, KEY_TEXTS)
}

// ---- numbers of the wire format

/** A length of up to 31 bits; -1 when it is none. What follows it is at `varintEnd`. */
function lengthAt(p: usize, end: usize): i32 {
  if (p >= end) return -1
  const first = <i32>load<u8>(p)
  if (first < 0x80) {
    varintEnd = p + 1
    return first
  }
  let value: u64 = first & 0x7f
  for (let i: usize = 1; i < 5 && p + i < end; i++) {
    const b = <u64>load<u8>(p + i)
    value |= (b & 0x7f) << <u64>(7 * i)
    if (b < 0x80) {
      varintEnd = p + i + 1
      return value > 0x7fffffff ? -1 : <i32>value
    }
  }
  return -1
}

/** The position behind a varint, 0 when it does not end in time. */
function skipVarint(p: usize, end: usize): usize {
  const stop = min(end, p + 10)
  for (; p < stop; p++) if (load<u8>(p) < 0x80) return p + 1
  return 0
}

/** The first address that this module does not use itself. */
export function firstFree(): usize {
  return __heap_base
}
