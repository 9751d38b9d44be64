// An OTLP/HTTP back end in this process: answers as it is told, counts every numbered span that it took, can go down and
// come back on the same port.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { inflate } from '../../core/net/compression.js'
import type { Signal } from '../../core/otlp/signal.js'
import { spanNumbers } from './spans.js'

export interface SinkRequest {
  readonly signal: Signal
  /** Decompressed. */
  readonly body: Buffer
  readonly headers: IncomingHttpHeaders
  /** From 1. */
  readonly call: number
  /** performance.now() when it was whole. */
  readonly at: number
}

export interface SinkAnswer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly delayMs?: number
}

export type SinkScript = (request: SinkRequest) => SinkAnswer | 'reset' | 'hang'

/** What one taken request had: its spans and when it came. */
export interface Taken {
  readonly at: number
  readonly numbers: readonly number[]
}

const INFLATED_MAX = 1 << 28
const MOST_SPANS = 2 ** 31

/** How often each number came; a byte a number, so that hours of load fit. */
export class SpanCounts {
  #times = new Uint8Array(1 << 16)
  /** Different numbers. */
  size = 0
  /** How many came too often. */
  duplicates = 0

  has(number: number): boolean {
    return this.#times[number] !== undefined && this.#times[number] > 0
  }

  /** How often it came, up to 255. */
  times(number: number): number {
    return this.#times[number] ?? 0
  }

  add(number: number): void {
    // An id that `spansRequest` did not make.
    if (number > MOST_SPANS) return
    if (number >= this.#times.length) {
      const larger = new Uint8Array(Math.max(number + 1, this.#times.length * 2))
      larger.set(this.#times)
      this.#times = larger
    }
    const before = this.#times[number]!
    if (before === 0) this.size++
    else this.duplicates++
    if (before < 255) this.#times[number] = before + 1
  }
}

export class Sink {
  /** What it answers; may be replaced at any time. */
  script: SinkScript = () => ({ status: 200 })
  /** How often each numbered span was taken, to be answered 200. */
  readonly spans = new SpanCounts()
  /** Requests that were taken, when `keep` is set. */
  readonly requests: SinkRequest[] = []
  readonly taken: Taken[] = []
  readonly statuses = new Map<number, number>()
  readonly #keep: boolean
  readonly #count: boolean
  /** Whether `taken` is filled: too much for long runs. */
  readonly #times: boolean
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  #calls = 0

  /** `keep`: remember the bodies, for tests that look into them; `count: false`: they are not made of numbered spans. */
  constructor({ keep = false, count = true, times = true } = {}) {
    this.#keep = keep
    this.#count = count
    this.#times = times
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Requests seen, taken or not. */
  get calls(): number {
    return this.#calls
  }

  /** Spans that were taken more than once, and how many too many. */
  get duplicates(): number {
    return this.spans.duplicates
  }

  /** Listens, on the port it had before. */
  async up(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response))
    server.keepAliveTimeout = 60_000
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket)))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
    return this
  }

  /** Closes the port and every connection. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.#sockets) socket.destroy()
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const encoding = String(request.headers['content-encoding'] ?? 'identity')
    const body = await inflate(encoding, Buffer.concat(chunks), INFLATED_MAX)
    const signal = (request.url ?? '').split('/').at(-1) as Signal
    const one: SinkRequest = { signal, body, headers: request.headers, call: ++this.#calls, at: performance.now() }
    const answer = this.script(one)
    if (answer === 'hang') return
    if (answer === 'reset') return void request.socket.destroy()
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1)
    // Taken before it is answered, as a back end that stores first: who ends in between has to send it again.
    if (answer.status === 200) this.#take(one)
    if (answer.delayMs !== undefined) await new Promise(resolve => setTimeout(resolve, answer.delayMs))
    response.writeHead(answer.status, { 'content-type': 'application/x-protobuf', ...answer.headers })
    response.end(answer.body)
  }

  #take(request: SinkRequest): void {
    if (this.#keep) this.requests.push(request)
    if (request.signal !== 'traces' || !this.#count) return
    const numbers = spanNumbers(request.body)
    if (this.#times) this.taken.push({ at: request.at, numbers })
    for (const number of numbers) this.spans.add(number)
  }
}

/** A sink that ends with the test. */
export async function sink(
  t: { teardown(fn: () => Promise<void>): void },
  options: { keep?: boolean; script?: SinkScript } = {}
): Promise<Sink> {
  const made = await new Sink(options.keep === undefined ? {} : { keep: options.keep }).up()
  if (options.script !== undefined) made.script = options.script
  t.teardown(() => made.down())
  return made
}
