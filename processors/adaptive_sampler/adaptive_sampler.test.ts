import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { Chain } from '../../core/pipeline/chain.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import { testContext } from '../../test/helpers/context.js'
import { oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { schema, validate } from './config.js'
import declaration from './index.js'

function traceId(n: number): Buffer {
  const id = Buffer.alloc(16, 5)
  id.writeUInt32BE(n + 1, 0)
  id.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

const name = (workflow: string) => ({ key: 'workflow.name', value: { stringValue: workflow } })
const span = (n: number, workflow: string, more: Plain = {}): Plain => ({
  traceId: traceId(n),
  spanId: Buffer.alloc(8, 1),
  name: 'x',
  attributes: [name(workflow)],
  ...more
})

class Rig {
  readonly context = testContext('adaptive_sampler')
  readonly #chain: Chain

  constructor(
    config: object,
    readonly signal: 'traces' | 'logs' = 'traces',
    part?: (name: string, rate: number) => number
  ) {
    const context = part === undefined ? this.context : { ...this.context, rates: { part } }
    const processor = declaration.create(configOf(schema, config), context as never)
    const failed = (_: string, error: unknown) => {
      throw error
    }
    this.#chain = new Chain(signal, [{ id: 'adaptive_sampler', processor, mutates: true }], { failed })
  }

  /** Half a second's traffic. */
  run(items: readonly Plain[]): Plain[] {
    const request =
      this.signal === 'traces'
        ? oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: items }] }] })
        : oracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: items }] }] })
    const { bytes } = this.#chain.run(request)
    this.context.clock.move(500)
    const [resource] = (Object.values(oracle.decodeRequest(this.signal, bytes))[0] ?? []) as Plain[]
    const [scope] = (resource?.['scopeSpans'] ?? resource?.['scopeLogs'] ?? []) as Plain[]
    return (scope?.['spans'] ?? scope?.['logRecords'] ?? []) as Plain[]
  }
}

const workflowOf = (one: Plain) => ((one['attributes'] as Plain[])[0]!['value'] as Plain)['stringValue']

t.test('holds the rate, errors and the rare workflow first, with exact weights', async t => {
  const rig = new Rig({ items_per_second: 200, adjustment_interval: '5s' })
  let n = 0
  const kept: Plain[] = []
  let sent = 0
  for (let i = 0; i < 240; i++) {
    const load = i < 80 ? 300 : i < 160 ? 3000 : 600
    const items = Array.from({ length: load }, (_, j) =>
      span(n++, j % 100 === 0 ? 'rare' : 'often', j % 250 === 1 ? { status: { code: 2 } } : {})
    )
    const out = rig.run(items)
    t.equal(
      out.filter(one => (one['status'] as Plain | undefined)?.['code'] === 2).length,
      Math.ceil((load - 1) / 250),
      'every error'
    )
    if (i < 20) continue
    sent += load
    kept.push(...out)
  }
  const perSecond = kept.length / 110
  t.ok(perSecond > 170 && perSecond < 230, `${perSecond} a second of ${sent / 110}`)
  const stoodFor = kept.reduce((sum, one) => sum + weightOf(readOtelState(String(one['traceState'])).threshold!), 0)
  t.ok(Math.abs(stoodFor / sent - 1) < 0.05, `${kept.length} stand for ${Math.round(stoodFor)} of ${sent}`)
  const rare = kept.filter(one => workflowOf(one) === 'rare')
  t.ok(
    rare.every(one => one['traceState'] === 'ot=th:0'),
    `${rare.length} of the rare workflow, each for itself`
  )
})

t.test('spans of a trace agree while its chance stays', async t => {
  const rig = new Rig({ items_per_second: 100, adjustment_interval: '5s' })
  let n = 0
  for (let i = 0; i < 60; i++) rig.run(Array.from({ length: 500 }, () => span(n++, 'flow')))
  const traces = Array.from({ length: 500 }, () => n++)
  const first = rig.run(traces.map(id => span(id, 'flow'))).map(one => (one['traceId'] as Buffer).toString('hex'))
  const second = rig
    .run(traces.map(id => span(id, 'flow', { name: 'y' })))
    .map(one => (one['traceId'] as Buffer).toString('hex'))
  t.ok(first.length > 10 && first.length < 120, `${first.length} of 500`)
  t.same(second, first)
})

t.test('a part of the target of all gateways', async t => {
  const names = new Set<string>()
  const rig = new Rig({ items_per_second: 400, adjustment_interval: '5s' }, 'traces', name => {
    names.add(name)
    return 0.25
  })
  let [n, kept] = [0, 0]
  for (let i = 0; i < 120; i++) {
    const out = rig.run(Array.from({ length: 500 }, () => span(n++, 'flow'))).length
    if (i >= 40) kept += out
  }
  t.ok(kept / 40 > 85 && kept / 40 < 115, `${kept / 40} a second`)
  t.equal(names.size, 1)
})

t.test('log records with a trace, by bytes, with weights; those without one pass', async t => {
  const rig = new Rig({ bytes_per_second: 5000, adjustment_interval: '5s' }, 'logs')
  let n = 0
  const kept: Plain[] = []
  for (let i = 0; i < 120; i++) {
    const records = Array.from({ length: 200 }, () => ({
      traceId: traceId(n++),
      severityNumber: 9,
      attributes: [name('flow')],
      body: { stringValue: 'x'.repeat(40) }
    }))
    const out = rig.run([...records, { severityNumber: 9, attributes: [name('loose')] }])
    t.ok(out.some(one => workflowOf(one) === 'loose'))
    if (i >= 40) kept.push(...out)
  }
  const perSecond = kept.length / 40
  t.ok(perSecond > 35 && perSecond < 75, `${perSecond} a second of 402, about 95 bytes each`)
  const weighted = kept.filter(one => workflowOf(one) === 'flow')
  const weights = weighted.map(one => Number(((one['attributes'] as Plain[])[1]!['value'] as Plain)['doubleValue']))
  t.ok(Math.abs(weights.reduce((a, b) => a + b, 0) / (80 * 200) - 1) < 0.1)
})

t.test('needs one target', async t => {
  t.match(validate(configOf(schema, {})), [{ says: /either/ }])
  t.match(validate(configOf(schema, { items_per_second: 1, bytes_per_second: 1 })), [{ says: /either/ }])
  t.same(validate(configOf(schema, { bytes_per_second: '1MiB' })), [])
})
