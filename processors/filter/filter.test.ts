import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { decodeRequest, encodeRequest } from '../../core/otlp/decode.js'
import type { Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import filter from './index.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const context = { id: 'filter', log: silent, clock: { now: () => 0, after: () => ({ cancel() {} }) }, count: {} }
const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }
const attribute = (key: string, value: unknown) => ({ key, value })

function run(signal: Signal, config: object, request: object) {
  const processor = filter.create(configOf(filter.schema, config), context)
  const chain = new Chain(signal, [{ id: 'filter', processor, mutates: true }], {
    failed: (_, error) => {
      throw error
    }
  })
  return chain.run(encodeRequest(signal, request as never))
}

const spans = [
  { ...ids, name: 'GET /healthz', kind: 2, startTimeUnixNano: 1n, endTimeUnixNano: 1_000_001n },
  {
    ...ids,
    name: 'GET /users',
    kind: 2,
    startTimeUnixNano: 1n,
    endTimeUnixNano: 50_000_001n,
    attributes: [attribute('http.status', 500)]
  },
  { ...ids, name: 'step load', kind: 1, status: { code: 2 }, attributes: [attribute('debug', true)] }
]
const traces = {
  resourceSpans: [
    {
      resource: { attributes: [attribute('service.name', 'shop')] },
      scopeSpans: [{ scope: { name: 'lib.http' }, spans }]
    }
  ]
}

function names(config: object): string[] {
  const result = run('traces', config, traces)
  if (result.items === 0) return []
  return decodeRequest('traces', result.bytes).resourceSpans.flatMap(r =>
    r.scopeSpans.flatMap(s => s.spans.map(span => span.name))
  )
}

t.test('each condition finds what it is about, and nothing else', async t => {
  const dropped = (condition: object) =>
    spans.map(s => s.name).filter(name => !names({ drop: [{ name: 'r', ...condition }] }).includes(name))
  t.same(dropped({ item_name: 'GET /healthz' }), ['GET /healthz'])
  t.same(dropped({ item_name: 'GET *' }), ['GET /healthz', 'GET /users'])
  t.same(dropped({ item_name: ['/^step /', 'GET /users'] }), ['GET /users', 'step load'])
  t.same(dropped({ status: ['error'] }), ['step load'])
  t.same(dropped({ kind: ['server'] }), ['GET /healthz', 'GET /users'])
  t.same(dropped({ shorter_than: '10ms', kind: ['server'] }), ['GET /healthz'])
  t.same(dropped({ attributes: { 'http.status': 500 } }), ['GET /users'])
  t.same(dropped({ attributes: { 'http.status': '*' } }), ['GET /users'])
  t.same(dropped({ attributes: { debug: true } }), ['step load'])
  t.same(dropped({ resource: { 'service.name': 'other' } }), [])
  t.equal(dropped({ resource: { 'service.name': 'sh*' } }).length, 3)
  t.equal(dropped({ scope: 'lib.*' }).length, 3)
})

t.test('log records go by severity and body', async t => {
  const record = (severityNumber: number, body: string) => ({ severityNumber, body })
  const logRecords = [
    record(5, 'cache warm'),
    record(9, 'heartbeat 1'),
    record(17, 'heartbeat lost'),
    record(0, 'no level')
  ]
  const request = { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }
  t.equal(run('logs', { drop: [{ name: 'r', severity_below: 'INFO' }] }, request).items, 3)
  t.equal(run('logs', { drop: [{ name: 'r', body: 'heartbeat*' }] }, request).items, 2)
  t.equal(run('logs', { drop: [{ name: 'r', body: 'heartbeat*' }], keep_errors: true }, request).items, 3)
})

t.test('data points are dropped by the name of their metric', async t => {
  const gauge = (name: string) => ({ name, gauge: { dataPoints: [{ asInt: 1n }, { asInt: 2n }] } })
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge('go.gc'), gauge('requests')] }] }] }
  const result = run('metrics', { drop: [{ name: 'runtime', item_name: 'go.*' }] }, request)
  t.match(result, { items: 2, dropped: [{ processor: 'filter', reason: 'runtime', items: 2 }] })
  t.same(
    decodeRequest('metrics', result.bytes).resourceMetrics[0]!.scopeMetrics[0]!.metrics.map(m => m.name),
    ['requests']
  )
})

t.test('keep lets only its own through; drops are counted by rule', async t => {
  t.same(names({ keep: [{ name: 'k', item_name: 'GET *' }] }), ['GET /healthz', 'GET /users'])
  const config = { drop: [{ name: 'health', item_name: '*healthz' }], keep: [{ name: 'k', item_name: 'GET *' }] }
  t.same(run('traces', config, traces).dropped, [
    { processor: 'filter', reason: 'health', items: 1 },
    { processor: 'filter', reason: 'not_kept', items: 1 }
  ])
  t.same(names({ keep: [{ name: 'k', item_name: 'none' }], keep_errors: true }), ['step load'])
})

t.test('rules without a condition and patterns RE2 does not take are refused', async t => {
  const problems = (rule: object) => filter.validate!(configOf(filter.schema, { drop: [rule] }))
  t.match(problems({ name: 'r' }), [{ path: 'drop[0]', says: /no condition/ }])
  t.match(problems({ name: 'r', item_name: '/(?<=a)b/' }), [{ path: 'drop[0]', says: /RE2/ }])
  t.same(problems({ name: 'r', item_name: '/a+/' }), [])
})
