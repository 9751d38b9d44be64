// `custom`: an exporter of the user's own, from a module, in a worker thread.

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { logLines } from '../../core/algoflow/log-lines.js'
import { defineExporter } from '../../core/component/exporter.js'
import { schema } from './config.js'
import { WorkerHost } from './host.js'

export default defineExporter({
  type: 'custom',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Hands batches to a module of your own, run in a worker thread with limits of time and memory.',
  schema,
  counters: {
    worker_losses: { unit: '{worker}', about: 'Workers that were lost and replaced.', label: 'reason' }
  },
  create(config, context) {
    const { id, clock, log, count } = context
    const names = config.encoding === undefined ? undefined : context.traceNames
    const host = new WorkerHost({
      setup: { id, module: pathToFileURL(resolve(config.module)).href, config: config.config },
      module: config.module,
      env: pick(process.env, config.env),
      memoryBytes: config.memory_limit,
      startTimeoutMs: config.start_timeout,
      sendTimeoutMs: config.send_timeout,
      ...(config.encoding === undefined ? {} : { logText: (bytes: Buffer) => logLines(bytes, names) }),
      clock,
      log,
      lost: why => count.worker_losses(1, why)
    })
    return {
      limits: { maxBytes: config.max_request_bytes, maxItems: config.max_request_items },
      start: () => host.start(),
      send: (batch, abort) => host.send(batch, abort),
      stop: () => host.stop()
    }
  }
})

function pick(from: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const out: Record<string, string> = {}
  for (const name of names) {
    const value = from[name]
    if (value !== undefined) out[name] = value
  }
  return out
}
