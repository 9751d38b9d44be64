// Parameters of statements, as databases and mappers log them behind the statement: `VALUES ($1, $2) -- [7, "x"]`,
// `WHERE ssn = ? [["x"]]`, `DETAIL: parameters: $1 = '7', $2 = 'x'`. The statement tells which column each belongs to.

import type { Span } from './columns.js'
import type { Vocabulary } from './vocabulary.js'

const NONE: Span[] = []
const MAX = 200
const PLACE = '(?:\\$\\d{1,3}|\\?\\d{0,3}|%s|:\\d{1,3}|@p\\d{1,3})'
/** `(a, b) VALUES ($1, $2)` */
const INSERT = new RegExp(
  `\\(([^()]{1,2000})\\)\\s*values\\s*\\(\\s*(${PLACE}(?:\\s*,\\s*${PLACE}){0,${MAX}})\\s*\\)`,
  'i'
)
/** `a = $1` */
const COMPARED = new RegExp(
  `([\\w.$]{1,80})["\`\\]]?\\)?\\s*(?:=|<>|!=|<|>|<=|>=|i?like|in)\\s*\\(?\\s*(${PLACE})`,
  'gi'
)
/** `$1 = 'x'`, `$1: "x"` */
const BOUND = /\$(\d{1,3})\s?[:=]\s?(?:'((?:[^']|''){1,400})'|"([^"\n]{1,400})"|([^\s,'"\]]{1,200}))/g
/** A list of values at the end: `[7, 'x']`, `-- binds: ["7", "x"]`. */
const LISTED = /\[([^[\]]{3,4000})\]\s*[\]})]?\s*$|\(([^()]{3,4000})\)\s*$/
const ITEM = /"((?:[^"\\]|\\.){0,400})"|'((?:[^'\\]|\\.|''){0,400})'|([^\s,'"[\](){}]{1,200})/g

/** The cells of parameters that stand behind a statement. */
export function parameterCells(text: string, vocabulary: Vocabulary): Span[] {
  const bits = columnsOf(text, vocabulary)
  if (bits === undefined) return NONE
  const bound = [...text.matchAll(BOUND)]
    .filter(match => !/(?:=|<|>|like|in)\s*\(?\s*$/i.test(text.slice(Math.max(0, match.index - 8), match.index)))
    .map(match => cell(match, bits.get(Number(match[1])) ?? 0))
  if (bound.length > 0) return bound.filter(span => span.bits !== 0)
  const list = LISTED.exec(text.slice(-4100))
  if (list === null) return NONE
  const from = Math.max(0, text.length - 4100) + list.index + 1
  // Not the statement's own brackets.
  if (
    text.slice(from).includes('?') ||
    /\$\d/.test(text.slice(from)) ||
    !/\?|\$\d|%s|:\d|@p\d/.test(text.slice(0, from))
  )
    return NONE
  return [...(list[1] ?? list[2]!).matchAll(ITEM)].slice(0, MAX).flatMap((match, i) => {
    const own = bits.get(i + 1) ?? 0
    const span = cell(match, own)
    return own === 0 ? [] : [{ ...span, start: span.start + from, end: span.end + from }]
  })
}

/** What stands in the last group of a match that took part. */
function cell(match: RegExpMatchArray, bits: number): Span {
  const value = match.at(-1) ?? match.at(-2) ?? match.at(-3) ?? ''
  const start = match.index! + match[0].lastIndexOf(value)
  return { start, end: start + value.length, bits }
}

/** Context bits by the number of the parameter; undefined when no column says anything. */
function columnsOf(text: string, vocabulary: Vocabulary): Map<number, number> | undefined {
  const bits = new Map<number, number>()
  let any = 0
  let next = 0
  const put = (place: string, name: string): void => {
    next++
    const own = Number(/\d+/.exec(place)?.[0] ?? next)
    const found = vocabulary.ofKey(name)
    bits.set(own, found)
    any |= found
  }
  const insert = INSERT.exec(text)
  if (insert !== null) {
    const places = insert[2]!.split(',')
    for (const [i, name] of insert[1]!.split(',').slice(0, MAX).entries()) put(places[i] ?? '', name)
  } else for (const [, name, place] of [...text.matchAll(COMPARED)].slice(0, MAX)) put(place!, name!)
  return any === 0 ? undefined : bits
}
