// The intake: request bytes -> chain of each pipeline -> one durable commit -> answer.
//
// A request is answered after the commit that holds it resolved (P2). Requests that arrive while a commit is on its way
// are merged, pipeline by pipeline, into the next one: protobuf merges repeated fields, so concatenation is a valid
// request, and ten small requests cost one entry in the log and one in delivery. What a processor dropped and what was
// received is counted in the same commit (P3), so the ledger is as durable as the data.
//
// In a log that several processes share, what goes to a window is split by trace id over the partitions, in that one commit:
// whoever owns a partition sees its traces whole. What goes to exporters directly needs no split.

import type { Clock } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { Signal } from '../otlp/signal.js'
import { MalformedError } from '../otlp/walk.js'
import type { Log } from '../queue/log.js'
import type { Chain, ChainResult } from './chain.js'
import { Gathered } from './gather.js'
import type { Answer, Intake } from './intake.js'

/** One pipeline of the config, built. */
export interface Pipeline {
  readonly id: string
  readonly signal: Signal
  readonly receivers: ReadonlySet<string>
  /** Ids of the exporters that read this pipeline's stream. */
  readonly exporters: readonly string[]
  readonly chain: Chain
  /** The window that sees its items before the exporters do, and the stream it reads; undefined where there is none. */
  readonly window?: { readonly id: string; readonly arrival: string }
  /** Exporters that may refuse senders: undefined while there is room, else when it may be worth trying again. */
  readonly pressure: () => { readonly message: string; readonly retryAfterMs: number } | undefined
}

export interface PipelinesOptions {
  readonly log: Log
  readonly pipelines: readonly Pipeline[]
  readonly clock: Clock
  /** Milliseconds until a full or failing queue may be worth another try. */
  readonly retryAfterMs: () => number
  /** Told of every batch that was refused after the chain, for metrics and log. */
  readonly onRefused: (signal: Signal, code: string, items: number, error: unknown) => void
}

/** Bytes that may gather for the next commit before it starts beside the running one. */
const GATHER_BYTES = 4 * 1024 * 1024
/** While this little has gathered, a commit waits for the senders that were just answered to come back. */
const WAIT_BELOW = 128 * 1024
/** How long it waits for them at most, milliseconds. */
const WAIT_MS = 1
const ACCEPTED: Answer = { kind: 'accepted', rejected: 0, message: '' }

/** The pipelines of one config, and what is looked up in them for every request. */
interface InUse {
  readonly pipelines: readonly Pipeline[]
  /** By signal and receiver, as they are asked for. */
  readonly byReceiver: Map<string, readonly Pipeline[]>
}

/** All pipelines behind the receivers. */
export class Pipelines implements Intake {
  readonly #options: PipelinesOptions
  #inUse: InUse
  #gathered: Gathered
  #commits = 0
  #wait: { readonly for: number; readonly timer: { cancel(): void } } | undefined
  #isStopped = false
  /** Requests that wait while the pipelines are exchanged; undefined while they are not. */
  #held: (() => void)[] | undefined
  #idle: (() => void)[] = []
  /**
   * One function for all commits: one made anew in `#commit` would keep that call's variables, and through them what was
   * gathered before, back to the first request.
   */
  readonly #partitions = (): number => this.#options.log.parts?.count ?? 1

  constructor(options: PipelinesOptions) {
    this.#options = options
    this.#inUse = { pipelines: options.pipelines, byReceiver: new Map() }
    this.#gathered = new Gathered(this.#partitions)
  }

  get isOpen(): boolean {
    return !this.#isStopped
  }

  /** Refuses from now on; resolves when everything taken is answered. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#settled()
  }

  /**
   * Goes on with other pipelines, between two commits: what was taken is durable under the old ones, requests that come
   * meanwhile wait (receivers bound how many) and go through the new ones. When `change` throws the old ones go on.
   * @param change what has to happen in between; gives the new pipelines
   */
  async exchange(change: () => Promise<readonly Pipeline[]>): Promise<void> {
    const held: (() => void)[] = []
    this.#held = held
    try {
      await this.#settled()
      this.#inUse = { pipelines: await change(), byReceiver: new Map() }
    } finally {
      this.#held = undefined
      for (const go of held) go()
    }
  }

