// Tail sampling over gateways that share one Redis, under a sender that scatters the spans of each trace over all of them: gateways
// killed with -9, frozen and woken, stopped and started, Redis killed and restarted. No trace with an error may be lost or torn, no
// other trace torn; spans come twice only where something was torn off in the middle.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { gatewayConfig, toSink, until } from '../helpers/gateway-process.js'
import { startRedis } from '../helpers/redis.js'
import { redisTotals } from '../helpers/redis-totals.js'
import { Scatter } from '../helpers/scatter.js'
import { Sink } from '../helpers/sink.js'
import { Fleet, freezeOne, killOne, stopOne, together } from './fleet.js'

export interface SamplingChaosOptions {
  readonly dir: string
  /** Gateways killed with -9. */
  readonly kills: number
  /** How long a gateway is frozen, seconds. Default 5. */
  readonly freeze?: number
  readonly tell?: (scene: SamplingScene) => void
}

/** What happened while it lasted. */
export interface SamplingScene {
  readonly scene: string
  readonly seconds: number
  readonly traces: number
  readonly spansTaken: number
  /** Spans that the back end got. */
  readonly delivered: number
  readonly duplicates: number
}

export interface SamplingChaosResult {
  readonly kills: number
  readonly freezes: number
  readonly redisRestarts: number
  readonly traces: number
  readonly errorTraces: number
  /** Of these, with the error seconds after the rest. */
  readonly lateErrors: number
  /** Traces with an error of which nothing came. */
  readonly errorsLost: number
  /** Traces with an error of which a part came. */
  readonly errorsTorn: number
  readonly othersKept: number
  readonly othersTorn: number
  /** Spans that came more than once, of requests that the sender repeated for want of an answer. */
  readonly repeatedBySender: number
  /** Other spans that came more than once: on their way to the back end when something was torn off. */
  readonly sentTwice: number
  readonly partitionsLost: number
  readonly isBalanced: boolean
}

const LEASE_MS = 1500
const PREFIX = 'chaos'
const PARTITIONS = 6
/** Every decision, and every late error, within this. */
const WINDOW = { decision_wait: '2s', decision_wait_after_root_received: '1s', late_error_window: '30s' }
const REST_MS = 1500

export async function clusterSampling({
  dir,
  kills,
  freeze = 5,
  tell = () => {}
}: SamplingChaosOptions): Promise<SamplingChaosResult> {
  const redis = await startRedis()
  const sink = await new Sink({ times: false }).up()
  const fleet = new Fleet(dir, configOf(redis.url, sink.url))
  const load = new Scatter({
    target: () => fleet.next(),
    connections: 4,
    pauseMs: 20,
    spreadMs: 800,
    lateMs: 8000,
    answerMs: 4000
  })
  const client = new Redis(redis.url, { lazyConnect: true })
  client.on('error', () => {})
  let [killed, frozen, restarts] = [0, 0, 0]
  const play = async (scene: string, act: () => Promise<void>): Promise<void> => {
    const began = performance.now()
    const [traces, taken, delivered, twice] = [load.traces, load.acknowledged, sink.spans.size, sink.duplicates]
    await act()
    tell({
      scene,
      seconds: Math.round((performance.now() - began) / 100) / 10,
      traces: load.traces - traces,
      spansTaken: load.acknowledged - taken,
      delivered: sink.spans.size + sink.duplicates - delivered - twice,
      duplicates: sink.duplicates - twice
    })
  }
  const killSome = async (n: number): Promise<void> => {
    for (let i = 0; i < n && killed < kills; i++) {
      // At any moment of the window's work.
      await sleep(REST_MS * (0.5 + Math.random()))
      fleet.gateways.push(fleet.gateways.shift()!)
      await killOne(fleet)
      killed++
    }
  }
  try {
    await fleet.start()
    load.start()
    await play('one gateway', () => sleep(REST_MS * 2))
    await play('two more start', () => together([fleet.start(), fleet.start()]).then(() => sleep(REST_MS)))
    while (killed < kills) {
      await play(`${Math.min(5, kills - killed)} x kill -9, another starts`, () => killSome(5))
      if (killed % 10 === 5 || killed === kills) {
        frozen++
        await play(`one frozen ${freeze} s, then woken`, () =>
          freezeOne(fleet, freeze * 1000).then(() => sleep(REST_MS))
        )
      } else {
        restarts++
        await play('Redis killed, restarts', () => redis.restart('SIGKILL').then(() => sleep(REST_MS)))
      }
    }
    await play('one stops: three to two', () => stopOne(fleet).then(() => sleep(REST_MS)))
    await play('one starts: two to three', () => fleet.start().then(() => sleep(REST_MS)))
    await play('what is left', () => load.stop().then(() => drained(client)))
    return {
      kills: killed,
      freezes: frozen,
      redisRestarts: restarts,
      ...judge(load, sink),
      partitionsLost: fleet.all.flatMap(({ log }) => log).filter(({ msg }) => msg?.startsWith('partition lost')).length,
      isBalanced: await isBalanced(client)
    }
  } catch (error) {
    throw Object.assign(error as Error, { output: fleet.all.map(({ output }) => output.slice(-3000)) })
  } finally {
    load.abort()
    await fleet.end()
    client.disconnect()
    await sink.down()
    await redis.stop()
  }
}

