// Runs a windowed processor: reads the arrival streams of its pipelines with a cursor of its own, feeds the window
// (core/sampling/window.ts), and commits what it decides (part-window.ts).
//
//   chain -> `traces#arrival` -> window -> `traces` -> exporters
//
// Where several processes share the log there is one window for each partition that this process owns. The intake sends all
// of a trace to one partition, so one window at a time sees it; what a window has decided stands in the partition's journal,
// so whoever owns it next goes on with it.
//
// Ledger: `windowed|<pipeline>|<window>` is how many items are in the window now; they leave it to `appended` or to
// `dropped|<window>|<pipeline>|<rule>`.

import type { Clock, Log as Logger } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { WindowedProcessor } from '../component/windowed.js'
import { partOfTrace } from '../otlp/by-trace.js'
import type { Log, PartReader } from '../queue/log.js'
import type { Explanation } from '../sampling/recent.js'
import { Window, type WindowStream } from '../sampling/window.js'
import { PartWindow } from './part-window.js'

export interface WindowedStageOptions {
  /** The window's id; names its cursors and its drops. */
  readonly id: string
  readonly processor: WindowedProcessor
  readonly streams: readonly WindowStream[]
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  /** Payload bytes the log may hold: a window takes at most half of them for open traces and a quarter for dropped ones. */
  readonly maxLogBytes: number
}

/** Stored bytes that the output of one commit is cut from, where they may have to come from Redis first. */
const SOURCE_BYTES = 8 * 1024 * 1024

/** The stream that a pipeline's chain writes when a window comes before its exporters. */
export function arrivalStream(pipeline: string): string {
  return `${pipeline}#arrival`
}

export class WindowedStage implements PartReader {
  readonly id: string
  readonly cursors: readonly string[]
  readonly #options: WindowedStageOptions
  readonly #journal: string
  readonly #arrivals: ReadonlyMap<string, string>
  /** By part; one without a part where the log has none. */
  readonly #windows = new Map<number | undefined, PartWindow>()
  /** By part. */
  readonly #partitions = new Map<number, number>()
  #isStopped = false
  #detach: () => void = () => {}

