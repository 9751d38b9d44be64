// Label words: what a key or a word before a value says about the value. Phrases are sequences of lower-case words;
// between the words of a phrase any short punctuation may stand, so one phrase covers `cardNumber`, `card_number`,
// `card.number`, `"card": {"number"` and `Card Number`.

import { type Detector, Rank } from '../detector.js'
import { isAlnum, isDigit } from './numbers.js'
import type { Where } from './scan.js'
import { Trigger } from './triggers.js'
import { Lexicon, type Word, wordsOf } from './words.js'

/** Context bits: one a detector with labels, plus these. */
export const NEGATIVE = 1 << 30

/** A label found in a text. */
export interface Label {
  /** Where its words stand. */
  readonly start: number
  end: number
  /** Context bits; 0 = a label nobody asked for: it only hides labels farther away. */
  readonly bits: number
  /** Written as a key: a colon or an equals sign follows. */
  isKey: boolean
}

interface Node {
  bits: number
  readonly next: Map<string, Node>
}

/** Words that say that a number is no personal number, whatever it looks like. */
const NEGATIVE_LABELS = [
  'id',
  'ids',
  'order',
  'order id',
  'order no',
  'order number',
  'offset',
  'seq',
  'sequence',
  'timestamp',
  'ts',
  'time',
  'unix nano',
  'epoch',
  'version',
  'build',
  'release',
  'revision',
  'rev',
  'commit',
  'sha',
  'sha1',
  'sha256',
  'md5',
  'hash',
  'digest',
  'checksum',
  'etag',
  'trace',
  'trace id',
  'span',
  'span id',
  'request id',
  'correlation id',
  'batch',
  'batch id',
  'invoice',
  'ticket',
  'tracking',
  'tracking number',
  'sku',
  'isbn',
  'serial',
  'serial number',
  'part number',
  'port',
  'pid',
  'tid',
  'thread',
  'duration',
  'elapsed',
  'latency',
  'bytes',
  'size',
  'count',
  'total',
  'index',
  'idx',
  'partition',
  'shard',
  'rows',
  'limit',
  'width',
  'height',
  'lat',
  'lon',
  'lng',
  'latitude',
  'longitude',
  'amount',
  'price',
  'quantity',
  'qty',
  'balance',
  'oid',
  'uuid',
  'guid',
  'nonce',
  'seed',
  'job',
  'job id',
  'workflow id',
  'ms',
  'ns',
  'us',
  'nanos',
  'millis',
  'micros',
  'expires',
  'expiry',
  'ttl',
  'created',
  'updated',
  'reference',
  'ref',
  'case',
  'case id',
  'transaction',
  'transaction id',
  'txn',
  'txn id',
  'message id',
  'event id',
  'product',
  'ean',
  'upc',
  'gtin'
]

/** Words that stand between a label and its value and say nothing themselves: `field=ssn value=...`. */
const TRANSPARENT = new Set([
  'value',
  'val',
  'values',
  'number',
  'no',
  'num',
  'nr',
  'nbr',
  'is',
  'was',
  'the',
  'of',
  'for',
  'string',
  'text',
  'data',
  'field',
  'content',
  'raw',
  'str',
  'int',
  'param',
  'input',
  'given',
  'got',
  'received',
  'invalid',
  'new',
  'old',
  'eq',
  'type',
  'varchar',
  'bigint',
  'a',
  'an',
  'to',
  'at',
  'from',
  'name',
  'key',
  'attr',
  'attribute',
  'v',
  'k',
  'http',
  'https',
  's',
  'n',
  'xsi',
  'xs',
  'xsd',
  'xmlns',
  'actual',
  'found',
  'provided',
  'entered',
  'supplied',
  'submitted',
  'rejected',
  'unwrap',
  'in',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'like',
  'regex',
  'answer'
])

/** Elements of HTML that say nothing of what stands in them. */
const MARKUP = new Set(
  'td th tr dt dd dl li ul ol p b i u em strong span div label h h1 h2 h3 h4 table tbody thead br small code pre a font center'.split(
    ' '
  )
)

