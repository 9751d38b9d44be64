// The log: an append-only sequence of opaque entries, read by named cursors, trimmed behind the slowest one.
//
// Invariants every implementation keeps (test/contract/log.contract.ts runs over all of them):
//   L1  A commit is atomic: its appends, acks and counts are all there after a crash, or none of them is.
//   L2  `commit` resolves when what it appended, and what it carried with that, survives the implementation's stated failure
//       (embedded: power loss). A commit without appends survives a crash of the process at once, a power loss a second later.
//   L3  Positions grow by one per append, never repeat, and survive restarts.
//   L4  An entry is readable by every cursor that has not acked it, in position order; after every cursor of its
//       stream acked it, and no hold covers it, its bytes really leave the store.
//   L5  Acks may come out of order; a restart delivers again exactly what was not acked.
//   L6  A damaged entry is quarantined (moved aside, counted, reported through `onDamage`), never a crash loop.
//   L7  A commit with appends that would pass `maxBytes` rejects with QUEUE_FULL and changes nothing; a commit without
//       appends is never refused for fullness.
//   L8  Counters are exact: they change only with the commit that carried them.
import type { CodedError } from '../component/errors.js'

/** What goes in: the queue knows nothing of spans. */
export interface Entry {
  /** Who may read it: a pipeline id such as `traces` or `traces/audit`. At most 255 bytes of UTF-8. */
  readonly stream: string
  /** Items in `bytes`, for accounting. */
  readonly items: number
  /** Not to be changed after `commit`: readers may get this very buffer. */
  readonly bytes: Buffer
  /** Which of `Parts.count` partitions it goes to. Absent: whichever suits the log. Without `Log.parts` it has no meaning. */
  readonly partition?: number
}

/** An entry as read back. */
export interface StoredEntry extends Entry {
  readonly position: number
  /** Milliseconds since the epoch when it was appended. */
  readonly appendedAt: number
  /** Entries of different parts must not be settled together: each part may move to another process alone. Absent: no parts. */
  readonly part?: number
  /** Grows within its partition and is the same for every process and run. Absent: the position does that. */
  readonly number?: number
}

/** Named totals that change atomically with a commit, e.g. `received|traces`, `dropped|otlp_http|traces|refused`. */
export type Counts = ReadonlyMap<string, number>

export interface Commit {
  readonly appends?: readonly Entry[]
  /** Positions that a cursor is done with. */
  readonly acks?: readonly { readonly cursor: string; readonly positions: readonly number[] }[]
  /** Added to the named totals. */
  readonly counts?: Counts
  /** Small named values kept with the log (a sampler's state): key -> value, null deletes. */
  readonly state?: ReadonlyMap<string, Buffer | null>
  /**
   * The part (`StoredEntry.part`) this is about: appends without a partition go to its partition, and the whole commit is
   * refused with QUEUE_MOVED when another process has it by now.
   */
  readonly part?: number
  /** More parts this is about; all of them must still be this process's, as `part` must. */
  readonly parts?: readonly number[]
}

export interface CursorStatus {
  readonly cursor: string
  /** Entries, items and bytes appended to its streams and not acked by it. */
  readonly waitingEntries: number
  readonly waitingItems: number
  readonly waitingBytes: number
  /** When the oldest waiting entry was appended; 0 when nothing waits. */
  readonly oldestAt: number
}

export interface LogStatus {
  /** Bytes of payload held. */
  readonly bytes: number
  readonly maxBytes: number
  readonly entries: number
  readonly cursors: readonly CursorStatus[]
  readonly damagedEntries: number
  /** Of `bytes`, those that wait on the local disk for a shared log that could not take them. Absent: there is no such disk. */
  readonly spilledBytes?: number
}

/** `counts` leaves out what waits: finding that out reads an index of the whole log. */
export type TotalsOf = 'all' | 'counts'

/** What all processes that share a log have counted, and what waits in it, of one moment. */
export interface LogTotals {
  /** Names of the processes that ever counted something. */
  readonly members: readonly string[]
  readonly counts: Counts
  /** Items that each cursor has not acked. */
  readonly waiting: ReadonlyMap<string, number>
  /** False: the log is large and changed while it was read, so that the numbers need not fit together. */
  readonly isExact: boolean
}

/**
 * A log that several processes share is cut into partitions. A process reads those it owns; one time of ownership is a
 * *part*, with a number that never comes again in this process.
 */
