// The corpus is what it says, and the scorer can tell good from bad: shown with redactors whose score is known.

import { isValidIBAN } from 'ibantools'
import { isValidPhoneNumber } from 'libphonenumber-js'
import t from 'tap'
import { PLACES } from '../../core/otlp/schema.js'
import { futureOracle } from '../helpers/otlp-oracle.js'
import type { CorpusOptions, Request } from './assemble.js'
import * as checksums from './checksums.js'
import { CORPORA, CORPUS_NAMES } from './corpora.js'
import { corpus, digestOf, TYPES } from './corpus.js'
import { entriesOf, stringsOf } from './entries.js'
import { forEachString, identity, removeAll } from './fake-redactors.js'
import { NEGATIVES } from './negatives.js'
import { Rng } from './rng.js'
import { rate, score } from './score.js'
import { hasNeedle, hay } from './search.js'
import { flat, type Templates } from './second/templates.js'
import { HELDOUT } from './second/templates-heldout.js'
import { SECOND } from './second/templates-second.js'

const OPTIONS: CorpusOptions = { seed: 3, size: 3000 }
const requests: Request[] = [...corpus(OPTIONS)]
const planted = requests.flatMap(request => request.planted)

t.test('a redactor that changes nothing leaks everything and damages nothing', async t => {
  const { leaked, damaged, changed, byType } = score(identity, corpus(OPTIONS))
  t.equal(rate(leaked), 100)
  t.equal(Object.keys(byType).length, TYPES.length)
  t.equal(damaged.hits, 0)
  t.equal(changed.hits, 0)
  t.ok(damaged.total > 1000)
  t.ok(changed.total > 2 * leaked.total)
})

t.test('a redactor that removes everything leaks nothing and damages everything', async t => {
  const { leaked, damaged, changed } = score(removeAll, corpus(OPTIONS))
  t.equal(leaked.hits, 0)
  t.equal(rate(damaged), 100)
  t.equal(rate(changed), 100)
})

t.test('a redactor that removes e-mail addresses stops those and only those', async t => {
  const redact = forEachString(text => text.replace(/[\p{L}\p{N}.+_-]+@[\p{L}\p{N}.-]+/gu, '*'))
  const { byType, changed } = score(redact, corpus(OPTIONS))
  const email = byType['email'] ?? { total: 0, hits: 0 }
  t.ok(rate(email) > 2 && rate(email) < 50, `the encoded ones are left: ${rate(email)} %`)
  t.equal(rate(byType['iban'] ?? { total: 1, hits: 0 }), 100)
  t.ok(rate(changed) < 3, 'only the names of scoped packages')
})

t.test('every needle is found in the request it was planted in', async t => {
  for (const { signal, bytes, planted } of requests) {
    const hays = stringsOf(futureOracle.decodeRequest(signal, bytes)).map(hay)
    const missing = planted.filter(
      ({ needles }) => !needles.every(needle => hays.some(text => hasNeedle(text, needle)))
    )
    t.same(missing, [])
    t.ok(planted.every(({ needles }) => needles.length > 0 && needles.every(({ text }) => text.length >= 4)))
  }
})

for (const name of CORPUS_NAMES) {
  t.test(`the truth of the ${name} corpus holds, and the same seed gives the same bytes`, async t => {
    const options = { seed: 4, size: 1500 }
    const made = [...CORPORA[name](options)]
    for (const { signal, bytes, planted, negatives } of made) {
      const request = futureOracle.decodeRequest(signal, bytes)
      const hays = stringsOf(request).map(hay)
      const missing = planted.filter(
        ({ needles }) => needles.length === 0 || !needles.every(needle => hays.some(text => hasNeedle(text, needle)))
      )
      t.same(missing, [])
      const entries = new Set(entriesOf(request))
      t.same(
        negatives.filter(({ entries: own }) => own.length !== 1 || !own.every(entry => entries.has(entry))),
        []
      )
    }
    t.equal(digestOf(CORPORA[name](options)), digestOf(made))
  })
}

t.test('the held-out corpus shares no template with the second one', async t => {
  const templatesOf = ({ neutral, labelled, own }: Templates): string[] =>
    [neutral, labelled, ...Object.values(own)].flatMap(set => flat(set).map(({ template }) => template))
  const second = new Set(templatesOf(SECOND))
  t.same(
    templatesOf(HELDOUT).filter(template => second.has(template) && !/^\W*\{\w\}\W*\{v\}\W*$/.test(template)),
    []
  )
})

t.test('every negative is in its request as one entry', async t => {
  for (const { signal, bytes, negatives } of requests) {
    const entries = new Set(entriesOf(futureOracle.decodeRequest(signal, bytes)))
    const lost = negatives.filter(({ entries: own }) => own.length !== 1 || !own.every(entry => entries.has(entry)))
    t.same(lost, [])
  }
})

t.test('all places, types, kinds and encodings occur, with the sizes that were asked for', async t => {
  const places = new Set(planted.map(({ place }) => place.split('/')[0]))
  t.same(
    PLACES.filter(place => !places.has(place)),
    []
  )
  t.ok(TYPES.length >= 45)
  t.ok(NEGATIVES.length >= 40)
  t.equal(new Set(NEGATIVES.map(({ name }) => name)).size, NEGATIVES.length)
  t.equal(new Set(TYPES.map(({ name }) => name)).size, TYPES.length)
  t.equal(new Set(planted.map(({ encoding }) => encoding)).size, 15)
  t.ok(Math.abs(planted.length - OPTIONS.size) < OPTIONS.size / 50)
})

t.test('the same seed gives the same bytes, another seed gives others', async t => {
  const options = { seed: 5, size: 200 }
  t.equal(digestOf(corpus(options)), digestOf(corpus(options)))
  t.not(digestOf(corpus(options)), digestOf(corpus({ ...options, seed: 6 })))
})

t.test('the check digits agree with published examples', async t => {
  t.equal(checksums.luhnDigit('7992739871'), '3')
  t.equal(checksums.iban('GB', 'NWBK60161331926819'), 'GB29NWBK60161331926819')
  t.equal(checksums.verhoeffDigit('236'), '3')
  t.equal(checksums.iso7064Digit('8609574271'), '9')
  t.equal(checksums.brazilDigits('111444777'), '35')
  t.equal(checksums.brazilDigits('112223330001'), '81')
  t.equal(checksums.dniLetter(12345678), 'Z')
  t.ok(checksums.passesBsn('111222333'))
  t.equal(checksums.peselDigit('4405140135'), '9')
  t.ok(checksums.passesTfn('123456782'))
  t.equal(checksums.nricLetter('S', '1234567'), 'D')
  t.equal(checksums.nirKey('2550814168025'), '38')
  t.equal(
    checksums.segwit(0, Buffer.from('751e76e8199196d454941c45d1b3a323f1433bd6', 'hex')),
    'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
  )
  t.equal(
    checksums.base58check(0, Buffer.from('62e907b15cbf27d5425399ebf6f0fb50ebb88f18', 'hex')),
    '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa'
  )
})

t.test('IBANs and international phone numbers are valid to well-kept libraries', async t => {
  const write = (name: string, at: number): string => {
    const type = TYPES.find(one => one.name === name)
    return type?.write(new Rng(at, name)).text ?? ''
  }
  for (let at = 0; at < 400; at++) {
    const iban = write('iban', at).replace(/[ -]/g, '').toUpperCase()
    t.ok(isValidIBAN(iban), iban)
    const phone = write('phone', at)
    if (/^\+\d+[ \d]*$/.test(phone)) t.ok(isValidPhoneNumber(phone), phone)
  }
})
