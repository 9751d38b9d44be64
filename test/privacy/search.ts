// Looks for needles in a text and in everything the text decodes to.

import type { Needle } from './values.js'
import { compactView, viewsOf } from './views.js'

/** A text made ready to be searched. */
export interface Hay {
  readonly views: readonly string[]
  readonly compacts: readonly string[]
}

const EMPTY: Hay = { views: [], compacts: [] }

export function hay(text: string): Hay {
  if (text.length < 3) return EMPTY
  const views = viewsOf(text)
  return { views, compacts: [...new Set(views.flatMap(view => view.split('\u0000').map(compactView)))] }
}

const WORD = /[\p{L}\p{N}]/u

export function hasNeedle({ views, compacts }: Hay, needle: Needle): boolean {
  if (needle.kind === 'compact') return compacts.some(text => text.includes(needle.text))
  return views.some(view => hasWord(view, needle.text))
}

function hasWord(view: string, text: string): boolean {
  for (let at = view.indexOf(text); at >= 0; at = view.indexOf(text, at + 1)) {
    if (!WORD.test(view[at - 1] ?? '') && !WORD.test(view[at + text.length] ?? '')) return true
  }
  return false
}
