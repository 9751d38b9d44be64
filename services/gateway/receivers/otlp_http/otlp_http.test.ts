// The OTLP/HTTP server against hostile and unlucky clients, CORS, keys, and its stop.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { JSON_TYPE, PROTOBUF, post, rawSocket, untilClosed } from '../../../../test/helpers/http.js'
import { ACCEPTED, ManualClock, startReceiver } from '../../../../test/helpers/receiver.js'

const HEAD = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n'

t.test('headers that never end are answered 408 and the connection closes', async t => {
  const { http, counts } = await startReceiver(t, { http: { read_header_timeout: '100ms', read_timeout: '200ms' } })
  const socket = rawSocket(http)
  socket.write(HEAD)
  const text = await untilClosed(socket)
  t.match(text, /^HTTP\/1.1 408 /)
  t.match(text, /"message":"The request did not arrive in time/)
  t.equal(counts['refused:timeout'], 1)
})

t.test('a body that never ends gives its bytes back and the connection closes', async t => {
  const { http, receiver, intake } = await startReceiver(t, {
    http: { read_header_timeout: '100ms', read_timeout: '200ms' }
  })
  const socket = rawSocket(http)
  socket.write(`${HEAD}content-length: 1000\r\n\r\nabc`)
  await untilClosed(socket)
  t.equal(receiver.inFlightBytes(), 0)
  t.equal(intake.taken.length, 0)
})

t.test('headers over the limit are answered 431 with a Status', async t => {
  const { http, counts } = await startReceiver(t)
  const socket = rawSocket(http)
  socket.write(`${HEAD}x-large: ${'a'.repeat(20_000)}\r\n\r\n`)
  const text = await untilClosed(socket)
  t.match(text, /^HTTP\/1.1 431 /)
  t.match(text, /"code":8/)
  t.equal(counts['refused:headers_too_large'], 1)
})

t.test('what is not HTTP is answered 400 and closed', async t => {
  const { http } = await startReceiver(t)
  const socket = rawSocket(http)
  socket.write('\x16\x03\x01 not http\r\n\r\n')
  t.match(await untilClosed(socket), /^HTTP\/1.1 400 /)
})

t.test('a client that breaks off in a body costs nothing and is counted', async t => {
  const { http, receiver, counts, intake } = await startReceiver(t)
  const socket = rawSocket(http)
  socket.write(`${HEAD}content-length: 1000\r\n\r\nabc`)
  const sent = new Promise(resolve => socket.write('def', resolve))
  await sent
  // A second request on another connection is answered after the server has seen the first one's bytes.
  await post(`${http}/v1/traces`, '')
  socket.destroy()
  while (counts['aborted:http_protobuf'] === undefined) await new Promise(resolve => setImmediate(resolve))
  t.equal(receiver.inFlightBytes(), 0)
  t.equal(intake.taken.length, 1)
})

t.test('truncated, corrupt and mislabelled gzip is 400, and the connection stays usable', async t => {
  const { http, intake } = await startReceiver(t)
  const whole = gzipSync(Buffer.alloc(5000, 'abc'))
  const flipped = Buffer.from(whole)
  flipped[20] = flipped[20]! ^ 0xff
  for (const body of [whole.subarray(0, 20), flipped, Buffer.from('plain')]) {
    t.equal((await post(`${http}/v1/traces`, body, { ...PROTOBUF, 'content-encoding': 'gzip' })).status, 400)
  }
  t.equal(intake.taken.length, 0)
})

t.test('a thousand pipelined requests on one connection are all answered, in order', async t => {
  const { http, intake } = await startReceiver(t)
  const socket = rawSocket(http)
  const requests = Array.from({ length: 1000 }, (_, i) => {
    const last = i === 999 ? 'connection: close\r\n' : ''
    return Buffer.concat([Buffer.from(`${HEAD}${last}content-length: 2\r\n\r\n`), Buffer.from([i >> 8, i & 255])])
  })
  socket.write(Buffer.concat(requests))
  const text = await untilClosed(socket)
  t.equal(text.match(/HTTP\/1.1 200 OK/g)?.length, 1000)
  t.equal(intake.taken.length, 1000)
  t.same(
    intake.taken.map(taken => taken.bytes.readUInt16BE(0)),
    Array.from({ length: 1000 }, (_, i) => i)
  )
})

t.test('more bytes under way than max_in_flight_bytes is 429 with a delay; then there is room again', async t => {
  const { http, intake, receiver } = await startReceiver(t, { rest: { max_in_flight_bytes: 1000 } })
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const reached = new Promise<void>(resolve => {
    intake.answer = async () => {
      resolve()
      await held
      return ACCEPTED
    }
  })
  const first = post(`${http}/v1/traces`, Buffer.alloc(900))
  await reached
  const second = await post(`${http}/v1/traces`, Buffer.alloc(200))
  t.equal(second.status, 429)
  t.equal(second.headers['retry-after'], '1')
  release()
  t.equal((await first).status, 200)
  t.equal(receiver.inFlightBytes(), 0)
  t.equal((await post(`${http}/v1/traces`, Buffer.alloc(2000))).status, 200, 'a single request always fits')
})

t.test('keys: bearer and header, several at once, from and until a time, counted by name', async t => {
  const clock = new ManualClock()
  const at = (ms: number) => new Date(clock.now() + ms).toISOString()
  const keys = [
    { name: 'old', key: 'k-old', expires: at(1000) },
    { name: 'next', sha256: createHash('sha256').update('k-next').digest('hex'), not_before: at(1000) }
  ]
  const { http, counts } = await startReceiver(t, { rest: { auth: { keys } }, clock })
  const send = async (headers: Record<string, string>) =>
    (await post(`${http}/v1/traces`, '', { ...PROTOBUF, ...headers })).status
  t.equal(await send({ authorization: 'Bearer k-old' }), 200)
  t.equal(await send({ authorization: 'bearer  k-old' }), 200)
  t.equal(await send({ 'x-api-key': 'k-old' }), 200)
  t.equal(await send({ 'x-api-key': 'k-next' }), 401, 'not yet')
  t.equal(await send({}), 401)
  t.equal(await send({ authorization: 'Basic k-old' }), 401)
  clock.move(1000)
  t.equal(await send({ 'x-api-key': 'k-next' }), 200)
  t.equal(await send({ 'x-api-key': 'k-old' }), 401, 'expired')
  t.equal(counts['key_uses:old'], 3)
  t.equal(counts['key_uses:next'], 1)
  const answer = await post(`${http}/v1/traces`, '', PROTOBUF)
  t.equal(answer.headers['www-authenticate'], 'Bearer')
})

t.test('CORS: listed origins may send, others get no header, preflight is answered', async t => {
  const cors = { allowed_origins: ['https://*.example.com'], allowed_headers: ['X-Own'], max_age: 600 }
  const { http } = await startReceiver(t, { http: { cors } })
  const url = `${http}/v1/traces`
  const good = await post(url, '{}', { ...JSON_TYPE, origin: 'https://app.example.com' })
  t.equal(good.headers['access-control-allow-origin'], 'https://app.example.com')
  for (const origin of ['https://example.org', 'https://app.example.com.evil.org', 'https://appXexample.com']) {
    const bad = await post(url, '{}', { ...JSON_TYPE, origin })
    t.equal(bad.headers['access-control-allow-origin'], undefined, origin)
  }
  const preflight = await post(
    url,
    '',
    { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
    { method: 'OPTIONS' }
  )
  t.equal(preflight.status, 204)
  t.equal(preflight.headers['access-control-allow-methods'], 'POST')
  t.match(preflight.headers['access-control-allow-headers'], /Content-Type.*X-Own/)
  t.equal(preflight.headers['access-control-max-age'], '600')
})

t.test('stop answers what is under way, then closes', async t => {
  const { http, intake, receiver } = await startReceiver(t)
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const reached = new Promise<void>(resolve => {
    intake.answer = async () => {
      resolve()
      await held
      return ACCEPTED
    }
  })
  const answer = post(`${http}/v1/traces`, 'x')
  await reached
  const stopped = receiver.stop()
  release()
  const { status, headers } = await answer
  t.equal(status, 200)
  t.equal(headers.connection, 'close')
  await stopped
  await t.rejects(post(`${http}/v1/traces`, 'x'), { code: 'ECONNREFUSED' })
  await receiver.stop()
})

t.test('stop gives up on slow clients after its limit', async t => {
  const clock = new ManualClock()
  const { http, receiver } = await startReceiver(t, { clock })
  const socket = rawSocket(http)
  socket.write(`${HEAD}content-length: 1000\r\n\r\nabc`)
  await post(`${http}/v1/traces`, '')
  const closed = once(socket, 'close')
  socket.on('error', () => {})
  socket.resume()
  const stopped = receiver.stop(5000)
  clock.move(5000)
  await stopped
  await closed
  t.pass('closed')
})

t.test('stop under load loses no answered request', async t => {
  const { http, intake, receiver } = await startReceiver(t)
  let answered = 0
  let stopping: Promise<void> | undefined
  const one = (): Promise<boolean> =>
    new Promise(resolve => {
      const sent = request(`${http}/v1/traces`, { method: 'POST', headers: PROTOBUF }, response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode === 200))
      })
      sent.on('error', () => resolve(false))
      sent.end('x')
    })
  const sender = async () => {
    while (await one()) if (++answered === 200) stopping = receiver.stop()
  }
  await Promise.all(Array.from({ length: 8 }, sender))
  await stopping
  t.ok(answered >= 200)
  t.ok(intake.taken.length >= answered, 'everything that was answered had been handed over')
  t.equal(receiver.inFlightBytes(), 0)
})

t.test('an error of the intake is 500 without its text', async t => {
  const { http, intake } = await startReceiver(t)
  intake.answer = () => {
    throw new Error('secret value')
  }
  const answer = await post(`${http}/v1/traces`, '{}', JSON_TYPE)
  t.equal(answer.status, 500)
  t.notMatch(answer.body.toString(), /secret/)
})
