// The generated reference is fresh, and every config that the docs show loads with the components of this build.

import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../core/config/load.js'
import { PROBLEM_CODES, problemText } from '../../core/config/problem.js'
import { editorSchema, referenceFiles } from '../../core/config/reference.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { metricsPage } from './docs-metrics.js'

const docs = new URL('../../../docs/', import.meta.url)
const registry = registryWith(RECEIVERS)
const env = { HASH_KEY: 'x'.repeat(32), OTLP_TOKEN: 'hunter2' }

const problemsOf = (text: string) => loadConfig({ text, env, registry }).problems.map(problemText)

t.test('docs/reference is what the schemas say; if not, run `npm run docs:generate`', async t => {
  const files = new Map(referenceFiles(registry))
  files.set('metrics.md', await metricsPage(registry))
  const written = [...files.keys(), 'errors.md'] // errors.md: docs-errors.test.ts
  t.same(readdirSync(new URL('reference/', docs)).sort(), written.sort())
  for (const [name, content] of files) {
    t.ok(readFileSync(new URL(`reference/${name}`, docs), 'utf8') === content, `${name} is fresh`)
  }
})

t.test('the defaults and the example load without a problem and mean the same', async t => {
  const defaults = loadConfig({ env: {}, registry })
  t.same(defaults.problems, [])
  t.same(
    defaults.notes.filter(n => n.severity === 'warning'),
    []
  )
  const example = loadConfig({ text: referenceFiles(registry).get('example.yaml')!, env: {}, registry })
  t.same(example.problems, [])
  t.same(example.config, defaults.config)
})

t.test('what explain prints of the defaults loads again and means the same', async t => {
  const { expanded, config } = loadConfig({ env: {}, registry })
  t.same(loadConfig({ text: expanded, env: {}, registry }).config, config)
})

t.test('every config in configuration.md loads, and keeps its secrets', async t => {
  const text = readFileSync(new URL('configuration.md', docs), 'utf8')
  const snippets = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(m => m[1]!)
  t.ok(snippets.length >= 3)
  for (const snippet of snippets) {
    t.same(problemsOf(snippet), [])
    t.notMatch(loadConfig({ text: snippet, env, registry }).expanded, /hunter2|xxxx/)
  }
})

t.test('the telemetry block reaches the processors and the retention', async t => {
  const text = 'telemetry: {privacy: {redact_fields: [email], hash_fields: [uid], retention_days: 7}}'
  const { config } = loadConfig({ text, env, registry })
  t.match(config?.processors.get('redaction')?.config, { redact_fields: ['email'] })
  t.match(config?.processors.get('hashing')?.config, { hash_fields: ['uid'] })
  t.match(config?.exporters.get('file')?.config, { rotation: { max_days: 7 } })
  t.equal(config?.retentionMs, 7 * 86_400_000)
  const own = `${text}\nexporters: {file: {path: x.jsonl, rotation: {max_days: 2}}}`
  t.match(loadConfig({ text: own, env, registry }).config?.exporters.get('file')?.config, { rotation: { max_days: 2 } })
})

t.test('configuration.md lists every problem code', async t => {
  const text = readFileSync(new URL('configuration.md', docs), 'utf8')
  for (const [code, meaning] of Object.entries(PROBLEM_CODES)) t.ok(text.includes(`| \`${code}\` | ${meaning} |`), code)
})

t.test('the editor schema takes what loads and refuses what does not', async t => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const fits = ajv.compile(editorSchema(registry))
  const text = readFileSync(new URL('configuration.md', docs), 'utf8')
  for (const [, snippet] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
    t.ok(fits(parse(snippet!)), JSON.stringify(fits.errors))
  }
  t.ok(fits(parse(referenceFiles(registry).get('example.yaml')!)), JSON.stringify(fits.errors))
  t.ok(fits(parse('exporters: {debug: , file/b: {path: x, timeout: "${env:T}"}}')), JSON.stringify(fits.errors))
  for (const bad of [
    'exporter: {}',
    'exporters: {debgu: {}}',
    'exporters: {debug: {timeout: 5}}',
    'exporters: {debug: {timeot: 5s}}'
  ]) {
    t.notOk(fits(parse(bad)), bad)
  }
})
