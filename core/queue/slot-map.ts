// A map for large things that come and go quickly, such as payloads on their way through.
//
// A `Map` in which keys come and go is rebuilt every few changes, and V8 links each outgrown table to its successor. The
// first such table to grow old keeps, until the next full collection, all tables behind it and whatever stood in them when
// they were outgrown: delivered payloads pile up to V8's limit of 64 MiB and force full collections, 17 % of the CPU of a
// gateway that passes requests on. Here the map holds numbers only; the values stand in a list that forgets them at once.

export class SlotMap<K, V> {
  readonly #slots = new Map<K, number>()
  readonly #values: (V | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.size
  }

  get(key: K): V | undefined {
    const slot = this.#slots.get(key)
    return slot === undefined ? undefined : this.#values[slot]
  }

  /** A key that is there already keeps its place in the order. */
  set(key: K, value: V): void {
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#values.length
      this.#slots.set(key, slot)
    }
    this.#values[slot] = value
  }

  /** Takes the value out. */
  delete(key: K): V | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    const value = this.#values[slot]
    this.#slots.delete(key)
    this.#values[slot] = undefined
    this.#free.push(slot)
    return value
  }

  clear(): void {
    this.#slots.clear()
    this.#values.length = 0
    this.#free.length = 0
  }

  /** In the order in which they were put. */
  keys(): IterableIterator<K> {
    return this.#slots.keys()
  }

  *values(): IterableIterator<V> {
    for (const slot of this.#slots.values()) yield this.#values[slot]!
  }
}
