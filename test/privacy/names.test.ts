// `detectors: {names: ...}` in running text: how many names it finds that come from elsewhere than its lists, and what it
// takes for one in the project's own pages. The figures of docs/privacy.md; they may only get better.

import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { futureOracle } from '../helpers/otlp-oracle.js'
import { stringsOf } from './entries.js'
import { gatewayRedactor } from './gateway-redactor.js'
import { NEGATIVES } from './negatives.js'
import { Rng } from './rng.js'
import { FIRST_NAMES, SURNAMES } from './second/words.js'

const SENTENCES = [
  'I spoke to {n} yesterday about the invoice.',
  '{n} asked for a refund and was called back',
  'The parcel was left with {n} at the door',
  'Meeting between {n} and the sales team moved to Monday',
  'ticket escalated by {n}, waiting for an answer',
  'as {n} wrote in March, the contract ends soon',
  '(see the note of {n})',
  'no answer from {n}; second call failed'
]
const ONLY = { detectors: { all: 'off', names: 'redact' } }

/** Log records with these bodies, redacted: bodies as they come out. */
function redacted(bodies: readonly string[], config: object): string[] {
  const logRecords = bodies.map(stringValue => ({ body: { stringValue } }))
  const { redact, failures } = gatewayRedactor(config)
  const bytes = futureOracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] })
  const out = stringsOf(futureOracle.decodeRequest('logs', Buffer.from(redact('logs', Buffer.from(bytes)))))
  t.equal(failures.size, 0)
  t.equal(out.length, bodies.length)
  return out
}

t.test('three of four names of 50 given names and 40 surnames of many countries are found in prose, whole', async t => {
  const sentences = FIRST_NAMES.flatMap((first, f) =>
    SURNAMES.map((last, l) => ({ name: `${first} ${last}`, text: SENTENCES[(f + l) % SENTENCES.length]! }))
  )
  const out = redacted(
    sentences.map(({ name, text }) => text.replace('{n}', name)),
    ONLY
  )
  const whole = sentences.filter(({ text }, i) => out[i] === text.replace('{n}', '[REDACTED:names]')).length
  t.comment(`${whole} of ${sentences.length} names`)
  t.ok(whole >= sentences.length * 0.75, `${whole} of ${sentences.length}`)
})

t.test('look-alikes and the lines of these pages stay as they are, but for very few', async t => {
  const folder = new URL('../../../docs/', import.meta.url)
  const pages = readdirSync(folder).filter(name => name.endsWith('.md'))
  const lines = pages.flatMap(name => readFileSync(new URL(name, folder), 'utf8').split('\n')).filter(Boolean)
  const changedLines = redacted(lines, ONLY).filter((line, i) => line !== lines[i])
  t.comment(`${changedLines.length} of ${lines.length} lines of docs/*.md`)
  t.ok(changedLines.length <= lines.length * 0.01, changedLines.join('\n'))
  const rng = new Rng(7, 'names')
  const texts = NEGATIVES.flatMap(kind => Array.from({ length: 20 }, () => String(kind.make(rng).value)))
  const changed = redacted(texts, ONLY).filter((text, i) => text !== texts[i])
  t.comment(`${changed.length} of ${texts.length} look-alikes`)
  t.ok(changed.length <= texts.length * 0.005, changed.join('\n'))
})

t.test('in the READMEs of the installed packages it takes few lines (NAMES_SHOWN=1 lists what it took)', async t => {
  const folder = new URL('../../../node_modules/', import.meta.url)
  const lines = readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => (entry.isDirectory() ? readmesOf(new URL(`${entry.name}/`, folder)) : []))
    .flatMap(text => text.split('\n'))
    .filter(line => line.length >= 5 && line.length <= 600)
  const changed = redacted(lines, ONLY).flatMap((line, i) => (line === lines[i] ? [] : [lines[i]!]))
  t.comment(`${changed.length} of ${lines.length} lines`)
  if (process.env['NAMES_SHOWN'] === '1') t.comment(changed.join('\n'))
  t.ok(changed.length <= lines.length * 0.01)
})

function readmesOf(folder: URL): string[] {
  return readdirSync(folder)
    .filter(name => /^readme\.md$/i.test(name))
    .map(name => readFileSync(new URL(name, folder), 'utf8'))
}

t.test('it is on only where it is named', async t => {
  const text = 'I spoke to Ada Lovelace yesterday'
  const out = (config: object): string => redacted([text], config)[0]!
  t.equal(out({}), text)
  t.equal(out({ detectors: { all: 'mask' } }), text)
  t.equal(out({ detectors: { names: false } }), text)
  t.equal(out({ detectors: { names: 'redact' } }), 'I spoke to [REDACTED:names] yesterday')
  t.equal(out({ detectors: { names: true }, action: 'mask' }), 'I spoke to *** *****ace yesterday')
})