  constructor(options: WindowedStageOptions) {
    this.id = options.id
    this.#options = options
    this.#journal = `${options.id}#journal`
    this.cursors = [this.id, this.#journal]
    this.#arrivals = new Map(options.streams.map(({ arrival, id }) => [arrival, id]))
  }

  /** Cursors to be declared at the log. */
  readers(): ReadonlyMap<string, readonly string[]> {
    return new Map([
      [this.id, [...this.#arrivals.keys()]],
      [this.#journal, [this.#journal]]
    ])
  }

  /** Reads what earlier runs left and goes on. The log is started and has the cursors. */
  async start(): Promise<void> {
    const { log, processor } = this.#options
    await processor.start?.()
    if (log.parts === undefined) this.#open(undefined)
    else this.#detach = log.parts.attach(this)
    await Promise.all([...this.#windows.values()].map(window => window.start()))
  }

  /**
   * Writes what is decided; what is not waits in the log for the next start. Waits at most `limitMs`: a shared log may be away, and
   * what is not written then is decided again. Safe twice, safe without start.
   */
  async stop(limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    const stopped = Promise.all([...this.#windows.values()].map(window => window.stop()))
    await (limitMs === Number.POSITIVE_INFINITY ? stopped : Promise.race([stopped, this.#pause(limitMs)]))
    this.#detach()
    await this.#options.processor.stop?.()
  }

  gained(part: number, partition: number): void {
    if (this.#isStopped || this.#windows.has(part)) return
    this.#partitions.set(part, partition)
    this.#open(part)
      .start()
      .catch(error => this.#options.logger.error({ code: codeOf(error) }, 'what was decided before could not be read'))
  }

  async leaving(part: number): Promise<void> {
    await this.#windows.get(part)?.stop()
  }

  lost(part: number): void {
    this.#windows.get(part)?.lost()
    this.#windows.delete(part)
    this.#partitions.delete(part)
    this.#share()
  }

  /** What became of a trace (32 hex digits); undefined when it is not known here (any more). */
  explain(traceId: string): Explanation | undefined {
    for (const { window } of this.#windows.values()) {
      const found = window.explain(traceId)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The other process that judges a trace (32 hex digits), where several share the log; undefined when it is this one. */
  judgeOf(traceId: string): string | undefined {
    const { parts } = this.#options.log
    if (parts === undefined) return undefined
    const partition = partOfTrace(Buffer.from(traceId, 'hex'), 0, parts.count)
    if ([...this.#partitions.values()].includes(partition)) return undefined
    return parts.ownerOf(partition) || undefined
  }

  /** Recent decisions, newest first. */
  recent(limit: number): readonly Explanation[] {
    const all = [...this.#windows.values()].map(({ window }) => window.recent(limit))
    if (all.length === 1) return all[0]!
    return all
      .flat()
      .sort((a, b) => b.decidedAt - a.decidedAt)
      .slice(0, limit)
  }

  status() {
    const sum = { openTraces: 0, openBytes: 0, storedBytes: 0, traces: 0 }
    for (const { window } of this.#windows.values()) {
      const one = window.status()
      sum.openTraces += one.openTraces
      sum.openBytes += one.openBytes
      sum.storedBytes += one.storedBytes
      sum.traces += one.traces
    }
    return { id: this.id, ...sum }
  }

  /** Resolves when everything appended is read and everything due is durable. For tests and for a stop with a deadline. */
  async settle(): Promise<void> {
    // A log that is away: what is known is settled.
    await this.#options.log.parts?.refresh().catch(() => {})
    await Promise.all([...this.#windows.values()].map(window => window.settle()))
  }

  /** Whether every window has read all there is and nothing is under way. */
  get isIdle(): boolean {
    return [...this.#windows.values()].every(window => window.isIdle)
  }

  /** An entry that was damaged before the window had read it leaves the ledger's window. */
  damaged({
    position,
    items,
    stream,
    part
  }: {
    readonly position: number
    readonly items: number
    readonly stream: string
    readonly part?: number
  }): void {
    const id = this.#arrivals.get(stream)
    if (id === undefined || this.#windows.get(part)?.isAhead(position) !== true) return
    const counts = new Map([
      [`windowed|${id}|${this.id}`, -items],
      [`dropped|${this.id}|${id}|damaged`, items]
    ])
    this.#options.log.commit({ counts, ...(part === undefined ? {} : { part }) }).catch(() => {})
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => this.#options.clock.after(ms, resolve))
  }

  #open(part: number | undefined): PartWindow {
    const { log, clock, logger } = this.#options
    const window = new PartWindow({
      cursor: this.id,
      journal: this.#journal,
      window: this.#newWindow(part !== undefined),
      log,
      clock,
      logger,
      part
    })
    this.#windows.set(part, window)
    this.#share()
    return window
  }

  /** Of a log in partitions each window has its part of what all may hold. */
  #newWindow(isPart: boolean): Window {
    const { id, streams, processor, maxLogBytes, log } = this.#options
    const { settings } = processor
    const partitions = isPart ? log.parts!.count : 1
    const lateErrorBytes = Math.min(settings.lateErrorBytes, maxLogBytes / 4) / partitions
    const own = {
      ...settings,
      lateErrorBytes,
      maxKept: Math.ceil(settings.maxKept / partitions),
      maxDropped: Math.ceil(settings.maxDropped / partitions)
    }
    return new Window({
      id,
      processor: { ...bound(processor), settings: own },
      streams,
      journal: this.#journal,
      maxOpenBytes: maxLogBytes / 2 / partitions,
      ...(isPart ? { maxSourceBytes: SOURCE_BYTES } : {})
    })
  }

  /** Undecided traces are in memory: all windows here together have the limit. */
  #share(): void {
    const { maxTraces } = this.#options.processor.settings
    for (const { window } of this.#windows.values()) window.limit(Math.ceil(maxTraces / this.#windows.size))
  }
}

function bound(processor: WindowedProcessor): WindowedProcessor {
  return {
    settings: processor.settings,
    attributes: processor.attributes,
    traceStates: processor.traceStates,
    asksSampledFlag: processor.asksSampledFlag ?? false,
    decide: (trace, now) => processor.decide(trace, now),
    ...(processor.decided === undefined
      ? {}
      : { decided: (rule, isKept, trace, when) => processor.decided?.(rule, isKept, trace, when) })
  }
}
