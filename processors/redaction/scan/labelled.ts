// The value that belongs to a label, in all the ways in which programs write it down: `password: x`, `"password": "x"`,
// `<password>x<`, `--password x`, `field=password value=x`, `Key (password)=(x)`, `password is x`, a YAML list, a form part.

import type { Label } from './vocabulary.js'

/**
 * What stands between a label and its value. `flag`: nothing but a blank after `--label`; `said`: the words of a sentence;
 * `line`: the value is the next line.
 */
export type Joint = '=' | ':' | '>' | '|' | 'is' | '(' | '"' | '-' | ' ' | 'said' | 'line' | 'flag' | 'cell' | 'key'

/** Where a labelled value stands. */
export interface Labelled {
  readonly start: number
  readonly end: number
  readonly quoted: boolean
  readonly joint: Joint
  /** The value is the first of a list: `IN ('x', 'y')`, `["x", "y"]`. */
  readonly isListed?: boolean
}

/** The next value of a list; undefined at its end. */
export function nextListed(text: string, value: Labelled): Labelled | undefined {
  NEXT_ITEM.lastIndex = value.end
  const match = NEXT_ITEM.exec(text)
  if (match === null) return undefined
  const start = NEXT_ITEM.lastIndex
  const end = text.indexOf(match[1]!, start)
  return end < 0 ? undefined : { ...value, start, end }
}

