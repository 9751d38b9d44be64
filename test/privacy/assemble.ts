// Puts values and innocents into OTLP requests and keeps the truth about them: what every corpus here shares.

import type { Signal } from '../../core/otlp/signal.js'
import { futureOracle, type Plain } from '../helpers/otlp-oracle.js'
import type { Encoding } from './encodings.js'
import { entriesOf, stringsOf } from './entries.js'
import type { Negative, NegativeKind } from './negatives.js'
import { type Content, Draft, SPOTS, type Spot } from './places.js'
import { Rng } from './rng.js'
import { type Hay, hasNeedle, hay } from './search.js'
import type { Needle } from './values.js'

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

const NEGATIVES_SHARE = 0.4
const A_REQUEST = 12

export interface Plant {
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

/** Requests with about twelve plants each, and two fifths as many innocents among them; same input, same bytes. */
export function* assemble(
  { seed, size }: CorpusOptions,
  all: readonly Plant[],
  negatives: readonly NegativeKind[]
): Generator<Request> {
  const order = new Rng(seed, 'order')
  const plants = order.shuffle(all)
  const innocents = order.shuffle(allInnocents(seed, Math.round(size * NEGATIVES_SHARE), negatives))
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

/** Bytes values need a place that takes any value; short places cannot hold long documents well, but may. */
export function usable(encodings: readonly Encoding[], spot: Spot): Encoding[] {
  const takesValues = spot.takes === 'attribute' || spot.takes === 'value'
  return encodings.filter(encoding => takesValues || !encoding.startsWith('bytes'))
}

/** Deeper down: in a map, or in a map in a list. */
export function nested(rng: Rng, key: string, value: Plain): Content {
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

/** A log body that is no plain text. */
export const bodyValue = (rng: Rng, text: string, encoding: Encoding): Plain => {
  if (encoding.startsWith('bytes')) return wrapBytes(text, encoding)
  return rng.chance(0.5)
    ? { arrayValue: { values: [{ stringValue: 'form refused' }, { stringValue: text }] } }
    : { kvlistValue: { values: [{ key: 'message', value: { stringValue: text } }] } }
}

export function wrapBytes(text: string, encoding: Encoding): Plain {
  if (encoding === 'bytes') return { bytesValue: Buffer.from(text) }
  if (encoding === 'bytes_base64') return { bytesValue: Buffer.from(Buffer.from(text).toString('base64')) }
  return { stringValue: text }
}

function allInnocents(seed: number, size: number, kinds: readonly NegativeKind[]): Innocent[] {
  const each = Math.max(1, Math.round(size / kinds.length))
  return kinds.flatMap(({ name, make }) =>
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

/** A plant for people to read. */
export function show(content: Content, spot: Spot): string {
  const text = stringsOf({ attributes: [content as unknown as Plain] })
  return spot.takes === 'attribute' ? text.join(' | ') : text.filter(part => part !== '').join(' | ')
}
