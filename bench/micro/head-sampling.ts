// What the inline samplers cost: CPU per item over made-up requests of 512 items, nothing stored, against the walk alone.
//
//   node dist/bench/micro/head-sampling.js
//
// Goal: at most 0.5 us an item above the walk for a fixed chance of spans, 1 us for the others.

import type { ProcessorDeclaration } from '../../core/component/processor.js'
import { configOf } from '../../core/config/check.js'
import { encodeRequest } from '../../core/otlp/decode.js'
import type { Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import adaptiveSampler from '../../processors/adaptive_sampler/index.js'
import logSampling from '../../processors/log_sampling/index.js'
import probabilisticSampler from '../../processors/probabilistic_sampler/index.js'

const ITEMS = 512
const ROUNDS = 400

const attribute = (key: string, value: unknown) => ({ key, value })
const attributes = (i: number) => [
  attribute('workflow.name', `flow-${i % 20}`),
  attribute('step.name', `step-${i % 7}`),
  attribute('http.route', '/api/v1/things/{id}'),
  attribute('http.status_code', 200n),
  attribute('duration', 12.5)
]

function traceId(i: number): Buffer {
  const id = Buffer.alloc(16, 7)
  id.writeUInt32BE(i, 0)
  id.writeUInt32BE(Math.imul(i + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

const spans = Array.from({ length: ITEMS }, (_, i) => ({
  traceId: traceId(i >> 3),
  spanId: Buffer.alloc(8, 1),
  name: `GET /api/v1/things/${i % 50}`,
  kind: 2,
  startTimeUnixNano: 1_700_000_000_000_000_000n,
  endTimeUnixNano: 1_700_000_000_010_000_000n,
  attributes: attributes(i)
}))
const logRecords = Array.from({ length: ITEMS }, (_, i) => ({
  timeUnixNano: 1_700_000_000_000_000_000n + BigInt(i),
  severityNumber: 9,
  body: `request ${i} of user ${i * 7} to "/api/v1/things/${i}" took ${i % 90} ms and returned status ${200 + (i % 4)}`,
  attributes: attributes(i)
}))
const requests: Readonly<Record<'traces' | 'logs', Buffer>> = {
  traces: encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] } as never),
  logs: encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] } as never)
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

function chainOf(signal: Signal, declaration?: ProcessorDeclaration, config: object = {}): Chain {
  const failed = (_: string, error: unknown) => {
    throw error
  }
  if (declaration === undefined) return new Chain(signal, [], { failed })
  const count = new Proxy({}, { get: () => () => {} }) as never
  const context = {
    id: declaration.type,
    log: quiet,
    clock: { now: Date.now, after: () => ({ cancel() {} }) },
    count,
    signal
  }
  const processor = declaration.create(configOf(declaration.schema, config) as never, context)
  return new Chain(signal, [{ id: declaration.type, processor, mutates: true }], { failed })
}

function perItem(chain: Chain, bytes: Buffer): number {
  const once = (): number => {
    const before = process.cpuUsage()
    for (let i = 0; i < ROUNDS; i++) chain.run(bytes)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / (ROUNDS * ITEMS)
  }
  once()
  return Math.min(once(), once(), once())
}

const rows: readonly (readonly [string, 'traces' | 'logs', ProcessorDeclaration, object])[] = [
  ['probabilistic_sampler, 10 %', 'traces', probabilisticSampler, { sampling_percentage: 10 }],
  ['adaptive_sampler', 'traces', adaptiveSampler, { items_per_second: 5000 }],
  ['log_sampling, 10 %', 'logs', logSampling, { sampling_percentage: 10 }],
  ['log_sampling, templates', 'logs', logSampling, { template_limit: { records_per_second: 5 } }]
]
const walk = { traces: perItem(chainOf('traces'), requests.traces), logs: perItem(chainOf('logs'), requests.logs) }
console.log(`${'walk alone'.padEnd(30)} traces ${walk.traces.toFixed(2)}, logs ${walk.logs.toFixed(2)} us an item`)
for (const [name, signal, declaration, config] of rows) {
  const cost = perItem(chainOf(signal, declaration, config), requests[signal])
  console.log(`${name.padEnd(30)} ${cost.toFixed(2)} us, ${(cost - walk[signal]).toFixed(2)} above the walk`)
}
