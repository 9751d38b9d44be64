// The value that belongs to a label: `password: x`, `"password": "x"`, `<password>x<`, `--password x`, `field=password value=x`.

/** Where a labelled value stands. */
export interface Labelled {
  readonly start: number
  readonly end: number
  readonly quoted: boolean
  /** What joined them: `=`, `:`, `>`, ` ` (nothing but a blank), `is`. */
  readonly joint: string
}

const JOINT =
  /(?:[_ .-]?\d{1,2}(?!\d))?(?:["'`\])]|\\")*[ \t]{0,3}(?:\([^()\n]{0,20}\)[ \t]{0,2})?(?:(?:,[ \t]*)?["'`]?(?:[a-z]{1,8}_)?(?:value|val|content)["'`]?[ \t]{0,2}[:=]|(=>|->|:=|={1,3}|:(?!\/\/)|>(?!>))|[ \t](is|was|set to|like|identified by|by)(?=[ \t])|([ \t]))[ \t]{0,4}/iy

/** The value behind a label that ends at `at`; undefined when the label is part of a longer word or nothing follows. */
export function valueAfter(text: string, at: number): Labelled | undefined {
  JOINT.lastIndex = at
  const joint = JOINT.exec(text)
  if (joint === null) return undefined
  let start = JOINT.lastIndex
  const kind =
    joint[1] !== undefined ? joint[1].slice(-1) : joint[2] !== undefined ? 'is' : joint[3] !== undefined ? ' ' : '='
  while (text[start] === '[' || text[start] === '{') start++
  const open = text[start]
  const escaped = open === '\\' && text[start + 1] === '"'
  if (escaped || open === '"' || open === "'" || open === '`') {
    start += escaped ? 2 : 1
    const end = quotedEnd(text, start, escaped ? '\\"' : open!)
    return { start, end, quoted: true, joint: kind }
  }
  return { start, end: bareEnd(text, start, kind === '>'), quoted: false, joint: kind }
}

function quotedEnd(text: string, start: number, close: string): number {
  if (close.length === 2) {
    const end = text.indexOf(close, start)
    return end < 0 ? text.length : end
  }
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === close) return i
  }
  return text.length
}

const STOPS = new Set([...' \t\r\n,;&|<>)}]"\'`'])

function bareEnd(text: string, start: number, xml: boolean): number {
  let i = start
  if (xml) {
    while (i < text.length && text[i] !== '<' && text[i] !== '\n') i++
    return i
  }
  while (i < text.length && !STOPS.has(text[i]!)) i++
  return i
}
