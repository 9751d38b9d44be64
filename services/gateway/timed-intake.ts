// The intake, with the time of each answer in the metrics.

import type { Signal } from '../../core/otlp/signal.js'
import type { Intake } from '../../core/pipeline/intake.js'
import type { GatewayMetrics } from '../../core/telemetry/metrics.js'

export function timedIntake(intake: Intake, metrics: GatewayMetrics): Intake {
  const timers = new Map<string, (seconds: number) => void>()
  const note = (receiver: string, signal: Signal, answer: string, startedAt: number) => {
    const name = `${receiver} ${signal} ${answer}`
    let timer = timers.get(name)
    if (timer === undefined) timers.set(name, (timer = metrics.requestTimer(receiver, signal, answer)))
    timer((performance.now() - startedAt) / 1000)
  }
  return {
    get isOpen() {
      return intake.isOpen
    },
    async take(signal, bytes, receiver) {
      const startedAt = performance.now()
      const answer = await intake.take(signal, bytes, receiver)
      note(receiver, signal, answer.kind, startedAt)
      return answer
    }
  }
}
