// What may be a secret behind a label that promises one, and what is only talk about secrets.

import type { Labelled } from './labelled.js'
import type { Scan } from './scan.js'

const WORDS = new Set(
  (
    'true false yes no on off null none nil undefined empty unknown missing invalid incorrect wrong expired required optional reset changed change updated ' +
    'accepted rejected denied failed failure mismatch must should cannot not is was were has have had will can for from with and the this that your has been ' +
    'too short long weak strong policy field string text number integer boolean object array default enabled disabled present absent redacted masked hidden hash ' +
    'hashed encrypted plaintext provided generated rotated refreshed revoked valid ok error bearer basic digest next previous current never always unset set unexpected'
  ).split(' ')
)
const DURATION =
  /^\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|sec|secs|seconds|m|min|mins|minutes|h|hr|hours|d|days|w|weeks|kb|mb|gb|b|bytes|%)?$/i
/** Longer values are no words and no paths: under a secret's label they go. */
const LONGEST_WORD = 512
const PATH = /^\/(?:home|run|var|etc|mnt|opt|usr|tmp|app|root|secrets?)(?:\/|$)/
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const DATE = /^\d{4}-\d\d-\d\d(?:[T ]|$)/

/** MySQL: `Unknown column 'password' in 'field list'`. */
const CLAUSE = /^(?:field list|(?:where|order|on|having|group|from) (?:clause|statement))$/i
/** `randrange(x`, `os.Getenv(`, `self.tokens[level]`: code. */
const CALL = /^(?:\.\.\.)?[A-Za-z_$][A-Za-z_$.]*[([]/

/** `url.password`, `this.config.apiKey`: code that reads one. */
const MEMBER = /^[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)*\??\.\w*(?:pass|secret|token|key|auth|cred)\w*$/i

/** Calls `use` for the value of each own label in the text, each own cell, and the whole text under an own key. */
export function eachLabelled(scan: Scan, use: (value: Labelled, label: string) => void): void {
  const text = scan.text
  let any = false
  scan.eachLabel((value, { start, end }) => {
    const label = text.slice(start, end)
    const owned = value.joint === ' ' || value.joint === 'said' ? ofSomebody(text, end) : undefined
    const isBare = isLoose(value) && !(value.joint === 'said' && value.quoted)
    const found = text.slice(value.start, value.end)
    if (owned === undefined && isBare && !isStriking(found) && !isLastWord(text, value, label)) return
    if (owned !== undefined && owned.joint === 'said' && !isStriking(text.slice(owned.start, owned.end))) return
    any = true
    use(owned ?? value, label)
  })
  scan.eachCell((start, end) => {
    const [from, to] = trimCell(text, start, end)
    use({ start: from, end: to, quoted: true, joint: 'cell' }, '')
  })
  scan.eachSaid((from, to) => {
    // The last word before the label, without the quotes around it.
    const start = from + text.slice(from, to).trimEnd().lastIndexOf(' ') + 1
    const [open, close] = trimCell(text, start, to)
    if (isStriking(text.slice(open, close))) use({ start: open, end: close, quoted: true, joint: 'cell' }, '')
  })
  if (!any && scan.byKey && scan.keyIsLabel) use({ start: 0, end: text.length, quoted: true, joint: 'key' }, '')
}

/** `password correct-horse-42`, and nothing after it: three words or more, which a thing's name seldom has behind this word. */
function isLastWord(text: string, { start, end, joint }: Labelled, label: string): boolean {
  if (joint !== ' ' || end < text.length || !/^(?:pass(?:word|wd|phrase)|requirepass|masterauth)$/i.test(label))
    return false
  return /^\p{L}{3,}(?:[-_.]\p{L}{3,}){1,4}[-_.]\d{2,4}$/u.test(text.slice(start, end))
}

const OWNER =
  /(?: (?:entered|given|provided|sent|set|used|typed|supplied|submitted|chosen))? (?:for|of|to|by|from) (?:the )?(?:user |customer |client |account )?[\w@.'-]{1,40}(?: [\w@.'-]{1,40})? ?(?:[:=]|is|was) ?["']?/y

/** `password for ada: x`: the value behind the one whom the label speaks of. */
function ofSomebody(text: string, at: number): Labelled | undefined {
  OWNER.lastIndex = at
  if (!OWNER.test(text)) return undefined
  const start = OWNER.lastIndex
  const rest = text.slice(start, start + 200)
  const length = rest.search(/[\s,;&|<>)}\]"']/)
  const isDone = /ed | by | from /.test(text.slice(at, start))
  return { start, end: start + (length < 0 ? rest.length : length), quoted: false, joint: isDone ? 'said' : ':' }
}

/** Nothing but a blank, a line or the words of a sentence says that it is the label's value. */
export function isLoose({ joint }: Labelled): boolean {
  return joint === ' ' || joint === 'said' || joint === 'line'
}

/** Names of algorithms and versions, which stand behind such labels too. */
const TERMS =
  /^(?:sha|md|argon|pbkdf|oauth|http|utf|base|aes|rsa|hs|rs|es|ed|ipv|bcrypt|scrypt|hmac|ecdsa|tls|ssl)-?\d{1,4}(?:[-_./]|[a-z]{0,3}$)|^[vx]\d{1,4}(?:[a-z]{1,5}\d?)?(?:[._-]\w{1,8})*$/i
/** `worker-3`, `payments-api-key-v2`, `TokenValidator2`, `max_tokens`: words, each in one case, and small numbers. */
const NAMED = /^(?:(?:\p{Lu}?\p{Ll}{2,}|\p{Lu}{2,}|v?\d{1,3}|\p{Ll}{2,8}\d{1,2})(?:[-_.]|$))+$/u

/** Behind nothing but blanks or words only what can be no word: letters with digits or signs, or letters that jump in case. */
export function isStriking(found: string): boolean {
  const value = found.replace(/[.,:;!?]+$/, '')
  if (value.length < 6 || /[/\\=:(]/.test(value) || UUID.test(value) || /^v?\d+(?:[.-]\d+)*$/.test(value)) return false
  if (TERMS.test(value) || /^0x/.test(value) || /^(?:[A-Z][a-z]{2,}){2,}\d{0,2}$/.test(value)) return false
  if (/[-_.]/.test(value) && value.length < 40 && NAMED.test(value)) return false
  if (!/[A-Za-z]/.test(value)) return false
  if (/\d/.test(value.slice(1)) || /[!@#$%^&*?~+]/.test(value.slice(0, -1))) return true
  return value.length >= 10 && (value.match(/[a-z][A-Z]/g)?.length ?? 0) >= 2 && /[A-Z]{2}/.test(value)
}

/** A cell without its blanks and quotes. */
export function trimCell(text: string, start: number, end: number): [number, number] {
  let from = start
  let to = end
  while (from < to && /\s/.test(text[from]!)) from++
  if (/[NEBnebu]/.test(text[from] ?? '') && text[from + 1] === "'") from++
  while (from < to && /[\s"'`(]/.test(text[from]!)) from++
  while (to > from && /[\s"'`)]/.test(text[to - 1]!)) to--
  return [from, to]
}

/** A value that can be a password: long enough, and neither a placeholder nor a word of prose. */
export function isSecret(text: string, { start, end, quoted, joint }: Labelled): boolean {
  if (end - start > LONGEST_WORD) return true
  const value = text.slice(start, end)
  if (value.length < (quoted ? 5 : 6) || isPlaceholder(value) || value.includes('[REDACTED')) return false
  if (DATE.test(value) || (DURATION.test(value) && !/^\d{6,}$/.test(value))) return false
  const lower = value.toLowerCase().replace(/[.,!?;:]+$/, '')
  if (WORDS.has(lower) || PATH.test(value) || isResource(value) || (!quoted && CALL.test(value))) return false
  if ((joint === '(' && /^https?:/.test(value)) || /^\d+(?:\.\d+){3,}$/.test(value)) return false
  if (!quoted && MEMBER.test(value)) return false
  if (joint === 'said' && CLAUSE.test(value)) return false
  if (joint === '(' || joint === '-' || joint === '"') return !/\s/.test(value) && !/^[A-Za-z]?[a-z]+$/.test(value)
  if (quoted || joint === '|' || joint === '>') return !isProse(value)
  // "password: incorrect for user": a plain word with more words behind it is a sentence.
  if (joint === ':' || joint === 'is') return !(/^[a-z]+$/.test(value) && /^[.,]? [a-z]/.test(text.slice(end, end + 3)))
  return true
}

/** `projects/acme/secrets/db-password/versions/3`: where a secret is kept. */
export function isResource(value: string, least = 3): boolean {
  const parts = value.split('/')
  return parts.length >= least && parts.every(part => NAMED.test(part))
}

/** Words about secrets rather than one. */
function isProse(value: string): boolean {
  const words = value.toLowerCase().split(/[\s.,!?]+/)
  return words.length > 2 && words.filter(word => WORDS.has(word)).length >= 2
}

/** A value that looks like a key or token: no blanks, 8 characters or more, and random-looking or long. */
export function isToken(value: string): boolean {
  if (value.length > LONGEST_WORD) return true
  if (value.length < 8 || /\s/.test(value) || /^\d{1,9}$/.test(value) || /^\d+\.\d+$/.test(value)) return false
  if (/^https?:\/\//.test(value) || /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(value)) return false
  const digit = /\d/.test(value)
  const letter = /[A-Za-z]/.test(value)
  if (digit && letter) return true
  if (/[a-z]/.test(value) && /[a-z][A-Z]/.test(value) && value.length >= 12) return true
  return value.length >= 20 && !/^[a-z]+(?:[-_. ][a-z]+)+$/.test(value)
}

/** A written-out secret: no placeholder, no word of prose, no duration. */
export function isLiteral(value: string): boolean {
  if (isPlaceholder(value) || value.includes('[REDACTED')) return false
  return !WORDS.has(value.toLowerCase()) && (!DURATION.test(value) || /^\d{4,}$/.test(value))
}

/** `${X}`, `$1`, `?`, `:name`, `%s`, `<...>`, `{{...}}`, stars, and what a redactor has left. */
export function isPlaceholder(value: string): boolean {
  return /^(?:\$\{?[A-Za-z0-9_.]*\}?|\?+|:[A-Za-z_]\w*|%[sdvq]|%\(\w+\)s|<[^>]*>?|\{\{?[^}]*\}?\}?|[*x•.]{3,}|\[?REDACTED\b.*|#\{.*|@\w+|null|none|nil|undefined)$/i.test(
    value
  )
}
