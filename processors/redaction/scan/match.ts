// Small helpers of the detectors. Every pattern given to `each` must be linear: no nested quantifiers, no unbounded
// repetition that can start again inside itself.

import type { Scan } from './scan.js'

/** Calls `use` for each match of a global pattern. */
export function each(text: string, pattern: RegExp, use: (match: RegExpExecArray) => void): void {
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    use(match)
    if (match[0] === '') pattern.lastIndex++
  }
}

/** A detector whose every match is a hit: group 1 if the pattern has one, else the whole match. */
export function matching(pattern: RegExp): (scan: Scan) => void {
  return scan =>
    each(scan.text, pattern, match => {
      const value = match[1] ?? match[0]
      const start = match[1] === undefined ? match.index : match.index + match[0].lastIndexOf(value)
      scan.hit(start, start + value.length)
    })
}
