// What a planted value is, and what counts as having got through.

import type { Rng } from './rng.js'

/**
 * A text that must not be found in the output. `compact` compares letters and digits alone, whatever stands between
 * them; `text` compares the folded text, with no letter or digit directly before or after it.
 */
export interface Needle {
  readonly kind: 'compact' | 'text'
  readonly text: string
}

/** One way of writing one value. */
export interface Written {
  readonly text: string
  readonly needles: readonly Needle[]
  /** True when only a key or a label tells what it is. */
  readonly needsContext: boolean
  /** True when `text` brings its own label (a cookie header, a connection string): any place will do. */
  readonly labelled?: boolean
  /** True when the whole text is a decimal number without a leading zero. */
  readonly number?: boolean
}

export interface TypeSpec {
  readonly name: string
  /** Key words that tell the type, in snake_case: `mobile_number`. */
  readonly keys: readonly string[]
  /** The same in prose: `mobile number`. */
  readonly labels: readonly string[]
  /** What the value looks like, which says what encodings make sense. */
  readonly look: 'number' | 'address' | 'token' | 'words'
  /** Relative share of the corpus; 1 unless told. */
  readonly weight?: number
  write(rng: Rng): Written
}

/** How the scorer folds text before it looks for a needle: one form for every way to write a character. */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[\p{Pd}\u2212]/gu, '-')
    .replace(/\p{Zs}/gu, ' ')
    .replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef]/g, c => String(digitOf(c.charCodeAt(0))))
    .toLowerCase()
}

const digitOf = (code: number): number => (code < 0x0900 ? code & 15 : (code - 6) & 15)

export const compact = (text: string): string => fold(text).replace(/[^\p{L}\p{N}]+/gu, '')

/** The whole core, and the first and last seven tenths: what a redactor that cuts too short leaves behind. */
export function coreNeedles(text: string): Needle[] {
  const core = compact(text)
  const part = Math.max(8, Math.ceil(core.length * 0.7))
  if (part >= core.length) return [{ kind: 'compact', text: core }]
  return [
    { kind: 'compact', text: core.slice(0, part) },
    { kind: 'compact', text: core.slice(-part) }
  ]
}

export const textNeedle = (text: string): Needle => ({ kind: 'text', text: fold(text) })
export const compactNeedle = (text: string): Needle => ({ kind: 'compact', text: compact(text) })

/** A value that its shape and checksum give away. */
export const shaped = (text: string, core = text): Written => ({
  text,
  needles: coreNeedles(core),
  needsContext: false
})

/** A value that means nothing without its key or label. */
export const bare = (text: string, needles: readonly Needle[] = coreNeedles(text)): Written => ({
  text,
  needles,
  needsContext: true,
  number: /^[1-9]\d{3,17}$/.test(text)
})

/** A text that carries its own label; only `secret` must go. */
export const labelled = (text: string, secret: string, context = true): Written => ({
  text,
  needles: coreNeedles(secret),
  needsContext: context,
  labelled: true
})
