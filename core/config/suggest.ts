// "Did you mean": the nearest of the known words to what was typed.

/** The known word nearest to `typed`, when it is near enough to be meant. */
export function nearest(typed: string, known: Iterable<string>): string | undefined {
  const word = fold(typed)
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = edits(word, fold(candidate), least)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** `Did you mean "x"?`, or the list of what is known. */
export function didYouMean(typed: string, known: Iterable<string>, what = 'Known'): string {
  const all = [...known]
  const near = nearest(typed, all)
  if (near !== undefined) return `Did you mean \`${near}\`?`
  return all.length === 0 ? `${what}: none.` : `${what}: ${all.sort().join(', ')}.`
}

/** Case, dashes and underscores are the commonest slips: they cost nothing. */
function fold(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '')
}

/** Damerau-Levenshtein distance; gives up (returns `limit`) where it cannot stay below it. */
function edits(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      next.push(cost)
    }
    ;[before, row] = [row, next]
  }
  return row[b.length]!
}
