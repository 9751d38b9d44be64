// `jaeger`: traces to Jaeger 1.35 and up, which takes OTLP itself.

import type { ComponentContext } from '../../core/component/context.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { Secret } from '../../core/config/secret.js'
import { OtlpGrpcClient } from '../../core/net/otlp-grpc-client.js'
import { OtlpHttpClient } from '../../core/net/otlp-http-client.js'
import { grpcTarget, httpTarget, type JaegerConfig, schema, validate } from './config.js'

export default defineExporter({
  type: 'jaeger',
  signals: ['traces'],
  stability: 'beta',
  about: 'Sends traces to Jaeger over OTLP.',
  schema,
  validate,
  create(config, context) {
    const client = config.protocol === 'grpc' ? overGrpc(config, context) : overHttp(config, context)
    return {
      limits: { maxBytes: config.max_request_size, maxItems: Number.MAX_SAFE_INTEGER },
      start: () => client.start(),
      send: (batch, abort) => client.send(batch, abort),
      stop: () => client.stop()
    }
  }
})

type Client = Required<Pick<Exporter, 'start' | 'send' | 'stop'>>

function overGrpc(config: JaegerConfig, context: ComponentContext): Client {
  const address = grpcTarget(config)!
  const more = { address, headers: headersOf(config), wait_for_ready: false, channels: 1 }
  return new OtlpGrpcClient({ ...config, ...more }, `exporters.${context.id}`, context)
}

function overHttp(config: JaegerConfig, context: ComponentContext): Client {
  const url = httpTarget(config)
  const endpointOf = (signal: string) => (signal === 'traces' ? url : undefined)
  const more = { encoding: 'proto', headers: headersOf(config), max_conns_per_host: 0, endpointOf } as const
  return new OtlpHttpClient({ ...config, ...more }, `exporters.${context.id}`, context)
}

function headersOf({ headers, tenant }: JaegerConfig): JaegerConfig['headers'] {
  return tenant === undefined ? headers : { ...headers, 'x-tenant': new Secret(tenant) }
}
