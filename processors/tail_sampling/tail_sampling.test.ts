import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { MEMORY_MS } from '../../core/sampling/journals.js'
import { type SpanSpec, WindowRig } from '../../test/helpers/window.js'
import { schema, validate } from './config.js'
import type { Policy } from './policies.js'

const half = { name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }
const nothing = { name: 'nothing', type: 'probabilistic', probabilistic: { sampling_percentage: 0 } }
const idOf = (trace: number) => `0000000${trace}${'11'.repeat(5)}00${'11'.repeat(6)}`
const rig = (policies: readonly object[], rest: object = {}) => new WindowRig({ policies, ...rest }).start()

t.test('a trace is decided when its workflow is over', async t => {
  const it = await rig([half])
  const steps = { 'workflow.total_steps': 2, 'workflow.name': 'flow' }
  const step = { 'step.name': 'score' }
  await it.receive([
    { trace: 1, r: 200, root: true, attributes: steps },
    { trace: 1, r: 200, span: 2, attributes: step }
  ])
  t.same(it.traces(), [], 'one step is missing')
  await it.receive([{ trace: 1, r: 200, span: 3, attributes: step }])
  t.equal(it.out().length, 3, 'the last step: at once')
  await it.receive([{ trace: 2, r: 200, root: true }])
  await it.after(1900)
  t.same(it.traces(), [1])
  await it.after(200)
  t.same(it.traces(), [1, 2], 'root seen: 2 s later')
  await it.receive([{ trace: 3, r: 200 }])
  await it.after(29_000)
  t.same(it.traces(), [1, 2])
  await it.after(1100)
  t.same(it.traces(), [1, 2, 3], 'no root: 30 s after the first')
  await it.receive([{ trace: 3, r: 200, span: 9 }])
  t.equal(it.out().filter(({ trace }) => trace === 3).length, 2, 'what comes later follows the decision')
})

t.test('a trace that is too large, or one too many, is decided early and nothing of it is lost', async t => {
  const it = await rig([half], { maximum_trace_spans: 3, num_traces: 2 })
  await it.receive([1, 2, 3].map(span => ({ trace: 1, r: 200, span })))
  t.equal(it.out().length, 3)
  await it.receive([
    { trace: 2, r: 200 },
    { trace: 3, r: 200 },
    { trace: 4, r: 200 }
  ])
  t.same(it.traces(), [1, 2], 'the oldest first')
})

t.test('each decision says what made it due, and is counted by that', async t => {
  const it = await rig([half], { maximum_trace_spans: 3, num_traces: 2 })
  await it.receive([{ trace: 1, r: 200, root: true, attributes: { 'workflow.total_steps': 0 } }])
  await it.receive([1, 2, 3].map(span => ({ trace: 2, r: 200, span })))
  await it.receive([{ trace: 3, root: true }])
  await it.after(2100)
  await it.receive([{ trace: 3, span: 2, error: true }])
  await it.receive([4, 5, 6].map(trace => ({ trace })))
  await it.after(31_000)
  const when = (trace: number, r = '00') =>
    it.stage
      .recent(20)
      .filter(one => one.traceId === `0000000${trace}1111111111${r}111111111111`)
      .map(one => one.when)
  t.same(
    [1, 2].map(trace => when(trace, 'c8')),
    [['workflow_over'], ['too_large']]
  )
  t.same(
    [3, 4, 5, 6].map(trace => when(trace)),
    [['late_error', 'after_root'], ['too_many'], ['waited'], ['waited']]
  )
  t.match(it.context.counted, {
    'traces_decided:workflow_over': 1,
    'traces_decided:too_large': 1,
    'traces_decided:after_root': 1,
    'traces_decided:too_many': 1,
    'traces_decided:waited': 2,
    'traces_decided:late_error': 1
  })
})

