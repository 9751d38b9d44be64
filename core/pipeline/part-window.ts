// One window on one part of the log: the whole log where one process has it, one of the partitions this process owns where several
// share it. Reads, decides and commits: output, acks, ledger and journal in one commit, so that a crash replays the window instead of
// losing it, and whoever takes the part over goes on where it stood.

import type { Clock, Log as Logger } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { Log, StoredEntry } from '../queue/log.js'
import type { Harvest, Window } from '../sampling/window.js'

export interface PartWindowOptions {
  /** The cursor that reads the arrivals, and the one that reads the journal. */
  readonly cursor: string
  readonly journal: string
  readonly window: Window
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  /** Of a log that has parts: the one this is about. */
  readonly part: number | undefined
}

/** How often decisions are written, milliseconds: output in larger pieces costs less. */
const TICK_MS = 100
/** After a commit that failed. */
const RETRY_MS = 1000
const READ = { maxItems: 8192, maxBytes: 2 * 1024 * 1024 }
const READ_JOURNAL = { maxItems: 1, maxBytes: 8 * 1024 * 1024 }

export class PartWindow {
  readonly window: Window
  readonly part: number | undefined
  readonly #o: PartWindowOptions
  readonly #read: typeof READ & { readonly part?: number }
  #after = -1
  /** Whether everything appended is read. If not it may be on its way from Redis: then `#isToRead` is false until there is news. */
  #isCaughtUp = false
  #isToRead = true
  /** What is decided waits for payloads: nothing is read or decided meanwhile. */
  #isFetching = false
  #lastAt = 0
  #running: Promise<void> | undefined
  #commit: Promise<void> | undefined
  #nextTickAt = 0
  #timer: { cancel(): void } | undefined
  #unsubscribe: (() => void) | undefined
  #restored: Promise<void> | undefined
  #isStarted = false
  #isStopped = false
  #isLost = false
  #isFailing = false

  constructor(options: PartWindowOptions) {
    this.#o = options
    this.window = options.window
    this.part = options.part
    this.#read = options.part === undefined ? READ : { ...READ, part: options.part }
  }

