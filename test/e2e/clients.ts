// Other people's programs as senders and as receivers: telemetrygen, the OpenTelemetry Collector in both roles, the Python SDK.

import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { GatewayProcess, gatewayConfig, TELEMETRY, toSink } from '../helpers/gateway-process.js'
import { Sink } from '../helpers/sink.js'
import { cache, command, freePort, has, type Run, until } from './harness.js'

const TELEMETRYGEN = 'github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0'
const PYTHON_PACKAGES = [
  'opentelemetry-sdk',
  'opentelemetry-exporter-otlp-proto-http',
  'opentelemetry-exporter-otlp-proto-grpc'
]
const BUILD_MS = 8 * 60_000
const SIGNALS = ['traces', 'metrics', 'logs'] as const
const EACH = 50
const PYTHON_SPANS = 20

const PYTHON = `
import sys
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
if sys.argv[1] == 'grpc':
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=sys.argv[2], insecure=True)
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=sys.argv[2] + '/v1/traces')
provider = TracerProvider(resource=Resource.create({'service.name': 'python'}))
provider.add_span_processor(BatchSpanProcessor(exporter))
for i in range(${PYTHON_SPANS}):
    with provider.get_tracer('e2e').start_as_current_span('step %d' % i) as span:
        span.set_attribute('note', 'mail to maria.lopez@example.org')
provider.shutdown()
`

export default async function clients(run: Run): Promise<void> {
  const sink = await new Sink({ keep: true, count: false }).up()
  run.onEnd(() => sink.down())
  const gateway = await startGateway(run, { otlp_http: toSink(sink.url, { compression: 'none' }) })
  await telemetrygen(run, gateway)
  await python(run, gateway)
  await collector(run, gateway)
  const ledger = await gateway.drained()
  run.check('the ledger is balanced', ledger.isBalanced, ledger.exporters)
  const bodies = Buffer.concat(sink.requests.map(r => r.body))
  run.check('no personal data arrived', !bodies.includes('maria.lopez'), '')
  const ended = await gateway.stop()
  run.same('exit code', ended.code, 0)
}

async function startGateway(run: Run, exporters: object): Promise<GatewayProcess> {
  const pipeline = { receivers: ['otlp'], processors: ['redaction'], exporters: Object.keys(exporters) }
  const config = gatewayConfig({
    processors: { redaction: {} },
    exporters,
    service: { telemetry: TELEMETRY, pipelines: Object.fromEntries(SIGNALS.map(s => [s, pipeline])) }
  })
  const gateway = new GatewayProcess({ cwd: await run.folder(), config })
  run.onEnd(async () => {
    gateway.kill('SIGKILL')
    await gateway.ended
  })
  return gateway.ready()
}

async function received(gateway: GatewayProcess, signal: string): Promise<number> {
  return (await gateway.ledger()).received.find(line => line.stream === signal)?.items ?? 0
}

async function telemetrygen(run: Run, gateway: GatewayProcess): Promise<void> {
  const dir = await cache('telemetrygen')
  const program = join(dir, 'telemetrygen')
  if (!existsSync(program)) {
    if (!(await has('go'))) return run.check('telemetrygen', false, 'needs Go to build it')
    await command('env', [`GOBIN=${dir}`, 'go', 'install', TELEMETRYGEN], { cwd: dir, withinMs: BUILD_MS })
  }
  for (const signal of SIGNALS) {
    for (const transport of ['grpc', 'http'] as const) {
      const before = await received(gateway, signal)
      const address = transport === 'grpc' ? gateway.grpc : gateway.http.slice('http://'.length)
      const how = transport === 'http' ? ['--otlp-http'] : []
      await command(program, [
        signal,
        '--otlp-insecure',
        '--otlp-endpoint',
        address,
        ...how,
        `--${signal}`,
        String(EACH),
        '--rate',
        '0'
      ])
      const items = (await received(gateway, signal)) - before
      // A trace of telemetrygen is two spans.
      run.same(`telemetrygen ${signal} over ${transport}`, items, signal === 'traces' ? EACH * 2 : EACH)
    }
  }
}

async function python(run: Run, gateway: GatewayProcess): Promise<void> {
  const dir = await cache('python-sdk')
  const interpreter = join(dir, 'bin', 'python')
  if (!existsSync(join(dir, 'done'))) {
    await command('python3', ['-m', 'venv', dir], { withinMs: BUILD_MS })
    await command(interpreter, ['-m', 'pip', 'install', '-q', ...PYTHON_PACKAGES], { withinMs: BUILD_MS })
    await writeFile(join(dir, 'done'), '')
  }
  for (const [protocol, address] of [
    ['http', gateway.http],
    ['grpc', gateway.grpc]
  ] as const) {
    const before = await received(gateway, 'traces')
    await command(interpreter, ['-c', PYTHON, protocol, address])
    run.same(`Python SDK over ${protocol}`, (await received(gateway, 'traces')) - before, PYTHON_SPANS)
  }
}

/** gateway -> Collector -> gateway: the Collector receives over gRPC and sends over HTTP. */
async function collector(run: Run, end: GatewayProcess): Promise<void> {
  const program = process.env['OTELCOL'] ?? join(homedir(), '.cache', 'gateway-bench', 'collector', 'out', 'otelcol')
  if (!existsSync(program)) {
    run.check('Collector', false, 'not built: `python3 bench/compare.py setup`, or OTELCOL=program')
    return
  }
  const [grpc, http] = [await freePort(), await freePort()]
  const config = {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${grpc}` }, http: { endpoint: `127.0.0.1:${http}` } } }
    },
    exporters: { otlp_http: { endpoint: end.http } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(SIGNALS.map(s => [s, { receivers: ['otlp'], exporters: ['otlp_http'] }]))
    }
  }
  const file = join(await run.folder(), 'collector.yaml')
  await writeFile(file, JSON.stringify(config))
  await run.start(program, ['--config', file], { ready: async s => s.output.includes('Everything is ready') })
  for (const [type, endpoint] of [
    ['otlp_grpc', `127.0.0.1:${grpc}`],
    ['otlp_http', `http://127.0.0.1:${http}`]
  ] as const) {
    const first = await startGateway(run, { [type]: toSink(endpoint, { tls: { insecure: true } }) })
    const before = await received(end, 'traces')
    const send = join(await cache('telemetrygen'), 'telemetrygen')
    await command(send, [
      'traces',
      '--otlp-insecure',
      '--otlp-endpoint',
      first.grpc,
      '--traces',
      String(EACH),
      '--rate',
      '0'
    ])
    await first.drained()
    await until('the Collector to pass it on', async () => (await received(end, 'traces')) - before >= EACH * 2)
    run.same(`gateway -> Collector (${type}) -> gateway`, (await received(end, 'traces')) - before, EACH * 2)
    run.check(`${type}: balanced`, (await first.ledger()).isBalanced)
    await first.stop()
  }
}
