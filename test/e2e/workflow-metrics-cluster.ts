// `npm run e2e -- workflow-metrics`: three gateways share one Redis behind a client that takes them in turn, tail sampling keeps
// 1 %, 5 % of the requests are sent twice, to another gateway, two gateways are killed. Totals over all of them equal the truth.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayProcess, gatewayConfig, until } from '../helpers/gateway-process.js'
import { startRedis } from '../helpers/redis.js'
import { differences, Fleet, seriesOf } from '../helpers/workflows.js'
import { Rng } from '../privacy/rng.js'
import type { Run } from './harness.js'

const REPLICAS = 3
const REQUESTS = 200
const EXECUTIONS = 8
const LEASE = '1500ms'
const PROMETHEUS = 'metrics are shown at /metrics'
const WAIT_MS = 30_000

function configWith(url: string): object {
  return gatewayConfig({
    queue: { type: 'redis', url, lease: LEASE },
    processors: {
      redaction: {},
      workflow_metrics: { metrics_flush_interval: '500ms' },
      tail_sampling: {
        decision_wait: '1s',
        policies: [{ name: 'one', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } }]
      }
    },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' }, file: { path: 'kept.jsonl' } },
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

export default async function workflowMetrics(run: Run): Promise<void> {
  const redis = await startRedis()
  run.onEnd(() => redis.stop())
  const folder = await run.folder()
  const gateways: GatewayProcess[] = []
  run.onEnd(async () => {
    for (const gateway of gateways) {
      gateway.kill('SIGKILL')
      await gateway.ended
    }
  })
  let lives = 0
  const start = async (i: number) => {
    const cwd = join(folder, `gateway-${++lives}`)
    mkdirSync(cwd)
    gateways[i] = await new GatewayProcess({ cwd, config: configWith(redis.url) }).ready()
  }
  for (let i = 0; i < REPLICAS; i++) await start(i)
  const fleet = new Fleet(11)
  const rng = new Rng(11, 'again')
  const sent: Buffer[] = []
  let turn = 0
  let twice = 0
  for (let i = 0; i < REQUESTS; i++) {
    const body = fleet.request(EXECUTIONS)
    if (i === 70 || i === 140) gateways[i === 70 ? 0 : 1]!.kill('SIGKILL')
    await deliver(() => gateways[turn++ % REPLICAS]!, body)
    sent.push(body)
    if (i === 90 || i === 160) await start(i === 90 ? 0 : 1)
    if (!rng.chance(0.05) && i !== 71 && i !== 141) continue
    twice++
    await deliver(() => gateways[turn++ % REPLICAS]!, sent[rng.int(Math.max(0, i - 80), i)]!)
  }
  const alive = () => gateways.filter(gateway => gateway.isRunning)
  const shown = async () => seriesOf(...(await Promise.all(alive().map(page))))
  await until('the totals', async () => differences(fleet.truth, await shown()).length === 0, WAIT_MS).catch(() => {})
  const different = differences(fleet.truth, await shown())
  run.check('totals over all gateways equal the truth', different.length === 0, {
    spans: fleet.spans,
    traces: fleet.traces,
    failed: fleet.failed.size,
    requestsSentTwice: twice,
    different: different.slice(0, 5)
  })
  // One that leaves in order hands its partitions over: the others go on where it stood.
  await gateways[2]!.stop()
  for (let i = 0; i < 20; i++) await deliver(() => gateways[turn++ % 2]!, fleet.request(EXECUTIONS))
  await until('the totals', async () => differences(fleet.truth, await shown()).length === 0, WAIT_MS).catch(() => {})
  run.same('the same with two after one has left', differences(fleet.truth, await shown()).slice(0, 5), [])
}

/** Sends until somebody answers 200. */
async function deliver(next: () => GatewayProcess, body: Buffer): Promise<void> {
  await until('an answer 200', async () => {
    const gateway = next()
    if (!gateway.isRunning) return false
    try {
      const answer = await fetch(`${gateway.http}/v1/traces`, {
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

async function page(gateway: GatewayProcess): Promise<string> {
  const port = gateway.log.find(line => line.msg === PROMETHEUS)?.['port']
  return (await fetch(`http://127.0.0.1:${String(port)}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()
}
