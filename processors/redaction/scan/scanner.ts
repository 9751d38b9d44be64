// Tier 2: the detectors over the views of a value that tier 1 could not pass. Normalised view first, then escapes
// undone (twice), then base64 runs (two deep). Hits are mapped back to the original text; a hit inside a base64 run
// takes the run. Overlapping hits are joined; the longest gives the name.

import type { Keyword } from '../../../core/otlp/sieve/automaton.js'
import type { Shapes } from '../../../core/otlp/sieve/shapes.js'
import type { Detector } from '../detector.js'
import { type Base64Run, base64Runs } from './base64.js'
import { hexRuns } from './hex.js'
import { Measure, type Needs } from './pattern-needs.js'
import type { Patterns } from './patterns.js'
import { Scan, type Where } from './scan.js'
import { prefilterOf, Trigger } from './triggers.js'
import { decodeEscapes, normalise, originalRange, plain, undisguised, type View } from './view.js'
import { NEGATIVE, Vocabulary } from './vocabulary.js'

/** What was found, in UTF-16 positions of the scanned value. */
export interface Finding {
  start: number
  end: number
  detector: Detector
  isLabelled: boolean
  replacement: string | undefined
}

/** What the semantic conventions put before names that are the application's own. */
const FRAME =
  /^(?:.* )?(?:http (?:request|response) header|rpc (?:[a-z]+ )?(?:request|response) metadata|db (?:query|operation) parameter|messaging (?:[a-z]+ )?header|(?:step|task|workflow|job|node|activity|function|lambda) (?:input|output|args?|params?|payload|data|result|context|variables?)) (?=.)|^(?:app|application|attributes?|custom|payload|body|data|input|form|context|ctx|params?|args?|fields?|details?|meta|metadata) (?!(?:display )?name$|session$)(?=.)/

export const NOWHERE: Where = { bits: 0, path: '', label: '', isLabel: false }

const MAX_DEPTH = 2
/** Masks whose detectors are kept as a list. */
const MAX_MASKS = 4096
const MAY_ENCODE = Trigger.token | Trigger.textLabel | Trigger.numberLabel | Trigger.documentLabel | Trigger.cookie

const MAY_BE_HEX = Trigger.digits | Trigger.mixed

export class Scanner {
  readonly vocabulary: Vocabulary
  readonly prefilter: Shapes
  /** What texts must hold, one of them all of it, for detectors that no trigger wakes. */
  readonly needs: readonly Needs[]
  readonly #detectors: readonly Detector[]
  readonly #byKey: number
  readonly #whens: Int32Array
  readonly #bits: Int32Array
  readonly #scans: readonly Scan[]
  readonly #wokenBy = new Map<number, readonly number[]>()

  readonly #patterns: Patterns | undefined
  readonly #foreign: ForeignWords
  readonly #measure = new Measure()

  constructor(detectors: readonly Detector[], patterns?: Patterns) {
    this.#patterns = patterns
    this.#detectors = detectors
    this.needs = detectors.flatMap(({ needs }) => needs ?? [])
    this.vocabulary = new Vocabulary(detectors)
    this.prefilter = prefilterOf(keywordsOf(detectors))
    this.#foreign = new ForeignWords(detectors)
    this.#scans = Array.from({ length: MAX_DEPTH + 1 }, () => new Scan(this.vocabulary))
    this.#whens = Int32Array.from(detectors, detector => detector.when)
    this.#bits = Int32Array.from(detectors, detector => this.vocabulary.bit(detector.name))
    let bits = 0
    for (const detector of detectors) if (detector.byKey) bits |= this.vocabulary.bit(detector.name)
    this.#byKey = bits
  }

  /** What the words of a key path say. */
  where(path: string): Where {
    const where = this.vocabulary.where(path)
    let { bits, isLabel, label } = where
    const own = where.path.replace(FRAME, '')
    for (const detector of this.#detectors) {
      const bit = this.vocabulary.bit(detector.name)
      if (detector.keyStop?.test(own)) bits &= ~bit
      else if (detector.keyMatch?.test(own)) {
        bits = (bits & ~NEGATIVE) | bit
        isLabel = true
        label = where.path
      }
    }
    return { bits, path: where.path, label, isLabel }
  }

