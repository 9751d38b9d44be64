import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { grpcBackEnd, httpBackEnd, OK } from '../../test/helpers/back-ends.js'
import { numbered } from '../../test/helpers/delivery.js'
import { exporterOf, never } from '../../test/helpers/exporter.js'
import { httpTarget, type JaegerConfig, schema, validate } from './config.js'
import jaeger from './index.js'

const BATCH = { signal: 'traces', bytes: numbered(0, 3), items: 3 } as const

function problems(config: object): string[] {
  return validate(configOf(schema, config) as JaegerConfig).map(({ says }) => says)
}

t.test('over HTTP the traces path is added and the tenant sent', async t => {
  const seen: { signal: string; tenant: unknown; body: Buffer }[] = []
  const backEnd = await httpBackEnd(t, ({ signal, headers, body }) => {
    seen.push({ signal, tenant: headers['x-tenant'], body })
    return OK
  })
  const config = { endpoint: backEnd.url, protocol: 'http', tenant: 'team-a', compression: 'none' }
  const exporter = await exporterOf(t, jaeger, config)
  t.equal((await exporter.send(BATCH, never)).kind, 'delivered')
  t.same(seen, [{ signal: 'traces', tenant: 'team-a', body: BATCH.bytes }])
})

t.test('over gRPC the bytes arrive as they are', async t => {
  const seen: Buffer[] = []
  const backEnd = await grpcBackEnd(t, ({ body }) => {
    seen.push(body)
    return Buffer.alloc(0)
  })
  const exporter = await exporterOf(t, jaeger, { endpoint: `http://${backEnd.address}` })
  t.equal((await exporter.send(BATCH, never)).kind, 'delivered')
  t.same(seen, [BATCH.bytes])
})

t.test('overload is tried again, a bad request is refused', async t => {
  const answers = [{ status: 503, headers: { 'retry-after': '7' } }, { status: 400 }]
  const backEnd = await httpBackEnd(t, () => answers.shift() ?? OK)
  const exporter = await exporterOf(t, jaeger, { endpoint: backEnd.url, protocol: 'http' })
  t.match(await exporter.send(BATCH, never), { kind: 'retry', afterMs: 7000 })
  t.match(await exporter.send(BATCH, never), { kind: 'refused' })
  t.match(await exporter.send(BATCH, never), { kind: 'delivered' })
})

t.test('an endpoint that ends in /v1/traces stays as it is', async t => {
  t.equal(httpTarget({ endpoint: 'http://localhost:4318/' }), 'http://localhost:4318/v1/traces')
  t.equal(httpTarget({ endpoint: 'http://localhost:4318/v1/traces' }), 'http://localhost:4318/v1/traces')
})

t.test('a port of another of Jaeger’s protocols is named', async t => {
  t.match(problems({ endpoint: 'http://localhost:14250' }), [/Jaeger’s own gRPC protocol/])
  t.match(problems({ endpoint: 'http://localhost:14268/', protocol: 'http' }), [/Thrift over HTTP/])
  t.match(problems({ endpoint: 'http://localhost:4318' }), [/protocol: http/])
  t.match(problems({ endpoint: 'http://localhost:4317', protocol: 'http' }), [/protocol: grpc/])
  t.same(problems({ endpoint: 'http://localhost:4317' }), [])
  t.same(problems({ endpoint: 'http://localhost:4318', protocol: 'http' }), [])
})

t.test('plain text beyond this machine has to be asked for', async t => {
  t.equal(problems({ endpoint: 'http://jaeger.example.com:4317' }).length, 1)
  t.same(problems({ endpoint: 'jaeger.example.com:4317' }), [], 'TLS')
  t.same(problems({ endpoint: 'jaeger.example.com:4317', tls: { insecure: true } }), [])
  t.equal(problems({ endpoint: 'no/host' }).length, 1)
})
