// The acks of a group of commits that change something: as marks, and what they release.
import type { Commit } from '../log.js'
import type { Freed, Holdings } from './holdings.js'

export class AckPlan {
  readonly fenced = new Set<number>()
  readonly freed = new Set<number>()
  readonly #holdings: Holdings
  readonly #lowestHold: number
  readonly #index: (p: number) => number
  /** What jobs before acked. */
  readonly #overlay = new Map<number, string[]>()

  constructor(holdings: Holdings, lowestHold: number, index: (p: number) => number) {
    this.#holdings = holdings
    this.#lowestHold = lowestHold
    this.#index = index
  }

  /** The commit relies on owning `p`; its index. */
  fence(p: number): number {
    const at = this.#index(p)
    this.fenced.add(at)
    return at
  }

  of(commit: Commit) {
    const marks: (readonly [number, string, string[]])[] = []
    const rel = new Map<number, Freed>()
    for (const { cursor, positions } of commit.acks ?? []) {
      const byPart = new Map<number, string[]>()
      for (const position of positions) this.#one(cursor, position, byPart, rel)
      for (const [at, seqs] of byPart) marks.push([at, cursor, seqs])
    }
    return { k: marks, rel: [...rel].map(([at, { seqs, bytes }]) => [at, seqs, bytes] as const) }
  }

  #one(cursor: string, position: number, marks: Map<number, string[]>, rel: Map<number, Freed>): void {
    const { book, tenures } = this.#holdings
    const chunk = book.find(position)
    if (chunk === undefined) return
    const i = position - chunk.first
    const tenure = tenures.get(chunk.crc[i]!)
    const waiters = book.waiters(position)
    const before = this.#overlay.get(position) ?? []
    if (tenure === undefined || chunk.gone[i] === 1 || !waiters.includes(cursor) || before.includes(cursor)) return
    this.#overlay.set(position, [...before, cursor])
    const at = this.fence(tenure.partition)
    const seq = `${chunk.offset[i]!}`
    if (before.length + 1 < waiters.length || position >= this.#lowestHold) {
      const list = marks.get(at)
      if (list === undefined) marks.set(at, [seq])
      else list.push(seq)
      return
    }
    this.freed.add(position)
    const one = rel.get(at) ?? { seqs: [], bytes: 0 }
    one.seqs.push(seq)
    one.bytes += chunk.bytes[i]!
    rel.set(at, one)
  }
}
