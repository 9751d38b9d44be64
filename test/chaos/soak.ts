// `npm run soak -- [--minutes N]`: the gateway under full load with redaction on; its memory is sampled and may not grow,
// nothing may be lost or come twice, the ledger must balance.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { GatewayProcess, gatewayConfig, TELEMETRY, toSink } from '../helpers/gateway-process.js'
import { Load } from '../helpers/load.js'
import { Sink } from '../helpers/sink.js'

const DEFAULT_MINUTES = 3
const SAMPLE_MS = 1000
/** The first part of the run fills caches and pools: growth is measured behind it. */
const WARM_UP = 0.3
const RSS_MAX_MIB = 300
const GROWTH_MAX = 0.15
/**
 * Growth that is garbage not collected yet: since requests leave few large buffers behind, V8 collects in full only after so
 * many MiB. What grows beyond is a leak: the longer the run, the smaller the one it finds.
 */
const GROWTH_NOISE_MIB = 64

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(DEFAULT_MINUTES) },
    connections: { type: 'string', default: '8' }
  },
  allowPositionals: true
})
const minutes = Number(values.minutes)
const connections = Number(values.connections)
if (!(minutes > 0 && minutes <= 24 * 60 && connections >= 1)) {
  console.error('usage: npm run soak -- [--minutes N] [--connections N]')
  process.exit(2)
}

const dir = mkdtempSync(join(tmpdir(), 'algoflow-soak-'))
const sink = await new Sink({ times: false }).up()
let gateway: GatewayProcess | undefined
try {
  process.exitCode = (await soak()) ? 0 : 1
} finally {
  gateway?.kill('SIGKILL')
  await gateway?.ended
  await sink.down()
  rmSync(dir, { recursive: true, force: true })
}

async function soak(): Promise<boolean> {
  const pipeline = { receivers: ['otlp'], processors: ['hashing', 'redaction'], exporters: ['otlp_http'] }
  const config = gatewayConfig({
    processors: { hashing: { hash_fields: ['user_id'] }, redaction: {} },
    exporters: { otlp_http: toSink(sink.url, { compression: 'none' }) },
    service: { telemetry: TELEMETRY, pipelines: { traces: pipeline } }
  })
  const running = await new GatewayProcess({ cwd: dir, config }).ready()
  gateway = running
  const spans = { attributes: { user_id: 'user-4711', note: 'mail to maria@example.org', 'workflow.name': 'nightly' } }
  const load = new Load({ target: () => running.http, connections, spansPerRequest: 200, spans }).start()
  const startedAt = performance.now()
  const samples: number[] = []
  while (performance.now() - startedAt < minutes * 60_000) {
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
    samples.push(rssMib(running.pid))
    if (samples.length % 15 === 0) tell(samples, load, performance.now() - startedAt)
  }
  await load.stop()
  const ledger = await running.drained(undefined, 120_000)
  const ended = await running.stop()
  const warm = samples.slice(Math.floor(samples.length * WARM_UP))
  const tenth = Math.max(1, Math.floor(warm.length / 10))
  const [early, late] = [median(warm.slice(0, tenth * 2)), median(warm.slice(-tenth * 2))]
  const missing = load.missing(sink.spans).length
  const checks = {
    'RSS did not grow': late - early < Math.max(GROWTH_NOISE_MIB, early * GROWTH_MAX),
    [`RSS stayed under ${RSS_MAX_MIB} MiB`]: Math.max(...warm) < RSS_MAX_MIB,
    'nothing was lost': missing === 0,
    'nothing came twice': sink.duplicates === 0,
    'ledger balanced': ledger.isBalanced,
    'exit code 0': ended.code === 0
  }
  console.table({
    acknowledged: load.acknowledgedSpans,
    delivered: sink.spans.size,
    duplicates: sink.duplicates,
    lost: missing,
    'refused requests': [...load.refused.values()].reduce((sum, n) => sum + n, 0),
    'RSS after warm-up, MiB': Math.round(early),
    'RSS at the end, MiB': Math.round(late),
    'RSS at most, MiB': Math.round(Math.max(...samples))
  })
  for (const [what, ok] of Object.entries(checks)) console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`)
  return Object.values(checks).every(Boolean)
}

function tell(samples: readonly number[], load: Load, ms: number): void {
  const rate = Math.round(load.acknowledgedSpans / (ms / 1000))
  console.log(`${Math.round(ms / 1000)} s: ${samples.at(-1)!.toFixed(0)} MiB, ${rate} spans/s acknowledged`)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

/** Resident memory of a process; Linux. */
function rssMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}
