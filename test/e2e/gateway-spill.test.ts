// `queue.spill` from outside: Redis goes away and comes back under load, and the gateway that holds the spill is killed while
// it moves it on. Who receives does not deliver here, so that nothing can come twice but by the spill.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { combineLedgers } from '../../services/gateway/admin/combine.js'
import {
  type GatewayProcess,
  gatewayConfig,
  startGateway,
  TELEMETRY,
  toSink,
  until
} from '../helpers/gateway-process.js'
import { Load } from '../helpers/load.js'
import { startRedis } from '../helpers/redis.js'
import { sink } from '../helpers/sink.js'

const OUTAGES = 2

t.test('outages of Redis are not seen by senders, and nothing is lost or doubled over kill -9', async t => {
  const dir = t.testdir({})
  for (const name of ['taker', 'worker']) mkdirSync(join(dir, name))
  // With everysec Redis may keep back a write while its disk is slow, and kill -9 would take it.
  const redis = await startRedis(['--appendfsync', 'always'])
  t.teardown(() => redis.stop())
  const out = await sink(t)
  const config = gatewayConfig({
    queue: {
      type: 'redis',
      url: redis.url,
      member: '${env:NAME}',
      lease: '1s',
      commit_timeout: '2s',
      spill: { enabled: true, path: './data/spill' }
    },
    exporters: { otlp_http: toSink(out.url, { compression: 'none' }) },
    service: { telemetry: TELEMETRY, pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } }
  })
  const worker = await startGateway(t, { cwd: join(dir, 'worker'), config, command: 'worker', env: { NAME: 'worker' } })
  const taker = { cwd: join(dir, 'taker'), config, args: ['--receive-only'], env: { NAME: 'taker' } }
  let gateway = await startGateway(t, taker)
  let target: string | undefined = gateway.http
  const load = new Load({ target: () => target, connections: 4, spansPerRequest: 25, pauseMs: 10 }).start()
  t.teardown(() => load.stop())
  const spilled = async (from: GatewayProcess) => Number(/queue_spilled_bytes (\d+)/.exec(await from.metrics())?.[1])
  for (let i = 0; i < OUTAGES; i++) {
    await sleep(200)
    redis.kill('SIGKILL')
    await redis.gone
    const before = load.acknowledgedSpans
    await until('senders to be answered without Redis', () => load.acknowledgedSpans > before + 500)
    t.ok((await spilled(gateway)) > 0, 'what comes in waits on the disk')
    t.equal((await fetch(`${gateway.admin}/readyz`)).status, 200, 'ready all the same')
    await redis.restart()
    await sleep(100 + 150 * i)
    target = undefined
    gateway.kill('SIGKILL')
    await gateway.ended
    gateway = await startGateway(t, taker)
    target = gateway.http
  }
  await load.stop()
  await until('the disk to be empty', async () => (await spilled(gateway)) === 0)
  await until('all to be delivered', () => load.missing(out.spans).length === 0)
  t.ok(load.acknowledgedSpans > 1000, `${load.acknowledgedSpans} spans acknowledged`)
  t.equal(out.duplicates, 0, 'nothing came twice')
  const ledger = combineLedgers([await gateway.ledger(), await worker.drained()])
  t.match(ledger, { isBalanced: true, exporters: [{ waiting: 0, difference: 0 }] })
  t.equal(ledger.received[0]?.items, out.spans.size, 'every span the ledger knows of has arrived')
})
