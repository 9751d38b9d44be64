// The note that goes into the log with a request: what its workflow and step spans count for, 43 bytes a span. It is written
// in the same commit as the request, so that what is counted is exactly what was accepted, and read behind the log by one
// reader, who knows what came twice.
//
//   note    = u32 length of all, u8 version, writer (8 bytes), u32 number, u16 series, series..., u32 records, record...
//   series  = u8 kind, u8 status, workflow, step, error type: each u16 length and UTF-8
//   record  = trace id (16), span id (8), f64 nanoseconds, u16 series, u8 what follows: see the flags
//
// `writer` and `number`: a process numbers its notes, so that a reader that starts again knows which ones it has counted.
// Notes one behind the other are a valid entry. Little-endian.

import { partOfTrace } from '../../core/otlp/by-trace.js'

export const KIND_WORKFLOW = 0
export const KIND_STEP = 1
export const STATUS_OK = 0
export const STATUS_ERROR = 1

/** Flags of a record. */
export const CACHE_KNOWN = 1
export const CACHE_HIT = 2
/** u32: the attempt, 2 or more. */
export const HAS_ATTEMPT = 4
/** f64: milliseconds. */
export const HAS_QUEUE_TIME = 8
/** f64 each. */
export const HAS_MEMORY = 16
export const HAS_THREADS = 32
export const HAS_CACHE_SIZE = 64
/** The span has a randomness of its own (`ot=rv`): f64, upper 48 bits. */
export const HAS_RANDOMNESS = 128

export const VERSION = 1
export const WRITER_BYTES = 8
export const ID_BYTES = 24
const HEAD = 4 + 1 + WRITER_BYTES + 4

/** Bytes that follow a record's flags. */
export const RECORD_SIZES = Uint8Array.from({ length: 256 }, (_, flags) => {
  let size = (flags & HAS_ATTEMPT) !== 0 ? 4 : 0
  for (let bit = HAS_QUEUE_TIME; bit <= HAS_RANDOMNESS; bit <<= 1) if ((flags & bit) !== 0) size += 8
  return size
})

/** Longest record. */
export const MAX_RECORD = ID_BYTES + 8 + 2 + 1 + 4 + 5 * 8

export interface NoteSeries {
  readonly kind: number
  readonly status: number
  readonly workflow: string
  readonly step: string
  readonly errorType: string
}

/** A note's parts, as positions in the buffer that was read. */
export interface NoteHead {
  /** Hex. */
  readonly writer: string
  readonly number: number
  readonly series: number
  /** Where the first series begins. */
  readonly seriesFrom: number
  readonly end: number
}

/** Puts a note together; `series` and `records` are encoded, and copied. */
export function encodeNote(
  writer: Buffer,
  number: number,
  seriesCount: number,
  series: Buffer,
  count: number,
  records: Buffer
): Buffer {
  const size = HEAD + 2 + series.length + 4 + records.length
  const out = Buffer.allocUnsafe(size)
  let p = out.writeUInt32LE(size, 0)
  out[p++] = VERSION
  p += writer.copy(out, p, 0, WRITER_BYTES)
  p = out.writeUInt32LE(number, p)
  p = out.writeUInt16LE(seriesCount, p)
  p += series.copy(out, p)
  p = out.writeUInt32LE(count, p)
  records.copy(out, p)
  return out
}

/** Reads the head of the note at `at`; undefined behind the last one, or when it is of a version this build does not know. */
export function readNote(buf: Buffer, at: number): NoteHead | undefined {
  if (at + HEAD > buf.length || buf[at + 4] !== VERSION) return undefined
  const writerAt = at + 5
  const numberAt = writerAt + WRITER_BYTES
  return {
    writer: buf.toString('hex', writerAt, numberAt),
    number: buf.readUInt32LE(numberAt),
    series: buf.readUInt16LE(numberAt + 4),
    seriesFrom: numberAt + 6,
    end: at + buf.readUInt32LE(at)
  }
}

/** Behind the series at `at`. */
export function seriesEnd(buf: Buffer, at: number): number {
  let p = at + 2
  for (let text = 0; text < 3; text++) p += 2 + buf[p]! + buf[p + 1]! * 0x100
  return p
}

export function readSeries(buf: Buffer, at: number): NoteSeries {
  let p = at + 2
  const text = (): string => {
    const length = buf.readUInt16LE(p)
    p += 2 + length
    return buf.toString('utf8', p - length, p)
  }
  return { kind: buf[at]!, status: buf[at + 1]!, workflow: text(), step: text(), errorType: text() }
}

/** A part of notes, for one partition. */
export interface NotePart {
  readonly partition: number
  readonly bytes: Buffer
  readonly items: number
}

/**
 * Notes in up to `count` parts: the spans of a trace are in one, whichever process wrote them. Each part of a note has its
 * writer and number, and the whole table of series: a reader finds its way by either alone.
 */
export function splitNotes(notes: Buffer, count: number): NotePart[] {
  const parts = Array.from({ length: count }, () => ({ bytes: [] as Buffer[], items: 0 }))
  for (let at = 0, note = readNote(notes, at); note !== undefined; at = note.end, note = readNote(notes, at)) {
    let p = note.seriesFrom
    for (let i = 0; i < note.series; i++) p = seriesEnd(notes, p)
    const series = notes.subarray(note.seriesFrom, p)
    const records: Buffer[][] = parts.map(() => [])
    for (p += 4; p < note.end; ) {
      const next = p + ID_BYTES + 11 + RECORD_SIZES[notes[p + ID_BYTES + 10]!]!
      records[partOfTrace(notes, p, count)]!.push(notes.subarray(p, next))
      p = next
    }
    const writer = notes.subarray(at + 5, at + 5 + WRITER_BYTES)
    for (const [partition, own] of records.entries()) {
      if (own.length === 0) continue
      const part = parts[partition]!
      part.bytes.push(encodeNote(writer, note.number, note.series, series, own.length, Buffer.concat(own)))
      part.items += own.length
    }
  }
  return parts.flatMap(({ bytes, items }, partition) =>
    items === 0 ? [] : [{ partition, items, bytes: Buffer.concat(bytes) }]
  )
}