t.test('errors of a workflow at 0 are kept, all of their trace', async t => {
  const it = await rig([
    { name: 'secret', type: 'workflow', workflow: { names: ['secret'], sampling_percentage: 0 } },
    { name: 'all', type: 'always_sample' }
  ])
  const attributes = { 'workflow.name': 'secret' }
  await it.receive([{ trace: 1, r: 255, attributes }, { trace: 2, attributes }, { trace: 3 }])
  await it.receive([{ trace: 2, span: 2, error: true }])
  await it.after(31_000)
  t.same(it.traces(), [2, 3])
  t.same(
    it.out().map(({ state }) => state),
    ['ot=th:0', 'ot=th:0', 'ot=th:0']
  )
  t.equal(it.stage.explain('00000002111111111100111111111111')?.rule, 'error')
  await it.after(61_000)
  t.same(it.dropped(), { secret: 1 })
  t.match(it.stage.explain('000000011111111111ff111111111111'), { state: 'dropped', rule: 'secret' })
})

t.test('an error that arrives late brings the whole trace back, once and marked', async t => {
  const it = await rig([nothing])
  await it.receive([
    { trace: 1, root: true },
    { trace: 1, span: 2 },
    { trace: 2, root: true }
  ])
  await it.after(3000)
  t.same(it.out(), [])
  await it.after(50_000)
  await it.receive([{ trace: 1, span: 3, error: true }])
  t.same(
    it.out().map(({ span }) => span),
    [1, 2, 3]
  )
  for (const { marks, state } of it.out()) t.same([marks, state], [['sampling.late_error'], 'ot=th:0'])
  await it.receive([{ trace: 1, span: 4 }])
  t.equal(it.out().length, 4, 'the rest follows')
  await it.after(120_000)
  t.same(it.dropped(), { no_policy_matched: 1 })
  t.match(it.ledger(), { isBalanced: true, streams: [{ received: 5, appended: 4, windowed: 0, dropped: 1 }] })
})

t.test('beyond the window the error is kept itself, and a restart does not write it again', async t => {
  const it = await rig([nothing])
  await it.receive([{ trace: 1, root: true }, { trace: 9 }])
  await it.after(28_000)
  // Trace 8 keeps this entry, and all behind it, stored.
  await it.receive([{ trace: 1, span: 2 }, { trace: 8 }])
  await it.after(50_000)
  t.match(it.stage.explain('00000001111111111100111111111111'), { state: 'dropped' })
  await it.receive([{ trace: 1, span: 3, error: true }])
  t.same(
    it.out().map(({ span }) => span),
    [3]
  )
  await it.stage.stop()
  await it.start()
  await it.after(1000)
  t.same(
    it.out().map(({ span }) => span),
    [3]
  )
  await it.after(200_000)
  t.match(it.ledger(), { isBalanced: true, streams: [{ received: 5, appended: 1, windowed: 0, dropped: 4 }] })
})

t.test('nothing of an excluded workflow is kept, not even errors', async t => {
  const it = await rig([{ name: 'all', type: 'always_sample' }], { exclude_workflows: ['probe'] })
  await it.receive([{ trace: 1, error: true, attributes: { 'workflow.name': 'probe' } }, { trace: 2 }])
  await it.after(31_000)
  await it.receive([{ trace: 1, span: 2, error: true }])
  await it.after(61_000)
  t.same(it.traces(), [2])
  t.same(it.dropped(), { excluded_workflow: 2 })
})

t.test('a dry run keeps everything and marks what would have gone', async t => {
  const it = await rig([half], { dry_run: true })
  await it.receive([{ trace: 1 }, { trace: 2, r: 200 }])
  await it.after(31_000)
  t.same(
    it.out().map(({ trace, marks, state }) => [trace, marks, state]),
    [
      [1, ['sampling.would_drop'], 'ot=th:0'],
      [2, [], 'ot=th:8']
    ]
  )
})