  take(signal: Signal, bytes: Buffer, receiver: string): Promise<Answer> {
    const held = this.#held
    if (held !== undefined) return new Promise(resolve => held.push(() => resolve(this.take(signal, bytes, receiver))))
    const pipelines = this.#pipelinesOf(signal, receiver)
    if (this.#isStopped) return Promise.resolve(this.#unavailable('the gateway is stopping'))
    if (pipelines.length === 0) return Promise.resolve(noPipeline(signal, receiver))
    for (const pipeline of pipelines) {
      const pressure = pipeline.pressure()
      if (pressure !== undefined) return Promise.resolve({ kind: 'busy', ...pressure })
    }
    return this.#run(pipelines, signal, bytes)
  }

  #run(pipelines: readonly Pipeline[], signal: Signal, bytes: Buffer): Promise<Answer> {
    const gathered = this.#gathered
    let answer = ACCEPTED
    let items = 0
    try {
      const results = pipelines.map(pipeline => pipeline.chain.run(bytes))
      const refused = refusal(results[0]!)
      if (refused !== undefined) return Promise.resolve(refused)
      for (const [i, result] of results.entries()) gathered.add(pipelines[i]!, result, bytes.length)
      items = results[0]!.items
      if (results[0]!.rejected > 0) answer = partial(results[0]!)
    } catch (error) {
      if (error instanceof MalformedError) return Promise.resolve({ kind: 'malformed', message: error.message })
      this.#options.onRefused(signal, codeOf(error), 0, error)
      return Promise.resolve(this.#unavailable('the gateway failed to process the request'))
    }
    const settled = new Promise<Answer>(resolve => {
      gathered.settle.push(error => resolve(error === undefined ? answer : this.#failed(signal, items, error)))
    })
    if (this.#isTime(gathered)) this.#commit()
    return settled
  }

  #isTime(gathered: Gathered): boolean {
    if (gathered.bytes >= GATHER_BYTES) return true
    if (this.#wait !== undefined) return gathered.settle.length >= this.#wait.for || gathered.bytes >= WAIT_BELOW
    return this.#commits === 0
  }

  #commit(): void {
    this.#wait?.timer.cancel()
    this.#wait = undefined
    const { settle, counts } = this.#gathered
    const entries = this.#gathered.entries()
    this.#gathered = new Gathered(this.#partitions)
    this.#commits++
    this.#options.log.commit({ appends: entries, counts }).then(
      () => this.#done(settle, undefined),
      error => this.#done(settle, error)
    )
  }

  #done(settle: readonly ((error: unknown) => void)[], error: unknown): void {
    this.#commits--
    for (const one of settle) one(error)
    if (this.#commits > 0) return
    if (this.#gathered.settle.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    if (this.#gathered.bytes >= WAIT_BELOW || this.#isSettling()) this.#commit()
    else this.#waitFor(this.#gathered.settle.length + settle.length)
  }

  /** Nothing new is taken: what has gathered goes at once. */
  #isSettling(): boolean {
    return this.#isStopped || this.#held !== undefined
  }

  /** Resolves when everything taken is answered; nothing new may be taken meanwhile. */
  async #settled(): Promise<void> {
    if (this.#wait !== undefined) this.#commit()
    if (this.#commits > 0 || this.#gathered.settle.length > 0)
      await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /**
   * Small requests of several senders: those just answered are likely to send again at once, and one write for all of
   * them costs half of what two cost that take turns (bench/compare.py run batch --size 10). A lone sender never waits.
   */
  #waitFor(requests: number): void {
    const timer = this.#options.clock.after(WAIT_MS, () => this.#commit())
    this.#wait = { for: requests, timer }
  }

  #failed(signal: Signal, items: number, error: unknown): Answer {
    const code = codeOf(error)
    this.#options.onRefused(signal, code, items, error)
    const retryAfterMs = this.#options.retryAfterMs()
    if (code === 'QUEUE_FULL')
      return { kind: 'busy', message: 'the queue is full: a back end is slow or down', retryAfterMs }
    return this.#unavailable(`the queue cannot store it now (${code})`)
  }

  #unavailable(message: string): Answer {
    return { kind: 'unavailable', message, retryAfterMs: this.#options.retryAfterMs() }
  }

  #pipelinesOf(signal: Signal, receiver: string): readonly Pipeline[] {
    const name = `${signal} ${receiver}`
    const { pipelines, byReceiver } = this.#inUse
    let known = byReceiver.get(name)
    if (known === undefined) {
      known = pipelines.filter(p => p.signal === signal && p.receivers.has(receiver))
      byReceiver.set(name, known)
    }
    return known
  }
}

/** Every item invalid: the request is bad data (OTLP H13, R7). Some: partial success. */
function refusal(result: ChainResult): Answer | undefined {
  if (result.rejected === 0 || result.rejected < result.seen) return undefined
  return { kind: 'malformed', message: result.rejectedWhy }
}

function partial(result: ChainResult): Answer {
  const message = `${result.rejected} of ${result.seen} items are not valid OTLP and were rejected; the first: ${result.rejectedWhy}`
  return { kind: 'accepted', rejected: result.rejected, message }
}

function noPipeline(signal: Signal, receiver: string): Answer {
  return { kind: 'malformed', message: `this gateway has no ${signal} pipeline with the receiver ${receiver}` }
}
