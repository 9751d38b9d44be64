// Appends records to one file: everything that waits goes in one write and one fsync, and only then is anyone told.
// A write that fails half-way is cut off again, so a record is in the file whole or not at all.

import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'

const MEGABYTE = 1_000_000
const DAY_MS = 86_400_000
const NEWLINE = 0x0a
/** Bytes searched at a start for the end of the last whole line. */
const TAIL_BYTES = 64 * 1024 * 1024
const TAIL_STEP = 64 * 1024

export interface AppenderOptions {
  readonly path: string
  /** Bytes; 0 = never rotate. */
  readonly maxBytes: number
  readonly maxDays: number
  readonly maxBackups: number
  readonly fsync: boolean
  /** Records are lines: a torn last line (crash) is cut off at start. */
  readonly lines: boolean
  readonly now: () => number
}

export function rotationBytes(rotation: { readonly max_megabytes: number } | undefined): number {
  return rotation === undefined ? 0 : Math.round(rotation.max_megabytes * MEGABYTE)
}

interface Waiting {
  readonly record: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Appender {
  readonly #o: AppenderOptions
  #file: FileHandle | undefined
  #size = 0
  /** When the oldest record of the present file may have been written. */
  #begun = 0
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(options: AppenderOptions) {
    this.#o = options
  }

  async start(): Promise<void> {
    await mkdir(dirname(this.#o.path), { recursive: true })
    await this.#open()
    await this.#prune()
  }

  /** Ends a file whose records get old and removes those that are; resolves when it is done. Without `maxDays` nothing. */
  async sweep(): Promise<void> {
    if (this.#o.maxDays === 0) return
    await this.#writing
    if (this.#file === undefined || this.#writing !== undefined) return
    this.#writing = this.#sweep().finally(() => {
      this.#writing = undefined
      if (this.#waiting.length > 0) this.#writing = this.#drain()
    })
    await this.#writing
  }

  async #sweep(): Promise<void> {
    if (this.#isOld()) await this.#rotate()
    else await this.#prune()
  }

  /** A file is a day long at most, so that what is too old can go. */
  #isOld(): boolean {
    return this.#o.maxDays > 0 && this.#size > 0 && this.#o.now() - this.#begun >= DAY_MS
  }

  /** Resolves when the record is written (and on the disk, with `fsync`); rejects with the file system's error. */
  append(record: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject })
      this.#writing ??= this.#drain()
    })
  }

  async stop(): Promise<void> {
    await this.#writing
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const round = this.#take()
      try {
        await this.#write(round)
        for (const { resolve } of round) resolve()
      } catch (error) {
        for (const { reject } of round) reject(error)
      }
    }
    this.#writing = undefined
  }

  /** What fits into the present file; at least one record. */
  #take(): Waiting[] {
    const { maxBytes } = this.#o
    if (maxBytes === 0) return this.#waiting.splice(0)
    let [n, size] = [0, this.#size]
    for (const { record } of this.#waiting) {
      if (n > 0 && size + record.length > maxBytes) break
      size += record.length
      n++
    }
    return this.#waiting.splice(0, n)
  }

  async #write(round: readonly Waiting[]): Promise<void> {
    const bytes = round.reduce((sum, { record }) => sum + record.length, 0)
    const { maxBytes, fsync } = this.#o
    if (maxBytes > 0 && this.#size > 0 && this.#size + bytes > maxBytes) await this.#rotate()
    else if (this.#file !== undefined && this.#isOld()) await this.#rotate()
    if (this.#file === undefined) await this.#open()
    if (this.#size === 0) this.#begun = this.#o.now()
    const file = this.#file!
    try {
      await writeAll(
        file,
        round.map(({ record }) => record),
        this.#size
      )
      if (fsync) await file.datasync()
      this.#size += bytes
    } catch (error) {
      await this.#undo(file)
      throw error
    }
  }

  /** Cuts a half-written record off. When even that fails the file is opened anew, which cuts it. */
  async #undo(file: FileHandle): Promise<void> {
    try {
      await file.truncate(this.#size)
    } catch {
      this.#file = undefined
      await file.close().catch(() => undefined)
    }
  }

  async #open(): Promise<void> {
    const { path, lines } = this.#o
    await (await open(path, 'a')).close() // makes it when missing; 'r+' then writes at a position, 'a' would not
    const file = await open(path, 'r+')
    this.#file = file
    const { size, birthtimeMs, mtimeMs } = await file.stat()
    this.#size = size
    // Not every file system knows when a file was made.
    this.#begun = Math.min(birthtimeMs || mtimeMs, mtimeMs)
    if (!lines || this.#size === 0) return
    const whole = await endOfLastLine(file, this.#size)
    if (whole === this.#size) return
    await file.truncate(whole)
    this.#size = whole
  }

  async #rotate(): Promise<void> {
    const { path, now } = this.#o
    await this.#file?.close()
    this.#file = undefined
    await rename(path, await freeName(path, now()))
    await this.#open()
    await this.#prune()
  }

  async #prune(): Promise<void> {
    const { path, maxBackups, maxDays, now } = this.#o
    if (maxBackups === 0 && maxDays === 0) return
    const backups = await backupsOf(path)
    const keepFrom = now() - maxDays * DAY_MS
    const surplus = maxBackups === 0 ? 0 : Math.max(0, backups.length - maxBackups)
    for (const [i, backup] of backups.entries()) {
      const isOld = maxDays > 0 && (await stat(backup)).mtimeMs < keepFrom
      if (i < surplus || isOld) await unlink(backup)
    }
  }
}

async function writeAll(file: FileHandle, records: readonly Buffer[], at: number): Promise<void> {
  const bytes = records.length === 1 ? records[0]! : Buffer.concat(records)
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

/** Where the last whole line ends; the whole size when no line end is near (then it is not ours to cut). */
async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const step = Buffer.allocUnsafe(TAIL_STEP)
  for (let end = size; end > 0 && size - end < TAIL_BYTES; ) {
    const from = Math.max(0, end - TAIL_STEP)
    const { bytesRead } = await file.read(step, 0, end - from, from)
    const found = step.subarray(0, bytesRead).lastIndexOf(NEWLINE)
    if (found >= 0) return from + found + 1
    end = from
  }
  return size > TAIL_BYTES ? size : 0
}

/** `telemetry-2026-11-23T12-50-02.123.json`, as the Collector names them; a number behind it when that is taken. */
async function freeName(path: string, now: number): Promise<string> {
  const [extension, time] = [extname(path), new Date(now).toISOString().replace(/:/g, '-').replace('Z', '')]
  const stem = join(dirname(path), `${basename(path, extension)}-${time}`)
  for (let n = 0; ; n++) {
    const name = `${stem}${n === 0 ? '' : `-${n}`}${extension}`
    if (!(await exists(name))) return name
  }
}

/** Oldest first: the time in the name sorts. */
async function backupsOf(path: string): Promise<string[]> {
  const [directory, extension] = [dirname(path), extname(path)]
  const stem = `${basename(path, extension)}-`
  const ours = (name: string) =>
    name.startsWith(stem) && name.endsWith(extension) && /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d/.test(name.slice(stem.length))
  return (await readdir(directory))
    .filter(ours)
    .sort()
    .map(name => join(directory, name))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false
  )
}
