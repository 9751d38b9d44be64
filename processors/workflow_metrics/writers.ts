// Which notes the totals have counted. Every process numbers its notes; the totals are kept with the highest number of each
// writer, so that who starts with them can read notes again that it must only remember.
//
// Notes of a writer come in the order of their numbers, but for few: one that could not be written at once may come behind
// later ones (a spill on disk). A note is *late* when one with a higher number came before it; late ones that are counted
// are listed. Who reads again sees the same order, hence the same ones late: `before` stands for notes that are forgotten.

/** What is kept with the totals. */
export interface WriterState {
  /** Highest number that is counted. */
  readonly counted: number
  /** Highest number among the forgotten ones. */
  readonly before: number
  /** Late ones that are counted. */
  readonly late: readonly number[]
  readonly atMs: number
}

interface Writer {
  counted: number
  /** Highest number read. */
  read: number
  /** `read` at the end of the last generation, and of the one before. */
  lastRead: number
  before: number
  /** Late ones that are counted, and the generation they came in. */
  readonly late: Map<number, number>
  atMs: number
}

/** A process that wrote nothing for so long is gone. */
const GONE_MS = 24 * 3_600_000

export class Writers {
  readonly #writers = new Map<string, Writer>()
  #generation = 0

  /** Whether note `number` of a writer is in the totals; from now on it is. */
  isCounted(name: string, number: number, atMs: number): boolean {
    let writer = this.#writers.get(name)
    if (writer === undefined) {
      writer = { counted: 0, read: 0, lastRead: 0, before: 0, late: new Map(), atMs }
      this.#writers.set(name, writer)
    }
    writer.atMs = Math.max(writer.atMs, atMs)
    if (number <= writer.read) {
      const isCounted = writer.late.has(number)
      writer.late.set(number, this.#generation)
      return isCounted
    }
    writer.read = number
    if (number <= writer.counted) return true
    writer.counted = number
    return false
  }

  /** A new generation of the memory: notes of the one before the last are forgotten. */
  turn(nowMs: number): void {
    this.#generation++
    for (const [name, writer] of this.#writers) {
      writer.before = writer.lastRead
      writer.lastRead = writer.read
      for (const [number, generation] of writer.late) if (generation < this.#generation - 1) writer.late.delete(number)
      if (writer.atMs < nowMs - GONE_MS) this.#writers.delete(name)
    }
  }

  state(): [string, WriterState][] {
    return [...this.#writers].map(([name, { counted, before, late, atMs }]) => [
      name,
      { counted, before, late: [...late.keys()], atMs }
    ])
  }

  restore(states: readonly (readonly [string, WriterState])[]): void {
    for (const [name, { counted, before, late, atMs }] of states) {
      const marks = { counted, before, read: before, lastRead: before, atMs }
      this.#writers.set(name, { ...marks, late: new Map(late.map(number => [number, this.#generation])) })
    }
  }
}
