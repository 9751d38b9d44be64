// CPU of the receivers alone: starts one in front of an intake that says yes at once, and prints the CPU time of this
// process per request, after a warm-up. Goal: gRPC <= 0.6 ms for 296 kB, <= 40 us for 5.8 kB; HTTP <= 25 us for 5.8 kB.
//
//   node dist/bench/receivers.js http|grpc|grpc-js [requests per line] [port]
//
// Load comes from outside, so that this process does nothing else: any OTLP sender with ready-made requests.

import type { Clock } from '../core/component/context.js'
import { configOf } from '../core/config/check.js'
import type { Answer, Intake } from '../core/pipeline/intake.js'
import { schema } from '../services/gateway/receivers/otlp/config.js'
import { createOtlpReceiver } from '../services/gateway/receivers/otlp/index.js'

const [kind = 'grpc', every = '400', port = '0'] = process.argv.slice(2)
const ACCEPTED: Answer = { kind: 'accepted', rejected: 0, message: '' }
const clock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}

let requests = 0
let bytes = 0
let cpu = process.cpuUsage()

/** One line for every so many requests; the first ones are the warm-up. */
function counted(length: number): void {
  requests++
  bytes += length
  if (requests % Number(every) !== 0) return
  const used = process.cpuUsage(cpu)
  const us = (used.user + used.system) / Number(every)
  console.log(`${kind}: ${us.toFixed(1)} us CPU a request of ${Math.round(bytes / Number(every))} bytes`)
  bytes = 0
  cpu = process.cpuUsage()
}

const intake: Intake = {
  isOpen: true,
  async take(_signal, body) {
    counted(body.length)
    return ACCEPTED
  }
}

async function startOurs(): Promise<void> {
  const none = () => {}
  const protocols = { [kind]: { endpoint: `127.0.0.1:${port}` } }
  const receiver = createOtlpReceiver('otlp', configOf(schema, { protocols }), {
    intake,
    log: { debug: none, info: none, warn: none, error: none },
    clock,
    count: { requests: none, refused: none, aborted: none, bytes: none, key_uses: none }
  })
  await receiver.start()
  console.log(JSON.stringify(receiver.endpoints()))
}

/** The same service by @grpc/grpc-js with identity (de)serializers, tuned as far as its options go. */
async function startGrpcJs(): Promise<void> {
  const { Server, ServerCredentials } = await import('@grpc/grpc-js')
  const server = new Server({
    'grpc-node.flow_control_window': 8 * 1024 * 1024,
    'grpc-node.max_session_memory': 1024,
    'grpc.max_concurrent_streams': 256,
    'grpc.enable_channelz': 0
  })
  const same = (message: Buffer) => message
  const definition = {
    Export: {
      path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same
    }
  }
  const empty = Buffer.alloc(0)
  server.addService(definition, {
    Export: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      void intake.take('traces', call.request, 'otlp').then(() => done(null, empty))
    }
  })
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, got) =>
      error === null ? resolve(got) : reject(error)
    )
  })
  console.log(JSON.stringify({ grpc: `127.0.0.1:${bound}` }))
}

await (kind === 'grpc-js' ? startGrpcJs() : startOurs())
// So that --cpu-prof gets to write its file.
process.once('SIGINT', () => process.exit(0))
