import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { Chain } from '../../core/pipeline/chain.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import { testContext } from '../../test/helpers/context.js'
import { oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { schema } from './config.js'
import declaration from './index.js'

function traceId(n: number): Buffer {
  const id = Buffer.alloc(16, 5)
  id.writeUInt32BE(n + 1, 0)
  id.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

function sample(config: object, signal: 'traces' | 'logs', items: readonly Plain[]) {
  const processor = declaration.create(configOf(schema, config), testContext('probabilistic_sampler') as never)
  const failed = (_: string, error: unknown) => {
    throw error
  }
  const chain = new Chain(signal, [{ id: 'probabilistic_sampler', processor, mutates: true }], { failed })
  const request =
    signal === 'traces'
      ? oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: items }] }] })
      : oracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: items }] }] })
  const { bytes, dropped } = chain.run(request)
  const [resource] = (Object.values(oracle.decodeRequest(signal, bytes))[0] ?? []) as Plain[]
  const [scope] = (resource?.['scopeSpans'] ?? resource?.['scopeLogs'] ?? []) as Plain[]
  return { kept: (scope?.['spans'] ?? scope?.['logRecords'] ?? []) as Plain[], dropped }
}

const span = (n: number, more: Plain = {}): Plain => ({
  traceId: traceId(n),
  spanId: Buffer.alloc(8, 1),
  name: 'x',
  ...more
})
const many = Array.from({ length: 4000 }, (_, n) => span(n))

t.test('keeps about its part, says the weight, and every tier keeps the same', async t => {
  const { kept, dropped } = sample({ sampling_percentage: 25 }, 'traces', many)
  t.ok(Math.abs(kept.length - 1000) < 120, `${kept.length} of 4000`)
  t.same(dropped, [{ processor: 'probabilistic_sampler', reason: 'not_sampled', items: 4000 - kept.length }])
  t.ok(kept.every(one => one['traceState'] === 'ot=th:c'))
  const again = sample({ sampling_percentage: 50 }, 'traces', kept)
  t.equal(again.kept.length, kept.length, 'a tier that keeps more keeps all of them')
  t.ok(
    again.kept.every(one => one['traceState'] === 'ot=th:c'),
    'and does not change their weight'
  )
})

t.test('proportional multiplies the chances', async t => {
  const { kept } = sample({ sampling_percentage: 50 }, 'traces', many)
  const again = sample({ sampling_percentage: 50, mode: 'proportional' }, 'traces', kept)
  t.ok(Math.abs(again.kept.length - 1000) < 120)
  for (const one of again.kept) t.equal(weightOf(readOtelState(String(one['traceState'])).threshold!), 4)
})

t.test('an earlier threshold that cannot be true is erased', async t => {
  const claims = many.map(one => ({ ...one, traceState: 'ot=th:c' }))
  const states = (mode: string) => {
    const { kept } = sample({ sampling_percentage: 50, mode }, 'traces', claims)
    return new Map(
      kept.map(one => [String(one['traceState'] ?? ''), kept.filter(k => k['traceState'] === one['traceState']).length])
    )
  }
  const equalizing = states('equalizing')
  t.same([...equalizing.keys()].sort(), ['', 'ot=th:c'])
  t.ok(Math.abs(equalizing.get('ot=th:c')! - 1000) < 120, 'a quarter was sampled as it says')
  t.ok(Math.abs(equalizing.get('')! - 1000) < 120, 'of the others the chance is not known')
})

t.test('errors are kept, each standing for itself, and other members of the trace state stay', async t => {
  const failed = span(1, { status: { code: 2 }, traceState: 'vendor=1,ot=rv:00000000000000' })
  const { kept } = sample({ sampling_percentage: 0 }, 'traces', [failed, span(2)])
  t.same(
    kept.map(one => one['traceState']),
    ['ot=th:0;rv:00000000000000,vendor=1']
  )
  t.equal(sample({ sampling_percentage: 0, keep_errors: false }, 'traces', [failed]).kept.length, 0)
})

t.test('log records follow their trace; without one they stay unless told otherwise', async t => {
  const records = [
    { severityNumber: 9, traceId: traceId(1) },
    { severityNumber: 17, traceId: traceId(1) },
    { severityNumber: 9 }
  ]
  t.same(
    sample({ sampling_percentage: 0 }, 'logs', records).kept.map(one => one['severityNumber']),
    [17, 9]
  )
  t.same(sample({ sampling_percentage: 0, fail_closed: true }, 'logs', records).kept.length, 1)
})

t.test('log records say their weight in attributes, once over several tiers', async t => {
  const records = Array.from({ length: 4000 }, (_, n) => ({ severityNumber: 9, traceId: traceId(n) }))
  const weights = (items: readonly Plain[]) =>
    new Set(
      items.map(one =>
        JSON.stringify((one['attributes'] as Plain[]).map(a => [a['key'], Object.values(a['value'] as Plain)[0]]))
      )
    )
  const { kept } = sample({ sampling_percentage: 25 }, 'logs', records)
  t.ok(Math.abs(kept.length - 1000) < 120)
  t.same([...weights(kept)], ['[["sampling.weight",4],["sampling.threshold","c"]]'])
  const again = sample({ sampling_percentage: 50 }, 'logs', kept).kept
  t.equal(again.length, kept.length)
  t.same([...weights(again)], ['[["sampling.weight",4],["sampling.threshold","c"]]'])
  const less = sample({ sampling_percentage: 50, mode: 'proportional' }, 'logs', kept).kept
  t.ok(Math.abs(less.length - 500) < 90)
  t.same([...weights(less)], ['[["sampling.weight",8],["sampling.threshold","e"]]'])
})
