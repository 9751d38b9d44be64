// The `otlp` receiver: OTLP/gRPC and OTLP/HTTP servers behind one door.

import { jsonToProtobuf } from '../../../../core/otlp/json-read.js'
import { OtlpGrpcServer } from '../otlp_grpc/index.js'
import { OtlpHttpServer } from '../otlp_http/index.js'
import { Authenticator } from '../shared/auth.js'
import { Door, type ReceiverContext, receiverCounters } from '../shared/door.js'
import { type OtlpConfig, schema, validate } from './config.js'

/** What the config engine and the reference pages need to know of this type. */
export const otlpReceiver = {
  kind: 'receiver',
  type: 'otlp',
  about: 'Takes OTLP over gRPC and HTTP (protobuf and JSON).',
  stability: 'beta',
  signals: ['traces', 'metrics', 'logs'],
  schema,
  counters: receiverCounters,
  validate
} as const

/** A receiver's life: create -> start (may fail) -> stop (safe twice, safe without start). */
export interface OtlpReceiver {
  /** @throws RECEIVER_* when an address cannot be had, TLS_* when certificates cannot be used; nothing stays open then. */
  start(): Promise<void>
  /** Stops listening, answers what is under way, then closes; after `limitMs` closes whatever is left. */
  stop(limitMs?: number): Promise<void>
  /** `host:port` each protocol listens on, with real ports; empty before start. */
  endpoints(): { readonly grpc?: string; readonly http?: string }
  /** Bytes of requests being read or waiting for their answer. */
  inFlightBytes(): number
}

/** Time for requests under way when a stop names none. */
const STOP_LIMIT_MS = 10_000

/** @param id as in the config file: `otlp` or `otlp/internal`. */
export function createOtlpReceiver(id: string, config: OtlpConfig, context: ReceiverContext): OtlpReceiver {
  const auth = config.auth === undefined ? undefined : new Authenticator(config.auth, () => context.clock.now())
  const door = new Door(id, context, auth, config.max_in_flight_bytes)
  const where = `receivers.${id}.protocols`
  const { grpc: grpcConfig, http: httpConfig } = config.protocols
  const grpc = grpcConfig && new OtlpGrpcServer({ door, config: grpcConfig, where: `${where}.grpc` })
  const http =
    httpConfig &&
    new OtlpHttpServer({
      door,
      config: httpConfig,
      where: `${where}.http`,
      jsonToProtobuf,
      authHeader: config.auth?.header
    })
  async function stop(limitMs: number): Promise<void> {
    await Promise.all([grpc?.stop(limitMs), http?.stop(limitMs)])
  }
  return {
    async start() {
      try {
        await grpc?.start()
        await http?.start()
      } catch (error) {
        await stop(0)
        throw error
      }
      context.log.info({ receiver: id, ...this.endpoints() }, 'taking OTLP')
    },
    stop: (limitMs = STOP_LIMIT_MS) => stop(limitMs),
    endpoints: () => ({
      ...(grpc?.endpoint === undefined ? {} : { grpc: grpc.endpoint }),
      ...(http?.endpoint === undefined ? {} : { http: http.endpoint })
    }),
    inFlightBytes: () => door.inFlightBytes
  }
}
