import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Clock } from '../component/context.js'
import { encodeRequest } from '../otlp/decode.js'
import type { Commit, Log } from '../queue/log.js'
import { MemoryLog } from '../queue/memory/log.js'
import { ledgerOf } from '../telemetry/ledger.js'
import { Chain } from './chain.js'
import { type Pipeline, Pipelines } from './pipelines.js'

const ids = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2) }
const bad = { traceId: Buffer.alloc(15, 1), spanId: Buffer.alloc(8, 2) }
const request = (...spans: object[]) =>
  encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] } as never)
const span = (name = 'x') => ({ ...ids, name })

/** The system clock's timers let the process end; here nothing else keeps it. */
const waitingClock: Clock = {
  now: Date.now,
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  }
}

interface Made {
  readonly pipelines: Pipelines
  readonly log: MemoryLog
  readonly commits: Commit[]
  readonly refused: string[]
  /** Holds commits back until called. */
  release(): void
  hold: boolean
  fail: Error | undefined
}

async function make(over: Partial<Pipeline>[] = [{}]): Promise<Made> {
  const log = new MemoryLog({ maxBytes: 1 << 20 })
  await log.start()
  await log.cursors(new Map([['out', ['traces', 'traces/two']]]))
  const held: (() => void)[] = []
  const made: Made = {
    log,
    commits: [],
    refused: [],
    hold: false,
    fail: undefined,
    release() {
      for (const go of held.splice(0)) go()
    },
    pipelines: undefined as never
  }
  const watched = Object.create(log) as Log
  watched.commit = async commit => {
    made.commits.push(commit)
    if (made.hold) await new Promise<void>(resolve => held.push(resolve))
    if (made.fail !== undefined) throw made.fail
    return log.commit(commit)
  }
  const pipelines = new Pipelines({
    log: watched,
    clock: waitingClock,
    pipelines: over.map(more => ({
      id: 'traces',
      signal: 'traces',
      receivers: new Set(['otlp']),
      exporters: ['out'],
      chain: new Chain('traces', [], { failed() {} }),
      pressure: () => undefined,
      ...more
    })),
    retryAfterMs: () => 1234,
    onRefused: (_, code) => void made.refused.push(code)
  })
  return Object.assign(made, { pipelines })
}

t.test('the answer comes after the commit, not before', async t => {
  const made = await make()
  made.hold = true
  let answered = false
  const answer = made.pipelines.take('traces', request(span()), 'otlp').then(a => {
    answered = true
    return a
  })
  await new Promise(resolve => setImmediate(resolve))
  t.equal(answered, false)
  made.release()
  t.same(await answer, { kind: 'accepted', rejected: 0, message: '' })
})

t.test('small requests that come during a commit share the next one and one entry', async t => {
  const made = await make()
  made.hold = true
  const answers = Array.from({ length: 10 }, (_, i) => made.pipelines.take('traces', request(span(`s${i}`)), 'otlp'))
  made.hold = false
  made.release()
  await Promise.all(answers)
  t.equal(made.commits.length, 2)
  t.match(made.commits[1]!.appends, [{ stream: 'traces', items: 9 }])
  const totals = made.log.counts()
  t.match(Object.fromEntries(totals), { 'received|traces': 10, 'appended|traces': 10, 'offered|out|traces': 10 })
  t.ok(ledgerOf(totals, new Map([['out', 10]])).isBalanced)
})

t.test('invalid items are rejected by number and reason; only invalid ones make the request bad', async t => {
  const made = await make()
  const answer = await made.pipelines.take('traces', request(span(), bad, span()), 'otlp')
  t.match(answer, { kind: 'accepted', rejected: 1, message: /^1 of 3 items.*trace_id of 15 bytes/ })
  t.match(await made.pipelines.take('traces', request(bad), 'otlp'), { kind: 'malformed', message: /trace_id/ })
  t.match(await made.pipelines.take('traces', Buffer.from([0x0a, 200]), 'otlp'), { kind: 'malformed' })
  t.equal(made.log.counts().get('received|traces'), 2)
})

t.test('a request of nothing is fine (OTLP G2) and leaves no entry', async t => {
  const made = await make()
  t.match(await made.pipelines.take('traces', Buffer.alloc(0), 'otlp'), { kind: 'accepted', rejected: 0 })
  t.equal(made.log.status().entries, 0)
})

