import fc from 'fast-check'
import t from 'tap'
import { anyRequest } from '../../test/helpers/otlp-arbitraries.js'
import { futureOracle, oracle, type Plain } from '../../test/helpers/otlp-oracle.js'
import { SIGNALS, type Signal } from './signal.js'
import type { Visitor } from './views.js'
import { MalformedError, Walker } from './walk.js'

const RUNS = 150
const failures: unknown[] = []
const report = { dropped() {}, failed: (_: Visitor, error: unknown) => void failures.push(error) }

const ITEM_LISTS = new Set(['spans', 'dataPoints', 'logRecords'])
const WRAPPERS = new Set([
  ...['resourceSpans', 'scopeSpans', 'resourceMetrics', 'scopeMetrics', 'metrics', 'resourceLogs', 'scopeLogs'],
  ...['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']
])

function walk(signal: Signal, bytes: Buffer, ...visitors: Visitor[]) {
  return new Walker(signal, visitors, report).walk(bytes)
}

/** The same request with ids as OTLP wants them. */
function withIds(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map(one => withIds(one, name))
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  const out: Plain = {}
  for (const [key, inner] of Object.entries(value)) out[key] = withIds(inner, key)
  for (const [key, length] of [
    ['traceId', 16],
    ['spanId', 8],
    ['parentSpanId', 8]
  ] as const) {
    if (key in out || (name === 'spans' && key !== 'parentSpanId')) out[key] = Buffer.alloc(length, 7)
  }
  return out
}

function countItems(value: unknown, name = ''): number {
  if (Array.isArray(value))
    return ITEM_LISTS.has(name) ? value.length : value.reduce((n, one) => n + countItems(one, name), 0)
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return 0
  return Object.entries(value).reduce((n, [key, inner]) => n + countItems(inner, key), 0)
}

const validRequest = anyRequest.map(([signal, plain]) => [signal, withIds(plain) as Plain] as const)

t.test('without visitors a valid request comes back as the very same bytes, every item counted', async t => {
  fc.assert(
    fc.property(validRequest, ([signal, plain]) => {
      const bytes = oracle.encodeRequest(signal, plain)
      const result = walk(signal, bytes)
      return result.bytes === bytes && result.rejected === 0 && result.items === countItems(plain)
    }),
    { numRuns: RUNS }
  )
  t.pass()
})

t.test('visitors that change nothing leave the bytes as they are, unknown fields included', async t => {
  const looker: Visitor = { item() {}, attribute() {}, value: v => void v.text(), itemEnd() {} }
  fc.assert(
    fc.property(validRequest, ([signal, plain]) => {
      const bytes = futureOracle.encodeRequest(signal, { ...plain, futureText: ['x'], futureInt: 5n, futureFlags: 1 })
      return walk(signal, bytes, looker, looker).bytes === bytes
    }),
    { numRuns: RUNS }
  )
  t.same(failures, [])
})

// The change that both sides make: the visitor on bytes, `expected` on the decoded object.
const editor: Visitor = {
  value(v) {
    if (v.kind === 'key') v.replace(`k_${v.text()}`)
    else if (v.kind === 'string') v.replace(`${v.text()}é`)
    else if (v.kind === 'bytes') v.replace('bytes')
    else v.replace(v.text())
  }
}

function numberText(value: unknown): string {
  return String(value)
}

const EDITED_TEXTS = new Set([
  ...[
    'name',
    'message',
    'traceState',
    'schemaUrl',
    'version',
    'description',
    'unit',
    'severityText',
    'eventName',
    'type'
  ],
  ...['idKeys', 'descriptionKeys']
])

function expected(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map(one => expected(one, name))
  if (typeof value === 'string') return EDITED_TEXTS.has(name) && value !== '' ? `${value}é` : value
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  const entries = Object.entries(value)
  const isAny = name === 'value' || name === 'body' || (name === 'values' && !('key' in value))
  if (isAny && entries.length > 0) return expectedAny(value as Plain)
  const out: Plain = {}
  for (const [key, inner] of entries) out[key] = expected(inner, key)
  if (name === 'attributes' || name === 'filteredAttributes' || name === 'metadata' || name === 'pairs')
    out['key'] = `k_${(value as Plain)['key'] ?? ''}`
  return out
}

