// `npm run privacy:score`: the gateway's redaction against the corpus, as a table. See README.md in this folder.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { BAR_OPTIONS, barOf, readBar, worse, writeBar } from './bar.js'
import { CORPORA, CORPUS_NAMES, type CorpusName, isTotalsOnly } from './corpora.js'
import { DEFAULTS } from './corpus.js'
import { gatewayRedactor } from './gateway-redactor.js'
import { report, totals } from './report.js'
import { score } from './score.js'

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: 'first' },
    open: { type: 'boolean', default: false },
    size: { type: 'string', default: String(DEFAULTS.size) },
    seed: { type: 'string', default: String(DEFAULTS.seed) },
    misses: { type: 'string', default: '0' },
    type: { type: 'string' },
    config: { type: 'string', default: '{}' },
    json: { type: 'string' },
    'update-bar': { type: 'boolean', default: false }
  }
})

const name = values.corpus as CorpusName
if (!CORPUS_NAMES.includes(name)) throw new Error(`--corpus is one of ${CORPUS_NAMES.join(', ')}`)
const { redact, failures } = gatewayRedactor(JSON.parse(values.config) as object)

if (values['update-bar']) updateBar()
else print()

function print(): void {
  const options = { seed: Number(values.seed), size: Number(values.size) }
  const result = score(redact, CORPORA[name](options))
  const shown = isTotalsOnly(name) && !values.open ? totals(result) : report(result, Number(values.misses), values.type)
  process.stdout.write(`${shown}\n`)
  for (const [text, count] of failures) process.stdout.write(`  ${count} hooks failed: ${text}\n`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ options, ...result }, null, 2)}\n`)
}

/** The bar only rises: worse figures are refused. */
function updateBar(): void {
  const now = barOf(score(redact, CORPORA[name](BAR_OPTIONS)), name, BAR_OPTIONS)
  const bar = readBar(name)
  const problems = bar === undefined ? [] : worse(now, bar)
  if (problems.length > 0) {
    process.stderr.write(`the bar stays: worse than before\n  ${problems.join('\n  ')}\n`)
    process.exitCode = 1
    return
  }
  writeBar(name, now, bar)
  process.stdout.write(`the bar is now\n${JSON.stringify(now.headline, null, 2)}\n`)
}
