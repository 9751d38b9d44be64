// Counting, merging, splitting: no item lost, doubled, moved to another envelope or out of order; limits kept.

import fc from 'fast-check'
import t from 'tap'
import { requests } from '../../test/helpers/otlp-arbitraries.js'
import { futureOracle, oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { bisect, countItems, mergeRequests, splitRequest } from './batches.js'
import { SIGNALS, type Signal } from './signal.js'
import { Walker } from './walk.js'
import { WireError, WireWriter } from './wire.js'

const anySignal = fc
  .constantFrom(...SIGNALS)
  .chain(signal => fc.tuple(fc.constant(signal), requests(signal, { future: true, maxLength: 4, maxDepth: 1 })))

const LISTS: Readonly<Record<Signal, readonly string[]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords']
}
const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

/** Each item with the envelopes around it, from the outside in. */
function itemsOf(signal: Signal, bytes: Buffer): { item: Plain; around: Plain[] }[] {
  const walk = (at: Plain, names: readonly string[], around: Plain[]): { item: Plain; around: Plain[] }[] => {
    const [name, ...rest] = names
    if (name === undefined) return signal === 'metrics' ? points(at, around) : [{ item: at, around }]
    const { [name]: list, ...envelope } = at
    return ((list as Plain[] | undefined) ?? []).flatMap(next => walk(next, rest, [...around, envelope]))
  }
  // Without the request's own unknown fields: they belong to no item.
  return walk(futureOracle.decodeRequest(signal, bytes), LISTS[signal], []).map(i => ({
    ...i,
    around: i.around.slice(1)
  }))
}

/** The request's own unknown fields. */
function ownFields(signal: Signal, bytes: Buffer): Plain {
  const { [LISTS[signal][0] as string]: _, ...own } = futureOracle.decodeRequest(signal, bytes)
  return own
}

function points(metric: Plain, around: Plain[]): { item: Plain; around: Plain[] }[] {
  const kind = DATA.find(name => name in metric)
  if (kind === undefined) return []
  const { [kind]: data, ...envelope } = metric
  const { dataPoints, ...inner } = data as Plain
  return ((dataPoints as Plain[] | undefined) ?? []).map(item => ({
    item,
    around: [...around, { kind, ...envelope }, inner]
  }))
}

t.test('items are counted as a decoder sees them', async t => {
  fc.assert(
    fc.property(anySignal, ([signal, request]) => {
      const bytes = futureOracle.encodeRequest(signal, request)
      t.equal(countItems(signal, bytes), itemsOf(signal, bytes).length)
      const silent = { dropped: () => undefined, failed: () => undefined }
      t.equal(new Walker(signal, [], silent).walk(bytes).seen, countItems(signal, bytes), 'the walk counts the same')
    }),
    { numRuns: 100 }
  )
})

t.test('split parts hold every item once, in order, in its own envelopes, unknown fields with them', async t => {
  fc.assert(
    fc.property(
      anySignal,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4000 }),
      ([signal, request], maxItems, maxBytes) => {
        const bytes = futureOracle.encodeRequest(signal, request)
        const before = Buffer.from(bytes)
        const parts = splitRequest(signal, bytes, { maxItems, maxBytes })
        t.same(
          parts.flatMap(part => itemsOf(signal, part.bytes)),
          itemsOf(signal, bytes)
        )
        for (const part of parts) {
          t.equal(part.items, countItems(signal, part.bytes))
          t.ok(part.items <= maxItems)
          t.ok(part.bytes.length <= maxBytes || part.items <= 1)
        }
        const merged = mergeRequests(
          signal,
          parts.map(part => part.bytes)
        )
        t.same(itemsOf(signal, merged), itemsOf(signal, bytes))
        t.same(ownFields(signal, merged), ownFields(signal, bytes))
        t.ok(before.equals(bytes), 'the input is untouched')
      }
    ),
    { numRuns: 120 }
  )
})

t.test('parts are as full as the limit allows', async t => {
  const spans = Array.from({ length: 100 }, (_, i) => ({ name: `span ${i}`.padEnd(100, '.') }))
  const bytes = oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
  for (const maxBytes of [115, 300, 1000, 1001, 1002, 5000]) {
    const parts = splitRequest('traces', bytes, { maxItems: 1000, maxBytes })
    for (const [i, part] of parts.entries()) {
      t.ok(part.bytes.length <= maxBytes)
      const next = parts[i + 1]
      if (next === undefined) continue
      // With the next part's first span it would be too large: each takes 104 bytes and at most 8 more of lengths.
      t.ok(part.bytes.length + 104 + 8 > maxBytes)
    }
  }
})

