// Gateways that only receive and workers that only deliver, on one real Redis.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Ledger } from '../../core/telemetry/ledger.js'
import { combineLedgers } from '../../services/gateway/admin/combine.js'
import { GatewayProcess, gatewayConfig, startGateway, TELEMETRY, toSink, until } from '../helpers/gateway-process.js'
import { Load } from '../helpers/load.js'
import { queue } from '../helpers/queue-command.js'
import { startRedis } from '../helpers/redis.js'
import { sink } from '../helpers/sink.js'

function place(t: Test, name: string): string {
  const cwd = join(t.testdirName, name)
  mkdirSync(cwd, { recursive: true })
  return cwd
}

t.test('what gateways take is delivered by workers, also when one of these is killed', async t => {
  t.testdir({})
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const out = await sink(t, { script: () => ({ status: 200, delayMs: 10 }) })
  const config = gatewayConfig({
    queue: { type: 'redis', url: redis.url, partitions: 4, lease: '1s' },
    exporters: { otlp_http: toSink(out.url, { compression: 'none' }) },
    service: { telemetry: TELEMETRY, pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } }
  })
  const start = (name: string, how: object) => startGateway(t, { cwd: place(t, name), config, ...how })
  const receivers = [await start('r1', { args: ['--receive-only'] }), await start('r2', { args: ['--receive-only'] })]
  let turn = 0
  const load = new Load({
    target: () => receivers[turn++ % 2]!.http,
    connections: 4,
    spansPerRequest: 25,
    pauseMs: 20
  }).start()
  t.teardown(() => load.stop())
  await sleep(300)
  t.equal(out.spans.size, 0, 'who only receives delivers nothing')
  const workers = [await start('w1', { command: 'worker' }), await start('w2', { command: 'worker' })]
  t.same(workers.map(({ http, grpc }) => http + grpc), ['', ''], 'workers have no receivers') // biome-ignore format: short
  const partitionsOf = ({ log }: GatewayProcess) =>
    new Set(log.flatMap(l => (l.msg === 'partition taken' ? [l['partition']] : [])))
  await until('both workers to have partitions', () => workers.every(worker => partitionsOf(worker).size >= 2))
  workers[0]!.kill('SIGKILL')
  await sleep(500)
  await load.stop()
  await until('all to be delivered', () => load.missing(out.spans).length === 0, 30_000)
  t.ok(load.acknowledgedSpans > 500, `${load.acknowledgedSpans} spans acknowledged`)
  t.same([...load.refused], [], 'nobody was refused')
  t.same(receivers.map(gateway => partitionsOf(gateway).size), [0, 0]) // biome-ignore format: short
  const ledgers = await Promise.all([...receivers, workers[1]!].map(gateway => gateway.ledger()))
  t.same(ledgers.slice(0, 2).flatMap(({ delivered }: Ledger) => delivered), []) // biome-ignore format: short
  t.equal(combineLedgers(ledgers).received[0]?.items, load.acknowledgedSpans)
  const whole = await queue(receivers[0]!.admin, 'ledger')
  t.match(whole, { code: 0, out: /4 gateways: every item is accounted for/ })
  t.match(whole.out, new RegExp(`otlp_http +${load.acknowledgedSpans} `))
  const { isBalanced, exporters } = JSON.parse((await queue(workers[1]!.admin, 'ledger', '--json')).out)
  t.match(
    { isBalanced, exporters },
    { isBalanced: true, exporters: [{ offered: load.acknowledgedSpans, difference: 0 }] }
  )
  for (const gateway of [...receivers, workers[1]!]) t.same(await gateway.stop(), { code: 0, signal: null })
})

t.test('a part of the work is refused without a shared queue', async t => {
  const config = gatewayConfig({ service: { telemetry: TELEMETRY, pipelines: {} } })
  const worker = new GatewayProcess({ cwd: t.testdir({}), config, command: 'worker' })
  t.same(await worker.ended, { code: 1, signal: null })
  t.match(worker.output, /GATEWAY_ROLE_QUEUE/)
})
