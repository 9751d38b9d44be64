// The WebAssembly module behind shapes and sieve (source: assembly/, built by `npm run build`), and memory handed out in it.

import { readFileSync } from 'node:fs'

// The part of the WebAssembly interface that is used here: Node's types leave it to the DOM's.
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
interface Global {
  readonly value: unknown
}
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

/** What assembly/index.ts exports. Addresses are byte offsets in `memory`. */
export interface Exports {
  readonly memory: Memory
  firstFree(): number
  readonly sureUntil: Global
  prepareText(at: number): void
  setWords(next: number, outs: number, ends: number, pieces: number, withDigit: number, withSix: number): void
  mask(start: number, end: number): number
  layout(fields: number, slots: number, cache: number, places: number, events: number, maxEvents: number): void
  wants(texts: number, attributes: number, shapes: number, limit: number, traces: number): void
  setNeeds(at: number, count: number): void
  sieve(root: number, start: number, end: number): number
  learn(at: number, length: number, fresh: number): number
  describe(key: number, place: number, smallest: number, texts: number): void
}

const PAGE = 65_536
/** The vectors read so many bytes behind the end of what they look at. */
export const SLACK = 64
const TEXT_TABLES = 544

let compiled: object | undefined

/** An instance with a memory of its own; blocks are handed out one after another and never given back. */
export class Instance {
  readonly exports: Exports
  #end: number

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(new URL('./sieve.wasm', import.meta.url)))
    this.exports = new WebAssembly.Instance(compiled, {}).exports as Exports
    this.#end = this.exports.firstFree()
    this.exports.prepareText(this.take(TEXT_TABLES))
  }

  /** Address of a block of `bytes` zeros. */
  take(bytes: number): number {
    const at = (this.#end + 15) & ~15
    this.#end = at + bytes + SLACK
    this.ensure(this.#end)
    return at
  }

  /** Address of a copy of `data`. */
  put(data: Uint8Array | Uint16Array | Int32Array): number {
    const at = this.take(data.byteLength)
    new Uint8Array(this.exports.memory.buffer, at, data.byteLength).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    )
    return at
  }

  /** The first address behind all blocks: what stands there lasts until the next `take`. */
  get end(): number {
    return (this.#end + 15) & ~15
  }

  /** Makes addresses below `bytes` usable. Views on the memory made before may be void afterwards. */
  ensure(bytes: number): void {
    const { memory } = this.exports
    const missing = bytes - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
  }
}
