// Properties of the redaction as a whole, on any place, value and writing.

import fc from 'fast-check'
import t from 'tap'
import { SIGNALS } from '../../core/otlp/signal.js'
import { futureOracle } from '../helpers/otlp-oracle.js'
import { type Encoding, encode, encodingsFor, WHOLE } from './encodings.js'
import { gatewayRedactor } from './gateway-redactor.js'
import { Draft, SPOTS } from './places.js'
import { Rng } from './rng.js'
import { typesOf } from './second/values.js'

const { redact, findings, failures } = gatewayRedactor()
const SHAPED = typesOf('second')
const TEXT = SPOTS.filter(({ takes }) => takes === 'attribute' || takes === 'text')
const words = fc.array(
  fc.constantFrom('step', 'took', 'über', 'Ledger', 'retry', 'λ', 'ok', '{', '"', '=>', '(', '\n'),
  {
    maxLength: 4
  }
)

/** A text in every writing that the corpus knows, and in the three ways in which base64 can cut it. */
function writings(text: string): Buffer[] {
  const rng = new Rng(1, text)
  const all: Encoding[] = ['plain', 'full_width', 'percent', 'double_percent', 'unicode_escape', 'html_entity']
  const written = all.map(encoding => encode(text, encoding, 'number', rng))
  const cut = [0, 1, 2].map(shift =>
    Buffer.from(' '.repeat(shift) + text)
      .toString('base64')
      .slice(shift + 1, -4)
  )
  const url = cut.map(code => code.replaceAll('+', '-').replaceAll('/', '_'))
  return [...written, ...cut, ...url].filter(code => code.length >= 6).map(code => Buffer.from(code))
}

t.test('no byte of the output holds a planted value, in any of its writings', async t => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SHAPED),
      fc.constantFrom(...TEXT),
      fc.integer({ min: 1, max: 1e9 }),
      words,
      words,
      (type, spot, seed, before, after) => {
        const rng = new Rng(seed, type.name)
        const value = type.write(rng)
        // Between words only what tells itself; the rest under a key of its own.
        const isKeyed = value.needsContext && value.labelled !== true
        if (isKeyed && spot.takes !== 'attribute') return true
        const encoding = rng.pick<Encoding>(['plain', ...encodingsFor(type.look, value.text)])
        const written = WHOLE.has(encoding) ? value.text : encode(value.text, encoding, type.look, rng)
        const text = isKeyed ? written : [...before, written, ...after].join(' ')
        const signal = rng.pick(spot.signals)
        const draft = new Draft(signal, new Rng(seed, 'draft'))
        spot.put(draft, { key: isKeyed ? rng.pick(type.keys) : 'note', value: { stringValue: text } }, rng)
        const input = futureOracle.encodeRequest(signal, draft.request)
        const output = Buffer.from(redact(signal, input))
        return writings(value.text).every(code => !output.includes(code))
      }
    ),
    { seed: 20261126, numRuns: 2000, interruptAfterTimeLimit: 15_000 }
  )
  t.same([...failures], [])
})

t.test('what nothing is found in comes out as it went in, byte for byte', async t => {
  let untouched = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...SIGNALS),
      fc.integer({ min: 1, max: 1e9 }),
      fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.string({ maxLength: 60 })), {
        maxLength: 6
      }),
      (signal, seed, texts) => {
        const draft = new Draft(signal, new Rng(seed, 'plain'))
        for (const text of texts) {
          const rng = new Rng(seed, text)
          const spot = rng.pick(TEXT.filter(({ signals }) => signals.includes(signal)))
          spot.put(draft, { key: 'note', value: { stringValue: text } }, rng)
        }
        const input = futureOracle.encodeRequest(signal, draft.request)
        const before = findings()
        const output = Buffer.from(redact(signal, Buffer.from(input)))
        if (findings() > before) return true
        untouched++
        return output.equals(input)
      }
    ),
    { seed: 20261126, numRuns: 800, interruptAfterTimeLimit: 10_000 }
  )
  t.ok(untouched > 300, `${untouched} requests held nothing`)
})
