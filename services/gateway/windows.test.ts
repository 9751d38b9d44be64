import { Redis } from 'ioredis'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { until } from '../../test/helpers/gateway-process.js'
import { silentLog } from '../../test/helpers/receiver.js'
import { redisForTest } from '../../test/helpers/redis.js'
import { redisTotals } from '../../test/helpers/redis-totals.js'
import { requestOf } from '../../test/helpers/window.js'
import { registryWith } from '../registry.js'
import { Gateway } from './app.js'
import { RECEIVERS } from './receivers/index.js'

/** A gateway over a queue in `dir`; `processors` of its pipelines, which share the file exporter. */
async function gateway(
  dir: string,
  processors: string,
  queue = `{type: embedded, path: ${dir}/queue}`
): Promise<Gateway> {
  const text = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors: {tail_sampling: {late_error_window: 1h}, tail_sampling/two: {}}
exporters: {file: {path: ${dir}/out.jsonl}}
queue: ${queue}
service:
  pipelines:
    traces: {receivers: [otlp], processors: ${processors}, exporters: [file]}
    logs: {receivers: [otlp], processors: ${processors}, exporters: [file]}
`
  const { config, problems } = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  if (config === undefined) throw new Error(problems.map(problem => problem.says).join('\n'))
  return new Gateway({ config, version: '0', log: silentLog, clock: systemClock })
}

async function send(to: Gateway, signal: 'traces' | 'logs'): Promise<void> {
  const body = new Uint8Array(requestOf(signal, [{ trace: 1 }, { trace: 2 }]))
  const url = `http://${to.endpoints().get('otlp')!.http}/v1/${signal}`
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body })
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`)
}

t.test('what a window held goes on to the exporters when the window is taken out of the config', async t => {
  const dir = t.testdir()
  const first = await gateway(dir, '[tail_sampling]')
  await first.start()
  await send(first, 'traces')
  await send(first, 'logs')
  t.same(
    first
      .ledger()
      .streams.map(line => [line.stream, line.windowed])
      .sort(),
    [
      ['logs', 2],
      ['traces', 2]
    ]
  )
  t.ok(first.ledger().isBalanced)
  await first.stop()
  const second = await gateway(dir, '[]')
  await second.start()
  await second.windows.get('tail_sampling')!.settle()
  t.match(
    second.ledger().streams.map(line => [line.windowed, line.appended]),
    [
      [0, 2],
      [0, 2]
    ]
  )
  await second.stop()
  t.ok(second.windows.has('tail_sampling'))
  const third = await gateway(dir, '[]')
  await third.start()
  t.equal(third.windows.size, 0, 'it is needed no more')
  t.ok(third.ledger().isBalanced)
  await third.stop()
})

t.test('the same over a shared queue, where another gateway took what the window holds', async t => {
  const redis = await redisForTest()
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const prefix = `windows-${process.pid}-${Date.now()}`
  const queue = (member: string) =>
    `{type: redis, url: "${redis.url}", prefix: ${prefix}, member: ${member}, partitions: 2, lease: 2s}`
  const [took, sampled, after] = await Promise.all([
    gateway(t.testdir(), '[tail_sampling]', queue('took')),
    gateway(t.testdir(), '[tail_sampling]', queue('sampled')),
    gateway(t.testdir(), '[]', queue('after'))
  ])
  await took.start()
  await send(took, 'traces')
  await took.stop()
  await sampled.start()
  t.same(
    (await redisTotals(client, prefix)).get('windowed|traces|tail_sampling'),
    2,
    'undecided, and not of the one that has them now'
  )
  await sampled.stop()
  await after.start()
  await until('what was held to be delivered', async () => {
    return (await redisTotals(client, prefix)).get('delivered|file|traces') === 2
  })
  t.equal((await redisTotals(client, prefix)).get('windowed|traces|tail_sampling'), 0)
  await after.stop()
})

t.test('of gateways that share a queue one judges a trace, and the others say which', async t => {
  const redis = await redisForTest()
  t.teardown(() => redis.stop())
  const prefix = `judges-${process.pid}-${Date.now()}`
  const names = ['a', 'b']
  const all = await Promise.all(
    names.map(member =>
      gateway(
        t.testdir(),
        '[tail_sampling]',
        `{type: redis, url: "${redis.url}", prefix: ${prefix}, member: ${member}, partitions: 4, lease: 1s}`
      )
    )
  )
  for (const one of all) await one.start()
  t.teardown(() => Promise.all(all.map(one => one.stop())))
  await send(all[0]!, 'traces')
  await send(all[1]!, 'logs')
  const windows = all.map(one => one.windows.get('tail_sampling')!)
  for (const trace of [1, 2]) {
    const id = Buffer.alloc(16, 0x11)
    id.writeInt32BE(trace, 0)
    id[9] = 0
    const hex = id.toString('hex')
    const judge = await until('one to have span and log record', () => {
      const found = windows.findIndex(window => window.explain(hex)?.items === 2)
      return found >= 0 && windows[1 - found]!.judgeOf(hex) === names[found] ? [found] : undefined
    })
    t.equal(windows[1 - judge[0]!]!.explain(hex), undefined, 'nobody else has any of it')
    t.equal(windows[judge[0]!]!.judgeOf(hex), undefined)
  }
})

t.test('two windows in one pipeline are refused', async t => {
  const dir = t.testdir()
  await t.rejects(gateway(dir, '[tail_sampling, tail_sampling/two]'), { code: 'GATEWAY_TWO_WINDOWS' })
})
