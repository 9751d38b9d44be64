// Runs of workflows and the fleet that plays them: believable, decided by the seed, and counted as they are.

import fc from 'fast-check'
import t from 'tap'
import { oracle } from '../../test/helpers/otlp-oracle.js'
import { STEP, WORKFLOW } from './attributes.js'
import { encode } from './encode.js'
import { type Chances, type Execution, play, type SpanItem } from './execution.js'
import { Fleet, type Message } from './fleet.js'
import { Truth, type TruthFile } from './truth.js'
import { CATALOGUE_SIZE, type WorkflowSpec, workflows } from './workflows.js'

const START = Date.parse('2026-01-02T03:04:05Z')
const CHANCES: Chances = { fail: 0.1, flaky: 0.1, slow: 0.05, cache: 0.5, personal: 0.5 }
const SPECS = workflows(CATALOGUE_SIZE)

function run(spec: WorkflowSpec, seed: number, chances = CHANCES): Execution {
  return play(spec, { seed, index: 0, startMs: START, chances })
}

/** Everything a fleet sends until it is done, and what it says happened. */
function fleetOf(seed: number, executions: number, chances = CHANCES): { messages: Message[]; truth: TruthFile } {
  const options = { seed, workflows: SPECS, workers: 2, rate: 20, executions, startMs: START, chances }
  const fleet = new Fleet(options)
  const truth = new Truth()
  const messages: Message[] = []
  for (let second = 0; !fleet.isDone && second < 10_000; second++) messages.push(...fleet.tick())
  for (const message of messages) truth.note(message)
  return { messages, truth: truth.file(seed) }
}

const steps = (one: Execution): SpanItem[] => one.spans.filter(span => span.fact?.of === 'step')
const of = (span: SpanItem, key: string): string => String(span.attributes[key])

t.test(
  'a step starts when what it depends on has ended well, and never more run at once than the workflow allows',
  async () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: SPECS.length - 1 }), (seed, i) => {
        const spec = SPECS[i]!
        const one = run(spec, seed)
        const root = one.spans.find(span => span.isRoot)!
        const all = steps(one)
        const endOf = new Map(all.filter(s => s.failure === undefined).map(s => [of(s, STEP.name), s.endMs]))
        for (const span of all) {
          const { after } = spec.steps.find(step => step.name === of(span, STEP.name))!
          for (const name of after) if (!(endOf.get(name)! <= span.startMs)) return false
          if (span.startMs < root.startMs || span.endMs > root.endMs || span.endMs <= span.startMs) return false
          const atOnce = all.filter(s => s.startMs <= span.startMs && s.endMs > span.startMs).length
          if (atOnce > spec.parallelism) return false
        }
        return true
      }),
      { numRuns: 300 }
    )
  }
)

t.test(
  'a run fails when one step does for good, and nothing starts behind it; another run does every step well once',
  async () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: SPECS.length - 1 }), fc.boolean(), (seed, i, isDoomed) => {
        const spec = SPECS[i]!
        const one = run(spec, seed, { ...CHANCES, fail: isDoomed ? 1 : 0 })
        const done = steps(one).filter(span => span.failure === undefined)
        const names = done.map(span => of(span, STEP.name))
        if (new Set(names).size !== names.length || one.isFailed !== isDoomed) return false
        const root = one.spans.find(span => span.isRoot)!
        if (!isDoomed) return names.length === spec.steps.length && root.failure === undefined
        const last = steps(one).filter(span => of(span, STEP.name) === of(root, WORKFLOW.failedStep))
        return (
          names.length < spec.steps.length &&
          last.every(span => span.failure !== undefined) &&
          of(last[0]!, STEP.errorType) === of(root, WORKFLOW.errorType)
        )
      }),
      { numRuns: 300 }
    )
  }
)

t.test(
  'attempts of a step are numbered from 1 without a gap, and only the failed ones say what went wrong',
  async () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: SPECS.length - 1 }), (seed, i) => {
        const all = steps(run(SPECS[i]!, seed, { ...CHANCES, flaky: 0.5 }))
        return SPECS[i]!.steps.every(({ name }) => {
          const own = all.filter(span => of(span, STEP.name) === name)
          return own.every(
            (span, at) =>
              span.attributes[STEP.attempt] === at + 1 &&
              (span.failure !== undefined) === STEP.errorType in span.attributes &&
              (span.failure !== undefined) === (span.events.length === 1)
          )
        })
      }),
      { numRuns: 200 }
    )
  }
)

t.test('the seed decides every byte that is sent; another seed sends something else', async t => {
  const bytes = (seed: number) => {
    const options = { prefix: '', startMs: START, fleet: 'f' }
    return Buffer.concat(fleetOf(seed, 60).messages.map(message => encode(message, options).bytes))
  }
  t.ok(bytes(1).equals(bytes(1)))
  t.notOk(bytes(1).equals(bytes(2)))
})

