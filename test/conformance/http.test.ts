// OTLP/HTTP, side S: rows H1 to H20, and G, P rows over HTTP.

import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { Zstd } from '@hpcc-js/wasm-zstd'
import t from 'tap'
import type { Signal } from '../../core/otlp/signal.js'
import { type HttpAnswer, JSON_TYPE, PROTOBUF, post } from '../helpers/http.js'
import { futureOracle, oracle } from '../helpers/otlp-oracle.js'
import { realIntake } from '../helpers/pipelines.js'
import { ACCEPTED, startReceiver } from '../helpers/receiver.js'
import {
  REJECTED_KEY,
  type RpcStatus,
  responseFromProtobuf,
  statusFromJson,
  statusFromProtobuf
} from '../helpers/rpc-status.js'

const PATHS: Readonly<Record<Signal, string>> = { traces: '/v1/traces', metrics: '/v1/metrics', logs: '/v1/logs' }
const SIGNALS = Object.keys(PATHS) as Signal[]
const ENCODINGS = [PROTOBUF, JSON_TYPE]

const TRACE_ID = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex')
const SPAN_ID = Buffer.from('eee19b7ec3c1b174', 'hex')

function span(traceId = TRACE_ID) {
  return { traceId, spanId: SPAN_ID, name: 'step', startTimeUnixNano: 1n, endTimeUnixNano: 2n }
}

function traces(...spans: object[]): Buffer {
  return oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
}

/** The Status of an error answer, after checking that it is in the encoding its Content-Type says. */
function statusOf(answer: HttpAnswer): RpcStatus {
  const isJson = answer.headers['content-type'] === 'application/json'
  return isJson ? statusFromJson(answer.body.toString()) : statusFromProtobuf(answer.body)
}

t.test('G1: the same request plain and gzip reaches the intake as the same bytes', async t => {
  const { http, intake } = await startReceiver(t)
  const body = traces(span())
  t.equal((await post(http + PATHS.traces, body)).status, 200)
  t.equal((await post(http + PATHS.traces, gzipSync(body), { ...PROTOBUF, 'content-encoding': 'gzip' })).status, 200)
  t.same(intake.taken[0]?.bytes, body)
  t.same(intake.taken[1]?.bytes, body)
})

t.test('H6: deflate (zlib and raw), x-gzip, zstd and identity are understood too', async t => {
  const { http, intake } = await startReceiver(t)
  const body = traces(span())
  const zstd = await Zstd.load()
  const cases: [string, Uint8Array][] = [
    ['x-gzip', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['deflate', deflateRawSync(body)],
    ['zstd', zstd.compress(body)],
    ['identity', body],
    ['GZIP', gzipSync(body)]
  ]
  for (const [encoding, bytes] of cases) {
    const answer = await post(http + PATHS.traces, Buffer.from(bytes), { ...PROTOBUF, 'content-encoding': encoding })
    t.equal(answer.status, 200, encoding)
    t.same(intake.taken.pop()?.bytes, body, encoding)
  }
})

t.test('G2: an empty request succeeds in both encodings', async t => {
  const { http } = await startReceiver(t, { intake: await realIntake(t) })
  for (const signal of SIGNALS) {
    t.equal((await post(http + PATHS[signal], Buffer.alloc(0))).status, 200)
    t.equal((await post(http + PATHS[signal], '{}', JSON_TYPE)).status, 200)
  }
})

t.test('G3 H10: full success is exactly 200 with partial_success unset', async t => {
  const { http } = await startReceiver(t)
  for (const signal of SIGNALS) {
    const binary = await post(http + PATHS[signal], Buffer.alloc(0))
    t.equal(binary.status, 200)
    t.equal(binary.body.length, 0)
    const json = await post(http + PATHS[signal], '{}', JSON_TYPE)
    t.equal(json.status, 200)
    t.equal(json.body.toString(), '{}')
  }
})

t.test(
  'G4 G5 H11: partial acceptance is 200 with the rejected count and a reason, per signal and encoding',
  async t => {
    const { http, intake } = await startReceiver(t)
    intake.answer = () => ({ kind: 'accepted', rejected: 3, message: 'three are invalid' })
    for (const signal of SIGNALS) {
      const binary = await post(http + PATHS[signal], Buffer.alloc(0))
      t.equal(binary.status, 200)
      t.same(responseFromProtobuf(binary.body), { partial: { rejected: 3, message: 'three are invalid' } })
      const json = await post(http + PATHS[signal], '{}', JSON_TYPE)
      t.same(JSON.parse(json.body.toString()), {
        partialSuccess: { [REJECTED_KEY[signal]]: '3', errorMessage: 'three are invalid' }
      })
    }
  }
)

t.test('G6: a warning on full acceptance has no rejected count but a message', async t => {
  const { http, intake } = await startReceiver(t)
  intake.answer = () => ({ kind: 'accepted', rejected: 0, message: 'old field' })
  t.same(responseFromProtobuf((await post(http + PATHS.logs, Buffer.alloc(0))).body), {
    partial: { rejected: 0, message: 'old field' }
  })
  const json = await post(http + PATHS.logs, '{}', JSON_TYPE)
  t.same(JSON.parse(json.body.toString()), { partialSuccess: { errorMessage: 'old field' } })
})

t.test('G8: empty envelopes are accepted', async t => {
  const { http } = await startReceiver(t, { intake: await realIntake(t) })
  const empty = oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [] }] }, {}] })
  t.equal((await post(http + PATHS.traces, empty)).status, 200)
})

