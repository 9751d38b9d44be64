// Views of a text: the text as detectors see it, with every position mapped back to the original. The normalised view
// undoes Unicode disguises; the decoded view undoes escapes. Both keep one map entry a character, so a finding always
// covers exactly the original characters it was made of.

/** `text[i]` was made of `original[from[i]..to[i])`; undefined maps mean the text is the original. */
export interface View {
  readonly text: string
  readonly from: Int32Array | undefined
  readonly to: Int32Array | undefined
}

/** A view that is the original itself. */
export function plain(text: string): View {
  return { text, from: undefined, to: undefined }
}

/** The original range behind `view.text[start..end)`. */
export function originalRange(view: View, start: number, end: number): [number, number] {
  if (view.from === undefined || view.to === undefined) return [start, end]
  return [view.from[start]!, view.to[end - 1]!]
}

const FORMAT =
  /^(?:\p{Cf}|\u034f|\u115f|\u1160|\u17b4|\u17b5|\u180b|\u180c|\u180d|\u180f|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}])$/u
const DASH = /^[\p{Pd}\u2212\u2043\u02d7\u00af]$/u
const SPACE = /^\p{Zs}$/u
const DIGIT = /^\p{Nd}$/u
const folded = new Map<number, string>()

/** What one code point above 0x7f looks like to a detector: '' when it is invisible. */
function fold(code: number): string {
  const known = folded.get(code)
  if (known !== undefined) return known
  const char = String.fromCodePoint(code)
  let seen = char.normalize('NFKC')
  if (FORMAT.test(char)) seen = ''
  else if (DASH.test(char) || DASH.test(seen)) seen = '-'
  else if (SPACE.test(char) || seen.trim() === '') seen = ' '
  else if (DIGIT.test(seen)) seen = String(digitValue(code))
  else if (seen === '\u2018' || seen === '\u2019') seen = "'"
  else if (seen === '\u201c' || seen === '\u201d') seen = '"'
  else if (seen === '\u3002' || seen === '\u2024' || seen === '\u00b7') seen = '.'
  else if (seen === '\u2215' || seen === '\u2044') seen = '/'
  if (folded.size < 20_000) folded.set(code, seen)
  return seen
}

/** The value of a decimal digit of any script: Unicode lists the ten digits of each script in a row, zero first. */
function digitValue(code: number): number {
  let zero = code
  while (code - zero < 9 && DIGIT.test(String.fromCodePoint(zero - 1))) zero--
  // Scripts whose digits follow each other (mathematical digits) make runs longer than ten; NFKC has folded those.
  return (code - zero) % 10
}

/** NFKC a code point, format characters dropped, digits, dashes and spaces of all scripts folded to ASCII. */
export function normalise(original: string): View {
  const build = new Builder(original.length)
  for (let i = 0; i < original.length; ) {
    const code = original.codePointAt(i)!
    const width = code > 0xffff ? 2 : 1
    if (code < 0x80) build.add(original[i]!, i, i + 1)
    else build.add(fold(code), i, i + width)
    i += width
  }
  return build.view()
}

/** Collects a view's text with its maps. */
class Builder {
  #text = ''
  #from: Int32Array
  #to: Int32Array

  constructor(capacity: number) {
    this.#from = new Int32Array(capacity + 16)
    this.#to = new Int32Array(capacity + 16)
  }

