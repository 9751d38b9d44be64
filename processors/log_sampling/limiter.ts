// A rate for each of many keys in bounded memory. What was refused is remembered as a weight that the next one of its key carries,
// so that counts extrapolated from what is kept stay right.
//
// Two generations: a key that is used moves to the young one; when that is half of all keys, the old one is forgotten.

interface Entry {
  /** When the bucket of the key is full again (GCRA), milliseconds. */
  fullAt: number
  /** Records refused since the last that was kept, by weight. */
  refused: number
}

export class KeyedLimiter {
  readonly #everyMs: number
  readonly #slackMs: number
  readonly #half: number
  readonly #forgotten: (weight: number) => void
  #young = new Map<number, Entry>()
  #old = new Map<number, Entry>()

  /**
   * @param perSecond of each key
   * @param burst of each key at once
   * @param maxKeys remembered
   * @param forgotten told of refused records that nothing will stand for, when their key is forgotten
   */
  constructor(perSecond: number, burst: number, maxKeys: number, forgotten: (weight: number) => void) {
    this.#everyMs = 1000 / perSecond
    this.#slackMs = (burst - 1) * this.#everyMs
    this.#half = Math.ceil(maxKeys / 2)
    this.#forgotten = forgotten
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** 0: refused. Else the weight of what is kept: its own and that of those refused before it. */
  take(key: number, weight: number, now: number): number {
    const entry = this.#entry(key)
    const fullAt = Math.max(entry.fullAt, now)
    if (fullAt - now > this.#slackMs) {
      entry.refused += weight
      return 0
    }
    entry.fullAt = fullAt + this.#everyMs
    const all = weight + entry.refused
    entry.refused = 0
    return all
  }

  #entry(key: number): Entry {
    let entry = this.#young.get(key)
    if (entry !== undefined) return entry
    entry = this.#old.get(key)
    if (entry === undefined) entry = { fullAt: 0, refused: 0 }
    else this.#old.delete(key)
    if (this.#young.size >= this.#half) this.#age()
    this.#young.set(key, entry)
    return entry
  }

  #age(): void {
    let lost = 0
    for (const { refused } of this.#old.values()) lost += refused
    if (lost > 0) this.#forgotten(lost)
    this.#old = this.#young
    this.#young = new Map()
  }
}
