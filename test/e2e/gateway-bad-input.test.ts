// Bad and hostile requests against the running gateway (P7): each gets the protocol's own error, the process lives, its
// memory stays bounded, and good requests in between are taken as if nothing had been.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { type GatewayProcess, gatewayConfig, startGateway, TELEMETRY, toSink } from '../helpers/gateway-process.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { type HttpAnswer, JSON_TYPE, PROTOBUF, post, rawSocket, untilClosed } from '../helpers/http.js'
import { sink } from '../helpers/sink.js'
import { bytes as field, spansRequest, text, varint } from '../helpers/spans.js'

const MIB = 1 << 20
const RSS_MAX_MIB = 700
const TRACES = EXPORT_PATH.traces
const GOOD = spansRequest(0, 10)
/** google.rpc codes. */
const INVALID_ARGUMENT = 3

function rssMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

/** `levels` AnyValues inside each other, as an attribute of a resource. */
function nested(levels: number): Buffer {
  // Built from the inside with known lengths: an array value holding an array value ...
  const heads: Buffer[] = []
  let length = 0
  for (let i = 0; i < levels; i++) {
    for (const tag of [0x0a, 0x2a]) {
      const head = Buffer.concat([Buffer.from([tag]), varint(length)])
      heads.push(head)
      length += head.length
    }
  }
  const value = Buffer.concat(heads.reverse())
  return field(1, field(1, field(1, Buffer.concat([text(1, 'deep'), field(2, value)]))))
}

function span(...fields: Buffer[]): Buffer {
  const ids = [field(1, Buffer.alloc(16, 0xa1)), field(2, Buffer.alloc(8, 0xa2))]
  return field(1, field(2, field(2, Buffer.concat([...ids, ...fields]))))
}

function manyAttributes(count: number): Buffer {
  const one = field(9, Buffer.concat([text(1, 'k'), field(2, text(1, 'v'))]))
  return span(Buffer.alloc(one.length * count, one))
}

/** The code of a google.rpc.Status in protobuf. */
function statusCode(body: Buffer): number {
  return body[0] === 8 ? body[1]! : -1
}

const BROKEN: Readonly<Record<string, Buffer>> = {
  'cut in the middle': GOOD.subarray(0, GOOD.length >> 1),
  'cut by one byte': GOOD.subarray(0, -1),
  'a length beyond the end': Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
  'a length of 2^63': Buffer.from([0x0a, ...Array(9).fill(0xff), 0x01]),
  'a varint without end': Buffer.alloc(1000, 0xff),
  'field number 0': Buffer.from([0x02, 0x01, 0x00]),
  'wire type 7': Buffer.from([0x0f, 0x01]),
  'a group that ends without beginning': Buffer.from([0x0c]),
  'random bytes': Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 197 + 61) & 255)),
  '100000 nested values': nested(100_000)
}

const BROKEN_JSON: Readonly<Record<string, string>> = {
  empty: '',
  'not closed': '{"resourceSpans": [',
  'a list': '[]',
  'a string for a list': '{"resourceSpans": "x"}',
  '200000 brackets': '['.repeat(200_000),
  '200000 nested keys': '{"resourceSpans":'.repeat(200_000),
  'a bad number': '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"12x"}]}]}]}',
  'a number beyond 64 bits':
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"99999999999999999999999"}]}]}]}'
}

