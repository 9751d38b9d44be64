// Splits encoded trace and log requests by trace id: each trace is whole in one part, whatever request, resource or scope its items
// came in.
//
// Items are copied as they are, in runs; an item's resource and scope messages stand around it again in its part with all their
// other fields, unknown ones too. Containers without items and unknown fields of the request go into the first part. Two passes: the
// first finds runs and sizes, the second copies once into buffers of the right size (bench/micro/by-trace.ts: 0.1 us a span).

import type { Signal } from './signal.js'
import { isZeroId, Steps } from './step-over.js'
import { varintSize } from './wire.js'

export interface TracePart {
  /** 0 ... count - 1; -1: its items have no trace id and may go anywhere. */
  readonly part: number
  readonly bytes: Buffer
  readonly items: number
}

const RUN = 3
/** Numbers of a scope: resource, its ranges in `ranges` (from, to), their bytes. */
const SCOPE = 4
/** Of a resource: source, ranges from, to, their bytes. */
const RESOURCE = 4

/** The part of the trace whose 16 id bytes are at `at`: the same in every process and version. */
export function partOfTrace(buf: Buffer, at: number, count: number): number {
  let h = 0
  for (let i = 0; i < 16; i += 4) {
    const word = buf[at + i]! | (buf[at + i + 1]! << 8) | (buf[at + i + 2]! << 16) | (buf[at + i + 3]! << 24)
    h = Math.imul(h ^ word, 0x9e3779b1)
    h ^= h >>> 15
  }
  h = Math.imul(h, 0x85ebca6b)
  return ((h ^ (h >>> 13)) >>> 0) % count
}

/**
 * The items of several requests of one signal, by trace id; parts without items are left out. What is all in one part is given
 * back as it came. @throws WireError when the bytes are not protobuf
 */
export function splitByTrace(signal: Signal, requests: readonly Buffer[], count: number): TracePart[] {
  const map = new TraceMap(signal, count)
  for (const request of requests) map.read(request)
  return map.parts()
}

class TraceMap {
  readonly #isLog: boolean
  readonly #count: number
  readonly #sources: Buffer[] = []
  readonly #resources: number[] = []
  readonly #scopes: number[] = []
  readonly #ranges: number[] = []
  /** Runs of each part (the last one: no trace id): scope, from, to. */
  readonly #runs: number[][]
  readonly #items: number[]
  /** Fields that belong to no item: source, from, to. */
  readonly #rest: number[] = []
  readonly #steps = new Steps()
  #source: Buffer = Buffer.alloc(0)

  constructor(signal: Signal, count: number) {
    this.#isLog = signal === 'logs'
    this.#count = count
    this.#runs = Array.from({ length: count + 1 }, () => [])
    this.#items = new Array<number>(count + 1).fill(0)
  }

  read(request: Buffer): void {
    this.#source = request
    const source = this.#sources.push(request) - 1
    for (let p = 0; p < request.length; ) {
      const isResource = request[p] === 0x0a
      const next = this.#steps.over(this.#source, p, request.length)
      if (isResource) this.#resource(source, this.#steps.at, next)
      else this.#rest.push(source, p, next)
      p = next
    }
  }

  #resource(source: number, from: number, to: number): void {
    const buf = this.#source
    const mine = this.#resources.length
    const firstRange = this.#ranges.length
    const scopes: number[] = []
    let bytes = 0
    for (let p = from; p < to; ) {
      const isScope = buf[p] === 0x12
      const next = this.#steps.over(this.#source, p, to)
      if (isScope) scopes.push(this.#steps.at, next)
      else bytes += this.#range(p, next)
      p = next
    }
    this.#resources.push(source, firstRange, this.#ranges.length, bytes)
    for (let i = 0; i < scopes.length; i += 2) this.#scope(mine, scopes[i]!, scopes[i + 1]!)
  }

