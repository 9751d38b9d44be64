// The `otlp` receiver: OTLP/gRPC and OTLP/HTTP servers behind one door.

import { jsonToProtobuf } from '../../../../core/otlp/json-read.js'
import type { GrpcConfig } from '../otlp_grpc/config.js'
import { OtlpGrpcServer } from '../otlp_grpc/index.js'
import type { HttpConfig } from '../otlp_http/config.js'
import { OtlpHttpServer } from '../otlp_http/index.js'
import { Authenticator } from '../shared/auth.js'
import { Door, type ReceiverContext, receiverCounters } from '../shared/door.js'
import { type Change, changeTo } from '../shared/served.js'
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
  /**
   * Makes ready for other settings while it serves: sockets whose address stays are kept, new ones listen at once.
   * @throws RECEIVER_*, TLS_*; nothing has changed then.
   */
  prepare(config: OtlpConfig): Promise<Omit<Change<unknown>, 'next'>>
}

/** Time for requests under way when a stop names none. */
const STOP_LIMIT_MS = 10_000

/** @param id as in the config file: `otlp` or `otlp/internal`. */
export function createOtlpReceiver(id: string, config: OtlpConfig, context: ReceiverContext): OtlpReceiver {
  const authOf = ({ auth }: OtlpConfig) => auth && new Authenticator(auth, () => context.clock.now())
  const door = new Door(id, context, authOf(config), config.max_in_flight_bytes)
  const where = `receivers.${id}.protocols`
  let authHeader = config.auth?.header
  const grpcServer = (settings: GrpcConfig) => new OtlpGrpcServer({ door, config: settings, where: `${where}.grpc` })
  const httpServer = (settings: HttpConfig) =>
    new OtlpHttpServer({ door, config: settings, where: `${where}.http`, jsonToProtobuf, authHeader })
  let grpc = config.protocols.grpc && grpcServer(config.protocols.grpc)
  let http = config.protocols.http && httpServer(config.protocols.http)
  async function stop(limitMs: number): Promise<void> {
    await Promise.all([grpc?.stop(limitMs), http?.stop(limitMs)])
  }
  const endpoints = () => ({
    ...(grpc?.endpoint === undefined ? {} : { grpc: grpc.endpoint }),
    ...(http?.endpoint === undefined ? {} : { http: http.endpoint })
  })
  return {
    async start() {
      try {
        await grpc?.start()
        await http?.start()
      } catch (error) {
        await stop(0)
        throw error
      }
      context.log.info({ receiver: id, ...endpoints() }, 'taking OTLP')
    },
    stop: (limitMs = STOP_LIMIT_MS) => stop(limitMs),
    endpoints,
    inFlightBytes: () => door.inFlightBytes,
    async prepare(next) {
      const auth = authOf(next)
      const was = authHeader
      authHeader = next.auth?.header
      http?.useAuthHeader(authHeader)
      const changes: Change<unknown>[] = []
      const abort = async () => {
        authHeader = was
        http?.useAuthHeader(was)
        for (const change of changes) await change.abort()
      }
      try {
        const newGrpc = await changeTo(grpc, next.protocols.grpc, grpcServer, `${where}.grpc.endpoint`)
        changes.push(newGrpc)
        const newHttp = await changeTo(http, next.protocols.http, httpServer, `${where}.http.endpoint`)
        changes.push(newHttp)
        return {
          commit() {
            door.adjust(auth, next.max_in_flight_bytes)
            for (const change of changes) change.commit()
            grpc = newGrpc.next
            http = newHttp.next
            context.log.info({ receiver: id, ...endpoints() }, 'taking OTLP with other settings')
          },
          abort,
          finish: async limitMs => void (await Promise.all(changes.map(change => change.finish(limitMs))))
        }
      } catch (error) {
        await abort()
        throw error
      }
    }
  }
}
