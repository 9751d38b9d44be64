import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { Chain } from '../../core/pipeline/chain.js'
import { type TestContext, testContext } from '../../test/helpers/context.js'
import { oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { schema } from './config.js'
import declaration from './index.js'
import { KeyedLimiter } from './limiter.js'
import { TemplateHash } from './template.js'

const START = 1_700_000_000_000_000_000n

interface Kept {
  readonly body: string
  readonly weight: number
  readonly record: Plain
}

/** The processor in a chain of its own. */
class Rig {
  readonly context: TestContext<string>
  readonly #chain: Chain

  constructor(config: object, isTraceJudged = false) {
    this.context = testContext('log_sampling')
    const context = { ...this.context, isTraceJudged }
    const processor = declaration.create(configOf(schema, config), context as never)
    const failed = (_: string, error: unknown) => {
      throw error
    }
    this.#chain = new Chain('logs', [{ id: 'log_sampling', processor, mutates: true }], { failed })
  }

  run(logRecords: readonly Plain[], resource: Plain = {}) {
    const request = oracle.encodeRequest('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] })
    const { bytes, dropped } = this.#chain.run(request)
    const decoded = oracle.decodeRequest('logs', bytes) as {
      resourceLogs?: { scopeLogs: { logRecords: Plain[] }[] }[]
    }
    const kept = (decoded.resourceLogs ?? []).flatMap(r => r.scopeLogs.flatMap(s => s.logRecords)).map(keptOf)
    return { kept, dropped: Object.fromEntries(dropped.map(({ reason, items }) => [reason, items])) }
  }
}

function keptOf(record: Plain): Kept {
  const attributes = (record['attributes'] ?? []) as { key: string; value: Plain }[]
  const weights = attributes.filter(({ key }) => key === 'sampling.weight')
  if (weights.length > 1) throw new Error('two weights')
  const body = String((record['body'] as Plain | undefined)?.['stringValue'] ?? '')
  return { body, weight: Number(weights[0]?.value['doubleValue'] ?? 1), record }
}

const text = (body: string): Plain => ({ body: { stringValue: body } })
const attribute = (key: string, value: string | number): Plain =>
  typeof value === 'string' ? { key, value: { stringValue: value } } : { key, value: { doubleValue: value } }

/** Record `n`: no trace unless `trace` says so. */
function record(n: number, more: Plain = {}): Plain {
  return { timeUnixNano: START + BigInt(n) * 1_000_000n, severityNumber: 9, ...text(`message ${n}`), ...more }
}

function traceId(n: number): Buffer {
  const id = Buffer.alloc(16, 5)
  id.writeUInt32BE(n + 1, 0)
  id.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

const many = (n: number, more: Plain = {}) => Array.from({ length: n }, (_, i) => record(i, more))
const total = (kept: readonly Kept[]) => kept.reduce((sum, { weight }) => sum + weight, 0)

t.test('each severity has its chance, told as weight; errors are kept', async t => {
  const severities = { DEBUG: 1, INFO: 25 }
  const rig = new Rig({ severities })
  const info = rig.run(many(8000))
  t.ok(Math.abs(info.kept.length - 2000) < 160, `${info.kept.length} of 8000`)
  t.ok(info.kept.every(({ weight }) => weight === 4))
  t.same(info.dropped, { by_severity: 8000 - info.kept.length })
  const debug = rig.run(many(8000, { severityNumber: 6 })).kept
  t.ok(debug.length > 40 && debug.length < 130 && Math.abs(total(debug) - 8000) < 4500, `${debug.length} of 8000`)
  for (const severityNumber of [13, 0, 17, 21, 24]) {
    const { kept } = rig.run(many(50, { severityNumber }))
    t.ok(kept.length === 50 && kept.every(({ weight }) => weight === 1), `severity ${severityNumber} is kept whole`)
  }
})

t.test('a severity that is only a text counts as well', async t => {
  const rig = new Rig({ sampling_percentage: 0 })
  const by = (severityText: string) => rig.run([record(1, { severityNumber: 0, severityText })]).kept.length
  for (const word of ['ERROR', 'error', 'Err', 'FATAL', 'critical', 'panic']) t.equal(by(word), 1, word)
  for (const word of ['WARN', 'info', 'debug', 'no error', '']) t.equal(by(word), 0, word)
})

t.test('a workflow has its own settings, named by the record or its resource', async t => {
  const rig = new Rig({
    severities: { INFO: 0 },
    workflows: [
      { names: ['loud'], sampling_percentage: 0, severities: { WARN: 100 } },
      { names: ['kept', 'loud'], sampling_percentage: 100 }
    ]
  })
  const of = (name: string, key = 'workflow.name', severityNumber = 9) =>
    rig.run([record(1, { severityNumber, attributes: [attribute(key, name)] })])
  t.equal(of('kept').kept.length, 1)
  t.equal(of('kept', 'algoflow.workflow.name').kept.length, 1)
  t.same(of('loud').dropped, { by_workflow: 1 })
  t.equal(of('loud', 'workflow.name', 13).kept.length, 1)
  t.equal(of('loud', 'workflow.name', 17).kept.length, 1, 'its errors too')
  t.same(of('other').dropped, { by_severity: 1 })
  t.equal(rig.run([record(1)], { attributes: [attribute('workflow.name', 'kept')] }).kept.length, 1)
})

t.test('records of a trace decide together, and the same on every tier and replica', async t => {
  const traces = Array.from({ length: 1000 }, (_, n) => n)
  const records = traces.flatMap(n => [0, 1, 2].map(i => record(n * 3 + i, { traceId: traceId(n) })))
  const { kept } = new Rig({ sampling_percentage: 20 }).run(records)
  const counts = new Map<string, number>()
  for (const one of kept) {
    const id = (one.record['traceId'] as Buffer).toString('hex')
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  t.ok(
    [...counts.values()].every(n => n === 3),
    'all of a trace or none'
  )
  t.ok(Math.abs(counts.size - 200) < 50, `${counts.size} of 1000`)
  const again = new Rig({ sampling_percentage: 20 }).run(kept.map(one => one.record))
  t.equal(again.kept.length, kept.length, 'a second tier keeps all of them')
  t.same(again.kept, kept, 'and does not count the chance twice')
  const stricter = new Rig({ sampling_percentage: 5 }).run(kept.map(one => one.record)).kept
  t.ok(
    stricter.every(({ weight }) => Math.abs(weight / 20 - 1) < 0.001),
    'a stricter one says its own'
  )
})

t.test('without a trace the record itself is the randomness: sent again it decides the same', async t => {
  const records = many(2000, { severityNumber: 5 })
  const bodies = () => new Rig({ sampling_percentage: 30 }).run(records).kept.map(({ body }) => body)
  t.same(bodies(), bodies())
  const zero = Buffer.alloc(16)
  const zeros = new Rig({ sampling_percentage: 50 }).run(many(2000, { traceId: zero })).kept.length
  t.ok(zeros > 850 && zeros < 1150, `an id of zeros is none: ${zeros} of 2000`)
})

t.test('left to tail_sampling where it is in the pipeline: what has a trace, and nothing else', async t => {
  const records = [record(1, { traceId: traceId(1) }), record(2), record(3, { severityNumber: 17 })]
  const bodies = (config: object, isTraceJudged: boolean) =>
    new Rig({ sampling_percentage: 0, ...config }, isTraceJudged).run(records).kept.map(({ body }) => body)
  t.same(bodies({}, true), ['message 1', 'message 3'])
  t.same(bodies({ follow_traces: false }, true), ['message 3'])
  t.same(bodies({}, false), ['message 3'])
})

t.test('a template is limited; the next of it stands for those that were not kept', async t => {
  const rig = new Rig({ template_limit: { records_per_second: 1, burst: 2 } })
  const users = (from: number, n: number) =>
    Array.from({ length: n }, (_, i) => record(i, text(`user ${from + i} logged in`)))
  const first = rig.run([
    ...users(1, 10),
    record(1, text('disk full')),
    record(2, { ...text('user 3 logged in'), severityNumber: 17 })
  ])
  t.same(
    first.kept.map(({ body, weight }) => [body, weight]),
    [
      ['user 1 logged in', 1],
      ['user 2 logged in', 1],
      ['disk full', 1],
      ['user 3 logged in', 1]
    ]
  )
  t.same(first.dropped, { template_limit: 8 })
  rig.context.clock.move(1000)
  t.same(
    rig.run(users(50, 3)).kept.map(({ body, weight }) => [body, weight]),
    [['user 50 logged in', 9]]
  )
  rig.context.clock.move(10_000)
  t.same(
    rig.run(users(60, 1)).kept.map(({ weight }) => weight),
    [3],
    'all are counted'
  )
})

t.test('weights of earlier tiers go on, as one attribute', async t => {
  const rig = new Rig({ sampling_percentage: 50 })
  const earlier = [attribute('a', 'b'), attribute('sampling.weight', 8), attribute('sampling.threshold', 'c')]
  const { kept } = rig.run(many(4000, { attributes: earlier }))
  // Of these all but a quarter cannot be true; what matters here is what is written.
  t.ok(
    kept.every(({ weight }) => weight === 8),
    'already at a quarter: half of all changes nothing'
  )
  const strict = new Rig({ sampling_percentage: 12.5 }).run(many(4000, { attributes: earlier })).kept
  t.ok(strict.every(({ weight }) => weight === 16))
  const keys = (strict[0]!.record['attributes'] as { key: string }[]).map(({ key }) => key)
  t.same(keys, ['a', 'sampling.weight', 'sampling.threshold'])
})

t.test('counts extrapolated from weights are unbiased, chances and limits together', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 5, max: 100 }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(1e6),
      (percentage, templates, seed) => {
        const rig = new Rig({ sampling_percentage: percentage, template_limit: { records_per_second: 20, burst: 5 } })
        const n = 3000
        const kept: Kept[] = []
        for (let i = 0; i < n; i += 100) {
          const batch = Array.from({ length: 100 }, (_, j) =>
            record(seed * n + i + j, text(`template ${'abcdefghijklmnopqrst'[(i + j) % templates]} ${i + j}`))
          )
          kept.push(...rig.run(batch).kept)
          rig.context.clock.move(300)
        }
        // The last of each template that were refused have nobody to stand for them yet.
        rig.context.clock.move(3_600_000)
        const rest = Array.from({ length: templates }, (_, k) =>
          record(-k - 1, { ...text(`template ${'abcdefghijklmnopqrst'[k]} 0`), traceId: Buffer.alloc(16, 0xff) })
        )
        kept.push(...rig.run(rest).kept)
        const chance = percentage / 100
        const off = Math.abs(total(kept) - templates / chance - n) / Math.sqrt((n * (1 - chance)) / chance + 1)
        if (off > 4.5) throw new Error(`${total(kept)} for ${n}: ${off.toFixed(1)} deviations`)
      }
    ),
    { numRuns: 60 }
  )
  t.pass()
})