t.test(
  'shares are kept: failures, retries, cache hits and personal data come as often as they are asked for',
  async t => {
    const { truth } = fleetOf(11, 4000, { fail: 0.1, flaky: 0.05, slow: 0, cache: 0.7, personal: 0.3 })
    let [completed, failed, ok, retries, hits, misses] = [0, 0, 0, 0, 0, 0]
    for (const one of Object.values(truth.workflows)) {
      completed += one.completed
      failed += one.failed
      for (const step of Object.values(one.steps)) {
        ok += step.ok
        retries += step.retries
        hits += step.cacheHits
        misses += step.cacheMisses
      }
    }
    t.equal(completed + failed, 4000)
    t.ok(Math.abs(failed / 4000 - 0.1) < 0.02, `${failed} of 4000 failed`)
    t.ok(retries / ok > 0.03 && retries / ok < 0.09, `${retries} retries of ${ok}`)
    t.ok(Math.abs(hits / (hits + misses) - 0.7) < 0.05, `${hits} hits, ${misses} misses`)
    const people = truth.planted.counts['ip_address']!
    t.ok(Math.abs(people / 4000 - 0.3) < 0.03, `${people} runs with somebody`)
  }
)

type Attribute = { key: string; value: { stringValue?: string; intValue?: bigint; boolValue?: boolean } }
interface SentSpan {
  traceId: Buffer
  spanId: Buffer
  startTimeUnixNano: bigint
  endTimeUnixNano: bigint
  attributes?: Attribute[]
  status?: { code?: number }
}

t.test('the truth is what an independent reader of the sent protobuf counts', async t => {
  const { messages, truth } = fleetOf(5, 400)
  const options = { prefix: 'algoflow.', startMs: START, fleet: 'f' }
  const seen = {
    completed: 0,
    failed: 0,
    retries: 0,
    hits: 0,
    misses: 0,
    stepMs: 0n,
    workflowMs: 0n,
    queueMs: 0n,
    spans: 0
  }
  const ids = new Set<string>()
  for (const message of messages.filter(({ signal }) => signal === 'traces')) {
    const batch = encode(message, options)
    const request = oracle.decodeRequest('traces', batch.bytes) as unknown as {
      resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[]
    }
    const spans = request.resourceSpans.flatMap(r => r.scopeSpans.flatMap(s => s.spans))
    t.equal(spans.length, batch.items)
    for (const span of spans) {
      const at = new Map((span.attributes ?? []).map(({ key, value }) => [key, value]))
      const ms = (span.endTimeUnixNano - span.startTimeUnixNano) / 1_000_000n
      seen.spans++
      ids.add(`${span.traceId.toString('hex')} ${span.spanId.toString('hex')}`)
      if (at.has('algoflow.step.name')) {
        if ((at.get('algoflow.step.attempt')?.intValue ?? 0n) > 1n) seen.retries++
        const cached = at.get('algoflow.step.cached')
        if (cached !== undefined) seen[cached.boolValue === true ? 'hits' : 'misses']++
        seen.stepMs += ms
        seen.queueMs += at.get('algoflow.step.queue_time_ms')?.intValue ?? 0n
      } else if (at.has('algoflow.workflow.name')) {
        seen[span.status?.code === 2 ? 'failed' : 'completed']++
        seen.workflowMs += ms
      }
    }
  }
  const told = { completed: 0, failed: 0, retries: 0, hits: 0, misses: 0, stepMs: 0n, workflowMs: 0n, queueMs: 0n }
  for (const one of Object.values(truth.workflows)) {
    told.completed += one.completed
    told.failed += one.failed
    told.workflowMs += BigInt(one.duration.sumMs)
    for (const step of Object.values(one.steps)) {
      told.retries += step.retries
      told.hits += step.cacheHits
      told.misses += step.cacheMisses
      told.stepMs += BigInt(step.duration.sumMs)
      told.queueMs += BigInt(step.queue.sumMs)
    }
  }
  t.same({ ...told, spans: truth.items.traces }, seen)
  t.equal(ids.size, seen.spans, 'no span id comes twice')
  t.ok(seen.failed > 0 && seen.retries > 0 && seen.hits > 0)
})

t.test('gauges of threads and memory come back to rest when the last run is over', async t => {
  const { messages, truth } = fleetOf(3, 50)
  const threads = messages.flatMap(m =>
    m.signal === 'metrics' ? m.gauges.filter(g => g.name === 'algoflow.threads.active').map(g => g.value) : []
  )
  t.ok(threads.every(n => n >= 0))
  t.ok(Math.max(...threads) > 1)
  t.equal(truth.gauges.length, 2)
})
