// Traces in the order in which something happened to them: a ring of (slot, generation, time), growing as needed.

export class Fifo {
  #slots = new Int32Array(1024)
  #generations = new Int32Array(1024)
  #times = new Float64Array(1024)
  #head = 0
  length = 0

  push(slot: number, generation: number, time: number): void {
    if (this.length === this.#slots.length) this.#grow()
    const at = (this.#head + this.length++) & (this.#slots.length - 1)
    this.#slots[at] = slot
    this.#generations[at] = generation
    this.#times[at] = time
  }

  /** Slot, generation and time of the oldest; only while `length` > 0. */
  get slot(): number {
    return this.#slots[this.#head]!
  }

  get generation(): number {
    return this.#generations[this.#head]!
  }

  get time(): number {
    return this.#times[this.#head]!
  }

  shift(): void {
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.length--
  }

  #grow(): void {
    const size = this.#slots.length
    const turn = <T extends Int32Array | Float64Array>(from: T, to: T): T => {
      to.set(from.subarray(this.#head))
      to.set(from.subarray(0, this.#head), size - this.#head)
      return to
    }
    this.#slots = turn(this.#slots, new Int32Array(size * 2))
    this.#generations = turn(this.#generations, new Int32Array(size * 2))
    this.#times = turn(this.#times, new Float64Array(size * 2))
    this.#head = 0
  }
}
