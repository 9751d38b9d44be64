// What counts as what, from requests to points; and the totals against a model, with notes in parts, requests sent twice,
// late notes, and restarts anywhere.

import fc from 'fast-check'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { decodeRequest, encodeRequest } from '../../core/otlp/decode.js'
import { anyRequest } from '../../test/helpers/otlp-arbitraries.js'
import { oracle } from '../../test/helpers/otlp-oracle.js'
import { schema, validate } from './config.js'
import { WorkflowDeriver } from './deriver.js'
import declaration from './index.js'
import { splitNotes } from './note.js'
import { Observer } from './observer.js'

const NOW = 1_763_800_000_000
const START = 1_763_800_000_000_000_000n

interface Span {
  readonly trace?: number
  readonly id?: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly ms?: number
  readonly status?: number
  readonly traceState?: string
}

let lastId = 0

function request(...spans: readonly Span[]): Buffer {
  const made = spans.map(({ trace = 1, id = ++lastId, attributes, ms = 100, status = 0, traceState = '' }) => {
    const [traceId, spanId] = [Buffer.alloc(16, 7), Buffer.alloc(8, 9)]
    traceId.writeUInt32BE(trace, 12)
    spanId.writeUInt32BE(id, 4)
    return {
      traceId,
      spanId,
      traceState,
      name: 'x',
      startTimeUnixNano: START,
      endTimeUnixNano: START + BigInt(Math.round(ms * 1e6)),
      status: { code: status },
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value }))
    }
  })
  return encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: made }] }] } as never)
}

function deriverOf(settings: object = {}) {
  const told = { duplicates: 0, overflows: 0 }
  const config = configOf(schema, settings)
  const deriver = new WorkflowDeriver({
    config,
    onDuplicates: n => void (told.duplicates += n),
    onOverflow: () => void told.overflows++
  })
  return { deriver, observer: new Observer(config), told }
}

type Point = Record<string, unknown> & {
  readonly attributes: readonly { readonly key: string; readonly value: unknown }[]
}

/** Points by metric and attributes: `workflow.completed{workflow.name=a}`. */
function points(deriver: WorkflowDeriver): Map<string, Point> {
  const found = new Map<string, Point>()
  const bytes = deriver.emit(NOW)
  if (bytes === undefined) return found
  for (const resource of decodeRequest('metrics', bytes).resourceMetrics)
    for (const { metrics } of resource.scopeMetrics)
      for (const metric of metrics) {
        const data = metric.sum ?? metric.gauge ?? metric.histogram ?? metric.exponentialHistogram
        for (const point of data!.dataPoints as unknown as Point[]) {
          const labels = point.attributes.map(({ key, value }) => `${key}=${String(value)}`).join(',')
          found.set(`${metric.name.replace('algoflow.', '')}{${labels}}`, point)
        }
      }
  return found
}

function metricsOf(settings: object, ...spans: readonly Span[]): Map<string, Point> {
  const { deriver, observer } = deriverOf(settings)
  const note = observer.observe(request(...spans))
  if (note !== undefined) deriver.take(note.bytes, NOW)
  return points(deriver)
}

const workflow = (name: string, more: object = {}): Span => ({ attributes: { 'workflow.name': name }, ...more })
const step = (name: string, more: object = {}, span: object = {}): Span => ({
  attributes: { 'workflow.name': 'w', 'step.name': name, ...more },
  ...span
})

t.test('a workflow that ends counts once as completed or failed, with its time', async t => {
  const found = metricsOf(
    {},
    workflow('a', { ms: 1500 }),
    workflow('a', { ms: 500 }),
    workflow('a', { status: 2 }),
    workflow('b', { status: 1 })
  )
  t.match(found.get('workflow.completed{workflow.name=a}'), { asInt: 2 })
  t.match(found.get('workflow.failed{workflow.name=a}'), { asInt: 1 })
  t.match(found.get('workflow.completed{workflow.name=b}'), { asInt: 1 })
  t.match(found.get('workflow.duration{workflow.name=a,status=ok}'), { count: 2, sum: 2, min: 0.5, max: 1.5 })
  t.match(found.get('workflow.duration{workflow.name=a,status=error}'), { count: 1, sum: 0.1 })
})