t.test('log records follow their trace, an ERROR record keeps it, and those of no trace pass', async t => {
  const it = await rig([nothing])
  await it.receive([{ trace: 1 }, { trace: 2 }])
  await it.receive([{ trace: 1 }, { trace: 2, severity: 17 }, { trace: -1 }], 'logs')
  t.same(it.traces('logs'), [-1])
  await it.after(31_000)
  t.same([it.traces(), it.traces('logs')], [[2], [-1, 2]])
  await it.receive([{ trace: 1, span: 7, severity: 21 }], 'logs')
  t.same([it.traces(), it.out('logs').length], [[1, 2], 4], 'a late one too')
  await it.after(200_000)
  t.ok(it.ledger().isBalanced)
})

t.test('log records that a chance kept say how many they stand for', async t => {
  const it = await rig([half])
  await it.receive([
    { trace: 1, r: 200 },
    { trace: 2, r: 200, error: true }
  ])
  await it.receive(
    [
      { trace: 1, r: 200 },
      { trace: 2, r: 200 }
    ],
    'logs'
  )
  await it.after(31_000)
  t.same(
    it.out('logs').map(({ trace, marks }) => [trace, marks]),
    [
      [1, ['sampling.weight', 'sampling.threshold']],
      [2, []]
    ]
  )
})

t.test('explicit randomness decides in place of the trace id, and an earlier threshold is kept', async t => {
  const it = await rig([half])
  await it.receive([
    { trace: 1, r: 0, state: 'ot=rv:f0000000000000' },
    { trace: 2, r: 255, state: 'ot=rv:10000000000000' },
    { trace: 3, r: 255, state: 'ot=th:c,v=1' }
  ])
  await it.after(31_000)
  t.same(
    it.out().map(({ trace, state }) => [trace, state]),
    [
      [1, 'ot=th:8;rv:f0000000000000'],
      [3, 'ot=th:c,v=1']
    ]
  )
})

const wanted: readonly { policy: object; keeps: SpanSpec[]; drops: SpanSpec[] }[] = [
  {
    policy: { type: 'latency', latency: { threshold_ms: 100, upper_threshold_ms: 200 } },
    keeps: [
      { trace: 1, ms: 101 },
      { trace: 2, ms: 200 }
    ],
    drops: [
      { trace: 3, ms: 100 },
      { trace: 4, ms: 201 }
    ]
  },
  {
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['a', 'b'] } },
    keeps: [
      { trace: 1, attributes: { k: 'b' } },
      { trace: 2, resource: { k: 'a' } }
    ],
    drops: [
      { trace: 3, attributes: { k: 'ab' } },
      { trace: 4, attributes: { x: 'a' } },
      { trace: 5, attributes: { k: 1 } }
    ]
  },
  {
    policy: {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['^a+$'], enabled_regex_matching: true }
    },
    keeps: [{ trace: 1, attributes: { k: 'aaa' } }],
    drops: [{ trace: 2, attributes: { k: 'ab' } }]
  },
  {
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['a'], invert_match: true } },
    keeps: [{ trace: 1, attributes: { k: 'b' } }, { trace: 2 }],
    drops: [{ trace: 3, attributes: { k: 'a' } }]
  },
  {
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: -5, max_value: 2.5 } },
    keeps: [
      { trace: 1, attributes: { k: -5 } },
      { trace: 2, attributes: { k: 2.5 } }
    ],
    drops: [
      { trace: 3, attributes: { k: 3 } },
      { trace: 4, attributes: { k: -6 } },
      { trace: 5, attributes: { k: '1' } }
    ]
  },
  {
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: true } },
    keeps: [{ trace: 1, attributes: { k: true } }],
    drops: [
      { trace: 2, attributes: { k: false } },
      { trace: 3, attributes: { k: 'true' } }
    ]
  },
  {
    policy: { type: 'trace_state', trace_state: { key: 'tier', values: ['vip'] } },
    keeps: [{ trace: 1, state: 'a=1,tier=vip' }],
    drops: [{ trace: 2, state: 'tier=free' }, { trace: 3 }]
  },
  {
    policy: {
      type: 'and',
      and: { and_sub_policy: [{ ...half }, { name: 'l', type: 'latency', latency: { threshold_ms: 100 } }] }
    },
    keeps: [{ trace: 1, r: 200, ms: 101 }],
    drops: [
      { trace: 2, r: 200 },
      { trace: 3, ms: 101 }
    ]
  },
  {
    policy: { type: 'not', not: { not_sub_policy: { name: 'l', type: 'latency', latency: { threshold_ms: 100 } } } },
    keeps: [{ trace: 1, ms: 100 }],
    drops: [{ trace: 2, ms: 101 }]
  },
  {
    policy: { type: 'rate_limiting', rate_limiting: { spans_per_second: 1 } },
    keeps: [{ trace: 1 }, { trace: 2 }],
    drops: [{ trace: 3 }]
  },
  {
    policy: { type: 'span_count', span_count: { min_spans: 1, max_spans: 1 } },
    keeps: [{ trace: 1 }],
    drops: []
  }
]

