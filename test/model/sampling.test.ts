// Random traces through the window, with restarts at any point: every trace with an error comes out whole, every other one
// whole or not at all, no item twice, and the ledger is exact whenever somebody looks. A failing run prints its seed.

import fc from 'fast-check'
import t from 'tap'
import type { WindowedProcessor } from '../../core/component/windowed.js'
import { configOf } from '../../core/config/check.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Commit, Log } from '../../core/queue/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { MEMORY_MS } from '../../core/sampling/journals.js'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'
import { testContext } from '../helpers/context.js'
import { ManualClock, silentLog } from '../helpers/receiver.js'
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

const RUNS = Number(process.env['SAMPLING_RUNS'] ?? 150)
const ARRIVAL = arrivalStream('traces')

type Crash = 'before' | 'after'

/** A log whose process may die in a commit: it never answers again, written or not. */
function mortal(log: Log, mayDie: () => Crash | undefined, died: () => void): { log: Log; kill(): void } {
  let isDead = false
  const proxy = new Proxy(log, {
    get(target, name) {
      if (name === 'read') return (...args: Parameters<Log['read']>) => (isDead ? [] : target.read(...args))
      if (name === 'commit') {
        return async (commit: Commit) => {
          const crash = isDead ? 'before' : mayDie()
          if (crash === undefined) return target.commit(commit)
          const was = isDead
          isDead = true
          if (!was && crash === 'after') await target.commit(commit)
          died()
          return new Promise(() => {})
        }
      }
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  return {
    log: proxy,
    kill() {
      isDead = true
    }
  }
}

const scenario = fc.record({
  spans: anyTraces(),
  together: fc.constantFrom(0, 50, 1000),
  /** After each request: what happens before the next one. */
  actions: fc.array(fc.constantFrom('settle', 'settle', 'nothing', 'kill'), { minLength: 1, maxLength: 30 }),
  deaths: fc.array(fc.constantFrom(undefined, undefined, undefined, 'before', 'after'), {
    minLength: 1,
    maxLength: 12
  }),
  /** Whether a decision can be foretold, or is made by chance each time it is asked for. */
  byChance: fc.boolean(),
  /** Whether it goes on deciding while nothing comes for long. */
  isTicking: fc.boolean()
})

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const config = configOf(schema, {
  policies: [{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }]
})

class Rig {
  readonly clock = new ManualClock()
  readonly log = new MemoryLog({ maxBytes: 1 << 26, now: () => this.clock.now() })
  readonly #given: Scenario
  #coin = 1
  #commits = 0
  #kill = () => {}
  #stage!: WindowedStage
  #died!: Promise<void>

  constructor(given: Scenario) {
    this.#given = given
  }

  async open(): Promise<void> {
    await this.log.start()
    await this.log.cursors(
      new Map([
        ['tail_sampling', [ARRIVAL]],
        ['tail_sampling#journal', ['tail_sampling#journal']],
        ['out', ['traces']]
      ])
    )
    await this.restart()
  }

  /** A new process: what was in memory is gone. */
  async restart(): Promise<void> {
    let died = () => {}
    this.#died = new Promise(resolve => {
      died = resolve
    })
    this.#kill()
    const { log, kill } = mortal(this.log, () => this.#given.deaths[this.#commits++], died)
    this.#kill = kill
    this.#stage = new WindowedStage({
      id: 'tail_sampling',
      processor: this.#processor(),
      streams: [{ id: 'traces', signal: 'traces', arrival: ARRIVAL, exporters: ['out'] }],
      log,
      clock: this.clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
    await this.#stage.start()
  }

  #processor(): WindowedProcessor {
    const processor = declaration.create(config, testContext('tail_sampling'))
    if (!this.#given.byChance) return processor
    return byChance(processor, () => {
      this.#coin = (this.#coin * 48_271) % 0x7fffffff
      return this.#coin % 2 === 0
    })
  }

  async receive(spans: readonly Span[]): Promise<void> {
    const counts = new Map([
      ['received|traces', spans.length],
      ['windowed|traces|tail_sampling', spans.length]
    ])
    await this.log.commit({ appends: [{ stream: ARRIVAL, items: spans.length, bytes: request(spans) }], counts })
  }

  /** Everything that can be decided now is; a death on the way is followed by a restart. */
  async settle(): Promise<void> {
    for (;;) {
      const isDead = await Promise.race([this.#stage.settle().then(() => false), this.#died.then(() => true)])
      if (!isDead) return
      await this.restart()
    }
  }

  ledger() {
    return ledgerOf(this.log.counts(), new Map())
  }

  out(): Out[] {
    return this.log.read('out', -1, { maxItems: 1e9, maxBytes: 1e9 }).flatMap(entry => outOf(entry.bytes))
  }

  waiting(cursor: string): number {
    return this.log.status().cursors.find(c => c.cursor === cursor)!.waitingEntries
  }
}

async function play(given: Scenario): Promise<Rig> {
  const rig = new Rig(given)
  await rig.open()
  const start = rig.clock.now()
  for (const [step, group] of requestsOf(given.spans, given.together).entries()) {
    const until = start + group.at(-1)!.at
    while (given.isTicking && until - rig.clock.now() > 31_000) {
      rig.clock.move(31_000)
      await rig.settle()
    }
    if (until > rig.clock.now()) rig.clock.move(until - rig.clock.now())
    await rig.receive(group)
    const action = given.actions[step % given.actions.length]
    if (action === 'kill') await rig.restart()
    if (action !== 'settle') continue
    await rig.settle()
    balanced(rig)
  }
  for (let i = 0; i < 30; i++) {
    await rig.settle()
    balanced(rig)
    rig.clock.move(10_000)
  }
  await rig.settle()
  // Decisions are remembered for a while, then they go too.
  rig.clock.move(MEMORY_MS + 10_000)
  await rig.settle()
  return rig
}

function balanced(rig: Rig): void {
  const ledger = rig.ledger()
  const [line] = ledger.streams
  if (line === undefined) return
  if (line.difference !== 0 || line.windowed < 0) throw new Error(`the ledger is off: ${JSON.stringify(ledger)}`)
  const out = rig.out().length
  if (out !== line.appended) throw new Error(`${out} came out, ${line.appended} are counted`)
}

function check(rig: Rig, { spans, byChance }: Scenario): void {
  judge(rig.out(), spans, trace => (byChance ? undefined : isInHalf(trace)))
  const [line] = rig.ledger().streams
  if (line!.windowed !== 0) throw new Error(`${line!.windowed} items never left the window`)
  if (rig.waiting('tail_sampling') !== 0) throw new Error('entries are kept for ever')
  if (rig.waiting('tail_sampling#journal') !== 0) throw new Error('journal entries are kept for ever')
}

t.test('errors whole, others whole or not at all, nothing twice, whatever the order and whenever it dies', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async given => check(await play(given), given)),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000 }
  )
  t.pass(`${RUNS} runs`)
})
