// Texts that come again and again (names of workflows, steps, errors) as small numbers, found by their bytes: no string is
// made for a span (bench/micro/workflow-metrics.ts).

/** Bytes of a name that count; longer ones are cut at a character. */
export const MAX_NAME = 256

export class Names {
  readonly #texts: Buffer[] = [Buffer.alloc(0)]
  #slots = new Int32Array(1024)

  /** Number of the empty name. */
  static readonly NONE = 0

  get size(): number {
    return this.#texts.length
  }

  /** Numbers given before are void then. */
  clear(): void {
    this.#texts.length = 1
    this.#slots = new Int32Array(1024)
  }

  text(name: number): Buffer {
    return this.#texts[name]!
  }

  of(buf: Buffer, from: number, end: number): number {
    const to = end - from > MAX_NAME ? characterBefore(buf, from + MAX_NAME) : end
    if (to <= from) return Names.NONE
    let hash = 0x811c9dc5
    for (let p = from; p < to; p++) hash = Math.imul(hash ^ buf[p]!, 0x01000193)
    const slots = this.#slots
    const mask = slots.length - 1
    let at = (hash ^ (hash >>> 15)) & mask
    for (let name = slots[at]!; name !== 0; name = slots[at]!) {
      if (isEqual(this.#texts[name]!, buf, from, to)) return name
      at = (at + 1) & mask
    }
    return this.#add(Buffer.from(buf.subarray(from, to)), at)
  }

  #add(text: Buffer, at: number): number {
    const name = this.#texts.push(text) - 1
    this.#slots[at] = name
    if (name * 2 > this.#slots.length) this.#grow()
    return name
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let name = 1; name < this.#texts.length; name++) {
      let hash = 0x811c9dc5
      for (const byte of this.#texts[name]!) hash = Math.imul(hash ^ byte, 0x01000193)
      let at = (hash ^ (hash >>> 15)) & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = name
    }
    this.#slots = slots
  }
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
