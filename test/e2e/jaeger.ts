// Jaeger 1.62 all-in-one, built from its Go module: traces sent by the exporter are found through its query API with
// process, tags, logs, references and the error flag as they were sent.

import { randomBytes } from 'node:crypto'
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Decoded, type Encodable, encodeRequest } from '../../core/otlp/decode.js'
import jaeger from '../../exporters/jaeger/index.js'
import { exporterFor, never } from './exporter.js'
import { startGateway } from './gateway.js'
import { cache, command, freePort, getJson, has, isUp, NANOS_PER_MS, type Run, until } from './harness.js'

const VERSION = 'v1.62.0'
const BUILD_LIMIT_MS = 10 * 60_000

type Span = Encodable<Decoded['traces']['resourceSpans'][number]['scopeSpans'][number]['spans'][number]>

interface JaegerTag {
  readonly key: string
  readonly type: string
  readonly value: unknown
}
interface JaegerSpan {
  readonly spanID: string
  readonly operationName: string
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[]
  readonly startTime: number
  readonly duration: number
  readonly tags: readonly JaegerTag[]
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly JaegerTag[] }[]
  readonly processID: string
  readonly warnings: readonly string[] | null
}
interface JaegerTrace {
  readonly traceID: string
  readonly spans: readonly JaegerSpan[]
  readonly processes: Readonly<Record<string, { readonly serviceName: string; readonly tags: readonly JaegerTag[] }>>
}
interface JaegerAnswer {
  readonly data: readonly JaegerTrace[]
}

export default async function run(run: Run): Promise<void> {
  const binary = await build()
  const ports = { grpc: await freePort(), http: await freePort(), query: await freePort() }
  await start(run, binary, ports)
  const query = `http://127.0.0.1:${ports.query}`
  await through(run, query, 'grpc', `http://127.0.0.1:${ports.grpc}`)
  await through(run, query, 'http', `http://127.0.0.1:${ports.http}`)
  await throughGateway(run, query, `http://127.0.0.1:${ports.grpc}`)
}

async function build(): Promise<string> {
  const folder = await cache(`jaeger-${VERSION}`)
  const binary = join(folder, 'all-in-one')
  if (
    await access(binary).then(
      () => true,
      () => false
    )
  )
    return binary
  if (!(await has('go'))) throw new Error('Go is needed to build Jaeger: install it, or put all-in-one into the cache')
  await writeFile(
    join(folder, 'go.mod'),
    `module e2e/jaeger\n\ngo 1.22\n\nrequire github.com/jaegertracing/jaeger ${VERSION}\n`
  )
  await writeFile(
    join(folder, 'tools.go'),
    '//go:build tools\n\npackage tools\n\nimport _ "github.com/jaegertracing/jaeger/cmd/all-in-one"\n'
  )
  await command('go', ['mod', 'tidy'], { cwd: folder, withinMs: BUILD_LIMIT_MS })
  const target = 'github.com/jaegertracing/jaeger/cmd/all-in-one'
  await command('go', ['build', '-o', binary, target], { cwd: folder, withinMs: BUILD_LIMIT_MS })
  return binary
}

async function start(run: Run, binary: string, ports: { grpc: number; http: number; query: number }): Promise<void> {
  const at = async (port = freePort()) => `127.0.0.1:${await port}`
  const args = [
    `--collector.otlp.grpc.host-port=127.0.0.1:${ports.grpc}`,
    `--collector.otlp.http.host-port=127.0.0.1:${ports.http}`,
    `--query.http-server.host-port=127.0.0.1:${ports.query}`,
    `--query.grpc-server.host-port=${await at()}`,
    `--collector.grpc-server.host-port=${await at()}`,
    `--collector.http-server.host-port=${await at()}`,
    `--admin.http.host-port=${await at()}`,
    `--http-server.host-port=${await at()}`,
    `--processor.jaeger-binary.server-host-port=${await at()}`,
    `--processor.jaeger-compact.server-host-port=${await at()}`,
    `--processor.zipkin-compact.server-host-port=${await at()}`
  ]
  await run.start(binary, args, { ready: () => isUp(`http://127.0.0.1:${ports.query}/api/services`) })
}

async function through(run: Run, query: string, protocol: string, endpoint: string): Promise<void> {
  const label = (text: string) => `${protocol}: ${text}`
  const sent = makeTrace(`checkout-${protocol}`)
  const exporter = await exporterFor(run, jaeger, { endpoint, protocol })
  const outcome = await exporter.send({ signal: 'traces', bytes: sent.bytes, items: sent.items }, never)
  run.same(label('the batch is delivered'), outcome.kind, 'delivered')

  const trace = await find(query, sent)
  run.same(label('found by service and tag'), trace.traceID, sent.traceId)
  run.same(label('all spans are there'), trace.spans.length, sent.items)
  verify(run, label, trace, sent)

  const failed = await getJson<JaegerAnswer>(
    `${query}/api/traces?service=${sent.service}&tags=${encodeURIComponent('{"error":"true"}')}`
  )
  run.same(label('found as an error'), failed.data[0]?.traceID, sent.traceId)
  const operations = await getJson<{ data: string[] }>(`${query}/api/services/${sent.service}/operations`)
  run.check(label('operations are listed'), operations.data.includes('POST /orders'), operations.data)
  await exporter.stop?.()
}

async function throughGateway(run: Run, query: string, endpoint: string): Promise<void> {
  const label = (text: string) => `gateway: ${text}`
  const gateway = await startGateway(run, 'traces', `  jaeger: { endpoint: '${endpoint}' }`)
  const sent = makeTrace('checkout-gateway')
  run.same(label('takes the trace'), await gateway.send('traces', sent.bytes), 200)
  const trace = await find(query, sent)
  run.same(label('all spans are there'), trace.spans.length, sent.items)
  verify(run, label, trace, sent)
}

