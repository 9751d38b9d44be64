// Base64 and base64url runs that decode to text. Only runs whose bytes are readable text come back; ids and hashes,
// which decode to noise, stay out.

import { textOf } from './bytes.js'

export interface Base64Run {
  readonly start: number
  readonly end: number
  readonly text: string
}

const LEAST = 8
const NONE: Base64Run[] = []

/** The readable base64 runs of a text. Where a run has other token characters glued to its front, both readings are tried. */
export function base64Runs(text: string): readonly Base64Run[] {
  let runs = NONE
  for (let i = LEAST - 1; i < text.length; i += LEAST) {
    // Of eight characters in a row one stands at every eighth place.
    if (kindAt(text, i) === NONE_OF_IT) continue
    let start = i
    while (start > 0 && kindAt(text, start - 1) !== NONE_OF_IT) start--
    let end = start
    let kinds = 0
    for (; end < text.length; end++) {
      const kind = kindAt(text, end)
      if (kind === NONE_OF_IT) break
      kinds |= kind
    }
    const isRun = end - start >= LEAST && (kinds & UPPER) !== 0 && (kinds & OTHER) !== 0
    for (let n = 0; n < 2 && end < text.length && text.charCodeAt(end) === EQUALS; n++) end++
    i = end - 1
    if (!isRun) continue
    if (runs === NONE) runs = []
    const run = text.slice(start, end)
    const whole = decode(run)
    if (whole !== undefined) runs.push({ start, end, text: whole })
    else pieces(run, start, runs)
  }
  return runs
}

const EQUALS = 61
const NONE_OF_IT = 0
const UPPER = 1
/** A small letter or a digit. */
const OTHER = 2
const SIGN = 4
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  if (/[A-Z]/.test(char)) return UPPER
  if (/[a-z0-9]/.test(char)) return OTHER
  return /[+/_-]/.test(char) ? SIGN : NONE_OF_IT
})

/** What kind of base64 character stands there. */
function kindAt(text: string, i: number): number {
  const code = text.charCodeAt(i)
  return code < 128 ? KINDS[code]! : NONE_OF_IT
}

/** `/path/<base64>`, `name-<base64>`: the pieces between slashes, dashes and underscores. */
function pieces(run: string, offset: number, runs: Base64Run[]): void {
  if (!/[/_-]/.test(run)) return
  for (const separator of [/[/]/g, /[/_-]/g]) {
    let at = 0
    let any = false
    for (const piece of run.split(separator)) {
      if (piece.length >= 8 && piece.length < run.length) {
        const text = decode(piece)
        if (text !== undefined) {
          runs.push({ start: offset + at, end: offset + at + piece.length, text })
          any = true
        }
      }
      at += piece.length + 1
    }
    if (any) return
  }
}

/** The text in a base64 run; undefined when it is not text. */
function decode(run: string): string | undefined {
  if (!/[A-Z]/.test(run) || !/[a-z0-9]/.test(run)) return undefined
  const bare = run.replace(/=+$/, '')
  if (bare.length % 4 === 1) return undefined
  return textOf(Buffer.from(bare, 'base64'))
}
