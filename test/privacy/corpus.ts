// The corpus: values of every type in every place, in sentences, documents and dumps, and what must not change.

import { createHash } from 'node:crypto'
import type { Plain } from '../helpers/otlp-oracle.js'
import {
  assemble,
  bodyValue,
  type CorpusOptions,
  nested,
  type Plant,
  type Planted,
  type Request,
  show,
  usable,
  wrapBytes
} from './assemble.js'
import { inNeutralDocument, inProse, NEUTRAL_KEYS, type Piece, short, styledKey, withLabel } from './contexts.js'
import { type Encoding, encode, encodingsFor, WHOLE } from './encodings.js'
import { stringsOf } from './entries.js'
import { NEGATIVES } from './negatives.js'
import { type Content, SPOTS, type Spot } from './places.js'
import { Rng } from './rng.js'
import { hay } from './search.js'
import type { TypeSpec, Written } from './values.js'
import { IDS } from './values-ids.js'
import { PEOPLE } from './values-people.js'
import { SECRETS } from './values-secrets.js'

export const TYPES: readonly TypeSpec[] = [...PEOPLE, ...IDS, ...SECRETS]

export const DEFAULTS: CorpusOptions = { seed: 20261, size: 10_000 }

const ENCODED_SHARE = 0.35

/** The requests of a corpus, one by one: same options, same bytes. */
export const corpus = (options: CorpusOptions): Generator<Request> =>
  assemble(options, allPlants(options.seed, options.size), NEGATIVES)

/** A fingerprint of a whole corpus: figures can be compared only where it is the same. */
export function digestOf(requests: Iterable<Request>): string {
  const hash = createHash('sha256')
  for (const { bytes } of requests) hash.update(bytes)
  return hash.digest('hex').slice(0, 16)
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