t.test('G10: a request with unknown fields is accepted and its bytes stay whole', async t => {
  const intake = await realIntake(t)
  const { http } = await startReceiver(t, { intake })
  const newer = {
    resourceSpans: [{ futureText: ['x'], scopeSpans: [{ spans: [{ ...span(), futureInt: 7n }] }] }],
    futureFlags: 9
  }
  const body = futureOracle.encodeRequest('traces', newer)
  t.equal((await post(http + PATHS.traces, body)).status, 200)
  t.same(intake.taken[0]?.bytes, body)
})

t.test('H1: each signal has its path, and paths are configurable', async t => {
  const { http, intake } = await startReceiver(t, { http: { traces_url_path: '/in/traces' } })
  await post(`${http}/in/traces`, Buffer.alloc(0))
  await post(`${http}/v1/metrics`, Buffer.alloc(0))
  await post(`${http}/v1/logs`, Buffer.alloc(0))
  t.same(
    intake.taken.map(taken => taken.signal),
    ['traces', 'metrics', 'logs']
  )
  t.equal((await post(`${http}/v1/traces`, Buffer.alloc(0))).status, 404)
})

t.test('H2 H3 H4 H5: answers have the request’s Content-Type, success and error, both on one port', async t => {
  const { http, intake } = await startReceiver(t)
  for (const type of ENCODINGS) {
    const body = type === JSON_TYPE ? '{}' : ''
    intake.answer = () => ACCEPTED
    t.equal((await post(http + PATHS.traces, body, type)).headers['content-type'], type['content-type'])
    intake.answer = () => ({ kind: 'malformed', message: 'no' })
    t.equal((await post(http + PATHS.traces, body, type)).headers['content-type'], type['content-type'])
    t.equal((await post(`${http}/nowhere`, body, type)).headers['content-type'], type['content-type'])
  }
  const parameters = await post(http + PATHS.traces, '{}', { 'content-type': 'Application/JSON; charset=utf-8' })
  t.equal(parameters.headers['content-type'], 'application/json')
})