function configOf(url: string, sink: string): object {
  const policies = [{ name: 'fifth', type: 'probabilistic', probabilistic: { sampling_percentage: 20 } }]
  return gatewayConfig({
    queue: { type: 'redis', url, prefix: PREFIX, partitions: PARTITIONS, lease: `${LEASE_MS}ms`, commit_timeout: '3s' },
    processors: { tail_sampling: { ...WINDOW, policies } },
    exporters: { otlp_http: toSink(sink, { compression: 'none' }) },
    service: {
      telemetry: { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } },
      pipelines: { traces: { receivers: ['otlp'], processors: ['tail_sampling'], exporters: ['otlp_http'] } }
    }
  })
}

/** Waits until nothing but the memory of decisions is left in any partition. */
async function drained(client: Redis): Promise<void> {
  if (client.status !== 'ready') await client.connect().catch(() => {})
  await until('every partition to be empty', async () => (await left(client)) === 0, 120_000)
  await until('nothing parked', async () => (await client.hlen(`{${PREFIX}}:parked`)) === 0, 20_000)
}

async function left(client: Redis): Promise<number> {
  let n = 0
  for (let p = 0; p < PARTITIONS; p++) {
    const rows = await client.xrange(`{${PREFIX}}:${p}:log`, '-', '+')
    n += rows.filter(([, [, meta = '']]) => !meta.endsWith('#journal')).length
  }
  return n
}

function judge(load: Scatter, sink: Sink) {
  const found = {
    repeatedBySender: 0,
    sentTwice: 0,
    errorTraces: 0,
    lateErrors: 0,
    errorsLost: 0,
    errorsTorn: 0,
    othersKept: 0,
    othersTorn: 0
  }
  for (let trace = 0; trace < load.traces; trace++) {
    let n = 0
    for (let span = 0; span < load.spansPerTrace; span++) {
      const number = trace * load.spansPerTrace + span
      const times = sink.spans.times(number)
      if (times > 0) n++
      if (times > 1 && load.repeated.has(number)) found.repeatedBySender++
      else if (times > 1) found.sentTwice++
    }
    const isWhole = n === load.spansPerTrace
    if (load.hasError(trace)) {
      found.errorTraces++
      if (load.isLate(trace)) found.lateErrors++
      if (n === 0) found.errorsLost++
      else if (!isWhole) found.errorsTorn++
    } else if (isWhole) found.othersKept++
    else if (n > 0) found.othersTorn++
  }
  return { traces: load.traces, ...found }
}

/** The totals of all gateways that ever were add up. */
async function isBalanced(client: Redis): Promise<boolean> {
  const { streams, exporters } = ledgerOf(await redisTotals(client, PREFIX), new Map())
  return [...streams, ...exporters].every(({ difference }) => difference === 0) && streams[0]?.windowed === 0
}
