// Sends telemetry to an OTLP/gRPC back end.

import { defineExporter } from '../../core/component/exporter.js'
import { schema, validate } from './config.js'
import { OtlpGrpcExporter } from './exporter.js'

export default defineExporter({
  type: 'otlp_grpc',
  aliases: ['otlp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Sends telemetry to an OTLP/gRPC back end.',
  schema,
  validate,
  create: (config, context) => new OtlpGrpcExporter(config, context)
})
