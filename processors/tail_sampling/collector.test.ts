// Policies as the Collector's tail_sampling takes them (contrib v0.161.0: its keys, the cases of its own tests) say the same here.

import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { loadConfig } from '../../core/config/load.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'
import { type SpanSpec, WindowRig } from '../../test/helpers/window.js'
import { schema, validate } from './config.js'

/** Every key of every policy type, in the Collector's own form. */
const ALL = `
receivers: {otlp: {protocols: {http: {}}}}
processors:
  tail_sampling:
    decision_wait: 10s
    decision_wait_after_root_received: 1s
    num_traces: 100
    num_shards: 4
    block_on_overflow: true
    expected_new_traces_per_sec: 10
    sample_on_first_match: true
    sampling_strategy: span-ingest
    drop_pending_traces_on_shutdown: true
    maximum_trace_size_bytes: 1048576
    decision_cache: {sampled_cache_size: 1000, non_sampled_cache_size: 10000}
    policies:
      - {name: all, type: always_sample}
      - {name: slow, type: latency, latency: {threshold_ms: 5000, upper_threshold_ms: 10000}}
      - {name: number, type: numeric_attribute, numeric_attribute: {key: k, min_value: 50, max_value: 100, invert_match: true}}
      - {name: part, type: probabilistic, probabilistic: {hash_salt: "salt", sampling_percentage: 0.1}}
      - {name: status, type: status_code, status_code: {status_codes: [ERROR, UNSET]}}
      - {name: text, type: string_attribute, string_attribute: {key: k, values: [a, b]}}
      - {name: pattern, type: string_attribute, string_attribute: {key: k, values: [a, "b.*"], enabled_regex_matching: true, cache_max_size: 10, invert_match: true}}
      - {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 35, burst_capacity: 70}}
      - {name: bytes, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1024000, burst_capacity: 2048000}}
      - {name: count, type: span_count, span_count: {min_spans: 2, max_spans: 20}}
      - {name: state, type: trace_state, trace_state: {key: k, values: [a, b]}}
      - {name: flags, type: trace_flags}
      - {name: boolean, type: boolean_attribute, boolean_attribute: {key: k, value: true, invert_match: true}}
      - name: both
        type: and
        and:
          and_sub_policy:
            - {name: n, type: numeric_attribute, numeric_attribute: {key: k, min_value: 50, max_value: 100}}
            - name: fast
              type: not
              not: {not_sub_policy: {name: slow, type: latency, latency: {threshold_ms: 1000}}}
      - {name: not slow, type: not, not: {not_sub_policy: {name: slow, type: latency, latency: {threshold_ms: 1000}}}}
      - name: health
        type: drop
        drop:
          drop_sub_policy:
            - {name: path, type: string_attribute, string_attribute: {key: url.path, values: [/health], enabled_regex_matching: true}}
      - name: shares
        type: composite
        composite:
          max_total_spans_per_second: 1000
          policy_order: [one, two, rest]
          composite_sub_policy:
            - {name: one, type: numeric_attribute, numeric_attribute: {key: k, min_value: 50, max_value: 100}}
            - name: two
              type: and
              and: {and_sub_policy: [{name: t, type: string_attribute, string_attribute: {key: k, values: [a]}}]}
            - {name: rest, type: always_sample}
          rate_allocation: [{policy: one, percent: 50}, {policy: two, percent: 25}]
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [debug]}}}
`

const load = (text: string) => loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) }).problems

t.test('every policy of the Collector is accepted as it is', async t => {
  t.same(
    load(ALL).filter(({ severity }) => severity === 'error'),
    []
  )
  t.match(load(ALL.replace('trace_flags', 'trace_flag')), [{ severity: 'error' }], 'and an unknown one is not')
})

