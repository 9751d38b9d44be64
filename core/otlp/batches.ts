// Counting, merging and splitting encoded requests, without decoding them.
//
// A request is a tree: request > resource > scope > items, and for metrics > metric > data > points. Everything of a
// container that does not lead to items is its *envelope* (resource, scope, schema URL, name, temporality, and unknown
// fields). A part of a split request has the envelope of every container that one of its items stood in, then the items,
// in their order; their bytes are copied, never changed. Unknown fields of the request itself go into the first part.
//
// Merging is concatenation: protobuf appends repeated fields. Nobody looks for equal resources: back ends do not need it.

import { MESSAGES, REQUEST_MESSAGE } from './schema.js'
import type { Signal } from './signal.js'
import { varintSize, WireReader, WireType } from './wire.js'

// A large envelope around many small items would multiply with every part: a request of 20 MB could become terabytes.
// Beyond this many bytes (a multiple of the request, plus a base for small ones) the rest stays together.
const MAX_GROWTH = 16
const GROWTH_BASE = 16 << 20

export interface Part {
  readonly bytes: Buffer
  readonly items: number
}

export interface SplitLimits {
  readonly maxItems: number
  /** Encoded bytes of one part. */
  readonly maxBytes: number
}

/** Spans, data points or log records in an encoded request. Throws WireError when it is not protobuf. */
export function countItems(signal: Signal, bytes: Buffer): number {
  return countIn(LEVELS[signal], bytes, 0, bytes.length)
}

/** One request with all their items, in order. */
export function mergeRequests(_signal: Signal, buffers: readonly Buffer[]): Buffer {
  return buffers.length === 1 ? (buffers[0] as Buffer) : Buffer.concat(buffers)
}

/**
 * Cuts a request into parts within the limits. An item that alone is larger than `maxBytes` (with its envelopes) stands
 * alone in a part that is too large; so does the rest of a request whose envelopes, repeated, would come to more than 16
 * times its size (and 16 MiB). The caller sees that by length and items. A request that fits is given back itself;
 * otherwise containers without items are left out. Throws WireError when the bytes are not protobuf.
 */
export function splitRequest(signal: Signal, bytes: Buffer, limits: SplitLimits): Part[] {
  const items = countItems(signal, bytes)
  if (items < 2 || (items <= limits.maxItems && bytes.length <= limits.maxBytes)) return [{ bytes, items }]
  return new Splitter(bytes, limits).split(LEVELS[signal])
}

/** Two requests with half of the items each; undefined when there are fewer than two. */
export function bisect(signal: Signal, bytes: Buffer): [Part, Part] | undefined {
  const items = countItems(signal, bytes)
  if (items < 2) return undefined
  const limits = { maxItems: Math.ceil(items / 2), maxBytes: Number.POSITIVE_INFINITY }
  const [a, b] = new Splitter(bytes, limits).split(LEVELS[signal])
  return [a as Part, b as Part]
}

/** A message on the way to items: by field number what leads on. */
interface Level {
  readonly children: readonly (Child | undefined)[]
}

interface Child {
  /** undefined: the field is an item. */
  readonly level: Level | undefined
  /** A singular message: what comes later is merged into what came first. */
  readonly singular: boolean
}

const LEVELS: Readonly<Record<Signal, Level>> = {
  traces: levelOf(REQUEST_MESSAGE.traces) as Level,
  metrics: levelOf(REQUEST_MESSAGE.metrics) as Level,
  logs: levelOf(REQUEST_MESSAGE.logs) as Level
}

/** undefined: no items in such a message. */
function levelOf(name: string): Level | undefined {
  if (name === 'AnyValue' || name === 'KeyValue') return undefined
  const children: (Child | undefined)[] = Array(32).fill(undefined)
  for (const { number, message, repeated } of MESSAGES.get(name)?.fields ?? []) {
    if (message === undefined) continue
    const isItem = MESSAGES.get(message)?.item === true
    const level = isItem ? undefined : levelOf(message)
    if (isItem || level !== undefined) children[number] = { level, singular: !repeated }
  }
  return children.some(c => c !== undefined) ? { children } : undefined
}

function childAt(level: Level, r: WireReader): Child | undefined {
  return r.wire === WireType.bytes ? level.children[r.field] : undefined
}

function countIn(level: Level, buf: Buffer, start: number, end: number): number {
  const r = new WireReader(buf, start, end)
  let items = 0
  while (r.next()) {
    const child = childAt(level, r)
    if (child !== undefined) items += child.level === undefined ? 1 : countIn(child.level, buf, r.start, r.stop)
  }
  return items
}

/** `buf[start..end)`, with tags. */
interface Run {
  readonly start: number
  end: number
}

/** A container as far as it is in the current part. */
interface Node {
  readonly field: number
  readonly envelope: readonly Run[]
  readonly content: (Run | Node)[]
  /** Bytes of envelope and content. */
  size: number
}

/** A container that is being read. */
interface Open {
  readonly field: number
  envelope: readonly Run[]
  envelopeSize: number
  /** undefined: nothing of it is in the current part yet. */
  node: Node | undefined
}

