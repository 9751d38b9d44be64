// The metrics of workflows from outside: a sender that keeps the truth -> the gateway as people start it -> the page that
// Prometheus scrapes. Exact with 1 % sampling, with requests sent twice, across kill -9.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GatewayProcess, gatewayConfig, startGateway, until } from '../helpers/gateway-process.js'
import { differences, Fleet, seriesOf } from '../helpers/workflows.js'
import { Rng } from '../privacy/rng.js'

const REQUESTS = 120
const EXECUTIONS = 8
const PROMETHEUS = 'metrics are shown at /metrics'

function config(): object {
  return gatewayConfig({
    processors: {
      redaction: {},
      workflow_metrics: { metrics_flush_interval: '200ms', exemplars: { sampling_percentage: 1 } },
      tail_sampling: {
        decision_wait: '1s',
        policies: [{ name: 'one', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } }]
      }
    },
    exporters: { prometheus: { endpoint: '127.0.0.1:0', enable_open_metrics: true }, file: { path: 'kept.jsonl' } },
    service: {
      telemetry: { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } },
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: ['redaction', 'workflow_metrics', 'tail_sampling'],
          exporters: ['file']
        },
        metrics: { receivers: ['otlp', 'workflow_metrics'], exporters: ['prometheus'] }
      }
    }
  })
}

/** Sends until it is acknowledged, as SDKs do: whoever answers in the end. */
async function deliver(gateway: () => GatewayProcess | undefined, body: Buffer): Promise<void> {
  await until('an answer 200', async () => {
    const http = gateway()?.http
    if (http === undefined || http === '') return false
    try {
      const answer = await fetch(`${http}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(10_000)
      })
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      return false
    }
  })
}

async function page(gateway: GatewayProcess, accept = 'text/plain'): Promise<string> {
  const port = gateway.log.find(line => line.msg === PROMETHEUS)?.['port']
  const url = `http://127.0.0.1:${String(port)}/metrics`
  return (await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(10_000) })).text()
}

t.test('totals equal the truth with 1 % sampled, 5 % of the requests sent twice and two kill -9', async t => {
  const dir = t.testdir({})
  const fleet = new Fleet(7)
  const rng = new Rng(7, 'again')
  let gateway: GatewayProcess | undefined
  const start = async () => (gateway = await new GatewayProcess({ cwd: dir, config: config() }).ready())
  t.teardown(async () => {
    gateway?.kill('SIGKILL')
    await gateway?.ended
  })
  await start()
  const sent: Buffer[] = []
  for (let i = 0; i < REQUESTS; i++) {
    const body = fleet.request(EXECUTIONS)
    const arriving = deliver(() => gateway, body)
    if (i === 40 || i === 80) {
      const dying = gateway!
      gateway = undefined
      dying.kill('SIGKILL')
      await dying.ended
      await start()
    }
    await arriving
    sent.push(body)
    // Also what was acknowledged before a kill comes again behind it.
    if (rng.chance(0.05) || i === 41 || i === 81) await deliver(() => gateway, sent[rng.int(Math.max(0, i - 60), i)]!)
  }
  const now = gateway!
  const shown = await until('the totals', async () => {
    const series = seriesOf(await page(now))
    return differences(fleet.truth, series).length === 0 ? series : undefined
  }).catch(async () => seriesOf(await page(now)))
  t.same(differences(fleet.truth, shown), [])
  t.ok(
    fleet.spans > 2000 && fleet.failed.size > 5,
    `${fleet.spans} spans, ${fleet.failed.size} of ${fleet.traces} traces failed`
  )
  t.match(await now.metrics(), /algoflow_gateway_processor_duplicates_total\{component="workflow_metrics"\} [1-9]/)
  await t.test('a clean restart changes nothing', async t => {
    await now.stop()
    await start()
    const again = await until('the totals', async () => {
      const series = seriesOf(await page(gateway!))
      return series.size > 0 ? series : undefined
    })
    t.same(differences(fleet.truth, again), [])
    t.ok((await gateway!.drained()).isBalanced, 'ledger')
  })
  await t.test('most traces are gone, none with an error; exemplars point at traces that are there', async t => {
    // New ones: exemplars are told once, and these traces are decided when the gateway stops.
    for (let i = 0; i < 40; i++) await deliver(() => gateway, fleet.request(EXECUTIONS))
    const exemplars = await until('exemplars', async () => {
      const text = await page(gateway!, 'application/openmetrics-text')
      const found = [...text.matchAll(/# \{[^}]*trace_id="(\w+)"/g)].map(match => match[1]!)
      return found.length > 0 ? found : undefined
    })
    const keptTraces = () => {
      const kept = readFileSync(join(dir, 'kept.jsonl'), 'utf8')
      return new Set([...kept.matchAll(/"traceId":"(\w+)"/g)].map(match => match[1]!))
    }
    const missing = () => [...fleet.failed].filter(id => !keptTraces().has(id))
    await until('every trace with an error', async () => missing().length === 0).catch(() => {})
    t.same(missing(), [])
    await gateway!.stop()
    const traces = keptTraces()
    for (const id of exemplars) t.ok(traces.has(id), `exemplar ${id}`)
    t.ok(traces.size < fleet.traces / 5, `${traces.size} of ${fleet.traces} kept`)
  })
})

t.test('nothing that privacy processors remove is counted by name or kept', async t => {
  const dir = t.testdir({})
  const gateway = await startGateway(t, { cwd: dir, config: config() })
  const span = {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    name: 'x',
    startTimeUnixNano: '1732320000000000000',
    endTimeUnixNano: '1732320000120000000',
    attributes: [{ key: 'workflow.name', value: { stringValue: 'mail maria.lopez@example.org' } }]
  }
  const answer = await fetch(`${gateway.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  })
  t.equal(answer.status, 200)
  const text = await until('the series', async () => {
    const shown = await page(gateway)
    return shown.includes('algoflow_workflow_completed_total{') ? shown : undefined
  })
  t.match(text, /workflow_name="mail \[REDACTED:email\]"/)
  await gateway.stop()
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      t.notMatch(readFileSync(join(entry.parentPath, entry.name), 'latin1'), /maria\.lopez/, entry.name)
})
