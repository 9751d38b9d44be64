// Real OTLP back ends on port 0 that answer by a script: what exporters are tested against.

import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Metadata, Server, ServerCredentials, type ServiceError, type sendUnaryData } from '@grpc/grpc-js'
import { inflate } from '../../core/net/compression.js'
import type { Signal } from '../../core/otlp/signal.js'
import { EXPORT_PATH } from './grpc.js'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Got {
  readonly signal: Signal
  /** Decompressed. */
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders
  /** Which request this is, from 1. */
  readonly call: number
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
}

/** `reset` closes the connection without an answer, `hang` never answers. */
export type HttpScript = (got: Got) => HttpAnswer | 'reset' | 'hang'

export interface HttpBackEnd {
  readonly url: string
  readonly got: Got[]
  /** Connections made. */
  readonly connections: () => number
}

export const OK: HttpAnswer = { status: 200, headers: { 'content-type': 'application/x-protobuf' } }

export async function httpBackEnd(
  t: Teardown,
  script: HttpScript = () => OK,
  options: { readonly tls?: ServerOptions } = {}
): Promise<HttpBackEnd> {
  const got: Got[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', async () => {
      const body = await inflate(
        String(request.headers['content-encoding'] ?? 'identity'),
        Buffer.concat(chunks),
        1 << 28
      )
      const signal = (request.url ?? '').split('/').at(-1) as Signal
      const one: Got = { signal, body, headers: request.headers, call: got.length + 1 }
      got.push(one)
      const answer = script(one)
      if (answer === 'hang') return
      if (answer === 'reset') return void request.socket.destroy()
      response.writeHead(answer.status, answer.headers)
      response.end(answer.body)
    })
  }
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener)
  server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections++
    sockets.add(socket.once('close', () => sockets.delete(socket)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const scheme = options.tls ? 'https' : 'http'
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    got,
    connections: () => connections
  }
}

export interface GrpcFailure {
  readonly code: number
  readonly details?: string
  /** Bytes of a google.rpc.Status. */
  readonly status?: Buffer
}

/** Answer bytes, a failure, or `hang`. */
export type GrpcScript = (got: Omit<Got, 'headers'> & { readonly metadata: Metadata }) => Buffer | GrpcFailure | 'hang'

export interface GrpcBackEnd {
  /** host:port */
  readonly address: string
  readonly got: { readonly signal: Signal; readonly body: Buffer; readonly metadata: Metadata }[]
  readonly peers: Set<string>
}

export async function grpcBackEnd(
  t: Teardown,
  script: GrpcScript = () => Buffer.alloc(0),
  options: { readonly credentials?: ServerCredentials; readonly maxBytes?: number } = {}
): Promise<GrpcBackEnd> {
  const got: GrpcBackEnd['got'] = []
  const peers = new Set<string>()
  const server = new Server({ 'grpc.max_receive_message_length': options.maxBytes ?? -1 })
  const identity = (bytes: Buffer) => bytes
  for (const [signal, path] of Object.entries(EXPORT_PATH) as [Signal, string][]) {
    server.register(
      path,
      (call: { request: Buffer; metadata: Metadata; getPeer(): string }, done: sendUnaryData<Buffer>) => {
        got.push({ signal, body: call.request, metadata: call.metadata })
        peers.add(call.getPeer())
        const answer = script({ signal, body: call.request, metadata: call.metadata, call: got.length })
        if (answer === 'hang') return
        if (Buffer.isBuffer(answer)) return done(null, answer)
        done(serviceError(answer))
      },
      identity,
      identity,
      'unary'
    )
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', options.credentials ?? ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound)
    )
  )
  t.teardown(() => server.forceShutdown())
  return { address: `127.0.0.1:${port}`, got, peers }
}

function serviceError({ code, details = '', status }: GrpcFailure): Partial<ServiceError> & { code: number } {
  const metadata = new Metadata()
  if (status) metadata.set('grpc-status-details-bin', status)
  return { code, details, metadata }
}