t.test('policies keep what the Collector keeps', async t => {
  for (const { policy, keeps, drops } of wanted) {
    const it = await rig([{ name: 'it', ...policy }])
    for (const spec of [...keeps, ...drops]) await it.receive([{ ...spec, root: true }])
    await it.after(3000)
    t.same(
      it.traces(),
      keeps.map(({ trace }) => trace),
      JSON.stringify(policy)
    )
    if ('rate_limiting' in policy)
      t.same([...new Set(it.out().map(({ state }) => state))], [''], 'no weight is made up')
  }
})

t.test('the first policies do not bias the weight of overlapping ones', async t => {
  const tenth = { name: 'tenth', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }
  const it = await rig([tenth, half])
  await it.receive([
    { trace: 1, r: 255 },
    { trace: 2, r: 130 },
    { trace: 3, r: 120 }
  ])
  await it.after(31_000)
  t.same(
    it.out().map(({ trace, state }) => [trace, state]),
    [
      [1, 'ot=th:8'],
      [2, 'ot=th:8']
    ]
  )
})

t.test('final: the first policy whose conditions hold decides, whatever its chance says', async t => {
  const route = (name: string, value: string) => ({
    name,
    type: 'string_attribute',
    string_attribute: { key: 'route', values: [value] }
  })
  const it = await rig([
    { name: 'slow', type: 'latency', latency: { threshold_ms: 1000 } },
    {
      name: 'health',
      type: 'and',
      final: true,
      and: { and_sub_policy: [route('r', '/health'), { ...nothing, name: 'none' }] }
    },
    { name: 'users', type: 'and', final: true, and: { and_sub_policy: [route('r', '/users'), half] } },
    { name: 'rest', type: 'probabilistic', final: true, probabilistic: { sampling_percentage: 100 } },
    { name: 'never asked', type: 'always_sample' }
  ])
  const at = (path: string) => ({ attributes: { route: path } })
  await it.receive([
    { trace: 1, r: 255, ...at('/health') },
    { trace: 2, r: 255, ms: 2000, ...at('/health') },
    { trace: 3, r: 100, ...at('/users') },
    { trace: 4, r: 200, ...at('/users') },
    { trace: 5, r: 0, ...at('/other') },
    { trace: 6, r: 0, error: true, ...at('/health') }
  ])
  await it.after(31_000)
  t.same(it.traces(), [2, 4, 5, 6])
  t.same(
    it.stage
      .recent(10)
      .map(({ rule }) => rule)
      .sort(),
    ['error', 'health', 'rest', 'slow', 'users', 'users']
  )
})

