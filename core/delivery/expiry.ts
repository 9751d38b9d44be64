// The retention of what waits for an exporter: entries in the log and requests in parking that are too old go, counted as
// `expired`, so that the ledger still adds up. Nobody may be delivering for the exporter meanwhile.

import type { StoredEntry } from '../queue/log.js'
import { type DeadLetterStores, discard } from './dead-letters.js'
import { droppedKey } from './ledger.js'

const READ = { maxItems: 1 << 20, maxBytes: 8 * 1024 * 1024 }
const PAGE = 2048

/** Whether something waits for this exporter that was accepted before `before` (milliseconds since the epoch). */
export function hasWaitedSince({ log, parking }: DeadLetterStores, exporter: string, before: number): boolean {
  const oldest = log.status().cursors.find(({ cursor }) => cursor === exporter)?.oldestAt ?? 0
  if (oldest > 0 && oldest < before) return true
  return parking.due(exporter, Number.MAX_SAFE_INTEGER, PAGE).some(({ acceptedAt }) => acceptedAt < before)
}

/** Drops what was accepted before `before`; how many items. */
export async function expireWaiting(stores: DeadLetterStores, exporter: string, before: number): Promise<number> {
  return (await expireEntries(stores, exporter, before)) + (await expireParked(stores, exporter, before))
}

async function expireEntries({ log }: DeadLetterStores, exporter: string, before: number): Promise<number> {
  let items = 0
  for (let after = -1; ; ) {
    const entries = log.read(exporter, after, READ)
    const old = entries.filter(({ appendedAt }) => appendedAt < before)
    // Parts of a shared log may move to another process one by one: each has its own commit.
    for (const part of new Set(old.map(entry => entry.part))) {
      const mine = old.filter(entry => entry.part === part)
      await log.commit({
        acks: [{ cursor: exporter, positions: mine.map(({ position }) => position) }],
        counts: dropped(exporter, mine)
      })
      items += mine.reduce((sum, entry) => sum + entry.items, 0)
    }
    const last = entries.at(-1)
    // They come in the order of their age.
    if (last === undefined || old.length < entries.length) return items
    after = last.position
  }
}

async function expireParked(stores: DeadLetterStores, exporter: string, before: number): Promise<number> {
  let items = 0
  for (;;) {
    const all = stores.parking.due(exporter, Number.MAX_SAFE_INTEGER, PAGE)
    const old = all.filter(({ acceptedAt }) => acceptedAt < before)
    if (old.length === 0) return items
    items += await discard(stores, old, 'expired')
  }
}

function dropped(exporter: string, entries: readonly StoredEntry[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { stream, items } of entries) {
    const key = droppedKey(exporter, stream, 'expired')
    counts.set(key, (counts.get(key) ?? 0) + items)
  }
  return counts
}
