// Names and values that are two members of one object: `{"field":"ssn","error":"bad","value":"x"}`,
// `<data key="ssn" note="x" value="y">`, `{"question":"Passport number","answer":"x"}`.

import type { Span } from './columns.js'
import type { Label } from './vocabulary.js'

/** The label is the value of a member that names something. */
const NAMED =
  /(?<![A-Za-z])(?:name|field|fieldName|field_name|key|label|question|param|parameter|property|path|instancePath|loc|column|attribute|attr|type|kind|header|title|id|code|element|pointer)["']?\s?[:=]\s?(?:\[\s?(?:["'][\w.-]{0,40}["'],\s?){0,4})?["']?\/?(?:[\w$]{1,40}[._/ -]){0,4}[\w$]{0,20}$/i
/** The member that holds the value; other members of the same object may stand between. */
const HELD =
  /^["'\]]{0,3}[^{}\n]{0,120}?(?<![A-Za-z])(?:value|val|answer|data|input|rejected\w{0,6}|actual|received|got|text|content|number|new|newValue|new_value|response|reply|current)["']?\s?[:=]\s?(?:"((?:[^"\\]|\\.){1,200})"|'([^'\n]{1,200})'|(\d{4,20}))/
/** The same with objects between them: `"constraints":{"x":"bad"}`. */
const NESTED = /\{[^{}\n]{0,100}\}/
const REACH = 90
const AHEAD = 360

/** The cell that a label names, when it stands in such a member. */
export function memberAfter(text: string, { start, end, bits }: Label): Span | undefined {
  if (!NAMED.test(text.slice(Math.max(0, start - REACH), start))) return undefined
  const rest = text.slice(end, end + AHEAD)
  const found = HELD.exec(rest) ?? HELD.exec(blanked(rest))
  if (found === null) return undefined
  const value = found[1] ?? found[2] ?? found[3]!
  const close = end + found[0].length - (found[3] === undefined ? 1 : 0)
  return { start: close - value.length, end: close, bits }
}

/** The text with one nested object blanked out, as long as before. */
function blanked(text: string): string {
  return text.replace(NESTED, inner => ' '.repeat(inner.length))
}
