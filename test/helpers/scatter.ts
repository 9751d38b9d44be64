// A sender of traces whose spans go through all gateways in turn: no request has two spans of a trace, errors may come seconds after
// the rest. A request is sent again, to the next gateway, until one says OK: so every span was promised.

import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { postKept } from './http.js'
import { bytes, text } from './spans.js'

export interface ScatterOptions {
  /** `http://host:port`, asked before every request. Undefined: wait. */
  readonly target: () => string | undefined
  readonly connections?: number
  /** Of each connection, after an answer. */
  readonly pauseMs?: number
  readonly spansPerTrace?: number
  readonly spansPerRequest?: number
  /** Share of traces with an error; every second of these comes late. Default 0.1. */
  readonly errors?: number
  /** How late, at most. */
  readonly lateMs: number
  /** Over which the other spans of a trace are spread. */
  readonly spreadMs: number
  /** Longest wait for an answer. */
  readonly answerMs: number
  /** Ends by itself after so many traces. Default: never. */
  readonly traces?: number
}

interface Due {
  readonly at: number
  readonly trace: number
  readonly span: number
}

const WAIT_MS = 10

/** Id of a trace: random in all its bits. */
export function scatterId(trace: number): Buffer {
  return createHash('md5').update(`trace ${trace}`).digest()
}

export class Scatter {
  readonly spansPerTrace: number
  /** Traces begun. */
  traces = 0
  /** Spans that a gateway said OK to. */
  acknowledged = 0
  /** Spans of requests that were sent more than once: they may come twice. */
  readonly repeated = new Set<number>()
  readonly #o: ScatterOptions
  readonly #perRequest: number
  readonly #errors: number
  readonly #agent: Agent
  /** By time of sending, a heap would do; it is short. */
  #due: Due[] = []
  #isStopped = false
  #isAborted = false
  #loops: Promise<void>[] = []

  constructor(options: ScatterOptions) {
    this.#o = options
    this.spansPerTrace = options.spansPerTrace ?? 4
    this.#perRequest = options.spansPerRequest ?? 25
    this.#errors = options.errors ?? 0.1
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 4 })
  }

  hasError(trace: number): boolean {
    return this.#chance(trace) < this.#errors
  }

  isLate(trace: number): boolean {
    return this.hasError(trace) && scatterId(trace)[0]! % 2 === 0
  }

  start(): this {
    this.#loops = Array.from({ length: this.#o.connections ?? 4 }, () => this.#loop())
    return this
  }

  /** Begins no trace any more; resolves when every span of those begun was taken. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    this.#agent.destroy()
  }

  /** Ends at once, whatever was promised. */
  abort(): void {
    this.#isStopped = true
    this.#isAborted = true
    this.#due = []
    this.#agent.destroy()
  }

  /** Resolves when `traces` were sent. */
  async done(): Promise<void> {
    await Promise.all(this.#loops)
    this.#agent.destroy()
  }

  #chance(trace: number): number {
    return scatterId(trace).readUInt32BE(4) / 0x100000000
  }

  async #loop(): Promise<void> {
    for (;;) {
      const spans = this.#take()
      if (spans === undefined) return
      if (spans.length > 0) await this.#send(spans)
      await sleep(spans.length === 0 ? WAIT_MS : (this.#o.pauseMs ?? 0))
    }
  }

  /** What is due, of different traces; undefined when nothing will be any more. */
  #take(): Due[] | undefined {
    const now = performance.now()
    const isOver = this.#isStopped || this.traces >= (this.#o.traces ?? Number.POSITIVE_INFINITY)
    if (isOver && this.#due.length === 0) return undefined
    while (!isOver && this.#due.length < this.#perRequest * 8) this.#begin(now)
    const taken: Due[] = []
    const has = new Set<number>()
    this.#due = this.#due.filter(due => {
      if (taken.length >= this.#perRequest || due.at > now || has.has(due.trace)) return true
      has.add(due.trace)
      taken.push(due)
      return false
    })
    if (taken.length === 0 && !isOver) for (let i = 0; i < this.#perRequest; i++) this.#begin(now)
    return taken
  }

  #begin(now: number): void {
    const trace = this.traces++
    const id = scatterId(trace)
    for (let span = 0; span < this.spansPerTrace; span++) {
      const spread = (id[8 + span]! / 256) * this.#o.spreadMs
      const isLateOne = span === this.#errorSpan(trace) && this.isLate(trace)
      const late = (0.3 + (0.7 * id[1]!) / 256) * this.#o.lateMs
      this.#due.push({ at: now + (isLateOne ? late : spread), trace, span })
    }
  }

  #errorSpan(trace: number): number {
    return scatterId(trace)[2]! % this.spansPerTrace
  }

  async #send(spans: readonly Due[]): Promise<void> {
    const body = this.#request(spans)
    for (let tries = 0; ; tries++) {
      if (this.#isAborted) return
      const target = this.#o.target()
      if (target === undefined) {
        await sleep(WAIT_MS)
        continue
      }
      if (tries === 1) for (const { trace, span } of spans) this.repeated.add(trace * this.spansPerTrace + span)
      const status = await postKept(`${target}/v1/traces`, body, this.#agent, this.#o.answerMs).catch(() => 0)
      if (status === 200) break
      if (status === 400) throw new Error('a gateway took a good request for a bad one')
      await sleep(WAIT_MS * 5)
    }
    this.acknowledged += spans.length
  }

  /** The number of a span is its span id less one, as `spanNumbers` reads it. */
  #request(spans: readonly Due[]): Buffer {
    const made = spans.map(({ trace, span }) => {
      const id = Buffer.alloc(8)
      id.writeBigUInt64BE(BigInt(trace * this.spansPerTrace + span + 1))
      const root = Buffer.alloc(8)
      root.writeBigUInt64BE(BigInt(trace * this.spansPerTrace + 1))
      const isError = this.hasError(trace) && span === this.#errorSpan(trace)
      return bytes(
        2,
        Buffer.concat([
          bytes(1, scatterId(trace)),
          bytes(2, id),
          ...(span === 0 ? [] : [bytes(4, root)]),
          text(5, `step ${span}`),
          ...(isError ? [bytes(15, Buffer.from([0x18, 2]))] : [])
        ])
      )
    })
    const resource = bytes(1, bytes(1, Buffer.concat([text(1, 'service.name'), bytes(2, text(1, 'scatter'))])))
    return bytes(1, Buffer.concat([resource, bytes(2, Buffer.concat(made))]))
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