  /** Reads what earlier owners and runs decided, and goes on. Resolves when that is read. */
  start(): Promise<void> {
    this.#restored ??= this.#restore().then(() => {
      if (this.#isStopped) return
      this.#isStarted = true
      this.#unsubscribe = this.#o.log.onAppend(() => this.#news())
      this.#wake()
    })
    return this.#restored
  }

  /** Writes what is decided; what is not waits in the log for the next start or owner. Safe twice, safe without start. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#end()
    await this.#running
    await this.#commit
    // What is over by now still goes out, where its payloads are at hand.
    if (this.#isStarted && !this.#isLost && this.#tick(true)) await this.#commit
  }

  /** Another process has the part: nothing of it is committed any more. */
  lost(): void {
    this.#isLost = true
    this.#end()
  }

  /** Resolves when everything appended is read and everything due is durable. For tests and for a stop with a deadline. */
  async settle(): Promise<void> {
    await this.#restored
    this.#nextTickAt = 0
    this.#news()
    while (this.#running !== undefined || this.#commit !== undefined) {
      await this.#running
      await this.#commit
      // What a commit set free is looked for once more.
      if (this.#running === undefined && this.#commit === undefined && !this.#isStopped && this.#tick())
        await this.#commit
    }
  }

  /** Whether it knows all of the log and nothing is under way. */
  get isIdle(): boolean {
    return this.#isCaughtUp && !this.#isFetching && this.#running === undefined && this.#commit === undefined
  }

  /** Whether an entry that was damaged was not read here yet. */
  isAhead(position: number): boolean {
    return position > this.#after
  }

  #end(): void {
    this.#isStopped = true
    this.#unsubscribe?.()
    this.#timer?.cancel()
  }

  async #restore(): Promise<void> {
    const { log, journal, part } = this.#o
    if (log.parts !== undefined && part !== undefined) return this.#restorePart(log.parts.waiting(journal, part))
    for (let after = -1; ; ) {
      const entries = log.read(journal, after, READ_JOURNAL)
      for (const entry of entries) this.window.restore(entry)
      const last = entries.at(-1)
      if (last === undefined) return
      after = last.position
    }
  }

  /** Journal entries may have to come from Redis first. */
  async #restorePart(positions: readonly number[]): Promise<void> {
    const { log } = this.#o
    const have = new Map<number, StoredEntry>()
    for (let left = positions; left.length > 0 && !this.#isStopped; ) {
      const news = new Promise<void>(resolve => {
        const unsubscribe = log.onAppend(() => {
          unsubscribe()
          resolve()
        })
      })
      if (log.ready?.(left) === false) await news
      else {
        for (const position of left) {
          const entry = log.get(position)
          if (entry !== undefined) have.set(position, entry)
        }
        left = []
      }
    }
    if (this.#isStopped) return
    for (const position of positions) {
      const entry = have.get(position)
      if (entry !== undefined) this.window.restore(entry)
    }
  }

  /** By the clock that tells entries their time. */
  #now(): number {
    return this.#o.log.parts?.now() ?? this.#o.clock.now()
  }

  #news(): void {
    this.#isCaughtUp = false
    this.#isToRead = true
    this.#wake()
  }

  #wake(): void {
    if (this.#isStopped || !this.#isStarted) return
    this.#running ??= this.#runSafely().finally(() => {
      this.#running = undefined
      if (this.#isToRead) this.#wake()
      else this.#arm()
    })
  }

  /** Nothing but a fault of the store or of this code can throw: it is told, and tried again. */
  async #runSafely(): Promise<void> {
    try {
      await this.#run()
    } catch (error) {
      if (this.#isStopped) return
      this.#o.logger.error({ code: codeOf(error) }, 'the window failed; it goes on in a second')
      await new Promise<void>(resolve => this.#o.clock.after(RETRY_MS, resolve))
    }
  }

  /** Reads in slices, so that receivers get their turns. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await new Promise<void>(resolve => setImmediate(resolve))
      if (this.#isStopped) return
      if (this.#isToRead && !this.#isFetching) this.#readSome()
      if (this.#now() >= this.#nextTickAt || this.#isFetching) this.#tick()
      if (!this.#isToRead || this.#isFetching) {
        // News of payloads wakes it.
        this.#isToRead = false
        return
      }
    }
  }

  #readSome(): void {
    const { log, cursor, part } = this.#o
    const entries = log.read(cursor, this.#after, this.#read)
    if (entries.length === 0) {
      this.#isToRead = false
      this.#isCaughtUp = part === undefined || log.parts?.waiting(cursor, part, this.#after, 1).length === 0
      return
    }
    for (const entry of entries) {
      this.#after = entry.position
      // Clocks of several gateways: never back, and never ahead of now.
      this.#lastAt =
        part === undefined ? entry.appendedAt : Math.max(this.#lastAt, Math.min(entry.appendedAt, this.#now()))
      this.window.take(part === undefined ? entry : { ...entry, appendedAt: this.#lastAt })
    }
  }

  /** Decides and commits; whether a commit is on its way. */
  #tick(isLast = false): boolean {
    if (this.#commit !== undefined || this.#isLost) return false
    const { log, part } = this.#o
    const now = this.#now()
    this.#nextTickAt = now + TICK_MS
    // A lease in doubt: others may be deciding already.
    if (part !== undefined && log.parts?.isCertain(part) !== true) return false
    if (!this.#isFetching) {
      // What others appended a moment ago may not be known yet: time goes no further than what is.
      const known = part === undefined ? now : Math.min(now, log.parts!.knownAt())
      const more = this.window.advance(this.#isCaughtUp ? Math.max(known, this.#lastAt) : this.#lastAt)
      if (more) this.#nextTickAt = 0
    }
    this.#isFetching = log.ready?.(this.window.needs()) === false
    if (this.#isFetching) return false
    const harvest = this.window.harvest(position => log.get(position)?.bytes, now, {
      isCaughtUp: this.#isCaughtUp,
      isLast
    })
    if (harvest === undefined) return false
    this.#commit = this.#write(harvest).finally(() => {
      this.#commit = undefined
      this.#wake()
    })
    return true
  }

  /** Commits until it is done: the window has moved on and counts on it. */
  async #write(harvest: Harvest): Promise<void> {
    const { log, logger, cursor, journal, part, clock } = this.#o
    const acks = [
      { cursor, positions: harvest.released },
      { cursor: journal, positions: harvest.releasedJournal }
    ].filter(({ positions }) => positions.length > 0)
    const { appends, counts } = harvest
    for (;;) {
      try {
        const positions = await log.commit({ appends, acks, counts, ...(part === undefined ? {} : { part }) })
        this.window.committed(harvest, positions, this.#now())
        this.#isFailing = false
        return
      } catch (error) {
        const code = codeOf(error)
        if (code === 'QUEUE_MOVED') this.lost()
        else if (!this.#isFailing)
          logger.error({ code }, 'decisions cannot be written now; they are tried again until they can')
        this.#isFailing = true
        if (this.#isStopped || code === 'QUEUE_CLOSED') return
        await new Promise<void>(resolve => clock.after(RETRY_MS, resolve))
      }
    }
  }

  /** Wakes when something is due. */
  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const due = this.window.dueAt()
    // A commit on its way, and payloads that come, wake when they are done.
    if (due === Number.POSITIVE_INFINITY || this.#isStopped || this.#commit !== undefined || this.#isFetching) return
    const at = Math.max(due, this.#nextTickAt)
    this.#timer = this.#o.clock.after(Math.max(1, at - this.#now()), () => this.#wake())
  }
}
