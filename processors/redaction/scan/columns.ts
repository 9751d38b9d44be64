// Labels that stand away from their values: the column list of an SQL INSERT, the header line of a CSV text.

import { parameterCells } from './parameters.js'
import type { Vocabulary } from './vocabulary.js'

/** A cell of a column with the column's context bits. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly bits: number
  /** True when only the words of a sentence tie the label to it; then the value is what stands at the end of the span. */
  readonly isLoose?: boolean
}

const NONE: Span[] = []
const MAX_COLUMNS = 200
const MAX_ROWS = 10_000

/** A statement with places for parameters. */
const PLACED = /[=(,<>]\s?(?:\$\d|\?|%s|:\d|@p\d)|\b(?:like|in|values) ?\(?(?:\$\d|\?)/i

/** What none of the forms below does without. */
const MAY_HOLD = /[(\n$?%]|[:p]\d/i

/** The cells of every column list in the text. */
export function columnLabels(text: string, vocabulary: Vocabulary): Span[] {
  if (!MAY_HOLD.test(text)) return NONE
  const parameters = PLACED.test(text) ? parameterCells(text, vocabulary) : NONE
  if (parameters.length > 0) return parameters
  const insert = /\(([^()]{3,2000})\)\s*(?:(?:values|select)\s*\(?|(?:=|in)\s*\({1,2})/i.exec(text)
  if (insert !== null) return sqlCells(text, insert, vocabulary)
  const copy = /^\s*copy [^\n]{1,200}\(([^()\n]{1,2000})\) from [^\n]{0,100}\n/i.exec(text)
  if (copy !== null)
    return rows(
      text,
      copy[0].length,
      '\t',
      copy[1]!.split(',').map(name => vocabulary.ofKey(name))
    )
  if (text.includes('\n')) return csvCells(text, vocabulary)
  return NONE
}

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
