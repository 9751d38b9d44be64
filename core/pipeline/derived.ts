// Runs the half behind the log of a processor that makes telemetry of its own (core/component/derived.ts): reads its notes,
// and now and then commits what became of them: totals as state, the telemetry into its pipelines, and the cursors, in one
// commit. So a crash neither loses nor repeats: what was not committed is read again.
//
// Two cursors read the notes. `<id>` is done with a note when it is counted; what waits for it is not in the totals yet.
// `<id>#known` is done with it when the deriver has forgotten it: until then a process that starts reads it again, to know
// what came twice. The notes themselves say whether the state has counted them.
//
// Totals are kept by part of the log: with a shared log a part moves to another process, and its totals with it. The state's
// commit acks notes of its part, so a process that lost the part cannot write it (core/queue/log.ts, `part`).

import type { Clock, Log as Logger } from '../component/context.js'
import type { Deriver } from '../component/derived.js'
import { codeOf } from '../component/errors.js'
import type { Log } from '../queue/log.js'
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

interface Part {
  readonly key: string
  readonly deriver: Deriver
  /** Positions that are counted by the deriver and not yet committed. */
  fresh: number[]
  freshBytes: number
  /** Notes that are remembered, oldest first, and the generation each one belongs to. */
  readonly known: { position: number; generation: number }[]
  repeatedAt: number
}

/** Notes that may be counted without a commit; beyond it one is made early, so that a start has little to read again. */
const FRESH_BYTES = 8 * 1024 * 1024
/** Totals that did not change are sent again so often, so that back ends do not take them for gone. */
const REPEAT_MS = 60_000
const RETRY_MS = 1000
/** A log without parts is one. */
const ONLY_PART = 0
const READ = { maxItems: 100_000, maxBytes: 4 * 1024 * 1024 }

export class DerivingStage {
  readonly id: string
  readonly #o: DerivingStageOptions
  readonly #reader: string
  readonly #stream: string
  readonly #parts = new Map<number, Part>()
  #after = -1
  #running: Promise<void> | undefined
  #isBehind = true
  #nextAt = 0
  #timer: { cancel(): void } | undefined
  #unsubscribe: (() => void) | undefined
  #isStarted = false
  #isStopped = false
  #isFailing = false

  constructor(options: DerivingStageOptions) {
    this.id = options.id
    this.#o = options
    this.#reader = `${options.id}#known`
    this.#stream = noteStream(options.id)
  }

  /** Cursors to be declared at the log. */
  readers(): ReadonlyMap<string, readonly string[]> {
    return new Map([
      [this.id, [this.#stream]],
      [this.#reader, [this.#stream]]
    ])
  }

  /** The log is started and has the cursors. */
  async start(): Promise<void> {
    const { log, clock } = this.#o
    this.#isStarted = true
    // Totals are shown from the start, whether something new comes or not.
    this.#part(ONLY_PART)
    this.#nextAt = clock.now() + this.#o.intervalMs
    this.#unsubscribe = log.onAppend(() => {
      this.#isBehind = true
      this.#wake()
    })
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
    this.#isBehind = true
    while (this.#isBehind) this.#read()
    await this.#commitAll(true)
  }

  /** Resolves when everything appended is counted, committed and sent on. For tests. */
  async settle(): Promise<void> {
    this.#isBehind = true
    this.#nextAt = 0
    this.#wake()
    while (this.#running !== undefined) await this.#running
  }

  #wake(): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#running ??= this.#run()
      .catch(error => this.#failed(error))
      .finally(() => {
        this.#running = undefined
        if (this.#isBehind) this.#wake()
        else this.#arm()
      })
  }

  #arm(): void {
    const { clock } = this.#o
    if (this.#isStopped) return
    this.#timer = clock.after(Math.max(1, this.#nextAt - clock.now()), () => this.#wake())
  }

  /** Reads in slices, so that receivers get their turns. */
  async #run(): Promise<void> {
    const { clock, intervalMs } = this.#o
    do {
      await new Promise<void>(resolve => setImmediate(resolve))
      if (this.#isStopped) return
      this.#read()
      const now = clock.now()
      if (now >= this.#nextAt) {
        this.#nextAt = now + intervalMs
        await this.#commitAll(false)
      } else if ([...this.#parts.values()].some(part => part.freshBytes > FRESH_BYTES)) await this.#commitAll(false)
    } while (this.#isBehind)
  }

  #read(): void {
    const entries = this.#o.log.read(this.#reader, this.#after, READ)
    if (entries.length === 0) this.#isBehind = false
    for (const entry of entries) {
      this.#after = entry.position
      const part = this.#part(entry.part ?? ONLY_PART)
      part.deriver.take(entry.bytes, entry.appendedAt)
      part.fresh.push(entry.position)
      part.freshBytes += entry.bytes.length
      part.known.push({ position: entry.position, generation: part.deriver.generation })
    }
  }

  #part(id: number): Part {
    const known = this.#parts.get(id)
    if (known !== undefined) return known
    const { log, create, clock } = this.#o
    const key = `${this.id}#totals|${id}`
    const deriver = create()
    try {
      deriver.restore(log.state(key), clock.now())
    } catch (error) {
      this.#o.logger.error({ code: codeOf(error) }, 'the totals kept in the queue cannot be read; they begin anew')
    }
    const part: Part = { key, deriver, fresh: [], freshBytes: 0, known: [], repeatedAt: 0 }
    this.#parts.set(id, part)
    return part
  }

  async #commitAll(isLast: boolean): Promise<void> {
    for (const [id, part] of this.#parts) {
      try {
        await this.#commit(part, isLast)
        this.#isFailing = false
      } catch (error) {
        // The part is another process's now, with totals as they were committed last.
        if (codeOf(error) === 'QUEUE_MOVED') this.#parts.delete(id)
        else this.#failed(error)
      }
    }
  }

  /** Until it is done nothing of it has happened: the next one takes it along. */
  async #commit(part: Part, isLast: boolean): Promise<void> {
    const { deriver, fresh } = part
    const { log, clock } = this.#o
    const now = clock.now()
    const forgotten = this.#forgotten(part)
    const isDue = deriver.isChanged || now - part.repeatedAt >= REPEAT_MS
    if (fresh.length === 0 && forgotten.length === 0 && (!isDue || isLast)) return
    const emitted = isDue ? deriver.emit(now) : undefined
    const { appends, counts } = emitted === undefined ? { appends: [], counts: new Map() } : this.#o.derive(emitted)
    const acks = [
      { cursor: this.id, positions: fresh },
      { cursor: this.#reader, positions: forgotten }
    ].filter(({ positions }) => positions.length > 0)
    const state = fresh.length === 0 ? undefined : new Map([[part.key, deriver.state()]])
    await log.commit({ appends, acks, counts, ...(state === undefined ? {} : { state }) })
    part.fresh = []
    part.freshBytes = 0
    part.known.splice(0, forgotten.length)
    if (isDue) part.repeatedAt = now
    if (emitted !== undefined) deriver.committed()
  }

  /** Positions of notes that the deriver does not remember any more. */
  #forgotten({ known, deriver }: Part): number[] {
    const positions: number[] = []
    for (const { position, generation } of known) {
      if (generation >= deriver.generation - 1) break
      positions.push(position)
    }
    return positions
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
