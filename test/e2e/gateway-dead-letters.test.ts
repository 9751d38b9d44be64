// Dead letters from outside: a back end refuses, the operator lists, shows, redrives and purges by command.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gatewayConfig, startGateway, TELEMETRY, toSink, until } from '../helpers/gateway-process.js'
import { post } from '../helpers/http.js'
import { queue } from '../helpers/queue-command.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

t.test('a refused item becomes a dead letter that can be listed, shown, redriven and purged', async t => {
  const cwd = join(t.testdir({}), 'run')
  mkdirSync(cwd)
  const out = await sink(t)
  out.script = () => ({ status: 400 })
  const config = gatewayConfig({
    exporters: { otlp_http: toSink(out.url) },
    service: { telemetry: TELEMETRY, pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } }
  })
  const gateway = await startGateway(t, { cwd, config })
  const { admin } = gateway
  t.match(await queue(admin, 'list'), { code: 0, out: 'no dead letters\n' })
  t.equal((await post(`${gateway.http}/v1/traces`, spansRequest(0, 2))).status, 200)
  const letters = await until('two dead letters', async () => {
    const { out: text } = await queue(admin, 'list', '--json')
    const list = JSON.parse(text) as { id: string; items: number; reason: string }[]
    return list.length === 2 ? list : undefined
  })
  t.match(letters, [{ items: 1, reason: /400/ }, { items: 1 }])
  t.match((await queue(admin, 'list')).out, /^id +exporter +pipeline +items/)
  t.match(await queue(admin, 'status'), {
    code: 0,
    out: /otlp_http +0 +0 +2 +0\n.queue list. shows what is set aside, and why\nevery item is accounted for/
  })
  const shown = JSON.parse((await queue(admin, 'show', letters[0]!.id)).out)
  t.match(shown, { exporter: 'otlp_http', json: { resourceSpans: [{ scopeSpans: [{ spans: [{}] }] }] } })

  t.match(await queue(admin, 'purge', letters[1]!.id), { code: 0, out: 'removed: 1 item\n' })
  out.script = () => ({ status: 200 })
  t.match(await queue(admin, 'redrive', '--all', '--exporter', 'otlp_http'), { code: 0, out: 'given back: 1 item\n' })
  await until('the redriven span', () => out.spans.size === 1)
  const ledger = await until('a settled ledger', async () => {
    const now = await gateway.ledger()
    return now.exporters[0]!.delivered === 1 ? now : undefined
  })
  t.match(ledger, { isBalanced: true, exporters: [{ offered: 2, delivered: 1, dropped: 1, parked: 0, waiting: 0 }] })
})

t.test('mistakes get an answer that says what to do', async t => {
  const cwd = join(t.testdir({}), 'run')
  mkdirSync(cwd)
  const nobody = await queue('http://127.0.0.1:9', 'list')
  t.match(nobody, { code: 1, err: /no gateway answers at http:\/\/127.0.0.1:9.*--admin/ })
  const config = gatewayConfig({
    exporters: { debug: {} },
    service: { telemetry: TELEMETRY, pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } } }
  })
  const { admin } = await startGateway(t, { cwd, config })
  t.match(await queue(admin, 'show', 'nope'), { code: 1, err: /no dead letter nope/ })
  t.match(await queue(admin, 'purge'), { code: 2, err: /--all --exporter/ })
  t.match(await queue(admin, 'list', '--exporter', 'otlp'), { code: 1, err: /no exporter otlp/ })
  const simple = await fetch(`${admin}/dead-letters/purge`, { method: 'POST', body: '{"exporter":"debug"}' })
  t.equal(simple.status, 415, 'a form of a web page cannot change anything')
})
