// OTLP conformance, side C: what the exporters must do, row by row, against real HTTP and gRPC servers. Whether delivery
// tries again is shown by the outcome (delivery acts on nothing else; core/delivery/delivery.test.ts shows that it does).

import { status } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { Outcome } from '../../core/component/outcome.js'
import { responseProtobuf, statusJson, statusProtobuf } from '../../core/net/answers.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import grpcDeclaration from '../../exporters/otlp_grpc/index.js'
import httpDeclaration from '../../exporters/otlp_http/index.js'
import { type GrpcFailure, grpcBackEnd, type HttpAnswer, httpBackEnd, OK } from '../helpers/back-ends.js'
import { numbered, numbersIn, range, rig, settle } from '../helpers/delivery.js'
import { exporterOf, never } from '../helpers/exporter.js'
import { oracle } from '../helpers/otlp-oracle.js'
import { ManualClock, realClock } from '../helpers/receiver.js'

const http = (t: Test, endpoint: string, config: object = {}, clock = realClock) =>
  exporterOf(t, httpDeclaration as never, { endpoint, compression: 'none', ...config }, clock as typeof realClock)
const grpc = (t: Test, address: string, config: object = {}) =>
  exporterOf(t, grpcDeclaration as never, { endpoint: `http://${address}`, compression: 'none', ...config })
const batch = (signal: Signal = 'traces', items = 1) => ({ signal, bytes: numbered(0, items, signal), items })

async function httpOutcome(t: Test, answer: HttpAnswer | 'reset', clock?: ManualClock): Promise<Outcome> {
  const { url } = await httpBackEnd(t, () => answer)
  const exporter = await http(t, url, {}, clock as never)
  return exporter.send(batch(), never)
}

async function grpcOutcome(t: Test, answer: Buffer | GrpcFailure): Promise<Outcome> {
  const { address } = await grpcBackEnd(t, () => answer)
  const exporter = await grpc(t, address)
  return exporter.send(batch(), never)
}

/** A google.rpc.Status with a RetryInfo of so many milliseconds. */
function retryInfo(code: number, retryAfterMs: number): Buffer {
  const nanos = (retryAfterMs % 1000) * 1_000_000
  const duration = message(1, Buffer.from([0x08, Math.floor(retryAfterMs / 1000), 0x10, ...varint(nanos)]))
  const any = Buffer.concat([message(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')), message(2, duration)])
  return Buffer.concat([Buffer.from([0x08, code]), message(2, Buffer.from('busy')), message(3, any)])
}

function message(number: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(body.length)]), body])
}

function varint(n: number): number[] {
  const bytes: number[] = []
  for (; n > 0x7f; n = Math.floor(n / 128)) bytes.push((n & 0x7f) | 0x80)
  return [...bytes, n]
}

t.test('G7: a populated partial_success is counted and never sent again (HTTP, gRPC, JSON)', async t => {
  const answer = responseProtobuf(2, 'two spans are bad')
  const expected = { kind: 'delivered', rejected: 2, message: 'two spans are bad' }
  t.match(await httpOutcome(t, { ...OK, body: answer }), expected)
  t.match(await grpcOutcome(t, answer), expected)
  for (const [signal, field] of [
    ['traces', 'rejectedSpans'],
    ['metrics', 'rejectedDataPoints'],
    ['logs', 'rejectedLogRecords']
  ] as const) {
    const body = JSON.stringify({ partialSuccess: { [field]: '2', errorMessage: 'two spans are bad' } })
    const { url } = await httpBackEnd(t, () => ({ status: 200, headers: { 'content-type': 'application/json' }, body }))
    const exporter = await http(t, url, { encoding: 'json' })
    t.match(await exporter.send(batch(signal), never), expected, signal)
  }
  const { put, move, exporter, ledger } = await rig(t, { script: () => ({ kind: 'delivered', rejected: 2 }) })
  await put(0, 5)
  await move(600_000, 10_000)
  t.equal(exporter.batches.length, 1)
  t.match(ledger(), { delivered: 3, dropped: { rejected: 2 } })
})

