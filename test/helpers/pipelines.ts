// The real intake (pipelines without processors over a memory log) that also records what receivers handed it.

import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { Chain } from '../../core/pipeline/chain.js'
import type { Answer, Intake } from '../../core/pipeline/intake.js'
import { Pipelines } from '../../core/pipeline/pipelines.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { systemClock } from '../../core/telemetry/clock.js'
import type { Taken } from './receiver.js'

export interface RealIntake extends Intake {
  readonly taken: readonly Taken[]
}

/** One pipeline per signal for the receiver `otlp`. */
export async function realIntake(t: { teardown(fn: () => Promise<void>): void }): Promise<RealIntake> {
  const streams = SIGNALS.map(signal => `${signal}/test`)
  const log = new MemoryLog({ maxBytes: 64 << 20 })
  await log.start()
  await log.cursors(new Map([['test', streams]]))
  t.teardown(() => log.stop())
  const pipelines = new Pipelines({
    log,
    pipelines: SIGNALS.map((signal, i) => ({
      id: streams[i]!,
      signal,
      receivers: new Set(['otlp']),
      exporters: ['test'],
      chain: new Chain(signal, [], { failed: () => {} }),
      pressure: () => undefined
    })),
    clock: systemClock,
    retryAfterMs: () => 1000,
    onRefused: () => {}
  })
  const taken: Taken[] = []
  return {
    taken,
    get isOpen() {
      return pipelines.isOpen
    },
    take(signal: Signal, bytes: Buffer, receiver: string): Promise<Answer> {
      taken.push({ signal, bytes, receiver })
      return pipelines.take(signal, bytes, receiver)
    }
  }
}