t.test('a dropping policy wins over all but errors', async t => {
  const drop = {
    name: 'health',
    type: 'drop',
    drop: {
      drop_sub_policy: [{ name: 'h', type: 'string_attribute', string_attribute: { key: 'k', values: ['health'] } }]
    }
  }
  const it = await rig([{ name: 'all', type: 'always_sample' }, drop])
  const attributes = { k: 'health' }
  await it.receive([{ trace: 1, attributes }, { trace: 2, attributes, error: true }, { trace: 3 }])
  await it.after(31_000)
  t.same(it.traces(), [2, 3])
})

t.test('a fair rate thins out the frequent workflow and keeps the rare one whole', async t => {
  const it = await rig(
    [{ name: 'fair', type: 'dynamic', dynamic: { spans_per_second: 10, adjustment_interval: '10s' } }],
    { decision_wait: '1s' }
  )
  let trace = 0
  const second = async () => {
    const often = Array.from({ length: 50 }, () => ({
      trace: ++trace,
      r: (trace * 97) % 256,
      attributes: { 'workflow.name': 'often' }
    }))
    await it.receive([...often, { trace: ++trace, r: 0, attributes: { 'workflow.name': 'rare' } }])
    await it.after(1000)
  }
  for (let i = 0; i < 13; i++) await second()
  const before = it.out().length
  for (let i = 0; i < 20; i++) await second()
  const kept = it.out().slice(before)
  t.equal(kept.filter(({ state }) => state === 'ot=th:0').length, 20, 'each rare one')
  const often = kept.length - 20
  t.ok(often > 120 && often < 240, `${often} of 1000; 9 a second are 180`)
})

t.test('slow for its workflow', async t => {
  const it = await rig([{ name: 'slow', type: 'slow_outlier', slow_outlier: { percentile: 99, min_traces: 100 } }])
  const flow = (trace: number, name: string, ms: number): SpanSpec => ({
    trace,
    root: true,
    ms,
    attributes: { 'workflow.name': name }
  })
  await it.receive(
    Array.from({ length: 200 }, (_, i) => flow(i + 1, i % 2 === 0 ? 'fast' : 'slow', i % 2 === 0 ? 10 : 5000))
  )
  await it.after(3000)
  await it.receive([
    flow(1001, 'fast', 100),
    flow(1002, 'slow', 5000),
    flow(1003, 'slow', 9000),
    flow(1004, 'new', 9000)
  ])
  await it.after(3000)
  t.same(
    it.traces().filter(trace => trace > 1000),
    [1001, 1003]
  )
})

t.test('undecided traces, held ones and decisions survive a restart of the durable log', async t => {
  const dir = t.testdir()
  const open = () => new WindowRig({ policies: [half] }, now => new EmbeddedLog({ dir, maxBytes: 1 << 26, now }))
  let it = await open().start()
  await it.receive([{ trace: 1, r: 200, root: true }, { trace: 2, root: true }, { trace: 3, r: 200 }, { trace: 4 }])
  await it.after(3000)
  t.same(it.traces(), [1])
  await it.stop()
  it = await open().start()
  await it.after(3000)
  await it.receive([
    { trace: 2, span: 2, error: true },
    { trace: 1, span: 2, r: 200 },
    { trace: 4, span: 2 }
  ])
  t.same(
    it
      .out()
      .map(({ trace, span }) => `${trace}.${span}`)
      .sort(),
    ['1.1', '1.2', '2.1', '2.2']
  )
  await it.after(200_000)
  t.same(
    it
      .out()
      .map(({ trace, span }) => `${trace}.${span}`)
      .sort(),
    ['1.1', '1.2', '2.1', '2.2', '3.1']
  )
  t.match(it.ledger(), { isBalanced: true, streams: [{ received: 7, appended: 5, windowed: 0, dropped: 2 }] })
  await it.stop()
})