/** Words that go on a label's identifier without changing what it promises: `cpf_cliente`, `password_confirmation`. */
const OWNERS = new Set(
  (
    'cliente clientes klienta klient titular emitente usuario usuaria user customer client holder owner employee person member kunde kunden ' +
    'patient passenger traveler traveller applicant beneficiary recipient sender payer payee contribuinte empresa paciente ' +
    'plain plaintext cleartext clear unmasked current original confirm confirmation confirmed again repeat verify primary secondary backup ' +
    'prod production staging default encoded decoded full nummer numero numer'
  ).split(' ')
)

/** Words that may follow a negative word at the end of a key without taking its meaning. */
const AFTER_NEGATIVE = new Set(
  'number no num nr value raw v at start end begin first last min max high low next prev previous from to current key'.split(
    ' '
  )
)

/** Labels that keep their meaning at the end of a longer word. */
const COMPOUND = ['password', 'passwd', 'passwort', 'passphrase', 'apikey']

const LABEL_REACH = 56
const TAG_REACH = 160

/** All labels of the detectors that are on, as a trie of words. */
export class Vocabulary {
  readonly #root: Node = { bits: 0, next: new Map() }
  /** The bits of labels that promise numbers. */
  numbers = 0
  readonly #bitOf = new Map<string, number>()
  /** The bits of labels whose values have check digits: any word may follow them in an identifier. */
  #checked = 0
  /** The words of all phrases, and all others that this file asks for. */
  readonly #lexicon: Lexicon

  constructor(detectors: readonly Detector[]) {
    for (const phrase of NEGATIVE_LABELS) this.#add(phrase, NEGATIVE)
    let bit = 0
    for (const detector of detectors) {
      if (detector.labels === undefined) continue
      if (bit > 29) throw new Error('more than 30 detectors with labels: widen the context bits')
      const bits = 1 << bit++
      this.#bitOf.set(detector.name, bits)
      const isNumber =
        detector.labelTrigger === Trigger.numberLabel ||
        detector.labelTrigger === Trigger.documentLabel ||
        detector.labelTrigger === undefined
      if (isNumber) this.numbers |= bits
      if (isNumber && detector.rank === Rank.checked) this.#checked |= bits
      for (const phrase of detector.labels) {
        this.#add(phrase, bits)
        if (detector.family === 'identity')
          for (const more of ['id', 'number', 'no', 'nr', 'code']) this.#add(`${phrase} ${more}`, bits)
      }
    }
    this.#lexicon = new Lexicon([...wordsUnder(this.#root), ...TRANSPARENT, ...MARKUP, ...OWNERS])
  }

  /** The context bit of a detector; 0 when it has no labels or is off. */
  bit(detector: string): number {
    return this.#bitOf.get(detector) ?? 0
  }

