// Runs a windowed processor: reads the arrival streams of its pipelines with a cursor of its own, feeds the window
// (core/sampling/window.ts), and commits what it decides: output, acks, ledger and journal in one commit, so that a crash
// replays the window instead of losing it.
//
//   chain -> `traces#arrival` -> window -> `traces` -> exporters
//
// Ledger: `windowed|<pipeline>|<window>` is how many items are in the window now; they leave it to `appended` or to
// `dropped|<window>|<pipeline>|<rule>`.

import type { Clock, Log as Logger } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { WindowedProcessor } from '../component/windowed.js'
import type { Log } from '../queue/log.js'
import type { Explanation } from '../sampling/recent.js'
import { type Harvest, Window, type WindowStream } from '../sampling/window.js'

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

/** How often decisions are written, milliseconds: output in larger pieces costs less. */
const TICK_MS = 100
/** After a commit that failed. */
const RETRY_MS = 1000
const READ = { maxItems: 8192, maxBytes: 2 * 1024 * 1024 }
const READ_JOURNAL = { maxItems: 1, maxBytes: 8 * 1024 * 1024 }

/** The stream that a pipeline's chain writes when a window comes before its exporters. */
export function arrivalStream(pipeline: string): string {
  return `${pipeline}#arrival`
}

export class WindowedStage {
  readonly id: string
  readonly #options: WindowedStageOptions
  readonly #window: Window
  readonly #journal: string
  readonly #arrivals: ReadonlyMap<string, string>
  #after = -1
  #isCaughtUp = false
  #lastAt = 0
  #running: Promise<void> | undefined
  #commit: Promise<void> | undefined
  #nextTickAt = 0
  #timer: { cancel(): void } | undefined
  #unsubscribe: (() => void) | undefined
  #isStarted = false
  #isStopped = false
  #isFailing = false

