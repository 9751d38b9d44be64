// A Collector's config is answered with what to write here, problem by problem; and the answers speak of nothing that exists.

import t from 'tap'
import { loadConfig } from '../core/config/load.js'
import { problemText } from '../core/config/problem.js'
import { COLLECTOR_HINTS } from './collector-hints.js'
import { RECEIVERS } from './gateway/receivers/index.js'
import { registryWith } from './registry.js'

const registry = registryWith(RECEIVERS)
const load = (text: string) => loadConfig({ text, env: {}, registry })

const COLLECTOR = `
extensions: {health_check: {endpoint: "0.0.0.0:13133"}, file_storage: {directory: /var/lib/otelcol}}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "\${env:HOST:-localhost}:4317", include_metadata: true, max_recv_msg_size_mib: 16}
      http: {endpoint: "\${HOST:-localhost}:4318", auth: {authenticator: bearertokenauth}}
  prometheus: {config: {}}
processors:
  batch: {send_batch_size: 8192, timeout: 200ms}
  memory_limiter: {check_interval: 1s, limit_percentage: 80}
  attributes:
    actions: [{key: env, value: "\${env:ENVIRONMENT:-prod}", action: upsert}, {key: user.email, action: hash}]
  attributes/some: {include: {match_type: strict, services: [a]}, actions: [{key: a, action: delete}]}
  resource: {attributes: [{key: cluster, value: eu-1, action: upsert}]}
  resourcedetection: {detectors: [env]}
  k8sattributes:
  filter:
    error_mode: ignore
    traces: {span: ['attributes["http.route"] == "/healthz"']}
  redaction: {allow_all_keys: true, blocked_values: ["4[0-9]{12}"], allowed_values: [".+@example.com"], hash_function: md5}
  transform: {trace_statements: []}
  tail_sampling:
    decision_wait: 10s
    policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
connectors: {spanmetrics: {}}
exporters:
  otlp/tempo:
    endpoint: tempo.example.com:4317
    tls: {insecure_skip_verify: false}
    headers: {x-scope-orgid: "\${env:TENANT:-team}"}
    balancer_name: round_robin
    sending_queue: {num_consumers: 10, queue_size: 5000, storage: file_storage}
    retry_on_failure: {initial_interval: 5s, max_elapsed_time: 300s}
  otlphttp: {endpoint: "https://otlp.example.com", auth: {authenticator: bearertokenauth}, max_idle_conns: 100}
  loki: {endpoint: "http://loki:3100"}
  logging:
service:
  extensions: [health_check, file_storage]
  telemetry:
    logs: {level: info}
    metrics: {level: detailed, address: "0.0.0.0:8888"}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, attributes, resource, filter, redaction, tail_sampling, batch]
      exporters: [otlp/tempo, otlphttp]
    logs: {receivers: [otlp], processors: [transform, batch], exporters: [loki, logging]}
`

t.test('every problem of a usual Collector config says what to write instead', async t => {
  const { problems, notes } = load(COLLECTOR)
  t.ok(problems.length > 20, `${problems.length} problems`)
  const hints = Object.values(COLLECTOR_HINTS)
  for (const problem of problems)
    t.ok(
      hints.some(hint => problem.fix?.includes(hint)),
      problemText(problem)
    )
  t.notMatch(notes.map(problemText).join('\n'), /`batch` runs before/, 'nothing of the order of what does not exist')
})

t.test('what is not in these answers is taken as it is', async t => {
  const { problems } = load(COLLECTOR)
  for (const path of [
    'max_recv_msg_size_mib',
    'decision_wait',
    'queue_size',
    'retry_on_failure',
    'insecure_skip_verify'
  ])
    t.notOk(
      problems.some(p => p.path.includes(path)),
      path
    )
})

t.test('no answer is about a type or a key that exists', async t => {
  for (const place of Object.keys(COLLECTOR_HINTS)) {
    const [, section, type, key] = /^(receivers|processors|exporters)\/([\w*]+)(?:\.(.+))?$/.exec(place) ?? []
    if (section === undefined || type === '*') continue
    const known = registry[section as 'processors'].find(d => d.type === type)
    t.equal(known !== undefined, key !== undefined, place)
    const first = (key ?? '').split('.')
    if (first.length === 1 && known !== undefined)
      t.notOk(first[0]! in (known.schema as unknown as { properties: object }).properties, place)
  }
})