t.test('an error type makes an error unless the span says that it is fine', async t => {
  const found = metricsOf(
    {},
    step('s', { 'step.error_type': 'Timeout' }),
    step('s', { 'error.type': 'E' }, { status: 2 }),
    step('s', { 'step.error_type': 'Recovered' }, { status: 1 }),
    step('s', {}, { status: 2 })
  )
  t.match(found.get('step.duration{workflow.name=w,step.name=s,status=error,error_type=Timeout}'), { count: 1 })
  t.match(found.get('step.duration{workflow.name=w,step.name=s,status=error,error_type=E}'), { count: 1 })
  t.match(found.get('step.duration{workflow.name=w,step.name=s,status=ok}'), { count: 1 })
  t.match(found.get('step.duration{workflow.name=w,step.name=s,status=error}'), { count: 1 })
})

t.test('cache, queue time and resources of steps; names with and without the prefix', async t => {
  const found = metricsOf(
    {},
    step('s', { 'step.cached': true, 'step.queue_time_ms': 250, 'step.memory_used_bytes': 10 }),
    step('s', { 'algoflow.step.cached': false, 'algoflow.step.queue_time_ms': 0.5, 'memory.used': 20 }),
    step('s', { 'threads.active': 3, 'cache.size': 7.5 })
  )
  const labels = '{workflow.name=w,step.name=s}'
  t.match(found.get(`step.cache.hits${labels}`), { asInt: 1 })
  t.match(found.get(`step.cache.misses${labels}`), { asInt: 1 })
  t.match(found.get(`step.queue.time${labels}`), { count: 2, sum: 0.2505 })
  t.match(found.get(`memory.used${labels}`), { asDouble: 20 })
  t.match(found.get(`threads.active${labels}`), { asDouble: 3 })
  t.match(found.get(`cache.size${labels}`), { asDouble: 7.5 })
  t.notOk(metricsOf({}, step('s')).has(`step.cache.hits${labels}`), 'a step that does not say')
})

t.test('retries: a span for every attempt and one for the last of them say the same', async t => {
  const key = 'step.retries{workflow.name=w,step.name=s}'
  const attempts = (...numbers: number[]) => numbers.map(n => step('s', { 'step.attempt': n }))
  for (const order of [[1, 2, 3], [3], [3, 1, 2], [2, 3, 3]])
    t.match(metricsOf({}, ...attempts(...order)).get(key), { asInt: 2 })
  t.match(
    metricsOf({}, ...attempts(2), step('s', { 'step.attempt': 2 }, { trace: 2 })).get(key),
    { asInt: 2 },
    'per trace'
  )
  t.match(metricsOf({ retries: 'sum' }, ...attempts(3, 3)).get(key), { asInt: 4 })
})

t.test('what is no workflow and no step does not count, nor do metrics that are not wanted', async t => {
  t.equal(metricsOf({}, { attributes: { 'http.method': 'GET' } }).size, 0)
  t.equal(metricsOf({}, { attributes: { 'workflow.name': '' } }).size, 0)
  t.same(
    [...metricsOf({ metrics: ['workflow.completed'] }, workflow('a'), step('s')).keys()],
    ['workflow.completed{workflow.name=a}']
  )
  const other = { attributes: { workflow_name: ['wf'] }, attribute_prefix: 'my.' }
  t.match(metricsOf(other, { attributes: { 'my.wf': 'a' } }).get('workflow.completed{workflow.name=a}'), { asInt: 1 })
  t.equal(metricsOf(other, workflow('a')).size, 0)
})

t.test('a step that does not say its workflow has that of its trace, whichever span of it comes first', async t => {
  const bare = (trace: number, attempt = 1): Span => ({
    trace,
    attributes: { 'step.name': 's', 'step.attempt': attempt }
  })
  const { deriver, observer } = deriverOf({ workflow_name_wait: '1m' })
  let current = deriver
  const take = (...spans: Span[]) => current.take(observer.observe(request(...spans))!.bytes, NOW)
  take(bare(1, 3), bare(2))
  take(workflow('a', { trace: 3 }), bare(3))
  t.same(
    [...points(current).keys()].filter(key => key.startsWith('step.duration')),
    ['step.duration{workflow.name=a,step.name=s,status=ok}']
  )
  // What waits is part of the state.
  const kept = current.state()
  current = deriverOf({ workflow_name_wait: '1m' }).deriver
  current.restore(kept)
  take(workflow('b', { trace: 1 }))
  take(bare(1))
  t.match(points(current).get('step.duration{workflow.name=b,step.name=s,status=ok}'), { count: 2 })
  t.match(points(current).get('step.retries{workflow.name=b,step.name=s}'), { asInt: 2 })
  t.ok(current.isChanged, 'one waits still')
  current.emit(NOW + 60_000)
  t.match(points(current).get('step.duration{step.name=s,status=ok}'), { count: 1 }, 'counted without in the end')
  current.committed()
  t.notOk(current.isChanged)
})

