// Names of persons: only where a key, a label or a salutation says that a person follows.

import { defineDetector, Rank } from '../detector.js'
import { formEncoded, type Labelled } from '../scan/labelled.js'
import { each } from '../scan/match.js'
import type { Scan } from '../scan/scan.js'
import { isLoose, trimCell } from '../scan/secrets.js'
import { Trigger } from '../scan/triggers.js'
import type { Label } from '../scan/vocabulary.js'

const CAP = "(?:\\p{Lu}[\\p{L}\\p{M}]*(?:['’-]\\p{L}[\\p{L}\\p{M}]*){0,3}\\.?|\\p{Lo}{1,8})"
const PARTICLE = '(?:de|del|della|di|da|dos|das|du|la|le|van|von|der|den|ter|ten|zu|bin|binti|ibn|al|el|af|av|y|e|st)'
const TITLE = '(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Herr|Frau|Sra|Sr|Mme|Mlle|Don|Doña)\\.?'
const NAME = new RegExp(`(?:${TITLE} )?${CAP}(?: (?:${PARTICLE} ){0,2}${CAP}){0,4}`, 'uy')
const REVERSED = new RegExp(
  `(?:${PARTICLE} ){0,2}${CAP}(?: (?:${PARTICLE} ){0,2}${CAP})?, ${CAP}(?: ${CAP}){0,2}`,
  'uy'
)
/** A name at the end of the words before its label: `gave Ada Lovelace as the cardholder`. */
const ENDING = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:${CAP}(?: ${CAP})?, )?(?:${TITLE} )?${CAP}(?: (?:${PARTICLE} ){0,2}${CAP}){1,4}["'”]?$|(?<![\\p{L}\\p{N}])${CAP}(?: ${CAP})?, ${CAP}["'”]?$`,
  'u'
)
/** `Ada Lovelace <ada@example.org>`: the name in the header of a mail. */
const MAILBOX =
  /(?<![\p{L}\p{N}])["']?((?:\p{L}[\p{L}\p{M}'’.-]{0,30},? ){1,4}\p{L}[\p{L}\p{M}'’.-]{0,30})["']? ?<[^<>\s@]{1,64}@/gu
const LOWER = /^\p{L}[\p{L}\p{M}'’.-]*(?: \p{L}[\p{L}\p{M}'’.-]*){1,3}$/u

