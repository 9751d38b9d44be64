// `npm run e2e -- sampling-cluster`: three gateways that share one Redis, tail sampling at 10 %. 200,000 traces (SAMPLING_TRACES), errors
// in 1 % of them, spans out of order and over all three gateways: every trace with an error comes out whole, every other one whole or
// not at all, and counts extrapolated from the weights are within 2 % of the truth.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { GatewayProcess, gatewayConfig } from '../helpers/gateway-process.js'
import { startRedis } from '../helpers/redis.js'
import { redisTotals } from '../helpers/redis-totals.js'
import { judgeTorn, SPANS, sendTorn } from '../helpers/torn-traces.js'
import type { Run } from './harness.js'

const TRACES = Number(process.env['SAMPLING_TRACES'] ?? 200_000)
const PREFIX = 'e2e'
const GATEWAYS = 3

export default async function samplingCluster(run: Run): Promise<void> {
  const dir = await run.folder()
  const redis = await startRedis()
  run.onEnd(() => redis.stop())
  const client = new Redis(redis.url)
  run.onEnd(async () => client.disconnect())
  const config = configOf(redis.url)
  const gateways = await Promise.all(
    Array.from({ length: GATEWAYS }, async (_, i) => {
      const cwd = join(dir, `gateway-${i}`)
      mkdirSync(cwd)
      const gateway = new GatewayProcess({ cwd, config })
      run.onEnd(async () => gateway.kill('SIGKILL'))
      return gateway.ready()
    })
  )
  const began = performance.now()
  await sendTorn(TRACES, gateways.map(({ http }) => http)) // biome-ignore format: short
  const seconds = (performance.now() - began) / 1000
  const settled = await ends(client)
  for (const gateway of gateways) await gateway.stop()
  const files = gateways.map((_, i) => join(dir, `gateway-${i}`, 'out.jsonl'))
  const { errors, lostErrors, others, torn, off } = await judgeTorn(TRACES, files)
  run.check(`${TRACES} traces were taken by ${GATEWAYS} gateways in turn`, true, { seconds: Math.round(seconds) })
  run.check('every trace with an error is whole', errors > 0 && lostErrors === 0, { errors, lostErrors })
  run.check('every other trace is whole or not there', torn === 0, { kept: others, torn })
  run.check('the weights tell the truth within 2 %', Math.abs(off) <= 2, `${off.toFixed(2)} %`)
  const { received, appended, windowed, dropped, difference } = settled
  const line = { received, appended, windowed, dropped, difference }
  run.check('the totals of all gateways add up', difference === 0 && received === TRACES * SPANS, line)
}

/** Nothing new for three seconds, and nothing waits for the back end. */
async function ends(client: Redis) {
  for (let quiet = 0, last = -1; ; ) {
    const totals = await redisTotals(client, PREFIX)
    const [line] = ledgerOf(totals, new Map()).streams
    const delivered = totals.get('delivered|file|traces') ?? 0
    quiet = line !== undefined && line.appended === last && delivered === last ? quiet + 1 : 0
    if (line !== undefined && quiet === 3) return line
    last = line?.appended ?? -1
    await sleep(1000)
  }
}

function configOf(url: string): object {
  const policies = [{ name: 'ten', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }]
  return gatewayConfig({
    queue: { type: 'redis', url, prefix: PREFIX },
    processors: { tail_sampling: { decision_wait: '20s', policies } },
    exporters: { file: { path: './out.jsonl' } },
    service: {
      telemetry: { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } },
      pipelines: { traces: { receivers: ['otlp'], processors: ['tail_sampling'], exporters: ['file'] } }
    }
  })
}