t.test('active: traces whose steps have ended and whose workflow has not', async t => {
  const { deriver, observer } = deriverOf({ active_timeout: '1m' })
  const take = (atMs: number, ...spans: Span[]) => deriver.take(observer.observe(request(...spans))!.bytes, atMs)
  const active = (at: number) => {
    const bytes = deriver.emit(at)!
    const metric = decodeRequest('metrics', bytes).resourceMetrics[0]!.scopeMetrics[0]!.metrics.find(m =>
      m.name.endsWith('.active')
    )
    return Number((metric!.gauge!.dataPoints[0] as { asInt?: unknown }).asInt)
  }
  take(NOW, step('a', {}, { trace: 1 }), step('b', {}, { trace: 1 }), step('a', {}, { trace: 2 }))
  t.equal(active(NOW), 2)
  take(NOW, workflow('w', { trace: 1 }))
  t.equal(active(NOW), 1)
  take(NOW, step('late', {}, { trace: 1 }))
  t.equal(active(NOW), 1, 'a step that comes late opens nothing')
  t.equal(active(NOW + 120_000), 0, 'forgotten after the timeout')
})

t.test('beyond the budget series are counted together, and it is told once', async t => {
  const { deriver, observer, told } = deriverOf({ aggregation_cardinality_limit: 4 })
  const names = Array.from({ length: 10 }, (_, i) => `w${i}`)
  deriver.take(observer.observe(request(...names.map(name => workflow(name))))!.bytes, NOW)
  const found = [...points(deriver)].filter(([key]) => key.startsWith('workflow.completed'))
  t.equal(found.length, 4)
  t.match(new Map(found).get('workflow.completed{otel.metric.overflow=true}'), { asInt: 7 })
  points(deriver)
  t.equal(told.overflows, 1)
})

t.test('exemplars are failed traces and those of the highest randomness; told once', async t => {
  const { deriver, observer } = deriverOf({ exemplars: { max_per_data_point: 2 } })
  // Trace numbers are the last bytes of the ids: the highest is the most random.
  deriver.take(observer.observe(request(...[5, 900, 17, 800].map(trace => workflow('a', { trace }))))!.bytes, NOW)
  const exemplars = () =>
    (points(deriver).get('workflow.duration{workflow.name=a,status=ok}')!['exemplars'] as { traceId: Buffer }[]).map(
      e => e.traceId.readUInt32BE(12)
    )
  t.same(exemplars(), [900, 800])
  deriver.committed()
  t.same(exemplars(), [])
  const strict = deriverOf({ exemplars: { sampling_percentage: 0 } })
  strict.deriver.take(strict.observer.observe(request(workflow('a'), workflow('a', { status: 2 })))!.bytes, NOW)
  const all = points(strict.deriver)
  t.equal((all.get('workflow.duration{workflow.name=a,status=ok}')!['exemplars'] as unknown[]).length, 0)
  t.equal((all.get('workflow.duration{workflow.name=a,status=error}')!['exemplars'] as unknown[]).length, 1)
  const own = deriverOf({ exemplars: { sampling_percentage: 1 } })
  const rv = { traceState: 'ot=rv:ffffffffffffff', trace: 3 }
  own.deriver.take(own.observer.observe(request(workflow('a', rv), workflow('a', { trace: 4 })))!.bytes, NOW)
  const points1 = points(own.deriver).get('workflow.duration{workflow.name=a,status=ok}')!
  t.match(points1['exemplars'], { length: 1 }, 'the randomness a trace says itself')
})

t.test('explicit buckets', async t => {
  const histogram = { explicit: { buckets: ['50ms', '1s'] } }
  t.match(metricsOf({ histogram }, workflow('a', { ms: 100 })).get('workflow.duration{workflow.name=a,status=ok}'), {
    explicitBounds: [0.05, 1],
    bucketCounts: [0, 1, 0]
  })
  t.match(validate(configOf(schema, { histogram: { explicit: { buckets: ['1s', '1s'] } } })), [{ says: 'must ascend' }])
})

