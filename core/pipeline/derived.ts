// Runs the half behind the log of a processor that makes telemetry of its own (core/component/derived.ts): reads its notes,
// and now and then commits what became of them: totals as state, the telemetry into its pipelines, and the cursors, in one
// commit. So a crash neither loses nor repeats: what was not committed is read again.
//
// Two cursors read the notes. `<id>` is done with a note when it is counted; what waits for it is not in the totals yet.
// `<id>#known` is done with it when the deriver has forgotten it: until then a process that starts reads it again, to know
// what came twice. The notes themselves say whether the state has counted them.
//
// In a log that several processes share each partition has totals of its own. They move with it: what its owner commits for a
// part is refused when another one has it by now, so there is one writer at a time (deriving-part.ts).

import type { Clock, Log as Logger } from '../component/context.js'
import type { Deriver } from '../component/derived.js'
import { codeOf } from '../component/errors.js'
import type { Log, PartReader } from '../queue/log.js'
import { DerivingPart, SLICE_ITEMS } from './deriving-part.js'
import { type Derived, noteStream } from './gather.js'

export interface DerivingStageOptions {
  /** The processor's id; names its cursors and its state. */
  readonly id: string
  readonly create: () => Deriver
  readonly intervalMs: number
  /** Takes what was emitted through its pipelines. */
  readonly derive: (bytes: Buffer) => Derived
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Notes are gathered for so long before they are read. Between two requests their bytes push totals and ids out of the
 * processor's caches; many notes at a time find them there again (docs/decisions/2026-11-26-workflow-metrics.md).
 */
const GATHER_MS = 50
/** After a commit that failed. */
const RETRY_MS = 1000

export class DerivingStage implements PartReader {
  readonly id: string
  readonly cursors: readonly string[]
  readonly #o: DerivingStageOptions
  readonly #stream: string
  readonly #parts = new Map<number | undefined, DerivingPart>()
  #running: Promise<void> | undefined
  /** There may be notes to be read. */
  #isNews = true
  #isArmedForNews = false
  #nextAt = 0
  #timer: { cancel(): void } | undefined
  #unsubscribe: (() => void) | undefined
  #isStarted = false
  #isStopped = false
  #isFailing = false

  constructor(options: DerivingStageOptions) {
    this.id = options.id
    this.#o = options
    this.#stream = noteStream(options.id)
    this.cursors = [options.id, `${options.id}#known`]
  }

  /** Cursors to be declared at the log. */
  readers(): ReadonlyMap<string, readonly string[]> {
    return new Map(this.cursors.map(cursor => [cursor, [this.#stream]]))
  }

  /** The log is started and has the cursors. */
  async start(): Promise<void> {
    const { log, clock, intervalMs } = this.#o
    this.#isStarted = true
    this.#nextAt = clock.now() + intervalMs
    if (log.parts === undefined) this.#open(undefined, 0)
    else log.parts.attach(this)
    this.#unsubscribe = log.onAppend(() => this.#news())
    this.#wake()
  }

  /** Commits what is counted. Safe twice, safe without start. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#unsubscribe?.()
    this.#timer?.cancel()
    await this.#running
    if (!this.#isStarted) return
    while (this.#read() > 0);
    await this.#commitAll(true)
    for (const part of this.#parts.values()) await part.end()
  }

  gained(part: number, partition: number): void {
    if (this.#isStopped) return
    this.#open(part, partition)
    this.#news()
  }

  async leaving(id: number): Promise<void> {
    const part = this.#parts.get(id)
    if (part === undefined) return
    await part.commit(true).catch(error => this.#failed(error))
    this.#parts.delete(id)
    await part.end()
  }

  lost(id: number): void {
    void this.#parts.get(id)?.end()
    this.#parts.delete(id)
  }

  /** Resolves when everything appended is counted, committed and sent on. For tests. */
  async settle(): Promise<void> {
    do {
      this.#nextAt = 0
      this.#isNews = false
      this.#wake()
      await this.#running
    } while (this.#isNews && !this.#isStopped)
  }

  #news(): void {
    this.#isNews = true
    if (this.#running === undefined && !this.#isArmedForNews) this.#arm()
  }

  #wake(): void {
    if (this.#isStopped || !this.#isStarted) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isArmedForNews = false
    this.#running ??= this.#run()
      .catch(error => this.#failed(error))
      .finally(() => {
        this.#running = undefined
        this.#arm()
      })
  }

  #arm(): void {
    const { clock } = this.#o
    if (this.#isStopped || !this.#isStarted) return
    this.#timer?.cancel()
    this.#isArmedForNews = this.#isNews
    const untilDue = Math.max(1, this.#nextAt - clock.now())
    this.#timer = clock.after(this.#isNews ? Math.min(GATHER_MS, untilDue) : untilDue, () => this.#wake())
  }

  /** Reads in slices, so that receivers get their turns. */
  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#o
    let isMore = true
    while (isMore) {
      await new Promise<void>(resolve => setImmediate(resolve))
      if (this.#isStopped) return
      this.#isNews = false
      const items = this.#read()
      // What came meanwhile, or did not fit in, is looked for when notes have gathered again.
      if (items > 0) this.#isNews = true
      isMore = items >= SLICE_ITEMS / 2
      const now = clock.now()
      const isTime = now >= this.#nextAt
      if (isTime) this.#nextAt = now + intervalMs
      if (isTime || [...this.#parts.values()].some(part => part.isFull)) await this.#commitAll(false)
    }
  }

  /** Spans of what was read. */
  #read(): number {
    let items = 0
    for (const part of this.#parts.values()) items += part.readSome()
    return items
  }

  #open(part: number | undefined, partition: number): void {
    const { log, create, clock, derive } = this.#o
    const stateKey = `${this.id}#totals|${partition}`
    const deriver = create()
    try {
      deriver.restore(log.state(stateKey), clock.now())
    } catch (error) {
      this.#o.logger.error({ code: codeOf(error) }, 'the totals kept in the queue cannot be read; they begin anew')
    }
    const [counted, known] = this.cursors as [string, string]
    this.#parts.set(part, new DerivingPart({ counted, known, stateKey, deriver, derive, log, clock, part }))
  }

  async #commitAll(isLast: boolean): Promise<void> {
    for (const [id, part] of this.#parts) {
      try {
        await part.commit(isLast)
        this.#isFailing = false
      } catch (error) {
        // The part is another process's now, with totals as they were committed last.
        if (codeOf(error) !== 'QUEUE_MOVED') this.#failed(error)
        else if (this.#parts.get(id) === part) this.#parts.delete(id)
      }
    }
  }

  #failed(error: unknown): void {
    const { clock, logger } = this.#o
    const code = codeOf(error)
    if (!this.#isFailing)
      logger.error({ code }, 'derived metrics cannot be written now; they are tried again until they can')
    this.#isFailing = true
    this.#nextAt = Math.min(this.#nextAt, clock.now() + RETRY_MS)
  }
}
