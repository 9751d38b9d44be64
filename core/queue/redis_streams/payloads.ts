// Payloads in memory, bounded: the newest ones that came in here (`tail`), a window in front of each reader, and what is being
// tried again. Everything else is in Redis and fetched before it is asked for.

import { SlotMap } from '../slot-map.js'

/** Insertion-ordered, oldest out first. */
class Bounded {
  readonly entries = new SlotMap<number, Buffer>()
  bytes = 0

  put(position: number, bytes: Buffer): void {
    this.delete(position)
    this.entries.set(position, bytes)
    this.bytes += bytes.length
  }

  delete(position: number): void {
    this.bytes -= this.entries.delete(position)?.length ?? 0
  }

  shrink(to: number): void {
    if (this.bytes <= to) return
    for (const position of this.entries.keys()) {
      this.delete(position)
      if (this.bytes <= to) return
    }
  }
}

export class Payloads {
  readonly #tailBytes: number
  readonly #tail = new Bounded()
  readonly #again = new Bounded()
  readonly #windows = new Map<string, Bounded>()

  constructor(tailBytes: number) {
    this.#tailBytes = tailBytes
  }

  get tailRoom(): number {
    return this.#tailBytes - this.#tail.bytes
  }

  get(position: number): Buffer | undefined {
    const kept = this.#tail.entries.get(position) ?? this.#again.entries.get(position)
    if (kept !== undefined || this.#windows.size === 0) return kept
    for (const window of this.#windows.values()) {
      const bytes = window.entries.get(position)
      if (bytes !== undefined) return bytes
    }
    return undefined
  }

  /** One that came in here; the oldest make room. */
  keep(position: number, bytes: Buffer): void {
    this.#tail.put(position, bytes)
    this.#tail.shrink(this.#tailBytes)
  }

  /** The next ones of a cursor; what lies before `from` is let go. */
  window(name: string, from: number, found: ReadonlyMap<number, Buffer>): void {
    const window = this.#windows.get(name) ?? new Bounded()
    for (const position of window.entries.keys()) if (position < from) window.delete(position)
    for (const [position, bytes] of found) window.put(position, bytes)
    this.#windows.set(name, window)
  }

  /** What is tried again: as much as the tail, but always the last that was asked for. */
  again(found: ReadonlyMap<number, Buffer>): void {
    let size = 0
    for (const [position, bytes] of found) {
      this.#again.put(position, bytes)
      size += bytes.length
    }
    this.#again.shrink(Math.max(this.#tailBytes, size))
  }

  delete(position: number): void {
    this.#tail.delete(position)
    this.#again.delete(position)
    for (const window of this.#windows.values()) window.delete(position)
  }

  /** Forgets the windows of cursors that are gone; of a cursor that reads by parts there is one for each (`cursor\npart`). */
  only(cursors: ReadonlySet<string>): void {
    for (const name of this.#windows.keys()) if (!cursors.has(name.split('\n', 1)[0]!)) this.#windows.delete(name)
  }

  /** Forgets the windows of a part that is gone. */
  forgetPart(part: number): void {
    for (const name of this.#windows.keys()) if (name.endsWith(`\n${part}`)) this.#windows.delete(name)
  }

  get bytes(): number {
    return [...this.#windows.values()].reduce((sum, { bytes }) => sum + bytes, this.#tail.bytes + this.#again.bytes)
  }
}