t.test('any request at all is looked at without an error, and looked at the same in any form', async t => {
  fc.assert(
    fc.property(anyRequest, ([signal, plain]) => {
      if (signal !== 'traces') return
      const bytes = oracle.encodeRequest('traces', plain)
      const { observer } = deriverOf()
      const usual = encodeRequest('traces', decodeRequest('traces', bytes) as never)
      t.equal(observer.observe(bytes)?.items, deriverOf().observer.observe(usual)?.items)
    }),
    { numRuns: 100 }
  )
})

// ---- against a model

interface Sent {
  readonly bytes: Buffer
}

/** The life of one part of the log: entries in order, the state of the last commit, what is forgotten. */
class Part {
  readonly entries: Buffer[] = []
  #state: Buffer | undefined
  #deriver!: WorkflowDeriver
  #read = 0

  constructor() {
    this.restart()
  }

  /** A crash: what was not committed is gone; all entries are read again. */
  restart(): void {
    this.#deriver = deriverOf().deriver
    if (this.#state !== undefined) this.#deriver.restore(this.#state)
    this.#read = 0
  }

  readSome(n: number): void {
    for (; n > 0 && this.#read < this.entries.length; n--) this.#deriver.take(this.entries[this.#read++]!, NOW)
  }

  commit(): void {
    this.#state = this.#deriver.state()
  }

  finish(): Map<string, Point> {
    this.readSome(Number.POSITIVE_INFINITY)
    return points(this.#deriver)
  }
}

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('send'), of: fc.nat(2), spans: fc.integer({ min: 1, max: 5 }) })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again'), of: fc.nat(2), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('late'), of: fc.nat(2), spans: fc.integer({ min: 1, max: 5 }) })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read'), n: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit'), part: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash'), part: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('new writer'), of: fc.nat(2) }) }
)

t.test('totals are the truth: three writers, three parts, requests twice, late notes, crashes anywhere', async t => {
  let checked = 0
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 60 }), actions => {
      const parts = [new Part(), new Part(), new Part()]
      const observers = parts.map(() => deriverOf().observer)
      const held: Buffer[] = []
      const sent: Sent[] = []
      let truth = 0
      let trace = 0
      const append = (note: Buffer) => {
        for (const { partition, bytes } of splitNotes(note, parts.length)) parts[partition]!.entries.push(bytes)
      }
      for (const one of actions as readonly Record<string, number | string>[]) {
        const of = observers[Number(one['of'] ?? 0)]!
        switch (one['do']) {
          case 'send':
          case 'late': {
            const n = Number(one['spans'])
            const bytes = request(...Array.from({ length: n }, () => workflow('w', { trace: ++trace })))
            truth += n
            sent.push({ bytes })
            const note = of.observe(bytes)!.bytes
            // A late one goes to the log behind what is written after it.
            if (one['do'] === 'late') held.push(note)
            else append(note)
            if (held.length > 1) append(held.shift()!)
            break
          }
          case 'again':
            if (sent.length > 0) append(of.observe(sent[Number(one['which']) % sent.length]!.bytes)!.bytes)
            break
          case 'read':
            for (const part of parts) part.readSome(Number(one['n']))
            break
          case 'commit':
            parts[Number(one['part'])]!.commit()
            break
          case 'crash':
            parts[Number(one['part'])]!.restart()
            break
          default:
            observers[Number(one['of'])] = deriverOf().observer
        }
      }
      for (const note of held) append(note)
      const counted = parts.map(part =>
        Number(part.finish().get('workflow.completed{workflow.name=w}')?.['asInt'] ?? 0)
      )
      t.equal(
        counted.reduce((a, b) => a + b, 0),
        truth
      )
      checked++
    }),
    { numRuns: 100 }
  )
  t.ok(checked >= 100)
})

t.test('the processor writes notes and changes nothing', async t => {
  let spans = 0
  const count = { spans: (n: number) => void (spans += n), duplicates() {}, overflows() {} }
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const context = { id: 'workflow_metrics', log, clock: { now: () => NOW, after: () => ({ cancel() {} }) }, count }
  const processor = declaration.create(configOf(schema, {}), context)
  t.match(processor.observe!('traces', request(workflow('a'), step('s'))), { items: 2 })
  t.equal(spans, 2)
  t.equal(declaration.mutates, false)
})
