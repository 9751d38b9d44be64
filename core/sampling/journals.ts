// The journal entries that are stored, and when they may go.
//
// One is needed for a replay while an entry of the log is stored that it speaks of, and for a while after. Then it is what a restart
// or takeover remembers decisions by: until so many newer ones are there, or an hour has passed. Small ones are merged, so that a
// quiet window has few of them.

import { mergeJournals } from './journal.js'

export interface StoredJournal {
  readonly position: number
  readonly readTo: number
  /** When it was written, milliseconds. */
  readonly at: number
  /** Decisions in it. */
  readonly kept: number
  readonly dropped: number
  /** While it may be merged. */
  readonly bytes: Buffer | undefined
}

export interface JournalsOptions {
  /** Items that come so long after the decision follow it, restart or not, milliseconds. */
  readonly replayMs: number
  readonly maxKept: number
  readonly maxDropped: number
}

/** Decisions are remembered over a restart for so long at most. */
export const MEMORY_MS = 3_600_000
const SMALL_BYTES = 4096
const MERGED = 64
/** They need not go to the second. */
const SLACK_MS = 5000

export class Journals {
  readonly #o: JournalsOptions
  #stored: StoredJournal[] = []
  #kept = 0
  #dropped = 0

  constructor(options: JournalsOptions) {
    this.#o = options
  }

  add(entry: Omit<StoredJournal, 'bytes'>, bytes: Buffer): void {
    this.#stored.push({ ...entry, bytes: bytes.length <= SMALL_BYTES ? bytes : undefined })
    this.#kept += entry.kept
    this.#dropped += entry.dropped
  }

  /** One made of others: it stands where they stood. */
  addMerged(entry: Omit<StoredJournal, 'bytes'>): void {
    const behind = this.#stored.findIndex(({ at }) => at > entry.at)
    this.#stored.splice(behind < 0 ? this.#stored.length : behind, 0, { ...entry, bytes: undefined })
    this.#kept += entry.kept
    this.#dropped += entry.dropped
  }

  /** Milliseconds at which something may go; Infinity when nothing is stored. */
  dueAt(): number {
    const [oldest] = this.#stored
    if (oldest === undefined) return Number.POSITIVE_INFINITY
    const { replayMs, maxKept, maxDropped } = this.#o
    const isEnough = this.#kept - oldest.kept >= maxKept && this.#dropped - oldest.dropped >= maxDropped
    return oldest.at + (isEnough ? replayMs : Math.max(replayMs, MEMORY_MS)) + SLACK_MS
  }

  /** Positions of those that nobody needs any more. `low`: number of the oldest entry stored. */
  release(low: number, now: number): number[] {
    const { maxKept, maxDropped } = this.#o
    let n = 0
    for (; n < this.#stored.length; n++) {
      const one = this.#stored[n]!
      const isEnough = this.#kept - one.kept >= maxKept && this.#dropped - one.dropped >= maxDropped
      if (!this.#isOld(one, low, now) || !(isEnough || one.at + MEMORY_MS <= now)) break
      this.#kept -= one.kept
      this.#dropped -= one.dropped
    }
    return this.#stored.splice(0, n).map(({ position }) => position)
  }

  /** Takes out old small ones, when there are many, to be replaced by one; undefined when there is nothing to merge. */
  merge(
    low: number,
    now: number
  ): { readonly bytes: Buffer; readonly released: number[]; readonly at: number } | undefined {
    const from = this.#stored.findIndex(({ bytes }) => bytes !== undefined)
    if (from < 0) return undefined
    let n = 0
    while (n < MERGED && this.#isSmallAndOld(this.#stored[from + n], low, now)) n++
    if (n < MERGED) return undefined
    const gone = this.#stored.splice(from, n)
    for (const one of gone) {
      this.#kept -= one.kept
      this.#dropped -= one.dropped
    }
    return {
      bytes: mergeJournals(gone.map(({ bytes }) => bytes!)),
      released: gone.map(({ position }) => position),
      at: gone.at(-1)!.at
    }
  }

  #isOld({ readTo, at }: StoredJournal, low: number, now: number): boolean {
    return readTo < low && at + this.#o.replayMs <= now
  }

  #isSmallAndOld(one: StoredJournal | undefined, low: number, now: number): boolean {
    return one?.bytes !== undefined && this.#isOld(one, low, now)
  }
}
