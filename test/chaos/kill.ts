// kill -9 of a gateway at load, again and again on the same data directory: every acknowledged span arrives, and none twice
// but those of requests that were under way to the back end at the moment of the kill.

import { performance } from 'node:perf_hooks'
import { GatewayProcess, gatewayConfig, toSink } from '../helpers/gateway-process.js'
import { Load } from '../helpers/load.js'
import { Sink } from '../helpers/sink.js'

export interface KillOptions {
  readonly dir: string
  readonly kills: number
  /** Most ms of life after ready. */
  readonly lifeMs?: number
  readonly random?: () => number
  /** Told after every life. */
  readonly tell?: (life: KillLife) => void
}

export interface KillLife {
  readonly life: number
  /** ms from ready to the kill, and from the start to ready. */
  readonly livedMs: number
  readonly startMs: number
  /** Spans acknowledged in it. */
  readonly acknowledged: number
  /** Spans in the sink's hands so far. */
  readonly delivered: number
  /** Requests without an answer at its end. */
  readonly unanswered: number
}

export interface KillResult {
  readonly lives: readonly KillLife[]
  readonly sent: number
  readonly acknowledged: number
  readonly delivered: number
  readonly lost: number
  readonly duplicates: number
  /** Of spans taken twice: the most requests that one kill made come again, and the greatest age of one at its kill, ms. */
  readonly repeatedRequestsMax: number
  readonly repeatedAgeMaxMs: number
  readonly isBalanced: boolean
  readonly damage: number
}

const LIFE_MS = 1200
const CONNECTIONS = 6
/** Time the back end takes, so that requests are under way at every kill. */
const ANSWER_MS = 20
/** Requests under way to the back end at once. */
const CONSUMERS = 4
/** Requests that one kill may make come again: those under way, and as many whose answer came but whose ack was not written. */
export const MOST_REPEATED = 2 * CONSUMERS

/** @throws when a gateway does not start again. */
export async function killTest(options: KillOptions): Promise<KillResult> {
  const { dir, kills, lifeMs = LIFE_MS, random = Math.random } = options
  const sink = await new Sink().up()
  sink.script = () => ({ status: 200, delayMs: ANSWER_MS })
  const queue = { num_consumers: CONSUMERS, batch: { max_size: 2000, sizer: 'items' } }
  const config = gatewayConfig({
    exporters: { otlp_http: toSink(sink.url, { sending_queue: queue, compression: 'none' }) },
    service: {
      telemetry: { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } },
      pipelines: { traces: { receivers: ['otlp'], processors: [], exporters: ['otlp_http'] } }
    }
  })
  let target: string | undefined
  const load = new Load({ target: () => target, connections: CONNECTIONS, spansPerRequest: 25 }).start()
  const lives: KillLife[] = []
  const killedAt: number[] = []
  let gateway: GatewayProcess | undefined
  try {
    for (let life = 1; life <= kills; life++) {
      const [acknowledged, unanswered] = [load.acknowledgedSpans, load.unknown.length]
      const startedAt = performance.now()
      gateway = await new GatewayProcess({ cwd: dir, config }).ready()
      const startMs = performance.now() - startedAt
      target = gateway.http
      const livedMs = 20 + random() * lifeMs
      await new Promise(resolve => setTimeout(resolve, livedMs))
      killedAt.push(performance.now())
      gateway.kill('SIGKILL')
      target = undefined
      await gateway.ended
      lives.push({
        life,
        livedMs,
        startMs,
        acknowledged: load.acknowledgedSpans - acknowledged,
        delivered: sink.spans.size,
        unanswered: load.unknown.length - unanswered
      })
      options.tell?.(lives.at(-1)!)
    }
    await load.stop()
    gateway = await new GatewayProcess({ cwd: dir, config }).ready()
    const { isBalanced } = await gateway.drained()
    const damage = gateway.log.filter(line => line.msg === 'a damaged entry was set aside').length
    return {
      lives,
      sent: load.sentSpans,
      acknowledged: load.acknowledgedSpans,
      delivered: sink.spans.size,
      lost: load.missing(sink.spans).length,
      duplicates: sink.duplicates,
      ...repeats(sink, killedAt),
      isBalanced,
      damage
    }
  } finally {
    await load.stop()
    gateway?.kill('SIGKILL')
    await gateway?.ended
    await sink.down()
  }
}

/** Which taken requests had spans that came again later, kill by kill, and how old they were at that kill. */
function repeats(sink: Sink, killedAt: readonly number[]) {
  const firstAt = new Map<number, number>()
  const again = new Map<number, Set<number>>()
  let repeatedAgeMaxMs = 0
  for (const { at, numbers } of sink.taken) {
    for (const number of numbers) {
      const before = firstAt.get(number)
      if (before === undefined) {
        firstAt.set(number, at)
        continue
      }
      const kill = killedAt.find(k => k >= before) ?? Number.POSITIVE_INFINITY
      repeatedAgeMaxMs = Math.max(repeatedAgeMaxMs, kill - before)
      const requests = again.get(kill) ?? new Set()
      again.set(kill, requests.add(before))
    }
  }
  const repeatedRequestsMax = Math.max(0, ...[...again.values()].map(requests => requests.size))
  return { repeatedRequestsMax, repeatedAgeMaxMs: Math.round(repeatedAgeMaxMs) }
}