/** Words that begin or end no name. */
const STOP = new Set(
  (
    'world there everybody folks a an the and or not no none null unknown anonymous guest default system admin root test user users customer customers client service services support success team account accounts ' +
    'order orders id ids number name names record records data profile profiles table view page portal center centre api app application server database error failed failure found missing invalid ' +
    'is was has had were will can could should must created updated deleted saved removed added lookup search query request response session event type status state code key value list map object class ' +
    'true false get set put post delete patch select insert update from where import export handler controller manager repository module factory builder config settings info debug warn error trace fatal ' +
    'january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday inc ltd llc gmbh corp company group n/a na redacted http https json xml sql ' +
    'segment tier level region country city address email phone date time count total amount balance limit feedback satisfaction experience relationship journey portal onboarding care notes history story stories mapping network policy device agent login logout registration creation deletion update sync scheduler board bot job cron worker pipeline agent automation queue team nightly daily weekly platform lock in at on for with to of by'
  ).split(' ')
)
/** Words of trade and machines: with one of them, capitalised words behind a bare label are a title, no name. */
const TITLE_WORDS = new Set(
  'signed logged signing login logout up out form submitted report ticket message messages notification queue job jobs task tasks step flow workflow run runner sync batch check checks verification validation verified pipeline stage load loader index cache store storage review rating reviews survey chat bot agent assistant interface component widget button screen grid row column field input output payload schema model entity enum mapper adapter server gateway proxy router worker thread pool registry engine processor scheduler listener observer publisher producer consumer broker topic stream events bus hub desk office department unit division branch zone area location site shop cart checkout payment payments invoice invoices billing shipping delivery product products item items price pricing discount coupon campaign offer deal plan plans subscription subscriptions premium basic standard gold silver bronze active inactive enabled disabled pending approved rejected cancelled completed success timeout retry started stopped finished done new old first last next previous daily weekly monthly yearly annual quarterly sir madam all everyone colleague colleagues friend friends valued hiring member members sent received opened closed changed registered created expired locked blocked merge import exported imported processing processed analytics dashboard metrics insights intelligence acquisition retention churn lifetime master details detail information info file files document documents upload download access control permission permissions management administration operations marketing sales finance legal engineering research security privacy compliance quality test tests identity directory federation provider authentication authorization'.split(
    ' '
  )
)
/** What makes of the words before it a company's or a numbered thing's name. */
const COMPANY = /^,? (?:GmbH|AG|Inc|Ltd|LLC|LLP|PLC|Corp|S\.?A|B\.?V|Pty|KG|SE|Oy|AB|ApS)\b|^ #?\d{1,4}(?:["']|$)/
/** `Hello Ada Lovelace,`: with these words the name must be called. */
const GREETING = /^(?:hello|hi|hey|hallo|hola|bonjour|lieber?|estimad[oa])$/i
/** Parts of programs that may come before a person's name all the same: `header patient-name`. */
const PARTS = /^(?:app|application|header|field|column|key|param|parameter|variable|property|input)$/i
/** Owners of names that are no persons. */
const THINGS =
  /\b(?:service|host|workflow|step|thread|collection|destination|process|container|pod|node|cluster|queue|topic|table|db|database|file|function|class|method|module|namespace|app|application|product|plan|metric|span|job|task|pipeline|group|role|team|company|org|organization|organisation|region|zone|device|browser|os|sdk|library|package|bucket|schema|index|field|column|domain|server|system|network|interface|image|model|feature|flag|environment|stage|template|category|brand|item|store|telemetry|scope|code|exception|rpc|messaging|k8s|cloud|faas|operation|resource|event|page|project|repo|branch|dataset|algorithm|type|rule|policy|channel|program|folder|key|variable|parameter|header|script|test|suite|city|country|state|street|theme|font)\b/
/** Labels that promise a name so plainly that one word is enough. */
const PLAIN =
  /(?:first|last|given|family|full|middle|maiden|legal|real|birth|holder|customer|client|recipient|patient|contact|employee|passenger|guest|student|driver|payee|sender|receiver|buyer|seller|applicant|person|member|billing|shipping|insured|spouse|author|manager|doctor|user full|display|account|beneficiary|traveller|traveler|owner|subscriber|attendee)[\W_]{0,4}name|^(?:surname|firstname|lastname|fullname|cardholder|card\W?holder|vorname|nachname|apellidos?|nombre|pr[ée]nom|forename|account\W?holder|name on card|payee|beneficiary|next of kin|dear|middlename|givenname|familyname|displayname|customername|patientname)$/i

/** Keys that are a person's whatever they are part of: `app.recipient_name`, `step.input.cardholder`. */
const PERSONS =
  '(?:customer|recipient|patient|client|employee|passenger|guest|student|payee|beneficiary|contact|applicant|borrower|member|subscriber|buyer|traveller|traveler|insured|sender|receiver|billing|shipping|holder|cardholder)'
const FRAMES =
  '(?:app|application|request|input|data|form|payload|record|body|param|event|message|context|value|document|json)'
const KEY_STOP = new RegExp(
  `^(?!.*\\b(?:${PERSONS}(?: (?:full|first|last|given|family|display))? name|(?:first|last|given|family|middle|maiden) name|cardholder|(?:card|account) holder|surname|${FRAMES} full name)(?: (?:raw|value|text|string|original|plain|new|old|current))?$).*${THINGS.source}`
)

/** `signatory` and `signatory name`. */
const withName = (labels: readonly string[]): readonly string[] => [
  ...new Set(
    labels.flatMap(label =>
      /name|^dear$|^h[aeio]|^bon|^lieb|^estimad/.test(label) ? [label] : [label, `${label} name`]
    )
  )
]

