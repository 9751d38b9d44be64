// Builds the corpus: OTLP requests together with the truth about what was planted in them.

import { createHash } from 'node:crypto'
import type { Signal } from '../../core/otlp/signal.js'
import { futureOracle, type Plain } from '../helpers/otlp-oracle.js'
import { inNeutralDocument, inProse, NEUTRAL_KEYS, type Piece, short, styledKey, withLabel } from './contexts.js'
import { type Encoding, encode, encodingsFor, WHOLE } from './encodings.js'
import { entriesOf, stringsOf } from './entries.js'
import { NEGATIVES, type Negative } from './negatives.js'
import { type Content, Draft, SPOTS, type Spot } from './places.js'
import { Rng } from './rng.js'
import { type Hay, hasNeedle, hay } from './search.js'
import type { Needle, TypeSpec, Written } from './values.js'
import { IDS } from './values-ids.js'
import { PEOPLE } from './values-people.js'
import { SECRETS } from './values-secrets.js'

export const TYPES: readonly TypeSpec[] = [...PEOPLE, ...IDS, ...SECRETS]

/**
 * `structured`: shape, checksum or scheme tells what it is; `encoded`: written with Unicode tricks or an encoding;
 * `context`: only a key or a label tells.
 */
export type Difficulty = 'structured' | 'encoded' | 'context'

export interface Planted {
  readonly type: string
  readonly place: string
  readonly difficulty: Difficulty
  readonly encoding: Encoding
  /** How it stands there: `alone`, `prose`, `document`, `label`, `array`, `map`, `number`, `key`. */
  readonly form: string
  readonly needles: readonly Needle[]
  /** What was put into the request, for people to read. */
  readonly shown: string
}

export interface PlantedNegative {
  readonly kind: string
  readonly place: string
  readonly entries: readonly string[]
  readonly shown: string
}

export interface Request {
  readonly signal: Signal
  readonly bytes: Buffer
  readonly planted: readonly Planted[]
  readonly negatives: readonly PlantedNegative[]
  /** Entries (see entries.ts) of neither: they must come out unchanged. */
  readonly ordinary: readonly string[]
}

export interface CorpusOptions {
  readonly seed: number
  /** Planted values; negatives are two fifths as many, ordinary strings at least twice as many. */
  readonly size: number
}

export const DEFAULTS: CorpusOptions = { seed: 20261, size: 10_000 }

const ENCODED_SHARE = 0.35
const NEGATIVES_SHARE = 0.4
const A_REQUEST = 12

interface Plant {
  readonly signal: Signal
  readonly spot: Spot
  readonly content: Content
  readonly truth: Planted
  readonly hay: Hay
}

interface Innocent {
  readonly signal: Signal
  readonly spot: Spot
  readonly content: Content
  readonly truth: PlantedNegative
}

/** The requests of a corpus, one by one: same options, same bytes. */
export function* corpus({ seed, size }: CorpusOptions): Generator<Request> {
  const order = new Rng(seed, 'order')
  const plants = order.shuffle(allPlants(seed, size))
  const innocents = order.shuffle(allInnocents(seed, Math.round(size * NEGATIVES_SHARE)))
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    const left = plants.filter(plant => plant.signal === signal)
    const others = innocents.filter(innocent => innocent.signal === signal)
    const rounds = Math.ceil(left.length / A_REQUEST)
    for (let at = 0; at < rounds; at++) {
      const some = others.slice(
        Math.round((at * others.length) / rounds),
        Math.round(((at + 1) * others.length) / rounds)
      )
      yield request(new Rng(seed, `${signal}/${at}`), signal, left.slice(at * A_REQUEST, (at + 1) * A_REQUEST), some)
    }
  }
}

/** A fingerprint of the whole corpus: figures can be compared only where it is the same. */
export function digestOf(options: CorpusOptions): string {
  const hash = createHash('sha256')
  for (const { bytes } of corpus(options)) hash.update(bytes)
  return hash.digest('hex').slice(0, 16)
}