t.test('a request that fits is given back itself', async t => {
  const bytes = oracle.encodeRequest('logs', { resourceLogs: [{}, { scopeLogs: [{ logRecords: [{}, {}] }] }] })
  const [part] = splitRequest('logs', bytes, { maxItems: 2, maxBytes: bytes.length })
  t.equal(part?.bytes, bytes)
  t.equal(part?.items, 2)
  t.same(splitRequest('logs', Buffer.alloc(0), { maxItems: 1, maxBytes: 1 }), [{ bytes: Buffer.alloc(0), items: 0 }])
  t.equal(splitRequest('logs', bytes, { maxItems: 0, maxBytes: 0 }).length, 2, 'limits below one item mean one item')
})

t.test('a metric is split inside its data points, each part with name, unit and temporality', async t => {
  const dataPoints = [1n, 2n, 3n].map(asInt => ({ asInt }))
  const metric = { name: 'n', unit: '1', sum: { dataPoints, aggregationTemporality: 2, isMonotonic: true } }
  const request = {
    resourceMetrics: [{ resource: { droppedAttributesCount: 1 }, scopeMetrics: [{ metrics: [metric] }] }]
  }
  const parts = splitRequest('metrics', oracle.encodeRequest('metrics', request), { maxItems: 2, maxBytes: 1e6 })
  const wanted = [dataPoints.slice(0, 2), dataPoints.slice(2)].map(some => ({
    resourceMetrics: [
      {
        ...request.resourceMetrics[0],
        scopeMetrics: [{ metrics: [{ ...metric, sum: { ...metric.sum, dataPoints: some } }] }]
      }
    ]
  }))
  t.same(
    parts.map(part => oracle.decodeRequest('metrics', part.bytes)),
    wanted
  )
})

t.test('a large envelope around many small items does not multiply without bound', async t => {
  const spans = Array.from({ length: 20_000 }, () => ({ kind: 1 }))
  const resource = { attributes: [{ key: 'x'.repeat(1_000_000), value: {} }] }
  const bytes = oracle.encodeRequest('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })
  for (const limits of [
    { maxItems: 1, maxBytes: 1e9 },
    { maxItems: 1e9, maxBytes: 1000 },
    { maxItems: 1e9, maxBytes: 1_000_100 }
  ]) {
    const parts = splitRequest('traces', bytes, limits)
    t.equal(
      parts.reduce((n, part) => n + part.items, 0),
      20_000
    )
    t.ok(parts.reduce((n, part) => n + part.bytes.length, 0) < 18 * bytes.length + (16 << 20))
  }
})

t.test('a metric whose data comes in very many pieces is split in linear time', async t => {
  const piece = Buffer.from([0x3a, 2, 0x0a, 0]) // sum { data_points {} }
  const metric = Buffer.concat([Buffer.from([0x0a, 1, 0x6e]), ...Array.from({ length: 200_000 }, () => piece)])
  const wrap = (content: Buffer, field: number): Buffer => {
    const w = new WireWriter()
    w.tag(field, 2)
    w.bytes(content)
    return w.finish()
  }
  const bytes = [2, 2, 1].reduce(wrap, metric)
  const before = process.cpuUsage()
  const parts = splitRequest('metrics', bytes, { maxItems: 10_000, maxBytes: 1e6 })
  const { user } = process.cpuUsage(before)
  t.same(
    parts.map(part => part.items),
    Array(20).fill(10_000)
  )
  t.ok(user < 5e6, `${user / 1000} ms`)
})

t.test('halves have half of the items each; one item has no halves', async t => {
  fc.assert(
    fc.property(anySignal, ([signal, request]) => {
      const bytes = futureOracle.encodeRequest(signal, request)
      const items = countItems(signal, bytes)
      const halves = bisect(signal, bytes)
      t.equal(halves === undefined, items < 2)
      if (halves === undefined) return
      t.equal(halves[0].items, Math.ceil(items / 2))
      t.equal(halves[1].items, Math.floor(items / 2))
      t.same(
        halves.flatMap(half => itemsOf(signal, half.bytes)),
        itemsOf(signal, bytes)
      )
    }),
    { numRuns: 80 }
  )
})

t.test('whatever the bytes are, nothing but a WireError is thrown', async t => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(b => Buffer.from(b)),
    fc.tuple(anySignal, fc.nat(), fc.nat(255)).map(([[signal, request], at, byte]) => {
      const bytes = futureOracle.encodeRequest(signal, request)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    })
  )
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), bytes, fc.integer({ min: 1, max: 50 }), (signal, bytes, maxBytes) => {
      try {
        const items = countItems(signal, bytes)
        const parts = splitRequest(signal, bytes, { maxItems: 2, maxBytes })
        t.equal(
          parts.reduce((n, part) => n + countItems(signal, part.bytes), 0),
          items
        )
        bisect(signal, bytes)
      } catch (error) {
        if (!(error instanceof WireError)) throw error
      }
    }),
    { numRuns: 300 }
  )
})
