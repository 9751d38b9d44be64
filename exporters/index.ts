// The built-in exporter types: one import and one line each. The order here is the order of the reference pages.

import type { ExporterDeclaration } from '../core/component/exporter.js'
import cloudwatch from './cloudwatch/index.js'
import custom from './custom/index.js'
import debug from './debug/index.js'
import file from './file/index.js'
import jaeger from './jaeger/index.js'
import otlpGrpc from './otlp_grpc/index.js'
import otlpHttp from './otlp_http/index.js'
import prometheus from './prometheus/index.js'
import prometheusRemoteWrite from './prometheus_remote_write/index.js'

export const EXPORTERS: readonly ExporterDeclaration[] = [
  otlpHttp,
  otlpGrpc,
  jaeger,
  prometheus,
  prometheusRemoteWrite,
  cloudwatch,
  custom,
  debug,
  file
]
