// Small helpers of time: one piece of work at a time, and timers that end together.

export const NO_JOB = (): void => {}

/** Work that must not overlap: commits, loading, losing. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `work` when all before it has ended, however it ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work, work)
    this.#last = next.catch(NO_JOB)
    return next
  }
}

/** Timers that keep no process alive and end together. */
export class Timers {
  readonly #timers = new Set<NodeJS.Timeout>()

  after(ms: number, fn: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      fn()
    }, ms)
    this.#timers.add(timer.unref())
  }

  pause(ms: number): Promise<void> {
    return new Promise(done => this.after(ms, done))
  }

  /** Ends all of them; who pauses pauses for ever. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
