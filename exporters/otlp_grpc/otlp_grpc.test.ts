import { readFileSync } from 'node:fs'
import { ServerCredentials } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { ExporterDeclaration } from '../../core/component/exporter.js'
import { configOf } from '../../core/config/check.js'
import { grpcBackEnd } from '../../test/helpers/back-ends.js'
import { numbered } from '../../test/helpers/delivery.js'
import { exporterOf, never } from '../../test/helpers/exporter.js'
import { address, validate } from './config.js'
import otlpGrpc from './index.js'

const TLS = new URL('../../../test/fixtures/tls/', import.meta.url)
const pem = (name: string) => readFileSync(new URL(`${name}.pem`, TLS))
const make = (t: Test, config: object) => exporterOf(t, otlpGrpc as ExporterDeclaration, config)
const batch = { signal: 'traces' as const, bytes: numbered(0, 200), items: 200 }
const of = (config: object) => configOf(otlpGrpc.schema, config)

t.test('an endpoint is host:port or a URL, and plain text needs a reason', t => {
  t.match(address(of({ endpoint: 'otlp.example.com:4317' })), { authority: 'otlp.example.com:4317', isPlain: false })
  t.match(address(of({ endpoint: 'x:4317', tls: { insecure: true } })), { isPlain: true })
  t.match(address(of({ endpoint: 'http://127.0.0.1:4317' })), { authority: '127.0.0.1:4317', isPlain: true })
  t.match(address(of({ endpoint: 'https://otlp.example.com' })), { authority: 'otlp.example.com:443' })
  t.same(validate(of({ endpoint: 'http://localhost:4317' })), [])
  t.match(validate(of({ endpoint: 'http://otlp.example.com:4317' })), [{ path: 'endpoint', says: /plain text/ }])
  t.match(validate(of({ endpoint: 'https://otlp.example.com/path' })), [{ path: 'endpoint' }])
  t.end()
})

t.test('headers travel as metadata, gzip shrinks what goes over the wire', async t => {
  const { address, got } = await grpcBackEnd(t)
  const exporter = await make(t, { endpoint: `http://${address}`, headers: { 'X-Tenant': 'a' } })
  t.match(await exporter.send(batch, never), { kind: 'delivered' })
  t.same(got[0]?.metadata.get('x-tenant'), ['a'])
  t.ok(got[0]?.body.equals(batch.bytes))
})

t.test('each channel is a connection of its own', async t => {
  const { address, peers } = await grpcBackEnd(t)
  const exporter = await make(t, { endpoint: `http://${address}`, channels: 3, compression: 'none' })
  for (let i = 0; i < 9; i++) await exporter.send(batch, never)
  t.equal(peers.size, 3)
})

t.test('TLS: a server of a trusted authority is accepted, any other is not; mTLS shows our certificate', async t => {
  const pair = { cert_chain: pem('server'), private_key: pem('server.key') }
  const { address, got } = await grpcBackEnd(t, undefined, {
    credentials: ServerCredentials.createSsl(pem('ca'), [pair], true)
  })
  const tls = { ca_pem: String(pem('ca')), cert_pem: String(pem('client')), key_pem: String(pem('client.key')) }
  const good = await make(t, { endpoint: address, tls })
  t.match(await good.send(batch, never), { kind: 'delivered' })
  const stranger = await make(t, { endpoint: address })
  t.match(await stranger.send(batch, never), { kind: 'retry' })
  const nameless = await make(t, { endpoint: address, tls: { ca_pem: tls.ca_pem } })
  t.match(await nameless.send(batch, never), { kind: 'retry' })
  t.equal(got.length, 1)
})
