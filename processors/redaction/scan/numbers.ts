// Digit groups of a text, found once and shared by all detectors of numbers. A group is a run of ASCII digits; groups
// with nothing but a separator between them form a run. Groups that touch a letter are no candidates (hex, ids, units).

/** What may stand between two groups of one run: a blank, dot, dash, slash or plus, or a bracket with what goes with it. */
function isSeparator(text: string, from: number, to: number): boolean {
  const first = text.charCodeAt(from)
  switch (to - from) {
    case 1:
      return first === BLANK || (first >= OPEN && first <= SLASH && first !== STAR && first !== COMMA)
    case 2: {
      const second = text.charCodeAt(from + 1)
      if (first === CLOSE) return second === BLANK || second === DASH || second === DOT
      if (second === OPEN) return first === BLANK || first === DASH || first === DOT
      return first === BLANK && second === BLANK
    }
    case 3:
      return text.startsWith(' - ', from) || text.startsWith(') -', from)
    case 4:
      return text.startsWith(') - ', from)
    default:
      return false
  }
}

const BLANK = 32
const OPEN = 40
const CLOSE = 41
const STAR = 42
const COMMA = 44
const DASH = 45
const DOT = 46
const SLASH = 47

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

/** Every window of at most eight groups with 7 to 19 digits, in order of their starts. Linear: one look at each character. */
export function windowsOf(text: string): readonly Window[] {
  const found: Window[] = []
  let groups: number[] = []
  let digits = 0
  for (let i = 0; i < text.length; i++) {
    if (!isDigit(text.charCodeAt(i))) continue
    const start = i
    while (i < text.length && isDigit(text.charCodeAt(i))) i++
    if (groups.length > 0 && !isSeparator(text, groups[groups.length - 1]!, start)) {
      if (digits >= LEAST) windowsOfRun(text, groups, found)
      groups = []
      digits = 0
    }
    groups.push(start, i)
    digits += i - start
  }
  if (digits >= LEAST) windowsOfRun(text, groups, found)
  return found
}

/** The windows of one run; `groups`: start and end of each, one after the other. */
function windowsOfRun(text: string, groups: readonly number[], found: Window[]): void {
  const last = groups.length - 2
  const gapAfter = (i: number): string => (i < last ? text.slice(groups[i + 1]!, groups[i + 2]!) : '')
  for (let i = 0; i <= last; i += 2) {
    const start = groups[i]!
    if (!isFreeBefore(text, start)) continue
    let digits = ''
    let shape = ''
    let gaps = ''
    for (let j = i; j <= last && j < i + 16; j += 2) {
      const end = groups[j + 1]!
      const size = end - groups[j]!
      if (digits.length + size > 19) break
      digits += text.slice(groups[j]!, end)
      shape += shape === '' ? size : `-${size}`
      const gap = gapAfter(j)
      if (digits.length >= LEAST && isFreeAfter(text, end)) {
        const partial = (i > 0 && sticks(gapAfter(i - 2), gaps)) || (j < last && sticks(gap, gaps))
        found.push({ start, end, digits, shape, gaps, partial })
      }
      gaps += gap
    }
  }
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
