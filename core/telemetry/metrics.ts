// The gateway's own metrics: process, conservation ledger, queue, deliveries, requests, and each component's counters.
// Totals come from the log when somebody looks, so that what is shown is what is stored.

import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Clock, ComponentContext, Count, CounterSpec, Log } from '../component/context.js'
import type { Labels, Sample } from './families.js'
import { Family, LabelledCells, Timings } from './families.js'
import type { Ledger } from './ledger.js'
import { part } from './log.js'
import type { MetricFamily } from './merged-metrics.js'

const PREFIX = 'algoflow_gateway_'

/** What the metrics read when somebody looks; the app supplies it. Every function is cheap and never throws. */
export interface MetricSources {
  ledger(): Ledger
  queue(): {
    readonly bytes: number
    readonly maxBytes: number
    readonly entries: number
    readonly damagedEntries: number
    readonly spilledBytes?: number
  }
  deliveries(): readonly DeliveryFigures[]
  /** Bytes of requests under way, by receiver. */
  inFlightBytes(): readonly { readonly receiver: string; readonly bytes: number }[]
  isReady(): boolean
  /** False: other gateways share the queue, so that this ledger is a share of theirs and need not add up. Default true. */
  readonly isWholeLedger?: boolean
}

/** The part of an exporter's delivery status that is shown; core/delivery's own status has all of it. */
export interface DeliveryFigures {
  readonly exporter: string
  readonly waiting: { readonly entries: number; readonly items: number; readonly bytes: number }
  readonly oldestAgeMs: number
  readonly inFlight: number
  readonly retrying: number
  readonly concurrency: number
  readonly breaker: string
  /** How often it opened since the start. */
  readonly breakerOpened: number
  readonly parked: { readonly retryingItems: number; readonly deadItems: number }
  readonly attempts: number
  readonly retries: number
  readonly itemsPerSecond: number
}

/** What one component counted since the start. */
export interface ComponentCount {
  readonly component: string
  /** The counter's name as declared: `findings`. */
  readonly counter: string
  /** The value of the counter's label; empty where it has none. */
  readonly of: string
  readonly n: number
}

export interface ComponentParts<C extends string> {
  readonly kind: 'receiver' | 'processor' | 'exporter'
  readonly id: string
  readonly counters?: { readonly [K in C]: CounterSpec } | undefined
  readonly log: Log
  readonly clock: Clock
}