t.test('G8: what the log holds is sent as it is; delivery makes no empty envelopes of its own', async t => {
  const { put, exporter } = await rig(t, { limits: { maxItems: 3 } })
  await put(0, 10)
  t.ok(exporter.batches.every(({ items, numbers }) => items === numbers.length && items > 0))
})

t.test('G9: a dead destination neither delays nor doubles what another one gets', async t => {
  const dead = await rig(t, { script: () => ({ kind: 'retry', cause: new Error('down') }) })
  const alive = await rig(t)
  await dead.put(0, 10)
  await alive.put(0, 10)
  t.same(alive.exporter.delivered, range(0, 10))
  t.match([dead.ledger(), alive.ledger()], [{ waiting: 10 }, { delivered: 10, waiting: 0 }])
})

t.test('G10: unknown fields travel on unchanged', async t => {
  const { url, got } = await httpBackEnd(t)
  const exporter = await http(t, url)
  const bytes = Buffer.concat([numbered(0, 1), message(500, Buffer.from('from the future'))])
  await exporter.send({ signal: 'traces', bytes, items: 1 }, never)
  t.ok(got[0]?.body.equals(bytes))
})

t.test('R2, R10: RESOURCE_EXHAUSTED without RetryInfo is refused as too large, never a retry', async t => {
  t.match(await grpcOutcome(t, { code: status.RESOURCE_EXHAUSTED }), { kind: 'refused', tooLarge: true })
})

t.test('R10: RESOURCE_EXHAUSTED with RetryInfo is a retry after its delay', async t => {
  const failure = { code: status.RESOURCE_EXHAUSTED, status: retryInfo(8, 1500) }
  t.match(await grpcOutcome(t, failure), { kind: 'retry', afterMs: 1500 })
})

t.test('R2: a server with a size limit gets the data in smaller requests', async t => {
  const { address, got } = await grpcBackEnd(t, () => Buffer.alloc(0), { maxBytes: 100_000 })
  const exporter = await grpc(t, address)
  const { log, ledger } = await rigWith(t, exporter)
  const bytes = numbered(0, 2000, 'traces', 100)
  t.ok(bytes.length > 200_000)
  await log.commit({ appends: [{ stream: 'traces', items: 2000, bytes }] })
  await until(() => ledger().waiting === 0)
  t.same(ascending(got.flatMap(({ body }) => numbersIn(body))), range(0, 2000))
  t.match(ledger(), { delivered: 2000, parked: 0 })
})

t.test('R3, H9: requests keep to 4 MiB (gRPC) and 20 MiB (HTTP) before compression', async t => {
  const { address } = await grpcBackEnd(t)
  const { url } = await httpBackEnd(t)
  t.equal((await grpc(t, address, { compression: 'gzip' })).limits.maxBytes, 4 * 1024 * 1024)
  t.equal((await http(t, url, { compression: 'gzip' })).limits.maxBytes, 20 * 1024 * 1024)
})

t.test('R4: calls are concurrent, as many as configured, without waiting for earlier answers', async t => {
  const open: (() => void)[] = []
  const { put, move, exporter } = await rig(t, {
    queue: { numConsumers: 5 },
    timeoutMs: 0,
    script: () => new Promise(resolve => open.push(() => resolve({ kind: 'delivered' })))
  })
  for (let i = 0; i < 8; i++) {
    await put(i, 1)
    await move(25)
  }
  t.equal(exporter.inFlight, 5)
  while (open.length > 0) {
    for (const release of open.splice(0)) release()
    await settle()
  }
  t.same(ascending(exporter.delivered), range(0, 8))
})

t.test('R8: the retryable gRPC codes are retried', async t => {
  const codes = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS'] as const
  for (const code of codes) t.match(await grpcOutcome(t, { code: status[code] }), { kind: 'retry' }, code)
})

t.test('R9: the other gRPC codes are refused', async t => {
  const codes = [
    'UNKNOWN',
    'INVALID_ARGUMENT',
    'NOT_FOUND',
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'UNAUTHENTICATED',
    'FAILED_PRECONDITION',
    'UNIMPLEMENTED',
    'INTERNAL'
  ] as const
  for (const code of codes) t.match(await grpcOutcome(t, { code: status[code] }), { kind: 'refused' }, code)
})

