// The Helm chart without helm (`npm run e2e -- chart` renders it): what is generated is fresh, the values files fit their
// schema, wrong values do not, and templates and values.yaml know the same keys.

import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { chartReadme, chartValues, valuesSchema } from './chart-files.js'

const chart = new URL('../../../charts/gateway/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, chart), 'utf8')
const values = read('values.yaml')
const filesOf = (folder: string) => readdirSync(new URL(folder, chart)).map(name => `${folder}${name}`)

type Json = { [key: string]: unknown }
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** As helm puts values together: maps key by key, null takes away. */
function merged(base: Json, over: Json): Json {
  const out = { ...base }
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete out[key]
    else out[key] = isMap(value) && isMap(base[key]) ? merged(base[key] as Json, value) : value
  }
  return out
}

const fits = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(read('values.schema.json')) as object)
const withValues = (over: Json) => merged(parse(values) as Json, over)

t.test('the chart`s README and values schema are fresh; if not, run `npm run docs:generate`', async t => {
  t.ok(read('values.schema.json') === valuesSchema(values, registryWith(RECEIVERS)), 'values.schema.json')
  t.ok(read('README.md') === chartReadme(read('README.md.gotmpl'), values), 'README.md')
})

t.test('the defaults and every file of ci/ fit the schema', async t => {
  t.ok(fits(withValues({})), JSON.stringify(fits.errors))
  const files = filesOf('ci/')
  t.ok(files.length >= 6)
  for (const file of files) t.ok(fits(withValues(parse(read(file)) as Json)), `${file} ${JSON.stringify(fits.errors)}`)
})

t.test('wrong values are refused, and the error names them', async t => {
  const wrong: [Json, string][] = [
    [{ replicas: 3 }, ''],
    [{ mode: 'kafka' }, '/mode'],
    [{ config: { exporters: { debgu: {} } } }, '/config/exporters'],
    [{ config: { exporters: { otlp_http: { endpoint: 'http://x', timeot: '5s' } } } }, '/config/exporters/otlp_http'],
    [{ config: { queue: { type: 'redis' } } }, '/config/queue'],
    [{ redis: { url: 'redis://user:password@host' } }, '/redis/url'],
    [{ service: { grpcPort: 0 } }, '/service/grpcPort'],
    [{ secrets: { env: { TOKEN: 'in-clear' } } }, '/secrets/env/TOKEN']
  ]
  for (const [over, place] of wrong) {
    t.notOk(fits(withValues(over)), JSON.stringify(over))
    t.ok(
      fits.errors?.some(error => error.instancePath === place),
      `${JSON.stringify(over)}: ${JSON.stringify(fits.errors)}`
    )
  }
})

t.test('every value is used by a template, and templates use no other', async t => {
  const text = filesOf('templates/').map(read).join('\n')
  const used = [...text.matchAll(/(?:\.Values|\$values|\$redis)\.([A-Za-z.]+)/g)].map(([, path]) => path!)
  const known = chartValues(values).map(value => value.path)
  // `$redis` stands for `redis` in one template and for `redis.bundled` in another.
  const names = (path: string) => [path, path.replace(/^redis\./, ''), path.replace(/^redis\.bundled\./, '')]
  const isWithin = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}.`)
  const meet = (a: string, b: string) => isWithin(a, b) || isWithin(b, a)
  for (const path of known)
    t.ok(
      names(path).some(name => used.some(one => meet(one, name))),
      `${path} is used`
    )
  for (const path of new Set(used)) {
    t.ok(
      known.some(one => names(one).some(name => meet(path, name))),
      `${path} is described in values.yaml`
    )
  }
})

t.test('a value without a description is an error that names it', async t => {
  t.throws(() => chartValues('a:\n  # -- About b.\n  b: 1\n  c: 2\n'), { message: /a\.c has no description/ })
})
