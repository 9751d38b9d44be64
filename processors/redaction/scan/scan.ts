// One text under the eyes of the detectors: the text of a view, what is known of its context, and the hits so far.

import type { Detector } from '../detector.js'
import { columnLabels, type Span } from './columns.js'
import { type Labelled, nextListed, valueAfter } from './labelled.js'
import { type Window, windowsOf } from './numbers.js'
import { reversed } from './reversed.js'
import { Trigger } from './triggers.js'
import { type Label, labelBefore, NEGATIVE, type Vocabulary } from './vocabulary.js'

const LABELS =
  Trigger.numberLabel |
  Trigger.documentLabel |
  Trigger.textLabel |
  Trigger.auth |
  Trigger.cookie |
  Trigger.scheme |
  Trigger.fieldLabel
const LOOK_BACK = 48
const MAX_LISTED = 100
const KEPT = 8

/** What is known of where a value stands. */
export interface Where {
  /** Context bits of the key path. */
  readonly bits: number
  /** The words of the key path, lower case, joined by blanks. */
  readonly path: string
  /** The words of the label that gave the bits, and whether nothing of weight follows it. */
  readonly label: string
  readonly isLabel: boolean
}

/** A hit, in positions of the scanned text. */
export interface Hit {
  start: number
  end: number
  detector: Detector
  /** What stands for it when it is redacted; undefined = `[REDACTED:<name>]`. */
  replacement: string | undefined
  /** Context bit of its detector. */
  bit: number
}

/** What a detector sees. One object is reused by the scanner: detectors never keep it. */
export class Scan {
  text = ''
  /** Tier 1's triggers for this text. */
  mask = 0
  /** Context bits of the key path the value stands under. */
  keyBits = 0
  /** The key path, lower case words joined by blanks; '' without a key. */
  keyPath = ''
  hits: Hit[] = []

