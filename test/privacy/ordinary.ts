// Ordinary AlgoFlow traffic: the background that must come out as it went in.

import type { Signal } from '../../core/otlp/signal.js'
import type { Plain } from '../helpers/otlp-oracle.js'
import type { Rng } from './rng.js'

const FLOWS = [
  'nightly-ledger',
  'claims_intake',
  'price.sync',
  'image-resize',
  'fraud-scoring',
  'Weekly Forecast',
  'feed_import'
]
const STEPS = [
  'load',
  'clean',
  'join-orders',
  'score',
  'write_parquet',
  'notify',
  'aggregate by region',
  'validateSchema'
]
const SCOPES = [
  'algoflow.engine',
  'io.opentelemetry.http',
  '@opentelemetry/instrumentation-pg',
  'flow.scheduler',
  'hs-opentelemetry'
]
const LINES = [
  'step finished in {n} ms',
  'cache hit for step load, skipping {n} rows',
  'retry {n} of 5 scheduled',
  'queue depth is {n}',
  'workflow started with parallelism {n}',
  'connection pool grew to {n}',
  'checkpoint {n} written',
  'Step "score" timed out after {n}s: deadline exceeded',
  'GET /v1/runs/{n} 200 12ms',
  'could not reach broker, backing off for {n} ms'
]

type Maker = (rng: Rng) => readonly [string, Plain]
const text =
  (key: string, ...values: string[]): Maker =>
  rng => [key, { stringValue: rng.pick(values) }]
const count =
  (key: string, low: number, high: number): Maker =>
  rng => [key, { intValue: BigInt(rng.int(low, high)) }]

const ATTRIBUTES: Readonly<Record<'resource' | 'span' | 'log' | 'point', readonly Maker[]>> = {
  resource: [
    text('service.name', 'algoflow-engine', 'algoflow-worker', 'flow-api'),
    text('service.namespace', 'flows', 'batch'),
    text('deployment.environment.name', 'production', 'staging'),
    text('telemetry.sdk.language', 'haskell', 'java', 'go', 'python'),
    text('telemetry.sdk.name', 'opentelemetry'),
    text('cloud.region', 'eu-west-1', 'us-east-2', 'ap-southeast-1'),
    text('os.type', 'linux'),
    rng => ['k8s.pod.name', { stringValue: `flow-worker-${rng.hex(9)}-${rng.chars('bcdfghjklmnpqrstvwxz', 5)}` }],
    rng => ['host.name', { stringValue: `node-${rng.int(1, 200)}.flows.internal` }],
    rng => [
      'service.instance.id',
      { stringValue: `${rng.hex(8)}-${rng.hex(4)}-4${rng.hex(3)}-a${rng.hex(3)}-${rng.hex(12)}` }
    ]
  ],
  span: [
    text('workflow.name', ...FLOWS),
    rng => ['workflow.id', { stringValue: `wf-${rng.hex(12)}` }],
    text('workflow.version', '1.4.2', '2.0.0', '2026.3.1'),
    text('step.name', ...STEPS),
    count('step.attempt', 1, 5),
    rng => ['step.cached', { boolValue: rng.chance(0.5) }],
    count('step.timeout_ms', 1000, 600_000),
    rng => [
      'step.dependencies',
      { arrayValue: { values: [{ stringValue: rng.pick(STEPS) }, { stringValue: rng.pick(STEPS) }] } }
    ],
    count('step.input_size_bytes', 0, 90_000_000),
    count('step.queue_time_ms', 0, 60_000),
    text('http.request.method', 'GET', 'POST', 'PUT'),
    text('http.route', '/v1/runs/{id}', '/v1/flows', '/healthz'),
    count('http.response.status_code', 200, 504),
    text('url.path', '/v1/runs', '/v1/flows/nightly-ledger/start', '/metrics'),
    text('db.system.name', 'postgresql', 'redis', 'mongodb'),
    text('db.query.summary', 'SELECT runs', 'INSERT events', 'GET key'),
    text('messaging.destination.name', 'flow-events', 'step.results.v2'),
    text('error.type', 'TimeoutError', 'java.net.ConnectException', '_OTHER'),
    text('code.function.name', 'Flow.Step.run', 'com.acme.flow.Runner.start', 'handle_batch'),
    text('server.address', 'api.flows.internal', 'db-3.flows.internal', 'localhost')
  ],
  log: [
    text('logger.name', 'Flow.Engine', 'com.acme.flow.Worker', 'flow.api.access'),
    text('thread.name', 'main', 'worker-3', 'http-nio-8080-exec-7'),
    text('workflow.name', ...FLOWS),
    text('step.name', ...STEPS),
    count('code.line.number', 1, 900),
    text('event.outcome', 'success', 'failure', 'unknown')
  ],
  point: [
    text('workflow.name', ...FLOWS),
    text('step.name', ...STEPS),
    text('outcome', 'ok', 'error', 'cancelled', 'timeout'),
    text('http.request.method', 'GET', 'POST'),
    text('state', 'idle', 'used')
  ]
}

