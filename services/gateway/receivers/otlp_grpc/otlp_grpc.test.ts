// The OTLP/gRPC server: keys, slow and vanishing clients, connection age, keepalive, its stop.

import { once } from 'node:events'
import { connect } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { status as Code } from '@grpc/grpc-js'
import t from 'tap'
import { EXPORT_PATH, grpcClient } from '../../../../test/helpers/grpc.js'
import { ACCEPTED, ManualClock, startReceiver } from '../../../../test/helpers/receiver.js'

const HEADERS = { ':method': 'POST', ':path': EXPORT_PATH.traces, 'content-type': 'application/grpc', te: 'trailers' }

function hold() {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  return { held, release: () => release() }
}

/** Turns of the event loop until something is true: sockets have no clock to move. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(resolve => setImmediate(resolve))
}

t.test('keys come as metadata; without a valid one the call is UNAUTHENTICATED', async t => {
  const { grpc, counts, intake } = await startReceiver(t, { rest: { auth: { keys: [{ name: 'ci', key: 'right' }] } } })
  const client = grpcClient(t, grpc)
  const send = async (headers: Record<string, string>) =>
    (await client.send(EXPORT_PATH.logs, Buffer.alloc(1), headers)).code
  t.equal(await send({ authorization: 'Bearer right' }), Code.OK)
  t.equal(await send({ 'x-api-key': 'right' }), Code.OK)
  t.equal(await send({ 'x-api-key': 'wrong' }), Code.UNAUTHENTICATED)
  t.equal(await send({}), Code.UNAUTHENTICATED)
  t.equal(intake.taken.length, 2)
  t.equal(counts['refused:unauthenticated'], 2)
  t.equal(counts['key_uses:ci'], 2)
})

t.test('a message that never comes whole is DEADLINE_EXCEEDED after read_timeout and gives its bytes back', async t => {
  const clock = new ManualClock()
  const { grpc, receiver } = await startReceiver(t, { clock, grpc: { read_timeout: '5s' } })
  const session = connect(`http://${grpc}`)
  const stream = session.request(HEADERS)
  const answer = once(stream, 'response')
  stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]))
  await until(() => receiver.inFlightBytes() === 256)
  clock.move(4000)
  t.equal(receiver.inFlightBytes(), 256)
  clock.move(2000)
  const [headers] = await answer
  t.equal(Number(headers['grpc-status']), Code.DEADLINE_EXCEEDED)
  t.equal(receiver.inFlightBytes(), 0)
  session.destroy()
})

t.test('a client that resets its call or breaks off costs nothing and is counted', async t => {
  const { grpc, receiver, counts, intake } = await startReceiver(t)
  const session = connect(`http://${grpc}`)
  const reset = session.request(HEADERS)
  reset.on('error', () => {})
  reset.write(Buffer.from([0, 0, 0, 1, 0, 1]))
  await until(() => receiver.inFlightBytes() === 256)
  reset.close(8)
  await until(() => receiver.inFlightBytes() === 0)
  const broken = session.request(HEADERS)
  broken.on('error', () => {})
  broken.write(Buffer.from([0, 0, 0, 1, 0, 1]))
  await until(() => receiver.inFlightBytes() === 256)
  session.destroy()
  await until(() => receiver.inFlightBytes() === 0)
  t.same(counts, { 'aborted:grpc': 2 })
  t.equal(intake.taken.length, 0)
})

t.test('a message that is whole only after its grpc-timeout is refused: its sender has given up', async t => {
  const clock = new ManualClock()
  const { grpc, receiver, intake } = await startReceiver(t, { clock })
  const session = connect(`http://${grpc}`)
  const stream = session.request({ ...HEADERS, 'grpc-timeout': '50m' })
  const answer = once(stream, 'response')
  stream.write(Buffer.from([0, 0, 0, 0, 2, 1]))
  await until(() => receiver.inFlightBytes() === 2)
  clock.move(60)
  stream.end(Buffer.from([2]))
  const [headers] = await answer
  t.equal(Number(headers['grpc-status']), Code.DEADLINE_EXCEEDED)
  t.equal(intake.taken.length, 0)
  session.destroy()
})

t.test(
  'after max_connection_age the client is told to go, its call under way finishes, and it comes back by itself',
  async t => {
    const clock = new ManualClock()
    const keepalive = { server_parameters: { max_connection_age: '10s' } }
    const { grpc, intake } = await startReceiver(t, { clock, grpc: { keepalive } })
    const { held, release } = hold()
    intake.answer = async () => {
      await held
      return ACCEPTED
    }
    const session = connect(`http://${grpc}`)
    const goaway = once(session, 'goaway')
    const stream = session.request(HEADERS)
    const trailers = once(stream, 'trailers')
    stream.end(Buffer.from([0, 0, 0, 0, 1, 9]))
    stream.resume()
    await until(() => intake.taken.length === 1)
    clock.move(12_000)
    t.equal((await goaway)[0], 0, 'NO_ERROR')
    release()
    t.equal((await trailers)[0]['grpc-status'], '0')
    await once(session, 'close')
    const client = grpcClient(t, grpc, { 'grpc.enable_retries': 1 })
    for (let i = 0; i < 3; i++) {
      t.equal((await client.send(EXPORT_PATH.traces, Buffer.alloc(1))).code, 0)
      clock.move(12_000)
    }
  }
)

t.test('after max_connection_age_grace calls that hang are cut', async t => {
  const clock = new ManualClock()
  const keepalive = { server_parameters: { max_connection_age: '10s', max_connection_age_grace: '5s' } }
  const { grpc, intake } = await startReceiver(t, { clock, grpc: { keepalive } })
  intake.answer = () => new Promise(() => {})
  const session = connect(`http://${grpc}`)
  session.on('error', () => {})
  const stream = session.request(HEADERS)
  stream.on('error', () => {})
  stream.end(Buffer.from([0, 0, 0, 0, 1, 9]))
  await until(() => intake.taken.length === 1)
  clock.move(12_000)
  const closed = once(session, 'close')
  clock.move(7000)
  await closed
  t.pass('closed')
})

t.test('an idle connection is closed after max_connection_idle', async t => {
  const clock = new ManualClock()
  const { grpc } = await startReceiver(t, {
    clock,
    grpc: { keepalive: { server_parameters: { max_connection_idle: '10s' } } }
  })
  const session = connect(`http://${grpc}`)
  await once(session, 'remoteSettings')
  const closed = once(session, 'close')
  await new Promise(resolve => session.ping(resolve))
  clock.move(11_500)
  await closed
  t.pass('closed')
})

t.test('a connection that never says its preface is closed', async t => {
  const clock = new ManualClock()
  const { grpc } = await startReceiver(t, { clock })
  const socket = connectSocket(Number(grpc.split(':')[1]), '127.0.0.1')
  socket.resume()
  await once(socket, 'data')
  const closed = once(socket, 'close')
  clock.move(12_000)
  await closed
  t.pass('closed')
})

t.test('a connection that does not answer a ping within keepalive.timeout is closed', async t => {
  const clock = new ManualClock()
  const server_parameters = { time: '10s', timeout: '5s' }
  const { grpc } = await startReceiver(t, { clock, grpc: { keepalive: { server_parameters } } })
  const socket = connectSocket(Number(grpc.split(':')[1]), '127.0.0.1')
  // Preface and empty SETTINGS, then silence.
  socket.write(
    Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])])
  )
  const frames: Buffer[] = []
  socket.on('data', chunk => frames.push(chunk as Buffer))
  const ack = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])
  await until(() => Buffer.concat(frames).includes(ack))
  const closed = once(socket, 'close')
  clock.move(12_000)
  clock.move(7000)
  await closed
  t.pass('closed')
})

t.test('what is not HTTP/2 disturbs nobody', async t => {
  const { grpc } = await startReceiver(t)
  const socket = connectSocket(Number(grpc.split(':')[1]), '127.0.0.1')
  socket.resume()
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'close')
  t.equal((await grpcClient(t, grpc).send(EXPORT_PATH.traces, Buffer.alloc(1))).code, 0)
})

t.test('stop answers calls under way and takes no new connection', async t => {
  const { grpc, intake, receiver } = await startReceiver(t)
  const { held, release } = hold()
  intake.answer = async () => {
    await held
    return ACCEPTED
  }
  const client = grpcClient(t, grpc)
  const answer = client.send(EXPORT_PATH.traces, Buffer.alloc(300_000))
  await until(() => intake.taken.length === 1)
  const stopped = receiver.stop()
  release()
  t.equal((await answer).code, 0)
  await stopped
  t.equal((await grpcClient(t, grpc).send(EXPORT_PATH.traces, Buffer.alloc(1))).code, Code.UNAVAILABLE)
})

t.test('stop under load loses no answered call', async t => {
  const { grpc, intake, receiver } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  let answered = 0
  let stopping: Promise<void> | undefined
  const sender = async () => {
    for (;;) {
      const { code } = await client.send(EXPORT_PATH.traces, Buffer.alloc(100))
      if (code !== 0) return
      if (++answered === 200) stopping = receiver.stop()
    }
  }
  await Promise.all(Array.from({ length: 16 }, sender))
  await stopping
  t.ok(answered >= 200)
  t.ok(intake.taken.length >= answered)
  t.equal(receiver.inFlightBytes(), 0)
})

t.test('a thousand concurrent calls on one connection are all answered', async t => {
  const { grpc, intake } = await startReceiver(t)
  const client = grpcClient(t, grpc)
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () => client.send(EXPORT_PATH.traces, Buffer.alloc(50)))
  )
  t.ok(answers.every(answer => answer.code === 0))
  t.equal(intake.taken.length, 1000)
})
