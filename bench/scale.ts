// Several gateways, several workers, and a dead exporter beside a good one: what each costs against one gateway alone. Real
// processes, otlpload as sender and sink (bench/compare.py setup builds it), cases in turn, medians of the rounds.
//
//   node dist/bench/scale.js replicas  [--rounds 3] [--n 600]   one gateway and two on one redis-server
//   node dist/bench/scale.js workers   [...]                    service.workers 1 and 2, embedded queue
//   node dist/bench/scale.js isolation [...]                    a good exporter alone, and beside one whose back end is dead
//
// CPU is user and system time of the gateways (and of redis-server) from the first request until the last export.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { GatewayProcess, gatewayConfig, TELEMETRY } from '../test/helpers/gateway-process.js'
import { freePort, startRedis } from '../test/helpers/redis.js'

const HOME = process.env['BENCH_HOME'] ?? join(homedir(), '.cache/gateway-bench')
const LOAD = join(HOME, 'otlpload')
const PIPELINES = (exporters: string[]) => ({ traces: { receivers: ['otlp'], processors: [], exporters } })

interface Figures {
  readonly spansPerSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds a span: gateways, redis-server. */
  readonly gateway: number
  readonly redis: number
}

interface Case {
  readonly name: string
  readonly gateways: number
  config(sink: string, redis: string): object
}

const SCENARIOS: Readonly<Record<string, readonly Case[]>> = {
  replicas: [1, 2].map(gateways => ({
    name: `${gateways} gateway${gateways > 1 ? 's' : ''}, one Redis`,
    gateways,
    config: (sink, url) => of(sink, { queue: { type: 'redis', url, max_size: '4GiB' } })
  })),
  workers: [1, 2].map(workers => ({
    name: `workers: ${workers}`,
    gateways: 1,
    config: sink => of(sink, {}, { workers })
  })),
  isolation: [
    { name: 'good exporter alone', gateways: 1, config: sink => of(sink) },
    { name: 'beside a dead one', gateways: 1, config: sink => of(sink, { dead: 'http://127.0.0.1:9' }) }
  ]
}

function of(sink: string, { dead, ...over }: { dead?: string; queue?: object } = {}, service: object = {}): object {
  const good = { endpoint: sink, compression: 'none' }
  const exporters =
    dead === undefined ? { otlp_http: good } : { otlp_http: good, 'otlp_http/dead': { ...good, endpoint: dead } }
  return gatewayConfig({
    queue: { type: 'embedded', path: './queue', max_size: '4GiB' },
    ...over,
    exporters,
    service: { telemetry: TELEMETRY, pipelines: PIPELINES(Object.keys(exporters)), ...service }
  })
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, n: { type: 'string', default: '600' } }
})
const cases = SCENARIOS[positionals[0] ?? '']
if (cases === undefined) {
  console.error(`usage: node dist/bench/scale.js ${Object.keys(SCENARIOS).join('|')} [--rounds 3] [--n 600]`)
  process.exit(2)
}
const found = cases.map((): Figures[] => [])
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [i, one] of cases.entries()) found[i]!.push(await measure(one, Number(values.n)))
}
const rows = cases.map(({ name }, i) => ({ case: name, ...medians(found[i]!) }))
console.table(rows)
const [base, other] = rows as unknown as [Figures, Figures]
const times = (read: (f: Figures) => number): string => (read(other) / read(base)).toFixed(2)
console.log(
  `second against first: throughput ${times(f => f.spansPerSecond)} x, p50 ${times(f => f.p50)} x, p99 ${times(f => f.p99)} x, ` +
    `CPU a span of the gateways ${times(f => f.gateway)} x, with Redis ${times(f => f.gateway + f.redis)} x`
)

async function measure({ gateways, config }: Case, n: number): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-scale-'))
  const port = await freePort()
  const sink = spawn(LOAD, ['sink', '-http', `127.0.0.1:${port}`, '-grpc', '127.0.0.1:0'], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  const needsRedis = JSON.stringify(config(url, 'redis://x')).includes('redis://x')
  const redis = needsRedis ? await startRedis() : undefined
  const all: GatewayProcess[] = []
  try {
    for (let i = 0; i < gateways; i++) {
      const cwd = mkdtempSync(join(dir, 'gateway-'))
      all.push(await new GatewayProcess({ cwd, config: config(url, redis?.url ?? '') }).ready())
    }
    const urls = all.map(({ http }) => `${http}/v1/traces`).join(',')
    const base = ['send', '-url', urls, '-dir', join(HOME, 'requests/512'), '-c', '8']
    spawnSync(LOAD, [...base, '-n', String(Math.max(100, n >> 1))])
    await quiet(url)
    const [before, redisBefore] = [cpuOf(all.map(({ pid }) => pid)), cpuOf(redis ? [redis.pid] : [])]
    const sent = await output(spawn(LOAD, [...base, '-n', String(n)], { stdio: ['ignore', 'pipe', 'ignore'] }))
    await quiet(url)
    const result = JSON.parse(sent) as {
      spans: number
      spans_per_s: number
      p50_ms: number
      p99_ms: number
      failed_requests: number
    }
    if (result.failed_requests > 0) throw new Error(`${result.failed_requests} requests failed`)
    const each = (seconds: number): number => (seconds / result.spans) * 1e6
    return {
      spansPerSecond: result.spans_per_s,
      p50: result.p50_ms,
      p99: result.p99_ms,
      gateway: each(cpuOf(all.map(({ pid }) => pid)) - before),
      redis: each(cpuOf(redis ? [redis.pid] : []) - redisBefore)
    }
  } finally {
    await Promise.all(all.map(gateway => gateway.stop()))
    sink.kill()
    await redis?.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Until the sink has seen nothing new for a second. */
async function quiet(url: string): Promise<void> {
  let last = ''
  for (;;) {
    const now = await fetch(`${url}/stats`).then(answer => answer.text())
    if (now === last) return
    last = now
    await sleep(1000)
  }
}

function output(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.on('data', chunk => (text += chunk))
  return new Promise(resolve => child.once('close', () => resolve(text)))
}

/** Seconds of these processes and all below them. */
function cpuOf(pids: readonly number[]): number {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const parent = Number(statOf(Number(name))?.[1])
    parents.set(parent, [...(parents.get(parent) ?? []), Number(name)])
  }
  const tree = (pid: number): number[] => [pid, ...(parents.get(pid) ?? []).flatMap(tree)]
  const ticks = pids.flatMap(tree).map(pid => {
    const stat = statOf(pid)
    return stat === undefined ? 0 : Number(stat[11]) + Number(stat[12])
  })
  return ticks.reduce((sum, n) => sum + n, 0) / 100
}

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function medians(all: readonly Figures[]): Record<string, number> {
  const keys = ['spansPerSecond', 'p50', 'p99', 'gateway', 'redis'] as const
  const middle = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1]!
  return Object.fromEntries(keys.map(key => [key, Number(middle(all.map(one => one[key])).toFixed(2))]))
}
