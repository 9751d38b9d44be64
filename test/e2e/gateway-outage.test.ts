// Back ends that are down, slow, full or refuse, and stops and restarts of the gateway: from outside, with real processes.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  type GatewayProcess,
  gatewayConfig,
  startGateway,
  TELEMETRY,
  toSink,
  until
} from '../helpers/gateway-process.js'
import { post } from '../helpers/http.js'
import { Load } from '../helpers/load.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

const STOP_LIMIT_MS = 5000

function folder(t: Test, name: string): string {
  const dir = join(t.testdirName, name)
  mkdirSync(dir, { recursive: true })
  return dir
}

async function send(gateway: GatewayProcess, first: number, count: number): Promise<number> {
  return (await post(`${gateway.http}/v1/traces`, spansRequest(first, count))).status
}

function traces(exporters: readonly string[]): object {
  return { telemetry: TELEMETRY, pipelines: { traces: { receivers: ['otlp'], exporters } } }
}

function lineOf(ledger: Awaited<ReturnType<GatewayProcess['ledger']>>, exporter: string) {
  return ledger.exporters.find(line => line.exporter === exporter)!
}

t.test('what is taken while the back end is down is delivered once when it comes back', async t => {
  t.testdir({})
  const out = await sink(t)
  const config = gatewayConfig({ exporters: { otlp_http: toSink(out.url) }, service: traces(['otlp_http']) })
  const gateway = await startGateway(t, { cwd: folder(t, 'down'), config })
  await out.down()
  for (let i = 0; i < 10; i++) t.equal(await send(gateway, i * 50, 50), 200)
  const during = await gateway.ledger()
  t.match(lineOf(during, 'otlp_http'), { offered: 500, delivered: 0, waiting: 500 })
  t.ok(during.isBalanced)
  await out.up()
  const after = await gateway.drained()
  t.match(lineOf(after, 'otlp_http'), { delivered: 500, waiting: 0, dropped: 0, parked: 0 })
  t.equal(out.spans.size, 500)
  t.equal(out.duplicates, 0)
  t.same(await gateway.stop(), { code: 0, signal: null })
})

t.test('429 and 503 are tried again, not before Retry-After; a slow back end costs nothing but time', async t => {
  t.testdir({})
  const out = await sink(t)
  const at: number[] = []
  out.script = ({ call, at: when }) => {
    at.push(when)
    if (call === 1) return { status: 429, headers: { 'retry-after': '1' } }
    if (call === 2) return { status: 503, headers: { 'retry-after': '1' } }
    return { status: 200, delayMs: 700 }
  }
  const config = gatewayConfig({ exporters: { otlp_http: toSink(out.url) }, service: traces(['otlp_http']) })
  const gateway = await startGateway(t, { cwd: folder(t, 'busy'), config })
  t.equal(await send(gateway, 0, 30), 200)
  const ledger = await gateway.drained()
  t.ok(at[1]! - at[0]! >= 990, `${Math.round(at[1]! - at[0]!)} ms after the 429`)
  t.ok(at[2]! - at[1]! >= 990, `${Math.round(at[2]! - at[1]!)} ms after the 503`)
  t.match(lineOf(ledger, 'otlp_http'), { delivered: 30, dropped: 0, parked: 0 })
  t.equal(out.duplicates, 0)
})

t.test('what the back end refuses for good is set aside and counted, and the rest goes on', async t => {
  t.testdir({})
  const out = await sink(t)
  out.script = ({ body }) => (body.includes('poison') ? { status: 400, body: 'no such tenant' } : { status: 200 })
  const config = gatewayConfig({ exporters: { otlp_http: toSink(out.url) }, service: traces(['otlp_http']) })
  const cwd = folder(t, 'refused')
  const gateway = await startGateway(t, { cwd, config })
  const bad = spansRequest(1000, 7, { name: 'poison' })
  t.equal((await post(`${gateway.http}/v1/traces`, bad)).status, 200)
  await gateway.drained()
  t.equal(await send(gateway, 0, 20), 200)
  const ledger = await gateway.drained()
  t.match(lineOf(ledger, 'otlp_http'), { offered: 27, delivered: 20, waiting: 0, parked: 7, dropped: 0 })
  t.ok(ledger.isBalanced)
  await gateway.stop()
  const again = await startGateway(t, { cwd, config })
  t.match(lineOf(await again.ledger(), 'otlp_http'), { offered: 27, delivered: 20, parked: 7 }, 'also after a restart')
})

