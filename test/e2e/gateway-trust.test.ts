// Keys, the admin endpoint's guard, the audit trail and secrets, from outside: a real gateway, real clients, the real command line.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { readTrail, verify } from '../../core/audit/verify.js'
import { addAudit } from '../../services/ctl/audit.js'
import { runCli, type Shell } from '../../services/ctl/cli.js'
import { addKeys } from '../../services/ctl/keys.js'
import { addQueueCommands } from '../../services/ctl/queue.js'
import { addReload } from '../../services/ctl/reload.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'
import {
  type GatewayProcess,
  gatewayConfig,
  startGateway,
  TELEMETRY,
  toSink,
  until
} from '../helpers/gateway-process.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { PROTOBUF, post } from '../helpers/http.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

const TOKEN = 'admin-token-7Qx2mP9sVd'
const BACK_END = 'backend-credential-4Hs8Lk1z'

async function command(args: string[], env: Record<string, string> = {}, input = '') {
  let [out, err] = ['', '']
  const shell: Shell = {
    out: text => void (out += text),
    err: text => void (err += text),
    input: async () => input,
    env,
    version: '0',
    registry: registryWith(RECEIVERS),
    start: async () => 0
  }
  return { code: await runCli(args, shell, [addReload, addQueueCommands, addAudit, addKeys]), out, err }
}