  /** A phrase, its plural, and its words run together: `BILLINGADDRESS`. */
  #add(phrase: string, bits: number): void {
    this.#insert(phrase, bits)
    if (bits !== NEGATIVE && /[a-rt-z]$/.test(phrase)) this.#insert(`${phrase}s`, bits)
    if (bits !== NEGATIVE && phrase.endsWith('ss')) this.#insert(`${phrase}es`, bits)
    if (phrase.includes(' ') && phrase.length > 6) this.#insert(phrase.replaceAll(' ', ''), bits)
  }

  #insert(phrase: string, bits: number): void {
    let node = this.#root
    for (const word of phrase.split(' ')) {
      let next = node.next.get(word)
      if (next === undefined) {
        next = { bits: 0, next: new Map() }
        node.next.set(word, next)
      }
      node = next
    }
    // A word that any detector asks for is not negative, whatever else it is.
    node.bits = bits === NEGATIVE && node.bits !== 0 ? node.bits : (node.bits & ~NEGATIVE) | bits
  }

  /** The labels of a text, in order; the longest phrase wins where several start. Linear. */
  labels(text: string): Label[] {
    const words = this.#lexicon.wordsOf(text)
    const found: Label[] = []
    for (let i = 0; i < words.length; ) i += this.#phrase(text, words, i, found)
    return found
  }

  #phrase(text: string, words: readonly Word[], at: number, found: Label[]): number {
    let node: Node | undefined = this.#root
    let bits = 0
    let length = 0
    for (let j = at; j < words.length && j < at + 4; j++) {
      if (j > at && !joins(text, words[j - 1]!.end, words[j]!.start)) break
      // `passport: ID1977879`: the value begins with a word of a phrase.
      if (j > at && text[words[j - 1]!.end] === ':' && isDigit(text.charCodeAt(words[j]!.end))) break
      node = this.#step(node, text, words[j]!, j === at)
      if (node === undefined) break
      if (node.bits !== 0) {
        bits = node.bits
        length = j - at + 1
      }
    }
    const word = words[at]!
    const owner = ownerOf(text, word, found)
    if (owner !== undefined && length < 2 && OWNERS.has(word.text)) {
      owner.end = word.end
      owner.isKey = isKey(text, word.start, word.end)
      return 1
    }
    if (length > 0) {
      const end = words[at + length - 1]!.end
      found.push({ start: word.start, end, bits, isKey: isKey(text, word.start, end) })
      return length
    }
    if (TRANSPARENT.has(word.text) || !isKey(text, word.start, word.end)) return 1
    if (MARKUP.has(word.text) && /^[</]$/.test(text[word.start - 1] ?? '')) return 1
    if (OWNERS.has(word.text) && found.length > 0 && text.slice(found.at(-1)!.end, word.start) === ' ') return 1
    const { start, end } = word
    if (owner !== undefined) found.push({ start, end, bits: owner.bits & this.#checked, isKey: true })
    else if (!isSentence(text, word, found)) found.push({ start, end, bits: 0, isKey: true })
    return 1
  }

  #step(node: Node, text: string, word: Word, isFirst: boolean): Node | undefined {
    const next = word.text === '' ? undefined : node.next.get(word.text)
    return next === undefined && isFirst && word.end - word.start >= 8 ? this.#compound(spelled(text, word)) : next
  }

  /** `keystorepassword`, `mapsapikey`: a label with something run on to its front. */
  #compound(word: string): Node | undefined {
    const end = COMPOUND.find(label => word.endsWith(label))
    return end === undefined ? undefined : this.#root.next.get(end)
  }

  /** What a column's name says. */
  ofKey(path: string): number {
    return this.where(path).bits
  }

  /** What the words of a key path say: the last label in it wins. */
  where(path: string): Where {
    let last: Label | undefined
    for (const label of this.labels(path)) if (label.bits !== 0) last = label
    const words = wordsOf(path)
    const joined = words.map(word => word.text).join(' ')
    if (last === undefined) return { bits: 0, path: joined, label: '', isLabel: false }
    const { start, end, bits } = last
    const inside = words.filter(word => word.start >= start && word.end <= end).map(word => word.text)
    const isLabel = words.every(word => word.end <= end || TRANSPARENT.has(word.text) || OWNERS.has(word.text))
    // `order.details` is not an order's number.
    if (bits === NEGATIVE && !words.every(word => word.end <= end || AFTER_NEGATIVE.has(word.text)))
      return { bits: 0, path: joined, label: '', isLabel: false }
    return { bits, path: joined, label: inside.join(' '), isLabel }
  }
}

/** Nothing of weight between a label and what it denies: `order #4111...`, `order id is 4111...`. */
const DIRECT =
  /^[ \t"'`:=#()[\]{}>.,*_\\-]{0,8}(?:(?:is|was|no|number|id|num|nr|value|of|at|to|got|from|now|written|[a-z]{2,10}ed)[ \t:=#"'(]{1,4}){0,2}$/i

/**
 * The label that governs position `at`: the nearest one before it, within reach. A label that denies counts only right
 * before its value; one that is not among `kinds` (context bits; -1 = all) only when it is written as a key.
 */
export function labelBefore(text: string, labels: readonly Label[], at: number, kinds: number): Label | undefined {
  let low = 0
  let high = labels.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (labels[middle]!.end <= at) low = middle + 1
    else high = middle
  }
  for (let i = low - 1; i >= 0 && at - labels[i]!.end <= LABEL_REACH; i--) {
    const label = labels[i]!
    if (label.bits === NEGATIVE) {
      if (denies(text.slice(label.end, at), label.isKey)) return label
    } else if (label.bits === 0) {
      if (!isInTag(text, label, at)) return label
    } else if ((label.bits & kinds) !== 0 || (label.isKey && !isDoer(text, label))) return label
  }
  return undefined
}

