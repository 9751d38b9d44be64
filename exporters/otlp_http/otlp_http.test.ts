import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import { configOf } from '../../core/config/check.js'
import { Secret } from '../../core/config/secret.js'
import { httpBackEnd } from '../../test/helpers/back-ends.js'
import { numbered } from '../../test/helpers/delivery.js'
import { exporterOf, never } from '../../test/helpers/exporter.js'
import { endpointOf, validate } from './config.js'
import otlpHttp from './index.js'

const TLS = new URL('../../../test/fixtures/tls/', import.meta.url)
const pem = (name: string) => readFileSync(new URL(`${name}.pem`, TLS), 'utf8')
const make = (t: Test, config: object) =>
  exporterOf(t, otlpHttp as ExporterDeclaration, { compression: 'none', ...config })
const batch = { signal: 'traces' as const, bytes: numbered(0, 1), items: 1 }

t.test('endpoint gets the signal path, a signal of its own is used as it is', t => {
  const config = configOf(otlpHttp.schema, {
    endpoint: 'https://a.example.com/otlp/',
    logs_endpoint: 'https://b.example.com/x'
  })
  t.equal(endpointOf(config, 'traces'), 'https://a.example.com/otlp/v1/traces')
  t.equal(endpointOf(config, 'logs'), 'https://b.example.com/x')
  t.same(validate(config), [])
  t.match(validate(configOf(otlpHttp.schema, {})), [{ path: 'endpoint' }])
  t.match(validate(configOf(otlpHttp.schema, { endpoint: 'http://b.example.com' })), [{ path: 'endpoint' }])
  t.end()
})

t.test('a signal without an endpoint is refused, whole', async t => {
  const { url } = await httpBackEnd(t)
  const exporter = await make(t, { logs_endpoint: `${url}/v1/logs` })
  t.match(await exporter.send(batch, never), { kind: 'refused', whole: true })
})

t.test('headers are sent, and are secrets in the config', async t => {
  const { url, got } = await httpBackEnd(t)
  const config = { endpoint: url, headers: { Authorization: 'Bearer abc', 'x-tenant': 'a' } }
  await (await make(t, config)).send(batch, never)
  t.match(got[0]?.headers, { authorization: 'Bearer abc', 'x-tenant': 'a' })
  const checked = configOf(otlpHttp.schema, config)
  t.ok(Object.values(checked.headers).every(value => (value as unknown) instanceof Secret))
  t.notMatch(JSON.stringify(checked), /abc/)
})

t.test('TLS: a server of a trusted authority is accepted, any other is not', async t => {
  const { url, got } = await httpBackEnd(t, undefined, { tls: { cert: pem('server'), key: pem('server.key') } })
  t.match(await (await make(t, { endpoint: url, tls: { ca_pem: pem('ca') } })).send(batch, never), {
    kind: 'delivered'
  })
  t.match(await (await make(t, { endpoint: url })).send(batch, never), {
    kind: 'retry',
    cause: { message: /CERT|SIGNATURE|ISSUER/i }
  })
  t.equal(got.length, 1)
})

t.test('TLS: a server that only speaks 1.2 gets nothing', async t => {
  const tls = { cert: pem('server'), key: pem('server.key'), maxVersion: 'TLSv1.2' as const }
  const { url, got } = await httpBackEnd(t, undefined, { tls })
  t.match(await (await make(t, { endpoint: url, tls: { ca_pem: pem('ca') } })).send(batch, never), { kind: 'retry' })
  t.equal(got.length, 0)
})

t.test('mTLS: our certificate is shown', async t => {
  const tls = {
    cert: pem('server'),
    key: pem('server.key'),
    ca: pem('ca'),
    requestCert: true,
    rejectUnauthorized: true
  }
  const { url, got } = await httpBackEnd(t, undefined, { tls })
  t.match(await (await make(t, { endpoint: url, tls: { ca_pem: pem('ca') } })).send(batch, never), { kind: 'retry' })
  const own = { ca_pem: pem('ca'), cert_pem: pem('client'), key_pem: pem('client.key') }
  t.match(await (await make(t, { endpoint: url, tls: own })).send(batch, never), { kind: 'delivered' })
  t.equal(got.length, 1)
})

t.test('requests go through the proxy', async t => {
  const { url, got } = await httpBackEnd(t)
  let tunnels = 0
  const proxy = createServer()
  proxy.on('connect', (request, client, head) => {
    tunnels++
    const [host, port] = String(request.url).split(':')
    const server = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      server.write(head)
      server.pipe(client).pipe(server)
    })
    server.on('error', () => client.destroy())
    client.on('error', () => server.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const exporter = await make(t, {
    endpoint: url,
    proxy_url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  })
  t.match(await exporter.send(batch, never), { kind: 'delivered' })
  t.equal(tunnels, 1)
  t.equal(got.length, 1)
})
