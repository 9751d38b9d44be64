// Frames: the bytes of the embedded log. One frame is one group of commits: all of it counts, or none.
//
//   segment file = frame*            the first one is always a snapshot
//   frame        = head(56) meta payload*
//   head         = magic u32 | crc32(rest of head + meta) u32 | segment id u32 | flags u32 | meta bytes u32
//                | payload bytes u32 | first position f64 | time f64 | entries u32 | salt u32 | items before f64
//   meta         = streams, entries(stream, items, bytes, crc32 of payload), acks, counts, state, lanes (snapshot only)
//
// Numbers are little endian; in meta they are LEB128 varints, counts f64, texts length-prefixed UTF-8. The segment id in the
// checked head keeps stale frames of a reused file from being taken for new ones, the salt (random, in the file's name)
// keeps a payload made by somebody else from passing for a frame when a damaged file is searched. A payload has its own crc32, so that a
// flipped byte costs that entry and nothing else. In a snapshot frame counts, state and lanes are the totals, otherwise
// they are what the group changed.
import { crc32 } from 'node:zlib'
import type { LaneState } from '../book.js'
import type { Commit } from '../log.js'

export const HEAD = 56
const MAGIC = 0x31514641
export const MAGIC_BYTES = Buffer.from('AFQ1', 'latin1')
/** No meta block is larger: bounds what a damaged head can ask for. */
export const MAX_META = 256 << 20
const SNAPSHOT = 1
const CLOSED = 2
const COMPACTED = 4

/** What ties a frame to its file. */
export interface SegmentId {
  readonly id: number
  readonly salt: number
}

export interface Head {
  readonly snapshot: boolean
  /** Written by a clean stop: nothing behind it was lost. */
  readonly closed: boolean
  /** Written by compaction: missing positions before it were done, not lost. */
  readonly compacted: boolean
  readonly crc: number
  readonly metaBytes: number
  readonly payloadBytes: number
  readonly first: number
  readonly time: number
  readonly entries: number
  /** Items appended to the log before this frame, ever. */
  readonly itemsBefore: number
}

export interface FrameEntry {
  readonly stream: string
  readonly items: number
  readonly bytes: number
  readonly crc: number
}

export interface Meta {
  readonly entries: readonly FrameEntry[]
  readonly acks: readonly { readonly cursor: string; readonly positions: readonly number[] }[]
  readonly counts: ReadonlyMap<string, number>
  readonly state: ReadonlyMap<string, Buffer | null>
  readonly lanes: readonly LaneState[]
}

export interface FrameInput {
  readonly segment: SegmentId
  readonly first: number
  readonly time: number
  readonly itemsBefore: number
  readonly commits: readonly Commit[]
  readonly snapshot?: readonly LaneState[]
  readonly closed?: boolean
  readonly compacted?: boolean
}

/** What is written for a group, and what the book needs of it. */
export interface Frame {
  /** Head and meta; the payloads follow as they are. */
  readonly head: Buffer
  readonly payloads: readonly Buffer[]
  readonly crcs: readonly number[]
  readonly bytes: number
}

/** Encodes a group. Payload bytes are referred to, never copied. */
export function encodeFrame(input: FrameInput): Frame {
  const out = new Writer(HEAD)
  const payloads: Buffer[] = []
  const crcs: number[] = []
  let payloadBytes = 0
  const entries = input.commits.flatMap(commit => commit.appends ?? [])
  const streams = new Map<string, number>()
  for (const { stream } of entries) if (!streams.has(stream)) streams.set(stream, streams.size)
  out.varint(streams.size)
  for (const stream of streams.keys()) out.text(stream)
  for (const { stream, items, bytes } of entries) {
    const crc = crc32(bytes)
    out.varint(streams.get(stream)!)
    out.varint(items)
    out.varint(bytes.length)
    out.u32(crc)
    payloads.push(bytes)
    crcs.push(crc)
    payloadBytes += bytes.length
  }
  writeAcks(out, input.commits)
  writeCounts(out, input.commits)
  writeState(out, input.commits)
  if (input.snapshot !== undefined) writeLanes(out, input.snapshot)
  const head = out.done()
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(input.segment.id, 8)
  head.writeUInt32LE(flagsOf(input), 12)
  head.writeUInt32LE(head.length - HEAD, 16)
  head.writeUInt32LE(payloadBytes, 20)
  head.writeDoubleLE(input.first, 24)
  head.writeDoubleLE(input.time, 32)
  head.writeUInt32LE(entries.length, 40)
  head.writeUInt32LE(input.segment.salt, 44)
  head.writeDoubleLE(input.itemsBefore, 48)
  head.writeUInt32LE(crc32(head.subarray(8)), 4)
  return { head, payloads, crcs, bytes: head.length + payloadBytes }
}

function flagsOf({ snapshot, closed, compacted }: FrameInput): number {
  return (snapshot ? SNAPSHOT : 0) | (closed ? CLOSED : 0) | (compacted ? COMPACTED : 0)
}

