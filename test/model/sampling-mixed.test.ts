// Spans and log records of the same traces through one window, in any order, split over requests in any way, with restarts at
// any point and delays around every timer: a trace with an error in either signal comes out whole in both, every other one
// whole or not at all, none of an excluded workflow, records without a trace always, nothing twice. A failing run prints its seed.

import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import type { Signal } from '../../core/otlp/signal.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Commit, Log } from '../../core/queue/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { MEMORY_MS } from '../../core/sampling/journals.js'
import { randomnessOf, thresholdOf } from '../../core/sampling/threshold.js'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'
import { testContext } from '../helpers/context.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'
import { ManualClock, silentLog } from '../helpers/receiver.js'

const RUNS = Number(process.env['SAMPLING_RUNS'] ?? 100)
const BOTH: readonly Signal[] = ['traces', 'logs']

type Fault = 'none' | 'status' | 'event' | 'attribute' | 'record'
type Workflow = 'half' | 'secret' | 'excluded'

interface Item {
  /** -1: a log record without a trace. */
  readonly trace: number
  readonly n: number
  readonly signal: Signal
  readonly at: number
  readonly fault: Fault
  readonly workflow: Workflow
  /** Says how many steps there are; only item 0, a span. */
  readonly steps: number | undefined
}

function traceId(trace: number): Buffer {
  if (trace < 0) return Buffer.alloc(0)
  const id = Buffer.alloc(16, 9)
  id.writeUInt32BE(trace + 1, 0)
  id.writeUInt32BE(Math.imul(trace + 1, 0x9e3779b1) >>> 0, 9)
  return id
}

/** Tells every item from every other. */
function itemId({ trace, n }: Pick<Item, 'trace' | 'n'>): Buffer {
  const id = Buffer.alloc(8)
  id.writeInt32BE(trace + 2, 0)
  id.writeUInt32BE(n + 1, 4)
  return id
}

function encoded(item: Item): Plain {
  const { n, fault, workflow, steps } = item
  const attributes: Plain[] = [
    { key: 'workflow.name', value: { stringValue: workflow } },
    ...(fault === 'attribute' ? [{ key: 'step.error_type', value: { stringValue: 'IOException' } }] : []),
    ...(steps === undefined
      ? [{ key: 'step.name', value: { stringValue: `s${n}` } }]
      : [{ key: 'workflow.total_steps', value: { intValue: BigInt(steps) } }])
  ]
  const common = { traceId: traceId(item.trace), spanId: itemId(item), attributes }
  if (item.signal === 'logs') return { ...common, severityNumber: fault === 'record' ? 17 : 9 }
  return {
    ...common,
    ...(n === 0 ? {} : { parentSpanId: Buffer.alloc(8, 1) }),
    name: 'step',
    ...(fault === 'status' ? { status: { code: 2 } } : {}),
    ...(fault === 'event' ? { events: [{ name: 'exception' }] } : {})
  }
}

function request(signal: Signal, items: readonly Item[]): Buffer {
  const all = items.map(encoded)
  return signal === 'logs'
    ? oracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: all }] }] })
    : oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: all }] }] })
}

type Decoded = { [list: string]: { [scopes: string]: { [items: string]: Plain[] }[] }[] }

function outOf(log: Log, signal: Signal): Plain[] {
  const entries = log.read('out', -1, { maxItems: 1e9, maxBytes: 1e9 }).filter(entry => entry.stream === signal)
  return entries.flatMap(({ bytes }) => {
    const [resources = []] = Object.values(oracle.decodeRequest(signal, bytes) as Decoded)
    return resources
      .flatMap(resource => resource['scopeSpans'] ?? resource['scopeLogs'] ?? [])
      .flatMap(scope => scope['spans'] ?? scope['logRecords'] ?? [])
  })
}

