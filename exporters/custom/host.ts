// Owns the worker thread of one custom exporter: starts it, gives it batches, and replaces it when it crashes, hangs or
// grows too large.
//
// States: no worker (before start, after a loss) -> starting -> running. Whatever ends a worker answers all its open
// calls with `retry`. After a loss the next send starts a new one, not before a delay that doubles with each loss in a
// row; until then sends are answered `retry` at once. One answered call makes the row empty again.

import { Worker } from 'node:worker_threads'
import type { Batch } from '../../core/component/batch.js'
import type { Clock, Log } from '../../core/component/context.js'
import { catalogue } from '../../core/component/errors.js'
import type { Outcome } from '../../core/component/outcome.js'
import type { CustomOutcome } from './define.js'
import type { FromWorker, Level, ToWorker, WorkerSetup } from './messages.js'

export const errors = catalogue({
  CUSTOM_LOAD: (module: string, why: string) =>
    `custom exporter: cannot load ${module} (${why}). Check \`module\` and that the file is an ES module.`,
  CUSTOM_SHAPE: (module: string, why: string) =>
    `custom exporter: ${module} is no exporter: ${why}. See docs/custom-exporters.md.`,
  CUSTOM_CONFIG: (module: string, why: string) => `custom exporter: ${module} does not accept its \`config\`: ${why}.`,
  CUSTOM_START: (module: string, why: string) => `custom exporter: ${module} did not start: ${why}.`,
  CUSTOM_TIMEOUT: (module: string, what: string, ms: string) =>
    `custom exporter: ${what} of ${module} took longer than ${ms} ms; its worker was replaced. See \`send_timeout\`, \`start_timeout\`.`,
  CUSTOM_CRASHED: (module: string, why: string) =>
    `custom exporter: the worker of ${module} ended (${why}); it is replaced and the batch sent again.`,
  CUSTOM_MEMORY: (module: string) =>
    `custom exporter: the worker of ${module} passed its \`memory_limit\`; it is replaced and the batch sent again.`,
  CUSTOM_WAITING: (module: string) => `custom exporter: the worker of ${module} was lost and is not started again yet.`,
  CUSTOM_ABORTED: (module: string) => `custom exporter: a send of ${module} was called off.`,
  CUSTOM_RETRY: (module: string, why: string) => `custom exporter: ${module} asks to try again: ${why}`,
  CUSTOM_REFUSED: (module: string, why: string) => `custom exporter: ${module} refused: ${why}`
})

export interface HostOptions {
  readonly setup: WorkerSetup
  /** The module as the config names it, for error texts. */
  readonly module: string
  readonly env: Readonly<Record<string, string>>
  readonly memoryBytes: number
  readonly startTimeoutMs: number
  readonly sendTimeoutMs: number
  /** Makes a logs request text; absent: the module gets it as it asks. */
  readonly logText?: (bytes: Buffer) => string
  readonly clock: Clock
  readonly log: Log
  /** Told of each lost worker. */
  readonly lost: (why: 'crash' | 'timeout' | 'memory') => void
}

const WORKER = new URL('./worker.js', import.meta.url)
const FIRST_DELAY_MS = 1000
const MAX_DELAY_MS = 60_000
const STOP_TIMEOUT_MS = 5000
const LOG_LINES = 20
const LOG_WINDOW_MS = 10_000
const STACK_MB = 4
const YOUNG_MB = 16

interface Call {
  settle(outcome: Outcome): void
}

interface Running {
  readonly worker: Worker
  readonly calls: Map<number, Call>
}

export class WorkerHost {
  readonly #options: HostOptions
  #running: Promise<Running> | undefined
  #current: Running | undefined
  #nextCall = 0
  #losses = 0
  #notBefore = 0
  #logged = 0
  #logWindowEnds = 0
  #stopped = false

  constructor(options: HostOptions) {
    this.#options = options
  }

