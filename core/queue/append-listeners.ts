// Who waits for appends, told soon and once for all commits of a turn: what every log does with `onAppend`.

export class AppendListeners {
  readonly #listeners = new Set<() => void>()
  readonly #isOpen: () => boolean
  #isDue = false

  /** Nobody is told any more when `isOpen` says no. */
  constructor(isOpen: () => boolean = () => true) {
    this.#isOpen = isOpen
  }

  /** @returns takes `fn` off again. */
  add(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Calls everybody after this turn of the event loop. */
  tell(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      if (!this.#isOpen()) return
      for (const listener of this.#listeners) listener()
    })
  }
}
