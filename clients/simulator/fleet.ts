// The fleet: workers that run workflows in simulated time, second by second. What a second brings to an end is handed
// over as messages, as the SDK of each worker would send them: spans and logs every second, gauges every five.

import type { Chances } from './execution.js'
import { type Execution, type LogItem, play, type SpanItem } from './execution.js'
import { Random } from './random.js'
import type { WorkflowSpec } from './workflows.js'

export const TICK_MS = 1000
const METRICS_EVERY = 5
const BASE_MEMORY = 180 * 1_048_576
const MAX_CACHE = 512 * 1_048_576

export interface FleetOptions {
  readonly seed: number
  readonly workflows: readonly WorkflowSpec[]
  readonly workers: number
  /** Runs started a second. */
  readonly rate: number
  /** Runs after which none is started any more. Default: no limit. */
  readonly executions?: number
  /** When it begins, milliseconds since the epoch. */
  readonly startMs: number
  readonly chances: Chances
}

/** One gauge of one worker. */
export interface GaugeItem {
  readonly name: string
  readonly unit: string
  readonly about: string
  readonly value: number
}

/** What one worker has to send at one moment. */
export type Message = { readonly worker: number; readonly atMs: number } & (
  | { readonly signal: 'traces'; readonly spans: readonly SpanItem[] }
  | { readonly signal: 'logs'; readonly logs: readonly LogItem[] }
  | { readonly signal: 'metrics'; readonly gauges: readonly GaugeItem[] }
)

interface Tick {
  spans: SpanItem[]
  logs: LogItem[]
  threads: number
  memory: number
}

/** Now of one worker. */
interface Worker {
  threads: number
  memory: number
  cache: number
}

export class Fleet {
  readonly #o: FleetOptions
  readonly #arrivals: Random
  readonly #ticks = new Map<string, Tick>()
  readonly #workers: readonly Worker[]
  #second = 0
  #nextMs: number
  #started = 0
  #isOpen = true
  /** Ends of runs under way. */
  #ends: number[] = []

  constructor(options: FleetOptions) {
    this.#o = options
    this.#arrivals = new Random(options.seed, 'arrivals')
    this.#workers = Array.from({ length: options.workers }, () => ({ threads: 0, memory: 0, cache: 0 }))
    this.#nextMs = options.startMs + this.#wait()
  }

  /** Simulated time, milliseconds since the epoch. */
  get nowMs(): number {
    return this.#o.startMs + this.#second * TICK_MS
  }

  get started(): number {
    return this.#started
  }

  /** Runs under way. */
  get running(): number {
    return this.#ends.length
  }

  /** True when nothing more will come. */
  get isDone(): boolean {
    return !this.#isOpen && this.#ticks.size === 0
  }

  /** Starts no more runs; those under way go on. */
  close(): void {
    this.#isOpen = false
  }

  /** Plays one second and gives what is to be sent at its end. */
  tick(): readonly Message[] {
    const end = this.nowMs + TICK_MS
    while (this.#isOpen && this.#nextMs < end) this.#start()
    const messages = this.#workers.flatMap((worker, i) => this.#messages(i, worker, end))
    this.#second++
    this.#ends = this.#ends.filter(at => at > end)
    return messages
  }

  #start(): void {
    const { seed, workflows, chances, executions = Number.POSITIVE_INFINITY } = this.#o
    const spec = this.#arrivals.weighted(workflows, one => one.weight)
    const worker = this.#arrivals.int(0, this.#workers.length - 1)
    const index = this.#started++
    const startMs = Math.floor(this.#nextMs)
    this.#place(worker, play(spec, { seed, index, startMs, chances }))
    this.#nextMs += this.#wait()
    if (this.#started >= executions) this.close()
  }

  /** Puts everything of a run into the second in which its worker would send it. */
  #place(worker: number, { spans, logs, endMs }: Execution): void {
    this.#ends.push(endMs)
    for (const span of spans) {
      this.#tickOf(worker, span.endMs).spans.push(span)
      if (span.fact?.of !== 'step') continue
      const [from, to] = [this.#tickOf(worker, span.startMs), this.#tickOf(worker, span.endMs)]
      from.threads++
      from.memory += span.memoryBytes
      to.threads--
      to.memory -= span.memoryBytes
    }
    for (const log of logs) this.#tickOf(worker, log.atMs).logs.push(log)
  }

  #tickOf(worker: number, ms: number): Tick {
    const second = Math.floor((ms - this.#o.startMs) / TICK_MS)
    const key = `${worker} ${second}`
    const tick = this.#ticks.get(key) ?? { spans: [], logs: [], threads: 0, memory: 0 }
    this.#ticks.set(key, tick)
    return tick
  }

  #messages(worker: number, now: Worker, atMs: number): Message[] {
    const key = `${worker} ${this.#second}`
    const { spans, logs, threads, memory } = this.#ticks.get(key) ?? { spans: [], logs: [], threads: 0, memory: 0 }
    this.#ticks.delete(key)
    now.threads += threads
    now.memory += memory
    for (const { fact } of spans) {
      if (fact?.of === 'step' && fact.isCached === false) now.cache = (now.cache + 262_144) % MAX_CACHE
    }
    const messages: Message[] = []
    if (spans.length > 0) messages.push({ worker, atMs, signal: 'traces', spans })
    if (logs.length > 0) messages.push({ worker, atMs, signal: 'logs', logs: logs.sort((a, b) => a.atMs - b.atMs) })
    if (this.#second % METRICS_EVERY === 0) messages.push({ worker, atMs, signal: 'metrics', gauges: gauges(now) })
    return messages
  }

  #wait(): number {
    return this.#arrivals.wait(this.#o.rate) * 1000
  }
}

function gauges({ threads, memory, cache }: Worker): GaugeItem[] {
  return [
    { name: 'algoflow.memory.used', unit: 'By', about: 'Memory in use.', value: BASE_MEMORY + memory },
    { name: 'algoflow.threads.active', unit: '{thread}', about: 'Worker threads that run a step.', value: threads },
    { name: 'algoflow.cache.size', unit: 'By', about: 'Stored results of steps.', value: cache }
  ]
}
