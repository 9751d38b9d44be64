// The command line as a person meets it: answers, suggestions, exit codes.

import t from 'tap'
import { Type } from 'typebox'
import { secret } from '../../core/config/fields.js'
import type { Registry } from '../../core/config/registry.js'
import { PRD_BLOCK } from '../../test/helpers/prd-block.js'
import { EXIT } from '../exit-codes.js'
import { TELEMETRY_BLOCK } from '../product.js'
import type { Shell } from './cli.js'
import { runCli } from './cli.js'

const all = ['traces', 'metrics', 'logs'] as const
const common = { signals: all, stability: 'beta' } as const

const registry: Registry = {
  receivers: [{ ...common, type: 'otlp', about: 'Takes OTLP.', schema: Type.Object({}) }],
  processors: [
    {
      ...common,
      type: 'hashing',
      about: 'Hashes.',
      stage: 'inline',
      mutates: true,
      schema: Type.Object({ hash_fields: Type.Array(Type.String(), { default: [] }) })
    },
    {
      ...common,
      type: 'redaction',
      about: 'Redacts.',
      stage: 'inline',
      mutates: true,
      schema: Type.Object({ redact_fields: Type.Array(Type.String(), { default: [] }) })
    },
    {
      ...common,
      type: 'tail_sampling',
      about: 'Samples.',
      stage: 'windowed',
      signals: ['traces'],
      schema: Type.Object({ policies: Type.Array(Type.Unknown()) })
    }
  ],
  exporters: [
    { ...common, type: 'debug', about: 'Prints.', schema: Type.Object({}) },
    {
      ...common,
      type: 'otlp_http',
      aliases: ['otlphttp'],
      about: 'Sends.',
      schema: Type.Object({ endpoint: Type.String(), headers: Type.Record(Type.String(), secret(), { default: {} }) })
    },
    {
      ...common,
      type: 'otlp_grpc',
      aliases: ['otlp'],
      about: 'Sends.',
      schema: Type.Object({ endpoint: Type.String() })
    }
  ],
  queues: ['embedded', 'memory'],
  defaults: 'receivers: {otlp: }\nprocessors: {hashing: , redaction: }\nexporters: {debug: }\n',
  block: TELEMETRY_BLOCK
}

async function run(args: string[], more: Partial<Shell> = {}) {
  let [out, err] = ['', '']
  const shell: Shell = {
    out: text => void (out += text),
    err: text => void (err += text),
    env: {},
    version: '1.2.3',
    registry,
    start: async () => 0,
    ...more
  }
  const code = await runCli(args, shell)
  return { code, out, err }
}

t.test('no command prints help and is a wrong command line', async t => {
  const { code, err } = await run([])
  t.equal(code, EXIT.usage)
  t.match(err, 'validate [options] <file>')
  t.match(err, 'Exit codes: 0 fine')
})

t.test('a mistyped command or option gets a suggestion', async t => {
  t.match(await run(['valdate', 'x']), { code: EXIT.usage, err: "unknown command 'valdate'\n(Did you mean validate?)" })
  t.match(await run(['start', '--cofig', 'x']), { code: EXIT.usage, err: '(Did you mean --config?)' })
  t.match(await run(['validate']), { code: EXIT.usage, err: "missing required argument 'file'" })
})

t.test('help and version are answers, not errors', async t => {
  t.match(await run(['help']), { code: EXIT.ok, out: 'Usage: algoflow-gateway' })
  t.match(await run(['--version']), { code: EXIT.ok, out: '1.2.3\n' })
  t.match(await run(['version']), { code: EXIT.ok, out: '1.2.3\n' })
})

t.test('start hands over its options and gives the exit code of the gateway', async t => {
  let seen: unknown
  const start: Shell['start'] = async options => {
    seen = options
    return 7
  }
  const { code } = await run(['start', '-c', 'x.yaml', '--set', 'a=1', '-s', 'b=2'], { start })
  t.equal(code, 7)
  t.same(seen, { config: 'x.yaml', set: ['a=1', 'b=2'] })
})

t.test('a start that throws is one line and exit code 1', async t => {
  const start = async () => {
    throw new Error('port 4318 is in use')
  }
  t.same(await run(['start'], { start }), {
    code: EXIT.failed,
    out: '',
    err: 'algoflow-gateway: port 4318 is in use\n'
  })
})