  constructor(options: WindowedStageOptions) {
    this.id = options.id
    this.#options = options
    this.#journal = `${options.id}#journal`
    this.#arrivals = new Map(options.streams.map(({ arrival, id }) => [arrival, id]))
    const { settings } = options.processor
    const lateErrorBytes = Math.min(settings.lateErrorBytes, options.maxLogBytes / 4)
    this.#window = new Window({
      id: options.id,
      processor: { ...bound(options.processor), settings: { ...settings, lateErrorBytes } },
      streams: options.streams,
      journal: this.#journal,
      maxOpenBytes: options.maxLogBytes / 2
    })
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
    for (let after = -1; ; ) {
      const entries = log.read(this.#journal, after, READ_JOURNAL)
      for (const entry of entries) this.#window.restore(entry)
      const last = entries.at(-1)
      if (last === undefined) break
      after = last.position
    }
    await processor.start?.()
    this.#isStarted = true
    this.#unsubscribe = log.onAppend(() => {
      this.#isCaughtUp = false
      this.#wake()
    })
    this.#wake()
  }

  /** Writes what is decided; what is not waits in the log for the next start. Safe twice, safe without start. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#unsubscribe?.()
    this.#timer?.cancel()
    await this.#running
    await this.#commit
    // What is over by now still goes out.
    if (this.#isStarted && this.#tick()) await this.#commit
    await this.#options.processor.stop?.()
  }

  /** What became of a trace (32 hex digits); undefined when it is not known (any more). */
  explain(traceId: string): Explanation | undefined {
    return this.#window.explain(traceId)
  }

  /** Recent decisions, newest first. */
  recent(limit: number): readonly Explanation[] {
    return this.#window.recent(limit)
  }

  status() {
    return { id: this.id, ...this.#window.status() }
  }

  /** Resolves when everything appended is read and everything due is durable. For tests and for a stop with a deadline. */
  async settle(): Promise<void> {
    this.#isCaughtUp = false
    this.#nextTickAt = 0
    this.#wake()
    while (this.#running !== undefined || this.#commit !== undefined) {
      await this.#running
      await this.#commit
      // What a commit set free is looked for once more.
      if (this.#running === undefined && this.#commit === undefined && this.#tick()) await this.#commit
    }
  }

  #wake(): void {
    if (this.#isStopped) return
    this.#running ??= this.#runSafely().finally(() => {
      this.#running = undefined
      if (!this.#isCaughtUp) this.#wake()
      else this.#arm()
    })
  }

  /** Nothing but a fault of the store or of this code can throw: it is told, and tried again. */
  async #runSafely(): Promise<void> {
    try {
      await this.#run()
    } catch (error) {
      this.#options.logger.error({ code: codeOf(error) }, 'the window failed; it goes on in a second')
      await new Promise<void>(resolve => this.#options.clock.after(RETRY_MS, resolve))
    }
  }

  /** Reads in slices, so that receivers get their turns. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await new Promise<void>(resolve => setImmediate(resolve))
      if (this.#isStopped) return
      if (!this.#isCaughtUp) this.#read()
      if (this.#options.clock.now() >= this.#nextTickAt) this.#tick()
      if (this.#isCaughtUp) return
    }
  }

  #read(): void {
    const entries = this.#options.log.read(this.id, this.#after, READ)
    if (entries.length === 0) {
      this.#isCaughtUp = true
      return
    }
    for (const entry of entries) {
      this.#window.take(entry)
      this.#after = entry.position
      this.#lastAt = entry.appendedAt
    }
  }

  /** Decides and commits; whether a commit is on its way. */
  #tick(): boolean {
    if (this.#commit !== undefined) return false
    const now = this.#options.clock.now()
    this.#nextTickAt = now + TICK_MS
    const more = this.#window.advance(this.#isCaughtUp ? now : this.#lastAt)
    if (more) this.#nextTickAt = 0
    const harvest = this.#window.harvest(position => this.#options.log.get(position)?.bytes, now)
    if (harvest === undefined) return false
    this.#commit = this.#write(harvest).finally(() => {
      this.#commit = undefined
      this.#wake()
    })
    return true
  }

  /** Commits until it is done: the window has moved on and counts on it. */
  async #write(harvest: Harvest): Promise<void> {
    const { log, logger } = this.#options
    const acks = [
      { cursor: this.id, positions: harvest.released },
      { cursor: this.#journal, positions: harvest.releasedJournal }
    ].filter(({ positions }) => positions.length > 0)
    for (;;) {
      try {
        const { appends, counts } = harvest
        const positions = await log.commit({ appends, acks, counts })
        this.#window.committed(harvest, positions, this.#options.clock.now())
        this.#isFailing = false
        return
      } catch (error) {
        const code = codeOf(error)
        if (!this.#isFailing)
          logger.error({ code }, 'decisions cannot be written now; they are tried again until they can')
        this.#isFailing = true
        if (this.#isStopped || code === 'QUEUE_CLOSED') return
        await new Promise<void>(resolve => this.#options.clock.after(RETRY_MS, resolve))
      }
    }
  }

  /** Wakes when something is due. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const { clock } = this.#options
    const due = this.#window.dueAt()
    // A commit on its way wakes when it is done.
    if (due === Number.POSITIVE_INFINITY || this.#isStopped || this.#commit !== undefined) return
    const at = Math.max(due, this.#nextTickAt)
    this.#timer = clock.after(Math.max(1, at - clock.now()), () => this.#wake())
  }

  /** An entry that was damaged before the window had read it leaves the ledger's window. */
  damaged({
    position,
    items,
    stream
  }: {
    readonly position: number
    readonly items: number
    readonly stream: string
  }): void {
    const id = this.#arrivals.get(stream)
    if (id === undefined || position <= this.#after) return
    const counts = new Map([
      [`windowed|${id}|${this.id}`, -items],
      [`dropped|${this.id}|${id}|damaged`, items]
    ])
    this.#options.log.commit({ counts }).catch(() => {})
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
      : { decided: (rule, isKept, trace) => processor.decided?.(rule, isKept, trace) })
  }
}
