// The audit trail on disk: append-only files of chained lines (record.ts), each line on the disk before `append` resolves.
//
//   <dir>/audit-0000000001.jsonl   named after its first record; the last one is written to
//   <dir>/head.json                seq and hash of the last record: the anchor against a cut end
//
// Files end by size or age, so that what is older than the retention goes as whole files; a record in the chain says
// which records went and where the chain goes on.

import * as fs from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../component/errors.js'
import { auditErrors } from './errors.js'
import { type AuditEvent, GENESIS, type Head, seal, unseal, type Who } from './record.js'

export interface TrailOptions {
  readonly dir: string
  readonly now: () => number
  /** A file that is larger or older ends. Default 16 MiB, 30 days. */
  readonly fileBytes?: number
  readonly fileMs?: number
}

const HEAD = 'head.json'
const FILE = /^audit-\d{10,}\.jsonl$/
const FILE_BYTES = 16 << 20
const FILE_MS = 30 * 86_400_000

export class AuditTrail {
  readonly #o: Required<TrailOptions>
  #fd: number | undefined
  #file = ''
  #size = 0
  #begun = 0
  #head: Head = { seq: 0, hash: GENESIS }
  #failures = 0

  constructor(options: TrailOptions) {
    this.#o = { fileBytes: FILE_BYTES, fileMs: FILE_MS, ...options }
  }

  /** The last record. */
  get head(): Head {
    return this.#head
  }

  /** Records that could not be written since the start. */
  get failures(): number {
    return this.#failures
  }