t.test('H7 H8: a body over the limit is 413, declared, chunked, or only after decompression', async t => {
  const { http, intake } = await startReceiver(t, { http: { max_request_body_size: '100KiB' } })
  const large = Buffer.alloc(100 * 1024 + 1)
  const declared = await post(http + PATHS.traces, large)
  const chunked = await post(http + PATHS.traces, '', PROTOBUF, {
    write: request => {
      request.write(large.subarray(0, 60_000))
      request.end(large.subarray(60_000))
    }
  })
  const inflated = await post(http + PATHS.traces, gzipSync(large), { ...PROTOBUF, 'content-encoding': 'gzip' })
  for (const answer of [declared, chunked, inflated]) {
    t.equal(answer.status, 413)
    t.equal(statusOf(answer).code, 8)
    t.match(statusOf(answer).message, /102400 bytes/)
  }
  t.equal((await post(http + PATHS.traces, large.subarray(1))).status, 200, 'the limit itself is allowed')
  t.equal(intake.taken.length, 1)
})

t.test('H7: a bomb of 1 MB that would be 1 GB stops at the limit', async t => {
  const { http, intake, receiver } = await startReceiver(t)
  // gzip members of the same 16 MiB of zeros, as one body: 64 of them are 1 GiB.
  const member = gzipSync(Buffer.alloc(16 << 20))
  const bomb = Buffer.concat(Array.from({ length: 64 }, () => member))
  const before = process.memoryUsage.rss()
  const answer = await post(http + PATHS.traces, bomb, { ...PROTOBUF, 'content-encoding': 'gzip' })
  t.equal(answer.status, 413)
  t.ok(process.memoryUsage.rss() - before < 200 << 20, 'memory stayed near the limit')
  t.equal(intake.taken.length, 0)
  t.equal(receiver.inFlightBytes(), 0)
})

t.test('H12: every error body is a google.rpc.Status in the request’s encoding', async t => {
  const { http, intake } = await startReceiver(t, {
    http: { max_request_body_size: 64 },
    rest: { auth: { keys: [{ name: 'ci', key: 'right' }] } }
  })
  const authorization = { authorization: 'Bearer right' }
  const causes: [number, (headers: Record<string, string>) => Promise<HttpAnswer>][] = [
    [400, headers => post(http + PATHS.traces, 'not otlp', headers)],
    [401, headers => post(http + PATHS.traces, '', { ...headers, authorization: 'Bearer wrong' })],
    [404, headers => post(`${http}/v1/nothing`, '', headers)],
    [405, headers => post(http + PATHS.traces, '', headers, { method: 'GET' })],
    [405, headers => post(http + PATHS.traces, '', headers, { method: 'PUT' })],
    [405, headers => post(http + PATHS.traces, '', headers, { method: 'OPTIONS' })],
    [413, headers => post(http + PATHS.traces, 'x'.repeat(65), headers)],
    [415, headers => post(http + PATHS.traces, '{}', { ...headers, 'content-encoding': 'br' })]
  ]
  intake.answer = () => ({ kind: 'malformed', message: 'not OTLP' })
  for (const type of ENCODINGS) {
    for (const [status, send] of causes) {
      const answer = await send({ ...type, ...authorization })
      t.equal(answer.status, status)
      t.equal(answer.headers['content-type'], type['content-type'], `${status}`)
      t.not(statusOf(answer).message, '', `${status}`)
      t.not(statusOf(answer).code, 0, `${status}`)
    }
  }
  const other = await post(http + PATHS.traces, 'x', { 'content-type': 'text/plain', ...authorization })
  t.equal(other.status, 415)
  t.match(statusOf(other).message, /application\/x-protobuf/)
  const none = await post(http + PATHS.traces, 'x', authorization)
  t.equal(none.status, 415)
  const odd = await post(http + PATHS.traces, 'x', { 'content-type': 'a b c', ...authorization })
  t.equal(odd.status, 415)
  t.ok(statusOf(odd))
})

