// What becomes of a hit: the text that stands in its place, or a decision about the whole attribute or item.

import type { Keyring } from '../../core/privacy/keyring.js'

/** What is done with a hit. */
export const ACTIONS = ['redact', 'mask', 'hash', 'tokenize', 'drop', 'drop_item', 'report'] as const
export type Action = (typeof ACTIONS)[number]

/** How `mask` masks. */
export interface MaskStyle {
  /** Letters and digits at the end that stay. */
  readonly keep_last: number
  /** Emails keep their domain. */
  readonly keep_domain: boolean
  /** Separators stay, so that the shape can be seen. */
  readonly keep_shape: boolean
}

/** `[REDACTED:email]`. Stable: people search for it. */
export function placeholder(name: string): string {
  let made = placeholders.get(name)
  if (made === undefined) placeholders.set(name, (made = `[REDACTED:${name}]`))
  return made
}

/** One a detector, rule or reason: as many as a config has. */
const placeholders = new Map<string, string>()

/** The text that stands for `value`. `scope` is the tenant or workflow within which tokens agree. */
export function substitute(
  action: Action,
  name: string,
  value: string,
  mask: MaskStyle,
  keys: Keyring | undefined,
  scope: string
): string {
  switch (action) {
    case 'mask':
      return masked(value, mask)
    case 'hash':
      return keys === undefined ? placeholder(name) : keys.digest(value)
    case 'tokenize':
      return keys === undefined
        ? placeholder(name)
        : `[${name}:${keys.digest(canonical(value), `token\u0000${scope}`).slice(8, 24)}]`
    default:
      return placeholder(name)
  }
}

/** The same subject in other spelling: case and separators do not count. */
function canonical(value: string): string {
  return value.toLowerCase().replace(/[\s().\-/]/g, '')
}

function masked(value: string, style: MaskStyle): string {
  const at = style.keep_domain ? value.lastIndexOf('@') : -1
  const body = at < 0 ? value : value.slice(0, at)
  const chars = [...body]
  const letters = chars.filter(isLetter).length
  // Never shows more than a third: a short value has no tail to give away.
  let hidden = letters - (at < 0 ? Math.min(style.keep_last, Math.floor(letters / 3)) : 0)
  const out = chars.map(c => {
    if (!isLetter(c)) return style.keep_shape ? c : '*'
    return hidden-- > 0 ? '*' : c
  })
  return out.join('') + (at < 0 ? '' : value.slice(at))
}

function isLetter(c: string): boolean {
  return /[\p{L}\p{N}]/u.test(c)
}