  /**
   * Opens it and goes on behind the last whole line. What a crash tore or somebody cut is recorded in the trail itself.
   * @throws AUDIT_UNWRITABLE
   */
  open(who: Who): void {
    const { dir } = this.#o
    try {
      fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
      const kept = readHead(dir)
      const file = auditFiles(dir).at(-1)
      const torn = file === undefined ? 0 : this.#resume(file)
      if (torn > 0) this.append({ action: 'audit.torn', who, bytes: torn })
      if (kept !== undefined && kept.seq > this.#head.seq)
        this.append({ action: 'audit.cut', who, kept: kept.seq, found: this.#head.seq - (torn > 0 ? 1 : 0) })
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /**
   * Adds a record; it is on the disk when this returns. Rare enough to be written in one go.
   * @throws AUDIT_UNWRITABLE, AUDIT_SHARED; the trail is as before.
   */
  append(event: AuditEvent): Head {
    const now = this.#o.now()
    const seq = this.#head.seq + 1
    const { line, hash } = seal(event, seq, new Date(now).toISOString(), this.#head.hash)
    try {
      this.#fileFor(seq, now)
      this.#write(Buffer.from(`${line}\n`))
    } catch (error) {
      throw this.#failed(error)
    }
    this.#head = { seq, hash }
    this.#keepHead()
    return this.#head
  }

  /** Removes files whose last record is older than `before` (ms); how many records went. */
  expire(before: number, who: Who): number {
    const files = auditFiles(this.#o.dir).filter(file => file !== this.#file)
    let last: Head | undefined
    let first = 0
    for (const file of files) {
      const records = read(file)
      const end = records.at(-1)
      if (end === undefined || Date.parse(end.at) >= before) break
      first ||= records[0]!.seq
      last = { seq: end.seq, hash: end.hash }
    }
    if (last === undefined) return 0
    // First the record, then the files: a crash in between leaves too much, and the next time they go.
    this.append({ action: 'audit.expired', who, from: first, through: last.seq, through_hash: last.hash })
    for (const file of files) if (firstSeq(file) <= last.seq) fs.rmSync(file, { force: true })
    return last.seq - first + 1
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd)
    this.#fd = undefined
  }

  /** Goes on in `file`; bytes of a torn last line that were cut off. */
  #resume(file: string): number {
    const text = fs.readFileSync(file, 'utf8')
    const end = text.lastIndexOf('\n') + 1
    const lines = text.slice(0, end).split('\n').slice(0, -1)
    const last = lines.at(-1)
    // A last line whose hash does not fit is `verify`'s matter: the chain goes on behind what it says.
    const record = last === undefined ? undefined : (unseal(last) ?? asWritten(last))
    this.#head = record === undefined ? headBefore(this.#o.dir, file) : { seq: record.seq, hash: record.hash }
    this.#fd = fs.openSync(file, 'a', 0o600)
    this.#file = file
    this.#size = Buffer.byteLength(text.slice(0, end))
    const torn = Buffer.byteLength(text) - this.#size
    if (torn > 0) fs.ftruncateSync(this.#fd, this.#size)
    this.#begun = Date.parse((lines[0] && asWritten(lines[0])?.at) || '') || this.#o.now()
    return torn
  }

  #fileFor(seq: number, now: number): void {
    const { dir, fileBytes, fileMs } = this.#o
    if (this.#fd !== undefined && this.#size < fileBytes && now - this.#begun < fileMs) return
    this.close()
    this.#file = join(dir, `audit-${String(seq).padStart(10, '0')}.jsonl`)
    this.#fd = fs.openSync(this.#file, 'a', 0o600)
    this.#size = fs.fstatSync(this.#fd).size
    this.#begun = now
    syncDir(dir)
  }

  #write(bytes: Buffer): void {
    const fd = this.#fd!
    if (fs.fstatSync(fd).size !== this.#size) throw auditErrors.AUDIT_SHARED(this.#file)
    try {
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at)
      fs.fsyncSync(fd)
    } catch (error) {
      fs.ftruncateSync(fd, this.#size)
      throw error
    }
    this.#size += bytes.length
  }

  /** The anchor may be one record behind after a crash, never ahead. */
  #keepHead(): void {
    const path = join(this.#o.dir, HEAD)
    const draft = `${path}.new`
    try {
      fs.writeFileSync(draft, `${JSON.stringify(this.#head)}\n`, { mode: 0o600, flush: true })
      fs.renameSync(draft, path)
    } catch {
      this.#failures++ // the record itself is there
    }
  }

  #failed(error: unknown): Error {
    const code = codeOf(error)
    if (code.startsWith('AUDIT')) return error as Error
    this.#failures++
    return auditErrors.AUDIT_UNWRITABLE(this.#o.dir, code)
  }
}

/** The trail's files, oldest first. */
export function auditFiles(dir: string): string[] {
  const names = fs.existsSync(dir) ? fs.readdirSync(dir) : []
  const files = names.filter(name => FILE.test(name)).map(name => join(dir, name))
  return files.sort((a, b) => firstSeq(a) - firstSeq(b))
}

/** The anchor beside the trail. */
export function readHead(dir: string): Head | undefined {
  try {
    const { seq, hash } = JSON.parse(fs.readFileSync(join(dir, HEAD), 'utf8')) as Head
    return typeof seq === 'number' && typeof hash === 'string' ? { seq, hash } : undefined
  } catch {
    return undefined
  }
}

function firstSeq(file: string): number {
  return Number(/audit-(\d+)\.jsonl$/.exec(file)?.[1] ?? 0)
}

function read(file: string): { seq: number; at: string; hash: string }[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map(asWritten).filter(record => record !== undefined)
}

function asWritten(line: string): { seq: number; at: string; hash: string } | undefined {
  try {
    const { seq, at, hash } = JSON.parse(line) as { seq: number; at: string; hash: string }
    return typeof seq === 'number' && typeof hash === 'string' && typeof at === 'string' ? { seq, at, hash } : undefined
  } catch {
    return undefined
  }
}

/** The last record before an empty file. */
function headBefore(dir: string, file: string): Head {
  const earlier = auditFiles(dir).filter(one => one !== file)
  const last = earlier.length === 0 ? undefined : read(earlier.at(-1)!).at(-1)
  return last === undefined ? { seq: 0, hash: GENESIS } : { seq: last.seq, hash: last.hash }
}

function syncDir(dir: string): void {
  const fd = fs.openSync(dir, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