t.test('R11: what is refused is not sent again and is counted', async t => {
  const { put, move, exporter, ledger } = await rig(t, { script: () => ({ kind: 'refused', cause: new Error('no') }) })
  await put(0, 1)
  await move(600_000, 10_000)
  t.equal(exporter.batches.length, 1)
  t.match(ledger(), { parked: 1, waiting: 0, delivered: 0 })
})

t.test('R12: RetryInfo overrides the backoff', async t => {
  const outcome = await grpcOutcome(t, { code: status.UNAVAILABLE, status: retryInfo(14, 3000) })
  t.match(outcome, { kind: 'retry', afterMs: 3000 })
  const { put, move, exporter, clock } = await rig(t, {
    script: (_, call) => (call === 1 ? outcome : { kind: 'delivered' })
  })
  const start = clock.now()
  await put(0, 1)
  await move(10_000, 100)
  t.equal(exporter.batches[1]!.at - start, 3000)
})

t.test('R15: each signal goes to its own gRPC method', async t => {
  const { address, got } = await grpcBackEnd(t)
  const exporter = await grpc(t, address)
  for (const signal of SIGNALS) t.match(await exporter.send(batch(signal), never), { kind: 'delivered' })
  t.same(
    got.map(({ signal, body }) => [signal, body.equals(numbered(0, 1, signal))]),
    SIGNALS.map(signal => [signal, true])
  )
})

t.test("H2, H3: protobuf and JSON requests carry their content type and go to the signal's path", async t => {
  for (const [encoding, type] of [
    ['proto', 'application/x-protobuf'],
    ['json', 'application/json']
  ] as const) {
    const { url, got } = await httpBackEnd(t)
    const exporter = await http(t, url, { encoding })
    for (const signal of SIGNALS) await exporter.send(batch(signal), never)
    t.same(
      got.map(one => [one.signal, one.headers['content-type']]),
      SIGNALS.map(signal => [signal, type])
    )
    t.same(
      got.flatMap(({ body }) => numbersIn(body)),
      [0, 0, 0]
    )
  }
})

t.test('H6: a compressed body says so', async t => {
  for (const compression of ['gzip', 'zstd', 'none']) {
    const { url, got } = await httpBackEnd(t)
    const exporter = await http(t, url, { compression })
    await exporter.send(batch('traces', 50), never)
    t.equal(got[0]?.headers['content-encoding'], compression === 'none' ? undefined : compression)
    t.ok(got[0]?.body.equals(numbered(0, 50)), compression)
    if (compression !== 'none') t.ok(Number(got[0]?.headers['content-length']) < numbered(0, 50).length)
  }
})

t.test('H8: 413 is never retried: it is refused as too large', async t => {
  t.match(await httpOutcome(t, { status: 413 }), { kind: 'refused', tooLarge: true })
})

t.test('H14: 400 is never retried', async t => {
  t.match(await httpOutcome(t, { status: 400 }), { kind: 'refused' })
})

t.test('H15: of all 4xx and 5xx only 429, 502, 503 and 504 are retried', async t => {
  const { url } = await httpBackEnd(t, ({ call }) => ({ status: 399 + call }))
  const exporter = await http(t, url)
  const retried: number[] = []
  for (let code = 400; code <= 599; code++) {
    if ((await exporter.send(batch(), never)).kind === 'retry') retried.push(code)
  }
  t.same(retried, [429, 502, 503, 504])
})

t.test('H15: redirects are not followed', async t => {
  const other = await httpBackEnd(t)
  const outcome = await httpOutcome(t, { status: 307, headers: { location: `${other.url}/v1/traces` } })
  t.match(outcome, { kind: 'refused' })
  t.equal(other.got.length, 0)
})

t.test('H17: Retry-After is honoured, as seconds and as a date; without one the backoff decides', async t => {
  const clock = new ManualClock()
  const date = new Date(Math.ceil(clock.now() / 1000) * 1000 + 7000).toUTCString()
  const after = (value: string) => httpOutcome(t, { status: 503, headers: { 'retry-after': value } }, clock)
  t.match(await after('7'), { kind: 'retry', afterMs: 7000 })
  const byDate = (await after(date)) as { afterMs?: number }
  t.ok(byDate.afterMs! >= 7000 && byDate.afterMs! <= 8000, String(byDate.afterMs))
  for (const nonsense of ['soon', '-5', '1e9', ''])
    t.equal(((await after(nonsense)) as { afterMs?: number }).afterMs, undefined, nonsense)
})