t.test('validate says what is wrong and where, and exits 3; a good file is fine', async t => {
  const dir = t.testdir({ 'bad.yaml': 'exporters: {debgu: }\n', 'good.yaml': 'exporters: {debug: }\n' })
  const bad = await run(['validate', `${dir}/bad.yaml`])
  t.equal(bad.code, EXIT.config)
  t.match(bad.err, 'bad.yaml:1:13: error: exporters.debgu: unknown exporter type `debgu`\n    -> Did you mean `debug`?')
  t.match(bad.err, '1 problem\n')
  t.match(await run(['validate', `${dir}/good.yaml`]), {
    code: EXIT.ok,
    out: 'fine (3 pipelines, 2 processors, 1 exporter)'
  })
  t.match(await run(['validate', `${dir}/none.yaml`]), { code: EXIT.config, err: 'there is no such file' })
  const json = await run(['validate', '--json', `${dir}/bad.yaml`])
  t.match(JSON.parse(json.out), { problems: [{ line: 1, path: 'exporters.debgu' }] })
})

t.test('explain prints a config that loads again, the order, the promises, and no secret', async t => {
  const dir = t.testdir({
    'c.yaml': `telemetry:
  endpoint: https://otlp.example.com:4318
  headers: {authorization: Bearer hunter2}
  privacy: {redact_fields: [email], hash_fields: [user_id], sampling: {default: 0.5}}
`
  })
  const { code, out } = await run(['explain', `${dir}/c.yaml`])
  t.equal(code, EXIT.ok)
  t.notMatch(out, /hunter2/)
  t.match(out, '# traces: otlp -> hashing, redaction -> queue -> tail_sampling -> queue -> otlp_http')
  t.match(out, "a sender's OK waits until its data is flushed")
  t.match(out, '# otlp_http: may fall behind by what the queue holds (2 GiB), then senders are refused')
  t.testdir({ 'again.yaml': out })
  t.match(await run(['validate', `${t.testdirName}/again.yaml`]), { code: EXIT.ok })
})

t.test('the telemetry block is accepted exactly as AlgoFlow prints it', async t => {
  const dir = t.testdir({ 'c.yaml': PRD_BLOCK })
  const { code, out } = await run(['explain', `${dir}/c.yaml`])
  t.equal(code, EXIT.ok)
  t.match(out, 'hash_fields:\n      - user_id\n      - session_id')
  t.match(out, 'redact_fields:\n      - email\n      - ssn\n      - credit_card')
  t.match(out, 'names:\n            - sensitive-workflow\n          sampling_percentage: 10')
  t.match(out, 'retention: 30d')
})

t.test('the keys of TelemetryConfig: enabled, endpoint, headers, sampling, privacy, exporters', async t => {
  const dir = t.testdir({
    'grpc.yaml': 'telemetry: {endpoint: "collector:4317", exporters: [OTLP, debug]}\n',
    'off.yaml': 'telemetry: {enabled: false}\n',
    'own.yaml': 'telemetry: {exporters: [{otlp_http/b: {endpoint: "http://x"}}], sampling: {by_workflow: {w: 0}}}\n',
    'bad.yaml': 'telemetry:\n  sampling: {default: 7}\n  exporter: []\n'
  })
  t.match((await run(['explain', `${dir}/grpc.yaml`])).out, '-> queue -> otlp_grpc, debug')
  t.match(await run(['validate', `${dir}/off.yaml`]), { code: EXIT.ok, out: '0 pipelines' })
  t.match((await run(['explain', `${dir}/own.yaml`])).out, '-> otlp_http/b')
  const { err } = await run(['validate', `${dir}/bad.yaml`])
  t.match(err, 'bad.yaml:2:23: error: telemetry.sampling.default: 7 must be <= 1')
  t.match(err, 'bad.yaml:3:3: error: telemetry.exporter: unknown key `exporter`\n    -> Did you mean `exporters`?')
})

t.test('components lists types with stability, signals and other names', async t => {
  const { out } = await run(['components'])
  t.match(out, 'otlp_http  beta    traces, metrics, logs  Sends. (also otlphttp)')
  t.match(JSON.parse((await run(['components', '--json'])).out), {
    processors: { 2: { type: 'tail_sampling', stage: 'windowed' } }
  })
})
