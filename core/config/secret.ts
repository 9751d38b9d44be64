// A value that must never be printed: it shows as [REDACTED] wherever something tries.

import { inspect } from 'node:util'

const HIDDEN = '[REDACTED]'

/** Holds a credential. `reveal()` at the one place that sends it; every other use prints `[REDACTED]`. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The value itself. Never put it into a log line, an error or a metric. */
  reveal(): string {
    return this.#value
  }

  /** True when nothing was given. */
  get isEmpty(): boolean {
    return this.#value === ''
  }

  /** True when both hold the same value. */
  equals(other: Secret): boolean {
    return this.#value === other.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