t.test('ottl_condition is refused with the policy to use instead', async t => {
  const says = (span: string[], spanevent: string[] = []) => {
    const policies = [{ name: 'o', type: 'ottl_condition', ottl_condition: { error_mode: 'ignore', span, spanevent } }]
    const [first] = validate(configOf(schema, { policies }))
    t.equal(first?.path, 'policies[0].ottl_condition')
    return first?.says ?? ''
  }
  t.match(says(['attributes["k"] == "v"']), /use `string_attribute`.*docs\/migration\.md/)
  t.match(says(['attributes["k"] == true']), /use `boolean_attribute`/)
  t.match(says(['attributes["http.status_code"] >= 500']), /use `numeric_attribute`/)
  t.match(says(['status.code == 2']), /use `status_code`/)
  t.match(says(['end_time - start_time > 5']), /use `latency`/)
  t.match(says([], ['name == "exception"']), /always kept/)
  const nested = {
    name: 'n',
    type: 'not',
    not: { not_sub_policy: { name: 'o', type: 'ottl_condition', ottl_condition: {} } }
  }
  t.match(validate(configOf(schema, { policies: [nested] })), [
    { path: 'policies[0].not.not_sub_policy.ottl_condition' }
  ])
})

t.test('patterns that cannot be are told at the start', async t => {
  const policies = [
    {
      name: 'p',
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['ok', '(?<=a)b'], enabled_regex_matching: true }
    }
  ]
  t.match(validate(configOf(schema, { policies })), [{ path: 'policies[0].string_attribute.values[1]', says: /RE2/ }])
})

type Item = Omit<SpanSpec, 'trace'>
type Row = readonly [isKept: boolean, spans: readonly Item[], says: string]

const span = (attributes: SpanSpec['attributes'] & {}): Item[] => [{ attributes }]
const resource = (attributes: SpanSpec['resource'] & {}): Item[] => [{ resource: attributes }]
const states = (...all: ('ok' | 'unset')[]): Item[] => all.map((one, i) => ({ span: i + 1, ok: one === 'ok' }))
const spans = (n: number): Item[] => Array.from({ length: n }, (_, i) => ({ span: i + 1 }))

