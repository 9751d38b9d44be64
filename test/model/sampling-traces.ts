// Random traces for the models of sampling: encoded by an independent encoder, read back, and judged.

import fc from 'fast-check'
import type { WindowedProcessor } from '../../core/component/windowed.js'
import { ALWAYS, NEVER, randomnessOf, thresholdOf } from '../../core/sampling/threshold.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'

export interface Span {
  readonly trace: number
  readonly span: number
  readonly at: number
  readonly resource: number
  readonly error: 'none' | 'status' | 'event' | 'attribute'
  readonly hasState: boolean
}

export const traceId = (trace: number): Buffer => {
  const id = Buffer.alloc(16, 7)
  id.writeUInt32BE(trace + 1, 0)
  // Randomness over the whole range, the same in every run.
  id.writeUInt32BE(Math.imul(trace + 1, 0x9e3779b1) >>> 0, 9)
  return id
}
export const spanId = (trace: number, span: number): Buffer => {
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

export function request(spans: readonly Span[]): Buffer {
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

export interface Out {
  readonly key: string
  readonly resource: string
  readonly state: string
  readonly plain: Plain
}

/** Spans that came out, through the independent decoder. */
export function outOf(bytes: Buffer): Out[] {
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

const ERRORS = ['status', 'event', 'attribute'] as const
const anyError = fc.oneof(
  { weight: 6, arbitrary: fc.constant('none' as const) },
  fc.constantFrom<Span['error']>(...ERRORS)
)

/** Delays around every timer: 2 s after the root, 30 s in all, 60 s for late errors. */
export const DELAYS = [1999, 2000, 2001, 2100, 29_999, 30_000, 30_001, 31_000, 45_000, 59_999]
/** Beyond the late-error window: of spans without an error. */
const VERY_LATE = [61_000, 92_000, 150_000, 400_000]

/** Traces as they come, by time. `delays`: one of these or up to half a second. */
export function anyTraces(delays: readonly number[] = DELAYS): fc.Arbitrary<readonly Span[]> {
  const delay = fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constantFrom(...delays))
  const span = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ delay, resource: fc.nat(2), hasState: fc.boolean(), error: anyError })
    },
    {
      weight: 1,
      arbitrary: fc.record({
        delay: fc.constantFrom(...VERY_LATE),
        resource: fc.nat(2),
        hasState: fc.boolean(),
        error: fc.constant('none' as const)
      })
    }
  )
  const trace = fc.record({
    at: fc.integer({ min: 0, max: 40_000 }),
    spans: fc.array(span, { minLength: 1, maxLength: 6 })
  })
  return fc.array(trace, { minLength: 1, maxLength: 12 }).map(traces =>
    traces
      .flatMap(({ at, spans }, trace) => {
        const first = Math.min(...spans.map(span => span.delay))
        return spans.map(({ delay, ...rest }, span) => ({ trace, span, at: at + delay - first, ...rest }))
      })
      // An error beyond the window is kept without its trace: not what these models are about.
      .map(span => ({ ...span, error: span.at > 100_000 ? ('none' as const) : span.error }))
      .sort((a, b) => a.at - b.at)
  )
}

/** Spans that come in one request: those within `together` milliseconds, at most five. */
export function requestsOf(spans: readonly Span[], together: number): Span[][] {
  const groups: Span[][] = []
  for (let i = 0; i < spans.length; ) {
    const { at } = spans[i]!
    const group = [spans[i++]!]
    while (i < spans.length && spans[i]!.at - at <= together && group.length < 5) group.push(spans[i++]!)
    groups.push(group)
  }
  return groups
}

/**
 * Every trace with an error came out whole, every other one whole or not at all, no span twice, each one as it was sent.
 * `isChosen`: whether a trace without an error is to come out; undefined where only the gateway knows.
 */
export function judge(
  out: readonly Out[],
  spans: readonly Span[],
  isChosen: (trace: number) => boolean | undefined
): void {
  const seen = new Map<string, Out>()
  for (const one of out) {
    if (seen.has(one.key)) throw new Error(`span ${one.key} came out twice`)
    seen.set(one.key, one)
  }
  const traces = new Map<number, Span[]>()
  for (const span of spans) traces.set(span.trace, [...(traces.get(span.trace) ?? []), span])
  for (const [trace, all] of traces) {
    const found = all.map(span => [span, seen.get(spanId(span.trace, span.span).toString('hex'))] as const)
    const n = found.filter(([, one]) => one !== undefined).length
    const hasError = all.some(span => span.error !== 'none')
    const chosen = hasError || isChosen(trace)
    const isRight = chosen === undefined ? n === 0 || n === all.length : n === (chosen ? all.length : 0)
    if (!isRight)
      throw new Error(`trace ${trace} (error: ${hasError}, chosen: ${chosen}): ${n} of ${all.length} came out`)
    for (const [span, one] of found) if (one !== undefined) same(span, one)
  }
}

/** The decision of a policy that keeps half by the trace id. */
export function isInHalf(trace: number): boolean {
  return randomnessOf(traceId(trace), 0) >= thresholdOf(0.5)
}

function same(span: Span, one: Out): void {
  if (one.resource !== `service-${span.resource}`) throw new Error('a span changed its resource')
  if (!/^ot=th:[08]/.test(one.state)) throw new Error(`its weight is not told: ${one.state}`)
  if (span.hasState && !/;foo:bar,vendor=1$/.test(one.state)) throw new Error(`a trace state was lost: ${one.state}`)
  const { traceState: _, attributes, ...rest } = one.plain
  const [sentOne] = outOf(request([span]))
  const { traceState: __, attributes: sent, ...given } = sentOne!.plain
  if (JSON.stringify(rest) !== JSON.stringify(given)) throw new Error('a span changed')
  const added = (attributes as Plain[]).slice((sent as Plain[]).length).map(a => a['key'])
  if (added.some(key => key !== 'sampling.late_error')) throw new Error(`a span got ${added}`)
}

/** A processor whose decisions nobody can foretell, not even itself when it is asked again: what it decided must be kept. */
export function byChance(processor: WindowedProcessor, toss: () => boolean): WindowedProcessor {
  return {
    ...processor,
    decide: () => ({ rule: 'chance', threshold: toss() ? ALWAYS : NEVER, isWeighted: true, isFinal: false })
  }
}
