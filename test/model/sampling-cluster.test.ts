// The model of sampling over several gateways that share a real Redis: spans of a trace come through any of them, gateways are killed
// (also in the middle of a commit), hang and wake, stop and start at random points. Every trace with an error comes out whole, every
// other one whole or not at all, no item twice, and the totals of all gateways add up. A failing run prints its seed.

import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { splitByTrace } from '../../core/otlp/by-trace.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Commit, Log } from '../../core/queue/log.js'
import { RedisLog } from '../../core/queue/redis_streams/log.js'
import { MEMORY_MS } from '../../core/sampling/journals.js'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'
import { testContext } from '../helpers/context.js'
import { until } from '../helpers/gateway-process.js'
import { ManualClock, silentLog } from '../helpers/receiver.js'
import { redisForTest } from '../helpers/redis.js'
import { redisTotals } from '../helpers/redis-totals.js'
import {
  anyTraces,
  byChance,
  isInHalf,
  judge,
  type Out,
  outOf,
  request,
  requestsOf,
  type Span
} from './sampling-traces.js'

const RUNS = Number(process.env['SAMPLING_CLUSTER_RUNS'] ?? 12)
const SECONDS = Number(process.env['SAMPLING_CLUSTER_SECONDS'] ?? 60)
const SEED = process.env['SAMPLING_CLUSTER_SEED']
/** With a seed: one of its cases, as a failing run prints it. */
const PATH = process.env['SAMPLING_CLUSTER_PATH']
const ARRIVAL = arrivalStream('traces')
const PARTITIONS = 4
const LEASE_MS = 400
const READERS = new Map([
  ['tail_sampling', [ARRIVAL]],
  ['tail_sampling#journal', ['tail_sampling#journal']],
  ['out', ['traces']]
])

const config = configOf(schema, {
  policies: [{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }]
})

const scenario = fc.record({
  spans: anyTraces(),
  together: fc.constantFrom(0, 50, 1000),
  members: fc.integer({ min: 1, max: 3 }),
  /** Who takes each request. */
  takers: fc.array(fc.nat(10), { minLength: 1, maxLength: 20 }),
  /** After each request. */
  actions: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('settle', 'nothing') },
      { weight: 2, arbitrary: fc.constantFrom('kill', 'hang') },
      { weight: 1, arbitrary: fc.constantFrom('stop', 'start') }
    ),
    { minLength: 1, maxLength: 12 }
  ),
  /** Which of its commits a gateway dies in. */
  deaths: fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 1, maxLength: 4 }),
  byChance: fc.boolean(),
  /** Whether it goes on deciding while nothing comes for long. */
  isTicking: fc.boolean()
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const redis = await redisForTest()
const client = new Redis(redis.url)
t.teardown(async () => {
  client.disconnect()
  await redis.stop()
})
t.setTimeout(SECONDS * 1000 + 90_000)
let rigs = 0

/** One gateway: its log and its window. */
class Member {
  readonly log: RedisLog
  readonly stage: WindowedStage
  isAlive = true
  isDying = false
  #commits = 0

