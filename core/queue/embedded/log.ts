// The embedded log: segment files of frames in one directory (format: frame.ts; why: docs/decisions/).
//
// One group at a time: commits that arrive while a group is being written form the next one. A group is one writev, and one
// fdatasync when it appends. The book changes only after that, so nothing is readable, counted or positioned before it is
// durable, and a failed group changes nothing. Groups that only ack are written, not synced: they survive kill -9, and
// a power loss may deliver again what was acked in its last second (delivery is at least once there).
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AppendListeners } from '../append-listeners.js'
import { Book, type Chunk } from '../book.js'
import { fromIo, queueErrors } from '../errors.js'
import type { Commit, Log, LogStatus, ReadLimit, StoredEntry } from '../log.js'
import { SlotMap } from '../slot-map.js'
import { compact } from './compaction.js'
import { encodeFrame, type Frame } from './frame.js'
import { lock } from './lock.js'
import { HOLDS, NO_SNAPSHOT, recover } from './recovery.js'
import { Segment, syncDir } from './segment.js'

export interface EmbeddedLogOptions {
  readonly dir: string
  /** Payload bytes held at most; more is refused with QUEUE_FULL. */
  readonly maxBytes: number
  /** Size of a segment file; a new one begins behind it. Default 64 MiB. */
  readonly segmentBytes?: number
  /**
   * Memory for payloads that were just appended, so that delivery keeping up reads no disk. Default 8 MiB: what waits longer
   * grows old to V8, and with a back end that is down everything did (bench/scale.ts isolation: 1.38 times the CPU at 64 MiB,
   * 1.0 at 8). The disk's cache has the rest.
   */
  readonly tailBytes?: number
  /** After so many ms without a commit the log syncs and gives disk space back. Default 1000. */
  readonly idleMs?: number
  readonly now?: () => number
}

export interface Damage {
  readonly position: number
  readonly items: number
  readonly stream: string
  readonly why: string
}

interface Waiting {
  readonly commit: Commit
  readonly bytes: number
  readonly resolve: (positions: readonly number[]) => void
  readonly reject: (error: Error) => void
}

const MIB = 1 << 20
/** Payload bytes of one group at most: bounds how long one fdatasync takes. */
const GROUP_BYTES = 32 * MIB
/** Set aside so that a full disk still takes acks, and acks free segments. */
const RESERVE_BYTES = MIB
/** So long after start a hold of the last run waits for its owner. */
const UNCLAIMED_MS = 60_000
export const DAMAGED_ENTRIES = 'queue|damaged_entries'

export class EmbeddedLog implements Log {
  readonly #dir: string
  readonly #maxBytes: number
  readonly #segmentBytes: number
  readonly #tailBytes: number
  readonly #idleMs: number
  readonly #now: () => number
  readonly #tail = new SlotMap<number, Buffer>()
  #tailHeld = 0
  #book = this.#newBook()
  #segments: Segment[] = []
  #active: Segment | undefined
  #itemsEver = 0
  #pending: Waiting[] = []
  #pendingBytes = 0
  #running: Promise<void> | undefined
  #tidyWanted = false
  #mustRoll = false
  #reserved = false
  #unlock: (() => void) | undefined
  #idle: NodeJS.Timeout | undefined
  #holdsChanged = false
  /** Holds of the last run that nobody has declared again. */
  readonly #unclaimedHolds = new Set<string>()
  #startedAt = 0
  readonly #listeners = new AppendListeners()
  readonly #damageListeners = new Set<(what: Damage) => void>()
  #damageFound: Damage[] = []

  constructor(options: EmbeddedLogOptions) {
    this.#dir = options.dir
    this.#maxBytes = options.maxBytes
    this.#segmentBytes = options.segmentBytes ?? 64 * MIB
    this.#tailBytes = options.tailBytes ?? 8 * MIB
    this.#idleMs = options.idleMs ?? 1000
    this.#now = options.now ?? Date.now
  }