function expectedAny(any: Plain): Plain {
  if ('stringValue' in any) return { stringValue: `${any['stringValue']}é` }
  if ('intValue' in any || 'doubleValue' in any)
    return { stringValue: numberText(any['intValue'] ?? any['doubleValue']) }
  if ('bytesValue' in any) return { stringValue: 'bytes' }
  if ('arrayValue' in any) {
    const { values = [] } = any['arrayValue'] as { values?: Plain[] }
    return { arrayValue: { values: values.map(expectedAny) } }
  }
  if ('kvlistValue' in any) {
    const { values = [] } = any['kvlistValue'] as { values?: Plain[] }
    return { kvlistValue: { values: values.map(pair => expected(pair, 'pairs')) } }
  }
  return any
}

t.test('edits on the bytes equal decode, edit, encode by an independent codec', async t => {
  fc.assert(
    fc.property(validRequest, ([signal, plain]) => {
      const bytes = oracle.encodeRequest(signal, plain)
      const got = oracle.decodeRequest(signal, walk(signal, bytes, editor).bytes)
      const before = oracle.decodeRequest(signal, bytes)
      const want = oracle.decodeRequest(signal, oracle.encodeRequest(signal, expected(before, '') as Plain))
      t.same(got, want)
      return true
    }),
    { numRuns: RUNS }
  )
  t.same(failures, [])
})

/** Keeps the items whose turn it is; empties envelopes that had items and lost them all. */
function filtered(value: unknown, name: string, keep: () => boolean): { value: unknown; had: number; left: number } {
  if (Array.isArray(value)) {
    if (ITEM_LISTS.has(name)) {
      const left = value.filter(keep)
      return { value: left, had: value.length, left: left.length }
    }
    let had = 0
    let left = 0
    const out: unknown[] = []
    for (const one of value) {
      const inner = filtered(one, name, keep)
      had += inner.had
      left += inner.left
      if (!WRAPPERS.has(name) || inner.had === 0 || inner.left > 0) out.push(inner.value)
    }
    return { value: out, had, left }
  }
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return { value, had: 0, left: 0 }
  const out: Plain = {}
  let had = 0
  let left = 0
  for (const [key, one] of Object.entries(value)) {
    const inner = filtered(one, key, keep)
    had += inner.had
    left += inner.left
    if (!WRAPPERS.has(key) || Array.isArray(one) || inner.had === 0 || inner.left > 0) out[key] = inner.value
  }
  return { value: out, had, left }
}

t.test('dropped items go, with envelopes that held nothing else, and nothing besides', async t => {
  fc.assert(
    fc.property(validRequest, fc.infiniteStream(fc.boolean()), ([signal, plain], keeps) => {
      const decisions = [...keeps.take(1000)]
      let i = 0
      let j = 0
      const bytes = oracle.encodeRequest(signal, plain)
      const dropper: Visitor = { item: item => void (decisions[i++] || item.drop('test')) }
      const result = walk(signal, bytes, dropper, editor)
      const canonical = oracle.decodeRequest(signal, bytes)
      const want = filtered(canonical, '', () => decisions[j++]!)
      t.equal(result.items, want.left)
      if (want.left > 0) {
        const edited = expected(want.value, '') as Plain
        t.same(
          oracle.decodeRequest(signal, result.bytes),
          oracle.decodeRequest(signal, oracle.encodeRequest(signal, edited))
        )
      }
      return true
    }),
    { numRuns: RUNS }
  )
  t.same(failures, [])
})

