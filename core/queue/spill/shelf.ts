// One spill directory: commits that the shared log could not take, in order, until they are moved there.
//
// Moved exactly once: the commit that brings records into the shared log also writes there how far this shelf has come
// (state `spill|<id>`), and is refused when that is not what was there before (`expects`). So whatever becomes of it - an
// answer that got lost, a process that was killed before it noted the answer, a packet of a dead process that arrives late -
// a record is in the shared log once, and the number there says so.

import { randomUUID } from 'node:crypto'
import type { Commit, CursorStatus, Log } from '../log.js'
import { decodeRecord, encodeRecord, SPILL_STREAM, type SpilledCommit } from './record.js'
import type { SharedLog } from './shared.js'

const CURSOR = 'mover'
const ID = 'id'
const MOVED = 'moved'
/** Bytes moved in one commit. */
const BATCH_BYTES = 4 << 20
const ALL = { maxItems: Number.MAX_SAFE_INTEGER, maxBytes: BATCH_BYTES }

/** What waits in one stream. */
export interface Waiting {
  items: number
  bytes: number
  entries: number
}

interface Batch extends SpilledCommit {
  readonly positions: readonly number[]
  readonly last: number
}

export class Shelf {
  readonly #log: Log
  #id = ''
  /** On its way into the shared log. */
  #moving: Batch | undefined

  /** @param log durable, and of nobody else */
  constructor(log: Log) {
    this.#log = log
  }

  async start(): Promise<void> {
    await this.#log.start()
    await this.#log.cursors(new Map([[CURSOR, [SPILL_STREAM]]]))
    const known = this.#log.state(ID)
    this.#id = known?.toString() ?? randomUUID()
    if (known === undefined) await this.#log.commit({ state: new Map([[ID, Buffer.from(this.#id)]]) })
  }

  /** As `scrub` of a log: records that were moved leave the disk. */
  async scrub(before: number): Promise<void> {
    await this.#log.scrub?.(before)
  }

  stop(): Promise<void> {
    return this.#log.stop()
  }

  get isEmpty(): boolean {
    return this.#mover.waitingEntries === 0
  }

  /** Whether one more `move` would leave nothing. */
  get isLastBatch(): boolean {
    return this.#mover.waitingBytes <= BATCH_BYTES
  }

  /** Records held. */
  get status(): {
    readonly entries: number
    readonly items: number
    readonly bytes: number
    readonly oldestAt: number
  } {
    const { waitingEntries, waitingItems, waitingBytes, oldestAt } = this.#mover
    return { entries: waitingEntries, items: waitingItems, bytes: waitingBytes, oldestAt }
  }

  /** Durable when resolved. @throws as the log under it: QUEUE_FULL, QUEUE_DISK_FULL */
  async put(commit: Commit): Promise<void> {
    await this.#log.commit({ appends: [encodeRecord(commit)], counts: totalsOf(commit as SpilledCommit, 1) })
  }

  /** Totals that the shared log does not have yet, in exactly this moment. */
  counts(shared: SharedLog): ReadonlyMap<string, number> {
    return this.#pending('count|', shared, ({ counts }) => counts)
  }

  /** What waits here for the readers of each stream. */
  waiting(shared: SharedLog): ReadonlyMap<string, Waiting> {
    const found = new Map<string, Waiting>()
    for (const what of ['items', 'bytes', 'entries'] as const) {
      const pending = this.#pending(`${what}|`, shared, batch => sizesOf(batch.appends, what))
      for (const [stream, n] of pending) {
        const one = found.get(stream) ?? { items: 0, bytes: 0, entries: 0 }
        one[what] = n
        found.set(stream, one)
      }
    }
    return found
  }

