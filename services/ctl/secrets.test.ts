// A secret planted in every option that takes one shows in nothing that the config engine and the commands say.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { differences, fingerprints } from '../../core/config/differences.js'
import { loadConfig } from '../../core/config/load.js'
import { pathText, problemText } from '../../core/config/problem.js'
import { exporterSchema, QUEUE_SCHEMAS, serviceSchema } from '../../core/config/service.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { telemetrySchema } from '../product.js'
import { registryWith } from '../registry.js'
import { addAudit } from './audit.js'
import { runCli, type Shell } from './cli.js'
import { addKeys } from './keys.js'

const registry = registryWith(RECEIVERS)
const PLANTED = 'pL4nted-5ecret-Zq9xW7'

interface Schema {
  readonly type?: string
  readonly writeOnly?: boolean
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

/** Paths of all secrets in a schema; a list's first element and a map's key `some` stand for all. */
function secretsIn(schema: Schema, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (schema.writeOnly === true) return [path]
  const inside = (part: Schema | undefined, key: string | number) =>
    part === undefined ? [] : secretsIn(part, [...path, key])
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, part]) => inside(part, key)),
    ...Object.values(schema.patternProperties ?? {}).flatMap(part => inside(part, 'some')),
    ...inside(schema.items, 0),
    ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(part => secretsIn(part, path))
  ]
}

/** `value` at `path` in a fresh object. */
function planted(path: readonly (string | number)[], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  return typeof key === 'number' ? [planted(rest, value)] : { [key]: planted(rest, value) }
}

const PLACES = [
  ...(['receivers', 'processors', 'exporters'] as const).flatMap(kind =>
    registry[kind].flatMap(({ type, schema }) => secretsIn(schema as Schema, [kind, type]))
  ),
  ...secretsIn(exporterSchema as Schema, ['exporters', 'otlp_http']),
  ...Object.values(QUEUE_SCHEMAS).flatMap(schema => secretsIn(schema as Schema, ['queue'])),
  ...secretsIn(serviceSchema as Schema, ['service']),
  ...secretsIn(telemetrySchema as Schema, ['telemetry'])
]

const COMMANDS = (file: string) => [
  ['validate', file],
  ['validate', file, '--json'],
  ['explain', file],
  ['keys', 'list', file]
]

async function everythingSaid(
  dir: string,
  config: unknown,
  env: Record<string, string>,
  withCommands: boolean
): Promise<string> {
  const file = join(dir, 'gateway.yaml')
  writeFileSync(file, JSON.stringify(config, null, 1))
  const said: string[] = []
  const say = (text: string) => void said.push(text)
  const shell: Shell = { out: say, err: say, env, version: '0', registry, start: async () => 0 }
  for (const args of withCommands ? COMMANDS(file) : []) {
    await runCli(args, shell, [addKeys, addAudit])
  }
  const loaded = loadConfig({ file, env, registry })
  const print = (of: unknown) => JSON.stringify([...fingerprints(of, 'key')])
  const paths = differences(fingerprints({}, 'key'), fingerprints(loaded.settings, 'key'))
  said.push(loaded.expanded, ...[...loaded.problems, ...loaded.notes].map(problemText))
  said.push(JSON.stringify(loaded.config), String(loaded.config), print(loaded.settings), JSON.stringify(paths))
  return said.join('\n')
}

t.test('written out, by reference, in good configs and in bad ones', async t => {
  t.ok(PLACES.length >= 12, `${PLACES.length} options take a secret: ${PLACES.map(pathText).join(', ')}`)
  const dir = t.testdir({ secret: PLANTED })
  const env = { SOME_VALUE: PLANTED, SOME_KEY: PLANTED }
  let hidden = 0
  for (const value of [
    PLANTED,
    '${env:SOME_KEY}',
    '${env:SOME_VALUE}',
    `\${file:${join(dir, 'secret')}}`,
    [PLANTED],
    5
  ]) {
    for (const path of PLACES) {
      const good = planted(path, value)
      for (const config of [good, { ...(good as object), mistyped: PLANTED.length }]) {
        const said = await everythingSaid(dir, config, env, value === PLANTED)
        if (said.includes(PLANTED)) t.fail(`${pathText(path)} = ${String(value)} shows: ${around(said)}`)
        if (said.includes('[REDACTED]')) hidden++
      }
    }
  }
  t.ok(hidden > PLACES.length, `${hidden} times something was hidden`)
})

function around(said: string): string {
  const at = said.indexOf(PLANTED)
  return said.slice(Math.max(0, at - 200), at + 40)
}

t.test('keys: a new one is shown once, its hash goes into the config, and nothing else shows it', async t => {
  const dir = t.testdir({})
  const run = async (args: string[], input = '') => {
    let [out, err] = ['', '']
    const shell: Shell = {
      out: text => void (out += text),
      err: text => void (err += text),
      input: async () => input,
      env: {},
      version: '0',
      registry,
      start: async () => 0
    }
    const code = await runCli(args, shell, [addKeys])
    return { code, out, err }
  }
  const made = await run(['keys', 'new', 'team-a', '--expires', '2027-01-31T00:00:00Z'])
  const key = made.out.trim()
  t.match(key, /^agk_[\w-]{43}$/)
  t.notOk(made.err.includes(key))
  const hashed = await run(['keys', 'hash', 'team-a', '--expires', '2027-01-31T00:00:00Z'], `${key}\n`)
  t.equal(hashed.code, 0)
  t.ok(made.err.endsWith(hashed.out), 'the same entry')
  t.not((await run(['keys', 'new', 'team-a'])).out.trim(), key)
  const config = { receivers: { otlp: { protocols: { http: {} }, auth: { keys: [{ name: 'team-a', key }] } } } }
  writeFileSync(join(dir, 'gateway.yaml'), JSON.stringify(config))
  t.match(await run(['keys', 'list', join(dir, 'gateway.yaml')]), { code: 0, out: 'otlp: team-a: accepted\n1 key\n' })
  t.equal((await run(['keys', 'new', 'x', '--expires', 'soon'])).code, 2)
  t.equal((await run(['keys', 'hash', 'x'], 'two words')).code, 2)
  t.match(await run(['keys', 'hash', 'x'], 'short'), { code: 0, err: /short/ })
})
