// What tests of delivery and exporters share: numbered items, a parking in memory, a scripted exporter.

import type { Batch } from '../../core/component/batch.js'
import type { Log as Logger } from '../../core/component/context.js'
import type { Exporter, RequestLimits } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import type { ExporterConfig, RetryConfig, SendingQueueConfig } from '../../core/config/types.js'
import { Delivery } from '../../core/delivery/delivery.js'
import { exporterLedger } from '../../core/delivery/ledger.js'
import type { Tuning } from '../../core/delivery/options.js'
import type { Signal } from '../../core/otlp/signal.js'
import type { Log } from '../../core/queue/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import type { Parked, Parking, ParkingStatus, ToPark } from '../../core/queue/parking.js'
import { oracle, type Plain } from './otlp-oracle.js'
import { ManualClock, silentLog } from './receiver.js'

const REQUEST_OF: Readonly<Record<Signal, (names: readonly string[]) => Plain>> = {
  traces: names => ({ resourceSpans: [{ scopeSpans: [{ spans: names.map(name => ({ name })) }] }] }),
  logs: names => ({
    resourceLogs: [{ scopeLogs: [{ logRecords: names.map(name => ({ body: { stringValue: name } })) }] }]
  }),
  metrics: names => ({
    resourceMetrics: [
      { scopeMetrics: [{ metrics: names.map(name => ({ name, gauge: { dataPoints: [{ asDouble: 1 }] } })) }] }
    ]
  })
}

/** A request whose items carry the numbers from `first`. `pad` makes each item larger. */
export function numbered(first: number, count: number, signal: Signal = 'traces', pad = 0): Buffer {
  const names = Array.from({ length: count }, (_, i) => `item-${first + i};${'x'.repeat(pad)}`)
  return oracle.encodeRequest(signal, REQUEST_OF[signal](names))
}

/** The numbers in a request (or a text). */
export function numbersIn(bytes: Buffer): number[] {
  return [...bytes.toString('latin1').matchAll(/item-(\d+);/g)].map(match => Number(match[1]))
}

export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

/** The Parking contract, without a disk; it outlives deliveries, as a store does. */
export class TinyParking implements Parking {
  readonly all = new Map<string, Parked>()
  /** Set to make `park` fail. */
  failure: Error | undefined
  #next = 1

  constructor(readonly now: () => number = Date.now) {}

  async start(): Promise<void> {}

  async park(what: ToPark): Promise<string> {
    if (this.failure) throw this.failure
    const id = String(this.#next++).padStart(12, '0')
    this.all.set(id, { ...what, id, parkedAt: this.now(), size: what.bytes.length })
    return id
  }

  due(exporter: string, now: number, max: number): readonly Parked[] {
    return this.#of(exporter, false)
      .filter(({ dueAt }) => dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt)
      .slice(0, max)
  }

  dead(exporter: string, afterId: string | undefined, max: number): readonly Parked[] {
    return this.#of(exporter, true)
      .filter(({ id }) => afterId === undefined || id > afterId)
      .slice(0, max)
  }

  get(id: string): Parked | undefined {
    return this.all.get(id)
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.all.delete(id)
  }

  status(): readonly ParkingStatus[] {
    const exporters = new Set([...this.all.values()].map(({ exporter }) => exporter))
    return [...exporters].map(exporter => {
      const [retrying, dead] = [this.#of(exporter, false), this.#of(exporter, true)]
      const bytes = [...retrying, ...dead].reduce((sum, parked) => sum + parked.bytes.length, 0)
      const deadBytes = dead.reduce((sum, { size }) => sum + size, 0)
      const [retryingItems, deadItems] = [items(retrying), items(dead)]
      return { exporter, retrying: retrying.length, retryingItems, dead: dead.length, deadItems, deadBytes, bytes }
    })
  }

  async expire(before: number): Promise<number> {
    const old = [...this.all.values()].filter(({ dead, parkedAt }) => dead && parkedAt < before)
    await this.remove(old.map(({ id }) => id))
    return old.length
  }

  async stop(): Promise<void> {}

  #of(exporter: string, dead: boolean): Parked[] {
    return [...this.all.values()].filter(parked => parked.exporter === exporter && parked.dead === dead)
  }
}

function items(parked: readonly Parked[]): number {
  return parked.reduce((sum, { items }) => sum + items, 0)
}

export type Script = (batch: Batch, call: number, abort: AbortSignal) => Outcome | Promise<Outcome>

/** Answers by a script and remembers what was delivered, in order. */
export class ScriptedExporter implements Exporter {
  readonly limits: RequestLimits
  readonly delivered: number[] = []
  readonly batches: {
    readonly signal: Signal
    readonly numbers: number[]
    readonly items: number
    readonly at: number
  }[] = []
  inFlight = 0
  peak = 0

