// The book: which entries are held, who still waits for them, and the totals. Memory only; the stores persist it.
//
// Entries live in chunks (one per segment file), a row of typed arrays each, 31 bytes an entry. A lane is one cursor's view
// of one stream: everything of the stream up to `low` is done, beyond it what `sparse` names. An entry is live while a
// lane waits for it or a hold covers it; then it is released, once, and never comes back.
import type { CursorStatus } from './log.js'

const NO_STREAM = 0xffff

/** Entries with neighbouring positions, column by column. */
export class Chunk {
  readonly first: number
  count = 0
  liveEntries = 0
  liveBytes = 0
  stream = new Uint16Array(64)
  refs = new Uint16Array(64)
  gone = new Uint8Array(64)
  items = new Uint32Array(64)
  bytes = new Uint32Array(64)
  crc = new Uint32Array(64)
  offset = new Float64Array(64)
  time = new Float64Array(64)

  constructor(first: number) {
    this.first = first
  }

  /** Room for one more row; its index. */
  add(): number {
    if (this.count === this.stream.length) this.#resize(Math.max(64, this.count * 2))
    return this.count++
  }

  /** Gives back unused rows, when no more come. */
  seal(): void {
    this.#resize(this.count)
  }

  #resize(rows: number): void {
    const n = Math.min(rows, this.count)
    const grow = <T extends { set(from: T): void; subarray(a: number, b: number): T }>(to: T, from: T): T => {
      to.set(from.subarray(0, n))
      return to
    }
    this.stream = grow(new Uint16Array(rows), this.stream)
    this.refs = grow(new Uint16Array(rows), this.refs)
    this.gone = grow(new Uint8Array(rows), this.gone)
    this.items = grow(new Uint32Array(rows), this.items)
    this.bytes = grow(new Uint32Array(rows), this.bytes)
    this.crc = grow(new Uint32Array(rows), this.crc)
    this.offset = grow(new Float64Array(rows), this.offset)
    this.time = grow(new Float64Array(rows), this.time)
  }
}

/** One cursor's view of one stream. */
export interface Lane {
  readonly cursor: string
  readonly stream: string
  low: number
  readonly sparse: Set<number>
  entries: number
  items: number
  bytes: number
}

/** What a snapshot says of a lane. */
export interface LaneState {
  readonly cursor: string
  readonly stream: string
  readonly low: number
  readonly sparse: readonly number[]
}

export class Book {
  readonly chunks: Chunk[] = []
  readonly counts = new Map<string, number>()
  readonly state = new Map<string, Buffer>()
  readonly #lanes = new Map<string, Map<string, Lane>>()
  readonly #holds = new Map<string, number>()
  #byStream: Lane[][] = []
  readonly #streams: string[] = []
  readonly #streamIds = new Map<string, number>()
  readonly #onRelease: (position: number, bytes: number) => void
  #minHold = Number.POSITIVE_INFINITY
  /** The position the next entry gets. */
  next = 1
  heldBytes = 0
  heldEntries = 0

  constructor(onRelease: (position: number, bytes: number) => void) {
    this.#onRelease = onRelease
  }

  /** Opens a chunk for the entries from `next` on. */
  chunk(first = this.next): Chunk {
    const chunk = new Chunk(first)
    this.chunks.push(chunk)
    return chunk
  }

  /** Forgets a chunk whose entries are all released. */
  drop(chunk: Chunk): void {
    const at = this.chunks.indexOf(chunk)
    if (at >= 0) this.chunks.splice(at, 1)
  }