/** What a process sees of the log: nothing any more once it is dead, whose commits never end. */
function lifeOf(log: Log): { readonly log: Log; end(): void } {
  let isDead = false
  const view = new Proxy(log, {
    get(target, name) {
      if (isDead && name === 'read') return () => []
      if (isDead && name === 'commit') return () => new Promise(() => {})
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  return {
    log: view,
    end: () => {
      isDead = true
    }
  }
}

class Rig {
  readonly clock = new ManualClock()
  readonly log = new MemoryLog({ maxBytes: 1 << 26, now: () => this.clock.now() })
  readonly #settings: object
  #life: ReturnType<typeof lifeOf> | undefined
  #stage!: WindowedStage

  constructor(settings: object) {
    this.#settings = settings
  }

  async open(): Promise<this> {
    await this.log.start()
    await this.log.cursors(
      new Map<string, string[]>([
        ['tail_sampling', BOTH.map(arrivalStream)],
        ['tail_sampling#journal', ['tail_sampling#journal']],
        ['out', [...BOTH]]
      ])
    )
    await this.restart()
    return this
  }

  /** As after kill -9: what was in memory is gone, what was committed is not. */
  async restart(): Promise<void> {
    this.#life?.end()
    this.#life = lifeOf(this.log)
    this.#stage = new WindowedStage({
      id: 'tail_sampling',
      processor: declaration.create(configOf(schema, this.#settings), testContext('tail_sampling') as never),
      streams: BOTH.map(id => ({ id, signal: id, arrival: arrivalStream(id), exporters: ['out'] })),
      log: this.#life.log,
      clock: this.clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
    await this.#stage.start()
  }

  async receive(signal: Signal, items: readonly Item[]): Promise<void> {
    const counts: Commit['counts'] = new Map([
      [`received|${signal}`, items.length],
      [`windowed|${signal}|tail_sampling`, items.length]
    ])
    const bytes = request(signal, items)
    await this.log.commit({ appends: [{ stream: arrivalStream(signal), items: items.length, bytes }], counts })
  }

  settle(): Promise<void> {
    return this.#stage.settle()
  }

  /** A few turns of the loop: reads and decisions may be anywhere on their way. */
  async turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) await new Promise(resolve => setImmediate(resolve))
  }
}

/** Around each timer: at once, 2 s after the root, 30 s in all, 60 s for late errors. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(1999, 2000, 2001, 2100, 29_999, 30_000, 30_001, 31_000, 45_000, 58_000)
)

const part = fc.record({
  delay,
  isLog: fc.boolean(),
  fault: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, fc.nat(2))
})

const scenario = fc.record({
  traces: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 20_000 }),
      workflow: fc.constantFrom<Workflow>('half', 'half', 'secret', 'excluded'),
      parts: fc.array(part, { minLength: 1, maxLength: 6 }),
      steps: fc.option(fc.nat(4), { nil: undefined })
    }),
    { minLength: 1, maxLength: 10 }
  ),
  loose: fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 4 }),
  /** Items that come this close together, milliseconds, share a request. */
  together: fc.constantFrom(0, 40, 1000),
  actions: fc.array(fc.constantFrom('settle', 'nothing', 'turns', 'kill'), { minLength: 1, maxLength: 20 })
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

function itemsOf({ traces, loose }: Scenario): Item[] {
  const of = traces.flatMap(({ at, workflow, parts, steps }, trace) => {
    const first = Math.min(...parts.map(one => one.delay))
    return parts.map((one, n): Item => {
      const signal = one.isLog ? 'logs' : 'traces'
      const faults: readonly Fault[] = one.isLog ? ['record'] : ['status', 'event', 'attribute']
      const fault = one.fault === undefined ? 'none' : faults[one.fault % faults.length]!
      const isRoot = n === 0 && !one.isLog && steps !== undefined
      return { trace, n, signal, at: at + one.delay - first, fault, workflow, steps: isRoot ? steps : undefined }
    })
  })
  const alone = loose.map(
    (at, n): Item => ({ trace: -1, n, signal: 'logs', at, fault: 'none', workflow: 'secret', steps: undefined })
  )
  return [...of, ...alone].sort((a, b) => a.at - b.at)
}

async function play(given: Scenario, settings: object): Promise<{ rig: Rig; items: readonly Item[] }> {
  const items = itemsOf(given)
  const rig = await new Rig(settings).open()
  const start = rig.clock.now()
  for (let i = 0, step = 0; i < items.length; step++) {
    const group = [items[i++]!]
    while (i < items.length && items[i]!.at - group[0]!.at <= given.together && group.length < 6)
      group.push(items[i++]!)
    const until = start + group.at(-1)!.at
    if (until > rig.clock.now()) rig.clock.move(until - rig.clock.now())
    for (const signal of BOTH) {
      const own = group.filter(item => item.signal === signal)
      if (own.length > 0) await rig.receive(signal, own)
    }
    const action = given.actions[step % given.actions.length]
    if (action === 'kill') await rig.restart()
    if (action === 'turns') await rig.turns(step % 5)
    if (action === 'settle') await rig.settle()
    balanced(rig)
  }
  for (let i = 0; i < 25; i++) {
    await rig.settle()
    balanced(rig)
    rig.clock.move(10_000)
  }
  // Journals go when nobody remembers their decisions any more.
  rig.clock.move(2 * MEMORY_MS)
  await rig.settle()
  await rig.settle()
  return { rig, items }
}

function balanced({ log }: Rig): void {
  const ledger = ledgerOf(log.counts(), new Map())
  for (const line of ledger.streams) {
    if (line.difference !== 0 || line.windowed < 0) throw new Error(`the ledger is off: ${JSON.stringify(ledger)}`)
    const out = outOf(log, line.stream as Signal).length
    if (out !== line.appended) throw new Error(`${out} ${line.stream} came out, ${line.appended} are counted`)
  }
}

/** Each item that came out, by id. @throws when one came out twice, or in the wrong signal. */
function seen(rig: Rig): ReadonlyMap<string, Plain> {
  const found = new Map<string, Plain>()
  for (const signal of BOTH) {
    for (const plain of outOf(rig.log, signal)) {
      const id = `${signal} ${(plain['spanId'] as Buffer).toString('hex')}`
      if (found.has(id)) throw new Error(`${id} came out twice`)
      found.set(id, plain)
    }
  }
  return found
}

function check(rig: Rig, items: readonly Item[], isChosen: (item: Item) => boolean | undefined): void {
  const found = seen(rig)
  const traces = new Map<number, Item[]>()
  for (const item of items) traces.set(item.trace, [...(traces.get(item.trace) ?? []), item])
  let expected = 0
  for (const [trace, all] of traces) {
    const out = all.filter(item => found.has(`${item.signal} ${itemId(item).toString('hex')}`))
    const { workflow } = all[0]!
    const hasError = all.some(({ fault }) => fault !== 'none')
    const chosen = trace < 0 || (workflow !== 'excluded' && (hasError || isChosen(all[0]!)))
    const isRight =
      chosen === undefined ? out.length === 0 || out.length === all.length : out.length === (chosen ? all.length : 0)
    if (!isRight)
      throw new Error(`trace ${trace} of ${workflow} (error: ${hasError}): ${out.length} of ${all.length} came out`)
    expected += out.length
  }
  if (found.size !== expected) throw new Error(`${found.size} came out, ${expected} of them were sent`)
  const ledger = ledgerOf(rig.log.counts(), new Map())
  for (const line of ledger.streams) if (line.windowed !== 0) throw new Error(`${line.windowed} never left the window`)
  for (const { cursor, waitingEntries } of rig.log.status().cursors) {
    if (cursor !== 'out' && waitingEntries > 0) throw new Error(`${cursor} keeps ${waitingEntries} entries for ever`)
  }
}

t.test(
  'spans and records: errors whole in both, others whole or not at all, nothing twice, whatever happens',
  async t => {
    const settings = {
      exclude_workflows: ['excluded'],
      policies: [
        { name: 'secret', type: 'workflow', workflow: { names: ['secret'], sampling_percentage: 0 } },
        { name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }
      ]
    }
    const isChosen = ({ trace, workflow }: Item) =>
      workflow === 'half' && randomnessOf(traceId(trace), 0) >= thresholdOf(0.5)
    await fc.assert(
      fc.asyncProperty(scenario, async given => {
        const { rig, items } = await play(given, settings)
        check(rig, items, isChosen)
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: 30_000 }
    )
    t.pass(`${RUNS} runs`)
  }
)

t.test('the same while chances change: an adaptive rate and a limit', async t => {
  const settings = {
    exclude_workflows: ['excluded'],
    policies: [
      { name: 'load', type: 'adaptive', adaptive: { items_per_second: 1, adjustment_interval: '2s' } },
      { name: 'few', type: 'rate_limiting', rate_limiting: { spans_per_second: 1 } }
    ]
  }
  await fc.assert(
    fc.asyncProperty(scenario, async given => {
      const { rig, items } = await play(given, settings)
      check(rig, items, () => undefined)
    }),
    { numRuns: Math.ceil(RUNS / 2), interruptAfterTimeLimit: 20_000 }
  )
  t.pass()
})
