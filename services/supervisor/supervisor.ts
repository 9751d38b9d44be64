// Keeps the processes of one gateway running: starts them, starts again what ended, asks them, stops them all. Listening sockets
// are node:cluster's: this process accepts and hands each connection to the next worker in turn, so that all of them share
// one port, and none of them is given a connection while it is away.

import cluster, { type Worker } from 'node:cluster'
import type { Clock, Log } from '../../core/component/context.js'
import { gatewayErrors } from '../gateway/errors.js'
import type { FromWorker, ToWorker } from './messages.js'
import { answerValue } from './messages.js'
import { SEAT_VARIABLE } from './seat.js'

export interface SupervisorOptions {
  readonly workers: number
  readonly log: Log
  readonly clock: Clock
  /** Text of the config that a worker runs from its start on; asked at each start. Undefined: the defaults. */
  readonly text: () => string | undefined
  /** A worker that does not answer for so long counts as away, milliseconds. Default 5,000. */
  readonly answerMs?: number
}

/** One of the processes. */
export interface WorkerState {
  /** From 1. */
  readonly index: number
  readonly pid: number | undefined
  readonly isReady: boolean
  /** How often it was started again. */
  readonly restarts: number
}

interface Post {
  readonly index: number
  worker: Worker
  isReady: boolean
  readyAt: number
  /** Ends in a row without having run for a while. */
  failures: number
  restarts: number
}

interface Question {
  readonly index: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly timer: { cancel(): void }
}

const ANSWER_MS = 5000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 30_000
/** Who ran for so long is started again at once. */
const STEADY_MS = 30_000
/** What a stop takes beyond its limit before a worker is killed. */
const KILL_AFTER_MS = 5000

/** Wait before a worker that ended `failures` times in a row is started again, milliseconds. */
function restartWaitMs(failures: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 16))
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #posts: Post[] = []
  readonly #questions = new Map<number, Question>()
  readonly #waits = new Set<{ cancel(): void }>()
  #asked = 0
  #isStopping = false
  #changed = () => {}

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get workers(): readonly WorkerState[] {
    return this.#posts.map(({ index, worker, isReady, restarts }) => ({
      index,
      pid: worker.process.pid,
      isReady,
      restarts
    }))
  }

  /** Starts all and waits until all are ready. @throws GATEWAY_WORKER_FAILED when one ends before. */
  async start(): Promise<void> {
    cluster.setupPrimary({ serialization: 'advanced' })
    const { workers } = this.#options
    let failed: number | undefined
    for (let index = 1; index <= workers; index++) {
      const post = { index, worker: this.#fork(index), isReady: false, readyAt: 0, failures: 0, restarts: 0 }
      this.#posts.push(post)
      this.#look(post, () => {
        failed ??= index
        this.#changed()
      })
    }
    while (failed === undefined && this.#posts.some(({ isReady }) => !isReady)) {
      await new Promise<void>(resolve => (this.#changed = resolve))
    }
    if (failed === undefined) return
    await this.stop(0)
    throw gatewayErrors.GATEWAY_WORKER_FAILED(failed)
  }

  /** Calls `call` of a worker (messages.ts). @throws GATEWAY_WORKER_AWAY, and what the call throws. */
  ask(index: number, call: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.askWithin(this.#options.answerMs ?? ANSWER_MS, index, call, ...args)
  }

  /** The same for what takes longer. */
  askWithin(answerMs: number, index: number, call: string, ...args: readonly unknown[]): Promise<unknown> {
    const post = this.#posts[index - 1]
    if (post === undefined || !post.isReady) return Promise.reject(gatewayErrors.GATEWAY_WORKER_AWAY(index))
    const { clock } = this.#options
    const number = ++this.#asked
    return new Promise((resolve, reject) => {
      const give = (): void =>
        this.#settle(number, question => question.reject(gatewayErrors.GATEWAY_WORKER_AWAY(index)))
      this.#questions.set(number, { index, resolve, reject, timer: clock.after(answerMs, give) })
      this.#tell(post, { ask: number, call, args })
    })
  }

  /** Lets all end what is under way within `limitMs`, kills who does not. Safe twice. */
  async stop(limitMs: number): Promise<void> {
    if (this.#isStopping) return
    this.#isStopping = true
    for (const wait of this.#waits) wait.cancel()
    const running = this.#posts.filter(({ worker }) => isRunning(worker))
    const ended = running.map(({ worker }) => new Promise(resolve => worker.once('exit', resolve)))
    for (const post of running) {
      if (post.isReady || limitMs > 0) this.#tell(post, { stop: true })
      else post.worker.process.kill('SIGTERM')
    }
    const late = this.#options.clock.after(limitMs + KILL_AFTER_MS, () => {
      for (const { worker } of running) if (isRunning(worker)) worker.process.kill('SIGKILL')
    })
    await Promise.all(ended)
    late.cancel()
  }

  #fork(index: number): Worker {
    const worker = cluster.fork({ [SEAT_VARIABLE]: `${index}/${this.#options.workers}` })
    this.#options.log.info({ worker: index, pid: worker.process.pid }, 'worker started')
    return worker
  }

  /** Hears a worker; `endedFirst` is called when it ends before it was ever ready, instead of another start. */
  #look(post: Post, endedFirst?: () => void): void {
    const { worker, index } = post
    const { log, clock } = this.#options
    worker.on('message', (message: FromWorker) => {
      if ('ready' in message) {
        post.isReady = true
        post.readyAt = clock.now()
        this.#changed()
      } else if ('wants' in message) {
        // What runs now, whatever the file says by then.
        this.#tell(post, { config: this.#options.text() ?? null })
      } else this.#settle(message.answer, question => answered(question, message))
    })
    worker.on('error', () => {}) // a message to one that has just ended
    worker.once('exit', (code, signal) => {
      const wasReady = post.isReady
      post.isReady = false
      for (const [number, question] of this.#questions) {
        if (question.index === index)
          this.#settle(number, ({ reject }) => reject(gatewayErrors.GATEWAY_WORKER_AWAY(index)))
      }
      if (this.#isStopping) return
      if (!wasReady && endedFirst !== undefined) return endedFirst()
      post.failures = wasReady && clock.now() - post.readyAt >= STEADY_MS ? 0 : post.failures + 1
      const waitMs = restartWaitMs(post.failures - 1)
      log.error({ worker: index, exit: code, signal, restart_in_ms: waitMs }, 'a worker ended; it is started again')
      this.#restartIn(post, waitMs)
    })
  }

  #restartIn(post: Post, waitMs: number): void {
    const wait = this.#options.clock.after(waitMs, () => {
      this.#waits.delete(wait)
      post.worker = this.#fork(post.index)
      post.restarts++
      this.#look(post)
    })
    this.#waits.add(wait)
  }

  #tell({ worker }: Post, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message)
  }

  #settle(number: number, how: (question: Question) => void): void {
    const question = this.#questions.get(number)
    if (question === undefined) return
    this.#questions.delete(number)
    question.timer.cancel()
    how(question)
  }
}

function answered({ resolve, reject }: Question, message: Extract<FromWorker, { answer: number }>): void {
  try {
    resolve(answerValue(message))
  } catch (error) {
    reject(error)
  }
}

function isRunning({ process }: Worker): boolean {
  return process.exitCode === null && process.signalCode === null
}
