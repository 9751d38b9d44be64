// A worker's end of the channel to its supervisor.

import cluster from 'node:cluster'
import type { FromWorker, ToWorker, WorkerCalls } from './messages.js'
import { answerTo } from './messages.js'

export interface Link {
  /** Resolves when the supervisor wants the worker to stop. */
  readonly stop: Promise<string>
  ready(): void
  /** Nothing more is heard or said: the process may end. */
  close(): void
}

/** The text of the config that the supervisor runs; undefined: the defaults. */
export function configFromSupervisor(): Promise<string | undefined> {
  return new Promise(resolve => {
    const hear = (message: ToWorker): void => {
      if (!('config' in message)) return
      process.off('message', hear)
      resolve(message.config ?? undefined)
    }
    process.on('message', hear)
    process.send?.({ wants: 'config' } satisfies FromWorker)
  })
}

/** @param calls asked when the question comes: what the supervisor may ask */
export function linkToSupervisor(calls: () => WorkerCalls): Link {
  const say = (message: FromWorker): void => void (process.connected && process.send?.(message))
  const stop = new Promise<string>(resolve => {
    process.on('message', (message: ToWorker) => {
      if ('stop' in message) resolve('supervisor')
      else if ('config' in message) return
      else void answerTo(calls(), message).then(say)
    })
  })
  return { stop, ready: () => say({ ready: true }), close: () => void cluster.worker?.disconnect() }
}
