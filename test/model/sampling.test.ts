// Random traces through the window, with restarts at any point: every trace with an error comes out whole, every other one
// whole or not at all, no item twice, and the ledger is exact whenever somebody looks. A failing run prints its seed.

import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Commit, Log } from '../../core/queue/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { randomnessOf, thresholdOf } from '../../core/sampling/threshold.js'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'
import { testContext } from '../helpers/context.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'
import { ManualClock, silentLog } from '../helpers/receiver.js'

const RUNS = Number(process.env['SAMPLING_RUNS'] ?? 150)
const ARRIVAL = arrivalStream('traces')

interface Span {
  readonly trace: number
  readonly span: number
  readonly at: number
  readonly resource: number
  readonly error: 'none' | 'status' | 'event' | 'attribute'
  readonly hasState: boolean
}

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

const traceId = (trace: number): Buffer => {
  const id = Buffer.alloc(16, 7)
  id.writeUInt32BE(trace + 1, 0)
  // Randomness over the whole range, the same in every run.
  id.writeUInt32BE(Math.imul(trace + 1, 0x9e3779b1) >>> 0, 9)
  return id
}
const spanId = (trace: number, span: number): Buffer => {
  const id = Buffer.alloc(8)
  id.writeUInt32BE(trace + 1, 0)
  id.writeUInt32BE(span + 1, 4)
  return id
}

function encode({ trace, span, error, hasState }: Span): Plain {
  return {
    traceId: traceId(trace),
    spanId: spanId(trace, span),
    ...(span === 0 ? {} : { parentSpanId: spanId(trace, 0) }),
    ...(hasState ? { traceState: 'vendor=1,ot=foo:bar' } : {}),
    name: `step ${span}`,
    attributes: [
      { key: 'workflow.name', value: { stringValue: `flow-${trace % 3}` } },
      ...(error === 'attribute' ? [{ key: 'step.error_type', value: { stringValue: 'IOException' } }] : [])
    ],
    events: error === 'event' ? [{ name: 'exception' }] : [],
    ...(error === 'status' ? { status: { code: 2 } } : {})
  }
}

function request(spans: readonly Span[]): Buffer {
  const resources = [...new Set(spans.map(span => span.resource))]
  return oracle.encodeRequest('traces', {
    resourceSpans: resources.map(resource => ({
      resource: { attributes: [{ key: 'service.name', value: { stringValue: `service-${resource}` } }] },
      scopeSpans: [
        {
          scope: { name: `scope-${resource}` },
          spans: spans.filter(span => span.resource === resource).map(encode),
          schemaUrl: 'https://example.com/schema'
        }
      ]
    }))
  })
}

interface Out {
  readonly key: string
  readonly resource: string
  readonly state: string
  readonly plain: Plain
}

/** Spans that came out, through the independent decoder. */
function outOf(bytes: Buffer): Out[] {
  const plain = oracle.decodeRequest('traces', bytes) as {
    resourceSpans?: {
      resource: { attributes: { value: { stringValue: string } }[] }
      scopeSpans: { spans: Plain[] }[]
    }[]
  }
  return (plain.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(span => ({
        key: (span['spanId'] as Buffer).toString('hex'),
        resource: resource.attributes[0]!.value.stringValue,
        state: String(span['traceState'] ?? ''),
        plain: span
      }))
    )
  )
}

/** Delays around every timer: 2 s after the root, 30 s in all, 60 s for late errors. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 500 }),
  fc.constantFrom(1999, 2000, 2001, 2100, 29_999, 30_000, 30_001, 31_000, 45_000, 59_999)
)

const scenario = fc.record({
  traces: fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 40_000 }),
      spans: fc.array(
        fc.record({
          delay,
          resource: fc.nat(2),
          hasState: fc.boolean(),
          error: fc.oneof(
            { weight: 6, arbitrary: fc.constant('none' as const) },
            fc.constantFrom('status', 'event', 'attribute')
          )
        }),
        { minLength: 1, maxLength: 6 }
      )
    }),
    { minLength: 1, maxLength: 12 }
  ),
  together: fc.constantFrom(0, 50, 1000),
  /** After each request: what happens before the next one. */
  actions: fc.array(fc.constantFrom('settle', 'settle', 'nothing', 'kill'), { minLength: 1, maxLength: 30 }),
  deaths: fc.array(fc.constantFrom(undefined, undefined, undefined, 'before', 'after'), { minLength: 1, maxLength: 12 })
})

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const config = configOf(schema, {
  policies: [{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }]
})

