// Config files, right and wrong: what comes out, and what is said with which line and path.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { Type } from 'typebox'
import { byteSize, duration, secret } from './fields.js'
import { loadConfig } from './load.js'
import { problemText } from './problem.js'
import type { Declared, Registry } from './registry.js'
import { Secret } from './secret.js'

const otlp: Declared = {
  type: 'otlp',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Takes OTLP.',
  schema: Type.Object({
    protocols: Type.Object({
      grpc: Type.Optional(Type.Object({ endpoint: Type.String({ default: 'localhost:4317' }) })),
      http: Type.Optional(
        Type.Object({ endpoint: Type.String({ default: 'localhost:4318' }), port: Type.Optional(Type.Integer()) })
      )
    })
  })
}

const scrub: Declared = {
  type: 'scrub',
  signals: ['traces', 'logs'],
  stability: 'alpha',
  about: 'Cleans.',
  stage: 'inline',
  schema: Type.Object({
    mode: Type.Enum(['mask', 'drop', 'redact'], { default: 'mask' }),
    blocked_values: Type.Array(Type.String(), { default: [] }),
    fields: Type.Array(Type.String(), { default: [] }),
    wait: duration({ default: '5s' }),
    max: byteSize({ default: '1MiB' })
  }),
  validate(config: { blocked_values: string[] }) {
    return config.blocked_values.flatMap((v, i) =>
      v === '(' ? [{ path: `blocked_values[${i}]`, says: 'is not a pattern' }] : []
    )
  }
}

const windowed: Declared = {
  type: 'tail',
  signals: ['traces'],
  stability: 'alpha',
  about: 'Waits.',
  stage: 'windowed',
  schema: Type.Object({
    policies: Type.Array(
      Type.Union([
        Type.Object({ type: Type.Literal('share'), share: Type.Number({ minimum: 0, maximum: 1 }) }),
        Type.Object({ type: Type.Literal('errors'), codes: Type.Optional(Type.Array(Type.String())) })
      ]),
      { default: [] }
    )
  })
}

