// Labels that stand away from their values: the column list of an SQL INSERT, the header line of a CSV text.

import type { Label, Vocabulary } from './vocabulary.js'

/** A cell of a column with the column's context bits. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly bits: number
}

const NONE: Span[] = []
const MAX_COLUMNS = 200
const MAX_ROWS = 10_000

/** The cells of every column list in the text. */
export function columnLabels(text: string, vocabulary: Vocabulary): Span[] {
  const insert = /\(([^()]{3,2000})\)\s*(?:values|select)\s*\(?/i.exec(text)
  if (insert !== null) return sqlCells(text, insert, vocabulary)
  if (text.includes('\n')) return csvCells(text, vocabulary)
  return NONE
}

const TAIL =
  /(["'`)]) (?:is (?:not )?(?:a |an |the )?(?:valid|invalid|unknown|missing|wrong|bad|correct|known)?,? ?(?:(?:for|as|in|of) )?|(?:for|as|in|of) )(?:the )?(?:(?:unique )?(?:key|field|column|parameter|param|property|attribute|constraint|input|header|argument|arg|variable|index|option) )?["'`]?(?:[a-z]{1,20} ){0,2}(?:[A-Za-z0-9$]{1,40}[._-]){0,4}[A-Za-z0-9$]{0,20}$/i
const TAIL_REACH = 120
const VALUE_REACH = 200

/** Values that stand before their label: `'x' for key 'users.email'`. */
export function reversed(text: string, labels: readonly Label[]): Span[] {
  const cells: Span[] = []
  for (const { start, end, bits } of labels) {
    // `users.phone`: the last part of a path is the column.
    if (bits <= 0 || MORE.test(text.slice(end, end + 10))) continue
    const from = Math.max(0, start - TAIL_REACH)
    const tail = TAIL.exec(text.slice(from, start))
    if (tail === null) continue
    const close = from + tail.index
    const open = text.lastIndexOf(tail[1] === ')' ? '(' : tail[1]!, close - 1)
    if (open < 0 || close - open > VALUE_REACH) continue
    if (cells.at(-1)?.start === open + 1) cells.pop()
    cells.push({ start: open + 1, end: close, bits })
  }
  return cells
}

/** The name goes on, and not with what makes it an index's. */
const MORE = /^(?:[._-](?!(?:unique|uniq|idx|index|key|uk|uq|pk|ck)(?:\b|_))[A-Za-z]|[a-z])/

function sqlCells(text: string, insert: RegExpExecArray, vocabulary: Vocabulary): Span[] {
  const bits = insert[1]!
    .split(',')
    .slice(0, MAX_COLUMNS)
    .map(name => vocabulary.ofKey(name))
  if (bits.every(b => b === 0)) return NONE
  const cells: Span[] = []
  let at = insert.index + insert[0].length
  let column = 0
  for (let i = at; i <= text.length; ) {
    const c = text[i]
    if (c === "'" || c === '"') {
      i = closing(text, i)
      continue
    }
    if (c === '(') {
      const end = text.indexOf(')', i)
      if (end > 0 && end - i < 200) {
        i = end + 1
        continue
      }
    }
    if (c === undefined || c === ',' || c === ')') {
      if (i > at) cells.push({ start: at, end: i, bits: bits[column] ?? 0 })
      column++
      at = i + 1
      if (c === undefined) break
      if (c === ')') {
        const next = /^\s*,\s*\(/.exec(text.slice(i + 1, i + 20))
        if (next === null) break
        column = 0
        at = i + 1 + next[0].length
        i = at
        continue
      }
    }
    i++
  }
  return cells
}

/** Position behind the quote that closes the one at `i`; doubled quotes stay inside. */
function closing(text: string, i: number): number {
  const quote = text[i]!
  let at = i + 1
  while (at < text.length) {
    if (text[at] === '\\') at += 2
    else if (text[at] !== quote) at++
    else if (text[at + 1] === quote) at += 2
    else return at + 1
  }
  return text.length
}

function csvCells(text: string, vocabulary: Vocabulary): Span[] {
  const lineEnd = text.indexOf('\n')
  const header = text.slice(0, lineEnd)
  if (header.length > 4000) return NONE
  const separator = ['\t', ';', '|', ','].find(s => header.includes(s))
  if (separator === undefined) return NONE
  const names = header.split(separator)
  if (
    names.length < 2 ||
    names.length > MAX_COLUMNS ||
    !names.every((name, i) => isHeader(name) || isEdge(name, i, names))
  )
    return NONE
  const bits = names.map(name => vocabulary.ofKey(name))
  if (bits.every(b => b === 0)) return NONE
  return rows(text, lineEnd + 1, separator, bits)
}

/** Before the first and behind the last bar of a table. */
function isEdge(name: string, i: number, names: readonly string[]): boolean {
  return name.trim() === '' && (i === 0 || i === names.length - 1)
}

function isHeader(name: string): boolean {
  return /^\s*["']?[A-Za-z_][\w .\-/#()]{0,60}["']?\s*$/.test(name)
}

function rows(text: string, from: number, separator: string, bits: readonly number[]): Span[] {
  const cells: Span[] = []
  let at = from
  let column = 0
  let seen = 0
  for (let i = from; i <= text.length; ) {
    const c = text[i]
    if (c === '"' && text.slice(at, i).trim() === '') {
      i = closing(text, i)
      continue
    }
    if (c === undefined || c === separator || c === '\n') {
      if (i > at) cells.push({ start: at, end: i, bits: bits[column] ?? 0 })
      at = i + 1
      column = c === separator ? column + 1 : 0
      if (c === '\n' && ++seen > MAX_ROWS) break
    }
    i++
  }
  return cells
}