const REQUEST_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** One a process; `text()` is what /metrics serves. */
export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #families = new Map<string, Family>()
  readonly #requests: Timings
  #sources: MetricSources | undefined

  /** @param version shown as a label of `algoflow_gateway_build_info`. */
  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry })
    this.#requests = new Timings(
      this.registry,
      `${PREFIX}request_duration_seconds`,
      'Time from a request read whole to its answer, durable write included (s).',
      REQUEST_BOUNDS
    )
    new Family(this.registry, `${PREFIX}build_info`, 'Version of the gateway and of Node.', 'gauge').cell({
      version,
      node: process.versions.node
    }).value = 1
    this.#registerSources()
  }

  /** Tells where totals, queue and deliveries are read. */
  watch(sources: MetricSources): void {
    this.#sources = sources
  }

  /** Stops reading the sources: they are about to close. */
  unwatch(): void {
    this.#sources = undefined
  }

  /** Notes seconds of requests under these labels; get it once, call it for each request. */
  requestTimer(receiver: string, signal: string, answer: string): (seconds: number) => void {
    return this.#requests.observer({ receiver, signal, answer })
  }

  /** What a component is handed when it is created: its log, the clock, one function per declared counter. */
  context<C extends string>(parts: ComponentParts<C>): ComponentContext<C> {
    const { kind, id, log, clock } = parts
    const count: Record<string, Count> = {}
    for (const [name, spec] of Object.entries<CounterSpec>(parts.counters ?? {})) {
      count[name] = this.#count(kind, id, name, spec)
    }
    return { id, clock, log: part(log, id), count: count as ComponentContext<C>['count'] }
  }

  /** All counters that components declared. */
  componentCounts(): readonly ComponentCount[] {
    return [...this.#families].flatMap(([name, family]) => {
      const counter = /^algoflow_gateway_[a-z]+_(.+)_total$/.exec(name)![1]!
      return [...family.cells()].map(({ labels: { component = '', ...other }, value }) => {
        return { component, counter, of: Object.values(other)[0] ?? '', n: value }
      })
    })
  }

  /** Prometheus text format. */
  text(): Promise<string> {
    return this.registry.metrics()
  }

  /** All metrics with their series as plain data, for a page of several gateways (merged-metrics.ts). */
  families(): Promise<readonly MetricFamily[]> {
    return this.registry.getMetricsAsJSON() as unknown as Promise<readonly MetricFamily[]>
  }

  get contentType(): string {
    return this.registry.contentType
  }

  #count(kind: string, component: string, name: string, spec: CounterSpec): Count {
    const full = `${PREFIX}${kind}_${name}_total`
    const family =
      this.#families.get(full) ?? new Family(this.registry, full, `${spec.about} (${spec.unit})`, 'counter')
    this.#families.set(full, family)
    if (spec.label === undefined) {
      const cell = family.cell({ component })
      return n => {
        cell.value += n
      }
    }
    const { label } = spec
    const cells = new LabelledCells(value => family.cell({ component, [label]: value }))
    return (n, value) => cells.add(n, value ?? '')
  }

  #registerSources(): void {
    const own = (name: string, help: string, type: 'counter' | 'gauge', read: (s: MetricSources) => Iterable<Sample>) =>
      new Family(this.registry, `${PREFIX}${name}`, help, type, () =>
        this.#sources === undefined ? [] : read(this.#sources)
      )
    const one = (value: number): Sample[] => [{ labels: {}, value }]
    own('ready', '1 when the gateway takes data.', 'gauge', s => one(s.isReady() ? 1 : 0))
    this.#ledger(own)
    own('queue_bytes', 'Payload held by the queue (By).', 'gauge', s => one(s.queue().bytes))
    own('queue_limit_bytes', 'Payload the queue may hold (By).', 'gauge', s => one(s.queue().maxBytes))
    own('queue_entries', 'Entries held by the queue ({entry}).', 'gauge', s => one(s.queue().entries))
    own('queue_spilled_bytes', 'Payload on the local disk that Redis could not take yet (By).', 'gauge', s =>
      s.queue().spilledBytes === undefined ? [] : one(s.queue().spilledBytes!)
    )
    own('queue_damaged_entries', 'Entries that were damaged and set aside ({entry}).', 'gauge', s =>
      one(s.queue().damagedEntries)
    )
    own('receiver_in_flight_bytes', 'Bytes of requests under way (By).', 'gauge', s =>
      s.inFlightBytes().map(r => ({ labels: { component: r.receiver }, value: r.bytes }))
    )
    this.#deliveries(own)
  }

  #ledger(own: Register): void {
    own('received_items_total', 'Items taken from senders ({item}).', 'counter', s =>
      s.ledger().received.map(r => ({ labels: { pipeline: r.stream }, value: r.items }))
    )
    own('dropped_items_total', 'Items let go, by whom and why ({item}).', 'counter', s =>
      s
        .ledger()
        .dropped.map(d => ({ labels: { component: d.by, pipeline: d.stream, reason: d.reason }, value: d.items }))
    )
    own('delivered_items_total', 'Items that the back end has ({item}).', 'counter', s =>
      s.ledger().delivered.map(d => ({ labels: { exporter: d.exporter, pipeline: d.stream }, value: d.items }))
    )
    own(
      'windowed_items',
      'Items in a window: undecided, or dropped and still to be brought back ({item}).',
      'gauge',
      s => s.ledger().streams.map(l => ({ labels: { pipeline: l.stream }, value: l.windowed }))
    )
    own(
      'pipeline_difference_items',
      'Items not accounted for before the queue; anything but 0 is a fault ({item}).',
      'gauge',
      s => wholeLedger(s)?.streams.map(l => ({ labels: { pipeline: l.stream }, value: l.difference })) ?? []
    )
    own('parked_items', 'Items set aside: retried later or dead letters ({item}).', 'gauge', s =>
      s.ledger().exporters.map(e => ({ labels: { exporter: e.exporter }, value: e.parked }))
    )
    own('ledger_difference_items', 'Items not accounted for; anything but 0 is a fault ({item}).', 'gauge', s =>
      (wholeLedger(s)?.exporters ?? []).flatMap(e =>
        e.difference === undefined ? [] : [{ labels: { exporter: e.exporter }, value: e.difference }]
      )
    )
  }

  #deliveries(own: Register): void {
    const each = (name: string, help: string, type: 'counter' | 'gauge', value: (d: DeliveryFigures) => number) =>
      own(name, help, type, s =>
        s.deliveries().map(d => ({ labels: { exporter: d.exporter } as Labels, value: value(d) }))
      )
    each(
      'waiting_items',
      'Items in the queue that the exporter is not done with ({item}).',
      'gauge',
      d => d.waiting.items
    )
    each('waiting_bytes', 'The same in bytes (By).', 'gauge', d => d.waiting.bytes)
    each('waiting_age_seconds', 'Age of the oldest item waiting (s).', 'gauge', d => d.oldestAgeMs / 1000)
    each('exporter_in_flight', 'Requests on their way ({request}).', 'gauge', d => d.inFlight)
    each('exporter_retrying', 'Requests waiting for their next try ({request}).', 'gauge', d => d.retrying)
    each('exporter_concurrency', 'Requests that may be on their way at once ({request}).', 'gauge', d => d.concurrency)
    each('exporter_breaker_open', '1 while the breaker keeps requests back.', 'gauge', d =>
      d.breaker === 'closed' ? 0 : 1
    )
    each(
      'exporter_breaker_opened_total',
      'How often the breaker opened since the start.',
      'counter',
      d => d.breakerOpened
    )
    each(
      'dead_letter_items',
      'Items that were given up and wait for a person ({item}).',
      'gauge',
      d => d.parked.deadItems
    )
    each('exporter_attempts_total', 'Requests sent since the start ({request}).', 'counter', d => d.attempts)
    each('exporter_retries_total', 'Requests that failed and are tried again ({request}).', 'counter', d => d.retries)
  }
}

type Register = (
  name: string,
  help: string,
  type: 'counter' | 'gauge',
  read: (s: MetricSources) => Iterable<Sample>
) => Family

/** The ledger, where this gateway's own must add up. */
function wholeLedger(sources: MetricSources): Ledger | undefined {
  return sources.isWholeLedger === false ? undefined : sources.ledger()
}
