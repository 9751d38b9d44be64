// Values that stand before their label: `'x' for key 'users.email'`, `{"value":"x","field":"email"}`, `x is her passport`.

import type { Span } from './columns.js'
import { memberAfter } from './members.js'
import { type Label, NEGATIVE } from './vocabulary.js'

const TAIL =
  /(["'`)])(?:::\w{1,20})? (?:is (?:not )?(?:a |an |the )?(?:valid|invalid|unknown|missing|wrong|bad|correct|known)?,? ?(?:(?:for|as|in|of) )?|(?:for|as|in|of) )(?:the )?(?:(?:unique )?(?:key|field|column|parameter|param|property|attribute|constraint|input|header|argument|arg|variable|index|option) )?["'`]?(?:[a-z]{1,20} ){0,2}(?:[A-Za-z0-9$]{1,40}[._-]){0,4}[A-Za-z0-9$]{0,20}$/i
const TAIL_REACH = 120
const VALUE_REACH = 200
/** The name goes on, and not with what makes it an index's. */
const MORE = /^(?:[._-](?!(?:unique|uniq|idx|index|key|uk|uq|pk|ck)(?:\b|_))[A-Za-z]|[a-z])/

/** `"value":"x","key":"` */
const MEMBER_TAIL =
  /(?<![A-Za-z])(?:value|val|content|data|input)["']?\s?[:=]\s?(["'])([^"'\n]{1,120})\1,\s?["']?(?:key|name|field|param|parameter|property|path|label|column)["']?\s?[:=]\s?["']\/?(?:[A-Za-z0-9$]{1,40}[._/-]){0,4}[A-Za-z0-9$]{0,20}$/i

/** `x is her `, `x as his `, `x was given as the `, `x (`: what ties a label to the value before it in a sentence. */
const SAID =
  /["'`)\]]?(?: (?:is|was|are|being) (?:(?:not )?(?:my|his|her|their|your|our|its|the|a|an|this|that|one|[\p{L}]{2,20}['’]s) )(?:(?:current|new|old|real|correct|right|wrong|full|only|valid|known|other|own|[\p{L}]{2,20}['’]s) ){0,2}|(?: (?:is|was|were|are|be|been))?(?: (?:used|given|stored|entered|written|saved|put|sent|taken|seen|known|set|provided|registered|recorded|treated|stated))?,? as (?:(?:my|his|her|their|your|our|its|the|a|an) )?(?:(?:current|new|old|real|correct|right|wrong|full) )?| (?:for|under|into|in) (?:(?:my|his|her|their|your|our|its|the) )?| <-+ ?| ?[([](?:(?:my|his|her|their|your|our|its|the) )?)["'`]?$/iu
const SAID_REACH = 60
/** How far the value of a sentence may go back. */
const LOOSE_REACH = 110

/** The values that stand before their label. `numbers`: bits of labels whose values check themselves. */
export function reversed(text: string, labels: readonly Label[], numbers: number): Span[] {
  const cells: Span[] = []
  for (const label of labels) {
    // `users.phone`: the last part of a path is the column.
    if (label.bits === 0 || label.bits === NEGATIVE || MORE.test(text.slice(label.end, label.end + 10))) continue
    const cell = quotedBefore(text, label) ?? memberAfter(text, label) ?? saidBefore(text, label, numbers)
    if (cell === undefined) continue
    while (cells.length > 0 && cells.at(-1)!.end > cell.start && cells.at(-1)!.start >= cell.start) cells.pop()
    if (cells.length === 0 || cells.at(-1)!.end <= cell.start) cells.push(cell)
  }
  return cells
}

function quotedBefore(text: string, { start, bits }: Label): Span | undefined {
  const from = Math.max(0, start - TAIL_REACH)
  const before = text.slice(from, start)
  const tail = TAIL.exec(before)
  if (tail !== null) {
    const close = from + tail.index
    const open = text.lastIndexOf(tail[1] === ')' ? '(' : tail[1]!, close - 1)
    if (open >= 0 && close - open <= VALUE_REACH) return { start: open + 1, end: close, bits }
  }
  if (!before.endsWith('"') && !before.includes('":') && !before.includes("':")) return undefined
  const member = MEMBER_TAIL.exec(text.slice(Math.max(0, start - VALUE_REACH), start))
  if (member === null) return undefined
  const open = Math.max(0, start - VALUE_REACH) + member.index + member[0].indexOf(member[2]!, member[0].search(/[:=]/))
  return { start: open, end: open + member[2]!.length, bits }
}

function saidBefore(text: string, { start, end, bits, isKey }: Label, numbers: number): Span | undefined {
  if (isKey || start === 0 || !' (["\''.includes(text[start - 1]!)) return undefined
  const from = Math.max(0, start - SAID_REACH)
  const said = SAID.exec(text.slice(from, start))
  if (said === null || !goesOn(text, end, said[0].trimStart())) return undefined
  const close = from + said.index
  // `check(password)`: code.
  if (said[0].startsWith('(') && (bits & numbers) === 0) return undefined
  const back = Math.max(0, close - LOOSE_REACH)
  const reach = back + text.slice(back, close).lastIndexOf('\n') + 1
  const open = (bits & numbers) === 0 ? reach : Math.max(reach, close - 34)
  return close > open ? { start: open, end: close, bits, isLoose: true } : undefined
}

/** What may follow the label: its bracket's end, or a sentence that says nothing more of it. */
function goesOn(text: string, end: number, said: string): boolean {
  const rest = text.slice(end, end + 40)
  if (/^["'`]?[([]/.test(said)) return /^["'`]?(?: (?:number|no|nr|id))?(?: of [a-z ]{1,24})?[)\]]/i.test(rest)
  // `a ticket for passport renewal`: with these words the label must be all that is said.
  if (/^(?:for|under|into|in) /.test(said))
    return /^["'`]?(?: (?:field|column|box|number|value))?(?:[.,;!?)]|$)/i.test(rest)
  return !/^["'`]?\s{0,2}(?:[:=(]|->|is\b|was\b|#)/i.test(rest)
}
