// OTLP/gRPC, side S: rows R1 to R15, and G, P rows over gRPC, with the official gRPC client of Node and raw HTTP/2.

import { connect, constants } from 'node:http2'
import { deflateSync, gzipSync } from 'node:zlib'
import { status as Code } from '@grpc/grpc-js'
import t from 'tap'
import type { Signal } from '../../core/otlp/signal.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { futureOracle, oracle } from '../helpers/otlp-oracle.js'
import { realIntake } from '../helpers/pipelines.js'
import { startReceiver } from '../helpers/receiver.js'
import { responseFromProtobuf, statusFromProtobuf } from '../helpers/rpc-status.js'

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']
const MIB = 1024 * 1024
const SPAN = { traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), name: 'step' }

function traces(...spans: object[]): Buffer {
  return oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
}

function frame(flag: number, message: Buffer, length = message.length): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}

interface RawAnswer {
  readonly status: number
  readonly grpcStatus: number
  readonly headers: Record<string, unknown>
  readonly body: Buffer
}

/** One call by bare HTTP/2: body pieces as given, headers overridable. */
function rawCall(address: string, pieces: readonly Buffer[], headers: Record<string, string> = {}): Promise<RawAnswer> {
  const session = connect(`http://${address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': EXPORT_PATH.traces,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers
  })
  const seen: Record<string, unknown> = {}
  const chunks: Buffer[] = []
  stream.on('response', got => Object.assign(seen, got))
  stream.on('trailers', got => Object.assign(seen, got))
  stream.on('data', chunk => chunks.push(chunk as Buffer))
  for (const piece of pieces) stream.write(piece)
  stream.end()
  return new Promise(resolve => {
    stream.on('error', () => {})
    stream.on('close', () => {
      session.destroy()
      const status = Number(seen[constants.HTTP2_HEADER_STATUS])
      resolve({ status, grpcStatus: Number(seen['grpc-status']), headers: seen, body: Buffer.concat(chunks) })
    })
  })
}

t.test('R15: the three Export methods take their signal', async t => {
  const { grpc, intake } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  for (const signal of SIGNALS) t.equal((await client.send(EXPORT_PATH[signal], Buffer.alloc(3))).code, 0)
  t.same(
    intake.taken.map(taken => taken.signal),
    SIGNALS
  )
})

t.test('G1: plain and gzip are the same to the intake; deflate and zstd work too', async t => {
  const { grpc, intake } = await startReceiver(t)
  const body = traces(SPAN)
  const plain = grpcClient(t, grpc)
  await plain.send(EXPORT_PATH.traces, body)
  const gzip = grpcClient(t, grpc, { 'grpc.default_compression_algorithm': 2 })
  await gzip.send(EXPORT_PATH.traces, body)
  const deflate = await rawCall(grpc, [frame(1, deflateSync(body))], { 'grpc-encoding': 'deflate' })
  t.equal(deflate.grpcStatus, 0)
  t.equal(intake.taken.length, 3)
  for (const taken of intake.taken) t.same(taken.bytes, body)
})

t.test('G1: a large gzip message inflates off the main thread to the same bytes', async t => {
  const { grpc, intake } = await startReceiver(t)
  const body = Buffer.alloc(3 * MIB, 'telemetry ')
  const client = grpcClient(t, grpc, { 'grpc.default_compression_algorithm': 2 })
  t.equal((await client.send(EXPORT_PATH.traces, body)).code, 0)
  t.ok(intake.taken[0]?.bytes.equals(body))
})

t.test('G2 G3: an empty request succeeds and partial_success is unset', async t => {
  const { grpc } = await startReceiver(t, { intake: await realIntake(t) })
  const client = grpcClient(t, grpc)
  for (const signal of SIGNALS) {
    const answer = await client.send(EXPORT_PATH[signal], Buffer.alloc(0))
    t.equal(answer.code, 0)
    t.same(answer.body, Buffer.alloc(0))
  }
})

t.test('G4 G5 G6: partial success and warnings are in the response message', async t => {
  const { grpc, intake } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  for (const rejected of [3, 300, 0]) {
    intake.answer = () => ({ kind: 'accepted', rejected, message: 'look here' })
    const answer = await client.send(EXPORT_PATH.metrics, Buffer.alloc(0))
    t.equal(answer.code, 0)
    t.same(responseFromProtobuf(answer.body!), { partial: { rejected, message: 'look here' } })
  }
})

t.test('G10: unknown fields go through byte for byte', async t => {
  const intake = await realIntake(t)
  const { grpc } = await startReceiver(t, { intake })
  const body = futureOracle.encodeRequest('logs', { resourceLogs: [{ futureText: ['x'] }], futureInt: 1n })
  t.equal((await grpcClient(t, grpc).send(EXPORT_PATH.logs, body)).code, 0)
  t.same(intake.taken[0]?.bytes, body)
})

t.test('R1: 4 MiB is taken, one byte more is RESOURCE_EXHAUSTED, compressed or not', async t => {
  const { grpc, intake } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  const gzip = grpcClient(t, grpc, { 'grpc.default_compression_algorithm': 2 })
  t.equal((await client.send(EXPORT_PATH.traces, Buffer.alloc(4 * MIB))).code, 0)
  for (const sender of [client, gzip]) {
    const answer = await sender.send(EXPORT_PATH.traces, Buffer.alloc(4 * MIB + 1))
    t.equal(answer.code, Code.RESOURCE_EXHAUSTED)
    t.match(answer.message, /4194304 bytes/)
  }
  t.equal(intake.taken.length, 1)
  t.equal((await client.send(EXPORT_PATH.traces, Buffer.alloc(1))).code, 0, 'the connection lives on')
})

t.test('H7: a gzip bomb over gRPC stops at the limit', async t => {
  const { grpc, receiver } = await startReceiver(t)
  const member = gzipSync(Buffer.alloc(16 * MIB))
  const bomb = Buffer.concat(Array.from({ length: 64 }, () => member))
  const before = process.memoryUsage.rss()
  const answer = await rawCall(grpc, [frame(1, bomb)], { 'grpc-encoding': 'gzip' })
  t.equal(answer.grpcStatus, Code.RESOURCE_EXHAUSTED)
  t.ok(process.memoryUsage.rss() - before < 200 * MIB)
  t.equal(receiver.inFlightBytes(), 0)
})

t.test(
  'R6 R13 R14: overload is UNAVAILABLE with the intake’s delay as RetryInfo, never RESOURCE_EXHAUSTED',
  async t => {
    const { grpc, intake } = await startReceiver(t)
    const client = grpcClient(t, grpc)
    for (const kind of ['busy', 'unavailable'] as const) {
      intake.answer = () => ({ kind, message: 'the queue is full', retryAfterMs: 1250 })
      const answer = await client.send(EXPORT_PATH.traces, Buffer.alloc(0))
      t.equal(answer.code, Code.UNAVAILABLE)
      t.equal(answer.message, 'the queue is full')
      const status = statusFromProtobuf(answer.details!)
      t.equal(status.code, Code.UNAVAILABLE)
      t.equal(status.retryDelayMs, 1250)
    }
  }
)

t.test('R13: a closed intake and a full receiver are UNAVAILABLE with RetryInfo too', async t => {
  const { grpc, intake, receiver } = await startReceiver(t, { rest: { max_in_flight_bytes: 1000 } })
  const client = grpcClient(t, grpc)
  intake.isOpen = false
  const closed = await client.send(EXPORT_PATH.traces, Buffer.alloc(0))
  t.equal(closed.code, Code.UNAVAILABLE)
  t.ok(statusFromProtobuf(closed.details!).retryDelayMs)
  intake.isOpen = true
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const reached = new Promise<void>(resolve => {
    intake.answer = async () => {
      resolve()
      await held
      return { kind: 'accepted', rejected: 0, message: '' }
    }
  })
  const first = client.send(EXPORT_PATH.traces, Buffer.alloc(900))
  await reached
  const second = await client.send(EXPORT_PATH.traces, Buffer.alloc(200))
  t.equal(second.code, Code.UNAVAILABLE)
  t.ok(statusFromProtobuf(second.details!).retryDelayMs)
  release()
  t.equal((await first).code, 0)
  t.equal(receiver.inFlightBytes(), 0)
})

t.test('R7: bad data is INVALID_ARGUMENT with BadRequest', async t => {
  const { grpc } = await startReceiver(t, { intake: await realIntake(t) })
  const client = grpcClient(t, grpc)
  const whole = traces(SPAN)
  for (const body of [whole.subarray(0, -2), traces({ ...SPAN, spanId: Buffer.alloc(7, 1) })]) {
    const answer = await client.send(EXPORT_PATH.traces, body)
    t.equal(answer.code, Code.INVALID_ARGUMENT)
    t.equal(statusFromProtobuf(answer.details!).badRequest?.length, 1)
  }
  const corrupt = await rawCall(grpc, [frame(1, Buffer.from('no gzip'))], { 'grpc-encoding': 'gzip' })
  t.equal(corrupt.grpcStatus, Code.INVALID_ARGUMENT)
})

t.test('P1: profiles and unknown methods are UNIMPLEMENTED', async t => {
  const { grpc } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  for (const path of [
    '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export',
    '/opentelemetry.proto.collector.trace.v1.TraceService/Import',
    '/x'
  ]) {
    t.equal((await client.send(path, Buffer.alloc(10))).code, Code.UNIMPLEMENTED)
  }
})

t.test('H20: what is not gRPC gets a plain HTTP status (gRPC over HTTP2)', async t => {
  const { grpc } = await startReceiver(t)
  t.equal((await rawCall(grpc, [], { 'content-type': 'application/json' })).status, 415)
  t.equal((await rawCall(grpc, [], { 'content-type': 'application/grpc-web' })).status, 415)
  t.equal((await rawCall(grpc, [], { ':method': 'PUT' })).status, 405)
  t.equal(
    (await rawCall(grpc, [frame(0, Buffer.alloc(1))], { 'content-type': 'application/grpc+proto' })).grpcStatus,
    0
  )
})

t.test('R15: message frames may come in any pieces; broken ones are refused', async t => {
  const { grpc, intake, receiver } = await startReceiver(t)
  const message = Buffer.from('abcdefgh')
  const bytes = frame(0, message)
  const single = [...bytes].map(byte => Buffer.from([byte]))
  t.equal((await rawCall(grpc, single)).grpcStatus, 0)
  t.same(intake.taken.pop()?.bytes, message)
  const cases: [string, readonly Buffer[], Record<string, string>, number][] = [
    ['no message', [], {}, Code.UNIMPLEMENTED],
    ['two messages', [bytes, bytes], {}, Code.UNIMPLEMENTED],
    ['cut off head', [bytes.subarray(0, 3)], {}, Code.INTERNAL],
    ['cut off message', [bytes.subarray(0, 9)], {}, Code.INTERNAL],
    ['bad flag', [frame(2, message)], {}, Code.INTERNAL],
    ['compressed without encoding', [frame(1, message)], {}, Code.INTERNAL],
    ['unknown encoding', [frame(1, message)], { 'grpc-encoding': 'snappy' }, Code.UNIMPLEMENTED]
  ]
  for (const [name, pieces, headers, code] of cases) {
    t.equal((await rawCall(grpc, pieces, headers)).grpcStatus, code, name)
  }
  const unknown = await rawCall(grpc, [bytes], { 'grpc-encoding': 'snappy' })
  t.match(unknown.headers['grpc-accept-encoding'], /gzip/)
  t.equal(intake.taken.length, 0)
  t.equal(receiver.inFlightBytes(), 0)
})

t.test('G4 J7: one invalid span of a hundred is rejected, the others are taken', async t => {
  const { grpc } = await startReceiver(t, { intake: await realIntake(t) })
  const spans = Array.from({ length: 100 }, (_, i) => (i === 7 ? { ...SPAN, traceId: Buffer.alloc(3, 1) } : SPAN))
  const answer = await grpcClient(t, grpc).send(EXPORT_PATH.traces, traces(...spans))
  t.equal(answer.code, 0)
  t.equal(responseFromProtobuf(answer.body!).partial?.rejected, 1)
})

t.test('R6: messages of errors are percent-encoded UTF-8', async t => {
  const { grpc, intake } = await startReceiver(t)
  intake.answer = () => ({ kind: 'malformed', message: 'größer als 100%\nnext' })
  t.equal((await grpcClient(t, grpc).send(EXPORT_PATH.traces, Buffer.alloc(0))).message, 'größer als 100%\nnext')
})
