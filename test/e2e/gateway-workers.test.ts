// `service.workers`: several processes behind one port, each with its part of the queue.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Ledger } from '../../core/telemetry/ledger.js'
import { GatewayProcess, gatewayConfig, startGateway, TELEMETRY, toSink, until } from '../helpers/gateway-process.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { post } from '../helpers/http.js'
import { Load } from '../helpers/load.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

const PIPELINE = { traces: { receivers: ['otlp'], processors: [], exporters: ['otlp_http'] } }

function configFor(
  url: string,
  workers: number | 'auto',
  over: { processors?: object; pipelines?: object } = {}
): object {
  const { pipelines = PIPELINE, ...sections } = over
  return gatewayConfig({
    exporters: { otlp_http: toSink(url, { compression: 'none' }) },
    ...sections,
    service: { telemetry: TELEMETRY, workers, pipelines }
  })
}

/** Items that each worker took, by its number. */
async function receivedBy(gateway: GatewayProcess): Promise<number[]> {
  const found = (await gateway.metrics()).matchAll(/^algoflow_gateway_received_items_total\{worker="\d+".*\} (\d+)$/gm)
  return [...found].map(([, n]) => Number(n))
}

/** The ledger of the whole, once every worker answers and nothing waits. */
function settled(gateway: GatewayProcess): Promise<Ledger> {
  return until('all workers to have nothing waiting', async () => {
    const ledger = (await gateway.ledger()) as Ledger & { error?: string }
    return ledger.error === undefined && ledger.exporters.every(({ waiting }) => waiting === 0) ? ledger : undefined
  })
}

t.test('workers share the ports, and one that is killed under load loses nothing and is started again', async t => {
  const out = await sink(t, { script: () => ({ status: 200, delayMs: 5 }) })
  const gateway = await startGateway(t, { cwd: t.testdir({}), config: configFor(out.url, 2) })
  t.equal(new Set(gateway.log.flatMap(({ msg, http }) => (msg === 'taking OTLP' ? [http] : []))).size, 1, 'one port')
  for (let i = 0; i < 6; i++) t.equal((await post(`${gateway.http}/v1/traces`, spansRequest(i * 10, 10))).status, 200)
  for (let i = 6; i < 10; i++) {
    const client = grpcClient(t, gateway.grpc, { 'grpc.use_local_subchannel_pool': 1 })
    t.equal((await client.send(EXPORT_PATH.traces, spansRequest(i * 10, 10))).code, 0)
    client.close()
  }
  t.same(await receivedBy(gateway), [50, 50], 'half of them each')
  const ledger = await settled(gateway)
  t.match(ledger, { received: [{ items: 100 }], exporters: [{ delivered: 100, difference: 0 }], isBalanced: true })
  t.same(JSON.parse(await gateway.page('/readyz')), { ready: true, reasons: [] })
  t.match(await gateway.page('/'), /\b100\b/)
  t.match(await gateway.page('/config'), /workers: 2/)

  const load = new Load({
    target: () => gateway.http,
    connections: 6,
    spansPerRequest: 25,
    pauseMs: 10,
    first: 100
  }).start()
  t.teardown(() => load.stop())
  const pids = () => gateway.log.flatMap(({ msg, pid }) => (msg === 'worker started' ? [Number(pid)] : []))
  await sleep(400)
  process.kill(pids().at(-1)!, 'SIGKILL')
  await until('the worker to be started again', () => pids().length === 3)
  await until('all to be ready', async () => JSON.parse(await gateway.page('/readyz')).ready === true)
  await load.stop()
  t.match(await gateway.metrics(), /worker_restarts_total\{worker="2"\} 1/)
  t.ok(load.acknowledgedSpans > 500, `${load.acknowledgedSpans} spans acknowledged`)
  t.ok((await settled(gateway)).isBalanced)
  t.same(load.missing(out.spans), [], 'every acknowledged span arrived')
  t.equal(pids().length, 3)
  t.same(await gateway.stop(), { code: 0, signal: null })
  t.equal(gateway.log.filter(({ msg, worker }) => msg === 'stopped' && worker !== undefined).length, 2, 'both in order')
})

t.test('with fewer workers what the others left is delivered, and their dead letters are kept', async t => {
  const cwd = join(t.testdir({}), 'run')
  mkdirSync(cwd)
  const out = await sink(t, { script: () => ({ status: 400 }) })
  const two = await new GatewayProcess({ cwd, config: configFor(out.url, 2) }).ready()
  t.teardown(() => two.kill('SIGKILL'))
  for (let i = 0; i < 2; i++) await post(`${two.http}/v1/traces`, spansRequest(i, 1))
  await until('two dead letters', async () => JSON.parse(await two.page('/dead-letters')).length === 2)
  const ids = JSON.parse(await two.page('/dead-letters')).map(({ id }: { id: string }) => id.replace(/\d+$/, ''))
  t.same(ids, ['', 'w2-'], 'each says whose it is')
  out.script = () => ({ status: 503 })
  for (let i = 2; i < 8; i++) t.equal((await post(`${two.http}/v1/traces`, spansRequest(i, 1))).status, 200)
  two.kill('SIGKILL')
  await two.ended
  out.script = () => ({ status: 200 })
  const one = await startGateway(t, { cwd, config: configFor(out.url, 1) })
  const ledger = await settled(one)
  t.match(ledger, { received: [{ items: 8 }], exporters: [{ offered: 8, delivered: 6, parked: 2 }], isBalanced: true })
  t.match(await one.metrics(), /algoflow_gateway_received_items_total\{queue="worker-2",pipeline="traces"\} 4/)
  const change = (ids: string[]) =>
    fetch(`${one.admin}/dead-letters/redrive`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids })
    })
  const letters = JSON.parse(await one.page('/dead-letters')).map(({ id }: { id: string }) => id) as string[]
  t.equal((await change([...letters, 'w2-999'])).status, 404, 'one unknown: nothing is changed')
  t.same(await (await change(letters)).json(), { items: 2 })
  await until('all to be delivered', () => out.spans.size === 8)
  t.match(await settled(one), { exporters: [{ delivered: 8, parked: 0, difference: 0 }], isBalanced: true })
  t.same(await one.stop(), { code: 0, signal: null })
})

t.test('a worker that cannot start ends the whole with its reason', async t => {
  const cwd = join(t.testdir({ file: '' }))
  const config = {
    ...configFor('http://127.0.0.1:1', 2),
    queue: { type: 'embedded', path: join(cwd, 'file', 'queue') }
  }
  const gateway = new GatewayProcess({ cwd, config })
  t.same(await gateway.ended, { code: 1, signal: null })
  t.match(gateway.output, /QUEUE_NOT_WRITABLE/)
  t.match(gateway.output, /GATEWAY_WORKER_FAILED/)
})