  constructor(
    readonly script: Script = () => DELIVERED,
    limits: Partial<RequestLimits> = {},
    readonly now: () => number = Date.now
  ) {
    this.limits = { maxBytes: 1 << 20, maxItems: 1000, ...limits }
  }

  async send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const numbers = numbersIn(batch.bytes)
    this.batches.push({ signal: batch.signal, numbers, items: batch.items, at: this.now() })
    this.peak = Math.max(this.peak, ++this.inFlight)
    try {
      const outcome = await this.script(batch, this.batches.length, abort)
      if (outcome.kind === 'delivered') this.delivered.push(...numbers)
      return outcome
    } finally {
      this.inFlight--
    }
  }
}

export interface Rig {
  readonly clock: ManualClock
  readonly log: Log
  readonly parking: TinyParking
  readonly exporter: ScriptedExporter
  delivery: Delivery
  /** Appends a numbered request and lets delivery see it. */
  put(first: number, count: number, stream?: string, pad?: number): Promise<void>
  /** Moves the clock in steps, letting everything run in between. */
  move(ms: number, step?: number): Promise<void>
  /** A new delivery over the same stores, as after a restart. */
  restart(exporter: Exporter): Promise<void>
  ledger(): { delivered: number; waiting: number; parked: number; dropped: Record<string, number>; total: number }
}

export interface RigOptions {
  readonly deadLetterBytes?: number
  readonly script?: Script
  readonly limits?: Partial<RequestLimits>
  readonly queue?: Partial<SendingQueueConfig>
  readonly retry?: Partial<RetryConfig>
  readonly timeoutMs?: number
  readonly tuning?: Partial<Tuning>
  readonly random?: () => number
  readonly start?: boolean
  readonly logger?: Logger
  /** Other stores than those in memory. */
  readonly stores?: { readonly log: Log; readonly parking: Parking }
}

export const RETRY: RetryConfig = {
  enabled: true,
  initialIntervalMs: 1000,
  maxIntervalMs: 30_000,
  multiplier: 2,
  randomizationFactor: 0.5,
  maxElapsedMs: 300_000
}

export const QUEUE: SendingQueueConfig = {
  maxBytes: 1 << 30,
  numConsumers: 4,
  overflow: 'block',
  batch: { minItems: 0, maxItems: 0, flushTimeoutMs: 0 }
}

/** A delivery of one exporter `back` over a log in memory and a clock that stands still. */
export async function rig(
  t: { teardown(fn: () => void | Promise<void>): void },
  options: RigOptions = {}
): Promise<Rig> {
  const clock = new ManualClock()
  const parking = new TinyParking(() => clock.now())
  const log = options.stores?.log ?? new MemoryLog({ maxBytes: 1 << 30, now: () => clock.now() })
  if (options.stores === undefined) await log.start()
  await log.cursors(new Map([['back', ['traces', 'metrics', 'logs', 'traces/x']]]))
  const exporter = new ScriptedExporter(options.script, options.limits, () => clock.now())
  const config: ExporterConfig = {
    id: 'back',
    type: 'scripted',
    config: {},
    sendingQueue: { ...QUEUE, ...options.queue },
    retry: { ...RETRY, ...options.retry },
    timeoutMs: options.timeoutMs ?? 5000,
    ...(options.deadLetterBytes === undefined ? {} : { deadLetterBytes: options.deadLetterBytes })
  }
  const make = (to: Exporter) =>
    new Delivery({
      config,
      exporter: to,
      log,
      parking: options.stores?.parking ?? parking,
      clock,
      logger: options.logger ?? silentLog,
      random: options.random ?? (() => 0.5),
      ...(options.tuning ? { tuning: options.tuning } : {})
    })
  const built: Rig = {
    clock,
    log,
    parking,
    exporter,
    delivery: make(exporter),
    async put(first, count, stream = 'traces', pad = 0) {
      const bytes = numbered(first, count, stream.split('/')[0] as Signal, pad)
      await log.commit({ appends: [{ stream, items: count, bytes }] })
      await settle()
    },
    async move(ms, step = ms) {
      for (let moved = 0; moved < ms; moved += step) {
        clock.move(Math.min(step, ms - moved))
        await settle()
      }
    },
    async restart(to) {
      built.delivery = make(to)
      await built.delivery.start()
      await settle()
    },
    ledger() {
      const { delivered, parked, dropped, droppedTotal } = exporterLedger(log.counts(), 'back')
      const waiting = log.status().cursors.find(({ cursor }) => cursor === 'back')!.waitingItems
      const total = delivered + parked + droppedTotal + waiting
      return { delivered, parked, waiting, dropped: Object.fromEntries(dropped), total }
    }
  }
  if (options.start !== false) await built.delivery.start()
  t.teardown(async () => {
    const stopped = built.delivery.stop(0)
    await built.move(20_000, 5000)
    await stopped
  })
  return built
}

/** Lets promises, immediates and the next ones run. */
export async function settle(rounds = 12): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise(resolve => setImmediate(resolve))
}