  #scope(resource: number, from: number, to: number): void {
    const buf = this.#source
    const mine = this.#scopes.length
    const firstRange = this.#ranges.length
    let bytes = 0
    let last = -1
    for (let p = from; p < to; ) {
      const isItem = buf[p] === 0x12
      const next = this.#steps.over(this.#source, p, to)
      if (isItem) {
        const part = this.#partOf(this.#steps.at, next)
        this.#items[part]!++
        const runs = this.#runs[part]!
        if (part === last && runs[runs.length - 1] === p) runs[runs.length - 1] = next
        else runs.push(mine, p, next)
        last = part
      } else bytes += this.#range(p, next)
      p = next
    }
    this.#scopes.push(resource, firstRange, this.#ranges.length, bytes)
  }

  #range(from: number, to: number): number {
    this.#ranges.push(from, to)
    return to - from
  }

  /** The part of an item; `count` when it has no trace id. The last of several ids counts, as everywhere in protobuf. */
  #partOf(from: number, to: number): number {
    const buf = this.#source
    const wanted = this.#isLog ? 0x4a : 0x0a
    let trace = -1
    for (let p = from; p < to; ) {
      const tag = buf[p]!
      let at = p + 2
      let next = at + buf[p + 1]!
      // Short fields with a length, nearly all there are, without the call.
      if ((tag & 0x87) !== 2 || next - at >= 0x80 || !(next <= to)) {
        next = this.#steps.over(this.#source, p, to)
        at = this.#steps.at
      }
      if (tag === wanted) trace = next - at === 16 ? at : -1
      p = next
    }
    return trace < 0 || (this.#isLog && isZeroId(buf, trace)) ? this.#count : partOfTrace(buf, trace, this.#count)
  }

  parts(): TracePart[] {
    const used = this.#runs.flatMap((runs, part) => (runs.length > 0 ? [part] : []))
    const first = used[0] ?? this.#count
    if (used.length < 2) {
      const bytes = this.#sources.length === 1 ? this.#sources[0]! : Buffer.concat(this.#sources)
      return bytes.length === 0 ? [] : [this.#made(first, bytes)]
    }
    return used.map(part => this.#made(part, this.#copy(this.#runs[part]!, part === first ? this.#rest : [])))
  }

  #made(part: number, bytes: Buffer): TracePart {
    return { part: part === this.#count ? -1 : part, bytes, items: this.#items[part]! }
  }

  #copy(runs: readonly number[], rest: readonly number[]): Buffer {
    const { sizes, total } = this.#measure(runs)
    let size = total
    for (let i = 0; i < rest.length; i += 3) size += rest[i + 2]! - rest[i + 1]!
    const out = new Copy(size)
    for (let i = 0, s = 0, resource = -1, scope = -1; i < runs.length; i += RUN) {
      const next = runs[i]!
      if (next !== scope) {
        scope = next
        if (this.#scopes[scope] !== resource) {
          resource = this.#scopes[scope]!
          out.open(0x0a, sizes[s++]!)
          this.#copyRanges(out, this.#resources, resource)
        }
        out.open(0x12, sizes[s++]!)
        this.#copyRanges(out, this.#scopes, scope)
      }
      out.raw(this.#sources[this.#resources[resource]!]!, runs[i + 1]!, runs[i + 2]!)
    }
    for (let i = 0; i < rest.length; i += 3) out.raw(this.#sources[rest[i]!]!, rest[i + 1]!, rest[i + 2]!)
    return out.bytes
  }

  /** Sizes of the messages in the order in which they are opened, and of all. */
  #measure(runs: readonly number[]): { readonly sizes: readonly number[]; readonly total: number } {
    const sizes: number[] = []
    let total = 0
    let [resourceAt, scopeAt] = [-1, -1]
    const closeScope = (): void => {
      if (scopeAt >= 0) sizes[resourceAt]! += fieldSize(sizes[scopeAt]!)
      scopeAt = -1
    }
    const closeResource = (): void => {
      closeScope()
      if (resourceAt >= 0) total += fieldSize(sizes[resourceAt]!)
    }
    for (let i = 0, resource = -1, scope = -1; i < runs.length; i += RUN) {
      if (runs[i] !== scope) {
        scope = runs[i]!
        if (this.#scopes[scope] !== resource) {
          closeResource()
          resource = this.#scopes[scope]!
          resourceAt = sizes.push(this.#resources[resource + RESOURCE - 1]!) - 1
        } else closeScope()
        scopeAt = sizes.push(this.#scopes[scope + SCOPE - 1]!) - 1
      }
      sizes[scopeAt]! += runs[i + 2]! - runs[i + 1]!
    }
    closeResource()
    return { sizes, total }
  }

  #copyRanges(out: Copy, of: readonly number[], at: number): void {
    const resource = of === this.#scopes ? of[at]! : at
    const source = this.#sources[this.#resources[resource]!]!
    for (let i = of[at + 1]!; i < of[at + 2]!; i += 2) out.raw(source, this.#ranges[i]!, this.#ranges[i + 1]!)
  }
}

/** A buffer of a size known before. */
class Copy {
  readonly bytes: Buffer
  #pos = 0

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size)
  }

  open(tag: number, length: number): void {
    const { bytes } = this
    bytes[this.#pos++] = tag
    let rest = length
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes[this.#pos++] = (rest & 0x7f) | 0x80
    bytes[this.#pos++] = rest
  }

  raw(source: Buffer, from: number, to: number): void {
    source.copy(this.bytes, this.#pos, from, to)
    this.#pos += to - from
  }
}

/** Bytes of a field with a one-byte tag and `length` bytes of content. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length
}
