// What a supervisor and its workers say to each other, over the channel that node:cluster gives them.

import { CodedError, codeOf } from '../../core/component/errors.js'

/** From the supervisor: the text of its config, when it is asked for; a question (a call of `WorkerCalls`); the wish that the worker stops. */
export type ToWorker =
  | { readonly ask: number; readonly call: string; readonly args: readonly unknown[] }
  | { readonly stop: true }
  | { readonly config: string | null }

export type FromWorker =
  | { readonly wants: 'config' }
  | { readonly ready: true }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: { readonly code: string; readonly message: string } }

/** What a worker can be asked, by name. */
export type WorkerCalls = Readonly<Record<string, (...args: never[]) => unknown>>

/** Answers one question; never rejects. */
export async function answerTo(calls: WorkerCalls, ask: Extract<ToWorker, { ask: number }>): Promise<FromWorker> {
  try {
    const call = Object.hasOwn(calls, ask.call) ? calls[ask.call] : undefined
    if (call === undefined) throw new TypeError(`no call ${ask.call}`)
    return { answer: ask.ask, value: await call(...(ask.args as never[])) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { answer: ask.ask, error: { code: codeOf(error), message } }
  }
}

/** The answer's value. @throws the worker's own error, with its code. */
export function answerValue(answer: Extract<FromWorker, { answer: number }>): unknown {
  if ('error' in answer) throw new CodedError(answer.error.code, answer.error.message)
  return answer.value
}