/** Reads a head; undefined when it is none of this segment. `checkFrame` must agree before it is believed. */
export function decodeHead(bytes: Buffer, segment: SegmentId): Head | undefined {
  if (bytes.length < HEAD || bytes.readUInt32LE(0) !== MAGIC) return undefined
  if (bytes.readUInt32LE(8) !== segment.id || bytes.readUInt32LE(44) !== segment.salt) return undefined
  const flags = bytes.readUInt32LE(12)
  const metaBytes = bytes.readUInt32LE(16)
  if (metaBytes > MAX_META) return undefined
  return {
    snapshot: (flags & SNAPSHOT) !== 0,
    closed: (flags & CLOSED) !== 0,
    compacted: (flags & COMPACTED) !== 0,
    crc: bytes.readUInt32LE(4),
    metaBytes,
    payloadBytes: bytes.readUInt32LE(20),
    first: bytes.readDoubleLE(24),
    time: bytes.readDoubleLE(32),
    entries: bytes.readUInt32LE(40),
    itemsBefore: bytes.readDoubleLE(48)
  }
}

/** Whether head and meta (`bytes`: both, nothing else) are as they were written. */
export function checkFrame(bytes: Buffer, head: Head): boolean {
  return bytes.length === HEAD + head.metaBytes && crc32(bytes.subarray(8)) === head.crc
}

/** Reads the meta block of a checked frame. */
export function decodeMeta(bytes: Buffer, head: Head): Meta {
  const input = new Reader(bytes, HEAD)
  const streams = input.list(() => input.text())
  const entries: FrameEntry[] = []
  for (let i = 0; i < head.entries; i++) {
    entries.push({ stream: streams[input.varint()]!, items: input.varint(), bytes: input.varint(), crc: input.u32() })
  }
  const acks = input.list(() => ({ cursor: input.text(), positions: input.rising() }))
  const counts = new Map(input.list(() => [input.text(), input.f64()] as const))
  const state = new Map(input.list(() => [input.text(), input.bytes()] as const))
  const lanes = head.snapshot
    ? input.list(() => ({
        cursor: input.text(),
        stream: input.text(),
        low: input.varint(),
        sparse: input.rising()
      }))
    : []
  return { entries, acks, counts, state, lanes }
}

function writeAcks(out: Writer, commits: readonly Commit[]): void {
  const byCursor = new Map<string, number[]>()
  for (const { acks } of commits) {
    for (const { cursor, positions } of acks ?? []) {
      const all = byCursor.get(cursor)
      if (all === undefined) byCursor.set(cursor, [...positions])
      else for (const position of positions) all.push(position)
    }
  }
  out.varint(byCursor.size)
  for (const [cursor, positions] of byCursor) {
    out.text(cursor)
    out.rising(positions.sort((a, b) => a - b))
  }
}

function writeCounts(out: Writer, commits: readonly Commit[]): void {
  const sum = new Map<string, number>()
  for (const { counts } of commits) {
    if (counts !== undefined) for (const [name, n] of counts) sum.set(name, (sum.get(name) ?? 0) + n)
  }
  out.varint(sum.size)
  for (const [name, n] of sum) {
    out.text(name)
    out.f64(n)
  }
}

function writeState(out: Writer, commits: readonly Commit[]): void {
  const last = new Map<string, Buffer | null>()
  for (const { state } of commits) if (state !== undefined) for (const [key, value] of state) last.set(key, value)
  out.varint(last.size)
  for (const [key, value] of last) {
    out.text(key)
    out.bytes(value)
  }
}

function writeLanes(out: Writer, lanes: readonly LaneState[]): void {
  out.varint(lanes.length)
  for (const lane of lanes) {
    out.text(lane.cursor)
    out.text(lane.stream)
    out.varint(lane.low)
    out.rising(lane.sparse)
  }
}

class Writer {
  #buffer = Buffer.allocUnsafe(512)
  #at: number

  constructor(at: number) {
    this.#at = at
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  varint(value: number): void {
    this.#room(8)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#at++] = rest
  }

  u32(value: number): void {
    this.#room(4)
    this.#at = this.#buffer.writeUInt32LE(value, this.#at)
  }

  f64(value: number): void {
    this.#room(8)
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value)
    this.varint(bytes)
    this.#room(bytes)
    this.#at += this.#buffer.write(value, this.#at)
  }

  /** Length plus one, then the bytes; zero for null. */
  bytes(value: Buffer | null): void {
    this.varint(value === null ? 0 : value.length + 1)
    if (value === null) return
    this.#room(value.length)
    this.#at += value.copy(this.#buffer, this.#at)
  }

  rising(values: readonly number[]): void {
    this.varint(values.length)
    let last = 0
    for (const value of values) {
      this.varint(value - last)
      last = value
    }
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

// Reads only what a crc32 has vouched for: no bounds beyond Buffer's own.
class Reader {
  readonly #buffer: Buffer
  #at: number

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer
    this.#at = at
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#buffer.readUInt8(this.#at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  u32(): number {
    this.#at += 4
    return this.#buffer.readUInt32LE(this.#at - 4)
  }

  f64(): number {
    this.#at += 8
    return this.#buffer.readDoubleLE(this.#at - 8)
  }

  text(): string {
    const bytes = this.varint()
    this.#at += bytes
    return this.#buffer.toString('utf8', this.#at - bytes, this.#at)
  }

  bytes(): Buffer | null {
    const length = this.varint()
    if (length === 0) return null
    this.#at += length - 1
    return Buffer.from(this.#buffer.subarray(this.#at - length + 1, this.#at))
  }

  rising(): number[] {
    let last = 0
    return this.list(() => (last += this.varint()))
  }

  list<T>(one: () => T): T[] {
    const values: T[] = []
    const n = this.varint()
    for (let i = 0; i < n; i++) values.push(one())
    return values
  }
}
