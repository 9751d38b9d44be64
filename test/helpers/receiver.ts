// A real OTLP receiver on port 0 in front of an intake that records what it was handed and answers as told.

import type { Clock, Log } from '../../core/component/context.js'
import { configOf } from '../../core/config/check.js'
import type { Signal } from '../../core/otlp/signal.js'
import type { Answer, Intake } from '../../core/pipeline/intake.js'
import { schema } from '../../services/gateway/receivers/otlp/config.js'
import { createOtlpReceiver, type OtlpReceiver } from '../../services/gateway/receivers/otlp/index.js'

export interface Taken {
  readonly signal: Signal
  readonly bytes: Buffer
  readonly receiver: string
}

export const ACCEPTED: Answer = { kind: 'accepted', rejected: 0, message: '' }

/** Records every batch; `answer` may be replaced, by a promise too. */
export class RecordingIntake implements Intake {
  readonly taken: Taken[] = []
  isOpen = true
  answer: (taken: Taken) => Answer | Promise<Answer> = () => ACCEPTED

  async take(signal: Signal, bytes: Buffer, receiver: string): Promise<Answer> {
    const taken = { signal, bytes, receiver }
    this.taken.push(taken)
    return this.answer(taken)
  }
}

/** Counts by `counter` or `counter:label`. */
export class Counts {
  readonly values: Record<string, number> = {}

  of(name: string) {
    return (n: number, label?: string) => {
      const key = label === undefined ? name : `${name}:${label}`
      this.values[key] = (this.values[key] ?? 0) + n
    }
  }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** The machine's clock, for tests of sockets. */
export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000
  #timers: { at: number; fn: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, fn: () => void) {
    const timer = { at: this.#now + ms, fn }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter(other => other !== timer)
      }
    }
  }

  /** Moves on and runs what is due, in order. */
  move(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const next = this.#timers.filter(timer => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#now = next.at
      next.fn()
    }
    this.#now = until
  }
}

export interface TestReceiver {
  readonly receiver: OtlpReceiver
  readonly intake: RecordingIntake
  readonly counts: Record<string, number>
  /** `host:port` */
  readonly grpc: string
  /** `http://host:port` */
  readonly http: string
}

interface Given {
  readonly http?: object
  readonly grpc?: object
  readonly rest?: object
  readonly clock?: Clock
  readonly intake?: Intake
}

/** Starts one; stops it when the test ends. */
export async function startReceiver(
  t: { teardown(fn: () => Promise<void>): void },
  given: Given = {}
): Promise<TestReceiver> {
  const intake = new RecordingIntake()
  const counts = new Counts()
  const protocols = {
    grpc: { endpoint: '127.0.0.1:0', ...given.grpc },
    http: { endpoint: '127.0.0.1:0', ...given.http }
  }
  const receiver = createOtlpReceiver('otlp', configOf(schema, { protocols, ...given.rest }), {
    intake: given.intake ?? intake,
    log: silentLog,
    clock: given.clock ?? realClock,
    count: {
      requests: counts.of('requests'),
      refused: counts.of('refused'),
      aborted: counts.of('aborted'),
      bytes: counts.of('bytes'),
      key_uses: counts.of('key_uses')
    }
  })
  await receiver.start()
  t.teardown(() => receiver.stop(0))
  const { grpc, http } = receiver.endpoints()
  return { receiver, intake, counts: counts.values, grpc: grpc!, http: `http://${http}` }
}