t.test('items that processors drop are counted in the same commit', async t => {
  const dropper = {
    item: (item: { name(): string; drop(reason: string): void }) => void (item.name() === 'a' && item.drop('is_a'))
  }
  const chain = new Chain('traces', [{ id: 'filter', processor: dropper, mutates: true }], { failed() {} })
  const made = await make([{ chain }])
  await made.pipelines.take('traces', request(span('a'), span('b')), 'otlp')
  await made.pipelines.take('traces', request(span('a')), 'otlp')
  const totals = made.log.counts()
  t.match(Object.fromEntries(totals), { 'received|traces': 3, 'appended|traces': 1, 'dropped|filter|traces|is_a': 2 })
  t.ok(ledgerOf(totals, new Map([['out', 1]])).isBalanced)
})

t.test('two pipelines of one signal get the request in one commit', async t => {
  const made = await make([{}, { id: 'traces/two' }])
  await made.pipelines.take('traces', request(span()), 'otlp')
  t.equal(made.commits.length, 1)
  t.same(made.commits[0]!.appends!.map(entry => entry.stream).sort(), ['traces', 'traces/two'])
})

t.test('full, failing and stopping queues are answered with a delay, and nothing is counted as received', async t => {
  const made = await make()
  made.fail = Object.assign(new Error('full'), { code: 'QUEUE_FULL' })
  t.match(await made.pipelines.take('traces', request(span()), 'otlp'), { kind: 'busy', retryAfterMs: 1234 })
  made.fail = Object.assign(new Error('disk'), { code: 'QUEUE_DISK_FULL' })
  t.match(await made.pipelines.take('traces', request(span()), 'otlp'), {
    kind: 'unavailable',
    message: /QUEUE_DISK_FULL/
  })
  t.same(made.refused, ['QUEUE_FULL', 'QUEUE_DISK_FULL'])
  t.equal(made.log.counts().size, 0)
  made.fail = undefined
  await made.pipelines.stop()
  t.match(await made.pipelines.take('traces', request(span()), 'otlp'), { kind: 'unavailable', message: /stopping/ })
})

t.test('an exporter that is full refuses the sender before any work', async t => {
  const made = await make([{ pressure: () => ({ message: 'full', retryAfterMs: 77 }) }])
  t.same(await made.pipelines.take('traces', request(span()), 'otlp'), {
    kind: 'busy',
    message: 'full',
    retryAfterMs: 77
  })
  t.equal(made.commits.length, 0)
})

t.test('a signal without a pipeline is told so', async t => {
  const made = await make()
  t.match(await made.pipelines.take('logs', Buffer.alloc(0), 'otlp'), {
    kind: 'malformed',
    message: /no logs pipeline/
  })
})

t.test('stop waits for what was taken', async t => {
  const made = await make()
  made.hold = true
  const answer = made.pipelines.take('traces', request(span()), 'otlp')
  const second = made.pipelines.take('traces', request(span()), 'otlp')
  const stopped = made.pipelines.stop()
  made.hold = false
  made.release()
  await stopped
  t.match(await Promise.all([answer, second]), [{ kind: 'accepted' }, { kind: 'accepted' }])
})

t.test('requests that were delivered are kept by nobody', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const log = new MemoryLog({ maxBytes: 1 << 30 })
  await log.start()
  await log.cursors(new Map([['out', ['traces']]]))
  const pipeline: Pipeline = {
    id: 'traces',
    signal: 'traces',
    receivers: new Set(['otlp']),
    exporters: ['out'],
    chain: new Chain('traces', [], { failed() {} }),
    pressure: () => undefined
  }
  const pipelines = new Pipelines({
    log,
    clock: waitingClock,
    pipelines: [pipeline],
    retryAfterMs: () => 1,
    onRefused() {}
  })
  const taken: WeakRef<Buffer>[] = []
  for (let i = 0; i < 20; i++) {
    const bytes = request(span('x'.repeat(100_000)))
    taken.push(new WeakRef(bytes))
    await pipelines.take('traces', bytes, 'otlp')
    await log.commit({ acks: [{ cursor: 'out', positions: [i + 1] }] })
  }
  for (let i = 0; i < 5; i++) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
  // The last ones may still stand on somebody's stack.
  t.same(
    taken.slice(0, 15).map(ref => ref.deref()?.length),
    new Array(15).fill(undefined)
  )
  await pipelines.stop()
})
