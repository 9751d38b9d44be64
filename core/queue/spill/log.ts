// A shared log with a spill on the local disk: what the shared one cannot take now goes to the disk, with the same promise,
// and on from there when it can again. While anything is on the disk new commits go behind it, so that order is kept.
//
// Only commits that stand alone are spilled: entries and counts, as the receivers make them. Acks and state belong to what
// the shared log holds and wait for it. A commit whose fate is open (QUEUE_IN_DOUBT) is not spilled, as it would be there
// twice: its sender is told to come back.

import { codeOf } from '../../component/errors.js'
import type {
  Commit,
  CursorStatus,
  Log,
  LogStatus,
  LogTotals,
  Parts,
  ReadLimit,
  StoredEntry,
  TotalsOf
} from '../log.js'
import { isSpillable } from './record.js'
import type { SharedLog } from './shared.js'
import type { Shelf, Waiting } from './shelf.js'

export interface SpillLogOptions {
  readonly shared: SharedLog
  /** Takes what the shared log cannot. */
  readonly shelf: Shelf
  /** Shelves of processes that are no more: emptied, nothing is added. */
  readonly abandoned?: readonly Shelf[]
  /** Payload bytes that the shelf may hold, for `status`. */
  readonly maxBytes: number
  /** Told what an operator should know. */
  readonly onNote?: (level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, unknown>>, text: string) => void
}

const SPILLED = new Set(['QUEUE_UNAVAILABLE', 'QUEUE_REDIS_MEMORY', 'QUEUE_REDIS_EMPTIED'])
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 2000
/** Pause while the next record is on its way to the disk. */
const PUT_MS = 2

export class SpillLog implements Log {
  readonly parts: Parts
  readonly #o: SpillLogOptions
  readonly #shared: SharedLog
  readonly #shelf: Shelf
  /** New commits go to the shelf. */
  #isSpilling = false
  /** Commits on their way to the shelf. */
  #putting = 0
  /** While the last of the shelf moves: commits wait for it, instead of making it one more. */
  #closing: Promise<void> | undefined
  #openGate = () => {}
  #mover: Promise<void> | undefined
  #readers: ReadonlyMap<string, readonly string[]> = new Map()
  #isOpen = false
  #wake = () => {}

  constructor(options: SpillLogOptions) {
    this.#o = options
    this.#shared = options.shared
    this.parts = options.shared.parts
    this.#shelf = options.shelf
  }

