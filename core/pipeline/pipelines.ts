// The intake: request bytes -> chain of each pipeline -> one durable commit -> answer.
//
// A request is answered after the commit that holds it resolved (P2). Requests that arrive while a commit is on its way
// are merged, pipeline by pipeline, into the next one: protobuf merges repeated fields, so concatenation is a valid
// request, and ten small requests cost one entry in the log and one in delivery. What a processor dropped and what was
// received is counted in the same commit (P3), so the ledger is as durable as the data.

import type { Clock } from '../component/context.js'
import { codeOf } from '../component/errors.js'
import type { Signal } from '../otlp/signal.js'
import { MalformedError } from '../otlp/walk.js'
import type { Entry, Log } from '../queue/log.js'
import type { Chain, ChainResult } from './chain.js'
import type { Answer, Intake } from './intake.js'
import { type LedgerKeys, ledgerKeys } from './ledger.js'

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

/** Requests at or above this go to the log as they are: copying them to merge costs more than an entry. */
const MERGE_BELOW = 64 * 1024
/** Bytes that may gather for the next commit before it starts beside the running one. */
const GATHER_BYTES = 4 * 1024 * 1024
/** While this little has gathered, a commit waits for the senders that were just answered to come back. */
const WAIT_BELOW = 128 * 1024
/** How long it waits for them at most, milliseconds. */
const WAIT_MS = 1
const ACCEPTED: Answer = { kind: 'accepted', rejected: 0, message: '' }

interface Gathered {
  readonly small: Map<string, { parts: Buffer[]; items: number }>
  readonly entries: Entry[]
  readonly counts: Map<string, number>
  readonly settle: ((error: unknown) => void)[]
  bytes: number
}

/** All pipelines behind the receivers. */
export class Pipelines implements Intake {
  readonly #options: PipelinesOptions
  readonly #byReceiver = new Map<string, readonly Pipeline[]>()
  readonly #keys: ReadonlyMap<string, LedgerKeys>
  #gathered = emptyGather()
  #commits = 0
  #wait: { readonly for: number; readonly timer: { cancel(): void } } | undefined
  #isStopped = false

  constructor(options: PipelinesOptions) {
    this.#options = options
    this.#keys = new Map(options.pipelines.map(p => [p.id, ledgerKeys(p.id, p.exporters, p.window?.id)]))
  }

  get isOpen(): boolean {
    return !this.#isStopped
  }

  /** Refuses from now on; resolves when everything taken is answered. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#wait !== undefined) this.#commit()
    while (this.#commits > 0 || this.#gathered.settle.length > 0) await new Promise(resolve => setImmediate(resolve))
  }

  take(signal: Signal, bytes: Buffer, receiver: string): Promise<Answer> {
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
      for (const [i, result] of results.entries()) this.#gather(gathered, pipelines[i]!, result, bytes.length)
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

  #gather(gathered: Gathered, pipeline: Pipeline, result: ChainResult, size: number): void {
    const keys = this.#keys.get(pipeline.id)!
    const { counts } = gathered
    add(counts, keys.received, result.seen - result.rejected)
    for (const row of result.dropped) add(counts, keys.dropped(row.processor, row.reason), row.items)
    gathered.bytes += size
    if (result.items === 0) return
    const stream = pipeline.window?.arrival ?? pipeline.id
    if (keys.windowed !== undefined) add(counts, keys.windowed, result.items)
    else {
      add(counts, keys.appended, result.items)
      for (const offered of keys.offered) add(counts, offered, result.items)
    }
    if (result.bytes.length >= MERGE_BELOW) {
      gathered.entries.push({ stream, items: result.items, bytes: result.bytes })
      return
    }
    const small = gathered.small.get(stream)
    if (small === undefined) gathered.small.set(stream, { parts: [result.bytes], items: result.items })
    else {
      small.parts.push(result.bytes)
      small.items += result.items
    }
  }

  #isTime(gathered: Gathered): boolean {
    if (gathered.bytes >= GATHER_BYTES) return true
    if (this.#wait !== undefined) return gathered.settle.length >= this.#wait.for || gathered.bytes >= WAIT_BELOW
    return this.#commits === 0
  }

  #commit(): void {
    this.#wait?.timer.cancel()
    this.#wait = undefined
    const { small, entries, counts, settle } = this.#gathered
    this.#gathered = emptyGather()
    for (const [stream, { parts, items }] of small) {
      entries.push({ stream, items, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) })
    }
    this.#commits++
    this.#options.log.commit({ appends: entries, counts }).then(
      () => this.#done(settle, undefined),
      error => this.#done(settle, error)
    )
  }

  #done(settle: readonly ((error: unknown) => void)[], error: unknown): void {
    this.#commits--
    for (const one of settle) one(error)
    if (this.#commits > 0 || this.#gathered.settle.length === 0) return
    if (this.#gathered.bytes >= WAIT_BELOW || this.#isStopped) this.#commit()
    else this.#waitFor(this.#gathered.settle.length + settle.length)
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
    let known = this.#byReceiver.get(name)
    if (known === undefined) {
      known = this.#options.pipelines.filter(p => p.signal === signal && p.receivers.has(receiver))
      this.#byReceiver.set(name, known)
    }
    return known
  }
}

function emptyGather(): Gathered {
  return { small: new Map(), entries: [], counts: new Map(), settle: [], bytes: 0 }
}

function add(counts: Map<string, number>, key: string, n: number): void {
  if (n !== 0) counts.set(key, (counts.get(key) ?? 0) + n)
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
