// Writing a segment anew with only its live entries, so that one slow reader does not keep whole files for a few entries.
//
// The new file takes the old one's place by rename: one of both is there, whole, at any moment. Acks, counts and state of the
// old one are left out: every segment behind it begins with a snapshot that holds them.
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import type { Book } from '../book.js'
import type { Entry } from '../log.js'
import { encodeFrame } from './frame.js'
import { Segment, syncDir } from './segment.js'

/** Payload bytes of one frame. */
const FRAME_BYTES = 4 << 20

/**
 * Copies what is live. Gives the position of the first entry that is damaged, and then leaves everything as it was. `spare`:
 * the name that the old file goes on with when there is none of that name, so that its space is written again.
 */
export async function compact(segment: Segment, book: Book, spare: string | undefined): Promise<number | undefined> {
  const path = join(dirname(segment.path), 'compact')
  const draft = new Segment(segment.id, segment.salt, path, segment.chunk, fs.openSync(path, 'w+', 0o600))
  try {
    const moved = new Map<number, number>()
    for (let row = nextLive(segment, 0); row < segment.chunk.count; row = nextLive(segment, row)) {
      const rows = run(segment, row)
      const damaged = await copyRun(segment, draft, book, row, rows, moved)
      if (damaged !== undefined) {
        draft.close()
        return damaged
      }
      row += rows
    }
    await draft.sync()
    replace(segment.path, path, spare)
    for (const [row, offset] of moved) segment.chunk.offset[row] = offset
    segment.adopt(draft)
    segment.rewrittenWith = segment.chunk.liveEntries
    return undefined
  } catch (error) {
    draft.close()
    throw error
  } finally {
    fs.rmSync(path, { force: true })
  }
}

/**
 * The draft takes the segment's name. Giving back 64 MiB in one `close`, and as much space anew for the next segment, costs
 * more than all of the copying. The old file may be written again when it has lost its name for good, not before.
 */
function replace(path: string, draft: string, spare: string | undefined): void {
  const isKept = spare !== undefined && isLinked(path, spare)
  try {
    fs.renameSync(draft, path)
    if (isKept) syncDir(dirname(path))
  } catch (error) {
    if (isKept) fs.rmSync(spare, { force: true })
    throw error
  }
}

/** False where there is one already, and on file systems that know one name for a file only. */
function isLinked(path: string, spare: string): boolean {
  try {
    fs.linkSync(path, spare)
    return true
  } catch {
    return false
  }
}

function nextLive({ chunk }: Segment, from: number): number {
  let row = from
  while (row < chunk.count && chunk.gone[row] === 1) row++
  return row
}

/** Rows that can share a frame: live, side by side, appended at one time. */
function run({ chunk }: Segment, from: number): number {
  let row = from
  for (let bytes = 0; row < chunk.count && bytes < FRAME_BYTES; row++) {
    if (chunk.gone[row] === 1 || chunk.time[row] !== chunk.time[from]) break
    bytes += chunk.bytes[row]!
  }
  return row - from
}

async function copyRun(
  segment: Segment,
  draft: Segment,
  book: Book,
  from: number,
  rows: number,
  moved: Map<number, number>
): Promise<number | undefined> {
  const { chunk } = segment
  const appends: Entry[] = []
  for (let row = from; row < from + rows; row++) {
    const bytes = segment.read(chunk.offset[row]!, chunk.bytes[row]!)
    appends.push({ stream: book.streamOf(chunk, row), items: chunk.items[row]!, bytes })
  }
  const first = chunk.first + from
  const time = chunk.time[from]!
  const frame = encodeFrame({ segment, first, time, itemsBefore: 0, commits: [{ appends }], compacted: true })
  const bad = frame.crcs.findIndex((crc, i) => crc !== chunk.crc[from + i])
  if (bad >= 0) return first + bad
  await draft.write([frame.head, ...frame.payloads])
  let offset = draft.end + frame.head.length
  appends.forEach(({ bytes }, i) => {
    moved.set(from + i, offset)
    offset += bytes.length
  })
  draft.end += frame.bytes
  return undefined
}
