// Wrong config files as a newcomer writes them, against the real components: where it is, what is wrong, what to do.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCli } from '../../services/ctl/cli.js'
import { EXIT } from '../../services/exit-codes.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'

interface Wrong {
  readonly says: string
  readonly text: string
  /** Every line that must be told. */
  readonly told: readonly RegExp[]
}

const REMOTE = 'https://otlp.example.com'
const WRONG: readonly Wrong[] = [
  { says: 'a list', text: '- a\n- b\n', told: [/:1:1: error: the file must hold keys and values/] },
  { says: 'no YAML', text: 'receivers: [otlp\nexporters: {}\n', told: [/:2:1: error: Flow sequence/, /indentation/] },
  { says: 'tabs', text: 'receivers:\n\totlp: {}\n', told: [/:2:1: error: Tabs/, /Indent with spaces/] },
  {
    says: 'a misspelt section',
    text: 'recievers: {}\n',
    told: [/unknown key `recievers`/, /Did you mean `receivers`/]
  },
  {
    says: 'misspelt keys and types, all at once',
    text: 'receivers: {otlp: {protocols: {htpp: {}}}}\nprocessors: {redacton: {}}\nexporters: {kafka: {}}\n',
    told: [
      /:1:32: error: receivers\.otlp\.protocols\.htpp/,
      /:2:14: error: processors\.redacton/,
      /Did you mean `redaction`/,
      /:3:13: error: exporters\.kafka/
    ]
  },
  {
    says: 'units',
    text: `exporters: {otlp_http: {endpoint: "${REMOTE}", timeout: 5}}\nqueue: {type: embedded, max_size: 2 gigs}\n`,
    told: [/timeout: a duration needs a unit/, /Write `5s`/, /"2 gigs" is not a size/, /64MiB/]
  },
  {
    says: 'types of values',
    text: `service: {telemetry: {logs: {level: loud}}}\nexporters: {otlp_http: {endpoint: 5, sending_queue: {num_consumers: "many"}}}\n`,
    told: [/"loud" is not allowed/, /Allowed: debug/, /endpoint: must be text/, /num_consumers: must be a whole number/]
  },
  { says: 'no endpoint', text: 'exporters: {otlp_http: {}}\n', told: [/exporters\.otlp_http\.endpoint: is missing/] },
  {
    says: 'plain text to a remote host',
    text: 'exporters: {otlp_http: {endpoint: "http://collector.example.com:4318"}}\n',
    told: [/plain text to collector\.example\.com/, /insecure: true/]
  },
  {
    says: 'a variable that is not set',
    text: `exporters: {otlp_http: {endpoint: "${REMOTE}", headers: {authorization: "\${env:NO_SUCH_VARIABLE}"}}}\n`,
    told: [/environment variable NO_SUCH_VARIABLE is not set/, /default/]
  },
  {
    says: 'patterns, every one by its own path',
    text: 'processors: {redaction: {blocked_values: ["ok", "(", "[a-"], blocked_key_patterns: ["*"]}}\n',
    told: [
      /blocked_values\[1\]: is no RE2 pattern/,
      /blocked_values\[2\]: is no RE2 pattern/,
      /blocked_key_patterns\[0\]: is no RE2 pattern/
    ]
  },
  {
    says: 'addresses',
    text: 'receivers: {otlp: {protocols: {http: {endpoint: "localhost:99999"}, grpc: {endpoint: "http://localhost:4317"}}}}\n',
    told: [/http\.endpoint: must be host:port/, /grpc\.endpoint: must be host:port/]
  },
  {
    says: 'pipelines',
    text: 'service: {pipelines: {spans: {receivers: [otlp], exporters: [debug]}}}\n',
    told: [/must begin with its signal/, /Signals: logs, metrics, traces/]
  },
  {
    says: 'an undefined component',
    text: 'receivers: {otlp: {protocols: {http: {}}}}\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [nope]}}}\n',
    told: [/exporter `nope` is not defined/]
  },
  {
    says: 'the same key twice',
    text: 'exporters:\n  debug: {}\n  debug: {}\n',
    told: [/:3:3: error: Map keys must be unique/]
  },
  {
    says: 'an unknown queue',
    text: 'queue: {type: sqlite}\n',
    told: [/unknown queue type `sqlite`/, /Known types: embedded/]
  },
  {
    says: 'names that every object has',
    text: '__proto__: {a: 1}\nconstructor: {}\nprocessors: {toString: {}}\n',
    told: [/unknown key `__proto__`/, /unknown key `constructor`/, /unknown processor type `toString`/]
  },
  {
    says: 'a Collector config',
    text: 'processors: {batch: , memory_limiter: {limit_mib: 100}}\nextensions: {health_check: }\n',
    told: [/unknown processor type `batch`/, /Not needed: leave it out/, /unknown key `extensions`/]
  },
  {
    says: 'a bomb of aliases',
    text: [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...[...'bcdefg'].map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdef'[i]}`)}]`)
    ].join('\n'),
    told: [/more than 100000 parts/, /fewer aliases/]
  }
]

async function validate(t: Test, text: string): Promise<{ code: number; told: string }> {
  const file = join(t.testdir({}), 'gateway.yaml')
  writeFileSync(file, text)
  let told = ''
  const say = (more: string) => {
    told += more
  }
  const start = async () => 0
  const shell = { out: say, err: say, env: {}, version: '0', registry: registryWith(RECEIVERS), start }
  return { code: await runCli(['validate', file], shell), told }
}

for (const { says, text, told } of WRONG) {
  t.test(`wrong config: ${says}`, async t => {
    const answer = await validate(t, text)
    t.equal(answer.code, EXIT.config)
    for (const line of told) t.match(answer.told, line)
    t.notMatch(
      answer.told,
      /\[object|native code|: undefined|\bat .*:\d+:\d+\)|Error:/,
      'words for people, no internals'
    )
  })
}
