// What delivery costs: CPU a log entry from a log in memory through otlp_http to a sink in another process, for entries
// of about 300 kB (512 spans) and 6 kB (10 spans). Goal: little beyond the send itself, and for small entries a fraction
// of a request each. `--merge` compares sizes of merged requests (Tuning.mergeBytes).
//
//     npm run -s build && node dist/bench/micro/delivery.js [--endpoint http://127.0.0.1:9318] [--merge 262144,1048576,4194304]

import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Clock, Log as Logger } from '../../core/component/context.js'
import { configOf } from '../../core/config/check.js'
import { Delivery } from '../../core/delivery/delivery.js'
import { TUNING } from '../../core/delivery/options.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import type { Parking } from '../../core/queue/parking.js'
import otlpHttp from '../../exporters/otlp_http/index.js'

const SPAN_BYTES = 578
const SIZES = [
  { name: '300 kB entries (512 spans)', spans: 512, entries: 400 },
  { name: '6 kB entries (10 spans)', spans: 10, entries: 20_000 }
]
const ROUNDS = 5

const clock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  }
}
const logger: Logger = { debug() {}, info() {}, warn: console.warn, error: console.error }
/** Nothing is refused here. */
const noParking = { due: () => [], dead: () => [], status: () => [] } as unknown as Parking

if (process.argv[2] === 'sink') sink()
else await main()

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { endpoint: { type: 'string' }, merge: { type: 'string' } } })
  const child = values.endpoint === undefined ? fork(fileURLToPath(import.meta.url), ['sink']) : undefined
  const endpoint =
    values.endpoint ?? (await new Promise<string>(resolve => child?.once('message', url => resolve(String(url)))))
  const merges = (values.merge ?? String(TUNING.mergeBytes)).split(',').map(Number)
  for (const mergeBytes of merges) {
    for (const size of SIZES) {
      for (const isLive of [false, true]) await measure(endpoint, size, mergeBytes, isLive)
    }
  }
  child?.kill()
}

/** @param isLive entries arrive while others are sent; else a backlog is drained. */
async function measure(endpoint: string, size: (typeof SIZES)[number], mergeBytes: number, isLive: boolean) {
  const bytes = request(size.spans)
  const costs: number[] = []
  let attempts = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const result = await run(endpoint, bytes, size, mergeBytes, isLive)
    if (round === 0) continue // warm-up
    costs.push(result.cpuUs / size.entries)
    attempts = result.attempts
  }
  costs.sort((a, b) => a - b)
  const [low, middle, high] = [costs[0]!, costs[ROUNDS >> 1]!, costs.at(-1)!].map(us => us.toFixed(1))
  const how = isLive ? 'live' : 'backlog'
  const perSpan = (costs[ROUNDS >> 1]! / size.spans).toFixed(2)
  console.log(
    `${size.name}, ${how}, merged to ${mergeBytes}: ${middle} us CPU an entry (${low} - ${high}), ${perSpan} us a span, ` +
      `${attempts} requests for ${size.entries} entries`
  )
}

async function run(
  endpoint: string,
  bytes: Buffer,
  size: (typeof SIZES)[number],
  mergeBytes: number,
  isLive: boolean
): Promise<{ cpuUs: number; attempts: number }> {
  const log = new MemoryLog({ maxBytes: 1 << 30 })
  await log.start()
  await log.cursors(new Map([['sink', ['traces']]]))
  const config = configOf(otlpHttp.schema, { endpoint, compression: 'none' })
  const delivery = new Delivery({
    config: {
      id: 'sink',
      type: 'otlp_http',
      config,
      sendingQueue: {
        maxBytes: Number.POSITIVE_INFINITY,
        numConsumers: 10,
        overflow: 'block',
        batch: { minItems: 0, maxItems: 8192, flushTimeoutMs: 0 }
      },
      retry: {
        enabled: true,
        initialIntervalMs: 5000,
        maxIntervalMs: 30_000,
        multiplier: 1.5,
        randomizationFactor: 0.5,
        maxElapsedMs: 0
      },
      timeoutMs: 10_000
    },
    exporter: otlpHttp.create(config, { id: 'sink', clock, log: logger, count: {} }),
    log,
    parking: noParking,
    clock,
    logger,
    tuning: { mergeBytes }
  })
  const entry = { stream: 'traces', items: size.spans, bytes }
  if (!isLive) await log.commit({ appends: Array.from({ length: size.entries }, () => entry) })
  const before = process.cpuUsage()
  await delivery.start()
  for (let i = 0; isLive && i < size.entries; i++) {
    await log.commit({ appends: [entry] })
    if (i % 4 === 3) await new Promise(resolve => setImmediate(resolve))
  }
  while (delivery.status().waiting.entries > 0) await new Promise(resolve => setTimeout(resolve, 2))
  const { user, system } = process.cpuUsage(before)
  const { attempts } = delivery.status()
  await delivery.stop()
  return { cpuUs: user + system, attempts }
}

/** One request whose spans have the size of a workflow step's; the content does not matter to delivery. */
function request(spans: number): Buffer {
  const span = field(2, Buffer.concat([field(5, Buffer.alloc(SPAN_BYTES - 8, 'x'))]))
  return field(1, field(2, Buffer.concat(Array.from({ length: spans }, () => span))))
}

function field(number: number, body: Buffer): Buffer {
  const head = [(number << 3) | 2]
  let length = body.length
  for (; length > 0x7f; length = Math.floor(length / 128)) head.push((length & 0x7f) | 0x80)
  return Buffer.concat([Buffer.from([...head, length]), body])
}

/** Reads and forgets. */
function sink(): void {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  })
  server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
}