  async start(): Promise<void> {
    for (const shelf of this.#shelves()) await shelf.start()
    try {
      await this.#shared.start()
    } catch (error) {
      await this.#stopShelves()
      throw error
    }
    this.#isOpen = true
  }

  /** What was on the disk already moves from here on: before, its readers were not known. */
  async cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void> {
    await this.#shared.cursors(readers)
    this.#readers = readers
    if (!this.#shelf.isEmpty) this.#isSpilling = true
    if (this.#shelves().some(shelf => !shelf.isEmpty)) this.#moveOn()
  }

  async commit(commit: Commit): Promise<readonly number[]> {
    if (!isSpillable(commit)) return this.#shared.commit(commit)
    await this.#closing
    if (this.#isSpilling) return this.#spill(commit)
    if (this.#isOpen && !this.#shared.isReady) {
      this.#begin('QUEUE_UNAVAILABLE')
      return this.#spill(commit)
    }
    try {
      return await this.#shared.commit(commit)
    } catch (error) {
      if (!SPILLED.has(codeOf(error)) || !this.#isOpen) throw error
      this.#begin(codeOf(error))
      return this.#spill(commit)
    }
  }

  read(cursor: string, after: number, limit: ReadLimit): readonly StoredEntry[] {
    return this.#shared.read(cursor, after, limit)
  }

  get(position: number): StoredEntry | undefined {
    return this.#shared.get(position)
  }

  ready(positions: readonly number[]): boolean {
    return this.#shared.ready?.(positions) ?? true
  }

  onAppend(fn: () => void): () => void {
    return this.#shared.onAppend(fn)
  }

  hold(name: string, position: number): void {
    this.#shared.hold(name, position)
  }

  counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#shared.counts())
    for (const shelf of this.#shelves()) {
      for (const [name, n] of shelf.counts(this.#shared)) counts.set(name, (counts.get(name) ?? 0) + n)
    }
    return counts
  }

  state(key: string): Buffer | undefined {
    return this.#shared.state(key)
  }

  /** Without what is on disks: it is not in the counts of the shared log either. */
  totals(what?: TotalsOf): Promise<LogTotals> {
    return this.#shared.totals(what)
  }

  /** What is on the disk waits for the readers of its streams as what the shared log holds. */
  status(): LogStatus {
    const status = this.#shared.status()
    const spilled = this.#shelves().map(shelf => shelf.status)
    const bytes = spilled.reduce((sum, one) => sum + one.bytes, 0)
    const entries = spilled.reduce((sum, one) => sum + one.entries, 0)
    const maxBytes = status.maxBytes + this.#o.maxBytes
    if (entries === 0) return { ...status, maxBytes, spilledBytes: 0 }
    const oldestAt = Math.min(...spilled.filter(one => one.entries > 0).map(one => one.oldestAt))
    const waiting = this.#waiting()
    return {
      ...status,
      bytes: status.bytes + bytes,
      maxBytes,
      entries: status.entries + entries,
      cursors: status.cursors.map(cursor =>
        withSpilled(cursor, this.#readers.get(cursor.cursor) ?? [], waiting, oldestAt)
      ),
      spilledBytes: bytes
    }
  }

  onDamage(fn: Parameters<Log['onDamage']>[0]): void {
    this.#shared.onDamage(fn)
  }

  async scrub(before: number): Promise<void> {
    if (this.#isOpen) await this.#shelf.scrub(before)
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    this.#wake()
    this.#reopen()
    await this.#shared.stop()
    await this.#mover
    await this.#stopShelves()
  }

  #shelves(): readonly Shelf[] {
    return [this.#shelf, ...(this.#o.abandoned ?? [])]
  }

  async #stopShelves(): Promise<void> {
    for (const shelf of this.#shelves()) await shelf.stop()
  }

  async #spill(commit: Commit): Promise<readonly number[]> {
    this.#putting++
    try {
      await this.#shelf.put(commit)
    } finally {
      this.#putting--
    }
    this.#moveOn()
    return (commit.appends ?? []).map(() => 0)
  }

  #begin(code: string): void {
    if (this.#isSpilling) return
    this.#isSpilling = true
    this.#o.onNote?.('warn', { code }, 'the shared queue takes nothing now: what comes in waits on the local disk')
  }

  #moveOn(): void {
    this.#mover ??= this.#move().finally(() => {
      this.#mover = undefined
    })
  }

  /** Runs until every shelf is empty, in the order of each; tries again when the shared log takes nothing. */
  async #move(): Promise<void> {
    let failures = 0
    let isKnown = false
    while (this.#isOpen) {
      try {
        if (!isKnown) for (const shelf of this.#shelves()) await shelf.reconcile(this.#shared)
        isKnown = true
        if (!(await this.#moveSome())) return
        failures = 0
      } catch (error) {
        // Somebody has come further with it, or it is not known how far: the number in the shared log tells.
        isKnown = false
        this.#reopen()
        if (codeOf(error) === 'QUEUE_CLOSED') return
        await this.#pause(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++))
      }
    }
  }

  async #moveSome(): Promise<boolean> {
    let isMore = false
    for (const shelf of this.#o.abandoned ?? []) isMore = (await shelf.move(this.#shared)) || isMore
    if (this.#shelf.isEmpty) {
      if (this.#putting === 0) return this.#close(isMore)
      await this.#pause(PUT_MS)
      return true
    }
    // Who came before the gate was closed is one more record; nobody comes behind, so that it ends.
    if (this.#shelf.isLastBatch) this.#closing ??= new Promise(resolve => (this.#openGate = resolve))
    await this.#shelf.move(this.#shared)
    return true
  }

  /** Lets those go on who waited for the end of the move. */
  #reopen(): void {
    this.#closing = undefined
    this.#openGate()
  }

  /** The shelf is empty: the shared log has all of it, and takes what comes now. */
  async #close(isMore: boolean): Promise<boolean> {
    for (const shelf of this.#shelves()) if (shelf.isEmpty) await this.#writeOff(shelf)
    if (!isMore && this.#isSpilling)
      this.#o.onNote?.('info', {}, 'what waited on the local disk is in the shared queue')
    this.#isSpilling = false
    this.#reopen()
    return isMore
  }

  /** Totals of records that were damaged on the disk: their items are told as dropped by each reader. */
  async #writeOff(shelf: Shelf): Promise<void> {
    const { counts, streams } = shelf.lost()
    if (counts.size === 0 && streams.size === 0) return
    const told = new Map(counts)
    for (const [cursor, of] of this.#readers) {
      for (const stream of of) {
        const items = streams.get(stream)
        if (items !== undefined) told.set(`dropped|${cursor}|${stream}|damaged`, items)
      }
    }
    await this.#shared.commit({ counts: told })
    await shelf.writtenOff()
    this.#o.onNote?.('error', { streams: Object.fromEntries(streams) }, 'records on the local disk were damaged')
  }

  #waiting(): ReadonlyMap<string, Waiting> {
    const all = new Map<string, Waiting>()
    for (const shelf of this.#shelves()) {
      for (const [stream, { items, bytes, entries }] of shelf.waiting(this.#shared)) {
        const one = all.get(stream) ?? { items: 0, bytes: 0, entries: 0 }
        all.set(stream, { items: one.items + items, bytes: one.bytes + bytes, entries: one.entries + entries })
      }
    }
    return all
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function withSpilled(
  cursor: CursorStatus,
  streams: readonly string[],
  waiting: ReadonlyMap<string, Waiting>,
  oldestAt: number
): CursorStatus {
  let { waitingEntries, waitingItems, waitingBytes } = cursor
  for (const stream of streams) {
    const spilled = waiting.get(stream)
    waitingEntries += spilled?.entries ?? 0
    waitingItems += spilled?.items ?? 0
    waitingBytes += spilled?.bytes ?? 0
  }
  if (waitingEntries === cursor.waitingEntries) return cursor
  const oldest = cursor.oldestAt === 0 ? oldestAt : Math.min(cursor.oldestAt, oldestAt)
  return { cursor: cursor.cursor, waitingEntries, waitingItems, waitingBytes, oldestAt: oldest }
}
