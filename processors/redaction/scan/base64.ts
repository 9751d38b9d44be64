// Base64 and base64url runs that decode to text. Only runs whose bytes are readable text come back; ids and hashes,
// which decode to noise, stay out.

import { textOf } from './bytes.js'

export interface Base64Run {
  readonly start: number
  readonly end: number
  readonly text: string
}

const RUN = /[A-Za-z0-9+/_-]{8,}={0,2}/g

/** The readable base64 runs of a text. Where a run has other token characters glued to its front, both readings are tried. */
export function base64Runs(text: string): Base64Run[] {
  const runs: Base64Run[] = []
  RUN.lastIndex = 0
  for (let match = RUN.exec(text); match !== null; match = RUN.exec(text)) {
    const start = match.index
    const end = start + match[0].length
    const whole = decode(match[0])
    if (whole !== undefined) runs.push({ start, end, text: whole })
    else pieces(match[0], start, runs)
  }
  return runs
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
