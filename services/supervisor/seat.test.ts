// What each process of a gateway has for itself, and what cannot be shared.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'
import { abandonedSeats, checkSeats, configOfSeat, seatOf, workersOf } from './seat.js'

const EXPORTERS = { otlp_http: { endpoint: 'http://127.0.0.1:1' } }

function configOf(
  over: object = {},
  pipelines: object = { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } }
): GatewayConfig {
  const text = JSON.stringify({
    receivers: { otlp: { protocols: { http: {} } } },
    processors: {},
    exporters: EXPORTERS,
    service: { pipelines },
    ...over
  })
  const { config, problems } = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  if (config === undefined) throw new Error(JSON.stringify(problems))
  return config
}

t.test('the first process has the queue of the config, the others parts of it; together they hold as much', async t => {
  const config = configOf({ queue: { type: 'embedded', path: '/q', max_size: '4MiB' } })
  const paths = [1, 2, 3, 4].map(index => configOfSeat(config, { index, of: 4 }).queue)
  t.same(
    paths.map(({ path }) => path),
    ['/q', '/q/worker-2', '/q/worker-3', '/q/worker-4']
  )
  t.same(new Set(paths.map(({ maxBytes }) => maxBytes)), new Set([1 << 20]))
})

t.test('each process writes a file of its own and has a name of its own in Redis', async t => {
  const redis = { type: 'redis', url: 'redis://localhost', member: 'a' }
  const config = configOf(
    { queue: redis, exporters: { file: { path: './out/telemetry.jsonl' } } },
    { traces: { receivers: ['otlp'], exporters: ['file'] } }
  )
  checkSeats(config)
  const { queue, exporters } = configOfSeat(config, { index: 3, of: 4 })
  t.equal(queue.options['member'], 'a-3')
  t.match(exporters.get('file')?.config, { path: join('out', 'telemetry-3.jsonl') })
  t.same(configOfSeat(config, { index: 1, of: 4 }).exporters, config.exporters)
})

t.test('what several processes cannot do together is refused', async t => {
  const policies = [{ name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } }]
  const sampled = {
    processors: { tail_sampling: { policies } },
    service: { pipelines: { traces: { receivers: ['otlp'], processors: ['tail_sampling'], exporters: ['otlp_http'] } } }
  }
  t.throws(() => checkSeats(configOf(sampled)), { code: 'GATEWAY_WORKERS_WINDOW', message: /tail_sampling/ })
  t.throws(() => checkSeats(configOf({ queue: { type: 'memory' } })), { code: 'GATEWAY_WORKERS_QUEUE' })
  const scraped = configOf(
    { exporters: { prometheus: {} } },
    { metrics: { receivers: ['otlp'], exporters: ['prometheus'] } }
  )
  t.throws(() => checkSeats(scraped), { code: 'GATEWAY_WORKERS_EXPORTER', message: /prometheus_remote_write/ })
  t.doesNotThrow(() => checkSeats(configOf()))
})

t.test('directories whose process is no more are shared among those that are', async t => {
  const path = t.testdir({})
  for (const name of ['log', 'worker-2', 'worker-3', 'worker-4', 'worker-5', 'worker-x', 'worker-1'])
    mkdirSync(join(path, name))
  const config = configOf({ queue: { type: 'embedded', path } })
  const of = (index: number, of: number) => abandonedSeats(config, { index, of }).map(seat => seat.index)
  t.same(of(1, 1), [2, 3, 4, 5])
  t.same([of(1, 2), of(2, 2)], [[3, 5], [4]])
  t.same(of(1, 8), [])
  t.same(abandonedSeats(configOf({ queue: { type: 'embedded', path: join(path, 'none') } }), { index: 1, of: 1 }), [])
})

t.test('a process knows its seat from the supervisor alone', async t => {
  t.same(seatOf({ ALGOFLOW_GATEWAY_SEAT: '2/4' }), { index: 2, of: 4 })
  t.equal(seatOf({}), undefined)
  t.equal(seatOf({ ALGOFLOW_GATEWAY_SEAT: 'two' }), undefined)
  t.ok(workersOf(configOf({ service: { workers: 'auto', pipelines: {} } })) >= 1)
})
