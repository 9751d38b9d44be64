// The policy `adaptive` in a window: whole traces, errors first, weights, several gateways.

import t from 'tap'
import { RateParts } from '../../core/component/rate-parts.js'
import { configOf } from '../../core/config/check.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import { type SpanSpec, WindowRig } from '../../test/helpers/window.js'
import { schema, validate } from './config.js'

const adaptive = (more: object) => ({ name: 'load', type: 'adaptive', adaptive: more })
const open = (policies: readonly object[], share?: (name: string, rate: number) => number) =>
  new WindowRig({ policies, decision_wait: '1s', late_error_window: '1s' }, undefined, share).start()

/** A second of traffic: `perSecond` traces of `often`, one of `rare`, each of two spans. */
function second(from: number, perSecond: number): SpanSpec[] {
  return Array.from({ length: perSecond + 1 }, (_, i) => {
    const trace = from + i
    const attributes = { 'workflow.name': i < perSecond ? 'often' : 'rare' }
    // Randomness over the whole range, in an order that has nothing to do with time.
    const r = Math.imul(trace, 167) & 255
    return [
      { trace, r, root: true, attributes, error: i < perSecond && trace % 50 === 0 },
      { trace, r, span: 2, attributes }
    ]
  }).flat()
}

t.test('holds the rate with whole traces, errors and rare workflows first, and exact weights', async t => {
  const it = await open([adaptive({ items_per_second: 40, adjustment_interval: '5s' })])
  const sent: SpanSpec[] = []
  let trace = 1
  for (let i = 0; i < 60; i++) {
    const now = second(trace, 100)
    trace += 101
    sent.push(...now)
    await it.receive(now)
    await it.after(1000)
  }
  await it.after(5000)
  const out = it.out()
  const spansOf = new Map<number, number>()
  for (const one of out) spansOf.set(one.trace, (spansOf.get(one.trace) ?? 0) + 1)
  t.ok(
    [...spansOf.values()].every(n => n === 2),
    'traces are whole'
  )
  const errors = sent.filter(({ error }) => error)
  t.ok(
    errors.every(one => spansOf.has(one.trace)),
    `${errors.length} errors`
  )
  const rare = sent.filter(({ attributes, root }) => root && attributes?.['workflow.name'] === 'rare')
  t.ok(
    rare.every(one => spansOf.has(one.trace)),
    `${rare.length} of the rare workflow`
  )
  const perSecond = out.length / 60
  t.ok(perSecond > 30 && perSecond < 52, `${perSecond} of 202 spans a second are kept, target 40`)
  const stoodFor = out.reduce((sum, { state }) => sum + weightOf(readOtelState(state).threshold!), 0)
  t.ok(Math.abs(stoodFor / sent.length - 1) < 0.1, `${out.length} stand for ${Math.round(stoodFor)} of ${sent.length}`)
  t.match(it.stage.recent(1), [{ rule: /^(load|error)$/ }])
})

t.test('bytes, too; what other policies keep is taken off', async t => {
  const slow = { name: 'slow', type: 'latency', latency: { threshold_ms: 100 } }
  const it = await open([slow, adaptive({ bytes_per_second: 5000, adjustment_interval: '5s' })])
  let [trace, bytes] = [1, 0]
  for (let i = 0; i < 60; i++) {
    const now = second(trace, 100).map((one, n) => (n % 20 < 2 ? { ...one, ms: 200 } : one))
    trace += 101
    await it.receive(now)
    await it.after(1000)
  }
  for (const entry of it.log.read('out', -1, { maxItems: 1e9, maxBytes: 1e9 })) bytes += entry.bytes.length
  // About a tenth more than was received: each span gets a trace state.
  t.ok(bytes / 60 > 4000 && bytes / 60 < 7500, `${bytes / 60} bytes a second are kept`)
})

t.test('gateways share a target by what each one sees', async t => {
  const parts = [new RateParts(1e9), new RateParts(1e9)]
  const rates = [0, 0]
  const share = (who: number) => (name: string, rate: number) => {
    rates[who] = rate
    const total = rates[0]! + rates[1]!
    parts[who]!.heard(name, { own: rate, total, gateways: 2 }, 0)
    return parts[who]!.part(name, rate, 0)
  }
  const policy = [adaptive({ items_per_second: 60, adjustment_interval: '5s' })]
  const both = [await open(policy, share(0)), await open(policy, share(1))]
  let trace = 1
  for (let i = 0; i < 60; i++) {
    for (const [who, n] of [150, 50].entries()) {
      await both[who]!.receive(second(trace, n))
      trace += n + 1
      await both[who]!.after(1000)
    }
  }
  const [a, b] = both.map(it => it.out().length / 60) as [number, number]
  t.ok(a + b > 45 && a + b < 80, `together ${a} + ${b} a second, target 60`)
  t.ok(a > 2 * b, 'each by its part of the traffic')
})

t.test('needs one target', async t => {
  const check = (more: object) => validate(configOf(schema, { policies: [adaptive(more)] }))
  t.match(check({}), [{ path: 'policies[0].adaptive', says: /either/ }])
  t.match(check({ items_per_second: 5, bytes_per_second: '1MiB' }), [{ says: /either/ }])
  t.same(check({ bytes_per_second: '1MiB' }), [])
})
