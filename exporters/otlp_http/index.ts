// Sends telemetry to an OTLP/HTTP back end.

import { defineExporter } from '../../core/component/exporter.js'
import { OtlpHttpClient } from '../../core/net/otlp-http-client.js'
import type { Signal } from '../../core/otlp/signal.js'
import { endpointOf, schema, validate } from './config.js'

export default defineExporter({
  type: 'otlp_http',
  aliases: ['otlphttp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Sends telemetry to an OTLP/HTTP back end, protobuf or JSON.',
  schema,
  validate,
  create(config, context) {
    const settings = { ...config, endpointOf: (signal: Signal) => endpointOf(config, signal) }
    const client = new OtlpHttpClient(settings, `exporters.${context.id}`, context)
    return {
      limits: { maxBytes: config.max_request_size, maxItems: Number.MAX_SAFE_INTEGER },
      start: () => client.start(),
      send: (batch, abort) => client.send(batch, abort),
      stop: () => client.stop()
    }
  }
})
