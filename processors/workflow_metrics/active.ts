// Which workflows run, as far as spans tell: traces of which a step has ended and the workflow has not. A bounded memory,
// oldest trace out first; for a gauge, which may be a little wrong where totals may not.

const MAX_TRACES = 100_000

interface Trace {
  workflow: string
  lastAt: number
  isOpen: boolean
}

export class ActiveTraces {
  readonly #timeoutMs: number
  readonly #traces = new Map<number, Trace>()
  readonly #open = new Map<string, number>()
  #lastKey = -1

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** A step of the trace with this id at `at` has ended. */
  step(buf: Buffer, at: number, workflow: string, nowMs: number): void {
    const key = keyOf(buf, at)
    // Spans of a trace come together: one look-up for all of them.
    if (key === this.#lastKey) return
    this.#lastKey = key
    const known = this.#traces.get(key)
    if (known !== undefined) known.lastAt = nowMs
    else this.#add(key, { workflow, lastAt: nowMs, isOpen: true })
  }

  /** A workflow of that trace has ended; steps of it that come later do not open it again. */
  ended(buf: Buffer, at: number, workflow: string, nowMs: number): void {
    const key = keyOf(buf, at)
    this.#lastKey = key
    const known = this.#traces.get(key)
    if (known === undefined) this.#add(key, { workflow, lastAt: nowMs, isOpen: false })
    else this.#close(known)
  }

  /** Open traces by workflow; workflows that had some are there with 0. */
  count(nowMs: number): ReadonlyMap<string, number> {
    for (const [key, trace] of this.#traces) {
      if (nowMs - trace.lastAt < this.#timeoutMs) continue
      this.#close(trace)
      this.#traces.delete(key)
    }
    this.#lastKey = -1
    return this.#open
  }

  #add(key: number, trace: Trace): void {
    if (this.#traces.size >= MAX_TRACES) {
      const [oldest, old] = this.#traces.entries().next().value!
      this.#close(old)
      this.#traces.delete(oldest)
    }
    this.#traces.set(key, trace)
    if (!this.#open.has(trace.workflow)) this.#open.set(trace.workflow, 0)
    if (trace.isOpen) this.#change(trace.workflow, 1)
  }

  #close(trace: Trace): void {
    if (!trace.isOpen) return
    trace.isOpen = false
    this.#change(trace.workflow, -1)
  }

  #change(workflow: string, by: number): void {
    this.#open.set(workflow, (this.#open.get(workflow) ?? 0) + by)
  }
}

/** 53 bits of the trace id; its last bytes are the random ones. */
function keyOf(buf: Buffer, at: number): number {
  const low = buf[at + 12]! + buf[at + 13]! * 0x100 + buf[at + 14]! * 0x10000 + buf[at + 15]! * 0x1000000
  const high = buf[at + 9]! + buf[at + 10]! * 0x100 + (buf[at + 11]! & 0x1f) * 0x10000
  return high * 0x100000000 + low
}
