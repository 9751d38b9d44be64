// Gateways that share one Redis, under load from a client that takes them in turn: killed, frozen and woken, stopped, started, and
// Redis restarted under them. Every acknowledged span arrives, the totals of all gateways add up, and spans come twice only where
// something was torn off in the middle: never when gateways come and go in order.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { gatewayConfig, toSink, until } from '../helpers/gateway-process.js'
import { Load } from '../helpers/load.js'
import { startRedis } from '../helpers/redis.js'
import { Sink } from '../helpers/sink.js'
import { Fleet, freezeOne, killOne, stopOne, together } from './fleet.js'

export interface ClusterOptions {
  readonly dir: string
  /** Time under load, shared by the scenes. */
  readonly seconds: number
  readonly tell?: (scene: Scene) => void
}

export interface Scene {
  readonly scene: string
  readonly sent: number
  readonly acknowledged: number
  /** Spans that the back end took in it, again or not. */
  readonly delivered: number
  readonly duplicates: number
  /** Acknowledged in it and not delivered at the end; -1 while it is too early to say. */
  lost: number
}

export interface ClusterResult {
  readonly scenes: readonly Scene[]
  readonly refused: ReadonlyMap<number, number>
  readonly unanswered: number
  /** Totals over all gateways that ever were. */
  readonly received: number
  readonly deliveredByLedger: number
  readonly takenByBackEnd: number
  readonly isBalanced: boolean
  /** Commits of gateways whose partitions others had: refused. */
  readonly partitionsLost: number
  /** Entries left in Redis. */
  readonly left: number
}

const LEASE_MS = 1500
const PREFIX = 'chaos'
const CONSUMERS = 4
/** Time the back end takes, so that requests are under way whenever something happens. */
const BACK_END_MS = 40
/** Runs all scenes. @throws when a gateway does not start, or what was taken is not delivered in time. */
export async function clusterTest({ dir, seconds, tell = () => {} }: ClusterOptions): Promise<ClusterResult> {
  const redis = await startRedis()
  const sink = await new Sink().up()
  sink.script = () => ({ status: 200, delayMs: BACK_END_MS })
  const fleet = new Fleet(dir, configOf(redis.url, sink.url))
  const load = new Load({ target: () => fleet.next(), connections: 8, spansPerRequest: 25, pauseMs: 5, answerMs: 4000 })
  const scenes: Scene[] = []
  const marks: number[] = []
  const client = new Redis(redis.url, { lazyConnect: true })
  client.on('error', () => {})
  const play = async (scene: string, act: () => Promise<void>, restMs: number): Promise<void> => {
    const [sent, acked, delivered, twice] = [load.sentSpans, load.acknowledgedSpans, takenBy(sink), sink.duplicates]
    await act()
    await sleep(restMs)
    marks.push(load.acknowledged.length)
    scenes.push({
      scene,
      sent: load.sentSpans - sent,
      acknowledged: load.acknowledgedSpans - acked,
      delivered: takenBy(sink) - delivered,
      duplicates: sink.duplicates - twice,
      lost: -1
    })
    tell(scenes.at(-1)!)
  }
  try {
    await fleet.start()
    load.start()
    const rest = (seconds * 1000) / 8
    await play('one gateway', async () => {}, rest)
    await play('two more start', () => together([fleet.start(), fleet.start()]), rest)
    await play('kill -9, another starts', () => killOne(fleet), rest)
    await play('one frozen, then woken', () => freezeOne(fleet, Math.max(10_000, rest)), rest)
    await play('Redis restarts', () => redis.restart('SIGKILL'), rest)
    await play('one stops', () => stopOne(fleet), rest)
    await play('what is left', () => load.stop().then(() => drained(client, fleet)), 0)
    markLost(scenes, marks, load, sink)
    return { scenes, ...(await sums(client, fleet, load, sink)) }
  } catch (error) {
    throw Object.assign(error as Error, { output: fleet.all.map(({ output }) => output.slice(-4000)) })
  } finally {
    await load.stop()
    await fleet.end()
    client.disconnect()
    await sink.down()
    await redis.stop()
  }
}

function configOf(url: string, sink: string): object {
  const queue = { num_consumers: CONSUMERS }
  return gatewayConfig({
    queue: { type: 'redis', url, prefix: PREFIX, partitions: 6, lease: `${LEASE_MS}ms`, commit_timeout: '3s' },
    exporters: { otlp_http: toSink(sink, { sending_queue: queue, compression: 'none' }) },
    service: {
      telemetry: { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } },
      pipelines: { traces: { receivers: ['otlp'], processors: [], exporters: ['otlp_http'] } }
    }
  })
}

/** Waits until no partition holds an entry. */
async function drained(client: Redis, fleet: Fleet): Promise<void> {
  if (client.status !== 'ready') await client.connect().catch(() => {})
  await until('every partition to be empty', async () => (await entriesLeft(client)) === 0, 40_000)
  // Totals of the last acks are in the same commits; parked rests are not: none is left when nothing is in flight.
  await until('nothing parked', async () => (await client.hlen(`{${PREFIX}}:parked`)) === 0, 20_000)
  if (fleet.gateways.length === 0) throw new Error('no gateway is left')
}

async function entriesLeft(client: Redis): Promise<number> {
  const names = await client.keys(`{${PREFIX}}:*:log`)
  const lengths = await Promise.all(names.map(name => client.xlen(name)))
  return lengths.reduce((sum, n) => sum + n, 0)
}

async function sums(client: Redis, fleet: Fleet, load: Load, sink: Sink) {
  const totals = new Map<string, number>()
  for (const key of await client.keys(`{${PREFIX}}:counts:*`)) {
    for (const [name, n] of Object.entries(await client.hgetall(key)))
      totals.set(name, (totals.get(name) ?? 0) + Number(n))
  }
  const sum = (prefix: string): number =>
    [...totals].reduce((all, [name, n]) => (name.startsWith(prefix) ? all + n : all), 0)
  const offered = sum('offered|')
  const ended = sum('delivered|') + sum('dropped|') + sum('parked|') - sum('unparked|')
  const lines = fleet.all.flatMap(({ log }) => log)
  return {
    refused: load.refused,
    unanswered: load.unknown.length,
    received: sum('received|'),
    deliveredByLedger: sum('delivered|'),
    takenByBackEnd: takenBy(sink),
    isBalanced: offered === ended && sum('received|') === offered,
    partitionsLost: lines.filter(({ msg }) => msg?.startsWith('partition lost')).length,
    left: await entriesLeft(client)
  }
}

function markLost(scenes: readonly Scene[], marks: readonly number[], load: Load, sink: Sink): void {
  const isLost = (first: number): boolean => {
    for (let i = first; i < first + load.spansPerRequest; i++) if (!sink.spans.has(i)) return true
    return false
  }
  let from = 0
  for (const [i, to] of marks.entries()) {
    scenes[i]!.lost = load.acknowledged.slice(from, to).filter(isLost).length * load.spansPerRequest
    from = to
  }
}

function takenBy(sink: Sink): number {
  return sink.spans.size + sink.spans.duplicates
}