  /** Loads the module. @throws CUSTOM_LOAD, CUSTOM_SHAPE, CUSTOM_CONFIG, CUSTOM_START, CUSTOM_TIMEOUT, CUSTOM_CRASHED */
  async start(): Promise<void> {
    this.#stopped = false
    await this.#ensure()
  }

  async send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const waitMs = this.#notBefore - this.#options.clock.now()
    if (this.#stopped || waitMs > 0) {
      return { kind: 'retry', afterMs: Math.max(waitMs, 0), cause: errors.CUSTOM_WAITING(this.#options.module) }
    }
    try {
      return await this.#call(await this.#ensure(), batch, abort)
    } catch (error) {
      return { kind: 'retry', cause: error as Error }
    }
  }

  /** Lets the module's `stop` finish, within a limit, then ends the worker. */
  async stop(): Promise<void> {
    this.#stopped = true
    const running = this.#current
    if (running === undefined) return
    await new Promise<void>(resolve => {
      const timer = this.#options.clock.after(STOP_TIMEOUT_MS, resolve)
      running.worker.on('message', (message: FromWorker) => message.type === 'stopped' && resolve())
      running.worker.once('exit', () => resolve())
      this.#post(running, { type: 'stop' })
      running.worker.once('exit', () => timer.cancel())
    })
    this.#drop(running, errors.CUSTOM_WAITING(this.#options.module))
    await running.worker.terminate()
  }

  #ensure(): Promise<Running> {
    this.#running ??= this.#launch().catch((error: unknown) => {
      this.#running = undefined
      this.#delay()
      throw error
    })
    return this.#running
  }

  async #launch(): Promise<Running> {
    const { setup, env, memoryBytes, log } = this.#options
    const worker = new Worker(WORKER, {
      workerData: setup,
      env: { ...env },
      execArgv: [],
      stdout: true,
      stderr: true,
      name: setup.id,
      resourceLimits: {
        maxOldGenerationSizeMb: Math.max(8, Math.floor(memoryBytes / 2 ** 20)),
        maxYoungGenerationSizeMb: YOUNG_MB,
        stackSizeMb: STACK_MB
      }
    })
    const running: Running = { worker, calls: new Map() }
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#line('debug', text.trimEnd()))
    }
    try {
      await this.#ready(worker)
    } catch (error) {
      await worker.terminate()
      throw error
    }
    worker.on('message', (message: FromWorker) => this.#hear(running, message))
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      const { module } = this.#options
      this.#lose(
        running,
        isMemory ? 'memory' : 'crash',
        isMemory ? errors.CUSTOM_MEMORY(module) : crashed(module, error)
      )
    })
    worker.on('exit', code => {
      this.#lose(running, 'crash', errors.CUSTOM_CRASHED(this.#options.module, `exit code ${code}`))
    })
    this.#current = running
    log.debug({ module: this.#options.module }, 'custom exporter is running')
    return running
  }

  #ready(worker: Worker): Promise<void> {
    const { module, startTimeoutMs, clock } = this.#options
    return new Promise((resolve, reject) => {
      const timer = clock.after(startTimeoutMs, () => {
        reject(errors.CUSTOM_TIMEOUT(module, 'the start', String(startTimeoutMs)))
      })
      const settle = (error?: Error) => {
        timer.cancel()
        worker.removeAllListeners('message').removeAllListeners('exit').removeAllListeners('error')
        // An error of a worker that is being given up must not become an uncaught one.
        worker.on('error', () => undefined)
        if (error === undefined) resolve()
        else reject(error)
      }
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') settle()
        else if (message.type === 'unusable') settle(errors[message.code](module, message.message))
        else if (message.type === 'log') this.#line(message.level, message.message)
      })
      worker.on('error', error => settle(crashed(module, error)))
      worker.on('exit', code => settle(errors.CUSTOM_CRASHED(module, `exit code ${code}`)))
    })
  }

  #call(running: Running, batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const { module, sendTimeoutMs, clock } = this.#options
    if (abort.aborted) return Promise.resolve({ kind: 'retry', cause: errors.CUSTOM_ABORTED(module) })
    return new Promise(resolve => {
      const id = this.#nextCall++
      const onAbort = () => {
        // The worker keeps its time limit: a module that ignores the abort is caught by it.
        this.#post(running, { type: 'abort', call: id })
        resolve({ kind: 'retry', cause: errors.CUSTOM_ABORTED(module) })
      }
      const timer = clock.after(sendTimeoutMs, () => {
        this.#lose(running, 'timeout', errors.CUSTOM_TIMEOUT(module, 'a send', String(sendTimeoutMs)))
      })
      const settle = (outcome: Outcome) => {
        abort.removeEventListener('abort', onAbort)
        timer.cancel()
        resolve(outcome)
      }
      running.calls.set(id, { settle })
      abort.addEventListener('abort', onAbort, { once: true })
      // The bytes belong to the log and to other exporters: the worker gets a copy of its own.
      const { signal, items } = batch
      const { logText } = this.#options
      const isText = logText !== undefined && signal === 'logs'
      const bytes = isText ? new TextEncoder().encode(logText(batch.bytes)) : new Uint8Array(batch.bytes)
      const message: ToWorker = { type: 'send', call: id, signal, items, bytes, isText }
      running.worker.postMessage(message, [bytes.buffer])
    })
  }

  #hear(running: Running, message: FromWorker): void {
    if (message.type === 'log') return this.#line(message.level, message.message)
    if (message.type !== 'answer') return
    this.#losses = 0
    const call = running.calls.get(message.call)
    running.calls.delete(message.call)
    call?.settle(this.#outcome(message.outcome))
    if (message.offHeapBytes > this.#options.memoryBytes) {
      this.#lose(running, 'memory', errors.CUSTOM_MEMORY(this.#options.module))
    }
  }

  #outcome(given: CustomOutcome): Outcome {
    const { module } = this.#options
    if (given.kind === 'delivered') return given
    const words = given.message ?? 'no reason given'
    if (given.kind === 'retry') {
      const after = given.afterMs === undefined ? {} : { afterMs: given.afterMs }
      return { kind: 'retry', ...after, cause: errors.CUSTOM_RETRY(module, words) }
    }
    const large = given.tooLarge === true ? { tooLarge: true } : {}
    return { kind: 'refused', ...large, cause: errors.CUSTOM_REFUSED(module, words) }
  }

  #lose(running: Running, why: 'crash' | 'timeout' | 'memory', cause: Error): void {
    if (this.#current !== running) return
    this.#drop(running, cause)
    this.#delay()
    this.#options.lost(why)
    this.#options.log.warn({ module: this.#options.module, why }, 'the worker of a custom exporter was lost')
    void running.worker.terminate()
  }

  #drop(running: Running, cause: Error): void {
    this.#current = undefined
    this.#running = undefined
    for (const call of running.calls.values()) call.settle({ kind: 'retry', cause })
    running.calls.clear()
  }

  // The first loss costs no delay: one bad batch should not hold up the good ones behind it.
  #delay(): void {
    const delayMs = this.#losses === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (this.#losses - 1), MAX_DELAY_MS)
    this.#losses++
    this.#notBefore = this.#options.clock.now() + delayMs
  }

  #post(running: Running, message: ToWorker): void {
    running.worker.postMessage(message)
  }

  #line(level: Level, message: string): void {
    const now = this.#options.clock.now()
    if (now >= this.#logWindowEnds) {
      this.#logWindowEnds = now + LOG_WINDOW_MS
      this.#logged = 0
    }
    if (this.#logged++ < LOG_LINES) this.#options.log[level]({ module: this.#options.module }, message.slice(0, 500))
  }
}

function crashed(module: string, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error)
  return errors.CUSTOM_CRASHED(module, why.slice(0, 300))
}