  constructor(rig: Rig, name: string, dieIn: number) {
    const { clock, prefix } = rig
    this.log = new RedisLog({
      url: redis.url,
      prefix,
      member: name,
      maxBytes: 1 << 26,
      partitions: PARTITIONS,
      leaseMs: LEASE_MS,
      // Most payloads have to be fetched again.
      tailBytes: 2000,
      now: () => clock.now()
    })
    this.stage = new WindowedStage({
      id: 'tail_sampling',
      processor: rig.processor(),
      streams: [{ id: 'traces', signal: 'traces', arrival: ARRIVAL, exporters: ['out'] }],
      log: this.#mortal(dieIn),
      clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
  }

  /** A log that dies right after it has sent a commit to Redis: written or not, nobody knows. */
  #mortal(dieIn: number): Log {
    return new Proxy(this.log as Log, {
      get: (target, name) => {
        if (name === 'commit') {
          return (commit: Commit) => {
            if (++this.#commits === dieIn) {
              this.isDying = true
              setImmediate(() => this.kill())
            }
            return target.commit(commit)
          }
        }
        const value = Reflect.get(target, name) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
  }

  async start(): Promise<this> {
    await this.log.start()
    await this.log.cursors(READERS)
    await this.stage.start()
    return this
  }

  kill(): void {
    this.isAlive = false
    this.log.crash()
  }

  async stop(): Promise<void> {
    this.isAlive = false
    await this.stage.stop()
    await this.log.stop()
  }
}

class Rig {
  readonly clock = new ManualClock()
  readonly prefix = `sampling-${process.pid}-${Date.now()}-${rigs++}`
  readonly #given: Scenario
  readonly #all: Member[] = []
  #coin = 1

  constructor(given: Scenario) {
    this.#given = given
  }

  get members(): Member[] {
    return this.#all.filter(({ isAlive }) => isAlive)
  }

  processor() {
    const processor = declaration.create(config, testContext('tail_sampling'))
    if (!this.#given.byChance) return processor
    return byChance(processor, () => {
      this.#coin = (this.#coin * 48_271) % 0x7fffffff
      return this.#coin % 2 === 0
    })
  }

  async add(): Promise<Member> {
    const n = this.#all.length
    // Those that come last live: it must end some time.
    const member = new Member(this, `m${n}`, n < 6 ? (this.#given.deaths[n % this.#given.deaths.length] ?? 0) : 0)
    this.#all.push(member)
    return member.start()
  }

  /** What the intake does: split by trace id, one commit. A gateway that dies in it may have taken it or not: the sender asks on. */
  async receive(spans: readonly Span[], taker: number): Promise<void> {
    const counts = new Map([
      ['received|traces', spans.length],
      ['windowed|traces|tail_sampling', spans.length]
    ])
    const appends = splitByTrace('traces', [request(spans)], PARTITIONS).map(({ part, items, bytes }) => ({
      stream: ARRIVAL,
      items,
      bytes,
      partition: part
    }))
    for (;;) {
      if (this.members.length === 0) await this.add()
      const member = this.members[taker % this.members.length]!
      if (!member.isDying) {
        await member.log.commit({ appends, counts })
        return
      }
      await until('its end', () => !member.isAlive)
    }
  }

  /** What was its is free at once: nobody waits for leases here. `isAsleep`: it does not know. */
  async forget({ log }: Member, isAsleep: boolean): Promise<void> {
    const owned = isAsleep ? log.owned : Array.from({ length: PARTITIONS }, (_, p) => p)
    const keys = owned.map(p => `{${this.prefix}}:${p}:owner`)
    const owners = keys.length === 0 ? [] : await client.mget(keys)
    const mine = keys.filter((_, i) => owners[i] === log.member)
    if (mine.length > 0) await client.del(mine)
    if (!isAsleep) await client.zrem(`{${this.prefix}}:alive`, log.member)
  }

  async act(action: string, taker: number): Promise<void> {
    const { members } = this
    const one = members[taker % Math.max(1, members.length)]
    if (action === 'start' && members.length < 4) await this.add()
    if (one === undefined) return
    if (action === 'kill') one.kill()
    if (action === 'hang') await this.#hang(one)
    if (action === 'stop' && members.length > 1) await one.stop()
  }

  /** Others take what it has while it believes in its lease: with a beat of theirs they are first. */
  async #hang(one: Member): Promise<void> {
    const { members } = this
    for (const p of one.log.owned) {
      await client.set(`{${this.prefix}}:${p}:owner`, 'nobody', 'PX', 150)
      await client.hincrby(`{${this.prefix}}:meta`, `epoch:${p}`, 1)
    }
    if (members.length === 1) await this.add()
  }

  /** Every partition has an owner, everybody has heard everything, everything due is durable. */
  async settle(): Promise<void> {
    await until('everything to be settled', async () => {
      for (const dead of this.#all) if (!dead.isAlive) await this.forget(dead, false)
      if (this.members.length === 0) await this.add()
      const { members } = this
      await Promise.race([Promise.all(members.map(({ stage }) => stage.settle())), pause(300)])
      return members.every(({ isAlive }) => isAlive) && (await this.#isSettled(members))
    })
  }

  async #isSettled(members: readonly Member[]): Promise<boolean> {
    const owned = members.flatMap(({ log }) => log.owned)
    if (owned.length !== PARTITIONS || new Set(owned).size !== PARTITIONS) return false
    const stored = await this.#stored()
    const known = members.reduce((sum, { log }) => sum + log.status().entries, 0)
    if (known !== stored) return false
    return members.every(({ stage }) => stage.isIdle)
  }

  async #stored(): Promise<number> {
    const lengths = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, p) => client.xlen(`{${this.prefix}}:${p}:log`))
    )
    return lengths.reduce((sum, n) => sum + n, 0)
  }

  /** Of all gateways that ever were. */
  async ledger() {
    return ledgerOf(await redisTotals(client, this.prefix), new Map())
  }

  /** Read from Redis itself. */
  async out(): Promise<Out[]> {
    const found: Out[] = []
    for (let p = 0; p < PARTITIONS; p++) {
      const rows = await client.xrange(`{${this.prefix}}:${p}:log`, '-', '+')
      const seqs = rows.filter(([, [, meta = '']]) => meta.endsWith(' traces')).map(([id]) => id.split('-')[0]!)
      if (seqs.length === 0) continue
      for (const bytes of await client.hmgetBuffer(`{${this.prefix}}:${p}:data`, ...seqs)) found.push(...outOf(bytes!))
    }
    return found
  }

  waiting(cursor: string): number {
    const all = this.members.map(({ log }) => log.status().cursors.find(c => c.cursor === cursor)!.waitingEntries)
    return all.reduce((sum, n) => sum + n, 0)
  }

  async end(): Promise<void> {
    for (const { log } of this.members) log.crash()
    const keys = await client.keys(`{${this.prefix}}:*`)
    if (keys.length > 0) await client.del(keys)
  }
}

let played = 0

async function play(given: Scenario): Promise<void> {
  played++
  const rig = new Rig(given)
  try {
    for (let i = 0; i < given.members; i++) await rig.add()
    const start = rig.clock.now()
    for (const [step, group] of requestsOf(given.spans, given.together).entries()) {
      const at = start + group.at(-1)!.at
      while (given.isTicking && at - rig.clock.now() > 31_000) {
        rig.clock.move(31_000)
        await settled(rig)
      }
      if (at > rig.clock.now()) rig.clock.move(at - rig.clock.now())
      const taker = given.takers[step % given.takers.length]!
      await rig.receive(group, taker)
      const action = given.actions[step % given.actions.length]!
      if (action === 'settle') await settled(rig)
      else if (action !== 'nothing') await rig.act(action, taker)
    }
    for (let i = 0; i < 12; i++) {
      await rig.settle()
      rig.clock.move(i < 6 ? 12_000 : 40_000)
    }
    await settled(rig)
    rig.clock.move(MEMORY_MS + 10_000)
    await settled(rig)
    judge(await rig.out(), given.spans, trace => (given.byChance ? undefined : isInHalf(trace)))
    const [line] = (await rig.ledger()).streams
    if (line!.windowed !== 0) throw new Error(`${line!.windowed} items never left the window`)
    if (rig.waiting('tail_sampling') !== 0) throw new Error('entries are kept for ever')
    if (rig.waiting('tail_sampling#journal') !== 0) throw new Error('journal entries are kept for ever')
  } finally {
    await rig.end()
  }
}

async function settled(rig: Rig): Promise<void> {
  await rig.settle()
  const ledger = await rig.ledger()
  const [line] = ledger.streams
  if (line === undefined) return
  if (line.difference !== 0 || line.windowed < 0) throw new Error(`the ledger is off: ${JSON.stringify(ledger)}`)
  const out = (await rig.out()).length
  if (out !== line.appended) throw new Error(`${out} came out, ${line.appended} are counted`)
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

t.test(
  'over many gateways: errors whole, others whole or not at all, nothing twice, whoever dies, hangs, comes and goes',
  async t => {
    await fc.assert(fc.asyncProperty(scenario, play), {
      numRuns: RUNS,
      interruptAfterTimeLimit: SECONDS * 1000,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
      ...(PATH === undefined ? {} : { path: PATH })
    })
    t.ok(played > 0, `${played} of ${RUNS} runs, in ${SECONDS} s at most`)
  }
)