const send: Declared = {
  type: 'send_http',
  aliases: ['sendhttp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Sends.',
  schema: Type.Object({
    endpoint: Type.String({ description: 'Where to.', examples: ['https://x:4318'] }),
    token: Type.Optional(secret()),
    headers: Type.Record(Type.String(), secret(), { default: {} })
  })
}

const debug: Declared = {
  type: 'debug',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Prints.',
  schema: Type.Object({})
}

const registry: Registry = {
  receivers: [otlp],
  processors: [scrub, windowed],
  exporters: [send, debug],
  queues: ['embedded', 'memory'],
  defaults: 'receivers: {otlp: {protocols: {grpc: {}, http: {}}}}\nprocessors: {scrub: {}}\nexporters: {debug: {}}\n',
  block: {
    key: 'short',
    schema: Type.Object({
      enabled: Type.Boolean({ default: true }),
      fields: Type.Array(Type.String(), { default: [] })
    }),
    expand: (_config, site) => [
      { section: 'processors', id: 'scrub', config: { blocked_values: site.part('fields') }, from: 'fields' }
    ]
  },
  hints: { extensions: 'There are none.', 'processors/batch': 'Not needed.' }
}

const load = (text: string, env: Record<string, string> = {}) => loadConfig({ text, file: 'c.yaml', env, registry })

/** `line:column path: says` of each problem. */
const told = (text: string, env: Record<string, string> = {}) =>
  load(text, env).problems.map(p => `${p.line}:${p.column} ${p.path}: ${p.says}`)

const TAIL = `
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
`
const BASE = `receivers: {otlp: {protocols: {grpc: }}}
exporters: {debug: }
`

t.test('no file runs the defaults, with pipelines for every signal that has a way', async t => {
  const { config, problems, notes } = loadConfig({ env: {}, registry })
  t.same(problems, [])
  t.same(config?.pipelines, [
    { id: 'traces', signal: 'traces', receivers: ['otlp'], processors: ['scrub'], exporters: ['debug'] },
    { id: 'metrics', signal: 'metrics', receivers: ['otlp'], processors: [], exporters: ['debug'] },
    { id: 'logs', signal: 'logs', receivers: ['otlp'], processors: ['scrub'], exporters: ['debug'] }
  ])
  t.same(config?.receivers.get('otlp')?.config, {
    protocols: { grpc: { endpoint: 'localhost:4317' }, http: { endpoint: 'localhost:4318' } }
  })
  t.same(config?.queue, { type: 'embedded', path: './data/queue', maxBytes: 2 * 2 ** 30, options: {} })
  t.equal(config?.retentionMs, 30 * 86_400_000)
  t.same(notes, [])
})

t.test('values come out parsed: durations in ms, sizes in bytes, secrets hidden, defaults filled in', async t => {
  const { config, problems, expanded } = load(
    `${BASE.replace('exporters: {debug: }', '')}
processors: {scrub: {wait: 1h30m, max: 64MiB}}
exporters:
  send_http:
    endpoint: http://user:hunter2@host:1
    token: hunter2
    headers: {authorization: Bearer hunter2}
    timeout: 200ms
    sending_queue: {queue_size: 512MiB, num_consumers: 3, batch: {max_size: 1000}}
    retry_on_failure: {max_elapsed_time: 5m}
service:
  pipelines: {traces: {receivers: [otlp], processors: [scrub], exporters: [send_http]}}
`
  )
  t.same(problems, [])
  t.match(config?.processors.get('scrub')?.config, { wait: 5_400_000, max: 64 * 2 ** 20, mode: 'mask', fields: [] })
  const exporter = config?.exporters.get('send_http')
  const own = exporter?.config as { token: Secret; headers: Record<string, Secret> }
  t.equal(own.token.reveal(), 'hunter2')
  t.equal(own.headers['authorization']?.reveal(), 'Bearer hunter2')
  t.equal(exporter?.timeoutMs, 200)
  t.match(exporter?.sendingQueue, {
    maxBytes: 512 * 2 ** 20,
    numConsumers: 3,
    overflow: 'block',
    batch: { minItems: 1000, maxItems: 1000, flushTimeoutMs: 200 }
  })
  t.match(exporter?.retry, { enabled: true, initialIntervalMs: 5000, maxElapsedMs: 300_000 })
  t.notMatch(expanded, /hunter2/)
  t.match(expanded, /token: "\[REDACTED\]"/)
  t.match(expanded, /wait: 1h30m/)
  t.notMatch(`${JSON.stringify(own.headers)}${inspect(own.headers)}${own.token}`, /hunter2/)
})

t.test('a queue bounded by a number counts what the sizer says', async t => {
  const of = (queue: string) =>
    load(`${BASE.replace('{debug: }', `{debug: {sending_queue: ${queue}}}`)}${TAIL}`).config?.exporters.get('debug')
      ?.sendingQueue
  t.match(of('{queue_size: 100}'), { maxBytes: Infinity, maxRequests: 100 })
  t.match(of('{queue_size: 100, sizer: items}'), { maxBytes: Infinity, maxItems: 100 })
  t.match(of('{queue_size: 100, sizer: bytes}'), { maxBytes: 100 })
  t.match(of('{queue_size: 1KiB}'), { maxBytes: 1024 })
})

t.test('references are replaced as in the Collector', async t => {
  const dir = t.testdir({ token: 'abc\n' })
  const text = `receivers: {otlp: {protocols: {http: {port: "\${env:PORT}", endpoint: "h:\${PORT}"}}}}
exporters:
  send_http: {endpoint: "\${env:HOST:-http://fallback}/$$x", token: "\${file:${dir}/token}", headers: {id: "\${env:ID}"}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [send_http]}}}
`
  const { config, problems, expanded } = load(text, { PORT: '4318', ID: '0012' })
  t.same(problems, [])
  t.same(config?.receivers.get('otlp')?.config, { protocols: { http: { endpoint: 'h:4318', port: 4318 } } })
  const own = config?.exporters.get('send_http')?.config as {
    endpoint: string
    token: Secret
    headers: Record<string, Secret>
  }
  t.equal(own.endpoint, 'http://fallback/$x')
  t.equal(own.token.reveal(), 'abc')
  t.equal(own.headers['id']?.reveal(), '0012')
  t.notMatch(expanded, /abc|0012/)
})

t.test('a variable whose name speaks of a secret is shown as its reference', async t => {
  const { expanded } = load(`${BASE}processors: {scrub: {fields: ["x-\${env:API_KEY}"]}}${TAIL}`, {
    API_KEY: 'hunter2'
  })
  t.notMatch(expanded, /hunter2/)
  t.match(expanded, /x-\$\{env:API_KEY\}/)
})

t.test('an alias is accepted with a note', async t => {
  const { config, notes } = load(`receivers: {otlp: {protocols: {grpc: }}}
exporters: {sendhttp/a: {endpoint: x}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [sendhttp/a]}}}`)
  t.equal(config?.exporters.get('sendhttp/a')?.type, 'send_http')
  t.match(
    notes.map(n => `${n.line}:${n.code} ${n.says}`),
    ['2:CONFIG_ALIAS `sendhttp` is another name of `send_http`']
  )
})

const wrong: [title: string, text: string, says: string[]][] = [
  [
    'an unknown key',
    `${BASE}processors:\n  scrub:\n    blocked_valeus: []${TAIL}`,
    ['5:5 processors.scrub.blocked_valeus: unknown key `blocked_valeus`']
  ],
  ['an unknown top-level key', `${BASE}exporter: {}${TAIL}`, ['3:1 exporter: unknown key `exporter`']],
  [
    'an unknown type',
    `${BASE}processors:\n  scrubb: {}${TAIL}`,
    ['4:3 processors.scrubb: unknown processor type `scrubb`']
  ],
  [
    'a number for a duration',
    `${BASE}processors:\n  scrub:\n    wait: 5${TAIL}`,
    ['5:11 processors.scrub.wait: a duration needs a unit']
  ],
  [
    'a wrong unit',
    `${BASE}processors: {scrub: {wait: 5sec}}${TAIL}`,
    ['3:28 processors.scrub.wait: "5sec" is not a duration']
  ],
  [
    'a wrong size',
    `${BASE}processors: {scrub: {max: 5 apples}}${TAIL}`,
    ['3:27 processors.scrub.max: "5 apples" is not a size']
  ],
  [
    'text for a list',
    `${BASE}processors: {scrub: {fields: a}}${TAIL}`,
    ['3:30 processors.scrub.fields: must be a list, is text']
  ],
  [
    'a number for text',
    `${BASE}processors: {scrub: {fields: [7]}}${TAIL}`,
    ['3:31 processors.scrub.fields[0]: must be text, is a number']
  ],
  [
    'a value out of its list',
    `${BASE}processors: {scrub: {mode: masc}}${TAIL}`,
    ['3:28 processors.scrub.mode: "masc" is not allowed']
  ],
  [
    "a component's own check",
    `${BASE}processors:\n  scrub:\n    blocked_values:\n      - a\n      - (${TAIL}`,
    ['7:9 processors.scrub.blocked_values[1]: is not a pattern']
  ],
  [
    'a missing key',
    `receivers: {otlp: {protocols: {grpc: }}}\nexporters:\n  debug: {}\n  send_http:\n    token: x${TAIL}`,
    ['4:3 exporters.send_http.endpoint: missing key `endpoint`']
  ],
  [
    'an undefined component',
    `${BASE}service:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      exporters: [debug, debgu]`,
    ['7:26 service.pipelines.traces.exporters[1]: exporter `debgu` is not defined under `exporters`']
  ],
  [
    'a signal that a component does not take',
    `${BASE}processors: {scrub: }\nservice: {pipelines: {metrics: {receivers: [otlp], processors: [scrub], exporters: [debug]}}}`,
    ['4:65 service.pipelines.metrics.processors[0]: processor `scrub` does not take metrics']
  ],
  [
    'an empty pipeline',
    `${BASE}service: {pipelines: {traces: {receivers: [otlp]}}}`,
    ['3:23 service.pipelines.traces.exporters: the pipeline has no exporters']
  ],
  [
    'a pipeline without a signal',
    `${BASE}service: {pipelines: {trace: {receivers: [otlp], exporters: [debug]}}}`,
    ["3:23 service.pipelines.trace: a pipeline's id must begin with its signal, `trace` is none"]
  ],
  [
    'a component listed twice',
    `${BASE}service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, debug]}}}`,
    ['3:70 service.pipelines.traces.exporters[1]: `debug` is listed twice']
  ],
  [
    'an unset variable',
    `${BASE}processors: {scrub: {fields: ["\${env:NOPE}"]}}${TAIL}`,
    ['3:31 processors.scrub.fields[0]: environment variable NOPE is not set']
  ],
  [
    'an unknown scheme',
    `${BASE}processors: {scrub: {fields: ["\${vault:x}"]}}${TAIL}`,
    ['3:31 processors.scrub.fields[0]: `${vault:...}` is not known']
  ],
  [
    'an open reference',
    `${BASE}processors: {scrub: {fields: ["a\${env:X"]}}${TAIL}`,
    ['3:31 processors.scrub.fields[0]: `${` without its `}`']
  ],
  [
    'a missing file of a reference',
    `${BASE}processors: {scrub: {fields: ["\${file:/nope/x}"]}}${TAIL}`,
    ['3:31 processors.scrub.fields[0]: file /nope/x cannot be read (ENOENT)']
  ],
  [
    'an address without a port',
    `${BASE}service:\n  telemetry: {admin: {endpoint: localhost}}\n  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}`,
    ['4:33 service.telemetry.admin.endpoint: "localhost" is not host:port']
  ],
  [
    'settings of an exporter that do not go together',
    `${BASE.replace('{debug: }', '{debug: {retry_on_failure: {max_interval: 1s}, sending_queue: {batch: {min_size: 9, max_size: 3}}}}')}${TAIL}`,
    [
      '2:54 exporters.debug.retry_on_failure.max_interval: `initial_interval` is longer than `max_interval`',
      '2:93 exporters.debug.sending_queue.batch.min_size: is more than `max_size`'
    ]
  ],
  [
    'a reference without quotes inside braces',
    `exporters: {send_http: {endpoint: \${env:X}}}`,
    ['1:36 : Unexpected flow-map-start at node end']
  ],
  ['a key written twice', `${BASE}exporters: {}`, ['3:1 : Map keys must be unique']],
  ['a tab', 'receivers:\n\totlp:', ['2:1 : Tabs are not allowed as indentation']],
  [
    'a list for a section',
    `${BASE}processors: [scrub]${TAIL}`,
    ['3:13 processors: must hold components by id, is a list']
  ],
  [
    'a whole file that is a list',
    '- a',
    ['1:1 : the file must hold keys and values (`receivers:`, `exporters:`, ...)']
  ],
  ['an unknown queue', `${BASE}queue: {type: kafka}${TAIL}`, ['3:15 queue.type: unknown queue type `kafka`']],
  [
    'a queue key of another type',
    `${BASE}queue: {type: memory, path: x}${TAIL}`,
    ['3:23 queue.path: unknown key `path`']
  ],
  [
    'a wrong form of a choice',
    `${BASE}processors: {tail: {policies: [{type: share, shar: 1}, {type: nope}]}}${TAIL}`,
    [
      '3:32 processors.tail.policies[0].share: missing key `share`',
      '3:46 processors.tail.policies[0].shar: unknown key `shar`',
      '3:63 processors.tail.policies[1].type: "nope" is not allowed'
    ]
  ],
  [
    'a wrong log level',
    `${BASE}service:\n  telemetry: {logs: {level: verbose}}\n  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}`,
    ['4:29 service.telemetry.logs.level: "verbose" is not allowed']
  ]
]

for (const [title, text, says] of wrong) {
  t.test(`${title} is said with its place`, async t => {
    const loaded = load(text)
    t.same(told(text), says)
    t.equal(loaded.config, undefined)
    t.ok(
      loaded.problems.every(p => p.fix !== undefined || p.code === 'CONFIG_COMPONENT' || p.path === ''),
      'every problem says what to do'
    )
  })
}

t.test('all problems come at once, in the order of the file', async t => {
  const says = told(`receivers: {otlp: {protocol: {}}}
processors:
  scrub: {wait: 1, mode: x}
  batch: {}
exporters:
  send_http: {tokn: x}
service:
  pipelines: {traces: {receivers: [nope], exporters: [send_http]}}
`)
  t.same(says, [
    '1:20 receivers.otlp.protocol: unknown key `protocol`',
    '3:17 processors.scrub.wait: a duration needs a unit',
    '3:26 processors.scrub.mode: "x" is not allowed',
    '4:3 processors.batch: unknown processor type `batch`',
    '6:3 exporters.send_http.endpoint: missing key `endpoint`',
    '6:15 exporters.send_http.tokn: unknown key `tokn`',
    '8:36 service.pipelines.traces.receivers[0]: receiver `nope` is not defined under `receivers`'
  ])
})

t.test('typing errors get a suggestion, other types the list of what there is', async t => {
  const fixes = load(`${BASE}extensions: {}
processors: {scurb: {}, batch: {}, zzzzzzz: {}}
queue: {max_sise: 1GiB}${TAIL}`).problems.map(p => p.fix)
  t.same(fixes, [
    'There are none.',
    'Did you mean `scrub`? Known processors: scrub, tail.',
    'Not needed.',
    'Known processors: scrub, tail.',
    'Did you mean `max_size`?'
  ])
})

t.test('a secret of the wrong kind or out of a reference is never shown', async t => {
  const { problems } = load(
    `${BASE.replace('debug: ', 'debug: , send_http: {endpoint: x, token: [hunter2]}')}
processors: {scrub: {mode: "\${env:MY_TOKEN}"}}${TAIL}`,
    { MY_TOKEN: 'hunter2' }
  )
  t.equal(problems.length, 2)
  t.notMatch(problems.map(problemText).join('\n'), /hunter2/)
})

t.test('a component that no pipeline uses is a warning, not an error', async t => {
  const { config, notes } = load(`${BASE}processors: {scrub: }${TAIL}`)
  t.ok(config)
  t.match(notes, [{ severity: 'warning', code: 'CONFIG_UNUSED', path: 'processors.scrub', line: 3 }])
})

t.test('an inline processor written behind a windowed one is said to run in front', async t => {
  const { notes } = load(`${BASE}processors: {scrub: , tail: }
service: {pipelines: {traces: {receivers: [otlp], processors: [tail, scrub], exporters: [debug]}}}`)
  t.match(notes, [{ code: 'CONFIG_ORDER', line: 4, path: 'service.pipelines.traces.processors[1]' }])
})

t.test(
  'the short block becomes components in front of written pipelines, and its problems name its own lines',
  async t => {
    const text = `${BASE}short:\n  fields:\n    - a\n    - (${TAIL}`
    t.same(told(text), ['6:7 processors.scrub.blocked_values[1]: is not a pattern'])
    const { config } = load(text.replace('- (', '- b'))
    t.same(config?.pipelines[0]?.processors, ['scrub'])
    t.match(config?.processors.get('scrub')?.config, { blocked_values: ['a', 'b'] })
  }
)

t.test('the short block adds to the defaults when the file has nothing else', async t => {
  const { config, problems } = load('short: {fields: [a]}')
  t.same(problems, [])
  t.match(config?.processors.get('scrub')?.config, { blocked_values: ['a'], mode: 'mask' })
  t.equal(config?.pipelines.length, 3)
})

t.test('a block that is switched off leaves nothing to run and is no problem', async t => {
  const { config, problems } = load('short: {enabled: false}')
  t.same(problems, [])
  t.same(config?.pipelines, [])
  t.equal(config?.receivers.size, 0)
})

t.test('a change from the command line wins over the file', async t => {
  const { config, problems } = loadConfig({
    text: `${BASE}${TAIL}`,
    env: { MODE: 'drop' },
    registry,
    set: [
      'service.telemetry.logs.level=debug',
      'queue.max_size=1MiB',
      'processors.scrub/x.wait=9s',
      'processors.scrub/x.mode=${env:MODE}'
    ]
  })
  t.same(problems, [])
  t.equal(config?.service.logs.level, 'debug')
  t.equal(config?.queue.maxBytes, 2 ** 20)
  t.match(config?.processors.get('scrub/x')?.config, { wait: 9000, mode: 'drop' })
  t.match(loadConfig({ env: {}, registry, set: ['oops'] }).problems, [{ code: 'CONFIG_SYNTAX', file: '--set oops' }])
})

t.test('a change in a section that the file leaves out changes the defaults, not instead of them', async t => {
  const set = ['exporters.send_http.endpoint=x', 'processors.scrub.mode=drop']
  const { config, problems } = loadConfig({ text: 'short: {fields: [a]}', env: {}, registry, set })
  t.same(problems, [])
  t.same([...config!.exporters.keys()], ['debug', 'send_http'])
  t.same([...config!.processors.keys()], ['scrub'])
  t.match(config?.processors.get('scrub')?.config, { mode: 'drop', blocked_values: ['a'] })
})

t.test('a file that is not there is one problem', async t => {
  const { problems } = loadConfig({ file: join(t.testdir({}), 'no.yaml'), env: {}, registry })
  t.match(problems, [{ code: 'CONFIG_UNREADABLE', line: 0 }])
})

t.test('a file is read; anchors and merge keys work', async t => {
  const file = join(t.testdir({}), 'c.yaml')
  writeFileSync(file, `x: &x {}\n${BASE}processors:\n  scrub: &s {wait: 1s}\n  scrub/b: {<<: *s, mode: drop}${TAIL}`)
  t.same(
    loadConfig({ file, env: {}, registry }).problems.map(p => p.path),
    ['x']
  )
  writeFileSync(file, `${BASE}processors:\n  scrub: &s {wait: 1s}\n  scrub/b: {<<: *s, mode: drop}${TAIL}`)
  t.match(loadConfig({ file, env: {}, registry }).config?.processors.get('scrub/b')?.config, {
    wait: 1000,
    mode: 'drop'
  })
})

t.test('a key named __proto__ is a key like any other', async t => {
  const text = `${BASE.replace('debug: ', 'debug: , send_http: {endpoint: x, headers: {__proto__: {polluted: yes}}}')}${TAIL}`
  t.match(told(text)[0], 'exporters.send_http.headers.__proto__: must be text, is keys and values')
  const { config } = load(text.replace('{polluted: yes}', 'v'))
  const { headers } = config!.exporters.get('send_http')!.config as { headers: object }
  t.same(Object.keys(headers), ['__proto__'])
  t.equal(({} as { polluted?: string }).polluted, undefined)
})

t.test('a bomb of aliases is refused, not unrolled', async t => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`
    )
  t.match(load(lines.join('\n')).problems[0], { code: 'CONFIG_SYNTAX' })
})

t.test('a problem reads as file, line, path, what, what to do', async t => {
  const [first] = load(`${BASE}processors: {scrub: {wait: 5}}${TAIL}`).problems
  t.equal(
    problemText(first!),
    'c.yaml:3:28: error: processors.scrub.wait: a duration needs a unit\n    -> Write `5s` or `5ms`.'
  )
})

t.test('a secret prints nothing whatever prints it', async t => {
  const s = new Secret('hunter2')
  t.same(
    [`${s}`, String(s), JSON.stringify({ s }), inspect(s), `${s}x`],
    ['[REDACTED]', '[REDACTED]', '{"s":"[REDACTED]"}', '[REDACTED]', '[REDACTED]x']
  )
})