function request(rng: Rng, signal: Signal, plants: readonly Plant[], innocents: readonly Innocent[]): Request {
  const draft = new Draft(signal, rng)
  for (const { spot, content } of innocents) spot.put(draft, content, rng)
  for (let at = 0; at < 4; at++) draft.item()
  const clean = stringsOf(draft.request).map(hay)
  const planted: Planted[] = []
  const hays: Hay[] = []
  const own: string[] = []
  for (const { spot, content, truth, hay: mine } of plants) {
    // The truth is by search, so a value must be the only one of its kind in its request.
    const others = [...clean, ...hays]
    const isClash =
      truth.needles.some(needle => others.some(other => hasNeedle(other, needle))) ||
      planted.some(other => other.needles.some(needle => hasNeedle(mine, needle)))
    if (isClash) continue
    const before = entriesOf(draft.request)
    spot.put(draft, content, rng)
    own.push(...fresh(before, entriesOf(draft.request)).filter(entry => isOf(entry, content)))
    planted.push(truth)
    hays.push(mine)
  }
  const negatives = innocents.map(innocent => innocent.truth)
  const notOrdinary = counted([...own, ...negatives.flatMap(negative => negative.entries)])
  const ordinary = entriesOf(draft.request).filter(entry => !take(notOrdinary, entry))
  return { signal, bytes: futureOracle.encodeRequest(signal, draft.request), planted, negatives, ordinary }
}

/** Entries that a plant brought in, without the ordinary message around it. */
function isOf(entry: string, content: Content): boolean {
  const ownStrings = stringsOf({ attributes: [content as unknown as Plain] })
  return ownStrings.some(text => text.length > 0 && entry.includes(text))
}

function fresh(before: readonly string[], after: readonly string[]): string[] {
  const had = counted(before)
  return after.filter(entry => !take(had, entry))
}

export function counted(entries: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const entry of entries) counts.set(entry, (counts.get(entry) ?? 0) + 1)
  return counts
}

/** Takes one of an entry out; false when none is left. */
export function take(counts: Map<string, number>, entry: string): boolean {
  const count = counts.get(entry) ?? 0
  if (count === 0) return false
  counts.set(entry, count - 1)
  return true
}

function allPlants(seed: number, size: number): Plant[] {
  const total = TYPES.reduce((sum, type) => sum + (type.weight ?? 1), 0)
  return TYPES.flatMap(type => {
    const many = Math.max(1, Math.round((size * (type.weight ?? 1)) / total))
    return Array.from({ length: many }, (_, at) => plant(new Rng(seed, `plant/${type.name}/${at}`), type))
  })
}

function plant(rng: Rng, type: TypeSpec): Plant {
  const spot = rng.pick(SPOTS)
  const signal = rng.pick(spot.signals)
  const written = type.write(rng)
  const encoding = rng.chance(ENCODED_SHARE) ? rng.pick(usable(encodingsFor(type.look, written.text), spot)) : 'plain'
  const encoded = encode(written.text, encoding, type.look, rng)
  const isEncoded = WHOLE.has(encoding) || encoded !== written.text
  const { content, form } = contentOf(
    rng,
    type,
    written,
    { value: encoded, raw: encoding === 'unicode_escape' },
    spot,
    encoding
  )
  const truth: Planted = {
    type: type.name,
    place: spot.name,
    difficulty: isEncoded ? 'encoded' : written.needsContext ? 'context' : 'structured',
    encoding: isEncoded ? encoding : 'plain',
    form,
    needles: written.needles,
    shown: show(content, spot)
  }
  return {
    signal,
    spot,
    content,
    truth,
    hay: hay(stringsOf({ attributes: [content as unknown as Plain] }).join('\u0000'))
  }
}

/** Bytes values need a place that takes any value; short places cannot hold long documents well, but may. */
function usable(encodings: readonly Encoding[], spot: Spot): Encoding[] {
  const takesValues = spot.takes === 'attribute' || spot.takes === 'value'
  return encodings.filter(encoding => takesValues || !encoding.startsWith('bytes'))
}