  async start(): Promise<void> {
    if (this.#unlock !== undefined) return
    try {
      fs.mkdirSync(join(this.#dir, 'log'), { recursive: true, mode: 0o700 })
      this.#unlock = lock(this.#dir)
      const found = recover(join(this.#dir, 'log'), this.#book)
      this.#segments = found.segments
      this.#itemsEver = found.itemsEver
      for (const name of this.#book.holds().keys()) this.#unclaimedHolds.add(name)
      this.#startedAt = this.#now()
      if (found.lostEntries > 0) this.#book.add(new Map([[DAMAGED_ENTRIES, found.lostEntries]]))
      for (const damage of found.damage) this.#reportDamage(damage)
      const segment = this.#newSegment()
      await this.#writeTo(segment, undefined, [], true)
      syncDir(join(this.#dir, 'log'))
      syncDir(this.#dir)
    } catch (error) {
      this.#closeAll()
      throw fromIo(error, this.#dir)
    }
    this.#idle = setInterval(() => void this.tidy().catch(() => {}), this.#idleMs)
    this.#idle.unref()
  }

  async cursors(readers: ReadonlyMap<string, readonly string[]>): Promise<void> {
    this.#checkOpen()
    await this.#exclusively(async () => {
      if (!this.#book.differs(readers)) return
      const begin = this.#book.counts.has(NO_SNAPSHOT) ? 0 : this.#book.next - 1
      this.#book.add(this.#book.declare(readers, begin))
      this.#book.counts.delete(NO_SNAPSHOT)
      this.#book.hold('recovered', Number.POSITIVE_INFINITY)
      await this.#writeTo(this.#active!, undefined, [], true)
    })
  }

  commit(commit: Commit): Promise<readonly number[]> {
    let bytes = 0
    try {
      this.#checkOpen()
      bytes = checkCommit(commit)
    } catch (error) {
      return Promise.reject(error)
    }
    const held = this.#book.heldBytes + this.#pendingBytes
    if (bytes > 0 && held + bytes > this.#maxBytes) {
      return Promise.reject(queueErrors.QUEUE_FULL(held, bytes, this.#maxBytes))
    }
    this.#pendingBytes += bytes
    return new Promise((resolve, reject) => {
      this.#pending.push({ commit, bytes, resolve, reject })
      this.#wake()
    })
  }

  read(cursor: string, after: number, limit: ReadLimit): readonly StoredEntry[] {
    this.#checkOpen()
    const found: StoredEntry[] = []
    const bad: number[] = []
    let items = 0
    let bytes = 0
    this.#book.waiting(cursor, after, (chunk, i) => {
      items += chunk.items[i]!
      bytes += chunk.bytes[i]!
      if (found.length > 0 && (items > limit.maxItems || bytes > limit.maxBytes)) return false
      const entry = this.#entry(chunk, i)
      if (entry === undefined) bad.push(chunk.first + i)
      else found.push(entry)
      if (limit.isOnce === true) this.#leave(chunk.first + i)
      return items < limit.maxItems && bytes < limit.maxBytes
    })
    for (const position of bad) this.#quarantine(position)
    return found
  }

  get(position: number): StoredEntry | undefined {
    this.#checkOpen()
    const chunk = this.#book.find(position)
    if (chunk === undefined || chunk.gone[position - chunk.first] === 1) return undefined
    const entry = this.#entry(chunk, position - chunk.first)
    if (entry === undefined) this.#quarantine(position)
    return entry
  }

  onAppend(fn: () => void): () => void {
    return this.#listeners.add(fn)
  }

  hold(name: string, position: number): void {
    this.#unclaimedHolds.delete(name)
    this.#book.hold(name, position)
    this.#holdsChanged = true
  }

  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#book.counts].filter(([name]) => !name.startsWith('queue|')))
  }

  state(key: string): Buffer | undefined {
    return this.#book.state.get(key)
  }

  status(): LogStatus {
    return {
      bytes: this.#book.heldBytes,
      maxBytes: this.#maxBytes,
      entries: this.#book.heldEntries,
      cursors: this.#book.cursors(),
      damagedEntries: this.#book.counts.get(DAMAGED_ENTRIES) ?? 0
    }
  }

  /** Damage found at start is told to the first listener as soon as it comes. */
  onDamage(fn: (what: Damage) => void): void {
    this.#damageListeners.add(fn)
    const found = this.#damageFound
    this.#damageFound = []
    for (const damage of found) fn(damage)
  }

  /** Syncs what was only written and gives back disk space; called when idle. */
  async tidy(): Promise<void> {
    if (this.#unlock === undefined) return
    this.#tidyWanted = true
    this.#wake()
    while (this.#tidyWanted && this.#running !== undefined) await this.#running
    await this.#running
  }

  async scrub(before: number): Promise<void> {
    this.#checkOpen()
    await this.#exclusively(async () => {
      // What is rewritten leaves out what was acked: those acks must be durable.
      await this.#active!.sync()
      if (holdsReleased(this.#active!, before)) await this.#roll()
      for (const segment of this.#segments) {
        if (segment === this.#active || segment.chunk.liveEntries === 0 || !holdsReleased(segment, before)) continue
        const damaged = await compact(segment, this.#book, undefined)
        if (damaged !== undefined) this.#quarantine(damaged)
      }
      await this.#trim()
      // A file that was used before may hold old bytes behind its end.
      for (const segment of this.#segments) if (segment.size() > segment.end) segment.cut(segment.end)
      fs.rmSync(this.#sparePath(), { force: true })
      expireDamaged(join(this.#dir, 'damaged'), before)
    })
  }

  async stop(): Promise<void> {
    if (this.#unlock === undefined) return
    clearInterval(this.#idle)
    while (this.#running !== undefined) await this.#running
    try {
      await this.#writeTo(this.#active!, undefined, [], true, true)
      await this.#trim()
    } catch {
      // The end mark is a courtesy: what was resolved is durable without it.
    } finally {
      this.#closeAll()
    }
  }

  // --- groups ---

  #wake(): void {
    this.#running ??= new Promise<void>(done => setImmediate(done))
      .then(() => this.#runGroups())
      .finally(() => {
        this.#running = undefined
        if (this.#pending.length > 0 || this.#tidyWanted) this.#wake()
      })
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    while (this.#running !== undefined) await this.#running
    const run = work().finally(() => {
      this.#running = undefined
      if (this.#pending.length > 0 || this.#tidyWanted) this.#wake()
    })
    this.#running = run.catch(() => {})
    await run.catch(error => {
      throw fromIo(error, this.#dir)
    })
  }

  async #runGroups(): Promise<void> {
    while (this.#pending.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#runGroup(group)
      } catch (error) {
        const coded = fromIo(error, this.#dir)
        this.#holdsChanged = true
        for (const { reject } of group) reject(coded)
      }
    }
    if (!this.#tidyWanted) return
    this.#tidyWanted = false
    await this.#tidyNow()
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let n = 0
    while (n < this.#pending.length && (n === 0 || bytes + this.#pending[n]!.bytes <= GROUP_BYTES)) {
      bytes += this.#pending[n++]!.bytes
    }
    return this.#pending.splice(0, n)
  }

  async #runGroup(group: readonly Waiting[]): Promise<void> {
    const commits = group.map(waiting => waiting.commit)
    if (this.#holdsChanged) commits.push(this.#holdsCommit())
    const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0)
    const appends = commits.some(commit => commit.appends !== undefined && commit.appends.length > 0)
    try {
      await this.#rollIfDue(appends)
      const first = this.#book.next
      const time = this.#now()
      const frame = encodeFrame({
        segment: this.#active!,
        first,
        time,
        itemsBefore: this.#itemsEver,
        commits
      })
      const start = this.#active!.end
      await this.#writeFrame(this.#active!, frame, appends)
      this.#apply(commits, frame, start + frame.head.length, time)
      this.#answer(group, first)
    } finally {
      this.#pendingBytes -= bytes
    }
    if (!appends) return
    this.#listeners.tell()
    await this.#trim()
  }

  /** Holds go with the next group: what is lost of them in between holds more than asked, never less. */
  #holdsCommit(): Commit {
    this.#holdsChanged = false
    return { state: new Map([[HOLDS, Buffer.from(JSON.stringify(Object.fromEntries(this.#book.holds())))]]) }
  }

  /** A hold whose owner is gone for good must not keep the log for ever. */
  #dropUnclaimedHolds(): void {
    if (this.#unclaimedHolds.size === 0 || this.#now() - this.#startedAt < UNCLAIMED_MS) return
    for (const name of [...this.#unclaimedHolds]) this.hold(name, Number.POSITIVE_INFINITY)
  }

  #answer(group: readonly Waiting[], first: number): void {
    let position = first
    for (const { commit, resolve } of group) {
      resolve((commit.appends ?? []).map(() => position++))
    }
  }

  #apply(commits: readonly Commit[], frame: Frame, payloadAt: number, time: number): void {
    const book = this.#book
    for (const { acks, counts, state } of commits) {
      for (const { cursor, positions } of acks ?? []) for (const position of positions) book.ack(cursor, position)
      book.add(counts)
      book.put(state)
    }
    let offset = payloadAt
    let i = 0
    for (const { appends } of commits) {
      for (const { stream, items, bytes } of appends ?? []) {
        const position = book.next
        if (book.append(stream, items, bytes.length, frame.crcs[i++]!, offset, time)) this.#keep(position, bytes)
        offset += bytes.length
        this.#itemsEver += items
      }
    }
  }

  async #writeFrame(segment: Segment, frame: Frame, sync: boolean): Promise<void> {
    const buffers = [frame.head, ...frame.payloads]
    try {
      if (sync) await segment.writeSynced(buffers)
      else await this.#writeOrUseReserve(segment, buffers)
    } catch (error) {
      // A full disk leaves the file as it was up to `end`; after anything else nobody knows, so go on in a new one.
      if (fromIo(error, this.#dir).code !== 'QUEUE_DISK_FULL') this.#mustRoll = true
      await this.#unwrite(segment)
      throw error
    }
    segment.advance(buffers, sync)
  }

  // Acks must not fail for fullness: they are what frees space.
  async #writeOrUseReserve(segment: Segment, buffers: readonly Buffer[]): Promise<void> {
    try {
      await segment.write(buffers)
    } catch (error) {
      if (!this.#reserved || fromIo(error, this.#dir).code !== 'QUEUE_DISK_FULL') throw error
      fs.rmSync(this.#reservePath(), { force: true })
      this.#reserved = false
      await segment.write(buffers)
    }
  }

  /** A frame that was refused must not come back after a crash. */
  async #unwrite(segment: Segment): Promise<void> {
    try {
      await segment.write([Buffer.alloc(8)])
    } catch {
      this.#mustRoll = true
    }
  }

  /** Writes a snapshot (or an end mark) frame, synced. */
  async #writeTo(
    segment: Segment,
    first: number | undefined,
    commits: readonly Commit[],
    snapshot: boolean,
    closed = false
  ): Promise<void> {
    if (snapshot && this.#holdsChanged) this.#book.put(this.#holdsCommit().state)
    const totals: Commit = { counts: this.#book.counts, state: this.#book.state }
    const frame = encodeFrame({
      segment,
      first: first ?? this.#book.next,
      time: this.#now(),
      itemsBefore: this.#itemsEver,
      commits: snapshot ? [totals, ...commits] : commits,
      ...(snapshot ? { snapshot: this.#book.lanes() } : {}),
      closed
    })
    await this.#writeFrame(segment, frame, true)
  }

  // --- segments ---

  #newSegment(): Segment {
    const id = (this.#segments.at(-1)?.id ?? 0) + 1
    const salt = randomBytes(4).readUInt32LE()
    const path = segmentPath(this.#dir, id, salt)
    const spare = this.#sparePath()
    // Two names: a compaction was cut short, and the file is still a segment.
    if (fs.existsSync(spare) && fs.statSync(spare).nlink > 1) fs.rmSync(spare)
    if (fs.existsSync(spare)) fs.renameSync(spare, path)
    const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600)
    this.#active?.chunk.seal()
    const segment = new Segment(id, salt, path, this.#book.chunk(), fd)
    this.#segments.push(segment)
    this.#active = segment
    return segment
  }

  async #rollIfDue(appends: boolean): Promise<void> {
    if (!this.#mustRoll && this.#active!.end < this.#segmentBytes) return
    try {
      await this.#roll()
    } catch (error) {
      // No room for another file: acks still fit into this one.
      if (this.#mustRoll || appends) throw error
    }
  }

  /** Goes on in a new file, which begins with a snapshot; on failure in the old one, as if nothing had been. */
  async #roll(): Promise<void> {
    const old = this.#active!
    const segment = this.#newSegment()
    try {
      await this.#writeTo(segment, undefined, [], true)
      syncDir(join(this.#dir, 'log'))
      this.#mustRoll = false
    } catch (error) {
      this.#segments.pop()
      this.#book.drop(segment.chunk)
      segment.close()
      fs.rmSync(segment.path, { force: true })
      this.#active = old
      throw error
    }
  }

  /** Gives back the files whose entries are all released. Only after a sync: the acks that freed them must be durable. */
  async #trim(): Promise<void> {
    const free = this.#segments.filter(s => s !== this.#active && s.chunk.liveEntries === 0)
    for (const segment of free) {
      const reusable = segment.end >= this.#segmentBytes && !fs.existsSync(this.#sparePath())
      segment.close()
      if (reusable) fs.renameSync(segment.path, this.#sparePath())
      else await fs.promises.rm(segment.path, { force: true })
      this.#book.drop(segment.chunk)
    }
    if (free.length > 0) this.#segments = this.#segments.filter(s => !free.includes(s))
    await this.#compactWorst()
  }

  /** Rewrites the file with the most released bytes, when released bytes outweigh what is held and two files. */
  async #compactWorst(): Promise<void> {
    const onDisk = this.#segments.reduce((sum, segment) => sum + segment.end, 0)
    const dead = onDisk - this.#book.heldBytes
    if (dead <= Math.max(2 * this.#segmentBytes, this.#book.heldBytes)) return
    const sealed = this.#segments.filter(s => s !== this.#active && s.chunk.liveBytes * 2 <= s.end)
    const worst = sealed.sort((a, b) => b.end - b.chunk.liveBytes - (a.end - a.chunk.liveBytes))[0]
    if (worst === undefined) return
    const damaged = await compact(worst, this.#book, worst.end >= this.#segmentBytes ? this.#sparePath() : undefined)
    if (damaged !== undefined) this.#quarantine(damaged)
  }

  async #tidyNow(): Promise<void> {
    try {
      this.#dropUnclaimedHolds()
      await this.#active!.sync()
      await this.#trim()
      if (this.#book.heldEntries === 0) await this.#shrink()
      this.#reserve()
    } catch {
      // Nothing is lost: the next commit says what is wrong with the disk.
    }
  }

  /** Nothing is held: go on in a small new file, keep no other. */
  async #shrink(): Promise<void> {
    await fs.promises.rm(this.#sparePath(), { force: true })
    if (this.#active!.end > MIB) await this.#roll()
    await this.#trim()
    await fs.promises.rm(this.#sparePath(), { force: true })
  }

  #reserve(): void {
    if (this.#reserved) return
    fs.writeFileSync(this.#reservePath(), Buffer.alloc(RESERVE_BYTES), { mode: 0o600 })
    this.#reserved = true
  }

  // --- payloads ---

  #keep(position: number, bytes: Buffer): void {
    this.#tail.set(position, bytes)
    this.#tailHeld += bytes.length
    if (this.#tailHeld <= this.#tailBytes) return
    for (const oldest of this.#tail.keys()) {
      this.#leave(oldest)
      if (this.#tailHeld <= this.#tailBytes) return
    }
  }

  #newBook(): Book {
    return new Book(position => this.#leave(position))
  }

  #leave(position: number): void {
    this.#tailHeld -= this.#tail.delete(position)?.length ?? 0
  }

  #entry(chunk: Chunk, i: number): StoredEntry | undefined {
    const position = chunk.first + i
    const bytes = this.#tail.get(position) ?? this.#payload(chunk, i)
    if (bytes === undefined) return undefined
    return {
      position,
      stream: this.#book.streamOf(chunk, i),
      items: chunk.items[i]!,
      bytes,
      appendedAt: chunk.time[i]!
    }
  }

  #payload(chunk: Chunk, i: number): Buffer | undefined {
    try {
      const bytes = this.#segmentOf(chunk).read(chunk.offset[i]!, chunk.bytes[i]!)
      return bytes.length === chunk.bytes[i]! && crc32(bytes) === chunk.crc[i]! ? bytes : undefined
    } catch {
      return undefined
    }
  }

  #segmentOf(chunk: Chunk): Segment {
    return this.#segments.find(segment => segment.chunk === chunk)!
  }

  // --- damage ---

  /** Moves a damaged entry aside and lets every cursor that waits for it go on, counted. */
  #quarantine(position: number): void {
    const chunk = this.#book.find(position)
    if (chunk === undefined) return
    const i = position - chunk.first
    const stream = this.#book.streamOf(chunk, i)
    const items = chunk.items[i]!
    const waiters = this.#book.waiters(position)
    this.#setAside(position, chunk, i)
    const counts = new Map(waiters.map(cursor => [`dropped|${cursor}|${stream}|damaged`, items]))
    const commit: Commit = { counts: new Map([...counts, [DAMAGED_ENTRIES, 1]]) }
    const acks = waiters.map(cursor => ({ cursor, positions: [position] }))
    this.#book.lose(position)
    this.commit({ ...commit, acks }).catch(() => {})
    this.#reportDamage({ position, items, stream, why: 'its bytes cannot be read or do not match their checksum' })
  }

  #setAside(position: number, chunk: Chunk, i: number): void {
    try {
      const dir = join(this.#dir, 'damaged')
      fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
      const bytes = this.#segmentOf(chunk).read(chunk.offset[i]!, chunk.bytes[i]!)
      fs.writeFileSync(join(dir, `entry-${position}.bin`), bytes, { mode: 0o600 })
    } catch {
      // The disk is what failed: the report below is what is left to do.
    }
  }

  #reportDamage(damage: Damage): void {
    if (this.#damageListeners.size === 0) this.#damageFound.push(damage)
    for (const listener of this.#damageListeners) listener(damage)
  }

  #checkOpen(): void {
    if (this.#unlock === undefined) throw queueErrors.QUEUE_CLOSED()
  }

  #closeAll(): void {
    for (const segment of this.#segments) segment.close()
    this.#segments = []
    this.#active = undefined
    this.#tail.clear()
    this.#tailHeld = 0
    this.#book = this.#newBook()
    this.#unlock?.()
    this.#unlock = undefined
  }

  #sparePath(): string {
    return join(this.#dir, 'log', 'spare')
  }

  #reservePath(): string {
    return join(this.#dir, 'log', 'reserve')
  }
}

function checkCommit(commit: Commit): number {
  let bytes = 0
  for (const entry of commit.appends ?? []) {
    if (entry.stream.length > 255 || Buffer.byteLength(entry.stream) > 255) {
      throw queueErrors.QUEUE_BAD_ENTRY('its stream name is longer than 255 bytes')
    }
    bytes += entry.bytes.length
  }
  if (bytes > 0xffffffff) throw queueErrors.QUEUE_BAD_ENTRY('one commit holds more than 4 GiB')
  return bytes
}

/** Whether a file still has payload of entries that are released and were appended before `before`. */
function holdsReleased({ chunk, rewrittenWith }: Segment, before: number): boolean {
  if (chunk.liveEntries === (rewrittenWith ?? chunk.count)) return false
  for (let i = 0; i < chunk.count; i++) {
    if (chunk.gone[i] === 1 && chunk.bytes[i]! > 0 && chunk.time[i]! < before) return true
  }
  return false
}

/** Removes what was set aside before `before`. */
function expireDamaged(dir: string, before: number): void {
  const names = fs.existsSync(dir) ? fs.readdirSync(dir) : []
  for (const name of names) {
    const path = join(dir, name)
    if (fs.statSync(path).mtimeMs < before) fs.rmSync(path, { force: true })
  }
}

function segmentPath(dir: string, id: number, salt: number): string {
  return join(dir, 'log', `${String(id).padStart(10, '0')}-${salt.toString(16).padStart(8, '0')}.seg`)
}
