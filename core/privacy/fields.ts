// Rules about keys: `user_id` also means `userId`, `user.id`, `USER-ID`, `x.user_id` and the pair `id` inside the map `user`.
//
// A key path is the keys from the attribute to the nested pair, joined by dots. Path and rule are cut at dots into
// segments, segments into words; a rule fits when its words are the words of a tail of the path that begins at a
// segment. Globs (`*` = anything within a segment, `**` = anything) are held against the whole path, each segment
// written in snake_case. A rule that starts with `=` fits only the whole path, letter by letter.

import { Key } from '../otlp/keys.js'

/** Rules about keys, compiled. */
export interface FieldMatcher {
  /** True when the path (outermost key first) fits a rule. */
  fits(path: readonly Key[]): boolean
  /** True when a path that ends with this key could fit: what a visitor answers to `wantsKey`. */
  mayEnd(key: Key): boolean
}

/** Compiles rules; an empty list fits nothing. */
export function fieldMatcher(rules: readonly string[]): FieldMatcher {
  const exact = new Set<string>()
  const tails = new Set<string>()
  const globs: RegExp[] = []
  for (const rule of rules) {
    if (rule.startsWith('=')) exact.add(rule.slice(1))
    else if (/[*?]/.test(rule)) globs.push(glob(rule))
    else tails.add(words(rule).join('_'))
  }
  return {
    fits(path) {
      const text = path.map(key => key.text).join('.')
      if (exact.has(text)) return true
      const segments = segmentsOf(text)
      for (let i = 0; i < segments.length; i++) if (tails.has(segments.slice(i).join('_'))) return true
      const snake = segments.join('.')
      return globs.some(pattern => pattern.test(snake) || pattern.test(text))
    },
    mayEnd(key) {
      if (globs.length > 0) return true
      const own = segmentsOf(key.text).join('_')
      for (const tail of tails) if (tail.endsWith(own) || own.endsWith(tail)) return true
      for (const text of exact) if (text === key.text || text.endsWith(`.${key.text}`)) return true
      return false
    }
  }
}

function segmentsOf(text: string): string[] {
  return text
    .split('.')
    .map(segment => words(segment).join('_'))
    .filter(segment => segment !== '')
}

function words(text: string): readonly string[] {
  return new Key(Buffer.from(text)).words
}

/** A glob as a pattern over `snake_case.segments`; linear, because stars never nest. */
function glob(rule: string): RegExp {
  const parts = rule.split('.').map(segment =>
    segment
      .split(/(\*\*|\*|\?)/)
      .map(piece => {
        if (piece === '**') return '.*'
        if (piece === '*') return '[^.]*'
        if (piece === '?') return '[^.]'
        const text = words(piece).join('_')
        const lead = /^[_-]/.test(piece) ? '_' : ''
        const tail = /[_-]$/.test(piece) && text !== '' ? '_' : ''
        return (lead + text + tail).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      })
      .join('')
  )
  return new RegExp(`^${parts.join('\\.')}$`, 'i')
}
