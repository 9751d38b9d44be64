// The same traces are kept by whoever decides at the same chance: head sampling, tail sampling, log sampling, on two replicas,
// before and after a restart, with the randomness in the trace id or told explicitly; and a later tier keeps all of them.

import { createHash } from 'node:crypto'
import t from 'tap'
import type { ProcessorDeclaration } from '../../core/component/processor.js'
import { configOf } from '../../core/config/check.js'
import type { Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { readOtelState, weightOf } from '../../core/sampling/threshold.js'
import logSampling from '../../processors/log_sampling/index.js'
import probabilisticSampler from '../../processors/probabilistic_sampler/index.js'
import tailSampling from '../../processors/tail_sampling/index.js'
import { testContext } from '../helpers/context.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'
import { ManualClock, silentLog } from '../helpers/receiver.js'

const N = 3000
const ids = Array.from({ length: N }, (_, i) => createHash('md5').update(`trace ${i}`).digest())
const explicit = (i: number) => createHash('sha1').update(`rv ${i}`).digest('hex').slice(0, 14)

function spans(hasExplicit: boolean): Plain[] {
  return ids.map((traceId, i) => ({
    traceId,
    spanId: Buffer.alloc(8, 1),
    name: 'x',
    ...(hasExplicit ? { traceState: `ot=rv:${explicit(i)}` } : {})
  }))
}

const records = (): Plain[] => ids.map(traceId => ({ traceId, severityNumber: 9 }))

function encode(signal: Signal, items: readonly Plain[]): Buffer {
  return signal === 'logs'
    ? oracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: items }] }] })
    : oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: items }] }] })
}

function decode(signal: Signal, bytes: Buffer): Plain[] {
  type Lists = { [list: string]: { [scopes: string]: { [items: string]: Plain[] }[] }[] }
  const [resources = []] = Object.values(oracle.decodeRequest(signal, bytes) as Lists)
  return resources
    .flatMap(resource => resource['scopeSpans'] ?? resource['scopeLogs'] ?? [])
    .flatMap(scope => scope['spans'] ?? scope['logRecords'] ?? [])
}

/** Through an inline processor. */
function inline(declaration: ProcessorDeclaration, config: object, signal: Signal, items: readonly Plain[]): Plain[] {
  const processor = declaration.create(
    configOf(declaration.schema, config) as never,
    testContext(declaration.type) as never
  )
  const failed = (_: string, error: unknown) => {
    throw error
  }
  const chain = new Chain(signal, [{ id: declaration.type, processor, mutates: true }], { failed })
  return decode(signal, chain.run(encode(signal, items)).bytes)
}

/** Through a window; `restart`: the process dies when it has read all and decided nothing. */
async function tail(percentage: number, items: readonly Plain[], restart = false): Promise<Plain[]> {
  const clock = new ManualClock()
  const log = new MemoryLog({ maxBytes: 1 << 26, now: () => clock.now() })
  await log.start()
  const policies = [{ name: 'part', type: 'probabilistic', probabilistic: { sampling_percentage: percentage } }]
  const open = async () => {
    const stage = new WindowedStage({
      id: 'tail_sampling',
      processor: tailSampling.create(
        configOf(tailSampling.schema, { policies }),
        testContext('tail_sampling') as never
      ),
      streams: [{ id: 'traces', signal: 'traces', arrival: arrivalStream('traces'), exporters: ['out'] }],
      log,
      clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
    await stage.start()
    await stage.settle()
    return stage
  }
  await log.cursors(
    new Map([
      ['tail_sampling', [arrivalStream('traces')]],
      ['tail_sampling#journal', ['tail_sampling#journal']],
      ['out', ['traces']]
    ])
  )
  const bytes = encode('traces', items)
  await log.commit({ appends: [{ stream: arrivalStream('traces'), items: items.length, bytes }] })
  let stage = await open()
  if (restart) {
    await stage.stop()
    stage = await open()
  }
  clock.move(31_000)
  await stage.settle()
  await stage.stop()
  const out = log.read('out', -1, { maxItems: 1e9, maxBytes: 1e9 })
  return out.flatMap(entry => decode('traces', entry.bytes))
}

const kept = (items: readonly Plain[]) => items.map(item => (item['traceId'] as Buffer).toString('hex')).sort()
const weights = (items: readonly Plain[]) =>
  items.reduce((sum, item) => sum + weightOf(readOtelState(String(item['traceState'])).threshold!), 0)

t.test('head, tail and logs keep the same traces, on every replica, restart or not', async t => {
  for (const percentage of [50, 10, 1]) {
    const head = inline(probabilisticSampler, { sampling_percentage: percentage }, 'traces', spans(false))
    const one = await tail(percentage, spans(false))
    const other = await tail(percentage, spans(false).reverse(), true)
    const logs = inline(logSampling, { sampling_percentage: percentage }, 'logs', records())
    const headLogs = inline(probabilisticSampler, { sampling_percentage: percentage }, 'logs', records())
    const wanted = kept(head)
    t.ok(wanted.length > 0 && wanted.length < N)
    for (const [who, items] of Object.entries({ one, other, logs, headLogs }))
      t.same(kept(items), wanted, `${who} at ${percentage} %`)
    t.equal(weights(one), weights(head), 'and say the same of their weight')
  }
})

t.test('explicit randomness decides in place of the id, for head and tail', async t => {
  const head = inline(probabilisticSampler, { sampling_percentage: 10 }, 'traces', spans(true))
  t.same(kept(await tail(10, spans(true))), kept(head))
  t.not(
    kept(head).join(),
    kept(inline(probabilisticSampler, { sampling_percentage: 10 }, 'traces', spans(false))).join()
  )
})

t.test('a second tier keeps all that a stricter first one kept, and the weights stay', async t => {
  const first = inline(probabilisticSampler, { sampling_percentage: 5 }, 'traces', spans(false))
  const second = await tail(20, first)
  t.same(kept(second), kept(first))
  t.equal(weights(second), weights(first))
  const stricter = await tail(2, first)
  t.same(kept(stricter), kept(await tail(2, spans(false))), 'and a stricter second one what it would keep of all')
  const off = Math.abs(weights(stricter) - N) / Math.sqrt(N * 49)
  t.ok(off < 4, `they stand for ${Math.round(weights(stricter))} of ${N}`)
})
