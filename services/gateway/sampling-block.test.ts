// The requirements' own block, as printed there, in a running gateway: what comes out of the file exporter.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { PRD_BLOCK } from '../../test/helpers/prd-block.js'
import { silentLog } from '../../test/helpers/receiver.js'
import { registryWith } from '../registry.js'
import { Gateway } from './app.js'
import { RECEIVERS } from './receivers/index.js'

function load(text: string) {
  const { config, problems } = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  if (config === undefined) throw new Error(problems.map(problem => problem.says).join('\n'))
  return config
}

/** Starts a gateway with this block, sends, stops, and gives what the file exporter wrote. */
async function played(
  dir: string,
  block: string,
  requests: readonly (readonly ['traces' | 'logs' | 'metrics', Plain])[]
) {
  const rest = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
exporters: {file: {path: ${dir}/out.jsonl}}
queue: {type: embedded, path: ${dir}/queue}
`
  const log = { ...silentLog }
  const key = () => 'only-for-this-test-0123456789abcd'
  const gateway = new Gateway({
    config: load(block + rest),
    version: '0',
    log,
    clock: systemClock,
    installationKey: key
  })
  await gateway.start()
  for (const [signal, plain] of requests) {
    const url = `http://${gateway.endpoints().get('otlp')!.http}/v1/${signal}`
    const body = new Uint8Array(oracle.encodeRequest(signal, plain))
    const headers = { 'content-type': 'application/x-protobuf' }
    const response = await fetch(url, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`)
  }
  for (const window of gateway.windows.values()) await window.settle()
  for (let tries = 0; tries < 500 && gateway.ledger().exporters.some(({ waiting }) => waiting > 0); tries++) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  const ledger = gateway.ledger()
  await gateway.stop()
  let text = ''
  try {
    text = readFileSync(`${dir}/out.jsonl`, 'utf8')
  } catch {
    // Nothing was kept.
  }
  return { text, ledger, spans: spansIn(text) }
}

interface Span {
  readonly name: string
  readonly traceState?: string
}

function spansIn(text: string): Span[] {
  const lines = text.split('\n').filter(line => line.includes('resourceSpans'))
  type Line = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }
  return lines.flatMap(line =>
    (JSON.parse(line) as Line).resourceSpans.flatMap(r => r.scopeSpans.flatMap(s => s.spans))
  )
}

function traceId(n: number): Buffer {
  const id = Buffer.alloc(16, 3)
  id.writeUInt32BE(n + 1, 0)
  id.writeUInt32BE(Math.imul(n + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

const text = (key: string, stringValue: string): Plain => ({ key, value: { stringValue } })

/** A workflow that is over with its root span. */
function run(n: number, workflow: string, more: Plain = {}): Plain {
  return {
    traceId: traceId(n),
    spanId: Buffer.alloc(8, 1),
    name: `${workflow} ${n}`,
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_100_000_000n,
    attributes: [
      text('workflow.name', workflow),
      { key: 'workflow.total_steps', value: { intValue: 0n } },
      text('email', 'a@b.example')
    ],
    ...more
  }
}

const spans = (all: readonly Plain[]) => ['traces', { resourceSpans: [{ scopeSpans: [{ spans: all }] }] }] as const
const records = (all: readonly Plain[]) => ['logs', { resourceLogs: [{ scopeLogs: [{ logRecords: all }] }] }] as const
const count = (all: readonly Span[], workflow: string) =>
  all.filter(({ name }) => name.startsWith(`${workflow} `)).length
const failed = { status: { code: 2 } }

t.test('the block as printed: a tenth of one workflow with weights, all of the others, errors always', async t => {
  const sensitive = Array.from({ length: 1000 }, (_, n) => run(n, 'sensitive-workflow', n % 100 === 7 ? failed : {}))
  const other = Array.from({ length: 50 }, (_, n) => run(5000 + n, 'other'))
  const { spans: out, text: file, ledger } = await played(t.testdir(), PRD_BLOCK, [spans(sensitive), spans(other)])
  t.equal(count(out, 'other'), 50)
  const kept = count(out, 'sensitive-workflow')
  t.ok(kept > 70 && kept < 145, `${kept} of 1000`)
  for (let n = 7; n < 1000; n += 100)
    t.ok(
      out.some(({ name }) => name === `sensitive-workflow ${n}`),
      `the error ${n}`
    )
  const stoodFor = out
    .filter(({ name }) => name.startsWith('sensitive'))
    .reduce((sum, { traceState = '' }) => sum + weightOf(readOtelState(traceState).threshold!), 0)
  t.ok(Math.abs(stoodFor - 1000) < 400, `they stand for ${Math.round(stoodFor)}`)
  t.notMatch(file, /a@b\.example/, 'and no address')
  t.ok(ledger.isBalanced)
})

t.test('0.0 keeps errors and nothing else; the default holds for the rest', async t => {
  const block = 'telemetry: {privacy: {sampling: {default: 0.0, by_workflow: {secret: 0.0, shown: 1.0}}}}\n'
  const all = ['secret', 'shown', 'rest'].flatMap((workflow, w) =>
    Array.from({ length: 20 }, (_, n) => run(100 * w + n, workflow, n === 3 ? failed : {}))
  )
  const { spans: out } = await played(t.testdir(), block, [spans(all)])
  t.same([count(out, 'secret'), count(out, 'shown'), count(out, 'rest')], [1, 20, 1])
})

t.test('of an excluded workflow nothing is taken: no error, no log record, no metric', async t => {
  const block = 'telemetry: {privacy: {sampling: {exclude_workflows: [probe]}}}\n'
  const point = (workflow: string) => ({ asInt: 1n, attributes: [text('workflow.name', workflow)] })
  const metrics = (name: string) => ({
    resourceMetrics: [
      { scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: [point('probe'), point('shop')] } }] }] }
    ]
  })
  const record = (body: string, workflow: string, more: Plain = {}) => ({
    severityNumber: 17,
    body: { stringValue: body },
    attributes: [text('workflow.name', workflow)],
    ...more
  })
  const {
    text: file,
    spans: out,
    ledger
  } = await played(t.testdir(), block, [
    spans([run(1, 'probe', failed), run(2, 'shop', failed)]),
    // A log record of the trace that does not name the workflow, one that does, one without a trace.
    records([
      { traceId: traceId(1), severityNumber: 9, body: { stringValue: 'follows the probe' } },
      record('of the probe', 'probe', { traceId: traceId(1) }),
      record('of the probe, without trace', 'probe'),
      record('of the shop', 'shop')
    ]),
    ['metrics', metrics('runs')]
  ])
  t.same([count(out, 'probe'), count(out, 'shop')], [0, 1])
  t.notMatch(file, /probe/)
  t.match(file, /of the shop/)
  t.equal(file.match(/"asInt"/g)?.length, 1)
  t.ok(ledger.isBalanced)
})

t.test('two places that say it: the smaller share holds, and what either excludes', async t => {
  const block = `
telemetry:
  sampling: {default: 1.0, by_workflow: {a: 0.0, b: 1.0}, exclude_workflows: [x]}
  privacy: {sampling: {default: 0.0, by_workflow: {a: 1.0, b: 1.0}, exclude_workflows: [y]}}
`
  const all = ['a', 'b', 'c', 'x', 'y'].flatMap((workflow, w) => [
    run(w * 10, workflow),
    run(w * 10 + 1, workflow, failed)
  ])
  const { spans: out } = await played(t.testdir(), block, [spans(all)])
  t.same(
    ['a', 'b', 'c', 'x', 'y'].map(workflow => count(out, workflow)),
    [1, 2, 1, 0, 0]
  )
})