const BIG = 2 ** 31
const TABLE: readonly { readonly policy: object; readonly rows: readonly Row[] }[] = [
  {
    policy: { type: 'latency', latency: { threshold_ms: 5000 } },
    rows: [
      [false, [{ ms: 4500 }], 'shorter'],
      [false, [{ ms: 5000 }], 'equal'],
      [true, [{ ms: 5001 }], 'longer'],
      [true, [{ ms: 3000 }, { span: 2, from: 2500, ms: 3000 }], 'longer from the first start to the last end'],
      [true, [{ ms: 100 }, { span: 2, from: 6000, ms: 100 }], 'longer only for the time between its spans']
    ]
  },
  {
    policy: { type: 'latency', latency: { threshold_ms: 5000, upper_threshold_ms: 10_000 } },
    rows: [
      [false, [{ ms: 5000 }], 'equal to the lower bound'],
      [true, [{ ms: 5001 }], 'within'],
      [true, [{ ms: 10_000 }], 'equal to the upper bound'],
      [false, [{ ms: 10_001 }], 'above']
    ]
  },
  {
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: -BIG, max_value: BIG - 1 } },
    rows: [
      [false, span({ other: -BIG }), 'another key'],
      [true, span({ k: -BIG }), 'at the lower limit'],
      [true, span({ k: BIG - 1 }), 'at the upper limit'],
      [false, span({ k: -BIG - 1 }), 'below'],
      [false, span({ k: BIG }), 'above']
    ]
  },
  {
    policy: { type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: 50 } },
    rows: [
      [false, span({ k: 49 }), 'below the only limit'],
      [true, span({ k: 50 }), 'at it'],
      [true, span({ k: 2 ** 40 }), 'far above it']
    ]
  },
  {
    policy: {
      type: 'numeric_attribute',
      numeric_attribute: { key: 'k', min_value: 1, max_value: 9, invert_match: true }
    },
    rows: [
      [true, span({ other: 5 }), 'inverted: another key'],
      [false, span({ k: 5 }), 'inverted: within'],
      [true, span({ k: 10 }), 'inverted: above'],
      [false, [{ attributes: { k: 20 } }, { span: 2, attributes: { k: 5 } }], 'inverted: one of two within']
    ]
  },
  {
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['value'] } },
    rows: [
      [false, resource({ other: 'value' }), 'another key of the resource'],
      [false, resource({ k: 'no' }), 'another value of the resource'],
      [true, resource({ k: 'value' }), 'the value in the resource'],
      [false, span({ other: 'value' }), 'another key'],
      [false, span({ k: 'values' }), 'a longer value'],
      [true, span({ k: 'value' }), 'the value']
    ]
  },
  {
    policy: {
      type: 'string_attribute',
      string_attribute: { key: 'k', values: ['v[0-9]+.HealthCheck$'], enabled_regex_matching: true }
    },
    rows: [
      [true, span({ k: 'grpc.health.v1.HealthCheck' }), 'a pattern that fits a part'],
      [false, span({ k: 'grpc.health.vx.HealthCheck' }), 'one that does not']
    ]
  },
  {
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: [], enabled_regex_matching: true } },
    rows: [[false, span({ k: 'x' }), 'no values at all']]
  },
  {
    policy: { type: 'string_attribute', string_attribute: { key: 'k', values: ['a', 'b'], invert_match: true } },
    rows: [
      [true, resource({ other: 'a' }), 'inverted: another key'],
      [true, resource({ k: 'c' }), 'inverted: another value'],
      [false, resource({ k: 'b' }), 'inverted: a value of the resource'],
      [false, span({ k: 'a' }), 'inverted: a value']
    ]
  },
  {
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: true } },
    rows: [
      [false, span({ other: true }), 'another key'],
      [false, span({ k: false }), 'the other value'],
      [true, span({ k: true }), 'the value']
    ]
  },
  {
    policy: { type: 'boolean_attribute', boolean_attribute: { key: 'k', value: true, invert_match: true } },
    rows: [
      [true, span({ other: true }), 'inverted: another key'],
      [true, span({ k: false }), 'inverted: the other value'],
      [false, span({ k: true }), 'inverted: the value']
    ]
  },
  {
    policy: { type: 'status_code', status_code: { status_codes: ['OK', 'ERROR'] } },
    rows: [
      [false, states('unset', 'unset'), 'none of these'],
      [true, states('unset', 'ok'), 'one of these']
    ]
  },
  {
    policy: { type: 'status_code', status_code: { status_codes: ['UNSET'] } },
    rows: [
      [true, states('unset'), 'unset'],
      [false, states('ok'), 'set']
    ]
  },
  {
    policy: { type: 'span_count', span_count: { min_spans: 3, max_spans: 4 } },
    rows: [
      [false, spans(2), 'fewer'],
      [true, spans(3), 'as few as may be'],
      [true, spans(4), 'as many as may be'],
      [false, spans(5), 'more']
    ]
  },
  {
    policy: { type: 'trace_state', trace_state: { key: 'k', values: ['v1', 'v2'] } },
    rows: [
      [false, [{ state: 'other=v1' }], 'another key'],
      [false, [{ state: 'k=v' }], 'another value'],
      [true, [{ state: 'k=v2' }], 'a value'],
      [true, [{ state: 'a=1,k=v1,b=2' }], 'among others'],
      [false, [{ state: 'a=v1,b=v2' }], 'not among others']
    ]
  },
  {
    policy: { type: 'trace_flags' },
    rows: [
      [true, [{ flags: 0x101 }, { span: 2, flags: 0x100 }], 'one span with the flag'],
      [false, [{ flags: 0x300 }], 'without it'],
      [false, [{}], 'no flags']
    ]
  },
  {
    policy: {
      type: 'and',
      and: {
        and_sub_policy: [
          { name: 'a', type: 'numeric_attribute', numeric_attribute: { key: 'k', min_value: 50, max_value: 100 } },
          {
            name: 'b',
            type: 'not',
            not: { not_sub_policy: { name: 'l', type: 'latency', latency: { threshold_ms: 1000 } } }
          }
        ]
      }
    },
    rows: [
      [true, [{ ms: 1000, attributes: { k: 60 } }], 'both'],
      [false, [{ ms: 1001, attributes: { k: 60 } }], 'only the first'],
      [false, [{ ms: 1000, attributes: { k: 40 } }], 'only the second']
    ]
  },
  {
    policy: { type: 'probabilistic', probabilistic: { sampling_percentage: 150 } },
    rows: [[true, [{}], 'more than all is all']]
  },
  {
    policy: { type: 'probabilistic', probabilistic: { sampling_percentage: 0 } },
    rows: [[false, [{ r: 255 }], 'none']]
  }
]

