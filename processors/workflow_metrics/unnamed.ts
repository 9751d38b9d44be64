// Step spans that do not say their workflow wait for a span of their trace that does. Bounded in number and time; what has
// waited long enough is counted without a name. Kept with the totals, so that a crash neither loses nor repeats one.

import { LRUCache } from 'lru-cache'
import type { NoteSeries } from './note.js'

export interface Held {
  readonly series: NoteSeries
  /** Its record in the note. */
  readonly record: Buffer
  /** Retries it counts for, told when it came. */
  readonly retries: number
  readonly atMs: number
}

export type HeldState = readonly [series: NoteSeries, record: string, retries: number, atMs: number]

/** Step spans that may wait; beyond it the oldest trace is counted early. */
const MAX_HELD = 100_000
/** Traces whose workflow is remembered, for steps that come behind it. */
const MAX_TRACES = 100_000
const TRACE_BYTES = 16

export class UnnamedSteps {
  readonly #waitMs: number
  readonly #workflows = new LRUCache<string, string>({ max: MAX_TRACES })
  /** By trace id, in the order of their first one. */
  readonly #held = new Map<string, Held[]>()
  #count = 0
  /** Set by the first one: until then nobody's traces are remembered. */
  isThere = false

  constructor(waitMs: number) {
    this.#waitMs = waitMs
  }

  get count(): number {
    return this.#count
  }

  /** The workflow of the trace whose id is at `at`, as far as it is known. */
  workflowOf(buf: Buffer, at: number): string | undefined {
    return this.#workflows.get(traceOf(buf, at))
  }

  hold(held: Held): void {
    this.isThere = true
    const trace = traceOf(held.record, 0)
    const there = this.#held.get(trace)
    if (there === undefined) this.#held.set(trace, [held])
    else there.push(held)
    this.#count++
  }

  /** A span of the trace says its workflow: those that waited for that. */
  learn(buf: Buffer, at: number, workflow: string): readonly Held[] {
    const trace = traceOf(buf, at)
    this.#workflows.set(trace, workflow)
    return this.#held.size === 0 ? [] : this.#take(trace)
  }

  /** Those that need not wait any longer. */
  due(nowMs: number): readonly Held[] {
    const found: Held[] = []
    for (const [trace, [first]] of this.#held) {
      if (nowMs - first!.atMs < this.#waitMs && this.#count <= MAX_HELD) break
      found.push(...this.#take(trace))
    }
    return found
  }

  #take(trace: string): readonly Held[] {
    const held = this.#held.get(trace)
    if (held === undefined) return []
    this.#held.delete(trace)
    this.#count -= held.length
    return held
  }

  state(): HeldState[] {
    return [...this.#held.values()].flatMap(all =>
      all.map(({ series, record, retries, atMs }) => [series, record.toString('base64'), retries, atMs] as const)
    )
  }

  restore(states: readonly HeldState[]): void {
    for (const [series, record, retries, atMs] of states)
      this.hold({ series, record: Buffer.from(record, 'base64'), retries, atMs })
  }
}

function traceOf(buf: Buffer, at: number): string {
  return buf.toString('latin1', at, at + TRACE_BYTES)
}
