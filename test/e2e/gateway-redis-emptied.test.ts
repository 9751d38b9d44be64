// Redis comes back without its data while gateways run: nobody gets an OK for what would be lost, and a restart puts it right.

import { mkdirSync, readFileSync } from 'node:fs'
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
import { queue } from '../helpers/queue-command.js'
import { startRedis } from '../helpers/redis.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

const send = async (gateway: GatewayProcess, first: number, count: number): Promise<number> =>
  (await post(`${gateway.http}/v1/traces`, spansRequest(first, count))).status

/** A gateway with a back end that is down and a file, on a Redis of its own that has lost everything since it took 2 spans. */
async function emptied(t: Test, more: object = {}) {
  const cwd = join(t.testdir({}), 'gateway')
  mkdirSync(cwd)
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const out = await sink(t)
  await out.down()
  const config = gatewayConfig({
    queue: { type: 'redis', url: redis.url, member: 'one', lease: '1s', commit_timeout: '2s', ...more },
    exporters: { otlp_http: toSink(out.url), file: { path: './out.jsonl' } },
    service: {
      telemetry: TELEMETRY,
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http', 'file'] } }
    }
  })
  const start = { cwd, config }
  const gateway = await startGateway(t, start)
  t.equal(await send(gateway, 0, 2), 200)
  await redis.restartEmpty()
  await until('it to notice', () => gateway.log.find(({ code }) => code === 'QUEUE_REDIS_EMPTIED'))
  const again = async (): Promise<GatewayProcess> => {
    t.same(await gateway.stop(), { code: 0, signal: null })
    return startGateway(t, start)
  }
  return { gateway, again, out, written: () => readFileSync(join(cwd, 'out.jsonl'), 'utf8') }
}

/** Numbers of spans in a file of OTLP/JSON. */
function spansIn(text: string): number {
  return text.match(/"spanId"/g)?.length ?? 0
}

t.test('senders are refused until the restart, and everything taken after it reaches every exporter', async t => {
  const { gateway, again, out, written } = await emptied(t)
  t.equal(await send(gateway, 10, 5), 503)
  t.match(JSON.parse(await gateway.page('/readyz')), { ready: false, reasons: [{ code: 'queue_redis_emptied' }] })
  const told = gateway.log.filter(({ level, code }) => level === 'error' && code === 'QUEUE_REDIS_EMPTIED')
  t.ok(told.some(({ msg }) => /came back empty/.test(msg ?? '')))
  const before = spansIn(written())
  const next = await again()
  t.equal(await send(next, 100, 10), 200)
  t.match(await next.ledger(), { exporters: [{ difference: 0 }, { difference: 0 }], isBalanced: true })
  await out.up()
  const ledger = await next.drained()
  const line = { offered: 10, delivered: 10, waiting: 0, difference: 0 }
  t.match(ledger, { isBalanced: true, exporters: [line, line] })
  t.ok(Array.from({ length: 10 }, (_, i) => 100 + i).every(n => out.spans.has(n)))
  t.equal(out.spans.size, 10)
  t.equal(spansIn(written()) - before, 10)
  t.equal((await queue(next.admin, 'ledger')).code, 0)
})

t.test('with a spill senders get their OK, and it is all in the new queue after the restart', async t => {
  const { gateway, again, out } = await emptied(t, { spill: { enabled: true, path: './data/spill' } })
  t.equal(await send(gateway, 100, 10), 200)
  const next = await again()
  t.equal(await send(next, 110, 10), 200)
  await out.up()
  await until('all to arrive', () => Array.from({ length: 20 }, (_, i) => 100 + i).every(n => out.spans.has(n)))
  const ledger = await next.drained()
  t.match(ledger, { isBalanced: true, exporters: [{ waiting: 0, difference: 0 }, { difference: 0 }] })
})
