// A guard for CI: how much dearer one of our own paths is than another, in CPU time of one process, alternating, so that a slow or
// busy machine changes both alike. Fails when a ratio is beyond its limit: somebody made the hot path dearer.
//
//   node dist/bench/guard.js
//
// Paths, over the same requests of 100 AlgoFlow spans:
//   walk      the one walk with a hook that looks at every attribute
//   redact    the same walk with every detector of redaction
//   decode    the whole message decoded to objects and encoded again, which nobody does behind the door

import type { InlineProcessor } from '../core/component/processor.js'
import { configOf } from '../core/config/check.js'
import { decodeRequest, encodeRequest } from '../core/otlp/decode.js'
import { Walker } from '../core/otlp/walk.js'
import redaction from '../processors/redaction/index.js'

const ROUNDS = 9
const ROUND_MS = 120
const REQUESTS = 20
const SPANS = 100

/** Measured 2026-11-26 on a shared 2-core machine: see bench/README.md. Limits leave half as much again. */
const LIMITS = [
  { dear: 'redact', cheap: 'walk', atMost: 14 },
  { dear: 'walk', cheap: 'decode', atMost: 0.2 }
] as const

type Path = 'walk' | 'redact' | 'decode'

const requests = Array.from({ length: REQUESTS }, (_, i) => request(i))
const walk = walkerOf({ attribute() {} })
const redact = walkerOf(
  redaction.create(configOf(redaction.schema, {}), {
    id: 'guard',
    log: { debug() {}, info() {}, warn() {}, error() {} },
    clock: { now: Date.now, after: () => ({ cancel() {} }) },
    count: new Proxy({}, { get: () => () => {} }) as never
  })
)
const PATHS: Readonly<Record<Path, (bytes: Buffer) => unknown>> = {
  walk: bytes => walk.walk(bytes),
  redact: bytes => redact.walk(bytes),
  decode: bytes => encodeRequest('traces', decodeRequest('traces', bytes))
}

const costs: Record<Path, number[]> = { walk: [], redact: [], decode: [] }
for (let round = 0; round <= ROUNDS; round++) {
  for (const path of Object.keys(PATHS) as Path[]) {
    const us = measure(PATHS[path])
    // The first round warms up.
    if (round > 0) costs[path].push(us)
  }
}
for (const path of Object.keys(PATHS) as Path[])
  console.log(`${path.padEnd(8)} ${median(costs[path]).toFixed(2)} us CPU a span`)
let failed = 0
for (const { dear, cheap, atMost } of LIMITS) {
  const ratio = median(costs[dear].map((cost, i) => cost / costs[cheap][i]!))
  const ok = ratio <= atMost
  if (!ok) failed++
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${dear} / ${cheap} = ${ratio.toFixed(2)}, at most ${atMost}`)
}
console.log(`${LIMITS.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function walkerOf(processor: InlineProcessor): Walker {
  const report = {
    dropped() {},
    failed(_: unknown, error: unknown) {
      throw error
    }
  }
  return new Walker('traces', [processor], report)
}

/** CPU microseconds a span of one path, over about ROUND_MS. */
function measure(run: (bytes: Buffer) => unknown): number {
  const before = process.cpuUsage()
  const end = performance.now() + ROUND_MS
  let spans = 0
  while (performance.now() < end) {
    for (const bytes of requests) run(bytes)
    spans += REQUESTS * SPANS
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / spans
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

/** Spans as AlgoFlow sends them; one in fifty has something to find. */
function request(number: number): Buffer {
  const text = (key: string, value: string) => ({ key, value })
  const spans = Array.from({ length: SPANS }, (_, i) => {
    const n = number * SPANS + i
    const note = n % 50 === 0 ? `sent to user${n}@example.com` : `batch ${n} of region eu-central, no retry needed`
    return {
      traceId: Buffer.from(n.toString(16).padStart(32, '0'), 'hex'),
      spanId: Buffer.from((n + 1).toString(16).padStart(16, '0'), 'hex'),
      name: `step load-${n % 17}`,
      kind: 1,
      startTimeUnixNano: 1732320000000000000n + BigInt(n),
      endTimeUnixNano: 1732320000120000000n + BigInt(n),
      attributes: [
        text('workflow.name', `nightly-${n % 7}`),
        text('workflow.version', '2.14.0'),
        text('workflow.id', `wf-${n % 7}-0000${n}`),
        text('step.name', `load-${n % 17}`),
        { key: 'step.attempt', value: 1n },
        { key: 'step.cached', value: n % 3 === 0 },
        text('http.request.method', 'POST'),
        text('url.path', `/v1/items/${n}/lines`),
        text('note', note)
      ]
    }
  })
  const resource = { attributes: [text('service.name', 'algoflow'), text('host.name', 'worker-3')] }
  return encodeRequest('traces', {
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'algoflow' }, spans }] }]
  } as never)
}
