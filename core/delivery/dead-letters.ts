// Dead letters for people: list, show, redrive, purge, and their retention. Every change is one commit in the log (the
// ledger's totals and the markers) with the payload's end after it, so that a crash in between is repaired at start.

import type { Clock } from '../component/context.js'
import { catalogue } from '../component/errors.js'
import { protobufToJson } from '../otlp/json-write.js'
import type { Signal } from '../otlp/signal.js'
import type { Commit, Log } from '../queue/log.js'
import type { Parked, Parking } from '../queue/parking.js'
import { type DropReason, droppedKey, MARKER, markerKey, unparkedKey } from './ledger.js'

export const deadLetterErrors = catalogue({
  DEAD_LETTER_UNKNOWN: (id: string) =>
    `There is no dead letter ${id}. List them to see their ids; it may have been purged.`
})

/** Ids looked at in parking at once; parking reads payloads of so many only when they are looked at. */
const PAGE = 2048

/** A dead letter without its payload. */
export type DeadLetter = Omit<Parked, 'bytes'>

export interface DeadLetterStores {
  readonly log: Log
  readonly parking: Parking
  readonly clock: Clock
  /** Called with the exporter's id after a redrive: wakes its delivery (`parkingChanged`). */
  readonly redriven?: (exporter: string) => void
}

/** Dead letters of an exporter, oldest first. */
export function list(
  stores: DeadLetterStores,
  exporter: string,
  page: { readonly after?: string; readonly max?: number } = {}
): readonly DeadLetter[] {
  return stores.parking.dead(exporter, page.after, page.max ?? 100).map(summary)
}

/**
 * One dead letter and its content as OTLP/JSON. The content went through the privacy processors before it was stored.
 * @throws DEAD_LETTER_UNKNOWN
 */
export function show(stores: DeadLetterStores, id: string): DeadLetter & { readonly json: string } {
  const letter = letterOf(stores, id)
  return { ...summary(letter), json: protobufToJson(letter.stream.split('/', 1)[0] as Signal, letter.bytes) }
}

/**
 * Gives dead letters to their exporter again, as if they were new.
 * @returns items given back. @throws DEAD_LETTER_UNKNOWN before anything changed.
 */
export async function redrive(stores: DeadLetterStores, ids: readonly string[]): Promise<number> {
  const { log, parking, clock } = stores
  let items = 0
  for (const letter of ids.map(id => letterOf(stores, id))) {
    const { id: old, parkedAt: _, size: __, ...rest } = letter
    const id = await parking.park({ ...rest, attempts: 0, dueAt: clock.now(), reason: 'redriven', dead: false })
    const [was, is] = [markerKey(letter.exporter, old), markerKey(letter.exporter, id)]
    await log.commit({ state: new Map([[was, null] as const, [is, MARKER] as const]), ...partsOf([letter]) })
    await parking.remove([old])
    items += letter.items
    stores.redriven?.(letter.exporter)
  }
  return items
}

/**
 * Removes dead letters for good; their items are counted as dropped, reason `purged`.
 * @returns items removed. @throws DEAD_LETTER_UNKNOWN before anything changed.
 */
export function purge(stores: DeadLetterStores, ids: readonly string[]): Promise<number> {
  return discard(
    stores,
    ids.map(id => letterOf(stores, id)),
    'purged'
  )
}

/** Removes an exporter's dead letters that were parked before `before` (milliseconds since the epoch); how many items. */
export async function expire(stores: DeadLetterStores, exporter: string, before: number): Promise<number> {
  let items = 0
  for (;;) {
    const page = stores.parking.dead(exporter, undefined, PAGE)
    const old = page.filter(letter => letter.parkedAt < before)
    if (old.length === 0) return items
    items += await discard(stores, old, 'dead_letter_expired')
  }
}

/** Removes an exporter's oldest dead letters until the others have at most `maxBytes`; how many items. */
export async function trim(
  stores: Pick<DeadLetterStores, 'log' | 'parking'>,
  exporter: string,
  maxBytes: number
): Promise<number> {
  const { parking } = stores
  let over = (parking.status().find(one => one.exporter === exporter)?.deadBytes ?? 0) - maxBytes
  let items = 0
  while (over > 0) {
    const oldest = parking.dead(exporter, undefined, PAGE)
    const enough = oldest.findIndex(({ size }) => (over -= size) <= 0)
    const going = enough < 0 ? oldest : oldest.slice(0, enough + 1)
    if (going.length === 0) break
    items += await discard(stores, going, 'dead_letter_overflow')
  }
  return items
}

/** Ids of all dead letters of an exporter: for `--all`. */
export function allIds(stores: DeadLetterStores, exporter: string): string[] {
  const ids: string[] = []
  let after: string | undefined
  for (;;) {
    const page = stores.parking.dead(exporter, after, PAGE)
    if (page.length === 0) return ids
    for (const { id } of page) ids.push((after = id))
  }
}

/** What parking lost to damage (its `onDamage`): counted as dropped, so that the ledger still adds up. */
export async function lost(
  stores: DeadLetterStores,
  what: Pick<Parked, 'id' | 'exporter' | 'stream' | 'items'>
): Promise<void> {
  if (stores.log.state(markerKey(what.exporter, what.id)) === undefined) return
  await stores.log.commit(ending([what], 'damaged'))
}

/** Ends parked payloads without delivering them; how many items. */
export async function discard(
  stores: Pick<DeadLetterStores, 'log' | 'parking'>,
  letters: readonly Parked[],
  reason: DropReason
): Promise<number> {
  await stores.log.commit(ending(letters, reason))
  await stores.parking.remove(letters.map(({ id }) => id))
  return letters.reduce((sum, { items }) => sum + items, 0)
}

/** The commit that ends parked payloads without delivering them. */
function ending(
  letters: readonly Pick<Parked, 'id' | 'exporter' | 'stream' | 'items' | 'part'>[],
  reason: DropReason
): Commit {
  const counts = new Map<string, number>()
  const state = new Map<string, Buffer | null>()
  for (const { id, exporter, stream, items } of letters) {
    add(counts, droppedKey(exporter, stream, reason), items)
    add(counts, unparkedKey(exporter, stream), items)
    state.set(markerKey(exporter, id), null)
  }
  return { counts, state, ...partsOf(letters) }
}

/** Only who has the parts of the log that these belong to may end them. */
function partsOf(letters: readonly Pick<Parked, 'part'>[]): Pick<Commit, 'parts'> {
  const parts = new Set(letters.flatMap(({ part }) => (part === undefined ? [] : [part])))
  return parts.size === 0 ? {} : { parts: [...parts] }
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n)
}

function letterOf(stores: DeadLetterStores, id: string): Parked {
  const letter = stores.parking.get(id)
  if (letter === undefined || !letter.dead) throw deadLetterErrors.DEAD_LETTER_UNKNOWN(id)
  return letter
}

/** Without looking at the payload: it need not be at hand. */
function summary(letter: Parked): DeadLetter {
  const { id, exporter, stream, items, size, attempts, acceptedAt, parkedAt, dueAt, reason, dead } = letter
  return { id, exporter, stream, items, size, attempts, acceptedAt, parkedAt, dueAt, reason, dead }
}