  add(text: string, from: number, to: number): void {
    for (let i = 0; i < text.length; i++) {
      const at = this.#text.length + i
      if (at >= this.#from.length) this.#grow()
      this.#from[at] = from
      this.#to[at] = to
    }
    this.#text += text
  }

  view(): View {
    return { text: this.#text, from: this.#from, to: this.#to }
  }

  #grow(): void {
    const from = new Int32Array(this.#from.length * 2)
    const to = new Int32Array(from.length)
    from.set(this.#from)
    to.set(this.#to)
    this.#from = from
    this.#to = to
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  commat: '@',
  period: '.',
  colon: ':',
  sol: '/',
  plus: '+',
  equals: '=',
  dash: '-',
  hyphen: '-',
  lowbar: '_',
  num: '#',
  comma: ',',
  semi: ';',
  lpar: '(',
  rpar: ')'
}

const ESCAPE =
  /%[0-9a-f]{2}|\\u\{[0-9a-f]{1,6}\}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[nrt"'\\/]|&#x[0-9a-f]{1,6};|&#[0-9]{1,7};|&[a-z]{2,8};/gi

const ESCAPE_NOT_PERCENT = new RegExp(ESCAPE.source.slice(ESCAPE.source.indexOf('|') + 1), 'gi')

/**
 * One level of escapes undone: percent, `\uXXXX`, `\xXX`, `\n`, HTML entities. Undefined when there was none.
 * Percent-encoded UTF-8 is decoded in runs; `percent: false` leaves it.
 */
export function decodeEscapes(view: View, percent = true): View | undefined {
  const text = view.text
  const pattern = percent ? ESCAPE : ESCAPE_NOT_PERCENT
  pattern.lastIndex = 0
  let match = pattern.exec(text)
  if (match === null) return undefined
  const build = new Builder(text.length)
  const copy = (from: number, to: number): void => {
    for (let i = from; i < to; i++) build.add(text[i]!, ...originalRange(view, i, i + 1))
  }
  let at = 0
  while (match !== null) {
    copy(at, match.index)
    at = match.index + match[0].length
    if (match[0][0] !== '%') build.add(unescapeOne(match[0]), ...originalRange(view, match.index, at))
    else {
      const run = percentSequence(text, match.index)
      at = run.end
      build.add(run.char, ...originalRange(view, match.index, at))
    }
    pattern.lastIndex = at
    match = pattern.exec(text)
  }
  copy(at, text.length)
  return build.view()
}

/** One percent-encoded UTF-8 character at `from`; a lone bad byte stands for itself. */
function percentSequence(text: string, from: number): { char: string; end: number } {
  const lead = Number.parseInt(text.slice(from + 1, from + 3), 16)
  const width = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
  const bytes = [lead]
  let at = from + 3
  while (bytes.length < width && text[at] === '%') {
    const byte = Number.parseInt(text.slice(at + 1, at + 3), 16)
    if (!(byte >= 0x80 && byte < 0xc0)) break
    bytes.push(byte)
    at += 3
  }
  if (bytes.length < width || (lead >= 0x80 && width === 1)) return { char: String.fromCharCode(lead), end: from + 3 }
  return { char: Buffer.from(bytes).toString('utf8'), end: at }
}

function unescapeOne(found: string): string {
  const lower = found.toLowerCase()
  if (lower.startsWith('&#x')) return codePoint(Number.parseInt(lower.slice(3, -1), 16))
  if (lower.startsWith('&#')) return codePoint(Number.parseInt(lower.slice(2, -1), 10))
  if (lower.startsWith('&')) return ENTITIES[lower.slice(1, -1)] ?? found
  if (lower.startsWith('\\u{')) return codePoint(Number.parseInt(lower.slice(3, -1), 16))
  if (lower.startsWith('\\u') || lower.startsWith('\\x')) return codePoint(Number.parseInt(lower.slice(2), 16))
  const simple = { n: '\n', r: '\r', t: '\t' } as const
  const char = found[1]!
  return simple[char as keyof typeof simple] ?? char
}

function codePoint(code: number): string {
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return code <= 0xffff ? String.fromCharCode(code) : ' '
  return String.fromCodePoint(code)
}

/** Letters of Cyrillic and Greek that look like Latin ones, in pairs. */
const LOOK_ALIKES = new Map(
  'аaеeоoрpсcхxуyіiѕsјjһhԁdԛqԝwАAВBЕEКKМMНHОOРPСCТTХXУYІIЅSЈJԌGοoνvαaιiρpυuΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXɡgⅼl'
    .match(/../gu)!
    .map(pair => [[...pair][0]!, [...pair][1]!])
)
/** A word of two scripts. */
const MIXED = /[A-Za-z0-9][\u0370-\u052f]|[\u0370-\u052f][A-Za-z0-9]/

/** The view with look-alikes of Latin letters read as those, where a word mixes scripts; undefined when none does. */
export function undisguised(view: View): View | undefined {
  if (!MIXED.test(view.text)) return undefined
  let text = ''
  for (const char of view.text) text += LOOK_ALIKES.get(char) ?? char
  return text === view.text || text.length !== view.text.length ? undefined : { ...view, text }
}