function contentOf(
  rng: Rng,
  type: TypeSpec,
  written: Written,
  piece: Piece,
  spot: Spot,
  encoding: Encoding
): { content: Content; form: string } {
  const isBare = written.needsContext && written.labelled !== true
  if (spot.takes !== 'attribute') {
    const { text, form } = textFor(rng, type, written, piece, spot, encoding, isBare)
    if (spot.takes === 'value') return { content: { key: '', value: bodyValue(rng, text, encoding) }, form }
    return { content: { key: '', value: { stringValue: text } }, form }
  }
  if (WHOLE.has(encoding)) {
    const { text, form } = textFor(rng, type, written, piece, spot, encoding, isBare)
    return { content: { key: rng.pick(NEUTRAL_KEYS), value: wrapBytes(text, encoding) }, form }
  }
  return attributeFor(rng, type, written, piece, isBare, encoding)
}

function attributeFor(
  rng: Rng,
  type: TypeSpec,
  written: Written,
  piece: Piece,
  isBare: boolean,
  encoding: Encoding
): { content: Content; form: string } {
  const telling = styledKey(rng, rng.pick(type.keys))
  const neutral = rng.pick(NEUTRAL_KEYS)
  const key = isBare || rng.chance(0.4) ? telling : neutral
  const text = { stringValue: piece.value }
  if (written.number === true && encoding === 'plain' && rng.chance(0.3)) {
    const number = Number(written.text)
    const isDouble = Number.isSafeInteger(number) && rng.chance(0.3)
    const value = isDouble ? { doubleValue: number } : { intValue: BigInt(written.text) }
    return { content: { key: telling, value }, form: 'number' }
  }
  const roll = rng.next()
  if (roll < 0.3) return { content: { key, value: text }, form: isBare || key === telling ? 'key tells' : 'alone' }
  if (roll < 0.37) {
    const values = rng.shuffle([{ stringValue: 'open' }, text, { stringValue: 'step 4' }])
    return { content: { key, value: { arrayValue: { values } } }, form: 'array' }
  }
  if (roll < 0.48) return { content: nested(rng, key, text), form: 'map' }
  if (roll < 0.53 && !isBare && written.labelled !== true && /^\S{4,60}$/.test(piece.value)) {
    // Not `Name/1.2.3.4`, which says version, nor a colon before an IPv6 address.
    const glue = type.look === 'address' || piece.value.includes(':') ? '[' : rng.pick([':', '/', '['])
    return {
      content: {
        key: `${rng.pick(['seen', 'cache', 'lookup'])}${glue}${piece.value}${glue === '[' ? ']' : ''}`,
        value: { intValue: 1n }
      },
      form: 'key'
    }
  }
  if (!isBare && roll < 0.75)
    return { content: { key: neutral, value: { stringValue: inProse(rng, piece) } }, form: 'prose' }
  if (!isBare && roll < 0.87)
    return { content: { key: neutral, value: { stringValue: inNeutralDocument(rng, piece) } }, form: 'document' }
  const value = { stringValue: written.labelled === true ? inProse(rng, piece) : withLabel(rng, type, piece) }
  return { content: { key: neutral, value }, form: 'label' }
}

function nested(rng: Rng, key: string, value: Plain): Content {
  const inner = {
    kvlistValue: {
      values: [
        { key: 'seq', value: { intValue: 7n } },
        { key, value },
        { key: 'state', value: { stringValue: 'open' } }
      ]
    }
  }
  const outer = rng.pick(['form', 'record', 'data', 'step.input'])
  return { key: outer, value: rng.chance(0.3) ? { arrayValue: { values: [inner] } } : inner }
}