class Splitter {
  readonly #buf: Buffer
  readonly #maxItems: number
  readonly #maxBytes: number
  readonly #parts: Part[] = []
  /** From the request down to the container being read. */
  readonly #open: Open[] = []
  #items = 0
  #budget: number

  constructor(buf: Buffer, { maxItems, maxBytes }: SplitLimits) {
    this.#buf = buf
    this.#maxItems = Math.max(1, maxItems)
    this.#maxBytes = maxBytes
    this.#budget = MAX_GROWTH * buf.length + GROWTH_BASE
  }

  split(level: Level): Part[] {
    this.#container(level, 0, [{ start: 0, end: this.#buf.length }])
    return this.#parts
  }

  /** Reads a container whose content is `runs` (more than one when a singular message came in pieces). */
  #container(level: Level, field: number, runs: readonly Run[]): void {
    const envelope = this.#envelope(level, runs)
    this.#open.push({
      field,
      envelope,
      envelopeSize: envelope.reduce((n, r) => n + r.end - r.start, 0),
      node: undefined
    })
    const merged = new Map<number, Run[]>()
    for (const run of runs) {
      const r = new WireReader(this.#buf, run.start, run.end)
      while (r.next()) {
        const child = childAt(level, r)
        if (child === undefined) continue
        if (child.level === undefined) this.#item(r.at, r.stop)
        else if (!child.singular) this.#container(child.level, r.field, [{ start: r.start, end: r.stop }])
        else {
          const pieces = merged.get(r.field)
          if (pieces === undefined) merged.set(r.field, [{ start: r.start, end: r.stop }])
          else pieces.push({ start: r.start, end: r.stop })
        }
      }
    }
    for (const [number, pieces] of merged) this.#container(level.children[number]?.level as Level, number, pieces)
    if (this.#open.length === 1) this.#flush()
    this.#open.pop()
  }

  #envelope(level: Level, runs: readonly Run[]): Run[] {
    const envelope: Run[] = []
    for (const run of runs) {
      const r = new WireReader(this.#buf, run.start, run.end)
      while (r.next()) if (childAt(level, r) === undefined) extend(envelope, r.at, r.pos)
    }
    return envelope
  }

  #item(start: number, end: number): void {
    const isFull = this.#items >= this.#maxItems || (this.#items > 0 && this.#sizeWith(end - start) > this.#maxBytes)
    if (isFull && this.#budget > 0) this.#flush()
    this.#add(start, end)
    this.#items++
  }

  /** What the part would measure with an item of `size` bytes more. */
  #sizeWith(size: number): number {
    for (let i = this.#open.length - 1; i > 0; i--) {
      const { field, node, envelopeSize } = this.#open[i] as Open
      const before = node === undefined ? 0 : framed(field, node.size)
      size = framed(field, (node?.size ?? envelopeSize) + size) - before
    }
    const root = this.#open[0] as Open
    return (root.node?.size ?? root.envelopeSize) + size
  }

  #add(start: number, end: number): void {
    let grown = end - start
    let inner: Node | undefined
    for (let i = this.#open.length - 1; i >= 0; i--) {
      const open = this.#open[i] as Open
      const isNew = open.node === undefined
      open.node ??= { field: open.field, envelope: open.envelope, content: [], size: open.envelopeSize }
      const node = open.node
      if (i === this.#open.length - 1) extend(node.content, start, end)
      if (inner !== undefined) node.content.push(inner)
      const before = isNew ? 0 : framed(node.field, node.size)
      node.size += grown
      grown = framed(node.field, node.size) - before
      inner = isNew ? node : undefined
    }
  }

  /** Ends the current part. */
  #flush(): void {
    const root = this.#open[0]?.node
    if (root === undefined) return
    const bytes = Buffer.allocUnsafe(root.size)
    this.#write(root, bytes, 0)
    this.#parts.push({ bytes, items: this.#items })
    this.#budget -= bytes.length
    this.#items = 0
    for (const open of this.#open) open.node = undefined
    // Unknown fields beside the containers belong to no item: once is enough.
    const request = this.#open[0] as Open
    request.envelope = []
    request.envelopeSize = 0
  }

  #write(node: Node, out: Buffer, pos: number): number {
    for (const run of node.envelope) pos += this.#buf.copy(out, pos, run.start, run.end)
    for (const part of node.content) {
      if ('start' in part) pos += this.#buf.copy(out, pos, part.start, part.end)
      else {
        pos = putVarint(out, pos, (part.field << 3) | WireType.bytes)
        pos = putVarint(out, pos, part.size)
        pos = this.#write(part, out, pos)
      }
    }
    return pos
  }
}

/** Bytes of a container with tag and length; the request itself (field 0) has neither. */
function framed(field: number, size: number): number {
  return field === 0 ? size : varintSize(field << 3) + varintSize(size) + size
}

/** Appends a run, joined to the last one when it goes on from there. */
function extend(list: (Run | Node)[], start: number, end: number): void {
  const last = list[list.length - 1]
  if (last !== undefined && 'start' in last && last.end === start) last.end = end
  else list.push({ start, end })
}

function putVarint(out: Buffer, pos: number, value: number): number {
  while (value > 0x7f) {
    out[pos++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  out[pos++] = value
  return pos
}
