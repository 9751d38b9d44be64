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

/** @param calls asked when the question comes: what the supervisor may ask */
export function linkToSupervisor(calls: () => WorkerCalls): Link {
  const say = (message: FromWorker): void => void (process.connected && process.send?.(message))
  const stop = new Promise<string>(resolve => {
    process.on('message', (message: ToWorker) => {
      if ('stop' in message) resolve('supervisor')
      else void answerTo(calls(), message).then(say)
    })
  })
  return { stop, ready: () => say({ ready: true }), close: () => void cluster.worker?.disconnect() }
}
