// A value that must never be printed: it shows as [REDACTED] wherever something tries.

import { inspect } from 'node:util'

const HIDDEN = '[REDACTED]'

/** Holds a credential. `reveal()` at the one place that sends it; every other use prints `[REDACTED]`. */
export class Secret {
  readonly #value: string
  readonly #source: (() => string) | undefined

  /** @param source reads the value again where it came from a file; throws when it cannot */
  constructor(value: string, source?: () => string) {
    this.#value = value
    this.#source = source
  }

  /** Whether `reread` can give another value than `reveal`. */
  get hasSource(): boolean {
    return this.#source !== undefined
  }

  /** The value as its file has it now. As `reveal`, for the one place that sends it. @throws when it cannot be read */
  reread(): string {
    return this.#source?.() ?? this.#value
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