  readonly #vocabulary: Vocabulary
  #detector: Detector | undefined
  #bit = 0
  /** End of the running detector's farthest hit. */
  #covered = 0
  #labels: Label[] | undefined
  #columns: readonly Span[] | undefined
  #windows: readonly Window[] | undefined
  #lower: string | undefined
  /** Contexts that were asked for in this text: detectors of numbers ask about the same few places. */
  #known = 0
  readonly #knownAt = new Int32Array(KEPT)
  readonly #knownKinds = new Int32Array(KEPT)
  readonly #knownBits = new Int32Array(KEPT)

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
  }

  /** The words of the label that decided `keyBits`. */
  keyLabel = ''
  /** True when nothing of weight follows that label in the key: `db.password`, not `password.expiry`. */
  keyIsLabel = false

  /** Begins a text. */
  begin(text: string, mask: number, where: Where): void {
    this.text = text
    this.mask = mask
    this.keyBits = where.bits
    this.keyPath = where.path
    this.keyLabel = where.label
    this.keyIsLabel = where.isLabel
    if (this.hits.length > 0) this.hits = []
    this.#known = 0
    this.#labels = undefined
    this.#columns = undefined
    this.#windows = undefined
    this.#lower = undefined
  }

  /** Hands the text to a detector. */
  run(detector: Detector, bit: number): void {
    this.#detector = detector
    this.#bit = bit
    this.#covered = 0
    detector.find(this)
  }

  /** Reports `text[start..end)`; `replacement` instead of the placeholder. */
  hit(start: number, end: number, replacement?: string): void {
    if (end <= start) return
    if (end > this.#covered) this.#covered = end
    this.hits.push({ start, end, detector: this.#detector!, replacement, bit: this.#bit })
  }

  /** Reports for a detector that is not the one running. */
  hitAs(detector: Detector, start: number, end: number): void {
    this.hits.push({ start, end, detector, replacement: undefined, bit: -1 })
  }

  /** True when one of the words is in the key, or stands up to 45 characters before `at`. */
  near(words: readonly string[], at: number): boolean {
    const before = this.lower.slice(Math.max(0, at - 60), at)
    return words.some(word => {
      const plain = word.toLowerCase()
      return this.keyPath.includes(plain) || before.includes(plain)
    })
  }

  get lower(): string {
    this.#lower ??= this.text.toLowerCase()
    return this.#lower
  }

  /** The labels of the text. */
  get labels(): readonly Label[] {
    this.#labels ??= this.#vocabulary.labels(this.text)
    return this.#labels
  }

  /** Calls `use` for each free-standing window of digit groups with at least `least` (7 or more) digits. */
  windows(least: number, use: (window: Window) => void): void {
    this.#windows ??= windowsOf(this.text)
    for (const window of this.#windows) if (window.digits.length >= least) use(window)
  }

  /** Context bits at a position: of its column, else the nearest label that counts before it, else the key. */
  contextAt(at: number): number {
    const kinds = this.#vocabulary.numbers | this.#bit
    for (let i = 0; i < this.#known && i < KEPT; i++)
      if (this.#knownAt[i] === at && this.#knownKinds[i] === kinds) return this.#knownBits[i]!
    const slot = this.#known++ % KEPT
    this.#knownAt[slot] = at
    this.#knownKinds[slot] = kinds
    return (this.#knownBits[slot] = this.#contextOf(at, kinds))
  }

  #contextOf(at: number, kinds: number): number {
    if (this.#isPlain) return this.#deniedRightBefore(at) ? NEGATIVE : this.keyBits
    const column = this.#column(at)
    if (column !== undefined) return column.bits
    const label = labelBefore(this.text, this.labels, at, kinds)
    return label === undefined || label.bits === 0 ? this.keyBits : label.bits
  }

  /** No label that promises anything, no columns: then only what stands right before a number can matter. */
  get #isPlain(): boolean {
    return (this.mask & (LABELS | Trigger.nonAscii)) === 0 && !this.text.includes('\n') && !this.text.includes('(')
  }

  #deniedRightBefore(at: number): boolean {
    if (at === 0) return false
    const before = this.text.slice(Math.max(0, at - LOOK_BACK), at)
    const label = labelBefore(before, this.#vocabulary.labels(before), before.length, 0)
    return label !== undefined && label.bits === NEGATIVE
  }

  /** What the label before a position says, as if it were the key; `fallback` where there is none. */
  whereAt(at: number, fallback: Where): Where {
    const column = this.#column(at)
    if (column !== undefined && column.bits !== 0) return { ...fallback, bits: column.bits, isLabel: true }
    const label = labelBefore(this.text, this.labels, at, -1)
    if (label === undefined || label.bits === 0) return fallback
    const words = this.text.slice(label.start, label.end).toLowerCase()
    return { bits: label.bits, path: words, label: words, isLabel: true }
  }

  /** True when the key or a label near `at` is one of the detector's own. */
  labelled(at: number): boolean {
    return (this.contextAt(at) & this.#bit) !== 0
  }

  /** True when the key or a label near `at` says that it is an id, a time, a size ... */
  denied(at: number): boolean {
    return (this.contextAt(at) & NEGATIVE) !== 0
  }

  /** The same by a label in the text alone: what is written in groups is not taken for an id by its key. */
  deniedByText(at: number): boolean {
    const label = labelBefore(this.text, this.labels, at, this.#vocabulary.numbers | this.#bit)
    return label !== undefined && label.bits === NEGATIVE
  }

  /** True when the key itself is one of the detector's. */
  get byKey(): boolean {
    return (this.keyBits & this.#bit) !== 0
  }

  /** The values behind the detector's labels in the text, in order. */
  eachLabel(use: (value: Labelled, label: Label) => void): void {
    const labels = this.labels
    for (let i = 0; i < labels.length; i++) {
      const label = labels[i]!
      // Labels inside a value that is gone already are part of it (and make `a=a=a=` linear).
      if ((label.bits & this.#bit) === 0 || label.start < this.#covered) continue
      const value = valueAfter(this.text, label, labels[i + 1]?.start ?? this.text.length)
      if (value === undefined || value.end <= value.start) continue
      use(value, label)
      if (value.isListed !== true) continue
      let more = nextListed(this.text, value)
      for (let n = 0; n < MAX_LISTED && more !== undefined; n++, more = nextListed(this.text, more)) use(more, label)
    }
  }

  /** The cells of the detector's own columns (SQL column lists, CSV headers), and values that stand before their label. */
  eachCell(use: (start: number, end: number) => void): void {
    for (const cell of this.#cells()) if (cell.bits & this.#bit && !cell.isLoose) use(cell.start, cell.end)
  }

  /** The words before one of the detector's own labels in a sentence, `x is her passport`: the value is at their end. */
  eachSaid(use: (start: number, end: number) => void): void {
    for (const cell of this.#cells()) if (cell.bits & this.#bit && cell.isLoose) use(cell.start, cell.end)
  }

  #cells(): readonly Span[] {
    this.#columns ??= apart(
      columnLabels(this.text, this.#vocabulary),
      reversed(this.text, this.labels, this.#vocabulary.numbers)
    )
    return this.#columns
  }

  #column(at: number): Span | undefined {
    const cells = this.#cells()
    let low = 0
    let high = cells.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (cells[middle]!.end <= at) low = middle + 1
      else high = middle
    }
    const cell = cells[low]
    return cell !== undefined && at >= cell.start ? cell : undefined
  }
}

/** Two lists of spans as one in order; where two overlap the first list's stays. */
function apart(columns: readonly Span[], others: readonly Span[]): readonly Span[] {
  if (columns.length === 0) return others
  const all = [...columns, ...others].sort((a, b) => a.start - b.start || b.end - a.end)
  if (others.length === 0) return all
  const kept: Span[] = []
  for (const span of all) {
    const last = kept.at(-1)
    if (last === undefined || span.start >= last.end) kept.push(span)
    else if (last.isLoose && !span.isLoose) kept[kept.length - 1] = span
  }
  return kept
}