t.test('each policy keeps what it keeps in the Collector', async t => {
  for (const { policy, rows } of TABLE) {
    const it = await new WindowRig({ policies: [{ name: 'it', ...policy }] }).start()
    for (const [i, [, items]] of rows.entries()) {
      await it.receive(items.map((item, n) => ({ ...item, trace: i + 1, root: n === 0 })))
    }
    await it.after(3000)
    const kept = it.traces()
    for (const [i, [isKept, , says]] of rows.entries()) {
      t.equal(kept.includes(i + 1), isKept, `${JSON.stringify(policy)}: ${says}`)
    }
  }
})

t.test('limits: spans and bytes a second, with what may come at once', async t => {
  const kept = async (policy: object, each: Item[], traces: number, apartMs: number) => {
    const it = await new WindowRig({ policies: [{ name: 'it', ...policy }] }).start()
    for (let i = 1; i <= traces; i++) {
      await it.receive(each.map((item, n) => ({ ...item, trace: i, root: n === 0 })))
      await it.after(apartMs)
    }
    await it.after(3000)
    return it.traces().length
  }
  t.equal(
    await kept({ type: 'rate_limiting', rate_limiting: { spans_per_second: 3 } }, spans(3), 5, 0),
    2,
    'twice the rate'
  )
  t.equal(
    await kept({ type: 'rate_limiting', rate_limiting: { spans_per_second: 3, burst_capacity: 9 } }, spans(3), 5, 0),
    3
  )
  t.equal(
    await kept({ type: 'rate_limiting', rate_limiting: { spans_per_second: 3 } }, spans(3), 5, 1000),
    5,
    'within it'
  )
  t.equal(
    await kept({ type: 'rate_limiting', rate_limiting: { spans_per_second: 3 } }, spans(7), 2, 0),
    0,
    'larger than all'
  )
  const bytes = { type: 'bytes_limiting', bytes_limiting: { bytes_per_second: 100, burst_capacity: 250 } }
  t.equal(await kept(bytes, spans(1), 9, 0), 4, 'about 60 bytes each')
})

t.test('composite: each of its policies has a part of the rate, and no other', async t => {
  const composite = {
    max_total_spans_per_second: 8,
    policy_order: ['text', 'rest'],
    composite_sub_policy: [
      { name: 'rest', type: 'always_sample' },
      { name: 'text', type: 'string_attribute', string_attribute: { key: 'k', values: ['a'] } }
    ],
    rate_allocation: [{ policy: 'text', percent: 25 }]
  }
  const it = await new WindowRig({ policies: [{ name: 'it', type: 'composite', composite }] }).start()
  for (let i = 1; i <= 20; i++) {
    await it.receive([{ trace: i, root: true, ...(i % 2 === 0 ? { attributes: { k: 'a' } } : {}) }])
  }
  await it.after(3000)
  const kept = it.traces()
  t.equal(kept.filter(i => i % 2 === 0).length, 2, 'a quarter of 8')
  t.equal(kept.filter(i => i % 2 === 1).length, 6, 'the rest of 8')
})

t.test('0 is no limit of a trace, as in the Collector', async t => {
  const it = await new WindowRig({
    policies: [{ name: 'all', type: 'always_sample' }],
    maximum_trace_size_bytes: 0
  }).start()
  await it.receive([{ trace: 1, root: true }])
  t.same(it.traces(), [], 'not decided at once')
  await it.after(3000)
  t.same(it.traces(), [1])
})
