// A whole gateway with tail sampling at 10 %: 200,000 traces, errors in 1 % of them, spans out of order over many requests.
// Every trace with an error must come out whole, every other one whole or not at all, and counts extrapolated from the
// weights must be within 2 % of the truth.
//
//   node dist/test/e2e/sampling.js [traces]

import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { loadConfig } from '../../core/config/load.js'
import { WireWriter } from '../../core/otlp/wire.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { Gateway } from '../../services/gateway/app.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'

const TRACES = Number(process.argv[2] ?? 200_000)
const SPANS = 3
const PER_REQUEST = 1000
const dir = mkdtempSync(join(tmpdir(), 'sampling-'))
const out = join(dir, 'out.jsonl')

const config = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors:
  tail_sampling:
    decision_wait: 20s
    policies: [{name: ten, type: probabilistic, probabilistic: {sampling_percentage: 10}}]
exporters: {file: {path: ${out}}}
queue: {type: embedded, path: ${join(dir, 'queue')}}
service: {pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [file]}}}
`

const idOf = (trace: number) => createHash('md5').update(`trace ${trace}`).digest()
const hasError = (trace: number) => trace % 100 === 7

/** Spans 0 .. TRACES * SPANS in an order that tears every trace apart, but not by more than the waiting time. */
function* order(): Generator<[number, number]> {
  const block = 5000
  for (let from = 0; from < TRACES; from += block) {
    for (let span = SPANS - 1; span >= 0; span--) {
      for (let i = 0; i < block && from + i < TRACES; i++) yield [from + ((i * 1597) % block), span]
    }
  }
}

function writeSpan(writer: WireWriter, trace: number, span: number): void {
  writer.tag(2, 2)
  const at = writer.open()
  const id = idOf(trace)
  writer.tag(1, 2)
  writer.bytes(id)
  writer.tag(2, 2)
  writer.bytes(Buffer.from([...id.subarray(0, 7), span + 1]))
  if (span > 0) {
    writer.tag(4, 2)
    writer.bytes(Buffer.from([...id.subarray(0, 7), 1]))
  }
  writer.tag(5, 2)
  writer.string(`step ${span}`)
  if (hasError(trace) && span === trace % SPANS) {
    writer.tag(15, 2)
    writer.bytes(Buffer.from([0x18, 2]))
  }
  writer.close(at)
}

function request(spans: readonly [number, number][]): Buffer {
  const writer = new WireWriter(128 * 1024)
  writer.tag(1, 2)
  const resource = writer.open(3)
  writer.tag(2, 2)
  const scope = writer.open(3)
  for (const [trace, span] of spans) writeSpan(writer, trace, span)
  writer.close(scope, 3)
  writer.close(resource, 3)
  return writer.finish()
}

async function send(url: string): Promise<void> {
  let spans: [number, number][] = []
  const flush = async () => {
    const body = new Uint8Array(request(spans))
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body })
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`)
    spans = []
  }
  for (const span of order()) if (spans.push(span) === PER_REQUEST) await flush()
  if (spans.length > 0) await flush()
}

interface Line {
  readonly resourceSpans: { scopeSpans: { spans: { traceId: string; traceState?: string }[] }[] }[]
}

async function received(): Promise<{ spans: Map<string, number>; estimate: number }> {
  const spans = new Map<string, number>()
  let estimate = 0
  for await (const line of createInterface({ input: createReadStream(out) })) {
    if (line === '') continue
    for (const resource of (JSON.parse(line) as Line).resourceSpans) {
      for (const span of resource.scopeSpans.flatMap(scope => scope.spans)) {
        spans.set(span.traceId, (spans.get(span.traceId) ?? 0) + 1)
        estimate += weightOf(readOtelState(span.traceState ?? '').threshold!)
      }
    }
  }
  return { spans, estimate }
}

const loaded = loadConfig({ text: config, env: {}, registry: registryWith(RECEIVERS) })
if (loaded.config === undefined) throw new Error(loaded.problems.map(problem => problem.says).join('\n'))
const silent = { debug() {}, info() {}, warn() {}, error: (_: object, text: string) => console.error(text) }
const gateway = new Gateway({ config: loaded.config, version: '0', log: silent, clock: systemClock })
await gateway.start()
await send(`http://${gateway.endpoints().get('otlp')!.http}/v1/traces`)
const settled = () => gateway.ledger().exporters.every(line => line.waiting === 0)
for (let quiet = 0, last = -1; quiet < 3; await new Promise(resolve => setTimeout(resolve, 1000))) {
  const appended = gateway.ledger().streams[0]!.appended
  quiet = appended === last && settled() ? quiet + 1 : 0
  last = appended
}
const ledger = gateway.ledger()
await gateway.stop()
const { spans, estimate } = await received()
let [lostErrors, torn, errors, others] = [0, 0, 0, 0]
for (let trace = 0; trace < TRACES; trace++) {
  const n = spans.get(idOf(trace).toString('hex')) ?? 0
  if (hasError(trace)) {
    errors++
    if (n !== SPANS) lostErrors++
  } else if (n === SPANS) others++
  else if (n !== 0) torn++
}
const off = (estimate / (TRACES * SPANS) - 1) * 100
console.log(
  `${TRACES} traces: ${errors} with errors, ${lostErrors} of them not whole; ${others} others kept, ${torn} torn; ` +
    `extrapolated ${Math.round(estimate)} of ${TRACES * SPANS} spans (${off.toFixed(2)} %); ledger ${ledger.isBalanced ? 'balanced' : 'OFF'}`
)
rmSync(dir, { recursive: true, force: true })
if (lostErrors > 0 || torn > 0 || Math.abs(off) > 2 || !ledger.isBalanced) process.exitCode = 1
