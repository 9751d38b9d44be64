// Runs of hexadecimal digits that are written-out text. Hashes and ids decode to noise and stay out.

import type { Base64Run } from './base64.js'
import { readable } from './bytes.js'

/** Ten characters or more: by chance, twenty digits are readable once in twenty thousand. */
const RUN =
  /(?<![0-9A-Za-z])(?:0x|\\x|x')?((?:[0-9a-f]{2}){10,4096}|(?:[0-9A-F]{2}){10,4096}|(?:[0-9A-Fa-f]{2}[ :]){9,4096}[0-9A-Fa-f]{2})(?![0-9A-Za-z])/g

const NONE: Base64Run[] = []
/** The fewest characters of such a run. */
const PAIRS = 10
const LEAST = 2 * PAIRS
const BLANK = 32
const COLON = 58

/** The readable hexadecimal runs of a text, with their prefix. */
export function hexRuns(text: string): Base64Run[] {
  if (!mayHold(text)) return NONE
  const runs: Base64Run[] = []
  for (const match of text.matchAll(RUN)) {
    const decoded = readable(Buffer.from(match[1]!.replace(/[ :]/g, ''), 'hex'))
    if (decoded !== undefined && /^[\x09\x0a\x0d\x20-\x7e]*$/.test(decoded))
      runs.push({ start: match.index, end: match.index + match[0].length, text: decoded })
  }
  return runs
}

/** Whether any stretch could be such a run: of its characters one stands at every LEAST-th place. Linear. */
function mayHold(text: string): boolean {
  for (let i = LEAST - 1; i < text.length; i += LEAST) {
    if (!isPart(text.charCodeAt(i))) continue
    let start = i
    while (start > 0 && isPart(text.charCodeAt(start - 1))) start--
    while (i + 1 < text.length && isPart(text.charCodeAt(i + 1))) i++
    if (i + 1 - start >= LEAST && mayBeText(text, start, i + 1)) return true
  }
  return false
}

/** Separators enough for pairs, or digits enough in a row that begin as a readable character does. */
function mayBeText(text: string, from: number, to: number): boolean {
  let apart = 0
  let start = from
  for (let i = from; i <= to; i++) {
    const isEnd = i === to
    if (!isEnd && !isBetween(text.charCodeAt(i))) continue
    if (!isEnd) apart++
    if (i - start >= LEAST && /[02-7]/.test(text[start]!)) return true
    start = i + 1
  }
  return apart >= PAIRS - 1
}

/** A hexadecimal digit, or what may stand between two pairs of them. */
function isPart(code: number): boolean {
  return (code >= 48 && code <= 58) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70) || code === BLANK
}

function isBetween(code: number): boolean {
  return code === COLON || code === BLANK
}