/** A request with a Host header of its own, which fetch does not send. */
function get(gateway: GatewayProcess, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gateway.admin}${path}`, { headers }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject).end()
  })
}

t.test('keys are rotated without a restart; who acted is on record; no secret shows anywhere', async t => {
  const cwd = t.testdir({})
  const out = await sink(t)
  const refusing = await sink(t, { script: () => ({ status: 400, body: 'no' }) })
  const made = await Promise.all(['old', 'new'].map(name => command(['keys', 'new', name])))
  const [oldKey, newKey] = made.map(one => one.out.trim()) as [string, string]
  const hashOf = (of: string) => /sha256: (\w+)/.exec(of)![1]
  const config = (keys: readonly object[], more: object = {}) => {
    const { receivers } = gatewayConfig({}) as { receivers: { otlp: object } }
    const headers = { authorization: `Bearer ${BACK_END}` }
    return gatewayConfig({
      receivers: { otlp: { ...receivers.otlp, auth: { keys } } },
      exporters: { otlp_http: toSink(out.url, { headers }), 'otlp_http/refusing': toSink(refusing.url) },
      service: {
        telemetry: { ...TELEMETRY, admin: { endpoint: '127.0.0.1:0', token: TOKEN } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http', 'otlp_http/refusing'] } },
        ...more
      }
    })
  }
  const old = { name: 'old', sha256: hashOf(made[0]!.err) }
  const next = { name: 'new', key: newKey }
  const gateway = await startGateway(t, { cwd, config: config([old]) })
  const file = (keys: readonly object[], more?: object) =>
    writeFileSync(join(cwd, 'gateway.yaml'), JSON.stringify(config(keys, more)))
  const client = grpcClient(t, gateway.grpc)
  let number = 0
  const send = async (headers: Record<string, string>) => {
    const body = spansRequest((number += 2), 2)
    const http = await post(`${gateway.http}/v1/traces`, body, { ...PROTOBUF, ...headers })
    const grpc = await client.send(EXPORT_PATH.traces, body, headers)
    return [http.status, grpc.code]
  }
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const reload = (env: Record<string, string> = { ALGOFLOW_GATEWAY_ADMIN_TOKEN: TOKEN }) =>
    command(['reload', '--admin', gateway.admin], env)

  t.same(await send(bearer(oldKey)), [200, 0])
  t.same(await send({ 'x-api-key': oldKey }), [200, 0])
  t.same(await send({}), [401, 16])
  t.same(await send(bearer(newKey)), [401, 16], 'not yet')
  const refusal = await post(`${gateway.http}/v1/traces`, Buffer.from('{}'), { 'content-type': 'application/json' })
  t.match(JSON.parse(refusal.body.toString()), { code: 16, message: /No valid API key/ })

  file([old, next])
  t.match(await reload({}), { code: 1, err: /ALGOFLOW_GATEWAY_ADMIN_TOKEN/ }, 'changes want the token')
  t.match(await reload({ ALGOFLOW_GATEWAY_ADMIN_TOKEN: 'wrong' }), { code: 1 })
  t.match(await reload(), {
    code: 0,
    out: 'added: receivers.otlp.auth.keys.new\nthe gateway runs with the new config\n'
  })
  t.same(await send(bearer(oldKey)), [200, 0], 'both keys count meanwhile, on the same connections')
  t.same(await send(bearer(newKey)), [200, 0])
  file([{ ...old, expires: '2020-01-01T00:00:00Z' }, next], { no_such: 1 })
  t.match(await reload(), { code: 3, err: /service.no_such: unknown key/ })
  t.same(await send(bearer(oldKey)), [200, 0], 'a bad config changed nothing')
  file([next], { reload: { watch: true, interval: '100ms' } })
  t.match(await reload(), { code: 0, out: /removed: receivers.otlp.auth.keys.old/ })
  t.same(await send(bearer(oldKey)), [401, 16], 'the old key is refused at once')
  file([next], { reload: { watch: true, interval: '100ms' }, retention: '7d' })
  await until('the watch to find the change', async () =>
    gateway.log.some(l => String(l['changed']) === 'service.retention')
  )
  t.match(await gateway.metrics(), /key_uses_total\{component="otlp",key="new"\} 2\n/)

  const admin = (...args: string[]) =>
    command([...args, '--admin', gateway.admin], { ALGOFLOW_GATEWAY_ADMIN_TOKEN: TOKEN })
  await until('dead letters', async () => (await admin('queue', 'list')).out.includes('otlp_http/refusing'))
  const ids = JSON.parse((await admin('queue', 'list', '--json')).out).map((one: { id: string }) => one.id)
  t.equal((await admin('queue', 'show', ids[0])).code, 0)
  t.equal((await admin('queue', 'purge', ids[0])).code, 0)
  t.equal((await admin('queue', 'purge', ids[0])).code, 1, 'it is gone')

  const json = { 'content-type': 'application/json' }
  const auth = { ...json, authorization: `Bearer ${TOKEN}` }
  const change = async (headers: Record<string, string>) =>
    (await fetch(`${gateway.admin}/reload`, { method: 'POST', headers, body: '{}' })).status
  t.equal(await change(json), 401)
  t.equal(await change({ ...auth, origin: 'http://evil.example' }), 403, 'a web page')
  t.equal(await change(auth), 200)
  const port = new URL(gateway.admin).port
  t.equal(await get(gateway, '/', { host: `evil.example:${port}` }), 403, 'a name that was bound to this address')
  t.equal(await get(gateway, '/', { host: `localhost:${port}` }), 200)
  t.equal(await get(gateway, '/metrics', { host: 'gateway.monitoring.svc' }), 200)
  t.equal(await get(gateway, '/config', { host: `localhost:${port}` }), 401)
  t.equal(await get(gateway, '/config', { authorization: `Bearer ${TOKEN}`, host: 'any' }), 200)

  const pages = await Promise.all(
    ['/', '/ledger', '/metrics', '/config', '/dead-letters', '/traces', '/readyz'].map(async path =>
      (await fetch(`${gateway.admin}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
    )
  )
  t.equal((await gateway.stop()).code, 0)
  const dir = join(cwd, 'data/queue/audit')
  const actions = readTrail(dir).map(({ action, result, phase, code, who }) => [
    [action, result ?? phase].filter(Boolean).join(' '),
    code ?? who.via
  ])
  t.same(actions, [
    ['gateway.start', 'start'],
    ['config.reload accepted', 'admin'],
    ['config.reload refused', 'admin'],
    ['config.reload accepted', 'admin'],
    ['config.reload accepted', 'watch'],
    ['dead_letters.show begun', 'admin'],
    ['dead_letters.show done', 'admin'],
    ['dead_letters.purge begun', 'admin'],
    ['dead_letters.purge done', 'admin'],
    ['dead_letters.purge begun', 'admin'],
    ['dead_letters.purge failed', 'DEAD_LETTER_UNKNOWN'],
    ['config.reload accepted', 'admin'],
    ['gateway.stop', 'signal']
  ])
  t.match(readTrail(dir)[1], { changed: ['receivers.otlp.auth.keys.new (added)'], who: { token: true, claims: /@/ } })
  const head = gateway.log.filter(line => line.msg === 'audit').at(-1)!
  const check = (...more: string[]) => command(['audit', 'verify', dir, ...more])
  t.match(await check('--head', `${head['seq']}:${head['hash']}`), { code: 0, out: /whole/ })
  t.match(await check('--head', `${head['seq']}:${'0'.repeat(64)}`), { code: 1, err: /written anew/ })
  t.match((await command(['audit', 'show', dir, '--action', 'dead_letters'])).out, /purge {2}by admin .* phase=begun/)

  const trail = readdirSync(dir).map(name => readFileSync(join(dir, name), 'utf8'))
  const said = [...pages, gateway.output, ...trail].join('\n')
  for (const [name, secret] of Object.entries({ TOKEN, BACK_END, oldKey, newKey })) {
    t.notOk(said.includes(secret), `${name} is nowhere`)
  }
  t.ok(out.requests.length === 0 && out.calls > 0)

  const lines = readFileSync(join(dir, 'audit-0000000001.jsonl'), 'utf8').split('\n')
  writeFileSync(join(dir, 'audit-0000000001.jsonl'), lines.toSpliced(8, 1).join('\n'))
  t.match(await check(), { code: 1, err: /records 9 to 9 are missing/ })
})

t.test('what changed while the gateway was stopped is on record at its start', async t => {
  const cwd = t.testdir({})
  const out = await sink(t)
  const config = (level: string) =>
    gatewayConfig({
      exporters: { otlp_http: toSink(out.url) },
      service: {
        telemetry: { ...TELEMETRY, logs: { level, encoding: 'json' } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } }
      }
    })
  for (const level of ['info', 'debug']) {
    const gateway = await startGateway(t, { cwd, config: config(level) })
    t.equal((await gateway.stop()).code, 0)
  }
  const dir = join(cwd, 'data/queue/audit')
  const starts = readTrail(dir).filter(({ action }) => action === 'gateway.start')
  t.equal(starts[0]!['changed'], undefined, 'nothing is known before the first start')
  t.same(starts[1]!['changed'], ['service.telemetry.logs.level'])
  t.same(verify(dir).findings, [])
})
