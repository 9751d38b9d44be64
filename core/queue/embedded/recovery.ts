// Reading a log directory back: all entries of all segments, then cursors, counts and state from the last snapshot on.
//
// What a crash can leave behind is a torn last frame (never acknowledged): it is cut off. Anything else that does not check is
// damage: a bad stretch between frames is saved under damaged/ and its positions are given up, counted; without any readable
// snapshot everything still in the files is delivered again rather than lost.
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Book } from '../book.js'
import type { Head, Meta } from './frame.js'
import type { Damage } from './log.js'
import { type Found, Segment } from './segment.js'

/** Set until the cursors are declared anew: they begin at what is left. */
export const NO_SNAPSHOT = 'queue|recovered_without_snapshot'

export interface Recovered {
  readonly segments: Segment[]
  readonly itemsEver: number
  readonly damage: readonly Damage[]
  readonly lostEntries: number
}

type FrameFound = Found & { kind: 'frame' }

interface Progress {
  itemsEver: number
  /** A snapshot was read: the cursors are known. */
  restored: boolean
  lost: number
  readonly damage: Damage[]
}

/** Fills the book from the segment files of `dir`. */
export function recover(dir: string, book: Book): Recovered {
  const files = segmentFiles(dir)
  const base = files.findLastIndex(file => startsWithSnapshot(file))
  const progress: Progress = { itemsEver: -1, restored: false, lost: 0, damage: [] }
  const segments: Segment[] = []
  // Cursors and holds are known only at the end: release nothing before.
  book.hold('recovered', 0)
  files.forEach((file, i) => {
    segments.push(
      readSegment(dir, file, book, progress, { replay: base < 0 || i >= base, last: i === files.length - 1 })
    )
  })
  restoreHolds(book)
  if (progress.restored || files.length === 0) book.hold('recovered', Number.POSITIVE_INFINITY)
  else {
    book.counts.set(NO_SNAPSHOT, 1)
    const why = `no snapshot of ${dir} can be read: cursors and totals are lost, all entries left are delivered again`
    progress.damage.push({ position: 0, items: 0, stream: '', why })
  }
  return { segments, itemsEver: Math.max(0, progress.itemsEver), damage: progress.damage, lostEntries: progress.lost }
}

/** State key of the holds: name -> position, JSON. */
export const HOLDS = 'queue|holds'

function restoreHolds(book: Book): void {
  const kept = book.state.get(HOLDS)
  if (kept === undefined) return
  for (const [name, position] of Object.entries(JSON.parse(kept.toString()) as Record<string, number>)) {
    book.hold(name, position)
  }
}

interface File {
  readonly id: number
  readonly salt: number
  readonly path: string
}

function segmentFiles(dir: string): File[] {
  return fs
    .readdirSync(dir)
    .filter(name => /^\d{10}-[0-9a-f]{8}\.seg$/.test(name))
    .map(name => ({
      id: Number(name.slice(0, 10)),
      salt: Number.parseInt(name.slice(11, 19), 16),
      path: join(dir, name)
    }))
    .sort((a, b) => a.id - b.id)
}

function open(file: File, chunk: ReturnType<Book['chunk']>): Segment {
  return new Segment(file.id, file.salt, file.path, chunk, fs.openSync(file.path, 'r+'))
}

function startsWithSnapshot(file: File): boolean {
  const probe = open(file, undefined as never)
  try {
    const first = probe.scan().next().value
    return first?.kind === 'frame' && first.head.snapshot
  } finally {
    probe.close()
  }
}

function readSegment(
  dir: string,
  file: File,
  book: Book,
  progress: Progress,
  how: { readonly replay: boolean; readonly last: boolean }
): Segment {
  const segment = open(file, book.chunk())
  const found = [...segment.scan()]
  segment.scanned()
  if (how.last) dropTorn(segment, found)
  for (const one of found) {
    if (one.kind === 'damage') saveStretch(dir, segment, one)
    else take(segment, one, book, progress, how.replay)
    segment.end = one.end
  }
  segment.chunk.seal()
  return segment
}

/** Cuts off the last frame when its payload is not whole, and whatever follows the last frame. */
function dropTorn(segment: Segment, found: Found[]): void {
  const last = found.at(-1)
  if (last?.kind === 'frame' && !segment.payloadsWhole(last)) found.pop()
  const end = found.at(-1)?.end ?? 0
  if (end < segment.size()) segment.cut(end)
}

function take(segment: Segment, frame: FrameFound, book: Book, progress: Progress, replay: boolean): void {
  const { head, meta } = frame
  // A frame whose sync failed was refused, and its positions given again in the next file.
  if (head.snapshot && head.first < book.next) {
    book.truncate(head.first)
    beginChunk(segment, book, head.first)
  }
  giveUp(segment, head, book, progress)
  if (replay) replayMeta(head.snapshot, meta, book)
  progress.restored ||= replay && head.snapshot
  let offset = frame.end - head.payloadBytes
  for (const { stream, items, bytes, crc } of meta.entries) {
    book.append(stream, items, bytes, crc, offset, head.time)
    offset += bytes
    progress.itemsEver = Math.max(0, progress.itemsEver) + items
  }
}

function replayMeta(snapshot: boolean, meta: Meta, book: Book): void {
  if (snapshot) {
    book.restore(meta.lanes, meta.counts, meta.state as ReadonlyMap<string, Buffer>)
    return
  }
  for (const { cursor, positions } of meta.acks) for (const position of positions) book.ack(cursor, position)
  book.add(meta.counts)
  book.put(meta.state)
}

/** Positions between the last frame and this one are gone: trimmed files before it, or a damaged stretch. */
function giveUp(segment: Segment, head: Head, book: Book, progress: Progress): void {
  const { first, itemsBefore, compacted } = head
  if (first > book.next) {
    const missing = first - book.next
    // The positions of trimmed files were done; a hole inside a file was not.
    if (segment.chunk.count > 0 && compacted) {
      for (let i = 0; i < missing; i++) book.appendLost()
    } else if (segment.chunk.count > 0) {
      const items = Math.max(0, itemsBefore - Math.max(0, progress.itemsEver))
      progress.damage.push({
        position: book.next,
        items,
        stream: '',
        why: `${missing} entries were in a damaged stretch of ${segment.path}`
      })
      progress.lost += missing
      for (let i = 0; i < missing; i++) book.appendLost()
    } else {
      beginChunk(segment, book, first)
    }
  }
  progress.itemsEver = Math.max(progress.itemsEver, itemsBefore)
}

/** The segment's entries begin at another position than the last one's end. */
function beginChunk(segment: Segment, book: Book, first: number): void {
  if (segment.chunk.count > 0) return
  book.drop(segment.chunk)
  book.next = first
  segment.chunk = book.chunk(first)
}

function saveStretch(dir: string, segment: Segment, stretch: { offset: number; end: number }): void {
  const to = join(dir, '..', 'damaged')
  try {
    fs.mkdirSync(to, { recursive: true, mode: 0o700 })
    const bytes = segment.read(stretch.offset, stretch.end - stretch.offset)
    fs.writeFileSync(join(to, `segment-${segment.id}-at-${stretch.offset}.bin`), bytes, { mode: 0o600 })
  } catch {
    // Saving is a courtesy: what could be read goes on.
  }
}
