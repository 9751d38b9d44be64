// A component context whose clock is moved by hand and whose counters and log lines can be read.

import type { ComponentContext, Count, Log } from '../../core/component/context.js'
import { Counts, ManualClock } from './receiver.js'

export interface TestContext<C extends string> extends ComponentContext<C> {
  readonly clock: ManualClock
  /** Sums by counter, and by `counter:label`. */
  readonly counted: Record<string, number>
  /** `level message` of every log line. */
  readonly lines: string[]
}

/** A context for one component; give two the same clock to make them live at the same time. */
export function testContext<C extends string>(id: string, clock = new ManualClock()): TestContext<C> {
  const counts = new Counts()
  const lines: string[] = []
  const line = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`)
  const log: Log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const count = new Proxy({}, { get: (_, name: string) => counts.of(name) }) as Record<C, Count>
  return { id, log, clock, count, counted: counts.values, lines }
}
