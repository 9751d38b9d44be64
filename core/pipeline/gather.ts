// What goes into one commit: requests behind their chains, the notes about them, and the ledger's counts.

import { splitByTrace } from '../otlp/by-trace.js'
import type { Signal } from '../otlp/signal.js'
import type { Entry } from '../queue/log.js'
import type { ChainNote, ChainResult } from './chain.js'
import { type LedgerKeys, ledgerKeys } from './ledger.js'
import type { Pipeline } from './pipelines.js'

/** Requests at or above this go to the log as they are: copying them to merge costs more than an entry. */
const MERGE_BELOW = 64 * 1024

interface Merged {
  readonly parts: Buffer[]
  items: number
}

export class Gathered {
  readonly counts = new Map<string, number>()
  /** Told how the commit ended. */
  readonly settle: ((error: unknown) => void)[] = []
  /** Of the requests as they came. */
  bytes = 0
  readonly #entries: Entry[] = []
  /** For windows of a log in partitions: to be split by trace id. */
  readonly #byTrace = new Map<string, Merged & { readonly signal: Signal }>()
  readonly #small = new Map<string, Merged>()
  /** One entry a commit, in the order of the requests: a reader counts on it (core/component/derived.ts). */
  readonly #notes = new Map<string, Merged & { readonly split: ChainNote['split'] }>()
  readonly #partitions: () => number

  /** `partitions`: of the log; known when requests come. Default: one. */
  constructor(partitions: () => number = () => 1) {
    this.#partitions = partitions
  }

  /** Adds what a pipeline's chain made of a request of `size` bytes. */
  add(pipeline: Pipeline, result: ChainResult, size: number): void {
    const keys = keysOf(pipeline)
    const { counts } = this
    count(counts, keys.received, result.seen - result.rejected)
    for (const row of result.dropped) count(counts, keys.dropped(row.processor, row.reason), row.items)
    this.bytes += size
    for (const note of result.notes) {
      const stream = noteStream(note.processor)
      const there = this.#notes.get(stream)
      if (there === undefined) this.#notes.set(stream, { parts: [note.bytes], items: note.items, split: note.split })
      else append(there, note.bytes, note.items)
    }
    if (result.items === 0) return
    const stream = pipeline.window?.arrival ?? pipeline.id
    if (keys.windowed !== undefined) count(counts, keys.windowed, result.items)
    else {
      count(counts, keys.appended, result.items)
      for (const offered of keys.offered) count(counts, offered, result.items)
    }
    if (pipeline.window !== undefined && this.#partitions() > 1) this.#toSplit(stream, pipeline.signal, result)
    else if (result.bytes.length < MERGE_BELOW) merge(this.#small, stream, result.bytes, result.items)
    else this.#entries.push({ stream, items: result.items, bytes: result.bytes })
  }

  #toSplit(stream: string, signal: Signal, { bytes, items }: ChainResult): void {
    const there = this.#byTrace.get(stream)
    if (there === undefined) this.#byTrace.set(stream, { signal, parts: [bytes], items })
    else append(there, bytes, items)
  }

  entries(): Entry[] {
    const made = [...this.#entries]
    const partitions = this.#partitions()
    for (const [stream, { signal, parts }] of this.#byTrace)
      for (const { part, items, bytes } of splitByTrace(signal, parts, partitions))
        made.push({ stream, items, bytes, ...(part < 0 ? {} : { partition: part }) })
    for (const [stream, merged] of this.#small) made.push({ stream, items: merged.items, bytes: joined(merged) })
    for (const [stream, merged] of this.#notes) {
      const bytes = joined(merged)
      if (partitions === 1 || merged.split === undefined) made.push({ stream, items: merged.items, bytes })
      else for (const part of merged.split(bytes, partitions)) made.push({ stream, ...part })
    }
    return made
  }
}

/** The stream of a processor's notes. */
export function noteStream(processor: string): string {
  return `${processor}#notes`
}

/** What the maker of a request of the gateway's own puts into its commit. */
export interface Derived {
  readonly appends: readonly Entry[]
  readonly counts: ReadonlyMap<string, number>
}

/** Takes a request that the component `maker` made through the chains of the pipelines that receive from it. */
export function derive(pipelines: readonly Pipeline[], signal: Signal, bytes: Buffer, maker: string): Derived {
  const gathered = new Gathered()
  for (const pipeline of pipelines)
    if (pipeline.signal === signal && pipeline.receivers.has(maker))
      gathered.add(pipeline, pipeline.chain.run(bytes), bytes.length)
  return { appends: gathered.entries(), counts: gathered.counts }
}

const known = new WeakMap<Pipeline, LedgerKeys>()

function keysOf(pipeline: Pipeline): LedgerKeys {
  let keys = known.get(pipeline)
  if (keys === undefined) known.set(pipeline, (keys = ledgerKeys(pipeline.id, pipeline.exporters, pipeline.window?.id)))
  return keys
}

function merge(to: Map<string, Merged>, stream: string, bytes: Buffer, items: number): void {
  const there = to.get(stream)
  if (there === undefined) to.set(stream, { parts: [bytes], items })
  else append(there, bytes, items)
}

function append(to: Merged, bytes: Buffer, items: number): void {
  to.parts.push(bytes)
  to.items += items
}

function joined({ parts }: Merged): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function count(counts: Map<string, number>, key: string, n: number): void {
  if (n !== 0) counts.set(key, (counts.get(key) ?? 0) + n)
}
