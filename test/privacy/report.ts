// A score as a table for people.

import { rate, type Score, type Tallies, type Tally } from './score.js'

const line = (name: string, tally: Tally): string =>
  `  ${name.padEnd(34)}${String(tally.total).padStart(8)}${String(tally.hits).padStart(8)}${rate(tally).toFixed(2).padStart(9)} %`

function table(title: string, tallies: Tallies, word: string): string[] {
  const rows = Object.entries(tallies).sort(([a, x], [b, y]) => rate(y) - rate(x) || a.localeCompare(b))
  const head = `${title.padEnd(36)}${'planted'.padStart(8)}${word.padStart(8)}`
  return ['', head, ...rows.map(([name, tally]) => line(name, tally))]
}

/** The whole report, with at most `examples` misses of each type (or of `only` one type or kind). */
export function report(score: Score, examples = 0, only?: string): string {
  return [
    ...table('by type', score.byType, 'leaked'),
    ...table('by place', score.byPlace, 'leaked'),
    ...table('by encoding', score.byEncoding, 'leaked'),
    ...table('by form', score.byForm, 'leaked'),
    ...table('hard negatives', score.byNegative, 'damaged'),
    totals(score),
    ...misses(score, examples, only)
  ].join('\n')
}

/** The last part of the report: nothing that a detector could be fitted to. */
export function totals(score: Score): string {
  return [
    ...table('by difficulty', score.byDifficulty, 'leaked'),
    '',
    `${'in all'.padEnd(36)}${'total'.padStart(8)}${'hits'.padStart(8)}`,
    line('planted values leaked', score.leaked),
    line('hard negatives damaged', score.damaged),
    line('other strings changed', score.changed),
    `  redactor CPU ${(score.redactorMs / 1000).toFixed(2)} s`
  ].join('\n')
}

function misses(score: Score, examples: number, only?: string): string[] {
  const seen = new Map<string, number>()
  const shown = score.misses.filter(({ what, name }) => {
    if (only !== undefined && name !== only) return false
    const count = (seen.get(what + name) ?? 0) + 1
    seen.set(what + name, count)
    return count <= examples
  })
  if (shown.length === 0) return []
  return [
    '',
    'examples (all data is made up)',
    ...shown.map(
      miss =>
        `  ${miss.what} ${miss.name} @ ${miss.place} (${miss.detail})\n      ${JSON.stringify(miss.text.slice(0, 400))}`
    )
  ]
}