  /** True when a key alone is reason to look at its value. */
  wakes(where: Where): boolean {
    return where.isLabel && (where.bits & this.#byKey) !== 0
  }

  /** True when bytes without triggers hold what a detector needs. */
  mayHold(buf: Uint8Array, start: number, end: number): boolean {
    if (this.needs.length === 0) return false
    this.#measure.take(buf, start, end)
    return this.needs.some(needs => this.#measure.meets(needs))
  }

  /** The findings of a text, joined and in order. `mask` is tier 1's answer for its bytes. */
  scan(text: string, mask: number, where: Where): Finding[] {
    return join(this.#views(text, mask, where, 0))
  }

  #views(text: string, mask: number, where: Where, depth: number): Finding[] {
    const found: Finding[] = []
    let view = plain(text)
    if (mask & Trigger.nonAscii) {
      view = normalise(text)
      mask = this.maskOf(view.text) | Trigger.nonAscii | this.#foreign.triggers(view.text)
    }
    this.#look(view, mask, where, depth, found)
    const latin = mask & Trigger.nonAscii ? undisguised(view) : undefined
    if (latin !== undefined) this.#look(latin, this.maskOf(latin.text), where, depth, found)
    if (mask & Trigger.escapes) this.#unescape(view, where, depth, found)
    return found
  }

  #unescape(from: View, where: Where, depth: number, found: Finding[]): void {
    // `LIKE '%51&#x2d;...%'`: what looks like a percent code may be none.
    const apart = hasBoth(from.text) ? decodeEscapes(from, false) : undefined
    if (apart !== undefined) this.#look(apart, this.#maskOfView(apart.text), where, depth, found)
    let view: View | undefined = from
    for (let level = 0; level < 2; level++) {
      const decoded = decodeEscapes(view)
      if (decoded === undefined) return
      view = decoded
      this.#look(view, this.#maskOfView(view.text), where, depth, found)
    }
  }

  #look(view: View, mask: number, where: Where, depth: number, found: Finding[]): void {
    if (mask === 0 && !this.wakes(where) && this.#patterns === undefined && this.needs.length === 0) return
    const scan = this.#scans[depth]!
    scan.begin(view.text, mask, where)
    const keyed = where.isLabel ? where.bits & this.#byKey : 0
    for (const i of this.#woken(mask, keyed)) scan.run(this.#detectors[i]!, this.#bits[i]!)
    this.#patterns?.find(scan)
    for (const hit of scan.hits) {
      // Asked only where it can decide between two.
      const isLabelled = scan.hits.length > 1 && hit.bit !== 0 && (scan.contextAt(hit.start) & hit.bit) !== 0
      const { detector, replacement } = hit
      if (view.from === undefined) {
        found.push({ start: hit.start, end: hit.end, detector, isLabelled, replacement })
        continue
      }
      const [start, end] = originalRange(view, hit.start, hit.end)
      found.push({ start, end, detector, isLabelled, replacement })
    }
    if (depth >= MAX_DEPTH) return
    const isAny = (mask & MAY_ENCODE) !== 0 || this.wakes(where)
    if (isAny) this.#encoded(scan, base64Runs(view.text), view, where, depth, found)
    if (isAny || mask & MAY_BE_HEX) this.#encoded(scan, hexRuns(view.text), view, where, depth, found)
  }

  /** The detectors that a mask or a key wakes, as indexes. */
  #woken(mask: number, keyed: number): readonly number[] {
    const known = keyed === 0 ? this.#wokenBy.get(mask) : undefined
    if (known !== undefined) return known
    const woken: number[] = []
    for (let i = 0; i < this.#detectors.length; i++)
      if ((this.#whens[i]! & mask) !== 0 || (this.#bits[i]! & keyed) !== 0 || this.#detectors[i]!.needs !== undefined)
        woken.push(i)
    if (keyed === 0 && this.#wokenBy.size < MAX_MASKS) this.#wokenBy.set(mask, woken)
    return woken
  }

  #encoded(scan: Scan, runs: readonly Base64Run[], view: View, where: Where, depth: number, found: Finding[]): void {
    for (const run of runs) {
      const inner = this.#views(run.text, this.maskOf(run.text), scan.whereAt(run.start, where), depth + 1)
      const first = longest(inner)
      if (first === undefined) continue
      const [start, end] = originalRange(view, run.start, run.end)
      found.push({ start, end, detector: first.detector, isLabelled: first.isLabelled, replacement: undefined })
    }
  }

  /** The same for a decoded view, which may hold letters that the bytes did not show. */
  #maskOfView(text: string): number {
    const mask = this.maskOf(text)
    return mask & Trigger.nonAscii ? mask | this.#foreign.triggers(text) : mask
  }

  /** Tier 1's answer for a text. */
  maskOf(text: string): number {
    return this.prefilter.maskOf(text)
  }
}

/** Labels with letters beyond ASCII, which are none to tier 1: looked for only in text that has such letters. */
class ForeignWords {
  readonly #byTrigger: readonly { readonly bits: number; readonly pattern: RegExp }[]

  constructor(detectors: readonly Detector[]) {
    const words = new Map<number, string[]>()
    for (const { labels = [], labelTrigger = 0 } of detectors)
      for (const label of labels)
        if (!isAscii(label)) words.set(labelTrigger, [...(words.get(labelTrigger) ?? []), label])
    this.#byTrigger = [...words].map(([bits, labels]) => ({
      bits,
      pattern: new RegExp(labels.join('|').replaceAll(' ', '[^a-z]{0,3}'), 'iu')
    }))
  }

