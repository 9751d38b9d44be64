// Texts that come again and again (names of workflows, steps, errors) as small numbers, found by their bytes: no string is
// made for a span (bench/micro/workflow-metrics.ts).

/** Bytes of a name that count; longer ones are cut at a character. */
export const MAX_NAME = 256

export class Names {
  readonly #texts: Buffer[] = [Buffer.alloc(0)]
  readonly #hashes: number[] = [0]
  readonly #longest: number
  #slots = new Int32Array(1024)

  /** `longest`: bytes of a name that count. */
  constructor(longest = MAX_NAME) {
    this.#longest = longest
  }

  /** Number of the empty name. */
  static readonly NONE = 0

  get size(): number {
    return this.#texts.length
  }

  /** Numbers given before are void then. */
  clear(): void {
    this.#texts.length = 1
    this.#hashes.length = 1
    this.#slots = new Int32Array(1024)
  }

  text(name: number): Buffer {
    return this.#texts[name]!
  }

  /** The number of `buf[from..end)`. `view`: of the same bytes. */
  of(buf: Buffer, view: DataView, from: number, end: number): number {
    const to = end - from > this.#longest ? characterBefore(buf, from + this.#longest) : end
    if (to <= from) return Names.NONE
    const hash = hashOf(buf, view, from, to)
    const slots = this.#slots
    const mask = slots.length - 1
    let at = hash & mask
    for (let name = slots[at]!; name !== 0; name = slots[at]!) {
      if (this.#hashes[name] === hash && isEqual(this.#texts[name]!, buf, from, to)) return name
      at = (at + 1) & mask
    }
    const name = this.#texts.push(Buffer.from(buf.subarray(from, to))) - 1
    this.#hashes.push(hash)
    slots[at] = name
    if (name * 2 > slots.length) this.#grow()
    return name
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let name = 1; name < this.#texts.length; name++) {
      let at = this.#hashes[name]! & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = name
    }
    this.#slots = slots
  }
}

/** Four bytes at a time: names are short, and this runs twice a span. */
function hashOf(buf: Buffer, view: DataView, from: number, to: number): number {
  let hash = to - from
  let p = from
  for (; p + 4 <= to; p += 4) {
    hash = Math.imul(hash ^ view.getInt32(p, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; p < to; p++) hash = Math.imul(hash ^ buf[p]!, 0x85ebca6b)
  return (hash ^ (hash >>> 13)) & 0x3fffffff
}

function isEqual(text: Buffer, buf: Buffer, from: number, to: number): boolean {
  const length = to - from
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text[i] !== buf[from + i]) return false
  return true
}

/** The last place at or before `at` where a UTF-8 character begins. */
function characterBefore(buf: Buffer, at: number): number {
  let p = at
  while (p > at - 4 && (buf[p]! & 0xc0) === 0x80) p--
  return p
}