/** `entered by the user: 123`: who did it, not what it is. */
function isDoer(text: string, { start }: Label): boolean {
  return /\b(?:by|from|for|of|to)(?: the| a| an| our| your)? $/i.test(text.slice(Math.max(0, start - 12), start))
}

/** An attribute of an element that the value stands in: `<ssn xmlns:x="urn:y">123`. */
function isInTag(text: string, { start, end }: Label, at: number): boolean {
  if (!text.slice(end, at).includes('>')) return false
  const before = text.slice(Math.max(0, start - TAG_REACH), start)
  return before.lastIndexOf('<') > before.lastIndexOf('>')
}

const LIST = /^[ \t:=#"'`[({>-]*\d[\d \t,;"'|/-]*$/

/** True when a negative word speaks of what stands behind `gap`: `order #4111`, `"offset": {"end": 4111`, `ids: 1, 4111`. */
function denies(gap: string, isKey: boolean): boolean {
  return (
    DIRECT.test(gap) ||
    LIST.test(gap) ||
    (isKey && /^["'`)\]]{0,3}\s{0,2}[:=]+\s{0,2}["'`({[]{0,3}[a-z ]{0,24}["'({[#]{0,2}$/i.test(gap))
  )
}

/** Every word of the phrases under a node. */
function wordsUnder({ next }: Node): string[] {
  return [...next].flatMap(([word, node]) => [word, ...wordsUnder(node)])
}

function spelled(text: string, { start, end }: Word): string {
  return text.slice(start, end).toLowerCase()
}

/** Words of one phrase: at most four characters of quotes, dots, dashes, braces, colons or one space between them. */
function joins(text: string, from: number, to: number): boolean {
  if (to - from > 5) return false
  for (let i = from; i < to; i++) if (PARTING.includes(text[i]!)) return false
  return true
}

const PARTING = ',;\n=&)|'

/** `word:`, `word=`, `"word":`, `word =>`, `<word>`. */
function isKey(text: string, start: number, end: number): boolean {
  let i = end
  while (i < text.length && i < end + 3 && (text[i] === '"' || text[i] === "'" || text[i] === ' ' || text[i] === '`'))
    i++
  const c = text[i]
  if (c === '>') return i === end && /<[\w.:-]*$/.test(text.slice(Math.max(0, start - 40), start))
  return (c === '=' && text[i + 1] !== '=') || (c === ':' && text[i + 1] !== '/' && text[i + 1] !== ':')
}

/** The label that the same identifier begins with: `cpf` for the last word of `cpf_do_titular`. */
function ownerOf(text: string, word: Word, found: readonly Label[]): Label | undefined {
  const last = found.at(-1)
  if (last === undefined || last.bits === 0 || last.bits === NEGATIVE || word.start - last.end > 40) return undefined
  for (let i = last.end; i < word.start; i++) {
    const code = text.charCodeAt(i)
    if (!isAlnum(code) && code !== 45 && code !== 95) return undefined
  }
  return last
}

/** `ssn entered: ...` */
function isDone(text: string, last: Label, word: Word): boolean {
  return /^ ?\d{0,2} $/.test(text.slice(last.end, word.start)) && /(?:ed|en)$/.test(spelled(text, word))
}

/** `ssn taken from the second form: ...`: the colon belongs to the label that the sentence began with. */
function isSentence(text: string, word: Word, found: readonly Label[]): boolean {
  const last = found.at(-1)
  if (last === undefined || last.bits === 0 || last.isKey) return false
  if (last.bits === NEGATIVE && !/(?:ed|written)$/.test(spelled(text, word))) return false
  if (word.start - last.end > LABEL_REACH || !/^:\s/.test(text.slice(word.end, word.end + 2))) return false
  return /^[.)"']{0,2}(?: [\p{Ll}'-]+)+ $/u.test(text.slice(last.end, word.start)) || isDone(text, last, word)
}
