// Going over to another config inside one process: what is kept, what is made anew, over every kind of queue.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../core/config/load.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { until } from '../../test/helpers/gateway-process.js'
import { silentLog } from '../../test/helpers/receiver.js'
import { redisForTest } from '../../test/helpers/redis.js'
import { requestOf } from '../../test/helpers/window.js'
import { registryWith } from '../registry.js'
import { Gateway } from './app.js'
import { RECEIVERS } from './receivers/index.js'

interface Given {
  readonly wait?: string
  readonly processors?: string
  readonly exporters?: string
  readonly queue: string
}

function configOf(
  dir: string,
  { wait = '1h', processors = '[tail_sampling]', exporters = '[file]', queue }: Given
): GatewayConfig {
  const text = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors: {tail_sampling: {decision_wait: ${wait}, decision_wait_after_root_received: ${wait}}, redaction: {}}
exporters: {file: {path: ${dir}/out.jsonl}, file/two: {path: ${dir}/two.jsonl}}
queue: ${queue}
service: {pipelines: {traces: {receivers: [otlp], processors: ${processors}, exporters: ${exporters}}}}
`
  const { config, problems } = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  if (config === undefined) throw new Error(problems.map(problem => `${problem.path} ${problem.says}`).join('\n'))
  return config
}

async function running(t: Test, dir: string, config: GatewayConfig): Promise<Gateway> {
  const made = new Gateway({ config, version: '0', log: silentLog, clock: systemClock, installationKey: () => dir })
  t.teardown(() => made.stop(0))
  await made.start()
  return made
}

async function send(to: Gateway, trace: number): Promise<void> {
  const body = new Uint8Array(requestOf('traces', [{ trace }]))
  const url = `http://${to.endpoints().get('otlp')!.http}/v1/traces`
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body })
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`)
}

const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean).length
const windowed = (gateway: Gateway) => gateway.ledger().streams[0]!.windowed

async function scenario(t: Test, queue: string): Promise<void> {
  const dir = t.testdir({})
  const gateway = await running(t, dir, configOf(dir, { queue }))
  const address = gateway.endpoints().get('otlp')!.http
  await send(gateway, 1)
  await send(gateway, 2)
  const window = gateway.windows.get('tail_sampling')!
  await until('the window to have both', () => window.status().openTraces === 2)

  await gateway.reload(configOf(dir, { queue, processors: '[redaction, tail_sampling]' }))
  t.equal(gateway.windows.get('tail_sampling'), window, 'a window that did not change is not touched')
  t.equal(window.status().openTraces, 2)
  t.equal(gateway.endpoints().get('otlp')!.http, address)

  await gateway.reload(configOf(dir, { queue, exporters: '[file, file/two]' }))
  const second = gateway.windows.get('tail_sampling')!
  t.not(second, window, 'its output goes elsewhere: it is made anew')
  await until('it to have read what the other one held', () => second.status().openTraces === 2)
  await send(gateway, 3)
  t.equal(windowed(gateway), 3)
  t.ok(gateway.ledger().isBalanced)

  const before = gateway.config
  await t.rejects(gateway.reload(configOf(dir, { queue: '{type: memory, max_size: 1MiB}' })), {
    code: 'GATEWAY_NEEDS_RESTART',
    message: /queue/
  })
  t.equal(gateway.config, before)

  await gateway.reload(configOf(dir, { queue, exporters: '[file, file/two]', processors: '[]' }))
  await until('what was held to go on', () => windowed(gateway) === 0)
  await until('it to be delivered', () => gateway.ledger().exporters.every(line => line.waiting === 0))
  t.match(
    gateway.ledger().exporters.map(line => [line.exporter, line.delivered, line.difference]),
    [
      ['file', 3, 0],
      ['file/two', 3, 0]
    ]
  )
  await gateway.reload(configOf(dir, { queue, exporters: '[file]', processors: '[]' }))
  await send(gateway, 4)
  await until(
    'the fourth',
    () => gateway.ledger().exporters.find(({ exporter }) => exporter === 'file')?.delivered === 4
  )
  t.ok(gateway.ledger().isBalanced)
  t.ok(lines(join(dir, 'out.jsonl')) > 0)
}

t.test('embedded queue: windows keep what they hold, exporters come and go', t =>
  scenario(t, `{type: embedded, path: ${t.testdirName}/queue}`)
)

t.test('memory queue', t => scenario(t, '{type: memory}'))

t.test('Redis queue', async t => {
  const redis = await redisForTest()
  t.teardown(() => redis.stop())
  const prefix = `reload-${process.pid}-${Date.now()}`
  await scenario(t, `{type: redis, url: "${redis.url}", prefix: ${prefix}, member: one, partitions: 2, lease: 5s}`)
})

t.test('changes come one after the other, also those that fail, and none after a stop', async t => {
  const dir = t.testdir({})
  const queue = '{type: memory}'
  const gateway = await running(t, dir, configOf(dir, { queue, processors: '[]' }))
  const order: string[] = []
  const note = (name: string) => () => void order.push(name)
  const all = [
    gateway.reload(configOf(dir, { queue, processors: '[redaction]' })).then(note('first')),
    gateway.reload(configOf(dir, { queue: '{type: memory, max_size: 1MiB}' })).catch(note('refused')),
    gateway.exclusively(async () => note('other')()),
    gateway.reload(configOf(dir, { queue, processors: '[]' })).then(note('last'))
  ]
  await Promise.all(all)
  t.same(order, ['first', 'refused', 'other', 'last'])
  await gateway.stop()
  await t.rejects(gateway.reload(configOf(dir, { queue })), { code: 'GATEWAY_NOT_READY' })
})
