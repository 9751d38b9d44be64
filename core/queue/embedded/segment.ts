// One segment file: frames written one after another, read back by offset, scanned at start.
import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import type { Chunk } from '../book.js'
import { checkFrame, decodeHead, decodeMeta, HEAD, type Head, MAGIC_BYTES, type Meta } from './frame.js'

const WINDOW = 256 * 1024
/** Unsynced frames kept for being written again; beyond this a plain write and fdatasync is cheaper. */
const MAX_LOOSE = 64 * 1024
/** Files grow by so much at once while what is written is small. */
const GROW_BY = 1024 * 1024
/** Up to this size a synced write is worth being prepared. */
const SMALL_WRITE = 64 * 1024
const ZEROS = Buffer.alloc(GROW_BY)
const writev = promisify(
  (fd: number, buffers: readonly NodeJS.ArrayBufferView[], at: number, done: (e: Error | null, n?: number) => void) =>
    fs.writev(fd, buffers, at, done)
)
const fdatasync = promisify(fs.fdatasync)

/** A frame as found, or a damaged stretch between two frames. */
export type Found =
  | { readonly kind: 'frame'; readonly head: Head; readonly meta: Meta; readonly offset: number; readonly end: number }
  | { readonly kind: 'damage'; readonly offset: number; readonly end: number }

export class Segment {
  readonly id: number
  readonly salt: number
  chunk: Chunk
  readonly path: string
  /** Where the next frame goes. */
  end = 0
  /** Live entries when it was last rewritten with just those; undefined: never. */
  rewrittenWith: number | undefined
  #fd: number
  #open = true
  // Synced writes go through a second descriptor opened with O_DSYNC: one call that writes and syncs costs about 60 % of
  // the CPU and half the time of writev and fdatasync, each with its trip to a worker thread (bench/micro/queue.ts). Such
  // a write syncs only its own range, so what was written unsynced before it (groups of acks, small) is kept here and
  // written once more, the same bytes to the same place, in the same call.
  #syncFd = -1
  #synced = 0
  #loose: Buffer[] = []
  #looseBytes = 0
  // A synced write that makes the file longer has to sync the file system's journal too: twice the CPU and three times the
  // time of one into a part that was written before (bench/micro/queue.ts). So before small writes the file grows by zeros.
  #written: number

  constructor(id: number, salt: number, path: string, chunk: Chunk, fd: number) {
    this.id = id
    this.salt = salt
    this.path = path
    this.chunk = chunk
    this.#fd = fd
    this.#written = fs.fstatSync(fd).size
  }