t.test('hostile requests get the protocol’s own answer, and good ones go on', { timeout: 90_000 }, async t => {
  const out = await sink(t)
  const receivers = {
    otlp: {
      protocols: {
        grpc: { endpoint: '127.0.0.1:0' },
        http: { endpoint: '127.0.0.1:0', read_header_timeout: '1s', read_timeout: '2s' }
      }
    }
  }
  const config = gatewayConfig({
    receivers,
    processors: { redaction: {} },
    exporters: { otlp_http: toSink(out.url) },
    service: {
      telemetry: TELEMETRY,
      pipelines: { traces: { receivers: ['otlp'], processors: ['redaction'], exporters: ['otlp_http'] } }
    }
  })
  const gateway = await startGateway(t, { cwd: t.testdir({}), config })
  const url = `${gateway.http}/v1/traces`
  const client = grpcClient(t, gateway.grpc)
  let good = 0
  const goes = async (t: Test) => {
    const answer = await post(url, spansRequest(good, 10))
    t.equal(answer.status, 200, 'a good request is taken')
    good += 10
  }
  const refused = (t: Test, answer: HttpAnswer, status: number, what: string) => {
    t.equal(answer.status, status, what)
    t.ok(answer.body.length < 2000, `short answer: ${what}`)
  }

  await t.test('broken protobuf: 400 with a google.rpc.Status, INVALID_ARGUMENT', async t => {
    for (const [what, body] of Object.entries(BROKEN)) {
      const answer = await post(url, body)
      refused(t, answer, 400, what)
      t.equal(answer.headers['content-type'], 'application/x-protobuf')
      t.equal(statusCode(answer.body), INVALID_ARGUMENT)
      if (body.length < 4 * MIB) t.equal((await client.send(TRACES, body)).code, INVALID_ARGUMENT, `gRPC: ${what}`)
    }
    await goes(t)
  })

  await t.test('broken JSON: 400 with a JSON status', async t => {
    for (const [what, body] of Object.entries(BROKEN_JSON)) {
      const answer = await post(url, body, JSON_TYPE)
      refused(t, answer, 400, what)
      t.equal(JSON.parse(answer.body.toString()).code, INVALID_ARGUMENT, what)
    }
    await goes(t)
  })

  await t.test('what is unusual but allowed is taken: 100 levels, a million attributes, any bytes in text', async t => {
    t.equal((await post(url, Buffer.concat([nested(30), span()]))).status, 200, '30 levels')
    const deep = await post(url, Buffer.concat([nested(100), span()]))
    t.ok([200, 400].includes(deep.status), `100 levels: ${deep.status}`)
    const startedAt = performance.now()
    t.equal((await post(url, manyAttributes(1_000_000))).status, 200, 'a million attributes')
    t.comment(`a million attributes took ${Math.round(performance.now() - startedAt)} ms`)
    const broken = await post(url, span(field(5, Buffer.from([0xff, 0xc3, 0x28, 0xe2, 0x82]))))
    t.ok([200, 400].includes(broken.status), `text that is no UTF-8: ${broken.status}`)
    await goes(t)
  })

  await t.test('items with wrong ids are refused alone', async t => {
    const bad = field(
      1,
      field(2, field(2, Buffer.concat([field(1, Buffer.alloc(7, 1)), field(2, Buffer.alloc(8, 1))])))
    )
    t.equal((await post(url, bad)).status, 400, 'nothing good in it')
    const answer = await post(url, Buffer.concat([spansRequest(good, 10), bad]))
    good += 10
    t.equal(answer.status, 200)
    t.same([...answer.body.subarray(2, 4)], [8, 1], 'partial_success.rejected_spans = 1')
  })

  await t.test('bombs: refused by size after decompression, without the memory', async t => {
    const zeros = Buffer.alloc(256 * MIB)
    const before = rssMib(gateway.pid)
    for (const [encoding, body] of [
      ['gzip', gzipSync(zeros)],
      ['deflate', deflateSync(zeros)]
    ] as const) {
      refused(t, await post(url, body, { ...PROTOBUF, 'content-encoding': encoding }), 413, `${encoding} bomb`)
    }
    const grpc = await client.send(TRACES, gzipSync(zeros.subarray(0, 64 * MIB)), { 'grpc-encoding': 'gzip' })
    t.not(grpc.code, 0, `gRPC: ${grpc.code}`)
    refused(t, await post(url, Buffer.from('not gzip'), { ...PROTOBUF, 'content-encoding': 'gzip' }), 400, 'no gzip')
    refused(t, await post(url, GOOD, { ...PROTOBUF, 'content-encoding': 'lzma' }), 415, 'unknown encoding')
    t.ok(rssMib(gateway.pid) - before < 200, `memory grew by ${Math.round(rssMib(gateway.pid) - before)} MiB`)
    await goes(t)
  })

  await t.test('wrong type, path, method, size: their own status', async t => {
    refused(t, await post(url, GOOD, { 'content-type': 'text/plain' }), 415, 'content type')
    refused(t, await post(`${gateway.http}/v1/spans`, GOOD), 404, 'path')
    refused(t, await post(url, '', {}, { method: 'PUT' }), 405, 'method')
    refused(t, await post(url, GOOD, { ...PROTOBUF, 'x-long': 'x'.repeat(60_000) }).catch(reset), 431, 'headers')
    const big = await declared(gateway, 1 << 30)
    t.match(big, /^HTTP\/1\.1 413/, 'a declared length of 1 GiB is refused before it comes')
    await goes(t)
  })

  await t.test('slow and silent clients are cut off, and nobody waits for them', async t => {
    const silent = Array.from({ length: 200 }, () => untilClosed(rawSocket(gateway.http)))
    const slowHead = rawSocket(gateway.http)
    slowHead.write('POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-A: ')
    const slowBody = rawSocket(gateway.http)
    slowBody.write(
      'POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 500\r\n\r\n'
    )
    const drip = setInterval(() => {
      for (const socket of [slowHead, slowBody]) if (socket.writable) socket.write('a')
    }, 200)
    await goes(t)
    const [head, body] = await Promise.all([untilClosed(slowHead), untilClosed(slowBody)])
    clearInterval(drip)
    t.match(head, /^(HTTP\/1\.1 408|$)/, 'slow headers')
    t.match(body, /^HTTP\/1\.1 408/, 'slow body')
    await goes(t)
    t.equal(silent.length, 200)
  })

  await t.test('other protocols on the ports do no harm', async t => {
    const hello = Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5])
    const words = [
      hello,
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxxxxxxxxxxxxxxx'),
      Buffer.alloc(5000, 0x80)
    ]
    for (const address of [gateway.http.slice('http://'.length), gateway.grpc]) {
      for (const word of words) {
        const [host, port] = address.split(':')
        const socket = connect(Number(port), host)
        socket.on('error', () => {})
        await new Promise(resolve => socket.end(word, () => resolve(undefined)))
      }
    }
    await goes(t)
    t.equal((await client.send(TRACES, spansRequest(good, 10))).code, 0, 'gRPC goes on')
    good += 10
  })

  const ledger = await gateway.drained()
  t.ok(ledger.isBalanced)
  for (let i = 0; i < good; i++) if (!out.spans.has(i)) t.fail(`span ${i} is lost`)
  t.ok(gateway.isRunning)
  const rss = rssMib(gateway.pid)
  t.ok(rss < RSS_MAX_MIB, `${Math.round(rss)} MiB at the end`)
  t.equal(gateway.log.filter(line => line.level === 'fatal').length, 0)
  t.same(await gateway.stop(), { code: 0, signal: null })
})

/** A server may close while headers still come. */
function reset(): HttpAnswer {
  return { status: 431, headers: {}, body: Buffer.alloc(0), sawContinue: false }
}

/** What a request with that declared length, and no body yet, is told. */
async function declared(gateway: GatewayProcess, length: number): Promise<string> {
  const socket = rawSocket(gateway.http)
  const said = untilClosed(socket)
  socket.write(
    `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: ${length}\r\n\r\n`
  )
  return said
}
