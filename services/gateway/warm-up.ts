// Runs the chains on made-up requests before the first real one, so that V8 has compiled them by then: otherwise the first
// few hundred thousand spans after a start cost twice the CPU and the first requests wait for it. The chains are copies
// with counters of their own that nobody reads; nothing of it reaches the log.

import { encodeRequest } from '../../core/otlp/decode.js'
import type { Signal } from '../../core/otlp/signal.js'
import type { Chain } from '../../core/pipeline/chain.js'

/** Most time all chains together may take, milliseconds. */
const BUDGET_MS = 400
const ROUNDS = 60
const ITEMS = 100

/** Warms each chain; gives up quietly when the budget is used, or when a chain does not take what is made up here. */
export async function warmUp(chains: readonly { readonly signal: Signal; readonly chain: Chain }[]): Promise<void> {
  const endsAt = performance.now() + BUDGET_MS
  const requests: Partial<Record<Signal, readonly Buffer[]>> = {}
  for (let round = 0; round < ROUNDS; round++) {
    for (const { signal, chain } of chains) {
      requests[signal] ??= [0, 1, 2, 3].map(seed => sample(signal, seed))
      try {
        chain.run(requests[signal]![round % 4]!)
      } catch {
        return
      }
      // The compiler works beside the program: let it.
      await new Promise(resolve => setImmediate(resolve))
      if (performance.now() > endsAt) return
    }
  }
}

/** A request as AlgoFlow and usual instrumentation would write it; a few items hold what detectors look closer at. */
function sample(signal: Signal, seed: number): Buffer {
  const items = Array.from({ length: ITEMS }, (_, i) => seed * ITEMS + i)
  const resource = {
    attributes: pairs({ 'service.name': 'warm-up', 'host.name': 'node-1', 'service.version': '1.0.0' })
  }
  const scope = { name: 'warm-up', version: '1.0.0' }
  if (signal === 'traces')
    return encode(signal, { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: items.map(span) }] }] })
  if (signal === 'logs')
    return encode(signal, { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: items.map(record) }] }] })
  return encode(signal, { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: items.map(metric) }] }] })
}

function encode(signal: Signal, request: object): Buffer {
  return encodeRequest(signal, request as never)
}

function span(n: number) {
  const id = `${hex(n, 8)}-${hex(n * 7, 4)}-4${hex(n, 3)}-a${hex(n, 3)}-${hex(n * 13, 12)}`
  return {
    traceId: Buffer.from(hex(n + 1, 32), 'hex'),
    spanId: Buffer.from(hex(n + 1, 16), 'hex'),
    name: `step load-input ${n % 7}`,
    kind: 1 + (n % 3),
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_123_000_000n,
    attributes: pairs({
      'workflow.name': `workflow-${n % 5}`,
      'workflow.id': id,
      'step.name': 'load-input',
      'step.attempt': 1,
      'step.cached': n % 2 === 0,
      'step.dependencies': ['validate', 'normalize'],
      'step.output_size_bytes': 1_000_000 + n * 991,
      'step.queue_time_ms': n * 0.731,
      'url.full': `https://api.internal/v2/orders/${id}?page=${n % 9}&limit=100`,
      'db.statement': 'SELECT id, amount FROM ledger WHERE account_id = $1 ORDER BY created_at DESC LIMIT 100',
      'code.function': 'AlgoFlow.Steps.LoadInput.run',
      user_id: `u-${n}`,
      ...(n % 10 === 0 ? { note: NOTES[(n / 10) % NOTES.length]! } : {})
    }),
    ...(n % 20 === 0 ? { status: { code: 2, message: 'write failed: connection reset by peer' } } : {})
  }
}

const NOTES = [
  'mail ada@example.com',
  'card 4111 1111 1111 1111',
  'call +1 415 555 2671',
  'from 203.0.113.9',
  'ssn 219-09-9999'
]

function record(n: number) {
  return {
    timeUnixNano: 1_700_000_000_000_000_000n,
    severityNumber: 9 + (n % 3) * 4,
    severityText: 'INFO',
    body: n % 5 === 0 ? `login of ${NOTES[n % NOTES.length]}` : `Step completed in ${n} ms, 3 of 8 done`,
    attributes: pairs({ 'workflow.name': `workflow-${n % 5}`, duration_ms: n, cache_hit: false })
  }
}

function metric(n: number) {
  const dataPoints = [
    { timeUnixNano: 1_700_000_000_000_000_000n, asInt: BigInt(n), attributes: pairs({ 'step.name': `step-${n % 9}` }) }
  ]
  return {
    name: `algoflow.step.${n % 12}`,
    description: 'Time waiting for dependencies',
    unit: 'ms',
    gauge: { dataPoints }
  }
}

function pairs(values: Readonly<Record<string, unknown>>) {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

function hex(n: number, digits: number): string {
  return (BigInt(n) * 0x9e3779b97f4a7c15f39cc0605cedc835n).toString(16).padStart(digits, '0').slice(-digits)
}
