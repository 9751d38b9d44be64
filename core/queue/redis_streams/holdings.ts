// What this process has of the log: the entries of the partitions it owns, in the order it reads them.
//
// The `crc` column of the book says which tenure brought an entry, `offset` its number in Redis. Positions are this process's own
// (R3): the number in Redis when it comes in order (always, in one process), else the next free one, so that what a takeover
// brings is behind what was read before.
import { Book, type Chunk } from '../book.js'
import type { Entry, ReadLimit, StoredEntry } from '../log.js'
import { Payloads } from './payloads.js'
import type { Row } from './store.js'

/** A time of ownership of one partition: a part. */
export interface Tenure {
  readonly id: number
  readonly partition: number
  readonly epoch: string
  /** Last number known. */
  known: number
  /** All of it is here, and its readers are told of it. */
  isReady: boolean
  isLeaving: boolean
}

/** What is to be released in Redis, of one partition. */
export interface Freed {
  readonly seqs: string[]
  bytes: number
}

const CHUNK_ENTRIES = 4096
const LONGEST_GAP = 64

/** Tenures of one process, over all its logs: numbers that never come again. */
let lastTenure = 0

export class Holdings {
  readonly book = new Book((position, bytes) => this.#released(position, bytes))
  readonly payloads: Payloads
  /** By partition. */
  readonly owned = new Map<number, Tenure>()
  /** By id. */
  readonly tenures = new Map<number, Tenure>()
  /** Lane -> number of the last entry before it began. */
  readonly begins = new Map<string, number>()
  /** Cursors whose unsettled entries the next owner reads again. */
  readonly replayed = new Set<string>()
  /** Entries whose release no commit carried yet, by partition. */
  pending = new Map<number, Freed>()
  pendingBytes = 0
  /** What Redis holds, as last heard. */
  remoteBytes = 0
  /** By the clock of the log: what others appended to owned partitions until then is here. */
  knownAt = 0
  /** performance.now() until which the leases surely hold. */
  validUntil = 0
  /** Positions whose release is in the commit that is being applied. */
  freeing: ReadonlySet<number> = new Set()
  /** Read positions of lost partitions: their acks come too late. As many as were under way then. */
  readonly #moved = new Set<number>()
  readonly #highestRead = new Map<string, number>()
  readonly #onFreed: () => void
  #isLosing = false

  /** `onFreed`: there is something in `pending`. */
  constructor(tailBytes: number, onFreed: () => void) {
    this.payloads = new Payloads(tailBytes)
    this.#onFreed = onFreed
  }

  get heldBytes(): number {
    return this.remoteBytes - this.pendingBytes
  }

  isLive(position: number): boolean {
    const chunk = this.book.find(position)
    return chunk !== undefined && chunk.gone[position - chunk.first] === 0
  }

  /** Payload at hand or the position that is missing. */
  read(
    cursor: string,
    after: number,
    limit: ReadLimit
  ): { readonly found: readonly StoredEntry[]; readonly missing: number } {
    const found: StoredEntry[] = []
    let [items, bytes, missing] = [0, 0, 0]
    this.book.waiting(cursor, after, (chunk, i) => {
      if (limit.part !== undefined && chunk.crc[i] !== limit.part) return true
      const tenure = this.tenures.get(chunk.crc[i]!)
      if (tenure === undefined || tenure.isLeaving) return true
      items += chunk.items[i]!
      bytes += chunk.bytes[i]!
      if (found.length > 0 && (items > limit.maxItems || bytes > limit.maxBytes)) return false
      const payload = this.payloads.get(chunk.first + i)
      if (payload === undefined) {
        missing = chunk.first + i
        return false
      }
      found.push(this.entry(chunk, i, payload))
      if (limit.isOnce === true) this.payloads.delete(chunk.first + i)
      return items < limit.maxItems && bytes < limit.maxBytes
    })
    const last = found.at(-1)?.position ?? 0
    if (last > (this.#highestRead.get(cursor) ?? 0)) this.#highestRead.set(cursor, last)
    return { found, missing }
  }

  /** Positions of a part that a cursor waits for. */
  waiting(cursor: string, part: number, after = 0, limit = Number.POSITIVE_INFINITY): number[] {
    const positions: number[] = []
    this.book.waiting(cursor, after, (chunk, i) => {
      if (chunk.crc[i] === part) positions.push(chunk.first + i)
      return positions.length < limit
    })
    return positions
  }

  entry(chunk: Chunk, i: number, bytes: Buffer): StoredEntry {
    return {
      position: chunk.first + i,
      stream: this.book.streamOf(chunk, i),
      items: chunk.items[i]!,
      bytes,
      appendedAt: chunk.time[i]!,
      part: chunk.crc[i]!,
      number: chunk.offset[i]!
    }
  }

  begin(partition: number, epoch: string): Tenure {
    const tenure: Tenure = { id: ++lastTenure, partition, epoch, known: 0, isReady: false, isLeaving: false }
    this.tenures.set(tenure.id, tenure)
    this.owned.set(partition, tenure)
    return tenure
  }

  /** An own append, its number just given. */
  addOwn(tenure: Tenure, seq: number, { stream, items, bytes }: Entry, time: number): number {
    tenure.known = seq
    const position = this.#addRow(tenure, { seq, stream, items, bytes: bytes.length, time })
    if (this.isLive(position)) this.payloads.keep(position, bytes)
    return position
  }

  /** An entry that came from Redis: who has it behind them does not wait for it. */
  addLoaded(tenure: Tenure, row: Row, acked: readonly string[] = []): void {
    tenure.known = row.seq
    const position = this.#addRow(tenure, row)
    for (const cursor of this.book.waiters(position)) {
      const begin = this.begins.get(laneOf(cursor, row.stream)) ?? 0
      if (row.seq <= begin || acked.includes(cursor)) this.book.ack(cursor, position)
    }
  }

  #addRow(tenure: Tenure, { seq, stream, items, bytes, time }: Row): number {
    const { book } = this
    const position = Math.max(book.next, seq)
    const last = book.chunks.at(-1)
    const gap = last === undefined ? 0 : position - last.first - last.count
    if (last === undefined || gap > LONGEST_GAP || last.count >= CHUNK_ENTRIES) {
      for (const chunk of book.chunks.filter(({ liveEntries }) => liveEntries === 0)) book.drop(chunk)
      book.chunk(position)
    } else for (let i = 0; i < gap; i++) book.appendLost()
    book.append(stream, items, bytes, tenure.id, seq, time)
    return position
  }

  /** The lowest number of the entries at and behind `position`. */
  seqAt(position: number): number {
    let seq = position
    for (const chunk of this.book.chunks) {
      if (chunk.first + chunk.count <= position) continue
      for (let i = Math.max(0, position - chunk.first); i < chunk.count; i++) {
        if (chunk.gone[i] === 0) seq = Math.min(seq, chunk.offset[i]!)
      }
    }
    return seq
  }

  /** Whether a position was read here of a partition that others have now. */
  hasMoved(positions: readonly number[]): boolean {
    return this.#moved.size > 0 && positions.some(position => this.#moved.has(position))
  }

  /** Entries of a partition that is lost or given away vanish from here. What was read of them is acked too late. */
  forget(tenure: Tenure): void {
    this.owned.delete(tenure.partition)
    this.#isLosing = true
    for (const chunk of this.book.chunks) {
      for (let i = 0; i < chunk.count; i++) {
        if (chunk.gone[i] === 1 || chunk.crc[i] !== tenure.id) continue
        const position = chunk.first + i
        if (this.#isRead(position)) this.#moved.add(position)
        this.book.lose(position)
      }
    }
    this.#isLosing = false
    this.tenures.delete(tenure.id)
    this.payloads.forgetPart(tenure.id)
    const freed = this.pending.get(tenure.partition)
    if (freed !== undefined) this.pendingBytes -= freed.bytes
    this.pending.delete(tenure.partition)
  }

  /** Whether something of it was read here, is not settled, and is not simply read again. */
  isUnderWay(tenure: Tenure): boolean {
    for (const [cursor, highest] of this.#highestRead) {
      if (this.replayed.has(cursor)) continue
      let found = false
      this.book.waiting(cursor, 0, (chunk, i) => {
        if (chunk.first + i > highest) return false
        found = chunk.crc[i] === tenure.id
        return !found
      })
      if (found) return true
    }
    return false
  }

  #isRead(position: number): boolean {
    return this.book
      .waiters(position)
      .some(cursor => !this.replayed.has(cursor) && position <= (this.#highestRead.get(cursor) ?? 0))
  }

  #released(position: number, bytes: number): void {
    this.payloads.delete(position)
    if (this.#isLosing || this.freeing.has(position)) return
    const chunk = this.book.find(position)!
    const i = position - chunk.first
    const tenure = this.tenures.get(chunk.crc[i]!)
    if (tenure === undefined) return
    this.#free(tenure.partition, [`${chunk.offset[i]!}`], bytes)
    this.#onFreed()
  }

  #free(partition: number, seqs: readonly string[], bytes: number): void {
    const freed = this.pending.get(partition) ?? { seqs: [], bytes: 0 }
    for (const seq of seqs) freed.seqs.push(seq)
    freed.bytes += bytes
    this.pending.set(partition, freed)
    this.pendingBytes += bytes
  }

  /** What is to be released, for a commit to carry. */
  takePending(): { readonly byPartition: ReadonlyMap<number, Freed>; readonly bytes: number } {
    const taken = { byPartition: this.pending, bytes: this.pendingBytes }
    this.pending = new Map()
    this.pendingBytes = 0
    return taken
  }

  /** The commit that carried it changed nothing. */
  putBack(taken: { readonly byPartition: ReadonlyMap<number, Freed> }): void {
    for (const [partition, { seqs, bytes }] of taken.byPartition) this.#free(partition, seqs, bytes)
  }
}

export function laneOf(cursor: string, stream: string): string {
  return `${cursor}\n${stream}`
}
