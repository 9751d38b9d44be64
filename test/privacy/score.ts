// Runs a corpus through a redactor and counts what got through and what was damaged.

import type { Signal } from '../../core/otlp/signal.js'
import { futureOracle } from '../helpers/otlp-oracle.js'
import { counted, type Planted, type Request, take } from './assemble.js'
import { entriesOf, stringsOf } from './entries.js'
import { hasNeedle, hay } from './search.js'

/** Takes an encoded export request, gives it back without personal data; empty bytes when nothing is left. */
export type Redactor = (signal: Signal, bytes: Buffer) => Uint8Array

/** How many of how many. */
export interface Tally {
  total: number
  hits: number
}
export type Tallies = { [name: string]: Tally }

export interface Score {
  readonly leaked: Tally
  readonly byDifficulty: Tallies
  readonly byType: Tallies
  readonly byPlace: Tallies
  readonly byEncoding: Tallies
  readonly byForm: Tallies
  readonly damaged: Tally
  readonly byNegative: Tallies
  readonly changed: Tally
  readonly misses: Miss[]
  /** CPU time in the redactor alone, in milliseconds. */
  redactorMs: number
}

export interface Miss {
  readonly what: 'leak' | 'damage' | 'change'
  readonly name: string
  readonly place: string
  readonly detail: string
  readonly text: string
}

export function score(redact: Redactor, requests: Iterable<Request>): Score {
  const totals = empty()
  for (const request of requests) scoreRequest(redact, request, totals)
  return totals
}

function empty(): Score {
  const tally = (): Tally => ({ total: 0, hits: 0 })
  return {
    leaked: tally(),
    byDifficulty: {},
    byType: {},
    byPlace: {},
    byEncoding: {},
    byForm: {},
    damaged: tally(),
    byNegative: {},
    changed: tally(),
    misses: [],
    redactorMs: 0
  }
}

function scoreRequest(redact: Redactor, request: Request, totals: Score): void {
  const before = process.cpuUsage()
  const bytes = redact(request.signal, Buffer.from(request.bytes))
  const { user, system } = process.cpuUsage(before)
  totals.redactorMs += (user + system) / 1000
  const output = futureOracle.decodeRequest(request.signal, bytes)
  const hays = [...new Set(stringsOf(output))].map(hay)
  for (const planted of request.planted) {
    countLeak(
      totals,
      planted,
      planted.needles.some(needle => hays.some(text => hasNeedle(text, needle)))
    )
  }
  const entries = counted(entriesOf(output))
  for (const { kind, place, entries: own, shown } of request.negatives) {
    const isDamaged = own.filter(entry => !take(entries, entry)).length > 0
    add(totals.damaged, isDamaged)
    add((totals.byNegative[kind] ??= { total: 0, hits: 0 }), isDamaged)
    if (isDamaged) totals.misses.push({ what: 'damage', name: kind, place, detail: '', text: shown })
  }
  for (const entry of request.ordinary) {
    const isChanged = !take(entries, entry)
    add(totals.changed, isChanged)
    if (isChanged) totals.misses.push({ what: 'change', name: 'ordinary', place: '', detail: '', text: entry })
  }
}

function countLeak(totals: Score, planted: Planted, isLeaked: boolean): void {
  const { type, place, difficulty, encoding, form, shown } = planted
  const groups = [
    [totals.byType, type],
    [totals.byPlace, place],
    [totals.byDifficulty, difficulty],
    [totals.byEncoding, encoding],
    [totals.byForm, form]
  ] as const
  add(totals.leaked, isLeaked)
  for (const [tallies, name] of groups) add((tallies[name] ??= { total: 0, hits: 0 }), isLeaked)
  if (isLeaked)
    totals.misses.push({ what: 'leak', name: type, place, detail: `${difficulty}, ${encoding}, ${form}`, text: shown })
}

function add(tally: Tally, isHit: boolean): void {
  tally.total += 1
  if (isHit) tally.hits += 1
}

/** Per cent. */
export const rate = ({ total, hits }: Tally): number => (total === 0 ? 0 : (100 * hits) / total)