class Rig {
  readonly clock = new ManualClock()
  readonly log = new MemoryLog({ maxBytes: 1 << 26, now: () => this.clock.now() })
  readonly #deaths: readonly (Crash | undefined)[]
  #commits = 0
  #kill = () => {}
  #stage!: WindowedStage
  #died!: Promise<void>

  constructor(deaths: readonly (Crash | undefined)[]) {
    this.#deaths = deaths
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
    const { log, kill } = mortal(this.log, () => this.#deaths[this.#commits++], died)
    this.#kill = kill
    this.#stage = new WindowedStage({
      id: 'tail_sampling',
      processor: declaration.create(config, testContext('tail_sampling')),
      streams: [{ id: 'traces', signal: 'traces', arrival: ARRIVAL, exporters: ['out'] }],
      log,
      clock: this.clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
    await this.#stage.start()
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

function spansOf({ traces }: Scenario): Span[] {
  return traces
    .flatMap(({ at, spans }, trace) => {
      const first = Math.min(...spans.map(span => span.delay))
      return spans.map(({ delay, resource, hasState, error }, span) => ({
        trace,
        span,
        at: at + delay - first,
        resource,
        hasState,
        error: error as Span['error']
      }))
    })
    .sort((a, b) => a.at - b.at)
}

async function play(given: Scenario): Promise<{ rig: Rig; spans: Span[] }> {
  const spans = spansOf(given)
  const rig = new Rig(given.deaths)
  await rig.open()
  const start = rig.clock.now()
  for (let i = 0, step = 0; i < spans.length; step++) {
    const at = spans[i]!.at
    const group = [spans[i++]!]
    while (i < spans.length && spans[i]!.at - at <= given.together && group.length < 5) group.push(spans[i++]!)
    const until = start + group.at(-1)!.at
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
  return { rig, spans }
}

function balanced(rig: Rig): void {
  const ledger = rig.ledger()
  const [line] = ledger.streams
  if (line === undefined) return
  if (line.difference !== 0 || line.windowed < 0) throw new Error(`the ledger is off: ${JSON.stringify(ledger)}`)
  const out = rig.out().length
  if (out !== line.appended) throw new Error(`${out} came out, ${line.appended} are counted`)
}

function check({ rig, spans }: { rig: Rig; spans: readonly Span[] }): void {
  const out = rig.out()
  const seen = new Map<string, Out>()
  for (const one of out) {
    if (seen.has(one.key)) throw new Error(`span ${one.key} came out twice`)
    seen.set(one.key, one)
  }
  const traces = new Map<number, Span[]>()
  for (const span of spans) traces.set(span.trace, [...(traces.get(span.trace) ?? []), span])
  for (const [trace, all] of traces) {
    const found = all
      .map(span => seen.get(spanId(span.trace, span.span).toString('hex')))
      .filter(one => one !== undefined)
    const hasError = all.some(span => span.error !== 'none')
    const isChosen = randomnessOf(traceId(trace), 0) >= thresholdOf(0.5)
    const wanted = hasError || isChosen ? all.length : 0
    if (found.length !== wanted) {
      throw new Error(
        `trace ${trace} (error: ${hasError}, chosen: ${isChosen}): ${found.length} of ${all.length} came out`
      )
    }
    for (const [i, one] of found.entries()) {
      const span = all[i]!
      if (one.resource !== `service-${span.resource}`) throw new Error('a span changed its resource')
      if (!/^ot=th:[08]/.test(one.state)) throw new Error(`its weight is not told: ${one.state}`)
      if (span.hasState && !/;foo:bar,vendor=1$/.test(one.state))
        throw new Error(`a trace state was lost: ${one.state}`)
      const { traceState: _, attributes, ...rest } = one.plain
      const {
        traceState: __,
        attributes: sent,
        ...given
      } = oracle.decodeRequest('traces', request([span]))['resourceSpans']![0 as never]['scopeSpans' as never][
        0 as never
      ]['spans' as never][0 as never] as Plain
      if (JSON.stringify(rest) !== JSON.stringify(given)) throw new Error('a span changed')
      const added = (attributes as Plain[]).slice((sent as Plain[]).length).map(a => a['key'])
      if (added.some(key => key !== 'sampling.late_error')) throw new Error(`a span got ${added}`)
    }
  }
  const [line] = rig.ledger().streams
  if (line!.windowed !== 0) throw new Error(`${line!.windowed} items never left the window`)
  if (rig.waiting('tail_sampling') !== 0) throw new Error('entries are kept for ever')
  if (rig.waiting('tail_sampling#journal') !== 0) throw new Error('journal entries are kept for ever')
}

t.test('errors whole, others whole or not at all, nothing twice, whatever the order and whenever it dies', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async given => check(await play(given))),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000 }
  )
  t.pass(`${RUNS} runs`)
})
