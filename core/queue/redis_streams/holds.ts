// Holds (Log.hold) as Redis keeps them: for each owned partition the number of the first entry held, so that a restart or takeover
// keeps them; one that nobody declares again within a minute is released.
import type { Holdings } from './holdings.js'
import type { Timers } from './turns.js'

const HOLD_GRACE_MS = 60_000

export class Holds {
  readonly #holdings: Holdings
  readonly #timers: Timers
  readonly #positions = new Map<string, number>()
  /** Names that Redis may know. */
  readonly #known = new Set<string>()
  readonly #undeclared = new Set<string>()
  /** Whether Redis is to be told. */
  isChanged = false

  constructor(holdings: Holdings, timers: Timers) {
    this.#holdings = holdings
    this.#timers = timers
  }

  set(name: string, position: number): void {
    this.#holdings.book.hold(name, position)
    if (position === Number.POSITIVE_INFINITY) this.#positions.delete(name)
    else this.#positions.set(name, position)
    this.#undeclared.delete(name)
    this.isChanged = true
  }

  /** The lowest position held; Infinity when none is. */
  get lowest(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#holdings.book.holds().values())
  }

  /** What a commit tells Redis: field and number, or '' for gone. */
  take(): (readonly [string, string])[] {
    if (!this.isChanged) return []
    this.isChanged = false
    const fields: (readonly [string, string])[] = []
    for (const name of this.#positions.keys()) this.#known.add(name)
    for (const p of this.#holdings.owned.keys()) {
      for (const name of this.#known) {
        const position = this.#positions.get(name)
        fields.push([`${p}|${name}`, position === undefined ? '' : `${this.#holdings.seqAt(position)}`])
      }
    }
    for (const name of this.#known) if (!this.#positions.has(name)) this.#known.delete(name)
    return fields
  }

  /** What the last owner of partition `p` held goes on here. */
  load(p: number, stored: Readonly<Record<string, string>>): void {
    const { book } = this.#holdings
    for (const [field, seq] of Object.entries(stored)) {
      const name = field.slice(field.indexOf('|') + 1)
      if (!field.startsWith(`${p}|`)) continue
      const at = Math.min(this.#positions.get(name) ?? Number.POSITIVE_INFINITY, Math.max(Number(seq), book.next))
      book.hold(name, at)
      this.#positions.set(name, at)
      this.#known.add(name)
      this.#undeclared.add(name)
    }
    this.isChanged ||= this.#positions.size > 0
    if (this.#undeclared.size === 0) return
    this.#timers.after(HOLD_GRACE_MS, () => {
      for (const name of this.#undeclared) this.set(name, Number.POSITIVE_INFINITY)
    })
  }
}
