// A raw gRPC client (grpc-js, the official one) that sends bytes and shows status, details and metadata.

import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError
} from '@grpc/grpc-js'
import type { Signal } from '../../core/otlp/signal.js'

export const EXPORT_PATH: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export'
}

export interface GrpcAnswer {
  readonly code: number
  readonly message: string
  /** The response message; undefined on error. */
  readonly body: Buffer | undefined
  /** google.rpc.Status bytes of an error. */
  readonly details: Buffer | undefined
  readonly metadata: Metadata | undefined
}

export interface GrpcSender {
  send(path: string, body: Buffer, headers?: Record<string, string>, options?: CallOptions): Promise<GrpcAnswer>
  close(): void
}

/** One channel to `address`; closes when the test ends. */
export function grpcClient(
  t: { teardown(fn: () => void): void },
  address: string,
  options: ClientOptions = {},
  secure: ChannelCredentials = credentials.createInsecure()
): GrpcSender {
  const client = new Client(address, secure, {
    'grpc.max_send_message_length': -1,
    'grpc.enable_retries': 0,
    ...options
  })
  t.teardown(() => client.close())
  return {
    send: (path, body, headers, callOptions) => send(client, path, body, headers ?? {}, callOptions ?? {}),
    close: () => client.close()
  }
}

function send(
  client: Client,
  path: string,
  body: Buffer,
  headers: Record<string, string>,
  options: CallOptions
): Promise<GrpcAnswer> {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return new Promise(resolve => {
    const done = (error: ServiceError | null, response?: Buffer) => {
      const details = error?.metadata?.get('grpc-status-details-bin')[0]
      resolve({
        code: error === null ? 0 : error.code,
        message: error === null ? '' : error.details,
        body: response,
        details: Buffer.isBuffer(details) ? details : undefined,
        metadata: error?.metadata
      })
    }
    client.makeUnaryRequest(
      path,
      (b: Buffer) => b,
      (b: Buffer) => b,
      body,
      metadata,
      options,
      done
    )
  })
}
