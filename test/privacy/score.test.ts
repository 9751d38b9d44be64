// The gateway's redaction does not get worse: figures on a fixed corpus against bar.json.

import t from 'tap'
import { BAR_OPTIONS, barOf, readBar, worse } from './bar.js'
import { CORPORA, CORPUS_NAMES } from './corpora.js'
import { gatewayRedactor } from './gateway-redactor.js'
import { score } from './score.js'

for (const name of CORPUS_NAMES) {
  t.test(`no figure of the privacy score is worse than the bar: ${name} corpus`, async t => {
    const bar = readBar(name)
    if (bar === undefined) throw new Error(`no bar: npm run privacy:score -- --corpus ${name} --update-bar`)
    t.same(bar.options, BAR_OPTIONS)
    const { redact, failures } = gatewayRedactor()
    const now = barOf(score(redact, CORPORA[name](BAR_OPTIONS)), name, BAR_OPTIONS)
    t.same([...failures], [], 'no hook throws')
    t.same(worse(now, bar), [])
  })
}

t.test('a worse figure is told, a better one is not', async t => {
  const bar = {
    options: BAR_OPTIONS,
    corpus: 'a',
    headline: { leaked: 1 },
    best: { leaked: 0.8 },
    rows: { 'type/email': 2 }
  }
  t.same(worse({ ...bar, headline: { leaked: 0.5 }, rows: {} }, bar), [])
  t.same(worse({ ...bar, headline: { leaked: 1.01 } }, bar), ['leaked: 1.01 %, the bar is 1 %'])
  t.same(worse({ ...bar, rows: { 'type/iban': 0.1 } }, bar), ['type/iban: 0.1 %, the bar is 0 %'])
  t.same(worse({ ...bar, corpus: 'b', rows: { 'type/iban': 9 } }, bar), [], 'rows of another corpus say nothing')
  t.same(worse({ ...bar, corpus: 'b', headline: { leaked: 2 } }, bar), ['leaked: 2 %, the bar is 0.8 %'])
})
