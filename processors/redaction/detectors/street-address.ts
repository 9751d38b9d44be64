// Postal addresses: under a key or label, or in the plain form "221B Baker Street".

import { defineDetector, Rank } from '../detector.js'
import { formEncoded, type Labelled } from '../scan/labelled.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { trimCell } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'

const MAX = 140
const PLAIN =
  /(?<![\w.-])\d{1,5}[A-Za-z]?,? (?:[NSEW]\.? )?(?:[A-Z][\p{L}'’.-]{0,30} ){1,3}(?:Street|Avenue|Ave\.?|Road|Boulevard|Blvd\.?|Lane|Terrace|Crescent|Parkway|Pkwy\.?)(?![\p{L}\p{N}])/gu
const UNLIKE = /[{}=<>@\\]|:\/\/|^\s*(?:0x|\d+(?:\.\d+)+)/
const END =
  /[\n;|{}<>&]|\)|\s(?:and|phone|tel|email|zip code|is|was|failed|not|for customer|on file|declined|rejected|today|tomorrow|yesterday|by|before|on|because|since|has|have|with)\b|,?\s[A-Za-z_]{2,20}\s?[=:]/

export const streetAddress = defineDetector({
  name: 'street_address',
  family: 'contact',
  about: 'postal address under a key or label (shipping, billing, street, home address), and "221B Baker Street"',
  checks: 'a digit and words; not network, memory or wallet addresses',
  rank: Rank.loose,
  when: Trigger.textLabel,
  byKey: true,
  keyStop:
    /\b(?:ip|mac|email|server|client|peer|net|network|host|memory|wallet|socket|source|destination|remote|local|listen|bind|http|url|db|rpc|broker|contract|eth|btc|bitcoin|ethereum|proxy|gateway|upstream|downstream|target|node|pod)\b/,
  labels: [
    'address',
    'street',
    'street address',
    'street name',
    'shipping address',
    'billing address',
    'home address',
    'mailing address',
    'postal address',
    'delivery address',
    'residential address',
    'work address',
    'address line',
    'billing address line',
    'shipping address line',
    'home address line',
    'street line',
    'addr',
    'addr line',
    'ship to',
    'deliver to',
    'delivered to',
    'lives at',
    'residence',
    'direccion',
    'dirección',
    'adresse',
    'strasse',
    'straße',
    'indirizzo',
    'endereço',
    'shipping',
    'billing',
    'customer address',
    'customer address line',
    'mailing address line',
    'delivery address line',
    'street address line',
    'postal address line',
    'client address line',
    'patient address line',
    'patient address',
    'shipto',
    'streetaddress',
    'anschrift',
    'lieferadresse',
    'rechnungsadresse',
    'wohnadresse',
    'postanschrift',
    'wohnort',
    'adresse postale',
    'adresse livraison',
    'adresse de livraison',
    'adresse facturation',
    'adresse de facturation',
    'rue',
    'domicile',
    'domicilio',
    'direccion envio',
    'direccion de envio',
    'dirección de envío',
    'calle',
    'endereco',
    'endereco entrega',
    'endereço de entrega',
    'logradouro',
    'adres',
    'woonadres',
    'adres zamieszkania',
    'ulica',
    'living at',
    'resides at',
    'residing at',
    '住所',
    '地址',
    'address text',
    'current address',
    'previous address',
    'permanent address',
    'legal address',
    'property address',
    'formatted address',
    'full address'
  ],
  labelTrigger: Trigger.textLabel,
  prefixes: ['avenue', '|ave|', '|road|', 'boulevard', 'blvd', '|lane|', 'terrace', 'crescent', 'parkway', 'pkwy'].map(
    word => ({ word, bits: Trigger.textLabel })
  ),
  hits: [
    { key: 'shipping.address', text: '‹742 Evergreen Terrace, Springfield›' },
    'home address: ‹12 Main St, Springfield, IL 62704›',
    '"street":"‹Hauptstraße 12›"',
    'deliver to ‹221B Baker Street› today',
    { key: 'billing_address_line_1', text: '‹1 Infinite Loop›' },
    'shippingAddress=‹99 High Road›, total=3',
    'billing address ‹Keizersgracht 4270›',
    'address line 1: ‹Flat 6, Via dei Mille 20›',
    'home address ‹1-2-3 Shibuya›'
  ],
  misses: [
    { key: 'server.address', text: 'db-1.internal' },
    { key: 'client.address', text: '10.0.0.1:80' },
    'address already in use',
    'the address: all 8 groups are padded',
    'address line 2 is optional',
    'bind address 0.0.0.0:80 failed',
    'memory address 0x7ffe12',
    'shipping took 3 days',
    { key: 'shipping.method', text: 'Express 24 hours' }
  ],
  find(scan: Scan): void {
    const text = scan.text
    scan.eachLabel((value, label) => {
      const isBounded = value.quoted || value.joint === '>' || value.joint === '|'
      const end = isBounded ? value.end : freeEnd(text, value.start)
      const words = formEncoded(text, value) ?? text.slice(value.start, end)
      const isWhole = end === text.length
      if (isAddress(words, strength(value, text.slice(label.start, label.end), isWhole)))
        scan.hit(value.start, value.start + words.length)
    })
    scan.eachCell((start, end) => {
      const [from, to] = trimCell(text, start, end)
      if (isAddress(text.slice(from, to), 'strong')) scan.hit(from, to)
    })
    scan.eachSaid((start, end) => {
      const [from, to] = addressBefore(text, start, end)
      if (to > from) scan.hit(from, to)
    })
    each(text, PLAIN, match => scan.hit(match.index, match.index + match[0].length))
    if (scan.byKey && scan.keyIsLabel && isAddress(text, 'strong')) {
      scan.hit(0, text.length)
    }
  }
})

/** Where an address in running text ends. */
function freeEnd(text: string, start: number): number {
  const rest = text.slice(start, start + MAX)
  const stop = END.exec(rest)
  let end = start + (stop === null ? rest.length : stop.index)
  while (end > start && /[\s.,"']/.test(text[end - 1]!)) end--
  return end
}

/** The address at the end of the words before its label: the longest that looks like one. */
function addressBefore(text: string, start: number, end: number): [number, number] {
  const [, to] = trimCell(text, start, end)
  let from = start
  if (from > 0 && text[from - 1] !== ' ') from = text.indexOf(' ', from) + 1
  for (let tries = 0; tries < 14 && from < to; tries++) {
    const [open] = trimCell(text, from, to)
    if (/^[\p{Lu}\d]/u.test(text.slice(open, open + 2)) && isAddress(text.slice(open, to), 'strong')) return [open, to]
    const next = text.indexOf(' ', from)
    if (next < 0 || next >= to) break
    from = next + 1
  }
  return [0, 0]
}

const WAY =
  '(?:rue|avenue|av\\.?|boulevard|bd|chemin|route|place|quai|allée|calle|c/|avenida|avda\\.?|paseo|plaza|via|viale|corso|piazza|rua|travessa|praça|ul\\.|ulica|al\\.|pl\\.|jalan|jl\\.?|strada|str\\.)'
const NUMBER = '\\d{1,6}[A-Za-z]?(?:[-/]\\d{1,4}[A-Za-z]?){0,2}'
/** "12 Main St", "12 rue de la Paix", "Flat 4, 22 Acacia Avenue". */
const NUMBER_FIRST = new RegExp(
  `^(?:\\p{Lu}[\\p{L}.]{0,10} ?#?\\d{0,5}[A-Za-z]?,? )?${NUMBER}(?: ?(?:bis|ter))?,? +(?:${WAY} |[\\p{Lu}\\d#])[\\p{L}\\d]`,
  'u'
)
/** "Hauptstraße 12", "Calle de Alcalá 45", "ul. Długa 7". */
const STREET_FIRST = new RegExp(
  `^(?:${WAY} ?)?\\p{Lu}[\\p{L}\\p{M}'’. -]{2,60},? +(?:n[.º°]? ?|no\\.? ?|nr\\.? ?|#)?\\d{1,5}\\b`,
  'u'
)
/** The same in small letters, where a word for a street is in it. */
const STREET_FIRST_ANY = new RegExp(STREET_FIRST.source, 'iu')
const BOX = /^(?:P\.? ?O\.? ?Box|Postfach|Apartado|Casella Postale|BP|Private Bag) ?#?\d/i
/** "1-2-3 Shibuya". */
const BLOCK = /^\d{1,3}-\d{1,3}(?:-\d{1,4})?,? \p{Lu}\p{L}{2,}/u
const STREET_WORD = new RegExp(
  `^${WAY} |(?:straße|strasse|str\\.|weg|platz|gasse|allee|laan|straat|gracht|kade|singel|dijk|dreef|hof|lei|torget|stræde|tie|gade|vej|gatan|vägen|katu|utca|ufer|damm|ring|steeg|plein) `,
  'iu'
)

const UNIT = /^(?:Apt|Apartment|Flat|Unit|Suite|Ste|Floor|Room|Wohnung|Appt|Apto|Piso)\.? ?#?\w{1,5},? (?=\S)/

type Strength = 'weak' | 'explicit' | 'strong'

/** How plainly the text says that an address follows: `address 12 ...`, `home address 12 ...`, `address: 12 ...`. */
function strength({ joint, quoted }: Labelled, label: string, isWhole: boolean): Strength {
  if (joint === 'said' && quoted) return 'strong'
  if (joint !== ' ' && joint !== 'said' && joint !== 'line') return 'strong'
  if (isWhole && /^street$|[\W_]address$/i.test(label)) return 'strong'
  return /address|street/i.test(label) && /[\W_]|[a-z][A-Z]/.test(label) ? 'explicit' : 'weak'
}

/** A house number and a street, in either order. `weak`: only what is plainly one. */
function isAddress(whole: string, how: Strength): boolean {
  const unit = UNIT.exec(whole)
  const text = unit === null || whole.length - unit[0].length < 8 ? whole : whole.slice(unit[0].length)
  const weak = how !== 'strong'
  if (text.length < 6 || text.length > 300 || UNLIKE.test(text) || !/\d/.test(text)) return false
  if (how === 'explicit' && (NUMBER_FIRST.test(text) || BLOCK.test(text) || BOX.test(text))) return true
  if (weak && /^\d/.test(text)) {
    return (
      /^\d{1,6}[A-Za-z]?,? (?:[NSEW]\.? )?\p{Lu}[\p{L}'’.-]+ \p{L}{2,}/u.test(text) ||
      new RegExp(`^\\d{1,5},? ${WAY} `, 'iu').test(text)
    )
  }
  if (STREET_WORD.test(text.slice(0, 60)) && STREET_FIRST_ANY.test(text)) return true
  if (weak) return false
  if (NUMBER_FIRST.test(text) || STREET_FIRST.test(text) || BLOCK.test(text) || BOX.test(text)) return true
  return /\p{Lo}{2,}/u.test(text) && !/[A-Za-z]{3}/.test(text)
}
