// A sender at load: several connections, numbered spans, a record of what was acknowledged.

import { Agent } from 'node:http'
import { postKept } from './http.js'
import { type SpansOptions, spansRequest } from './spans.js'

export interface LoadOptions {
  /** `http://host:port`; asked before every request, because a restarted gateway has another port. Undefined: wait. */
  readonly target: () => string | undefined
  readonly connections?: number
  readonly spansPerRequest?: number
  readonly spans?: SpansOptions
  /** Number of the first span. Default 0. */
  readonly first?: number
  /** Pause of each connection after an answer, ms. Default 0. */
  readonly pauseMs?: number
  /** Longest wait for an answer, ms. Default 30,000. */
  readonly answerMs?: number
}

const WAIT_MS = 10
const ANSWER_MS = 30_000

export class Load {
  /** First numbers of requests that were answered 200. */
  readonly acknowledged: number[] = []
  /** First numbers of requests whose connection broke before the answer: nobody promised anything. */
  readonly unknown: number[] = []
  /** Answers other than 200, by status. */
  readonly refused = new Map<number, number>()
  readonly spansPerRequest: number
  readonly #options: LoadOptions
  readonly #agent: Agent
  readonly #first: number
  #next: number
  #isStopped = false
  #loops: Promise<void>[] = []

  constructor(options: LoadOptions) {
    this.#options = options
    this.spansPerRequest = options.spansPerRequest ?? 20
    this.#first = options.first ?? 0
    this.#next = this.#first
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 4 })
  }

  /** Spans of acknowledged requests. */
  get acknowledgedSpans(): number {
    return this.acknowledged.length * this.spansPerRequest
  }

  get sentSpans(): number {
    return this.#next - this.#first
  }

  start(): this {
    this.#loops = Array.from({ length: this.#options.connections ?? 4 }, () => this.#loop())
    return this
  }

  /** Ends after the requests under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    this.#agent.destroy()
  }

  /** Numbers of acknowledged spans that `taken` does not have. */
  missing(taken: { has(number: number): boolean }): number[] {
    return this.acknowledged.flatMap(first => {
      const lost: number[] = []
      for (let i = first; i < first + this.spansPerRequest; i++) if (!taken.has(i)) lost.push(i)
      return lost
    })
  }

  async #loop(): Promise<void> {
    while (!this.#isStopped) {
      const target = this.#options.target()
      if (target === undefined) await sleep(WAIT_MS)
      else await this.#send(target)
      if (this.#options.pauseMs !== undefined) await sleep(this.#options.pauseMs)
    }
  }

  async #send(target: string): Promise<void> {
    const first = this.#next
    this.#next += this.spansPerRequest
    const body = spansRequest(first, this.spansPerRequest, this.#options.spans)
    try {
      const status = await postKept(`${target}/v1/traces`, body, this.#agent, this.#options.answerMs ?? ANSWER_MS)
      if (status === 200) this.acknowledged.push(first)
      else {
        this.refused.set(status, (this.refused.get(status) ?? 0) + 1)
        await sleep(WAIT_MS)
      }
    } catch {
      this.unknown.push(first)
      await sleep(WAIT_MS)
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
