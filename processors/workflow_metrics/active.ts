// Which workflows run, as far as spans tell: traces of which a step has ended and the workflow has not.
//
// A fixed table, sixteen slots for a trace to be in; when they are taken, the one that ended longest ago goes. It is for a gauge,
// which may be a little wrong where totals may not: two traces are taken for one with a chance of 16 / 2^32.

const SLOTS = 1 << 17
const WAYS = 16
/** `#workflows`: nothing, a trace that has ended, else 2 + number of its workflow. */
const EMPTY = 0
const ENDED = 1

export class ActiveTraces {
  readonly #timeoutMs: number
  readonly #tags = new Int32Array(SLOTS)
  readonly #workflows = new Uint16Array(SLOTS)
  /** Seconds since `#begin`, a day before the first trace. */
  readonly #at = new Uint32Array(SLOTS)
  #begin = Number.NaN
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #open: number[] = []
  #last = 0

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.workflow('')
  }

  /** The number of a workflow, for the calls below. Of the many that nobody should have, all further ones are one. */
  workflow(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    if (this.#names.length >= 0xfff0) return 0
    const number = this.#names.push(name) - 1
    this.#numbers.set(name, number)
    this.#open.push(0)
    return number
  }

  /** A step of the trace with this id at `at` has ended. */
  step(view: DataView, at: number, workflow: number, nowMs: number): void {
    const tag = tagOf(view, at)
    // Spans of a trace come together: one look-up for all of them.
    if (tag === this.#last) return
    this.#last = tag
    const slot = this.#slotOf(tag)
    this.#at[slot] = this.#seconds(nowMs)
    if (this.#tags[slot] === tag && this.#workflows[slot] !== EMPTY) return
    this.#take(slot, tag, workflow + 2)
    this.#open[workflow]!++
  }

  /** A workflow of that trace has ended; steps of it that come later do not open it again. */
  ended(view: DataView, at: number, nowMs: number): void {
    const tag = tagOf(view, at)
    this.#last = tag
    const slot = this.#slotOf(tag)
    this.#take(slot, tag, ENDED)
    this.#at[slot] = this.#seconds(nowMs)
  }

  /** Open traces by workflow; workflows that had some are there with 0. */
  count(nowMs: number): ReadonlyMap<string, number> {
    const oldest = this.#seconds(nowMs - this.#timeoutMs)
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.#workflows[slot]! !== EMPTY && this.#at[slot]! <= oldest) this.#take(slot, 0, EMPTY)
    }
    this.#last = 0
    return new Map(
      this.#names.map((name, i) => [name, this.#open[i]!] as const).filter(([name, n]) => name !== '' || n > 0)
    )
  }

  #seconds(nowMs: number): number {
    if (Number.isNaN(this.#begin)) this.#begin = nowMs - 86_400_000
    return Math.max(0, Math.floor((nowMs - this.#begin) / 1000))
  }

  /** Where the trace is, or is to be. */
  #slotOf(tag: number): number {
    const first = (tag ^ (tag >>> 15)) & (SLOTS - 1) & ~(WAYS - 1)
    let victim = first
    let best = Number.POSITIVE_INFINITY
    for (let slot = first; slot < first + WAYS; slot++) {
      const workflow = this.#workflows[slot]!
      if (workflow !== EMPTY && this.#tags[slot] === tag) return slot
      const rank = workflow === EMPTY ? -1 : this.#at[slot]! + (workflow === ENDED ? 0 : 0x100000000)
      if (rank < best) {
        best = rank
        victim = slot
      }
    }
    return victim
  }

  #take(slot: number, tag: number, workflow: number): void {
    const before = this.#workflows[slot]!
    if (before > ENDED) this.#open[before - 2]!--
    this.#tags[slot] = tag
    this.#workflows[slot] = workflow
  }
}

/** 32 bits of the trace id, never 0; its last bytes are the random ones. */
function tagOf(view: DataView, at: number): number {
  const mixed = Math.imul(view.getInt32(at + 8) ^ Math.imul(view.getInt32(at + 12), 0x9e3779b1), 0x85ebca6b)
  return mixed ^ (mixed >>> 15) || 1
}
