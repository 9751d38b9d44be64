// Prints what arrives to stdout: the first thing to switch on when one wonders whether anything arrives at all.

import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { logLines } from '../../core/algoflow/log-lines.js'
import type { Batch } from '../../core/component/batch.js'
import type { TraceNames } from '../../core/component/context.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import { type DebugConfig, schema } from './config.js'
import { basic, detailed, normal } from './print.js'

const SECOND_MS = 1000
const LIMITS = { maxBytes: 16 * 1024 * 1024, maxItems: Number.MAX_SAFE_INTEGER }

/** The exporter, with the stream to print to: stdout, or a test's. */
export function debugExporter(
  id: string,
  config: DebugConfig,
  now: () => number,
  out: Writable,
  names?: TraceNames
): Exporter {
  let [second, printed, leftOut] = [0, 0, 0]

  function isShown(): boolean {
    const current = Math.floor(now() / SECOND_MS)
    if (current !== second) [second, printed] = [current, 0]
    printed++
    if (printed <= config.sampling_initial) return true
    return (printed - config.sampling_initial) % config.sampling_thereafter === 0
  }

  function text(batch: Batch): string {
    const lines = [`${new Date(now()).toISOString()} ${basic(id, batch, leftOut)}`]
    if (config.verbosity === 'normal') lines.push(...normal(batch))
    if (config.verbosity === 'detailed') lines.push(...detailed(batch))
    return `${lines.join('\n')}\n`
  }

  return {
    limits: LIMITS,
    async send(batch, abort): Promise<Outcome> {
      if (config.encoding !== undefined && batch.signal !== 'logs') return DELIVERED
      if (config.encoding === undefined && !isShown()) {
        leftOut++
        return DELIVERED
      }
      const shown = config.encoding === undefined ? text(batch) : logLines(batch.bytes, names)
      leftOut = 0
      if (out.write(shown)) return DELIVERED
      try {
        await once(out, 'drain', { signal: abort }) // a reader that stands still must not fill our memory
        return DELIVERED
      } catch (cause) {
        return { kind: 'retry', cause: cause as Error }
      }
    }
  }
}

export default defineExporter({
  type: 'debug',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  about: 'Prints what arrives to stdout, a line a batch, rate limited.',
  schema,
  create(config, context) {
    const { id, clock } = context
    const names = config.encoding === undefined ? undefined : context.traceNames
    return debugExporter(id, config, () => clock.now(), process.stdout, names)
  }
})