  triggers(text: string): number {
    let found = 0
    for (const { bits, pattern } of this.#byTrigger) if (pattern.test(text)) found |= bits
    return found
  }
}

/** Percent codes and other escapes in one text. */
function hasBoth(text: string): boolean {
  return text.includes('%') && (text.includes('\\') || text.includes('&')) && /%[0-9a-f]{2}/i.test(text)
}

/** Short labels that begin and end few other words: found in `userSsn` and `cpfCliente` too. */
const CAMEL = new Set(['ssn', 'cpf', 'bsn', 'tfn', 'nir', 'dob', 'dni', 'nie', 'nif', 'pwd', 'psw', 'dln'])

/** Words that are part of many others. */
const WHOLE = new Set(
  'pass nome naam kunde calle adres clave geboren portable doctor nurse donor mobil parola voter sifre ulica'.split(' ')
)

function keywordsOf(detectors: readonly Detector[]): Keyword[] {
  const words: Keyword[] = []
  for (const detector of detectors) {
    for (const prefix of detector.prefixes ?? []) words.push(prefix)
    if (detector.labelTrigger === undefined) continue
    for (const phrase of detector.labels ?? []) {
      // With other letters it is the work of `#foreign`: as an empty or broken word it would be everywhere.
      if (!isAscii(phrase)) continue
      for (const word of joinings(phrase.split(' '))) {
        const isWhole = word.length < 4 || WHOLE.has(word)
        if (CAMEL.has(word)) words.push({ word: `|${word}`, bits: detector.labelTrigger })
        if (CAMEL.has(word)) words.push({ word: `${word}|`, bits: detector.labelTrigger })
        words.push({ word: isWhole ? `|${word}|` : word, bits: detector.labelTrigger })
      }
    }
  }
  return withoutLonger(words)
}

/** Without words that begin with another that says the same: a smaller table for tier 1. */
function withoutLonger(words: readonly Keyword[]): Keyword[] {
  const bitsOf = new Map<string, number>()
  for (const { word, bits } of words) bitsOf.set(word, (bitsOf.get(word) ?? 0) | bits)
  return [...bitsOf].flatMap(([word, bits]) => {
    for (let end = 2; end < word.length; end++) if (((bitsOf.get(word.slice(0, end)) ?? 0) & bits) === bits) return []
    return [{ word, bits }]
  })
}

const isAscii = (phrase: string): boolean => /^[a-z ]+$/.test(phrase)

/** The words of a phrase run together or kept apart, in all ways. */
function joinings(words: readonly string[]): string[] {
  return words.slice(1).reduce((made, word) => made.flatMap(left => [left + word, `${left} ${word}`]), [words[0]!])
}

function longest(found: readonly Finding[]): Finding | undefined {
  let best: Finding | undefined
  for (const one of found) if (best === undefined || beats(one, best)) best = one
  return best
}

function beats(a: Finding, b: Finding): boolean {
  const length = a.end - a.start - (b.end - b.start)
  if (length !== 0) return length > 0
  if (a.detector.rank !== b.detector.rank) return a.detector.rank < b.detector.rank
  return a.isLabelled && !b.isLabelled
}

/** Overlapping findings become one span over all of them, named by the longest. */
export function join(found: Finding[]): Finding[] {
  if (found.length < 2) return found
  found.sort((a, b) => a.start - b.start || b.end - a.end)
  const joined: Finding[] = []
  let best = found[0]!
  let span = { ...best }
  for (let i = 1; i < found.length; i++) {
    const one = found[i]!
    if (one.start >= span.end) {
      joined.push(span)
      best = one
      span = { ...one }
      continue
    }
    if (beats(one, best)) best = one
    const end = Math.max(span.end, one.end)
    const isWhole = best.start <= span.start && best.end >= end
    span = { ...best, start: span.start, end, replacement: isWhole ? best.replacement : undefined }
  }
  joined.push(span)
  return joined
}