async function find(query: string, sent: Sent): Promise<JaegerTrace> {
  const tags = encodeURIComponent(JSON.stringify({ 'order.id': sent.orderId }))
  const url = `${query}/api/traces?service=${sent.service}&tags=${tags}&limit=5`
  let found: JaegerTrace | undefined
  await until('the trace to be found by service and tag', async () => {
    found = (await getJson<JaegerAnswer>(url)).data[0]
    return (found?.spans.length ?? 0) === sent.items
  })
  return found!
}

function verify(run: Run, label: (text: string) => string, trace: JaegerTrace, sent: Sent): void {
  const [root, child, follower] = ['POST /orders', 'charge card', 'send mail'].map(name =>
    trace.spans.find(({ operationName }) => operationName === name)
  )
  if (root === undefined || child === undefined || follower === undefined) {
    return run.check(
      label('each operation is there'),
      false,
      trace.spans.map(s => s.operationName)
    )
  }
  const process = trace.processes[root.processID]
  run.same(label('process: service name'), process?.serviceName, sent.service)
  run.same(label('process: tags'), picked(process?.tags, ['host.name', 'service.version']), ['h-1', '1.2.3'])
  run.same(label('tags: text, number, double, bool'), picked(root.tags, ['order.id', 'items', 'total', 'vip']), [
    sent.orderId,
    3,
    9.5,
    true
  ])
  run.same(label('tag types'), types(root.tags, ['order.id', 'items', 'total', 'vip']), [
    'string',
    'int64',
    'float64',
    'bool'
  ])
  run.same(label('kind and scope'), picked(root.tags, ['span.kind', 'otel.scope.name']), ['server', 'shop'])
  run.same(label('time and duration in microseconds'), [root.startTime, root.duration], [sent.startMs * 1000, 250_000])
  run.same(label('log: fields'), picked(root.logs[0]?.fields, ['event', 'attempt']), ['cache miss', 2])
  run.same(label('log: time'), root.logs[0]?.timestamp, (sent.startMs + 10) * 1000)
  run.same(label('child: reference to its parent'), child.references, [
    { refType: 'CHILD_OF', traceID: sent.traceId, spanID: root.spanID }
  ])
  run.same(
    label('child: error flag and message'),
    picked(child.tags, ['error', 'otel.status_code', 'otel.status_description']),
    [true, 'ERROR', 'card declined']
  )
  run.same(label('parent: no error flag'), picked(root.tags, ['error']), [undefined])
  run.same(
    label('link: a reference of its own kind'),
    follower.references.map(({ refType, traceID }) => [refType, traceID]),
    [
      ['CHILD_OF', sent.traceId],
      ['FOLLOWS_FROM', sent.linkedTraceId]
    ]
  )
  run.same(
    label('no warnings'),
    trace.spans.flatMap(({ warnings }) => warnings ?? []),
    []
  )
}

function picked(tags: readonly JaegerTag[] | undefined, keys: readonly string[]): unknown[] {
  return keys.map(key => tags?.find(tag => tag.key === key)?.value)
}

function types(tags: readonly JaegerTag[], keys: readonly string[]): unknown[] {
  return keys.map(key => tags.find(tag => tag.key === key)?.type)
}

interface Sent {
  readonly bytes: Buffer
  readonly items: number
  readonly service: string
  readonly traceId: string
  readonly linkedTraceId: string
  readonly orderId: string
  readonly startMs: number
}

/** A root with an event, a failed child, a span with a link, and many small ones. */
function makeTrace(service: string): Sent {
  const traceId = randomBytes(16)
  const linked = randomBytes(16)
  const orderId = randomBytes(4).toString('hex')
  const startMs = Date.now() - 1000
  const at = (ms: number) => BigInt(startMs + ms) * NANOS_PER_MS
  const span = (name: string, parent: Buffer | undefined, from: number, to: number, more: Span = {}): Span => ({
    traceId,
    spanId: randomBytes(8),
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name,
    kind: 1,
    startTimeUnixNano: at(from),
    endTimeUnixNano: at(to),
    ...more
  })
  const rootId = randomBytes(8)
  const root = span('POST /orders', undefined, 0, 250, {
    spanId: rootId,
    kind: 2,
    attributes: [
      { key: 'order.id', value: orderId },
      { key: 'items', value: 3 },
      { key: 'total', value: 9.5 },
      { key: 'vip', value: true }
    ],
    events: [{ name: 'cache miss', timeUnixNano: at(10), attributes: [{ key: 'attempt', value: 2 }] }]
  })
  const child = span('charge card', rootId, 20, 100, { kind: 3, status: { code: 2, message: 'card declined' } })
  const follower = span('send mail', rootId, 100, 120, {
    kind: 4,
    links: [{ traceId: linked, spanId: randomBytes(8) }]
  })
  const small = Array.from({ length: 300 }, (_, i) => span(`step ${i % 10}`, rootId, 120, 130))
  const spans = [root, child, follower, ...small]
  const attributes = [
    { key: 'service.name', value: service },
    { key: 'service.version', value: '1.2.3' },
    { key: 'host.name', value: 'h-1' }
  ]
  const scopeSpans = [{ scope: { name: 'shop', version: '1' }, spans }]
  const bytes = encodeRequest('traces', { resourceSpans: [{ resource: { attributes }, scopeSpans }] })
  const linkedTraceId = linked.toString('hex')
  return { bytes, items: spans.length, service, traceId: traceId.toString('hex'), linkedTraceId, orderId, startMs }
}
