// Sends telemetry to an OTLP/HTTP back end.

import { defineExporter } from '../../core/component/exporter.js'
import { schema, validate } from './config.js'
import { OtlpHttpExporter } from './exporter.js'

export default defineExporter({
  type: 'otlp_http',
  aliases: ['otlphttp'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Sends telemetry to an OTLP/HTTP back end, protobuf or JSON.',
  schema,
  validate,
  create: (config, context) => new OtlpHttpExporter(config, context)
})
