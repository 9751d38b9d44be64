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

const SEPARATORS = /^(?:[ .\-/+]|\) ?|\)-|\)\.| ?\(|-\(|\.\(| - | \(0\) ?|\(0\) ?|\) - ?| {2})$/

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

/** The fewest digits that any detector asks for. */
const LEAST = 7

/** Every window of at most eight groups with 7 to 19 digits, in order of their starts. */
export function windowsOf(text: string): Window[] {
  const found: Window[] = []
  for (const { groups } of digitRuns(text)) {
    for (let i = 0; i < groups.length; i++) {
      const first = groups[i]!
      if (!isFreeBefore(text, first.start)) continue
      let digits = ''
      let shape = ''
      let gaps = ''
      for (let j = i; j < groups.length && j < i + 8; j++) {
        const group = groups[j]!
        const size = group.end - group.start
        if (digits.length + size > 19) break
        digits += text.slice(group.start, group.end)
        shape += shape === '' ? size : `-${size}`
        if (digits.length >= LEAST && isFreeAfter(text, group.end)) {
          const before = groups[i - 1]?.gap
          const partial =
            (before !== undefined && sticks(before, gaps)) || (j + 1 < groups.length && sticks(group.gap, gaps))
          found.push({ start: first.start, end: group.end, digits, shape, gaps, partial })
        }
        gaps += group.gap
      }
    }
  }
  return found
}

/** A neighbouring group belongs to the same number when it hangs on by the same dash, dot or slash. */
function sticks(gap: string, gaps: string): boolean {
  if (gap === '-' || gap === '.' || gap === '/') return gaps === '' ? gap !== '/' : gaps.includes(gap)
  return gap === ' ' && gaps.includes(' ')
}

function isFreeBefore(text: string, start: number): boolean {
  return start === 0 || !isAlnum(text.charCodeAt(start - 1))
}

function isFreeAfter(text: string, end: number): boolean {
  return end === text.length || !isAlnum(text.charCodeAt(end))
}
