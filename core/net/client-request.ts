// One HTTP request with undici's dispatch: no stream, no body mixin, only what an OTLP answer needs.

import type { Dispatcher } from 'undici'
import { MAX_ANSWER_BYTES } from './client-answers.js'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string | undefined
  /** At most MAX_ANSWER_BYTES. */
  readonly body: Buffer
}

const EMPTY = Buffer.alloc(0)

/** Sends and reads the answer. Rejects when there is none: connection refused, reset, aborted. */
export function request(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  abort: AbortSignal
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(options, new Handler(resolve, reject, abort))
  })
}

class Handler implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: unknown) => void
  readonly #abort: AbortSignal
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #contentType = ''
  #retryAfter: string | undefined
  #chunks: Buffer[] = []
  #size = 0

  constructor(resolve: (answer: Answer) => void, reject: (error: unknown) => void, abort: AbortSignal) {
    this.#resolve = resolve
    this.#reject = reject
    this.#abort = abort
    abort.addEventListener('abort', this.#aborted, { once: true })
  }

  /** Also when the request still waits for a connection: then there is no controller to abort yet. */
  readonly #aborted = () => {
    this.#controller?.abort(this.#abort.reason as Error)
    this.#reject(this.#abort.reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#abort.aborted) controller.abort(this.#abort.reason as Error)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    this.#status = status
    this.#contentType = text(headers['content-type']) ?? ''
    this.#retryAfter = text(headers['retry-after'])
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size <= MAX_ANSWER_BYTES) {
      this.#chunks.push(chunk)
      return
    }
    this.#settle() // the status is known and nobody reads further: cheaper to lose the connection
    controller.abort(new Error('answer larger than its limit'))
  }

  onResponseEnd(): void {
    this.#settle()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#abort.removeEventListener('abort', this.#aborted)
    this.#reject(error)
  }

  #settle(): void {
    this.#abort.removeEventListener('abort', this.#aborted)
    const body =
      this.#chunks.length === 0 ? EMPTY : this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, contentType: this.#contentType, retryAfter: this.#retryAfter, body })
  }
}

function text(header: unknown): string | undefined {
  return typeof header === 'string' ? header : Array.isArray(header) ? String(header[0]) : undefined
}