t.test('decisions are followed for an hour, restart or not; many small ones take little room', async t => {
  const dir = t.testdir()
  const open = (now: () => number) => new EmbeddedLog({ dir, maxBytes: 1 << 24, now })
  const it = await new WindowRig({ policies: [half], late_error_window: '10s', decision_wait: '1s' }, open).start()
  for (let trace = 1; trace <= 150; trace++) {
    await it.receive([{ trace, r: trace % 2 === 0 ? 200 : 0, root: true }])
    await it.after(3000)
  }
  const waiting = ({ log }: WindowRig) =>
    log.status().cursors.find(({ cursor }) => cursor === 'tail_sampling#journal')!.waitingEntries
  await it.after(20_000)
  t.ok(waiting(it) < 150, `${waiting(it)} journal entries of 150 decisions`)
  t.equal(it.out().length, 75)
  await it.stop()
  // Who decided anew would keep everything now, for itself.
  const again = new WindowRig({ late_error_window: '10s', decision_wait: '1s' }, open)
  again.clock.move(it.clock.now() - again.clock.now())
  await again.start()
  await again.receive([1, 2, 149, 150].map(trace => ({ trace, r: trace % 2 === 0 ? 200 : 0, span: 2 })))
  await again.after(2000)
  const late = again.out().filter(({ span }) => span === 2)
  t.same(late.map(({ trace }) => trace), [2, 150]) // biome-ignore format: short
  t.same([...new Set(late.map(({ state }) => state))], ['ot=th:8'])
  await again.receive([{ trace: 149, span: 3, error: true }])
  await again.after(1000)
  t.same(
    again.out().filter(({ trace }) => trace === 149).map(({ span, marks }) => [span, marks]), // biome-ignore format: short
    [2, 3].map(span => [span, ['sampling.late_error']]),
    'an error brings back what came within another window'
  )
  await again.after(20_000)
  t.same(again.dropped()['earlier_decision'], 1)
  t.match(again.stage.explain(idOf(1)), { state: 'dropped', rule: 'earlier_decision' })
  again.clock.move(MEMORY_MS)
  await again.after(10_000)
  t.equal(waiting(again), 0)
  t.ok(again.ledger().isBalanced)
  await again.stop()
})

t.test('a full queue makes decisions wait, not get lost', async t => {
  const it = new WindowRig({ policies: [half] }, now => new MemoryLog({ maxBytes: 600, now }))
  await it.start()
  const bytes = Buffer.alloc(400)
  await it.receive([{ trace: 1, r: 200, root: true }])
  await it.log.commit({ appends: [{ stream: 'logs', items: 0, bytes }] })
  it.clock.move(3000)
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  const filler = it.log.read('out', -1, { maxItems: 10, maxBytes: 1000 }).filter(entry => entry.bytes.length === 400)
  t.equal(filler.length, 1)
  await it.log.commit({ acks: [{ cursor: 'out', positions: filler.map(({ position }) => position) }] })
  await it.after(2000)
  t.same(it.traces(), [1])
})

t.test('what cannot be right is told with its place', async t => {
  const check = (policies: readonly object[]) => validate(configOf(schema, { policies }))
  t.match(check([{ name: 'a', type: 'latency' }]), [{ path: 'policies[0].latency', says: /needs the key `latency`/ }])
  t.match(check([half, half]), [{ path: 'policies[1].name', says: /taken/ }])
  t.match(check([{ name: 'n', type: 'not', not: { not_sub_policy: half } }]), [
    { path: 'policies[0].not.not_sub_policy', says: /negated/ }
  ])
  const both = { name: 'b', type: 'and', and: { and_sub_policy: [half] } }
  t.match(check([{ name: 'n', type: 'not', not: { not_sub_policy: both } }]), [{ says: /negated/ }])
  const attribute = (i: number): object => ({
    name: `p${i}`,
    type: 'boolean_attribute',
    boolean_attribute: { key: 'k' }
  })
  t.match(check(Array.from({ length: 32 }, (_, i) => attribute(i))), [{ path: 'policies', says: /at most 31/ }])
  const one = configOf(schema, { policies: [half] }).policies[0] as Policy
  t.equal(one.name, 'half')
})
