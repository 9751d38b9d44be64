// How fast an exporter drains: items and bytes a second, exponentially weighted, for Retry-After and for the operator.

const WINDOW_MS = 1000
/** Weight of the newest second; an old rate has faded to 10 % after ten seconds. */
const ALPHA = 0.2

export class DrainRate {
  #from: number
  #items = 0
  #bytes = 0
  #itemsPerSecond = 0
  #bytesPerSecond = 0

  constructor(now: number) {
    this.#from = now
  }

  add(items: number, bytes: number, now: number): void {
    this.#roll(now)
    this.#items += items
    this.#bytes += bytes
  }

  /** The rate as of `now`; idle seconds count as zero. */
  at(now: number): { readonly itemsPerSecond: number; readonly bytesPerSecond: number } {
    this.#roll(now)
    return { itemsPerSecond: this.#itemsPerSecond, bytesPerSecond: this.#bytesPerSecond }
  }

  #roll(now: number): void {
    const passed = now - this.#from
    if (passed < WINDOW_MS) return
    const keep = (1 - ALPHA) ** (passed / WINDOW_MS)
    const first = this.#itemsPerSecond === 0 && this.#bytesPerSecond === 0
    this.#itemsPerSecond = blend(this.#itemsPerSecond, (this.#items * 1000) / passed, first ? 0 : keep)
    this.#bytesPerSecond = blend(this.#bytesPerSecond, (this.#bytes * 1000) / passed, first ? 0 : keep)
    this.#items = 0
    this.#bytes = 0
    this.#from = now
  }
}

function blend(old: number, fresh: number, keep: number): number {
  return old * keep + fresh * (1 - keep)
}