t.test('H13: undecodable data is 400 with BadRequest details', async t => {
  const { http } = await startReceiver(t, { intake: await realIntake(t) })
  const whole = traces(span())
  const cases: [Buffer | string, Record<string, string>][] = [
    [whole.subarray(0, whole.length - 3), PROTOBUF],
    [Buffer.from([0xff, 0xff, 0xff]), PROTOBUF],
    [traces(span(Buffer.alloc(15, 1))), PROTOBUF],
    ['{"resourceSpans": [', JSON_TYPE],
    ['[]', JSON_TYPE],
    [gzipSync(whole).subarray(0, 30), { ...PROTOBUF, 'content-encoding': 'gzip' }],
    [Buffer.from('no gzip at all'), { ...PROTOBUF, 'content-encoding': 'gzip' }]
  ]
  for (const [body, headers] of cases) {
    const answer = await post(http + PATHS.traces, body, headers)
    t.equal(answer.status, 400)
    const status = statusOf(answer)
    t.equal(status.code, 3)
    t.equal(status.badRequest?.length, 1)
    t.not(status.badRequest?.[0]?.description, '')
  }
})

t.test('H16: overload is 429 or 503 with Retry-After in whole seconds and RetryInfo', async t => {
  const { http, intake } = await startReceiver(t)
  for (const [kind, status] of [
    ['busy', 429],
    ['unavailable', 503]
  ] as const) {
    intake.answer = () => ({ kind, message: 'full', retryAfterMs: 2500 })
    for (const type of ENCODINGS) {
      const answer = await post(http + PATHS.traces, type === JSON_TYPE ? '{}' : '', type)
      t.equal(answer.status, status)
      t.equal(answer.headers['retry-after'], '3')
      t.equal(statusOf(answer).retryDelayMs, 2500)
      t.equal(statusOf(answer).code, 14)
    }
  }
})

t.test('H16: a closed intake is answered 503 before the body is read', async t => {
  const { http, intake } = await startReceiver(t)
  intake.isOpen = false
  const answer = await post(http + PATHS.traces, 'x', { ...PROTOBUF, expect: '100-continue' })
  t.equal(answer.status, 503)
  t.equal(answer.sawContinue, false)
  t.equal(answer.headers['retry-after'], '1')
  t.equal(intake.taken.length, 0)
})

t.test('H20: HTTP/1.1 with keep-alive, chunked bodies and Expect: 100-continue', async t => {
  const { http, intake } = await startReceiver(t)
  const body = traces(span())
  const chunked = await post(
    http + PATHS.traces,
    '',
    { ...PROTOBUF, 'transfer-encoding': 'chunked' },
    {
      write: request => {
        for (const byte of body) request.write(Buffer.from([byte]))
        request.end()
      }
    }
  )
  t.equal(chunked.status, 200)
  t.same(intake.taken.pop()?.bytes, body)
  const expecting = await post(
    http + PATHS.traces,
    '',
    { ...PROTOBUF, expect: '100-continue', 'content-length': String(body.length) },
    {
      write: request => {
        request.on('continue', () => request.end(body))
        request.flushHeaders()
      }
    }
  )
  t.equal(expecting.status, 200)
  t.ok(expecting.sawContinue)
  t.same(intake.taken.pop()?.bytes, body)
})

t.test('P1: profiles are 404 with a Status body', async t => {
  const { http } = await startReceiver(t)
  for (const type of ENCODINGS) {
    const answer = await post(`${http}/v1development/profiles`, '', type)
    t.equal(answer.status, 404)
    t.equal(answer.headers['content-type'], type['content-type'])
    t.equal(statusOf(answer).code, 12)
  }
})

t.test('G4 J7: one invalid span of a hundred is rejected, the others are taken', async t => {
  const { http } = await startReceiver(t, { intake: await realIntake(t) })
  const spans = Array.from({ length: 100 }, (_, i) => span(i === 50 ? Buffer.alloc(15, 1) : TRACE_ID))
  const answer = await post(http + PATHS.traces, traces(...spans))
  t.equal(answer.status, 200)
  const { partial } = responseFromProtobuf(answer.body)
  t.equal(partial?.rejected, 1)
  t.match(partial?.message, /\w/)
})
