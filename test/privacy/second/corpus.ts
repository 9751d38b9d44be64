// The second corpus and the held-out one: other values, words, templates and look-alikes than the first corpus has, made
// by somebody who had not read the detectors. Shared with the first: places, encodings and the way leaks are looked for.

import type { Plain } from '../../helpers/otlp-oracle.js'
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
} from '../assemble.js'
import { type Encoding, encode, encodingsFor, WHOLE } from '../encodings.js'
import { stringsOf } from '../entries.js'
import { type Content, SPOTS, type Spot } from '../places.js'
import { Rng } from '../rng.js'
import { hay } from '../search.js'
import type { TypeSpec, Written } from '../values.js'
import { negativesOf } from './negatives.js'
import { choose, fill, fits, type Templates, telling } from './templates.js'
import { HELDOUT } from './templates-heldout.js'
import { SECOND } from './templates-second.js'
import { type Split, typesOf } from './values.js'

const ENCODED_SHARE = 0.35

/** The requests of one split, one by one: same options, same bytes. */
export function secondCorpus(split: Split, { seed, size }: CorpusOptions): Generator<Request> {
  const templates = split === 'second' ? SECOND : HELDOUT
  const types = typesOf(split)
  const total = types.reduce((sum, { weight }) => sum + (weight ?? 1), 0)
  const plants = types.flatMap(type => {
    const many = Math.max(1, Math.round((size * (type.weight ?? 1)) / total))
    return Array.from({ length: many }, (_, at) => plant(new Rng(seed, `${split}/${type.name}/${at}`), type, templates))
  })
  return assemble({ seed, size }, plants, negativesOf(split))
}

/** One value on its way into the corpus. */
interface Draw {
  readonly rng: Rng
  readonly type: TypeSpec
  readonly templates: Templates
  readonly written: Written
  readonly encoding: Encoding
  /** The value as it shall stand there. */
  readonly value: string
  /** True when only a label or key tells what the value is, and it brings none. */
  readonly isBare: boolean
}

function plant(rng: Rng, type: TypeSpec, templates: Templates): Plant {
  const spot = rng.pick(SPOTS)
  const signal = rng.pick(spot.signals)
  const written = type.write(rng)
  const encoding = rng.chance(ENCODED_SHARE) ? rng.pick(usable(encodingsFor(type.look, written.text), spot)) : 'plain'
  const value = encode(written.text, encoding, type.look, rng)
  const isEncoded = WHOLE.has(encoding) || value !== written.text
  const isBare = written.needsContext && written.labelled !== true
  const { content, form } = contentOf({ rng, type, templates, written, encoding, value, isBare }, spot)
  const truth: Planted = {
    type: type.name,
    place: spot.name,
    difficulty: isEncoded ? 'encoded' : written.needsContext ? 'context' : 'structured',
    encoding: isEncoded ? encoding : 'plain',
    form,
    needles: written.needles,
    shown: show(content, spot)
  }
  const strings = stringsOf({ attributes: [content as unknown as Plain] })
  return { signal, spot, content, truth, hay: hay(strings.join('\u0000')) }
}

interface Made {
  readonly content: Content
  readonly form: string
}

function contentOf(draw: Draw, spot: Spot): Made {
  const { rng, templates, encoding } = draw
  if (spot.takes === 'attribute' && !WHOLE.has(encoding)) return attribute(draw)
  const { text, form } = spot.takes === 'attribute' || spot.takes === 'value' ? sentence(draw) : textFor(draw, spot)
  if (spot.takes === 'attribute')
    return { content: { key: rng.pick(templates.neutralKeys), value: wrapBytes(text, encoding) }, form }
  if (spot.takes === 'value') return { content: { key: '', value: bodyValue(rng, text, encoding) }, form }
  return { content: { key: '', value: { stringValue: text } }, form }
}

function attribute(draw: Draw): Made {
  const { rng, type, templates, written, encoding, value, isBare } = draw
  const tells = isBare || rng.chance(0.35)
  const key = tells ? telling(rng, templates, type) : rng.pick(templates.neutralKeys)
  const text = { stringValue: value }
  if (written.number === true && encoding === 'plain' && rng.chance(0.3))
    return { content: { key: telling(rng, templates, type), value: numberOf(rng, written.text) }, form: 'number' }
  const roll = rng.next()
  if (roll < 0.3) return { content: { key, value: text }, form: tells ? 'key tells' : 'alone' }
  if (roll < 0.36) {
    const values = rng.shuffle([text, { stringValue: 'closed' }])
    return { content: { key, value: { arrayValue: { values } } }, form: 'array' }
  }
  if (roll < 0.46) return { content: nested(rng, key, text), form: 'map' }
  if (roll < 0.5 && !written.needsContext && fits('tight', value) && value.length < 60)
    return { content: { key: `${rng.pick(['hit', 'miss'])}(${value})`, value: { boolValue: true } }, form: 'key' }
  const { text: line, form } = sentence(draw)
  return { content: { key: rng.pick(templates.neutralKeys), value: { stringValue: line } }, form }
}

function numberOf(rng: Rng, digits: string): Plain {
  const number = Number(digits)
  return Number.isSafeInteger(number) && rng.chance(0.3) ? { doubleValue: number } : { intValue: BigInt(digits) }
}

function textFor(draw: Draw, spot: Spot): { text: string; form: string } {
  const { rng, type, templates, value, isBare, encoding } = draw
  if (encoding === 'base64_json') return sentence(draw)
  if (spot.takes === 'url') {
    const key = isBare || rng.chance(0.4) ? rng.pick(type.keys) : 'u'
    return { text: `https://schema.acme-data.net/v2?${key}=${value}`, form: 'label' }
  }
  if (spot.takes === 'text') return sentence(draw)
  if (!isBare && rng.chance(0.5)) return { text: value, form: 'alone' }
  if (!isBare) return { text: rng.pick([`(${value})`, `x=${value}`]), form: 'alone' }
  return {
    text: fill(rng, { quoting: 'prose', template: rng.pick(templates.short) }, type, value, true),
    form: 'label'
  }
}

/** The value in a line of text: of its own kind, with a label, or with none. */
function sentence(draw: Draw): { text: string; form: string } {
  const { rng, type, templates, written, encoding, value, isBare } = draw
  if (encoding === 'base64_json') {
    const key = isBare || rng.chance(0.5) ? rng.pick(type.keys) : 'memo'
    const code = Buffer.from(JSON.stringify({ v: rng.int(1, 9), [key]: written.text })).toString('base64')
    return {
      text: rng.pick([code, `body=${code}`, `frame ${code} sent`, `data:application/json;base64,${code}`]),
      form: 'document'
    }
  }
  const isRaw = encoding !== 'plain' && !WHOLE.has(encoding)
  const own = templates.own[type.name]
  const isLabelled = isBare || (written.labelled !== true && rng.chance(0.4))
  const sets = own !== undefined && rng.chance(0.25) ? [own] : [isLabelled ? templates.labelled : templates.neutral]
  // An own template may not fit the value; the common ones always have one that does.
  const usual = isLabelled ? templates.labelled : templates.neutral
  const template = choose(rng, sets, value) ?? choose(rng, [usual], value)
  if (template === undefined) throw new Error(`no template holds a value of ${type.name}`)
  const form = sets[0] === own ? 'own' : `${isLabelled ? 'label' : 'neutral'}, ${template.quoting}`
  return { text: fill(rng, template, type, value, isRaw), form }
}
