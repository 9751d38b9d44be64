// Secrets and certificates that change while an exporter runs: real servers, real files, the clock moved by hand.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerCredentials } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { Exporter } from '../../core/component/exporter.js'
import { loadConfig } from '../../core/config/load.js'
import otlpGrpc from '../../exporters/otlp_grpc/index.js'
import otlpHttp from '../../exporters/otlp_http/index.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'
import { grpcBackEnd, httpBackEnd } from '../helpers/back-ends.js'
import { type Certificates, makeCertificates } from '../helpers/certificates.js'
import { type TestContext, testContext } from '../helpers/context.js'
import { until } from '../helpers/gateway-process.js'
import { spansRequest } from '../helpers/spans.js'

const BATCH = { signal: 'traces', bytes: spansRequest(0, 1), items: 1 } as const
const RECEIVER = { otlp: { protocols: { http: {} } } }

/** The exporter of a config as a file has it, started. */
async function started(
  t: Test,
  id: 'otlp_http' | 'otlp_grpc',
  config: object
): Promise<{ exporter: Exporter; context: TestContext<never> }> {
  const service = { pipelines: { traces: { receivers: ['otlp'], exporters: [id] } } }
  const exporters = { [id]: { reload_interval: '10s', ...config } }
  const text = JSON.stringify({ receivers: RECEIVER, processors: {}, exporters, service })
  const loaded = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) })
  const context = testContext<never>(id)
  const found = loaded.config?.exporters.get(id)
  if (found === undefined) throw new Error(JSON.stringify(loaded.problems))
  const exporter = (id === 'otlp_http' ? otlpHttp : otlpGrpc).create(found.config as never, context as never)
  await exporter.start?.()
  t.teardown(() => exporter.stop?.())
  return { exporter, context }
}

const send = (exporter: Exporter) => exporter.send(BATCH, AbortSignal.timeout(5000))

/** Moves the clock by one interval and waits for what is told then. */
async function told(context: TestContext<never>, line: RegExp): Promise<void> {
  const before = context.lines.length
  context.clock.move(10_000)
  await until(String(line), () => context.lines.slice(before).some(one => line.test(one)))
}

/** Certificates of two authorities, and files that hold those of the first. */
function changing(t: Test): { first: Certificates; second: Certificates; ca: string } {
  const dir = t.testdir({ first: {}, second: {} })
  const first = makeCertificates(join(dir, 'first'))
  const second = makeCertificates(join(dir, 'second'))
  const ca = join(dir, 'ca.pem')
  copyFileSync(first.files.ca, ca)
  return { first, second, ca }
}

const pair = (from: Certificates) => ({ cert: from.read('serverCert'), key: from.read('serverKey') })

t.test('a header value from a file is sent as the file has it; a bad new one changes nothing and is told', async t => {
  const token = join(t.testdir({ token: 'one\n' }), 'token')
  const http = await httpBackEnd(t)
  const grpc = await grpcBackEnd(t)
  const headers = { authorization: `Bearer \${file:${token}}`, 'x-fixed': 'same' }
  const overHttp = await started(t, 'otlp_http', { endpoint: http.url, headers })
  const overGrpc = await started(t, 'otlp_grpc', { endpoint: `http://${grpc.address}`, headers })
  const both = [overHttp, overGrpc]
  const sent = async (): Promise<unknown[]> => {
    for (const { exporter } of both) t.match(await send(exporter), { kind: 'delivered' })
    return [http.got.at(-1)!.headers['authorization'], grpc.got.at(-1)!.metadata.get('authorization')[0]]
  }
  t.same(await sent(), ['Bearer one', 'Bearer one'])
  writeFileSync(token, 'two')
  t.same(await sent(), ['Bearer one', 'Bearer one'], 'not yet looked at')
  for (const { context } of both) await told(context, /^info headers with new secrets/)
  t.same(await sent(), ['Bearer two', 'Bearer two'])
  t.equal(http.got.at(-1)!.headers['x-fixed'], 'same')
  writeFileSync(token, 'three\u0000')
  for (const { context } of both)
    await told(context, /^error exporters\.otlp_\w+\.headers\.authorization: its new value cannot/)
  rmSync(token)
  for (const { context } of both) await told(context, /^error file .* cannot be read \(ENOENT\)/)
  t.same(await sent(), ['Bearer two', 'Bearer two'])
  for (const { context } of both) t.notMatch(context.lines.join('\n'), /two|three/, 'no value is told')
  writeFileSync(token, 'four')
  for (const { context } of both) await told(context, /^info headers/)
  t.same(await sent(), ['Bearer four', 'Bearer four'])
})

t.test('a new authority is trusted without a restart; a broken file keeps the old one', async t => {
  const { first, second, ca } = changing(t)
  const old = await httpBackEnd(t, undefined, { tls: pair(first) })
  const { exporter, context } = await started(t, 'otlp_http', { endpoint: old.url, tls: { ca_file: ca } })
  t.match(await send(exporter), { kind: 'delivered' })
  writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n')
  await told(context, /^error exporters\.otlp_http\.tls: the certificate, key or CA cannot be used/)
  t.match(await send(exporter), { kind: 'delivered' }, 'with what it had')
  copyFileSync(second.files.ca, ca)
  await told(context, /^info new certificates/)
  t.match(await send(exporter), { kind: 'retry' }, 'the first authority is trusted no more')
  writeFileSync(ca, readFileSync(first.files.ca))
  await told(context, /^info new certificates/)
  t.match(await send(exporter), { kind: 'delivered' })
})

t.test('a new client certificate is shown on new connections, what is under way ends on the old ones', async t => {
  const dir = t.testdir({ own: {} })
  mkdirSync(join(dir, 'a'))
  const of = makeCertificates(join(dir, 'a'))
  const files = { cert_file: join(dir, 'own', 'tls.crt'), key_file: join(dir, 'own', 'tls.key') }
  copyFileSync(of.files.clientCert, files.cert_file)
  copyFileSync(of.files.clientKey, files.key_file)
  const credentials = ServerCredentials.createSsl(
    of.read('ca'),
    [{ cert_chain: of.read('serverCert'), private_key: of.read('serverKey') }],
    true
  )
  const server = await grpcBackEnd(t, undefined, { credentials })
  const endpoint = `https://localhost:${server.address.split(':')[1]}`
  const { exporter, context } = await started(t, 'otlp_grpc', { endpoint, tls: { ca_file: of.files.ca, ...files } })
  t.match(await send(exporter), { kind: 'delivered' })
  // The key of another certificate: as when a rotation is half done.
  copyFileSync(of.files.serverKey, files.key_file)
  await told(context, /^error exporters\.otlp_grpc\.tls: the certificate, key or CA cannot be used/)
  t.match(await send(exporter), { kind: 'delivered' })
  copyFileSync(of.files.serverCert, files.cert_file)
  await told(context, /^info new certificates/)
  t.match(await send(exporter), { kind: 'delivered' })
  t.equal(server.peers.size, 2, 'a connection with each')
})

t.test('what comes from no file is not looked at', async t => {
  const http = await httpBackEnd(t)
  const { context } = await started(t, 'otlp_http', { endpoint: http.url, headers: { a: 'b' } })
  context.clock.move(100_000)
  t.same(context.lines, [])
})