const hash = new TemplateHash()
function templateOf(body: string): number {
  const bytes = Buffer.from(body)
  hash.begin().text(bytes, 0, bytes.length)
  return hash.end()
}

t.test('templates: numbers, ids and quoted values are masked, words are not', async t => {
  const same: readonly (readonly [string, string])[] = [
    ['user 4711 logged in', 'user 1 logged in'],
    ['from 10.0.0.1:55012', 'from fe80:1::7'],
    ['took 12ms', 'took 1.5s'],
    ['job 3f2c9a1e-77aa-4b41-9d3c-0a1b2c3d4e5f ok', 'job a-1 ok'],
    ['at 2025-01-30T10:00:00.123Z: done', 'at 1999-12-31T23:59:59+01:00: done'],
    ['read "/tmp/a b" in', 'read "" in'],
    ["name 'x y' unknown", "name 'z' unknown"],
    ['id=0x7ffe', 'id=0xdead1']
  ]
  for (const [a, b] of same) t.equal(templateOf(a), templateOf(b), `${a} | ${b}`)
  const different: readonly (readonly [string, string])[] = [
    ['user logged in', 'user logged out'],
    ["don't stop, it's late", "don't go, it's late"],
    ['read "a" in', 'write "a" in'],
    ['GET /users/1', 'GET /orders/1'],
    ['a b', 'ab'],
    ['open " never closed', 'open " never ended'],
    ['größe', 'grösse']
  ]
  for (const [a, b] of different) t.not(templateOf(a), templateOf(b), `${a} | ${b}`)
})