function textFor(
  rng: Rng,
  type: TypeSpec,
  written: Written,
  piece: Piece,
  spot: Spot,
  encoding: Encoding,
  isBare: boolean
): { text: string; form: string } {
  const plain: Piece = { value: written.text, raw: false }
  if (encoding === 'base64_json') {
    const key = isBare || rng.chance(0.5) ? rng.pick(type.keys) : 'note'
    const document = JSON.stringify({ seq: rng.int(1, 99), [key]: written.text, state: 'open' })
    const code = Buffer.from(document).toString(rng.chance(0.4) ? 'base64url' : 'base64')
    return { text: rng.pick([code, `payload=${code}`, `event body: ${code}`]), form: 'document' }
  }
  if (spot.takes === 'url') return { text: urlFor(rng, type, piece, isBare), form: 'label' }
  if (spot.takes === 'short')
    return { text: short(rng, type, WHOLE.has(encoding) ? plain : piece, isBare), form: isBare ? 'label' : 'alone' }
  const roll = rng.next()
  if (isBare || (roll < 0.3 && written.labelled !== true)) return { text: withLabel(rng, type, piece), form: 'label' }
  if (roll < 0.75) return { text: inProse(rng, piece), form: 'prose' }
  return { text: inNeutralDocument(rng, piece), form: 'document' }
}

function urlFor(rng: Rng, type: TypeSpec, { value }: Piece, isBare: boolean): string {
  const key = isBare || rng.chance(0.4) ? rng.pick(type.keys) : 'q'
  return isBare || type.look === 'address' || rng.chance(0.6)
    ? `https://schemas.acme-data.net/1.9?${key}=${value}`
    : `https://schemas.acme-data.net/${value}`
}

const bodyValue = (rng: Rng, text: string, encoding: Encoding): Plain => {
  if (encoding.startsWith('bytes')) return wrapBytes(text, encoding)
  return rng.chance(0.5)
    ? { arrayValue: { values: [{ stringValue: 'form refused' }, { stringValue: text }] } }
    : { kvlistValue: { values: [{ key: 'message', value: { stringValue: text } }] } }
}

function wrapBytes(text: string, encoding: Encoding): Plain {
  if (encoding === 'bytes') return { bytesValue: Buffer.from(text) }
  if (encoding === 'bytes_base64') return { bytesValue: Buffer.from(Buffer.from(text).toString('base64')) }
  return { stringValue: text }
}

function allInnocents(seed: number, size: number): Innocent[] {
  const each = Math.max(1, Math.round(size / NEGATIVES.length))
  return NEGATIVES.flatMap(({ name, make }) =>
    Array.from({ length: each }, (_, at) => {
      const rng = new Rng(seed, `negative/${name}/${at}`)
      return innocent(rng, name, make(rng))
    })
  )
}

const TEXT_SPOTS = SPOTS.filter(({ name }) =>
  ['span.name', 'span.status.message', 'span.event.name', 'metric.description', 'log.body/text'].includes(name)
)
const ATTRIBUTE_SPOTS = SPOTS.filter(({ takes }) => takes === 'attribute')

function innocent(rng: Rng, kind: string, { key, value }: Negative): Innocent {
  const spot = rng.pick(key === undefined && rng.chance(0.7) ? TEXT_SPOTS : ATTRIBUTE_SPOTS)
  const any =
    typeof value === 'string'
      ? { stringValue: value }
      : typeof value === 'bigint'
        ? { intValue: value }
        : { doubleValue: value }
  const content: Content = {
    key: key ?? rng.pick(['message', 'log.line', 'exception.message', 'event.text']),
    value: any
  }
  const signal = rng.pick(spot.signals)
  // Put it into a draft of its own to learn how it reads there.
  const draft = new Draft(signal, new Rng(0, kind))
  const before = entriesOf(draft.request)
  spot.put(draft, content, new Rng(0, kind))
  const shownValue = String(value)
  const entries = fresh(before, entriesOf(draft.request)).filter(entry => entry.endsWith(`:${shownValue}`))
  return {
    signal,
    spot,
    content,
    truth: { kind, place: spot.name, entries: entries.slice(-1), shown: show(content, spot) }
  }
}

function show(content: Content, spot: Spot): string {
  const text = stringsOf({ attributes: [content as unknown as Plain] })
  return spot.takes === 'attribute' ? text.join(' | ') : text.filter(part => part !== '').join(' | ')
}