export interface Parts {
  /** How many partitions there are, numbered from 0. Known after `start`. */
  readonly count: number
  /** Milliseconds since the epoch by the clock that all processes share: the one `appendedAt` is told by. */
  now(): number
  /** Everything that was appended to this process's parts until then (as `now` tells time) is known here. A second or a beat behind. */
  knownAt(): number
  /** Hears at once of everything that was appended. */
  refresh(): Promise<void>
  /** Tells a reader of every part from now on, first of those owned already; the returned function ends that. */
  attach(reader: PartReader): () => void
  /** Positions of a part behind `after` that the cursor has not acked, oldest first, at most `limit`. */
  waiting(cursor: string, part: number, after?: number, limit?: number): readonly number[]
  /** The process that has a partition, as far as is known; '' for none. */
  ownerOf(partition: number): string
  /** Whether all of a part can be read now: false while its lease is in doubt. */
  isCertain(part: number): boolean
}

/** Somebody who reads parts as a whole and whose memory of one moves on with it (a window). */
export interface PartReader {
  /** What these have read and not acked is simply read again by the next owner. */
  readonly cursors: readonly string[]
  gained(part: number, partition: number): void
  /** It is to go to another process: resolves when nothing more will be committed for it. */
  leaving(part: number): Promise<void>
  /** Another process has it; what is committed for it is refused. */
  lost(part: number): void
}

/** How much one `read` gives at most, and of what. */
export interface ReadLimit {
  readonly maxItems: number
  readonly maxBytes: number
  /** Only entries of this part. */
  readonly part?: number
  /** Nobody reads these entries a second time while the process lives: a log need not keep their bytes in memory for that. */
  readonly isOnce?: boolean
}

export interface Log {
  /** Opens the store; throws a CodedError that says what to do (in use by another process, not writable, ...). */
  start(): Promise<void>
  /**
   * Declares the cursors and the streams each one reads. Unknown cursors begin at the next append. A cursor of the store
   * that is not in the list is retired: what it still had waiting is counted as `dropped|<cursor>|<stream>|exporter_removed`.
   */
  cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void>
  /** Writes all or nothing (L1, L2, L7); the positions given to the appends. Concurrent commits are grouped. */
  commit(commit: Commit): Promise<readonly number[]>
  /**
   * Entries of the cursor's streams behind `after` that it has not acked, oldest first, until a limit is reached (at least
   * one if there is one). Synchronous: what a commit resolved is readable; what is not yet durable is not.
   */
  read(cursor: string, after: number, limit: ReadLimit): readonly StoredEntry[]
  /** Absent: one process has all of the log, as one part. */
  readonly parts?: Parts
  /** One entry by position, while held. @throws QUEUE_FETCHING where payloads can be elsewhere (`ready`). */
  get(position: number): StoredEntry | undefined
  /** Whether `get` has all of these at hand; if not they are being fetched and `onAppend` tells. Absent: always. */
  ready?(positions: readonly number[]): boolean
  /** Calls `fn` (soon, coalesced) after commits that appended; returns the unsubscribe. */
  onAppend(fn: () => void): () => void
  /**
   * Keeps entries at and after `position` although all cursors acked them (late-error window). Infinity releases. Moves
   * forward only. A durable log keeps it over a restart (with the next commit); declare it again within a minute then.
   */
  hold(name: string, position: number): void
  /** Totals as of the last resolved commit. */
  counts(): ReadonlyMap<string, number>
  state(key: string): Buffer | undefined
  status(): LogStatus
  /** Why nothing is taken until somebody does something about it. Absent, or gives undefined: nothing is in the way. */
  obstacle?(): CodedError | undefined
  /** Of all processes that share the log. Absent: `counts` and `status` tell all there is. */
  totals?(what?: TotalsOf): Promise<LogTotals>
  /** Told of each damaged entry: where it was and why it was set aside. */
  onDamage(
    fn: (what: {
      readonly position: number
      readonly items: number
      readonly stream: string
      readonly why: string
      /** As `StoredEntry.part`. */
      readonly part?: number
    }) => void
  ): void
  /**
   * Rewrites what still holds bytes of entries that are gone and were appended before `before` (milliseconds since the
   * epoch), so that they leave the store; what was set aside as damaged before it goes too. Absent: released is gone.
   */
  scrub?(before: number): Promise<void>
  /** Waits for running commits, closes. Safe twice, safe without start. */
  stop(): Promise<void>
}