export const personName = defineDetector({
  name: 'person_name',
  family: 'contact',
  about:
    'name of a person under a key or label (customer, recipient, cardholder, patient, full or display name ...) or after "Dear"',
  checks: 'capitalised words; not names of services, hosts, workflows, threads, collections and other things',
  rank: Rank.loose,
  when: Trigger.textLabel | Trigger.at,
  byKey: true,
  keyStop: KEY_STOP,
  keyMatch:
    /\b(?:customer|recipient|patient|client|cardholder|holder|employee|passenger|guest|student|payee|beneficiary|person|contact|applicant|borrower|member|subscriber|buyer|traveller|traveler|insured|user|owner|sender|receiver|billing|shipping)\b(?: [a-z]+){0,2} (?:name|name (?:first|last|full|given|family|display|value|text))$|\bname (?:first|last|full|given|family)$/,
  labels: withName([
    'first name',
    'last name',
    'given name',
    'family name',
    'full name',
    'middle name',
    'maiden name',
    'legal name',
    'real name',
    'display name',
    'birth name',
    'surname',
    'firstname',
    'lastname',
    'fullname',
    'forename',
    'middlename',
    'givenname',
    'familyname',
    'displayname',
    'customername',
    'patientname',
    'customer',
    'customer name',
    'client name',
    'recipient',
    'recipient name',
    'cardholder',
    'cardholder name',
    'card holder',
    'card holder name',
    'name on card',
    'account holder',
    'account holder name',
    'account name',
    'patient',
    'patient name',
    'contact name',
    'contact person',
    'contact',
    'employee',
    'employee name',
    'passenger',
    'passenger name',
    'guest name',
    'guest',
    'student',
    'student name',
    'driver name',
    'beneficiary',
    'beneficiary name',
    'payee',
    'payee name',
    'sender name',
    'receiver name',
    'buyer',
    'buyer name',
    'seller name',
    'applicant',
    'applicant name',
    'person name',
    'person',
    'member name',
    'billing name',
    'shipping name',
    'insured',
    'insured name',
    'spouse',
    'spouse name',
    'author name',
    'manager name',
    'doctor name',
    'owner name',
    'subscriber name',
    'attendee',
    'attendee name',
    'traveller',
    'traveller name',
    'traveler name',
    'next of kin',
    'emergency contact',
    'user name',
    'user full name',
    'user',
    'assignee',
    'requester',
    'requested by',
    'approved by',
    'signed by',
    'submitted by',
    'ship to',
    'shipping to',
    'delivered to',
    'bill to',
    'attn',
    'dear',
    'hello',
    'hi',
    'hey',
    'hallo',
    'hola',
    'bonjour',
    'liebe',
    'lieber',
    'estimado',
    'estimada',
    'vorname',
    'nachname',
    'nombre',
    'apellido',
    'apellidos',
    'prenom',
    'prénom',
    'sender',
    'receiver',
    'holder',
    'signatory',
    'caller name',
    'claimant',
    'tenant contact',
    'borrower',
    'nominee',
    'guardian',
    'physician',
    'policy holder',
    'policyholder',
    'tenant name',
    'deliver to',
    'doctor',
    'nurse',
    'teacher name',
    'parent name',
    'signer',
    'nombre completo',
    'nom',
    'nom complet',
    'nome',
    'nome completo',
    'vollständiger name',
    'vollstaendiger name',
    'kunde',
    'kundenname',
    'empfänger',
    'empfaenger',
    'karteninhaber',
    'kontoinhaber',
    'titulaire',
    'titular',
    'destinatario',
    'destinatário',
    'destinataire',
    'cliente',
    'naam',
    'volledige naam',
    'imie nazwisko',
    'imie i nazwisko',
    'imię i nazwisko',
    'nazwisko',
    'cognome',
    '氏名',
    '姓名',
    '名前',
    'preferred name',
    'alias name',
    'enduser name',
    'end user name',
    'lead name',
    'candidate name',
    'candidate',
    'interviewee',
    'respondent',
    'witness',
    'debtor',
    'co borrower',
    'heir',
    'trustee',
    'grantor',
    'landlord',
    'resident',
    'voter',
    'donor',
    'participant name',
    'registrant',
    'to name',
    'from name',
    'salutation name',
    'rep name',
    'sales rep',
    'account manager',
    'reporter name',
    'approver',
    'reviewer name',
    'supervisor name'
  ]),
  labelTrigger: Trigger.textLabel,
  hits: [
    'customer ‹Ada Lovelace› called',
    '‹Ada Lovelace› is our customer',
    'gave ‹Ada Lovelace› as her full name',
    'From: "‹Grace Hopper›" <postmaster@localhost>',
    '"fullName":"‹Grace Hopper›"',
    { key: 'customer.name', text: '‹Alan Turing›' },
    { key: 'app.recipient_name', text: '‹Alan M. Turing›' },
    'Invalid patient: ‹Turing, Alan›',
    'cardholder copied out of the old system is ‹Alan Turing›',
    'Dear ‹Ada›,',
    'Hello ‹Ada Lovelace›, thanks',
    'cardholder: ‹EDSGER W. DIJKSTRA›',
    'User(firstName=‹Ada›, id=3)',
    { key: 'patient.full_name', text: '‹Ludwig van Beethoven›' },
    'recipient="‹Seán O’Casey›"',
    { key: 'first_name', text: '‹Ada›' },
    "INSERT INTO c (id, full_name) VALUES (1, '‹Ada Lovelace›')",
    'first_name;last_name\n‹Ada›;‹Lovelace›',
    '{"customer":{"name":"‹Ada Lovelace›","tier":"gold"}}'
  ],
  misses: [
    { key: 'service.name', text: 'Order Service' },
    { key: 'workflow.name', text: 'Ledger Close' },
    'Customer Service unavailable',
    'Flow Engine is the customer',
    { key: 'thread.name', text: 'Main Worker' },
    'customer id 7',
    'Hello World Demo',
    'Hello Fastify Instance',
    'Hi Team',
    { key: 'messaging.destination.name', text: 'Order Events' },
    'user authenticated',
    'patient record not found',
    { key: 'customer.tier', text: 'Gold Plus' },
    { key: 'db.collection.name', text: 'Customer Accounts' },
    { key: 'display_name', text: 'Ledger Sync 2' },
    'customer segment is Enterprise Plus',
    'COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM',
    'every recipient of Adapted Material',
    'user Story Mapping enabled',
    'Ada Lovelace'
  ],
  find(scan: Scan): void {
    const text = scan.text
    if (scan.mask & Trigger.at && text.includes('<')) each(text, MAILBOX, match => mailbox(scan, match))
    if ((scan.mask & Trigger.textLabel) === 0 && !scan.byKey) return
    scan.eachLabel((value, label) => {
      const words = text.slice(label.start, label.end)
      if (isThing(text, label.start, PLAIN.test(words))) return
      if (isLoose(value) && isTalk(text, label, value)) return
      const isPlain = PLAIN.test(words)
      const plain = isPlain && value.joint !== ' '
      const isWhole = label.start < 40 && value.joint === ' '
      const reversible = isPlain || value.joint !== ' ' || isWhole
      const limit = value.quoted || value.joint === '>' || value.joint === '|' ? value.end : text.length
      const form = formEncoded(text, value)
      if (form !== undefined && isName(form, plain)) return scan.hit(value.start, value.start + form.length)
      const end = nameEnd(text, value.start, plain || /^dear$/i.test(words), limit, reversible)
      if (GREETING.test(words) && !/^["']?[,!]/.test(text.slice(end, end + 2))) return
      if (end > 0 && !(value.joint === ' ' && isTitle(text.slice(value.start, end)))) scan.hit(value.start, end)
    })
    scan.eachCell((start, end) => {
      const [from, to] = trimCell(text, start, end)
      if (isName(text.slice(from, to), true)) scan.hit(from, to)
    })
    scan.eachSaid((start, end) => {
      const match = ENDING.exec(text.slice(start, end))
      if (match === null) return
      const [from, to] = trimCell(text, start + match.index, end)
      const name = firstName(text, from, to)
      if (name >= 0 && !isTitle(text.slice(name, to))) scan.hit(name, to)
    })
    if (!scan.byKey || !scan.keyIsLabel) return
    const plain = PLAIN.test(scan.keyLabel)
    const [from, to] = trimCell(text, 0, text.length)
    if (isName(text.slice(from, to), plain)) scan.hit(from, to)
  }
})

/** Licence prose in capitals, and `every recipient of Adapted Material`. */
function isTalk(text: string, label: Label, value: Labelled): boolean {
  if (/\b(?:of|in|as|by|like)\s*$/.test(text.slice(label.end, value.start))) return true
  return (
    /^[A-Z\s]+$/.test(text.slice(label.start, label.end)) &&
    /^[A-Z]+ [A-Z]+/.test(text.slice(value.start, value.start + 20))
  )
}

/** `service display name`: the word before the label makes it a thing's. */
function isThing(text: string, start: number, isPlain: boolean): boolean {
  const before = /([a-z]{2,20})[ ._-]$/i.exec(text.slice(Math.max(0, start - 22), start))
  if (before === null || (isPlain && PARTS.test(before[1]!))) return false
  return THINGS.test(before[1]!.toLowerCase())
}

/** End of the name at `start`; 0 when there is none. `single`: one word is enough. */
function nameEnd(text: string, start: number, single: boolean, limit: number, reversible: boolean): number {
  if (reversible) {
    REVERSED.lastIndex = start
    const both = REVERSED.exec(text)
    if (both !== null && REVERSED.lastIndex <= limit && trimmed(both[0]).length === both[0].length)
      return start + both[0].length
  }
  NAME.lastIndex = start
  const match = NAME.exec(text)
  if (match === null) return 0
  const name = trimmed(match[0].slice(0, Math.max(0, limit - start)))
  const words = name.split(' ')
  if (name === '' || (words.length < 2 && !single && !/^\p{Lo}{2,}$/u.test(name))) return 0
  if (words.length === 1 && (name.length < 2 || /^[A-Z0-9]+$/.test(name)))
    return single && /^[A-Z]{3,}$/.test(name) ? start + name.length : 0
  const next = text[start + name.length]
  if (next !== undefined && /[\p{L}\p{N}_=]/u.test(next)) return 0
  if (COMPANY.test(text.slice(start + name.length, start + name.length + 12))) return 0
  return start + name.replace(/\.$/, '').length
}

/** Where the name that ends at `end` begins: a sentence's first word may stand before it. -1 when there is none. */
function firstName(text: string, start: number, end: number): number {
  for (let from = start; from < end; from = text.indexOf(' ', from) + 1) {
    if (isName(text.slice(from, end), false)) return from
    if (!text.slice(from, end).includes(' ')) break
  }
  return -1
}

function mailbox(scan: Scan, match: RegExpExecArray): void {
  const start = match.index + match[0].indexOf(match[1]!)
  const end = start + match[1]!.length
  const from = firstName(scan.text, start, end)
  if (from >= 0 && !isTitle(scan.text.slice(from, end))) scan.hit(from, end)
}

/** True when one of the words is none of a person's name. */
export function isNoName(words: string): boolean {
  return words.split(' ').some(word => STOP.has(word.toLowerCase())) || isTitle(words)
}

function isTitle(words: string): boolean {
  return words.split(' ').some(word => TITLE_WORDS.has(word.toLowerCase()))
}

/** A name without the stop words at its end; '' when it begins with one. */
function trimmed(name: string): string {
  const words = name.split(' ')
  if (STOP.has(words[0]!.toLowerCase().replace(/[.,]$/, ''))) return ''
  const many = words.length
  while (words.length > 0 && STOP.has(words.at(-1)!.toLowerCase().replace(/[.,]$/, ''))) words.pop()
  return many > 1 && words.length === 1 ? '' : words.join(' ')
}

function isName(text: string, plain: boolean): boolean {
  if (text.length < 2 || text.length > 80) return false
  const end = nameEnd(text, 0, plain, text.length, true)
  if (end > 0 && end >= text.length - 1) return true
  return plain && LOWER.test(text) && text.split(' ').every(word => !STOP.has(word.toLowerCase()))
}
