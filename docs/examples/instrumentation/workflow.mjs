// A workflow of two steps, as AlgoFlow would tell of it: spans, a log record in each step's span, nothing personal on purpose but one slip.
//
//   npm install @opentelemetry/api @opentelemetry/sdk-trace-node @opentelemetry/sdk-logs @opentelemetry/exporter-trace-otlp-proto \
//     @opentelemetry/exporter-logs-otlp-proto
//   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=algoflow node workflow.mjs

import { randomUUID } from 'node:crypto'
import { SpanStatusCode } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

// Endpoint, headers and compression come from OTEL_EXPORTER_OTLP_*. The batch processor sends many spans in one request.
const tracing = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
// Makes spans children of the span around them, across await.
tracing.register()
const logging = new LoggerProvider({ processors: [new BatchLogRecordProcessor(new OTLPLogExporter())] })
const tracer = tracing.getTracer('algoflow')
const logger = logging.getLogger('algoflow')

const WORKFLOW = { 'workflow.name': 'order-fulfilment', 'workflow.version': '2.3.0', 'workflow.id': randomUUID() }

/** Runs one attempt at a step in a span of its own. */
async function step(name, { attempt = 1, dependencies = [], queuedAt = Date.now() }, input, work) {
  const attributes = {
    ...WORKFLOW,
    'step.name': name,
    'step.attempt': attempt,
    'step.dependencies': dependencies,
    'step.cached': false,
    'step.timeout_ms': 30_000,
    'step.queue_time_ms': Date.now() - queuedAt,
    'step.input_size_bytes': Buffer.byteLength(JSON.stringify(input)) // how much, never what
  }
  // The name has no ids in it: all runs of a step have the same one.
  return await tracer.startActiveSpan(`step ${name}`, { attributes }, async span => {
    try {
      const output = await work(input)
      span.setAttribute('step.output_size_bytes', Buffer.byteLength(JSON.stringify(output)))
      logger.emit({
        severityNumber: 9,
        severityText: 'INFO',
        body: 'Step completed',
        attributes: { 'step.name': name }
      })
      return output
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      span.setAttribute('step.error_type', error.name)
      span.recordException(error)
      throw error
    } finally {
      span.end()
    }
  })
}

await tracer.startActiveSpan(
  `workflow ${WORKFLOW['workflow.name']}`,
  { attributes: { ...WORKFLOW, 'workflow.total_steps': 2, 'workflow.parallelism': 1 } },
  async span => {
    try {
      const order = await step('load-order', {}, { order: 4711 }, async () => ({ lines: 3 }))
      await step('notify', { dependencies: ['load-order'] }, order, async () => {
        // A message like this is how personal data gets into telemetry. The gateway takes the address out.
        throw new TypeError('no mailbox for ada@example.com')
      })
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'step notify failed' })
      span.setAttribute('workflow.error_type', error.name)
    } finally {
      span.end()
    }
  }
)

await Promise.all([tracing.shutdown(), logging.shutdown()])