/** Some attributes that a resource, span, log or data point usually has; keys differ. */
export function ordinaryAttributes(rng: Rng, owner: keyof typeof ATTRIBUTES, many: number): Plain[] {
  return rng
    .shuffle(ATTRIBUTES[owner])
    .slice(0, many)
    .map(make => make(rng))
    .map(([key, value]) => ({ key, value }))
}

export function ordinaryText(rng: Rng, what: 'scope' | 'line'): string {
  return what === 'scope' ? rng.pick(SCOPES) : rng.pick(LINES).replace('{n}', String(rng.int(1, 9000)))
}

const time = (rng: Rng): bigint => 1_780_000_000_000_000_000n + BigInt(rng.int(0, 1_000_000_000)) * 1000n

/** A span, a metric with one point, or a log record. */
export function ordinaryItem(rng: Rng, signal: Signal, point: string): Plain {
  if (signal === 'traces') return span(rng)
  return signal === 'metrics' ? metric(rng, point) : log(rng)
}

function span(rng: Rng): Plain {
  const start = time(rng)
  return {
    traceId: rng.bytes(16),
    spanId: rng.bytes(8),
    name: rng.pick(['step', 'workflow', 'GET /v1/runs/{id}', 'SELECT runs', 'publish flow-events']),
    kind: rng.int(1, 5),
    startTimeUnixNano: start,
    endTimeUnixNano: start + BigInt(rng.int(1000, 900_000_000)),
    attributes: ordinaryAttributes(rng, 'span', 2),
    events: [
      { timeUnixNano: start, name: rng.pick(['retry', 'cache.hit', 'exception', 'checkpoint']), attributes: [] }
    ],
    links: [{ traceId: rng.bytes(16), spanId: rng.bytes(8), attributes: [] }]
  }
}

function metric(rng: Rng, kind: string): Plain {
  const at = time(rng)
  const exemplars = [
    { timeUnixNano: at, asDouble: 0.5, spanId: rng.bytes(8), traceId: rng.bytes(16), filteredAttributes: [] }
  ]
  const base = { startTimeUnixNano: at, timeUnixNano: at, attributes: ordinaryAttributes(rng, 'point', 2) }
  const bodies: { [kind: string]: Plain } = {
    gauge: { asDouble: rng.int(0, 1000) / 8, exemplars },
    sum: { asInt: BigInt(rng.int(0, 100_000)), exemplars },
    histogram: { count: 3n, sum: 4.5, bucketCounts: [1n, 2n, 0n], explicitBounds: [1, 2], exemplars },
    exponentialHistogram: { count: 3n, sum: 4.5, scale: 2, positive: { offset: 1, bucketCounts: [3n] }, exemplars },
    summary: { count: 3n, sum: 4.5, quantileValues: [{ quantile: 0.5, value: 1.5 }] }
  }
  return {
    name: rng.pick(['algoflow.step.duration', 'algoflow.workflow.active', 'http.server.request.duration']),
    description: rng.pick(['How long a step takes.', 'Workflows running now.', 'Time to answer a request.']),
    unit: rng.pick(['ms', 's', 'By', '{run}', '1']),
    metadata: [],
    [kind]: {
      ...(kind === 'gauge' || kind === 'summary' ? {} : { aggregationTemporality: 2 }),
      dataPoints: [{ ...base, ...bodies[kind] }]
    }
  }
}

function log(rng: Rng): Plain {
  return {
    timeUnixNano: time(rng),
    severityNumber: 9,
    severityText: rng.pick(['INFO', 'WARN', 'ERROR', 'debug']),
    body: { stringValue: ordinaryText(rng, 'line') },
    attributes: ordinaryAttributes(rng, 'log', 2),
    traceId: rng.bytes(16),
    spanId: rng.bytes(8)
  }
}