  /** The chunk that holds `position`, if any. */
  find(position: number): Chunk | undefined {
    const chunk = this.chunks[this.#chunkAt(position)]
    return chunk !== undefined && position >= chunk.first && position < chunk.first + chunk.count ? chunk : undefined
  }

  streamOf(chunk: Chunk, i: number): string {
    return this.#streams[chunk.stream[i]!] ?? ''
  }

  /** Adds an entry to the last chunk; whether somebody wants it. */
  append(stream: string, items: number, bytes: number, crc: number, offset: number, time: number): boolean {
    const chunk = this.chunks.at(-1)!
    const i = chunk.add()
    const id = this.#streamId(stream)
    const position = chunk.first + i
    chunk.stream[i] = id
    chunk.items[i] = items
    chunk.bytes[i] = bytes
    chunk.crc[i] = crc
    chunk.offset[i] = offset
    chunk.time[i] = time
    this.next = position + 1
    this.#hold(chunk, bytes)
    const lanes = this.#byStream[id]!
    for (const lane of lanes) {
      if (lane.entries === 0) lane.low = position - 1
      lane.entries++
      lane.items += items
      lane.bytes += bytes
    }
    chunk.refs[i] = lanes.length
    if (lanes.length === 0) this.#releaseIfFree(chunk, i)
    return chunk.gone[i] === 0
  }

  /** Adds a row nobody can read: a position whose entry is lost. */
  appendLost(): void {
    const chunk = this.chunks.at(-1)!
    const i = chunk.add()
    chunk.stream[i] = NO_STREAM
    chunk.gone[i] = 1
    this.next = chunk.first + i + 1
  }

  /** Gives an entry up for everybody, holds included. */
  lose(position: number): void {
    for (const cursor of this.waiters(position)) this.ack(cursor, position)
    const chunk = this.find(position)
    if (chunk !== undefined && chunk.gone[position - chunk.first] === 0) this.#release(chunk, position - chunk.first)
  }

  /** Takes back the entries from `position` on; a restore must follow. */
  truncate(position: number): void {
    for (const chunk of this.chunks) {
      const keep = Math.max(0, Math.min(chunk.count, position - chunk.first))
      for (let i = keep; i < chunk.count; i++) if (chunk.gone[i] === 0) this.#release(chunk, i)
      chunk.count = keep
    }
    this.next = position
  }

  /** Marks an entry done for a cursor; false when it was already, or never was its. */
  ack(cursor: string, position: number): boolean {
    const chunk = this.find(position)
    if (chunk === undefined) return false
    const i = position - chunk.first
    const lane = this.#lanes.get(cursor)?.get(this.streamOf(chunk, i))
    if (lane === undefined || chunk.gone[i] === 1 || !this.#waits(lane, position)) return false
    lane.entries--
    lane.items -= chunk.items[i]!
    lane.bytes -= chunk.bytes[i]!
    lane.sparse.add(position)
    chunk.refs[i]!--
    this.#releaseIfFree(chunk, i)
    this.#advance(lane)
    return true
  }

  /** The cursors that still wait for an entry. */
  waiters(position: number): string[] {
    const chunk = this.find(position)
    if (chunk === undefined) return []
    const lanes = this.#byStream[chunk.stream[position - chunk.first]!] ?? []
    return lanes.filter(lane => this.#waits(lane, position)).map(lane => lane.cursor)
  }

  hold(name: string, position: number): void {
    if (position === Number.POSITIVE_INFINITY) this.#holds.delete(name)
    else this.#holds.set(name, position)
    const was = this.#minHold
    this.#minHold = Math.min(Number.POSITIVE_INFINITY, ...this.#holds.values())
    if (this.#minHold > was) this.#releaseBetween(was, this.#minHold)
  }

  /** The holds by name. */
  holds(): ReadonlyMap<string, number> {
    return this.#holds
  }

  /** Calls `visit` for what the cursor waits for behind `after`, oldest first, until it returns false. */
  waiting(cursor: string, after: number, visit: (chunk: Chunk, i: number) => boolean): void {
    const lanes = this.#lanes.get(cursor)
    if (lanes === undefined) return
    const byId: (Lane | undefined)[] = []
    let from = Number.POSITIVE_INFINITY
    for (const lane of lanes.values()) {
      byId[this.#streamId(lane.stream)] = lane
      if (lane.entries > 0) from = Math.min(from, lane.low + 1)
    }
    from = Math.max(from, after + 1)
    if (from >= this.next) return
    for (let c = Math.max(0, this.#chunkAt(from)); c < this.chunks.length; c++) {
      const chunk = this.chunks[c]!
      for (let i = Math.max(0, from - chunk.first); i < chunk.count; i++) {
        const lane = byId[chunk.stream[i]!]
        if (lane === undefined || chunk.gone[i] === 1 || !this.#waits(lane, chunk.first + i)) continue
        if (!visit(chunk, i)) return
      }
    }
  }

  /** Sets the lanes to the declared ones; what retired lanes still had waiting, as counts. */
  declare(readers: ReadonlyMap<string, readonly string[]>, begin = this.next - 1): Map<string, number> {
    const lost = new Map<string, number>()
    for (const [cursor, lanes] of this.#lanes) {
      for (const [stream, lane] of lanes) {
        if (readers.get(cursor)?.includes(stream)) continue
        if (lane.items > 0) lost.set(`dropped|${cursor}|${stream}|exporter_removed`, lane.items)
        lanes.delete(stream)
      }
      if (lanes.size === 0) this.#lanes.delete(cursor)
    }
    for (const [cursor, streams] of readers) {
      const lanes = this.#lanes.get(cursor) ?? new Map<string, Lane>()
      this.#lanes.set(cursor, lanes)
      for (const stream of streams) {
        if (!lanes.has(stream)) lanes.set(stream, this.#newLane(cursor, stream, begin, []))
      }
    }
    this.#recount()
    return lost
  }

  /** Whether `declare` would change anything. */
  differs(readers: ReadonlyMap<string, readonly string[]>): boolean {
    const now = [...this.#lanes].flatMap(([cursor, lanes]) => [...lanes.keys()].map(stream => `${cursor}\n${stream}`))
    const then = [...readers].flatMap(([cursor, streams]) => [...new Set(streams)].map(s => `${cursor}\n${s}`))
    return now.sort().join('\n\n') !== then.sort().join('\n\n')
  }

  lanes(): LaneState[] {
    const all: LaneState[] = []
    for (const lanes of this.#lanes.values()) {
      for (const lane of lanes.values()) {
        const low = lane.entries === 0 ? this.next - 1 : lane.low
        const sparse = lane.entries === 0 ? [] : [...lane.sparse].sort((a, b) => a - b)
        all.push({ cursor: lane.cursor, stream: lane.stream, low, sparse })
      }
    }
    return all
  }

  /** Sets lanes, counts and state to those of a snapshot, and finds anew who waits for what. */
  restore(lanes: readonly LaneState[], counts: ReadonlyMap<string, number>, state: ReadonlyMap<string, Buffer>): void {
    this.#lanes.clear()
    for (const { cursor, stream, low, sparse } of lanes) {
      const mine = this.#lanes.get(cursor) ?? new Map<string, Lane>()
      this.#lanes.set(cursor, mine.set(stream, this.#newLane(cursor, stream, low, sparse)))
    }
    this.counts.clear()
    for (const [name, n] of counts) this.counts.set(name, n)
    this.state.clear()
    for (const [key, value] of state) this.state.set(key, value)
    this.#recount()
  }

  cursors(): CursorStatus[] {
    return [...this.#lanes].map(([cursor, lanes]) => {
      const all = [...lanes.values()]
      const times = all.filter(lane => lane.entries > 0).map(lane => this.#timeAt(lane.low + 1))
      return {
        cursor,
        waitingEntries: all.reduce((n, lane) => n + lane.entries, 0),
        waitingItems: all.reduce((n, lane) => n + lane.items, 0),
        waitingBytes: all.reduce((n, lane) => n + lane.bytes, 0),
        oldestAt: times.length === 0 ? 0 : Math.min(...times)
      }
    })
  }

  add(counts: ReadonlyMap<string, number> | undefined): void {
    if (counts === undefined) return
    for (const [name, n] of counts) this.counts.set(name, (this.counts.get(name) ?? 0) + n)
  }

  put(state: ReadonlyMap<string, Buffer | null> | undefined): void {
    if (state === undefined) return
    for (const [key, value] of state) {
      if (value === null) this.state.delete(key)
      else this.state.set(key, value)
    }
  }

  #timeAt(position: number): number {
    const chunk = this.find(position)
    return chunk === undefined ? 0 : chunk.time[position - chunk.first]!
  }

  #newLane(cursor: string, stream: string, low: number, sparse: readonly number[]): Lane {
    return { cursor, stream, low, sparse: new Set(sparse), entries: 0, items: 0, bytes: 0 }
  }

  #waits(lane: Lane, position: number): boolean {
    return position > lane.low && !lane.sparse.has(position)
  }

  #streamId(stream: string): number {
    let id = this.#streamIds.get(stream)
    if (id === undefined) {
      id = this.#streams.push(stream) - 1
      this.#streamIds.set(stream, id)
      const lanes = [...this.#lanes.values()].map(lanes => lanes.get(stream)).filter(lane => lane !== undefined)
      this.#byStream[id] = lanes
    }
    return id
  }

  /** Index of the last chunk that begins at or before `position`; -1 when all begin behind it. */
  #chunkAt(position: number): number {
    let low = 0
    let high = this.chunks.length
    while (low < high) {
      const mid = (low + high) >> 1
      if (this.chunks[mid]!.first <= position) low = mid + 1
      else high = mid
    }
    return low - 1
  }

  /** Moves `low` over what is done, so that low + 1 is the oldest entry the lane waits for. */
  #advance(lane: Lane): void {
    if (lane.entries === 0) {
      lane.low = this.next - 1
      lane.sparse.clear()
      return
    }
    const id = this.#streamId(lane.stream)
    let c = Math.max(0, this.#chunkAt(lane.low + 1))
    for (; c < this.chunks.length; c++) {
      const chunk = this.chunks[c]!
      for (let i = Math.max(0, lane.low + 1 - chunk.first); i < chunk.count; i++) {
        const position = chunk.first + i
        if (chunk.stream[i] === id && chunk.gone[i] === 0 && !lane.sparse.has(position)) {
          lane.low = position - 1
          return
        }
        lane.sparse.delete(position)
        lane.low = position
      }
    }
  }

  /** Whoever waits and what is live, found from the lanes alone: after a restore or a change of lanes. */
  #recount(): void {
    this.#byStream = this.#streams.map(stream =>
      [...this.#lanes.values()].map(lanes => lanes.get(stream)).filter(lane => lane !== undefined)
    )
    for (const lanes of this.#lanes.values()) {
      for (const lane of lanes.values()) {
        lane.entries = 0
        lane.items = 0
        lane.bytes = 0
      }
    }
    for (const chunk of this.chunks) {
      for (let i = 0; i < chunk.count; i++) if (chunk.gone[i] === 0) this.#recountEntry(chunk, i)
    }
    for (const lanes of this.#lanes.values()) for (const lane of lanes.values()) this.#advance(lane)
  }

  #recountEntry(chunk: Chunk, i: number): void {
    let refs = 0
    for (const lane of this.#byStream[chunk.stream[i]!]!) {
      if (!this.#waits(lane, chunk.first + i)) continue
      refs++
      lane.entries++
      lane.items += chunk.items[i]!
      lane.bytes += chunk.bytes[i]!
    }
    chunk.refs[i] = refs
    this.#releaseIfFree(chunk, i)
  }

  #hold(chunk: Chunk, bytes: number): void {
    chunk.liveEntries++
    chunk.liveBytes += bytes
    this.heldEntries++
    this.heldBytes += bytes
  }

  #releaseIfFree(chunk: Chunk, i: number): void {
    const position = chunk.first + i
    if (chunk.gone[i] === 1 || chunk.refs[i] !== 0 || position >= this.#minHold) return
    this.#release(chunk, i)
  }

  #release(chunk: Chunk, i: number): void {
    chunk.gone[i] = 1
    chunk.liveEntries--
    chunk.liveBytes -= chunk.bytes[i]!
    this.heldEntries--
    this.heldBytes -= chunk.bytes[i]!
    this.#onRelease(chunk.first + i, chunk.bytes[i]!)
  }

  #releaseBetween(from: number, to: number): void {
    for (let c = Math.max(0, this.#chunkAt(from)); c < this.chunks.length; c++) {
      const chunk = this.chunks[c]!
      if (chunk.first >= to) return
      const end = Math.min(chunk.count, to - chunk.first)
      for (let i = Math.max(0, from - chunk.first); i < end; i++) this.#releaseIfFree(chunk, i)
    }
  }
}