t.test('structured bodies have the template of their keys and texts', async t => {
  const rig = new Rig({ template_limit: { records_per_second: 0.001, burst: 1 } })
  const map = (...pairs: Plain[]) => ({ body: { kvlistValue: { values: pairs } } })
  const entry = (key: string, value: Plain) => ({ key, value })
  const { kept } = rig.run([
    record(1, map(entry('event', { stringValue: 'login' }), entry('user', { intValue: 1n }))),
    record(2, map(entry('event', { stringValue: 'login' }), entry('user', { intValue: 22222n }))),
    record(3, map(entry('event', { stringValue: 'logout' }), entry('user', { intValue: 1n }))),
    record(4, { body: undefined, eventName: 'a.b' }),
    record(5, { body: undefined, eventName: 'a.c' }),
    record(6, { body: undefined, eventName: 'a.b' })
  ])
  t.same(
    kept.map(one => Number((one.record['timeUnixNano'] as bigint) - START) / 1e6),
    [1, 3, 4, 5]
  )
})

t.test('memory for templates is bounded, and what is forgotten is counted', async t => {
  let forgotten = 0
  const limiter = new KeyedLimiter(1, 1, 1000, weight => {
    forgotten += weight
  })
  let [kept, sent] = [0, 0]
  for (let round = 0; round < 2; round++) {
    for (let key = 0; key < 50_000; key++) {
      for (let i = 0; i < 3; i++) kept += limiter.take(key, 1, round)
      sent += 3
    }
  }
  t.ok(limiter.size <= 1000, `${limiter.size} keys`)
  t.ok(kept + forgotten <= sent && kept + forgotten >= sent - 2 * 1000, `${kept} and ${forgotten} of ${sent}`)
  const often = new KeyedLimiter(1, 1, 1000, () => {})
  often.take(-1, 1, 0)
  let again = 0
  for (let key = 0; key < 50_000; key++) {
    often.take(key, 1, 0)
    if (key % 100 === 0) again += often.take(-1, 1, 0)
  }
  t.equal(again, 0, 'a key in use is not forgotten')
})

t.test('ERROR is no severity that can be sampled', async t => {
  t.throws(() => configOf(schema, { severities: { ERROR: 10 } }), /ERROR/)
})