t.test('hostile bytes end in MalformedError or a result that is itself valid; nothing outside is read', async t => {
  const mutated = fc.tuple(validRequest, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
  fc.assert(
    fc.property(mutated, ([[signal, plain], changes, cut]) => {
      const valid = oracle.encodeRequest(signal, plain)
      const whole = Buffer.alloc(valid.length + 64, 0x0a)
      valid.copy(whole, 32)
      const bytes = whole.subarray(32, 32 + (changes.length % 2 ? valid.length : cut % (valid.length + 1)))
      for (const [at, b] of changes) if (bytes.length > 0) bytes[at % bytes.length] = b
      const alone = Buffer.from(bytes)
      const inside = outcome(signal, bytes)
      const outside = outcome(signal, alone)
      if (inside === undefined) return outside === undefined
      const again = walk(signal, inside.bytes)
      return inside.bytes.equals(outside!.bytes) && again.rejected === 0 && again.items === inside.items
    }),
    { numRuns: RUNS * 5 }
  )
  fc.assert(
    fc.property(fc.constantFrom(...SIGNALS), fc.uint8Array({ maxLength: 200 }), (signal, bytes) => {
      outcome(signal, Buffer.from(bytes))
      return true
    }),
    { numRuns: RUNS * 5 }
  )
  t.same(failures, [])
})

function outcome(signal: Signal, bytes: Buffer) {
  try {
    return walk(signal, bytes, editor)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function span(...fields: Buffer[]): Buffer {
  const ids = Buffer.concat([Buffer.of(0x0a, 16), Buffer.alloc(16, 1), Buffer.of(0x12, 8), Buffer.alloc(8, 2)])
  return Buffer.concat([ids, ...fields])
}

function field(number: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map(part => Buffer.from(part as string)))
  return Buffer.concat([Buffer.of((number << 3) | 2, content.length), content])
}

function request(...spans: Buffer[]): Buffer {
  return field(1, field(2, ...spans.map(one => field(2, one))))
}

t.test('a value hidden behind a repeated or swapped field is shown and does not survive in the bytes', async t => {
  const forms = {
    'value before key': field(9, field(2, field(1, 'secret-1')), field(1, 'k')),
    'two values': field(9, field(1, 'k'), field(2, field(1, 'secret-1')), field(2, field(1, 'plain'))),
    'two keys': field(9, field(1, 'secret-1'), field(1, 'k'), field(2, field(1, 'plain'))),
    'two strings in one AnyValue': field(9, field(1, 'k'), field(2, field(1, 'secret-1'), field(1, 'plain'))),
    'an unknown field in the pair': field(9, field(1, 'k'), field(2, field(1, 'plain')), field(7, 'secret-1')),
    'an unknown field in the span': field(20, 'secret-1').subarray(0, 0),
    'an unknown field of the event': field(11, field(2, 'event'), field(9, 'secret-1')),
    'swapped in a nested map': field(
      9,
      field(1, 'm'),
      field(2, field(6, field(1, field(2, field(1, 'secret-1')), field(1, 'k'))))
    )
  }
  const hunter: Visitor = { value: v => void (v.text().includes('secret-1') && v.replace('gone')) }
  for (const [name, attribute] of Object.entries(forms)) {
    const out = walk('traces', request(span(attribute)), hunter)
    t.equal(out.bytes.includes('secret-1'), false, name)
    t.equal(out.items, 1, name)
    t.equal(walk('traces', out.bytes).rejected, 0, `${name}: still valid`)
  }
})

t.test('one bad item of three costs only itself, and says why', async t => {
  const good = span(field(5, 'ok'))
  const bad = Buffer.concat([Buffer.of(0x0a, 15), Buffer.alloc(15, 1), Buffer.of(0x12, 8), Buffer.alloc(8, 2)])
  const result = walk('traces', request(good, bad, good), editor)
  t.match(result, { items: 2, seen: 3, rejected: 1, rejectedWhy: /^trace_id of 15 bytes instead of 16 at byte \d+$/ })
  const zero = Buffer.concat([Buffer.of(0x0a, 16), Buffer.alloc(16), Buffer.of(0x12, 8), Buffer.alloc(8, 2)])
  t.match(walk('traces', request(zero, good)), { items: 1, rejectedWhy: /^trace_id is all zeros/ })
  t.match(walk('traces', request(field(5, 'no ids'), good)), { items: 1, rejectedWhy: /^a span without trace_id/ })
})

t.test('nesting beyond the limit costs the item, not the stack', async t => {
  let value = field(1, 'deep')
  for (let i = 0; i < 20; i++) value = field(5, field(1, value))
  t.equal(walk('traces', request(span(field(9, field(1, 'k'), field(2, value))))).items, 1)
  let deeper: Buffer = Buffer.from([0x0a, 1, 0x61])
  for (let i = 0; i < 3000; i++) deeper = wrap(5, wrap(1, deeper))
  const huge = wrap(
    1,
    wrap(2, wrap(2, Buffer.concat([span(), wrap(9, Buffer.concat([field(1, 'k'), wrap(2, deeper)]))])))
  )
  t.match(walk('traces', huge), { items: 0, rejected: 1, rejectedWhy: /nested deeper than 32/ })
})

function wrap(number: number, content: Buffer): Buffer {
  const length: number[] = []
  let rest = content.length
  while (rest > 127) {
    length.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length, rest), content])
}

t.test('each visitor sees what the one before made of a value', async t => {
  const seen: string[] = []
  const first: Visitor = { attribute: a => void (a.key.text === 'a' && a.replace('from first')) }
  const second: Visitor = {
    attribute: a => void (a.key.text === 'a' && seen.push(`attribute ${a.text()}`)),
    value: v => void (v.kind === 'string' && v.key?.text === 'a' && seen.push(`value ${v.text()}`))
  }
  walk('traces', request(span(field(9, field(1, 'a'), field(2, field(1, 'x'))))), first, second)
  t.same(seen, ['attribute from first', 'value from first'])
})