t.test('H18: a connection that is closed without an answer, or refused, is a retry', async t => {
  t.match(await httpOutcome(t, 'reset'), { kind: 'retry' })
  const exporter = await http(t, 'http://127.0.0.1:1')
  t.match(await exporter.send(batch(), never), { kind: 'retry', cause: { message: /ECONNREFUSED/ } })
  const nobody = await grpc(t, '127.0.0.1:1')
  t.match(await nobody.send(batch(), never), { kind: 'retry' })
})

t.test('H19: connections are kept alive between requests, and as many as configured are used', async t => {
  const { url, connections } = await httpBackEnd(t)
  const exporter = await http(t, url, { max_conns_per_host: 2 })
  for (let i = 0; i < 10; i++) await exporter.send(batch(), never)
  t.ok(connections() <= 2, `${connections()} connections for ten requests`)
  await Promise.all(range(0, 10).map(() => exporter.send(batch(), never)))
  t.equal(connections(), 2)
})

t.test('H12: the message of a Status body, protobuf or JSON, becomes the cause, without values', async t => {
  const refusal = { cause: 'malformed', message: 'span "secret-name" is bad', retryAfterMs: 0 }
  const answers: [string, Buffer][] = [
    ['application/x-protobuf', statusProtobuf(refusal as never)],
    ['application/json', statusJson(refusal as never)]
  ]
  for (const [type, body] of answers) {
    const outcome = await httpOutcome(t, { status: 400, headers: { 'content-type': type }, body })
    t.match(outcome, { kind: 'refused', cause: { message: 'HTTP 400: span "…" is bad' } }, type)
  }
})

t.test('an answer of any size costs bounded memory', async t => {
  const body = Buffer.alloc(8 << 20, 'x')
  t.match(await httpOutcome(t, { status: 503, headers: { 'content-type': 'text/plain' }, body }), { kind: 'retry' })
  t.match(await httpOutcome(t, { ...OK, body }), { kind: 'delivered' })
})

t.test('an attempt ends when it is aborted', async t => {
  const hung = await httpBackEnd(t, () => 'hang')
  const hungGrpc = await grpcBackEnd(t, () => 'hang')
  for (const exporter of [await http(t, hung.url), await grpc(t, hungGrpc.address)]) {
    const abort = new AbortController()
    const sent = exporter.send(batch(), abort.signal)
    await until(() => hung.got.length + hungGrpc.got.length > 0)
    abort.abort(new Error('no answer within 5 ms'))
    t.match(await sent, { kind: 'retry', cause: { message: /no answer/ } })
  }
})

t.test('J1, J2, J4, J5: JSON requests follow the OTLP JSON mapping', async t => {
  const span = {
    traceId: Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex'),
    spanId: Buffer.from('0102030405060708', 'hex'),
    name: 'item-0;',
    kind: 2,
    startTimeUnixNano: 1544712660000000001n
  }
  const bytes = oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  const { url, got } = await httpBackEnd(t)
  await (await http(t, url, { encoding: 'json' })).send({ signal: 'traces', bytes, items: 1 }, never)
  t.match(JSON.parse(String(got[0]?.body)), {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              {
                traceId: '0102030405060708090a0b0c0d0e0f10',
                spanId: '0102030405060708',
                kind: 2,
                startTimeUnixNano: '1544712660000000001'
              }
            ]
          }
        ]
      }
    ]
  })
})

/** A rig whose delivery sends through a real exporter, with the machine's clock. */
async function rigWith(t: Test, exporter: Awaited<ReturnType<typeof exporterOf>>) {
  const made = await rig(t, { start: false })
  await made.restart({ limits: exporter.limits, send: (one, abort) => exporter.send(one, abort) })
  return made
}

async function until(done: () => boolean, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!done()) {
    if (Date.now() > end) throw new Error('not done in time')
    await new Promise(resolve => setImmediate(resolve))
  }
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b)
}