t.test('a dead back end delays no other one, and no sender', async t => {
  t.testdir({})
  const [good, dead] = [await sink(t), await sink(t)]
  await dead.down()
  const exporters = { 'otlp_http/good': toSink(good.url), 'otlp_http/dead': toSink(dead.url) }
  const config = gatewayConfig({ exporters, service: traces(Object.keys(exporters)) })
  const gateway = await startGateway(t, { cwd: folder(t, 'two'), config })
  const load = new Load({ target: () => gateway.http, connections: 2, spansPerRequest: 50 }).start()
  await until('some load', () => load.acknowledged.length >= 60)
  await load.stop()
  const ledger = await gateway.drained('otlp_http/good')
  const total = load.acknowledgedSpans
  t.same([load.unknown.length, load.refused.size], [0, 0], 'every request was taken')
  t.match(lineOf(ledger, 'otlp_http/good'), { delivered: total, waiting: 0 })
  t.match(lineOf(ledger, 'otlp_http/dead'), { delivered: 0, waiting: total })
  t.ok(ledger.isBalanced)
  t.same(load.missing(good.spans), [])
  t.equal(good.duplicates, 0)
})

t.test('SIGTERM under load: exit code 0 within the limit, and the next start delivers what waited', async t => {
  t.testdir({})
  const out = await sink(t, { script: () => ({ status: 200, delayMs: 30 }) })
  const service = { ...traces(['otlp_http']), shutdown_timeout: `${STOP_LIMIT_MS}ms` }
  const sending = { num_consumers: 1, batch: { max_size: 200 } }
  const config = gatewayConfig({ exporters: { otlp_http: toSink(out.url, { sending_queue: sending }) }, service })
  const cwd = folder(t, 'stop')
  const gateway = await startGateway(t, { cwd, config })
  const load = new Load({ target: () => gateway.http, connections: 4, spansPerRequest: 40 }).start()
  await until('some load', () => load.acknowledged.length >= 80)
  const stoppedAt = performance.now()
  const ended = await gateway.stop()
  const tookMs = performance.now() - stoppedAt
  await load.stop()
  t.same(ended, { code: 0, signal: null })
  t.ok(tookMs < STOP_LIMIT_MS + 1000, `${Math.round(tookMs)} ms`)
  const waiting = load.missing(out.spans).length
  const again = await startGateway(t, { cwd, config })
  const ledger = await again.drained()
  t.comment(`${load.acknowledgedSpans} acknowledged, ${waiting} of them waited over the restart`)
  t.same(load.missing(out.spans), [])
  t.equal(out.duplicates, 0, 'an orderly stop repeats nothing')
  t.ok(ledger.isBalanced)
  t.equal(lineOf(ledger, 'otlp_http').delivered, out.spans.size)
})

t.test('one signal alone, and two pipelines of one signal', async t => {
  t.testdir({})
  const [all, some] = [await sink(t, { keep: true }), await sink(t, { keep: true })]
  const pipelines = {
    traces: { receivers: ['otlp'], exporters: ['otlp_http/all'] },
    'traces/some': { receivers: ['otlp'], processors: ['hashing'], exporters: ['otlp_http/some'] }
  }
  const config = gatewayConfig({
    processors: { hashing: { hash_fields: ['workflow.name'] } },
    exporters: { 'otlp_http/all': toSink(all.url), 'otlp_http/some': toSink(some.url) },
    service: { telemetry: TELEMETRY, pipelines }
  })
  const gateway = await startGateway(t, { cwd: folder(t, 'pipelines'), config })
  t.equal(await send(gateway, 0, 10), 200)
  const ledger = await gateway.drained()
  t.same([all.spans.size, some.spans.size], [10, 10])
  t.match(all.requests[0]!.body.toString('latin1'), /nightly/)
  t.notMatch(some.requests[0]!.body.toString('latin1'), /nightly/)
  t.same(ledger.received.map(r => [r.stream, r.items]).sort(), [
    ['traces', 10],
    ['traces/some', 10]
  ])
  const logs = await post(`${gateway.http}/v1/logs`, Buffer.alloc(0))
  t.ok([400, 404].includes(logs.status), `a signal without a pipeline: ${logs.status}`)
  t.match(logs.body.toString(), /no logs pipeline/)
  t.ok((await gateway.metrics()).length > 0)
})
