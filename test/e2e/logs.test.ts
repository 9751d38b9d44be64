// An official OpenTelemetry SDK that logs inside of spans -> the gateway as people start it -> AlgoFlow's JSON lines in a
// file, on the terminal, and in a module of the user's own.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { context, trace } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import t from 'tap'
import { type GatewayProcess, gatewayConfig, startGateway, TELEMETRY, until } from '../helpers/gateway-process.js'

const MODULE = `import { appendFileSync } from 'node:fs'
export default {
  create: ({ config }) => ({
    send (request, { signal }) { appendFileSync(config.to, JSON.stringify({ signal, type: typeof request, request: String(request) }) + '\\n') }
  })
}`

function config(dir: string): object {
  writeFileSync(join(dir, 'mine.mjs'), MODULE)
  const queue = { sending_queue: { batch: { flush_timeout: '1s', min_size: 1000 } } }
  return gatewayConfig({
    processors: { redaction: {} },
    exporters: {
      file: { path: 'logs.jsonl', encoding: 'algoflow_json', ...queue },
      'file/traces': { path: 'traces.jsonl' },
      debug: { encoding: 'algoflow_json', ...queue },
      custom: {
        module: join(dir, 'mine.mjs'),
        encoding: 'algoflow_json',
        config: { to: join(dir, 'mine.jsonl') },
        ...queue
      }
    },
    service: {
      telemetry: TELEMETRY,
      pipelines: {
        traces: { receivers: ['otlp'], processors: ['redaction'], exporters: ['file/traces', 'debug'] },
        logs: { receivers: ['otlp'], processors: ['redaction'], exporters: ['file', 'debug', 'custom'] }
      }
    }
  })
}

/** A workflow with a step, and a line of the log in each; the ids. */
async function program(gateway: GatewayProcess): Promise<{ traceId: string; stepId: string }> {
  const resource = resourceFromAttributes({ 'service.name': 'shop' })
  const tracing = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${gateway.http}/v1/traces` }))]
  })
  const logging = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor(new OTLPLogExporter({ url: `${gateway.http}/v1/logs` }))]
  })
  const [tracer, logger] = [tracing.getTracer('shop'), logging.getLogger('shop')]
  const workflow = tracer.startSpan('workflow nightly', {
    attributes: { 'workflow.name': 'nightly', 'workflow.id': 'wf-789' }
  })
  const inWorkflow = trace.setSpan(context.active(), workflow)
  const step = tracer.startSpan('step process-data', { attributes: { 'step.name': 'process-data' } }, inWorkflow)
  logger.emit({
    context: trace.setSpan(inWorkflow, step),
    severityNumber: 9,
    severityText: 'INFO',
    timestamp: new Date('2025-01-30T10:00:00Z'),
    body: 'Step completed',
    attributes: { duration_ms: 1234, cache_hit: false }
  })
  logger.emit({ context: inWorkflow, severityText: 'warning', body: 'mail to maria.lopez@example.org' })
  step.end()
  workflow.end()
  await tracing.shutdown()
  await logging.shutdown()
  return { traceId: workflow.spanContext().traceId, stepId: step.spanContext().spanId }
}

t.test('log records come out as the requirements say, joined to their workflow and step', async t => {
  const dir = t.testdir({})
  const gateway = await startGateway(t, { cwd: dir, config: config(dir) })
  const { traceId, stepId } = await program(gateway)
  const read = (name: string) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n')
  await until('the lines', () => read('logs.jsonl').length === 2)
  const [first = '', second = ''] = read('logs.jsonl')
  t.equal(
    first,
    `{"timestamp":"2025-01-30T10:00:00Z","level":"INFO","message":"Step completed","trace_id":"${traceId}","span_id":"${stepId}",` +
      '"workflow_id":"wf-789","step_name":"process-data","attributes":{"duration_ms":1234,"cache_hit":false}}'
  )
  t.match(JSON.parse(second), {
    level: 'WARN',
    message: 'mail to [REDACTED:email]',
    trace_id: traceId,
    workflow_id: 'wf-789',
    step_name: null
  })
  await gateway.drained()
  t.ok(gateway.stdout.includes(`${first}\n${second}\n`), 'on the terminal, as they are')
  t.notMatch(gateway.stdout, /Traces \{/, 'and nothing else')
  const [mine] = read('mine.jsonl').map(line => JSON.parse(line) as object)
  t.same(mine, { signal: 'logs', type: 'string', request: `${first}\n${second}\n` })
})