  /** Writes at the end without moving it: `end` grows only when the caller believes the frame (`advance`). */
  write(buffers: readonly Buffer[]): Promise<void> {
    return writeAll(this.#fd, buffers, this.end)
  }

  /** The same, and durable with everything before it when it resolves. */
  async writeSynced(buffers: readonly Buffer[]): Promise<void> {
    if (this.#looseBytes > MAX_LOOSE || this.#synced + this.#looseBytes !== this.end) {
      await this.write(buffers)
      await fdatasync(this.#fd)
      return
    }
    await this.#growFor(buffers)
    if (this.#syncFd < 0) this.#syncFd = fs.openSync(this.path, fs.constants.O_WRONLY | fs.constants.O_DSYNC)
    await writeAll(this.#syncFd, [...this.#loose, ...buffers], this.#synced)
  }

  async #growFor(buffers: readonly Buffer[]): Promise<void> {
    let bytes = 0
    for (const buffer of buffers) bytes += buffer.length
    if (bytes > SMALL_WRITE || this.end + bytes <= this.#written) return
    try {
      const from = Math.max(this.end, this.#written)
      await writeAll(this.#fd, [ZEROS], from)
      await fdatasync(this.#fd)
      this.#written = from + GROW_BY
    } catch {
      // No room for zeros: what follows says whether there is room for the data.
      this.#written = Number.MAX_SAFE_INTEGER
    }
  }

  /** Takes what was just written as part of the file. */
  advance(buffers: readonly Buffer[], isSynced: boolean): void {
    for (const buffer of buffers) this.end += buffer.length
    if (isSynced) return this.#allSynced()
    for (const buffer of buffers) this.#looseBytes += buffer.length
    if (this.#looseBytes <= MAX_LOOSE) this.#loose.push(...buffers)
    else this.#loose = []
  }

  async sync(): Promise<void> {
    const { end } = this
    await fdatasync(this.#fd)
    if (end === this.end) this.#allSynced()
  }

  #allSynced(): void {
    this.#synced = this.end
    this.#loose = []
    this.#looseBytes = 0
  }

  /** Reads bytes back; shorter than asked when the file ends. */
  read(offset: number, bytes: number): Buffer {
    const buffer = Buffer.allocUnsafeSlow(bytes)
    let got = 0
    while (got < bytes) {
      const n = fs.readSync(this.#fd, buffer, got, bytes - got, offset + got)
      if (n === 0) break
      got += n
    }
    return buffer.subarray(0, got)
  }

  /** Cuts the file: what a torn write left behind must not be found again. */
  cut(at: number): void {
    fs.ftruncateSync(this.#fd, at)
    fs.fsyncSync(this.#fd)
    this.#written = at
  }

  size(): number {
    return fs.fstatSync(this.#fd).size
  }

  /** Goes on with the file of a rewritten draft. */
  adopt(draft: Segment): void {
    this.close()
    this.#fd = draft.#fd
    this.end = draft.end
    this.#synced = draft.#synced
    this.#written = draft.#written
    this.#loose = []
    this.#looseBytes = 0
    this.#open = true
  }

  close(): void {
    if (this.#open) fs.closeSync(this.#fd)
    if (this.#syncFd >= 0) fs.closeSync(this.#syncFd)
    this.#syncFd = -1
    this.#open = false
  }

  /** All frames, and the damaged stretches that have another frame behind them. */
  *scan(): Generator<Found> {
    const size = this.size()
    let at = 0
    while (at < size) {
      const frame = this.#frameAt(at, size)
      if (frame !== undefined) {
        yield frame
        at = frame.end
        continue
      }
      const next = this.#nextFrame(at + 1, size)
      if (next === undefined) return
      yield { kind: 'damage', offset: at, end: next }
      at = next
    }
  }

  /** Whether every payload of a frame is whole. */
  payloadsWhole(frame: Found & { kind: 'frame' }): boolean {
    let at = frame.end - frame.head.payloadBytes
    for (const { bytes, crc } of frame.meta.entries) {
      const payload = this.read(at, bytes)
      if (payload.length !== bytes || crc32(payload) !== crc) return false
      at += bytes
    }
    return true
  }

  #frameAt(at: number, size: number): (Found & { kind: 'frame' }) | undefined {
    const window = this.#window(at, HEAD, size)
    const head = decodeHead(window, this)
    if (head === undefined) return undefined
    const end = at + HEAD + head.metaBytes + head.payloadBytes
    // A torn last frame may have its head whole and its payload short: the caller checks payloads.
    if (at + HEAD + head.metaBytes > size) return undefined
    const bytes = this.#window(at, HEAD + head.metaBytes, size)
    if (!checkFrame(bytes, head)) return undefined
    return { kind: 'frame', head, meta: decodeMeta(bytes, head), offset: at, end }
  }

  #nextFrame(from: number, size: number): number | undefined {
    for (let at = from; at < size; at += WINDOW) {
      const window = this.read(at, WINDOW + HEAD)
      for (let i = window.indexOf(MAGIC_BYTES); i >= 0 && i < WINDOW; i = window.indexOf(MAGIC_BYTES, i + 1)) {
        if (this.#frameAt(at + i, size) !== undefined) return at + i
      }
    }
    return undefined
  }

  #cache: { at: number; bytes: Buffer } = { at: 0, bytes: Buffer.alloc(0) }
  #window(at: number, bytes: number, size: number): Buffer {
    const { at: from, bytes: have } = this.#cache
    if (at < from || at + bytes > from + have.length) {
      // Small frames are scanned out of one read; behind a large payload a small one is enough.
      const want = Math.max(bytes, at === from + have.length || have.length === 0 ? WINDOW : 4096)
      this.#cache = { at, bytes: this.read(at, Math.min(want, size - at)) }
    }
    const start = at - this.#cache.at
    return this.#cache.bytes.subarray(start, start + bytes)
  }

  /** Drops what the scan kept. */
  scanned(): void {
    this.#cache = { at: 0, bytes: Buffer.alloc(0) }
  }
}

async function writeAll(fd: number, buffers: readonly Buffer[], from: number): Promise<void> {
  let rest = buffers.filter(buffer => buffer.length > 0)
  let at = from
  while (rest.length > 0) {
    const n = (await writev(fd, rest, at)) ?? 0
    if (n === 0) throw Object.assign(new Error('nothing could be written'), { code: 'ENOSPC' })
    at += n
    rest = skip(rest, n)
  }
}

function skip(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let rest = bytes
  let i = 0
  while (i < buffers.length && rest >= buffers[i]!.length) rest -= buffers[i++]!.length
  const left = buffers.slice(i)
  if (rest > 0) left[0] = left[0]!.subarray(rest)
  return left
}

/** Makes names in a directory durable. */
export function syncDir(dir: string): void {
  const fd = fs.openSync(dir, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
