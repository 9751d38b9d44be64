// One deriver on one part of the log: the whole log where one process has it, one of the partitions this process owns where
// several share it. derived.ts says how notes become totals.

import type { Clock } from '../component/context.js'
import type { Deriver } from '../component/derived.js'
import type { Log, ReadLimit } from '../queue/log.js'
import type { Derived } from './gather.js'

export interface DerivingPartOptions {
  /** Cursor that is done with a note when it is counted. */
  readonly counted: string
  /** Cursor that is done with a note when it is forgotten. */
  readonly known: string
  /** Where the totals are kept. */
  readonly stateKey: string
  readonly deriver: Deriver
  readonly derive: (bytes: Buffer) => Derived
  readonly log: Log
  readonly clock: Clock
  /** Of a log that has parts: the one this is about. */
  readonly part: number | undefined
}

/** Notes that may be counted without a commit; beyond it one is made early, so that a start has little to read again. */
const FRESH_BYTES = 8 * 1024 * 1024
/** Totals that did not change are sent again so often, so that back ends do not take them for gone. */
const REPEAT_MS = 60_000
/** Spans that are counted in one go: some milliseconds. */
export const SLICE_ITEMS = 20_000
const READ: ReadLimit = { maxItems: SLICE_ITEMS, maxBytes: 4 * 1024 * 1024, isOnce: true }

export class DerivingPart {
  readonly part: number | undefined
  readonly #o: DerivingPartOptions
  readonly #read: ReadLimit
  #after = -1
  /** Positions that are counted by the deriver and not yet committed. */
  #fresh: number[] = []
  #freshBytes = 0
  /** Notes that are remembered, oldest first, and the generation each one belongs to. */
  readonly #remembered: { position: number; generation: number }[] = []
  #repeatedAt = 0
  #committing: Promise<void> | undefined
  #isEnded = false

  constructor(options: DerivingPartOptions) {
    this.#o = options
    this.part = options.part
    this.#read = options.part === undefined ? READ : { ...READ, part: options.part }
  }

  /** Whether a commit should not wait for its time. */
  get isFull(): boolean {
    return this.#freshBytes > FRESH_BYTES
  }

  /** Takes some of what is there; of how many spans it was. */
  readSome(): number {
    if (this.#isEnded) return 0
    let spans = 0
    const { log, deriver, known } = this.#o
    const entries = log.read(known, this.#after, this.#read)
    for (const { position, items, bytes, appendedAt } of entries) {
      this.#after = position
      // At least one, so that what was read is never taken for nothing.
      spans += Math.max(items, 1)
      deriver.take(bytes, appendedAt)
      this.#fresh.push(position)
      this.#freshBytes += bytes.length
      this.#remembered.push({ position, generation: deriver.generation })
    }
    return spans
  }

  /** Commits what is counted. Until it is done nothing of it has happened: the next one takes it along. */
  async commit(isLast = false): Promise<void> {
    await this.#committing?.catch(() => {})
    if (this.#isEnded) return
    this.#committing = this.#commit(isLast).finally(() => {
      this.#committing = undefined
    })
    await this.#committing
  }

  /** Nothing is committed any more once it is settled what is under way. */
  async end(): Promise<void> {
    this.#isEnded = true
    await this.#committing?.catch(() => {})
  }

  async #commit(isLast: boolean): Promise<void> {
    const { deriver, log, clock, stateKey, counted, known, part } = this.#o
    // By the clock that told the notes their time.
    const now = log.parts?.now() ?? clock.now()
    const fresh = this.#fresh
    const forgotten = this.#forgotten()
    const isDue = deriver.isChanged || now - this.#repeatedAt >= REPEAT_MS
    if (fresh.length === 0 && forgotten.length === 0 && (!isDue || isLast)) return
    const emitted = isDue ? deriver.emit(now) : undefined
    const made = emitted === undefined ? undefined : this.#o.derive(emitted)
    const acks = [
      { cursor: counted, positions: fresh },
      { cursor: known, positions: forgotten }
    ].filter(({ positions }) => positions.length > 0)
    this.#fresh = []
    try {
      await log.commit({
        acks,
        ...(made === undefined ? {} : made),
        // What is forgotten is part of it, too, and what time alone has changed.
        ...(acks.length === 0 && made === undefined ? {} : { state: new Map([[stateKey, deriver.state()]]) }),
        ...(part === undefined ? {} : { part })
      })
    } catch (error) {
      this.#fresh = [...fresh, ...this.#fresh]
      throw error
    }
    this.#freshBytes = 0
    this.#remembered.splice(0, forgotten.length)
    if (isDue) this.#repeatedAt = now
    if (emitted !== undefined) deriver.committed()
  }

  /** Positions of notes that the deriver does not remember any more. */
  #forgotten(): number[] {
    const positions: number[] = []
    for (const { position, generation } of this.#remembered) {
      if (generation >= this.#o.deriver.generation - 1) break
      positions.push(position)
    }
    return positions
  }
}
