// The OTLP receiver as a whole: life cycle, addresses, TLS, what its config check says.

import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { credentials } from '@grpc/grpc-js'
import t from 'tap'
import { configOf } from '../../../../core/config/check.js'
import { makeCertificates } from '../../../../test/helpers/certificates.js'
import { EXPORT_PATH, grpcClient } from '../../../../test/helpers/grpc.js'
import { PROTOBUF, post } from '../../../../test/helpers/http.js'
import {
  Counts,
  ManualClock,
  RecordingIntake,
  realClock,
  silentLog,
  startReceiver
} from '../../../../test/helpers/receiver.js'
import { schema, validate } from './config.js'
import { createOtlpReceiver } from './index.js'

function receiver(config: object) {
  const of = new Counts().of('any')
  const count = { requests: of, refused: of, aborted: of, bytes: of, key_uses: of }
  return createOtlpReceiver('otlp', configOf(schema, config), {
    intake: new RecordingIntake(),
    log: silentLog,
    clock: realClock,
    count
  })
}

t.test('both protocols hand over the same bytes', async t => {
  const { http, grpc, intake, counts } = await startReceiver(t)
  const body = Buffer.alloc(300_000, 2)
  t.equal((await post(`${http}/v1/logs`, body)).status, 200)
  t.equal((await grpcClient(t, grpc).send(EXPORT_PATH.logs, body)).code, 0)
  const expected = { signal: 'logs', bytes: body, receiver: 'otlp' }
  t.same(intake.taken, [expected, expected])
  t.equal(counts['requests:grpc'], 1)
  t.equal(counts['requests:http_protobuf'], 1)
  t.equal(counts['bytes:grpc'], 300_000)
})

t.test('only the protocols that are listed are served', async t => {
  const one = receiver({ protocols: { http: { endpoint: '127.0.0.1:0' } } })
  await one.start()
  t.teardown(() => one.stop())
  t.same(Object.keys(one.endpoints()), ['http'])
})

t.test('defaults are the Collector’s ports on this machine only', async t => {
  const config = configOf(schema, { protocols: { grpc: {}, http: {} } })
  t.equal(config.protocols.grpc?.endpoint, 'localhost:4317')
  t.equal(config.protocols.http?.endpoint, 'localhost:4318')
  t.equal(config.protocols.http?.max_request_body_size, 20 << 20)
  t.equal(config.protocols.grpc?.max_recv_msg_size_mib, 4)
})

t.test('a port in use is one readable error, and the other protocol’s port is given back', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const one = receiver({ protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: `127.0.0.1:${port}` } } })
  await t.rejects(one.start(), {
    code: 'RECEIVER_PORT_IN_USE',
    message: `receivers.otlp.protocols.http.endpoint: 127.0.0.1:${port} is in use by another program. Stop it or set another port.`
  })
  const { grpc } = one.endpoints()
  const again = createServer().listen(Number(grpc?.split(':')[1]), '127.0.0.1')
  await new Promise((resolve, reject) => again.once('listening', resolve).once('error', reject))
  again.close()
})

t.test('addresses that cannot be had have their own errors', async t => {
  const start = (endpoint: string) => receiver({ protocols: { http: { endpoint } } }).start()
  await t.rejects(start('192.0.2.1:0'), { code: 'RECEIVER_ADDRESS_UNAVAILABLE' })
  for (const endpoint of ['localhost', '4318', 'localhost:70000', 'http://localhost:4318', 'a b:1']) {
    await t.rejects(start(endpoint), { code: 'RECEIVER_ADDRESS_INVALID' }, endpoint)
  }
})

t.test('validate says what is wrong with protocols, endpoints and keys', async t => {
  const says = (config: object) => validate(configOf(schema, config)).map(problem => problem.path)
  t.same(says({ protocols: { http: {} } }), [])
  t.same(says({ protocols: {} }), ['protocols'])
  t.same(says({ protocols: { http: { endpoint: 'nowhere' } } }), ['protocols.http.endpoint'])
  const keys = [{ name: 'a' }, { name: 'a', key: 'k', expires: 'soon' }, { name: 'b', key: '' }]
  t.same(says({ protocols: { http: {} }, auth: { keys } }), [
    'auth.keys[0]',
    'auth.keys[1].name',
    'auth.keys[1].expires',
    'auth.keys[2].key'
  ])
  t.same(says({ protocols: { http: {} }, auth: { keys: [] } }), ['auth.keys'])
})

t.test('TLS and mTLS on both protocols; files are read again after reload_interval', async t => {
  const made = makeCertificates(t.testdir())
  const { files } = made
  const tls = {
    cert_file: files.serverCert,
    key_file: files.serverKey,
    client_ca_file: files.ca,
    reload_interval: '1h'
  }
  const clock = new ManualClock()
  const { http, grpc, intake } = await startReceiver(t, { http: { tls }, grpc: { tls }, clock })
  const own = { ca: made.ca, cert: made.read('clientCert'), key: made.read('clientKey') }
  const send = (options: object) =>
    new Promise<number>((resolve, reject) => {
      const url = `${http.replace('http:', 'https:')}/v1/traces`
      const sent = request(url, { method: 'POST', headers: PROTOBUF, agent: false, ...options }, response => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      sent.on('error', reject)
      sent.end('x')
    })
  t.equal(await send(own), 200)
  await t.rejects(send({ ca: made.ca }), 'without a client certificate')
  const secure = grpcClient(t, grpc, {}, credentials.createSsl(made.read('ca'), own.key, own.cert))
  t.equal((await secure.send(EXPORT_PATH.traces, Buffer.from('x'))).code, 0)
  const anonymous = grpcClient(t, grpc, {}, credentials.createSsl(made.read('ca')))
  t.not((await anonymous.send(EXPORT_PATH.traces, Buffer.from('x'))).code, 0)
  t.equal(intake.taken.length, 2)
  clock.move(3_600_000)
  t.equal(await send(own), 200, 'still served after reading again')
})

t.test('certificates that cannot be used are refused at start, with the place in the config', async t => {
  const made = makeCertificates(t.testdir())
  const start = (tls: object) => receiver({ protocols: { http: { endpoint: '127.0.0.1:0', tls } } }).start()
  const { serverCert, serverKey, clientKey } = made.files
  await t.rejects(start({ cert_file: serverCert }), { code: 'TLS_INCOMPLETE' })
  await t.rejects(start({}), { code: 'TLS_INCOMPLETE' })
  await t.rejects(start({ cert_file: '/nowhere.pem', key_file: serverKey }), {
    code: 'TLS_FILE_UNREADABLE',
    message: /protocols\.http\.tls\.cert_file/
  })
  await t.rejects(start({ cert_file: serverCert, key_file: clientKey }), { code: 'TLS_INVALID' })
  const key_pem = readFileSync(serverKey, 'utf8')
  const error = await start({ cert_pem: 'nonsense', key_pem }).catch(e => e)
  t.equal(error.code, 'TLS_INVALID')
  t.notOk(String(error).includes(key_pem.split('\n')[1]!), 'no key in the text')
})

t.test('stop is safe twice and without start', async t => {
  const one = receiver({ protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } })
  await one.stop()
  await one.start()
  await one.stop()
  await one.stop()
  t.equal(one.inFlightBytes(), 0)
})
