// Sends telemetry to an OTLP/gRPC back end.

import { defineExporter } from '../../core/component/exporter.js'
import { OtlpGrpcClient } from '../../core/net/otlp-grpc-client.js'
import { address, schema, validate } from './config.js'

export default defineExporter({
  type: 'otlp_grpc',
  aliases: ['otlp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Sends telemetry to an OTLP/gRPC back end.',
  schema,
  validate,
  create(config, context) {
    const client = new OtlpGrpcClient({ ...config, address: address(config)! }, `exporters.${context.id}`, context)
    return {
      limits: { maxBytes: config.max_request_size, maxItems: Number.MAX_SAFE_INTEGER },
      start: () => client.start(),
      send: (batch, abort) => client.send(batch, abort),
      stop: () => client.stop()
    }
  }
})
