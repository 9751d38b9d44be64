// Runs of hexadecimal digits that are written-out text. Hashes and ids decode to noise and stay out.

import type { Base64Run } from './base64.js'
import { readable } from './bytes.js'

/** Ten characters or more: by chance, twenty digits are readable once in twenty thousand. */
const RUN =
  /(?<![0-9A-Za-z])(?:0x|\\x|x')?((?:[0-9a-f]{2}){10,4096}|(?:[0-9A-F]{2}){10,4096}|(?:[0-9A-Fa-f]{2}[ :]){9,4096}[0-9A-Fa-f]{2})(?![0-9A-Za-z])/g

const NONE: Base64Run[] = []

/** The readable hexadecimal runs of a text, with their prefix. */
export function hexRuns(text: string): Base64Run[] {
  if (text.length < 20) return NONE
  const runs: Base64Run[] = []
  for (const match of text.matchAll(RUN)) {
    const decoded = readable(Buffer.from(match[1]!.replace(/[ :]/g, ''), 'hex'))
    if (decoded !== undefined && /^[\x09\x0a\x0d\x20-\x7e]*$/.test(decoded))
      runs.push({ start: match.index, end: match.index + match[0].length, text: decoded })
  }
  return runs
}