  /** Finds out how far the shared log has come with this shelf, and forgets what is there. */
  async reconcile(shared: SharedLog): Promise<void> {
    const moved = Number((await shared.fetchState(this.#key))?.toString() ?? 0)
    if (this.#moving !== undefined && moved >= this.#moving.last) await this.#forget(this.#moving)
    for (;;) {
      const batch = this.#next()
      const done = batch?.filter(({ position }) => position <= moved) ?? []
      if (done.length === 0) return
      await this.#forget(batchOf(done))
    }
  }

  /**
   * Moves the oldest records; false when there are none.
   * @throws what the shared log answers: nothing has changed here then, and the same records are tried again after `reconcile`
   */
  async move(shared: SharedLog): Promise<boolean> {
    const entries = this.#moving === undefined ? this.#next() : undefined
    // One whose fate is open stays as it is: it is what the number in the shared log will speak of.
    const batch = this.#moving ?? (entries && batchOf(entries))
    if (batch === undefined) return false
    const before = shared.state(this.#key)?.toString() ?? null
    this.#moving = batch
    await shared.commit({
      appends: batch.appends,
      counts: batch.counts,
      state: new Map([[this.#key, Buffer.from(String(batch.last))]]),
      expects: new Map([[this.#key, before]])
    })
    await this.#forget(batch)
    return true
  }

  /** What damage has made unreadable was counted when it was taken: told as totals once everything else has left. */
  lost(): SpilledCommit & { readonly streams: ReadonlyMap<string, number> } {
    const counts = new Map<string, number>()
    const streams = new Map<string, number>()
    for (const [name, n] of this.#log.counts()) {
      if (n !== 0 && name.startsWith('count|')) counts.set(name.slice('count|'.length), n)
      if (n !== 0 && name.startsWith('items|')) streams.set(name.slice('items|'.length), n)
    }
    return { appends: [], counts, streams }
  }

  /** Writes `lost` off here: after its totals are in the shared log. */
  async writtenOff(): Promise<void> {
    const all = [...this.#log.counts()].filter(([name, n]) => n !== 0 && /^(count|items|bytes|entries)\|/.test(name))
    await this.#log.commit({ counts: new Map(all.map(([name, n]) => [name, -n])) })
  }

  get #key(): string {
    return `spill|${this.#id}`
  }

  get #mover(): CursorStatus {
    const found = this.#log.status().cursors.find(({ cursor }) => cursor === CURSOR)
    return found ?? { cursor: CURSOR, waitingEntries: 0, waitingItems: 0, waitingBytes: 0, oldestAt: 0 }
  }

  #next() {
    const found = this.#log.read(CURSOR, 0, ALL)
    return found.length === 0 ? undefined : found
  }

  async #forget(batch: Batch): Promise<void> {
    await this.#log.commit({
      acks: [{ cursor: CURSOR, positions: batch.positions }],
      counts: totalsOf(batch, -1),
      state: new Map([[MOVED, Buffer.from(String(batch.last))]])
    })
    if (this.#moving?.last === batch.last) this.#moving = undefined
  }

  /**
   * The totals with a prefix, without those of a batch that the shared log has already and this one has not yet forgotten.
   * Both logs change their totals and their state at once, so that no moment shows a record twice or not at all.
   */
  #pending(prefix: string, shared: SharedLog, of: (batch: Batch) => ReadonlyMap<string, number>): Map<string, number> {
    const found = new Map<string, number>()
    for (const [name, n] of this.#log.counts()) {
      if (n !== 0 && name.startsWith(prefix)) found.set(name.slice(prefix.length), n)
    }
    const batch = this.#moving
    if (batch === undefined || !reached(shared.state(this.#key), batch) || reached(this.#log.state(MOVED), batch)) {
      return found
    }
    for (const [name, n] of of(batch)) found.set(name, (found.get(name) ?? 0) - n)
    return found
  }
}

function reached(state: Buffer | undefined, { last }: Batch): boolean {
  return Number(state?.toString() ?? 0) >= last
}

function batchOf(entries: readonly { readonly position: number; readonly bytes: Buffer }[]): Batch {
  const all = entries.map(({ bytes }) => decodeRecord(bytes))
  const counts = new Map<string, number>()
  for (const one of all) for (const [name, n] of one.counts) counts.set(name, (counts.get(name) ?? 0) + n)
  const positions = entries.map(({ position }) => position)
  return { appends: all.flatMap(({ appends }) => appends), counts, positions, last: positions.at(-1)! }
}

/** What a commit adds to the shelf's own totals (`times` 1), or takes from them (-1). */
function totalsOf({ appends = [], counts = new Map() }: Partial<SpilledCommit>, times: number): Map<string, number> {
  const totals = new Map<string, number>()
  for (const [name, n] of counts) if (n !== 0) totals.set(`count|${name}`, n * times)
  for (const what of ['items', 'bytes', 'entries'] as const) {
    for (const [stream, n] of sizesOf(appends, what)) totals.set(`${what}|${stream}`, n * times)
  }
  return totals
}

function sizesOf(appends: SpilledCommit['appends'], what: keyof Waiting): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { stream, items, bytes } of appends) {
    const n = what === 'items' ? items : what === 'bytes' ? bytes.length : 1
    sizes.set(stream, (sizes.get(stream) ?? 0) + n)
  }
  return sizes
}
