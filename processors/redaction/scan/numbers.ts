// Digit groups of a text, found once and shared by all detectors of numbers. A group is a run of ASCII digits; groups
// with nothing but a separator between them form a run. Groups that touch a letter are no candidates (hex, ids, units).

export interface Group {
  readonly start: number
  readonly end: number
  /** What stands between this group and the next of its run: '' for the last. */
  gap: string
}

export interface Run {
  readonly groups: readonly Group[]
}

const SEPARATORS = /^(?:[ .\-/]|\) ?|\)-|\)\.| ?\(|-\(|\.\(| - | \(0\) ?|\(0\) ?|\) - ?| {2})$/

/** All runs of a text, in order. Linear: one look at each character, gaps of at most five. */
export function digitRuns(text: string): Run[] {
  const runs: Run[] = []
  let groups: Group[] = []
  const close = (): void => {
    if (groups.length > 0) runs.push({ groups })
    groups = []
  }
  let i = 0
  while (i < text.length) {
    if (!isDigit(text.charCodeAt(i))) {
      i++
      continue
    }
    const start = i
    while (i < text.length && isDigit(text.charCodeAt(i))) i++
    const last = groups.at(-1)
    if (last !== undefined) {
      const gap = start - last.end <= 5 ? text.slice(last.end, start) : undefined
      if (gap !== undefined && SEPARATORS.test(gap)) last.gap = gap
      else close()
    }
    groups.push({ start, end: i, gap: '' })
  }
  close()
  return runs
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** A letter or a digit of ASCII. */
export function isAlnum(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}

/** A window over consecutive groups of a run that stands free: no letter or digit touches it. */
export interface Window {
  readonly start: number
  readonly end: number
  readonly digits: string
  /** Group lengths joined by '-': `3-2-4`. */
  readonly shape: string
  /** The separators, joined: '' for one group. */
  readonly gaps: string
  /** Groups before and after it in its run, with the same separator: part of something longer. */
  readonly partial: boolean
}

/** Calls `use` for every window of at most eight groups and at most 19 digits with at least `least` digits. */
export function windows(text: string, runs: readonly Run[], least: number, use: (window: Window) => void): void {
  for (const { groups } of runs) {
    for (let i = 0; i < groups.length; i++) {
      let digits = ''
      let shape = ''
      let gaps = ''
      for (let j = i; j < groups.length && j < i + 8; j++) {
        const group = groups[j]!
        digits += text.slice(group.start, group.end)
        if (digits.length > 19) break
        shape += (shape === '' ? '' : '-') + (group.end - group.start)
        if (digits.length >= least && isFree(text, groups[i]!.start, group.end)) {
          const before = groups[i - 1]?.gap
          const after = group.gap
          const partial =
            (before !== undefined && sticks(before, gaps)) || (j + 1 < groups.length && sticks(after, gaps))
          use({ start: groups[i]!.start, end: group.end, digits, shape, gaps, partial })
        }
        gaps += group.gap
      }
    }
  }
}

/** A neighbouring group belongs to the same number when it hangs on by the same dash, dot or slash. */
function sticks(gap: string, gaps: string): boolean {
  if (gap === '-' || gap === '.' || gap === '/') return gaps === '' ? gap !== '/' : gaps.includes(gap)
  return gap === ' ' && gaps.includes(' ')
}

function isFree(text: string, start: number, end: number): boolean {
  const before = start > 0 ? text.charCodeAt(start - 1) : 32
  const after = end < text.length ? text.charCodeAt(end) : 32
  return !isAlnum(before) && !isAlnum(after)
}
