// By trace: no item lost, doubled, changed or taken out of its envelopes; each trace whole in one part, the same in every process.

import fc from 'fast-check'
import t from 'tap'
import { requests } from '../../test/helpers/otlp-arbitraries.js'
import { futureOracle, oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { bytes as field } from '../../test/helpers/spans.js'
import { partOfTrace, splitByTrace } from './by-trace.js'
import type { Signal } from './signal.js'

const LISTS = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords']
} as const

/** Of three trace ids over 1000 parts: gateways of two versions must agree. */
const KNOWN = [784, 919, 476]

/** Few traces, so that they meet again in other requests, resources and scopes. */
const traceId = (trace: number): Buffer => Buffer.alloc(16, trace)

interface Item {
  readonly trace: string
  /** The item and the messages around it, as text. */
  readonly text: string
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : Object.is(v, -0) ? '-0' : v))
}

function itemsOf(signal: 'traces' | 'logs', bytes: Buffer): Item[] {
  const [first, second, third] = LISTS[signal]
  const plain = futureOracle.decodeRequest(signal, bytes)
  return ((plain[first] ?? []) as Plain[]).flatMap(({ [second]: scopes, ...resource }) =>
    ((scopes ?? []) as Plain[]).flatMap(({ [third]: items, ...scope }) =>
      ((items ?? []) as Plain[]).map(item => ({
        trace: ((item['traceId'] as Buffer | undefined) ?? Buffer.alloc(0)).toString('hex'),
        text: textOf([resource, scope, item])
      }))
    )
  )
}

function ownFields(signal: 'traces' | 'logs', bytes: Buffer): Plain {
  const { [LISTS[signal][0]]: _, ...own } = futureOracle.decodeRequest(signal, bytes)
  return own
}

const anyRequests = fc.constantFrom<Signal>('traces', 'logs').chain(signal =>
  fc.tuple(
    fc.constant(signal as 'traces' | 'logs'),
    fc.array(
      fc.tuple(requests(signal, { future: true, maxLength: 4, maxDepth: 1 }), fc.array(fc.nat(5), { minLength: 1 })),
      {
        minLength: 1,
        maxLength: 3
      }
    )
  )
)

/** Gives its items trace ids of few; 0: none in logs. */
function withTraces(signal: 'traces' | 'logs', request: Plain, traces: readonly number[]): Plain {
  const [first, second, third] = LISTS[signal]
  let n = 0
  for (const resource of (request[first] ?? []) as Plain[]) {
    for (const scope of (resource[second] ?? []) as Plain[]) {
      for (const item of (scope[third] ?? []) as Plain[]) {
        const trace = traces[n++ % traces.length]!
        item['traceId'] =
          trace === 0 ? (signal === 'logs' ? Buffer.alloc(n % 2 === 0 ? 0 : 16) : traceId(9)) : traceId(trace)
      }
    }
  }
  return request
}

t.test(
  'every item is in one part, once, as it was, with everything around it; each trace whole in one part',
  async t => {
    fc.assert(
      fc.property(anyRequests, fc.integer({ min: 1, max: 9 }), ([signal, all], count) => {
        const sent = all.map(([request, traces]) =>
          futureOracle.encodeRequest(signal, withTraces(signal, request, traces))
        )
        const before = Buffer.concat(sent)
        const parts = splitByTrace(signal, sent, count)
        const wanted = sent.flatMap(bytes => itemsOf(signal, bytes))
        const found = parts.map(({ bytes }) => itemsOf(signal, bytes))
        t.same(
          found
            .flat()
            .map(({ text }) => text)
            .sort(),
          wanted.map(({ text }) => text).sort()
        )
        const partOf = new Map<string, number>()
        for (const [i, { part, items }] of parts.entries()) {
          t.equal(items, found[i]!.length, 'items are counted')
          for (const { trace } of found[i]!) {
            const isNone = /^0*$/.test(trace)
            t.equal(part, isNone ? -1 : partOfTrace(Buffer.from(trace, 'hex'), 0, count))
            t.equal(partOf.get(trace) ?? part, part, 'a trace is in one part')
            partOf.set(trace, part)
          }
        }
        for (const trace of partOf.keys()) {
          const order = (items: Item[]): string[] => items.filter(item => item.trace === trace).map(({ text }) => text)
          t.same(order(found.flat()), order(wanted), 'its items keep their order')
        }
        if (parts.length > 0) {
          const own = futureOracle.decodeRequest(signal, Buffer.concat(parts.map(({ bytes }) => bytes)))
          const { [LISTS[signal][0]]: _, ...fields } = own
          t.same(fields, ownFields(signal, before), 'unknown fields of the request are kept once')
        }
        t.ok(Buffer.concat(sent).equals(before), 'the input is untouched')
      }),
      { numRuns: 150 }
    )
  }
)

t.test('parts are balanced, and the same in every version', async t => {
  const counts = new Array<number>(8).fill(0)
  const id = Buffer.alloc(16)
  for (let i = 0; i < 80_000; i++) {
    // The worst senders: ids that count up.
    id.writeUInt32BE(i, 12)
    counts[partOfTrace(id, 0, 8)]!++
  }
  for (const n of counts) t.ok(Math.abs(n - 10_000) < 500, `${n} of 80,000`)
  const known = [
    '4bf92f3577b34da6a3ce929d0e0e4736',
    '00000000000000000000000000000001',
    'ffffffffffffffffffffffffffffffff'
  ]
  t.same(
    known.map(hex => partOfTrace(Buffer.from(hex, 'hex'), 0, 1000)),
    KNOWN
  )
})

t.test('fields of a scope that stand between its items are there once', async t => {
  const item = (trace: number, n: number): Buffer =>
    field(2, Buffer.concat([field(1, traceId(trace)), field(2, Buffer.alloc(8, n))]))
  const partOf = (trace: number): number => partOfTrace(traceId(trace), 0, 2)
  const one = 1
  const other = [2, 3, 4, 5, 6].find(trace => partOf(trace) !== partOf(one))!
  const url = field(3, Buffer.from('https://example.com'))
  const scope = field(2, Buffer.concat([item(one, 1), url, item(one, 2), item(other, 3)]))
  const parts = splitByTrace('traces', [field(1, scope)], 2)
  const made = (...items: Buffer[]): Buffer => field(1, field(2, Buffer.concat([url, ...items])))
  t.same(
    parts.map(({ bytes }) => bytes.toString('hex')).sort(),
    [made(item(one, 1), item(one, 2)), made(item(other, 3))].map(bytes => bytes.toString('hex')).sort()
  )
})

t.test('a request of one trace is given back as it is', async t => {
  const span = { traceId: traceId(3), spanId: Buffer.alloc(8, 1), name: 'x' }
  const bytes = oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [span, span] }] }] })
  const [part, ...more] = splitByTrace('traces', [bytes], 8)
  t.equal(part?.bytes, bytes)
  t.equal(part?.items, 2)
  t.same(more, [])
})

t.test('bytes that are no request throw, whatever they are', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      try {
        splitByTrace('traces', [Buffer.from(bytes)], 4)
      } catch (error) {
        t.equal((error as Error).name, 'WireError')
      }
    }),
    { numRuns: 300 }
  )
})