const NEXT_ITEM = /["'],\s{0,3}(["'])(?!\s*[,:\])])/y

const SUFFIX =
  /(?:[_.-]?\d{1,2}|(?<=line) \d{1,2}| \d{1,2}(?=["'`)]{0,2} {0,2}(?:[:=]|->|(?:is|was|entered|given)\b)))(?!\w)/iy
/** What may stand between a label and its sign: `()`, `[]`, `::text`, `<string>`, `: string`, `varchar(20)`, `*`, dots. */
const NOISE =
  /(?:\(\)|:\d{1,12}(?= ["'A-Za-z])|\[\w{0,12}\](?=[=:])|<\w{1,20}>(?=[:=])|::[a-z]\w{0,20}\)?|_{1,2}(?=:)| ?\*(?=[:\s])| ?\.{3,}(?= )| (?:changed|updated|modified|edited)(?=:)|: ?&?(?:[sS]tr|[sS]tring|text|varchar|char|Text)(?: ?\| ?\w{1,12})?(?= ?=)| n?(?:varchar|char|text|string)(?:\(\d{1,5}\))?(?= ?=))/y
const TYPED = /(?:\r?\n[ \t]{0,40})?(?:&?(?:string|int|float|bool|str)\(\d{1,9}\) ?)?/y
/** `Some("x")`, `Optional("x")`, `{"S":"x"}`, `{"stringValue":"x"}`: what languages and formats wrap around a value. */
const WRAPPED =
  /(?:Some|Just|Ok|Right|Optional|Secret|SecretStr|Value|String|Str|Text|to_string)\(\s{0,2}|\{\s{0,3}["']?(?:S|N|B|string|stringValue|string_value|value|\$numberLong|\$oid)["']?\s{0,2}[:=]\s{0,2}/y
/** `received "x"`, `rejected value [x]`: words between the sign and the value. */
const SPOKEN =
  /(?:(?:rejected|invalid|bad|actual|current|given|unexpected|wrong) )?(?:value|received|got|found|input|was|is|given)(?: value)?[ :=]{1,2}(?=["'`[(])/iy
/** PHP's serialize: `s:8:"password";s:11:"x"`. */
const SERIALIZED = /;[sS]:\d{1,9}:/y
const PART = /["']?(?:; ?filename="[^"\n]{0,100}")?\r?\n(?:[A-Za-z-]{1,40}: [^\n]{0,100}\n){0,3}\r?\n/y
const TAG = /\s[^<>\n]{1,120}>/y
/** Behind the sign, before the value: `!!str`, `u'`, `UPPER(`, `null ->`, `{"$eq":`, `{"old":null,"new":`, `expected string, received`. */
const BEFORE =
  /(?:!!\w{1,10} |[uUbBrRnNeE](?=['"])|[A-Za-z_]{1,16}\((?=['"])|(?:""|''|null|None|nil|undefined|nothing|empty) ?(?:->|=>|→) ?|\{\s?["']?(?:\$(?:eq|ne|in|nin|gte?|lte?|regex|set)|new|after|to|current|text|raw|_|#text|content)["']?\s?[:=]\s?\[?|\{\s?["']?(?:old|from|before|previous)["']?\s?[:=]\s?(?:null|""|'')\s?,\s?["']?(?:new|to|after|current)["']?\s?[:=]\s?|[A-Za-z ,]{0,40}?\b(?:received|got|found|was|value|given|actual|saw):? (?=["'`]))/y
/** `Just "x"`, `PatientName "x"`, `{unPassword = "x"}`: constructors of Haskell, Rust and Scala around a value. */
const CONSTRUCTOR = /(?:[({]{0,2}[A-Z][\w']{0,40} ){1,2}(?=["'])|(?:[A-Z]\w{0,40} )?\{\s?[a-z]\w{0,40} ?[=:] ?(?=["'])/y
/** `{unPassword = "x"}` right behind the label. */
const NEWTYPE = / ?\{\s?[a-z]\w{0,30} ?[=:] ?(?=["'])/y
/** `/by-token/x`: the next segment of a path. */
const SEGMENT = /\/(?=[^\s/?&"'<>]{6})/y
/** `must match ^\\d+$, got x`. */
const AFTER_ALL = /[^\n"']{1,50}?, (?:but )?(?:got|received|found|was|actual|given|saw):? (?=\S)/y
/** `of user 17:`, `entered by the customer is`, `for ada =`: whose value it is. */
const OWNED =
  /(?: (?:entered|given|provided|sent|set|used|typed|supplied|submitted|chosen|stored|on file))? (?:for|of|to|by|from) (?:the |our |a )?(?:user |customer |client |account |patient )?[\w@.'-]{1,40}(?: [\w@.'-]{1,40})?(?: ?[:=] ?| (?:is|was) )["']?(?=\S)/y
/** Redis: `SETEX user:7:token 60 x`. */
const EXPIRING = / \d{1,12} (?=\S)/y
const ANGLE = / ?<(?=[^/<>@\n]{4,200}>)/y
const QUESTION = /\?"? {1,2}(?=\S)/y
const SIGN = /[ \t]{0,3}(?:\([^()\n]{1,40}\)[ \t]{0,2}(?=[:=]))?(=>|->|:=|={1,3}|:(?![/:])|>(?!>)|→)/y
const YAML_LIST = /[ \t]{0,2}(?:[|>][+-]?)?\r?\n[ \t]{1,12}(?:- )?/y
const BAR = /[ ]{0,3}\|[ ]{0,3}/y
const TAB = /\t{1,3}/y
const DASH = / {1,2}-{1,2} {1,2}/y
const WORDS =
  /[ ,]{1,2}(?:(?:rejected|invalid|refused|mismatch|changed|updated|provided|given|received|entered|supplied|submitted|sent|stored|found)[:,]? )?(?:(?:it|which|that) (?:is|was|should be)|used to be|returned|returns|is|was|are|set to|got|gave|received|equals?|(?:changed |updated |reset )?(?:from \S{1,30} )?to|has value|with value|of|like|ilike|in|not in|identified by|by|as)(?: now| set to| still| actually| really| currently| probably)?(?=[ (["'])[ ]{0,2}/iy
const MEMBER =
  /[^\n]{0,60}?(?<![A-Za-z])(?:(?:rejected|invalid|attempted|provided|submitted|given|new|old|bad|actual|current|raw|param|field)[ _-]?)?(?:value|val|content|got|received|found|actual|input|rejected|provided|submitted|entered|supplied|passed|given)["'`]?\s{0,2}[:=]\s{0,2}/iy
const MEMBER_LINES =
  /(?:[^\n]{0,60}\n){0,2}[^\n]{0,80}?(?<![A-Za-z])(?:rejected[ _]?|new[ _]?)?(?:value|val)["'`]?\s{0,2}[:=]\s{0,2}/iy
/** `on file is`, `given at registration was`, `taken from the second form:`; what follows `for` or `by` is another's. */
const SENTENCE =
  /\.?(?= (?:on|at|in|from|as|with|here|below|above|now|currently|that|which|we|you|they|must|should|field|value|number|code|string|text|entry|input|header|param|parameter|column|argument|given|taken|read|sent|seen|found|shown|written|known|held|kept|got|put|set|\p{Ll}{2,12}ed)(?: |:))(?: (?!(?:for|by|to|and|or|but|not|if|when|while|because|since|unless|until|than|per)\b)\p{Ll}[\p{Ll}'-]{0,14}){1,7}?(?: (?:is|was|are|reads?|equals)(?= )|:(?= )| ?->(?= )| ?=(?= )| (?=[([])| (?=["'])) ?/uy
/** Words that state a value outright; `password changed by x` does not. */
const STATED =
  /\b(?:is|was|are|set to|equals?|to|now|has value|with value|like|ilike|identified by|used to be|(?:is|was) (?:still|now|actually|really|currently|probably))\s*$/i
/** `<td>Password</td><td>x</td>`, `<b>Password</b> x`. */
const NEXT_CELL = /<\/[A-Za-z]\w{0,15}>\s{0,8}(?:<[A-Za-z][^<>\n]{0,60}>\s{0,4}){0,2}/y
/** `("password","x")`: a pair as Haskell and Python show it. */
const PAIR = /, ?(?=(?:[A-Z]\w{0,20} ){0,2}(["'])(?:(?!\1)[^\n\\]){1,200}\1 ?[)\]])/y
const NEXT_LINE = /[ \t]*\r?\n[ \t]{0,12}/y
const BRACKET = / ?[([{]/y

/** The value behind a label; `limit`: where the next label starts. Undefined when nothing follows that could be one. */
export function valueAfter(text: string, label: Label, limit: number): Labelled | undefined {
  const behind = close(text, take(SUFFIX, text, label.end) ?? label.end)
  const at = noise(text, behind)
  if (at === label.end) {
    const segment = isInPath(text, label.start) ? take(SEGMENT, text, at) : undefined
    if (segment !== undefined) return { start: segment, end: segmentEnd(text, segment), quoted: false, joint: 'said' }
    if (isWordGoingOn(text, at)) return undefined
  }
  const sign = take(SIGN, text, at)
  if (sign !== undefined) return afterSign(text, sign)
  const cell = text[at] === '<' ? take(NEXT_CELL, text, at) : undefined
  if (cell !== undefined) {
    const more = take(SIGN, text, cell)
    return more === undefined ? value(text, cell, '>') : afterSign(text, more)
  }
  const inside = take(NEWTYPE, text, at)
  if (inside !== undefined) return value(text, inside, '=')
  const pair = take(PAIR, text, at)
  if (pair !== undefined && isPair(text, label.start)) return value(text, take(CONSTRUCTOR, text, pair) ?? pair, '=')
  if (isTag(text, label.start)) {
    const tag = take(TAG, text, at)
    if (tag !== undefined) return value(text, tag, '>')
  }
  const serialized = take(SERIALIZED, text, at)
  if (serialized !== undefined) return value(text, serialized, '=')
  const part = take(PART, text, at)
  if (part !== undefined) return { start: part, end: lineEnd(text, part), quoted: true, joint: '=' }
  const bar = take(BAR, text, at)
  if (bar !== undefined) return value(text, bar, '|')
  const member = take(MEMBER, text, at) ?? take(MEMBER_LINES, text, at)
  if (member !== undefined && member <= limit) return value(text, member, '=')
  const words = take(WORDS, text, at)
  if (words !== undefined) return value(text, words, STATED.test(text.slice(at, words)) ? 'is' : 'said')
  const owned = take(OWNED, text, at)
  if (owned !== undefined) return value(text, /["']/.test(text[owned - 1]!) ? owned - 1 : owned, 'said')
  const expiring = /^"?P?SETEX\b/i.test(text) ? take(EXPIRING, text, at) : undefined
  if (expiring !== undefined) return value(text, expiring, 'flag')
  const question = take(QUESTION, text, at)
  if (question !== undefined) return value(text, question, 'said')
  const after = take(AFTER_ALL, text, at)
  if (after !== undefined && after <= limit) return value(text, after, 'said')
  const dash = take(DASH, text, at)
  if (dash !== undefined) return value(text, dash, '-')
  const sentence = take(SENTENCE, text, at)
  if (sentence !== undefined && sentence <= Math.max(limit, at)) return value(text, sentence, 'said')
  const line = take(NEXT_LINE, text, at)
  if (line !== undefined && text[line] !== undefined && (/[ \t]/.test(text[line - 1]!) || isAlone(text, label.start)))
    return value(text, line, 'line')
  const tab = take(TAB, text, at)
  if (tab !== undefined) return value(text, tab, '=')
  const bracket = take(BRACKET, text, at)
  if (bracket !== undefined) return value(text, bracket, '(')
  const angle = take(ANGLE, text, at)
  if (angle !== undefined) return value(text, angle, 'said')
  if (text[at] !== ' ') return undefined
  const start = at + 1
  if (isFlag(text, label.start)) return value(text, start, 'flag')
  return value(text, start, text[start] === '"' || text[start] === "'" || text[start] === '`' ? '"' : ' ')
}

/** Behind everything of NOISE, which may come twice: `(name::text))`. */
function noise(text: string, from: number): number {
  let at = from
  for (let i = 0; i < 2; i++) {
    const next = take(NOISE, text, at)
    if (next === undefined) return at
    at = close(text, next)
  }
  return at
}

function segmentEnd(text: string, from: number): number {
  let i = from
  while (i < text.length && !/[\s/?&#"'<>,;)\]]/.test(text[i]!)) i++
  return i
}

function afterSign(text: string, sign: number): Labelled {
  const mark = text[sign - 1]!
  const list = mark === ':' ? take(YAML_LIST, text, sign) : undefined
  let start = list ?? sign
  // `**Password:** x`
  if (text[start] === '*' && text[start + 1] === '*') start += 2
  else if (mark === ':' && text[start] === '<' && text[start + 1] === '/') start = take(NEXT_CELL, text, start) ?? start
  while (text[start] === ' ' || text[start] === '\t') start++
  // PHP's var_dump: `=>` ends the line, the type comes before the value.
  if (mark === '>' && text[sign - 2] === '=') start = take(TYPED, text, start) ?? start
  if (mark === '>' || mark === ':') start = afterTags(text, start)
  start = take(BEFORE, text, start) ?? start
  start = take(SPOKEN, text, start) ?? take(WRAPPED, text, start) ?? take(CONSTRUCTOR, text, start) ?? start
  if (mark === ':' && text[start] === '\n' && isAlone(text, text.lastIndexOf('\n', sign - 2) + 1))
    return value(text, start + 1, 'line')
  return value(
    text,
    start,
    mark === ':' ? ':' : mark === '>' && text[sign - 2] !== '=' && text[sign - 2] !== '-' ? '>' : '='
  )
}

const TAGS = /\s{0,20}(?:<[A-Za-z][^<>\n]{0,80}>\s{0,20}){0,2}/y

/** `<value>x`, and the next line of an element: behind what opens before the value. */
function afterTags(text: string, at: number): number {
  if (text[at] !== '<' && text[at] !== '\n' && text[at] !== '\r') return at
  if (text[at] !== '<' && !/^\s{1,20}</.test(text.slice(at, at + 21)) && text[at - 1] !== '>') return at
  return take(TAGS, text, at) ?? at
}

function take(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** Behind quotes and brackets that close what the label stood in. */
function close(text: string, at: number): number {
  let i = at
  while (i < at + 4) {
    const c = text[i]
    if (c === '"' || c === "'" || c === '`' || c === ')' || c === ']' || c === '*') i++
    else if (c === '\\' && (text[i + 1] === '"' || text[i + 1] === "'")) i += 2
    else break
  }
  return i
}

/** `password_reset`, `password-less`, `password.length`, `passwords2go`. */
function isWordGoingOn(text: string, at: number): boolean {
  const c = text[at] ?? ''
  if (/[A-Za-z0-9]/.test(c)) return true
  return (c === '_' || c === '-' || c === '.' || c === '/') && /[A-Za-z]/.test(text[at + 1] ?? '')
}

function isTag(text: string, start: number): boolean {
  let i = start - 1
  while (i >= 0 && start - i < 30 && /[\w.:-]/.test(text[i]!)) i--
  return text[i] === '<'
}

/** `("x-api-key"`: the label's quote opens the first of two things in brackets. */
function isPair(text: string, start: number): boolean {
  return /(?:\(|\[\[|\], ?\[)["'][\w.-]{0,30}$/.test(text.slice(Math.max(0, start - 36), start))
}

/** `/users/by-token`: the label's word began with a slash. */
function isInPath(text: string, start: number): boolean {
  return /\/[\w-]{0,20}$/.test(text.slice(Math.max(0, start - 22), start))
}

/** Nothing but a few words stands before the label on its line. */
function isAlone(text: string, start: number): boolean {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  return start - lineStart < 40 && /^[\w ."'*-]*$/.test(text.slice(lineStart, start))
}

/** `--password`, `-p`: the label is a flag. */
function isFlag(text: string, start: number): boolean {
  let i = start
  while (i > 0 && start - i < 40 && /[\w-]/.test(text[i - 1]!)) i--
  return text[i] === '-' && (i === 0 || /[\s"'[,(]/.test(text[i - 1]!))
}

/** The value that starts at `at`, quotes and brackets taken off. */
function value(text: string, at: number, joint: Joint): Labelled {
  let start = at
  // `{{ .Values.password }}`, `{{password}}`: a template's hole, as it stands.
  const hole = text[at] === '{' && text[at + 1] === '{' ? take(HOLE, text, at) : undefined
  if (hole !== undefined) return { start, end: hole, quoted: false, joint }
  for (
    let i = 0;
    i < 3 && (text[start] === '[' || text[start] === '{' || text[start] === '(' || text[start] === ' ');
    i++
  )
    start++
  if ((text[start] === 'N' || text[start] === 'E' || text[start] === 'b') && text[start + 1] === "'") start++
  const open = text[start]
  const escaped = open === '\\' && (text[start + 1] === '"' || text[start + 1] === "'")
  if (escaped || open === '"' || open === "'" || open === '`') {
    start += escaped ? 2 : 1
    const end = quotedEnd(text, start, escaped ? text.slice(start - 2, start) : open!)
    // `'"x"'`
    if (open === "'" && text[start] === '"' && text[end - 1] === '"' && end - start > 3)
      return { start: start + 1, end: end - 1, quoted: true, joint }
    // `LIKE '%x%'`
    const isPattern = text[start] === '%' && text[end - 1] === '%' && end - start > 6
    const isListed = /[[(]/.test(text[start - (escaped ? 3 : 2)] ?? '')
    return isPattern
      ? { start: start + 1, end: end - 1, quoted: true, joint }
      : { start, end, quoted: true, joint, isListed }
  }
  return { start, end: bareEnd(text, start, joint), quoted: false, joint }
}

function quotedEnd(text: string, start: number, close: string): number {
  if (close.length === 2) {
    const end = text.indexOf(close, start)
    return end < 0 ? text.length : end
  }
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (
      text[i] === close &&
      !(close === "'" && /[A-Za-z]/.test(text[i - 1] ?? '') && /[a-zA-Z]/.test(text[i + 1] ?? ''))
    )
      return i
  }
  return text.length
}

const HOLE = /\{\{\s{0,4}[.$\w][^{}\n"'=:]{0,100}\}\}/y
const PLAIN_AND = /^&(?!amp;|[A-Za-z_][\w.[\]-]*=|[\s"'&]|$)/
const STOPS = new Set([...' \t\r\n,;&|<>)}]"\'`'])

function bareEnd(text: string, start: number, joint: Joint): number {
  let i = start
  if (joint === '>' || joint === '|') {
    const stop = joint === '>' ? '<' : '|'
    while (i < text.length && text[i] !== stop && text[i] !== '\n') i++
    while (i > start && text[i - 1] === ' ') i--
    return i
  }
  // An `&` ends a value only where another parameter follows.
  while (i < text.length && (!STOPS.has(text[i]!) || (text[i] === '&' && PLAIN_AND.test(text.slice(i, i + 40))))) i++
  return i
}

function lineEnd(text: string, from: number): number {
  const end = text.slice(from, from + 4096).search(/[\r\n]/)
  return end < 0 ? Math.min(text.length, from + 4096) : from + end
}

/** The value of `name=Ada+Lovelace&x=1` with its blanks; undefined when it is not written so. */
export function formEncoded(text: string, value: Labelled): string | undefined {
  if (value.joint !== '=' || value.quoted) return undefined
  const rest = text.slice(value.start, value.start + 300)
  const end = rest.search(/[&\s"'<>]/)
  const words = end < 0 ? rest : rest.slice(0, end)
  return words.includes('+') ? words.replaceAll('+', ' ') : undefined
}
