// The bar: figures of fixed corpora that may only get better. Kept in bar.json and its like beside this file.

import { readFileSync, writeFileSync } from 'node:fs'
import type { CorpusOptions } from './assemble.js'
import { CORPORA, type CorpusName, isTotalsOnly } from './corpora.js'
import { digestOf } from './corpus.js'
import { rate, type Score, type Tallies } from './score.js'

export interface Bar {
  readonly options: CorpusOptions
  /** Fingerprint of the corpus: rows can be compared only when it is the same, the headline always. */
  readonly corpus: string
  /** Per cent: leaked by difficulty and in all, negatives damaged, other strings changed. */
  readonly headline: Readonly<Record<string, number>>
  /** The best headline of any corpus so far: what a changed corpus is held against, so that small steps do not add up. */
  readonly best: Readonly<Record<string, number>>
  /** Leaks in per cent by `type/...`, `place/...`, `encoding/...`; damage by `negative/...`; rows at zero are left out. */
  readonly rows: Readonly<Record<string, number>>
}

/** Small enough for every test run. */
export const BAR_OPTIONS: CorpusOptions = { seed: 71, size: 4000 }

const fileOf = (name: CorpusName): URL =>
  new URL(`../../../test/privacy/bar${name === 'first' ? '' : `-${name}`}.json`, import.meta.url)

// Another corpus of the same size: the headline may differ by chance alone, this much (points).
const CHANCE = 0.4

export function barOf(score: Score, name: CorpusName, options: CorpusOptions): Bar {
  const headline: Record<string, number> = { leaked: round(rate(score.leaked)) }
  for (const [name, tally] of Object.entries(score.byDifficulty)) headline[`leaked/${name}`] = round(rate(tally))
  headline['negatives damaged'] = round(rate(score.damaged))
  headline['other strings changed'] = round(rate(score.changed))
  const rows = {
    ...rowsOf('type', score.byType),
    ...rowsOf('place', score.byPlace),
    ...rowsOf('encoding', score.byEncoding),
    ...rowsOf('negative', score.byNegative)
  }
  const shown = isTotalsOnly(name) ? {} : rows
  return { options, corpus: digestOf(CORPORA[name](options)), headline, best: headline, rows: shown }
}

/** What got worse, in words; empty when nothing did. */
export function worse(now: Bar, bar: Bar): string[] {
  const isSame = now.corpus === bar.corpus
  const compared = isSame ? { ...now.headline, ...now.rows } : now.headline
  const held: Readonly<Record<string, number>> = isSame ? { ...bar.headline, ...bar.rows } : bar.best
  return Object.entries(compared)
    .filter(([name, figure]) => figure > (held[name] ?? 0) + (isSame ? 0 : CHANCE))
    .map(([name, figure]) => `${name}: ${figure} %, the bar is ${held[name] ?? 0} %`)
}

export function readBar(name: CorpusName): Bar | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8')) as Bar
  } catch {
    return undefined
  }
}

export function writeBar(name: CorpusName, now: Bar, before: Bar | undefined): void {
  const best = Object.entries(now.headline).map(([name, figure]) => [name, Math.min(figure, before?.best[name] ?? 100)])
  const bar: Bar = { ...now, best: Object.fromEntries(best) as Bar['best'] }
  writeFileSync(fileOf(name), `${JSON.stringify(bar, null, 2)}\n`)
}

function rowsOf(group: string, tallies: Tallies): Record<string, number> {
  const rows = Object.entries(tallies).map(([name, tally]) => [`${group}/${name}`, round(rate(tally))] as const)
  return Object.fromEntries(rows.filter(([, figure]) => figure > 0).sort(([a], [b]) => a.localeCompare(b)))
}

const round = (figure: number): number => Math.round(figure * 1000) / 1000