t.test('a sealed value is not shown to the visitors behind', async t => {
  const sealer: Visitor = { attribute: a => a.replace('h1:abc', true) }
  const values: string[] = []
  const looker: Visitor = { value: v => void (v.kind === 'string' && values.push(v.text())) }
  walk('traces', request(span(field(9, field(1, 'a'), field(2, field(1, 'x'))))), sealer, looker)
  t.same(values, [])
})

t.test('a hook that throws costs the value it looked at and nothing else', async t => {
  const thrower: Visitor = {
    value(v) {
      if (v.text() === 'bad') throw new Error('no')
    }
  }
  const attributes = [
    field(9, field(1, 'a'), field(2, field(1, 'bad'))),
    field(9, field(1, 'b'), field(2, field(1, 'good')))
  ]
  failures.length = 0
  const out = walk('traces', request(span(...attributes, field(5, 'bad'))), thrower).bytes
  t.equal(out.includes('bad'), false)
  t.equal(out.includes('good'), true)
  t.equal(failures.length, 2)
  failures.length = 0
})

t.test('a log body has no key and depth -1; pairs in it begin at depth 0, whatever attribute came before', async t => {
  const seen: unknown[] = []
  const visitor: Visitor = {
    value: v => {
      if (v.place === 'log.body' && v.kind === 'string') seen.push([v.text(), v.key?.text, v.depth])
    }
  }
  const text = (value: string): Plain => ({ stringValue: value })
  const map = { kvlistValue: { values: [{ key: 'k', value: text('in map') }] } }
  const logRecords = [
    { attributes: [{ key: 'stale', value: text('x') }], body: text('alone') },
    { body: { arrayValue: { values: [text('in list'), map, text('after map')] } } },
    { body: map }
  ]
  walk('logs', oracle.encodeRequest('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }), visitor)
  t.same(seen, [
    ['alone', undefined, -1],
    ['in list', undefined, -1],
    ['in map', 'k', 0],
    ['after map', undefined, -1],
    ['in map', 'k', 0]
  ])
})

t.test('attributes can be added at the end of an item', async t => {
  const adder: Visitor = { itemEnd: item => item.insert('new', field(1, `of ${item.name()}`)) }
  const out = oracle.decodeRequest(
    'traces',
    walk('traces', request(span(field(5, 'one')), span(field(5, 'two'))), adder).bytes
  )
  const spans = ((out['resourceSpans'] as Plain[])[0]!['scopeSpans'] as Plain[])[0]!['spans'] as Plain[]
  t.same(
    spans.map(one => one['attributes']),
    [[{ key: 'new', value: { stringValue: 'of one' } }], [{ key: 'new', value: { stringValue: 'of two' } }]]
  )
})

t.test('text in a number’s place is shown as an unknown field, and a group there is cut', async t => {
  const text = Buffer.from('maria@example.org')
  const ids = [Buffer.from([0x0a, 16]), Buffer.alloc(16, 1), Buffer.from([0x12, 8]), Buffer.alloc(8, 2)]
  const foreign: readonly Buffer[] = [
    Buffer.concat([Buffer.from([0x32, text.length]), text]), // kind
    Buffer.concat([Buffer.from([0x3a, text.length]), text]), // start_time_unix_nano
    Buffer.concat([Buffer.from([0x52, text.length]), text]), // dropped_attributes_count
    Buffer.concat([Buffer.from([0x33, 0x0a, text.length]), text, Buffer.from([0x34])]) // kind as a group
  ]
  const eraser: Visitor = { value: v => void (v.place === 'unknown_field' && v.remove()) }
  for (const field of foreign) {
    let message: Buffer = Buffer.concat([...ids, field])
    for (const tag of [0x12, 0x12, 0x0a]) message = Buffer.concat([Buffer.from([tag, message.length]), message])
    t.notOk(walk('traces', message, eraser).bytes.includes(text))
    t.equal(walk('traces', message, { item() {} }).bytes, message, 'untouched where nobody looks for text')
  }
})

t.test('a seal is about one value: the next ones are shown unsealed', async t => {
  const seals: boolean[] = []
  const sealer: Visitor = {
    value(v) {
      if (v.kind === 'key') return
      seals.push(v.sealed)
      v.replace('sealed', true)
    }
  }
  const attributes = ['a', 'b'].map(key => field(9, field(1, key), field(2, field(1, 'x'))))
  walk('traces', request(span(...attributes, field(5, 'name'))), sealer)
  t.same(seals, [false, false, false])
})
