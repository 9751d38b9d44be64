// A windowed processor on a real log with a clock moved by hand: traces in, what comes out.

import { configOf } from '../../core/config/check.js'
import type { Signal } from '../../core/otlp/signal.js'
import { arrivalStream, WindowedStage } from '../../core/pipeline/windowed.js'
import type { Log } from '../../core/queue/log.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { ledgerOf } from '../../core/telemetry/ledger.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'
import { type TestContext, testContext } from './context.js'
import { oracle, type Plain } from './otlp-oracle.js'
import { ManualClock, silentLog } from './receiver.js'

export interface SpanSpec {
  /** First byte of its randomness, 0 to 255: 128 is kept at 50 %. Default 0: dropped at any chance below 100 %. */
  readonly r?: number
  readonly trace: number
  readonly span?: number
  readonly root?: boolean
  readonly error?: boolean
  /** Status OK. */
  readonly ok?: boolean
  /** Span flags: 1 = sampled. */
  readonly flags?: number
  /** Start, milliseconds after the others'. */
  readonly from?: number
  readonly attributes?: Readonly<Record<string, string | number | boolean>>
  readonly resource?: Readonly<Record<string, string>>
  readonly state?: string
  readonly ms?: number
  readonly severity?: number
}

export interface Out {
  readonly trace: number
  readonly span: number
  readonly state: string
  readonly marks: readonly string[]
}

const BOTH: readonly Signal[] = ['traces', 'logs']

function traceId({ trace, r = 0 }: SpanSpec): Buffer {
  const id = Buffer.alloc(16, 0x11)
  id.writeInt32BE(trace, 0)
  id[9] = r
  return id
}

function spanId({ trace, span = 1 }: SpanSpec): Buffer {
  const id = Buffer.alloc(8)
  id.writeInt32BE(trace, 0)
  id.writeUInt32BE(span, 4)
  return id
}

function pairs(values: Readonly<Record<string, string | number | boolean>> = {}): Plain[] {
  return Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: BigInt(value) }
            : { doubleValue: value }
  }))
}

const START = 1_700_000_000_000_000_000n

function itemOf(signal: Signal, spec: SpanSpec): Plain {
  const common = { traceId: traceId(spec), spanId: spanId(spec), attributes: pairs(spec.attributes) }
  if (signal === 'logs')
    return { ...common, severityNumber: spec.severity ?? 9, ...(spec.trace < 0 ? { traceId: Buffer.alloc(0) } : {}) }
  return {
    ...common,
    ...(spec.root ? {} : { parentSpanId: Buffer.alloc(8, 9) }),
    ...(spec.state === undefined ? {} : { traceState: spec.state }),
    name: 'step',
    startTimeUnixNano: START + BigInt(Math.round((spec.from ?? 0) * 1e6)),
    endTimeUnixNano: START + BigInt(Math.round(((spec.from ?? 0) + (spec.ms ?? 1)) * 1e6)),
    ...(spec.flags === undefined ? {} : { flags: spec.flags }),
    ...(spec.ok ? { status: { code: 1 } } : {}),
    ...(spec.error ? { status: { code: 2 } } : {})
  }
}

export function requestOf(signal: Signal, specs: readonly SpanSpec[]): Buffer {
  const items = specs.map(spec => itemOf(signal, spec))
  const resource = { attributes: pairs(specs[0]?.resource) }
  return signal === 'logs'
    ? oracle.encodeRequest('logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: items }] }] })
    : oracle.encodeRequest('traces', { resourceSpans: [{ resource, scopeSpans: [{ spans: items }] }] })
}

export class WindowRig {
  readonly clock = new ManualClock()
  readonly log: Log
  readonly context: TestContext<string>
  readonly #settings: object
  stage!: WindowedStage

  /** `part`: the gateway's part of a target for all, see `SharedRates`. */
  constructor(settings: object, log?: (now: () => number) => Log, part?: (name: string, rate: number) => number) {
    this.#settings = settings
    const now = () => this.clock.now()
    this.log = log?.(now) ?? new MemoryLog({ maxBytes: 1 << 26, now })
    const context = testContext('tail_sampling', this.clock)
    this.context = part === undefined ? context : { ...context, rates: { part } }
  }

  /** Opens the log and starts the window; again after `stop`: a restart. */
  async start(): Promise<this> {
    await this.log.start()
    this.stage = new WindowedStage({
      id: 'tail_sampling',
      processor: declaration.create(configOf(schema, this.#settings), this.context as never),
      streams: BOTH.map(id => ({ id, signal: id, arrival: arrivalStream(id), exporters: ['out'] })),
      log: this.log,
      clock: this.clock,
      logger: silentLog,
      maxLogBytes: 1 << 26
    })
    await this.log.cursors(new Map([...this.stage.readers(), ['out', BOTH]]))
    await this.stage.start()
    return this
  }

  async stop(): Promise<void> {
    await this.stage.stop()
    await this.log.stop()
  }

  async receive(specs: readonly SpanSpec[], signal: Signal = 'traces'): Promise<void> {
    const counts = new Map([
      [`received|${signal}`, specs.length],
      [`windowed|${signal}|tail_sampling`, specs.length]
    ])
    const bytes = requestOf(signal, specs)
    await this.log.commit({ appends: [{ stream: arrivalStream(signal), items: specs.length, bytes }], counts })
    await this.stage.settle()
  }

  /** Lets time pass, with what falls due on the way. */
  async after(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.move(Math.min(left, 1000))
      await this.stage.settle()
    }
  }

  ledger() {
    const out = this.log.status().cursors.find(({ cursor }) => cursor === 'out')
    return ledgerOf(this.log.counts(), new Map([['out', out?.waitingItems ?? 0]]))
  }

  /** Reasons of drops and their items. */
  dropped(): Record<string, number> {
    return Object.fromEntries(this.ledger().dropped.map(({ reason, items }) => [reason, items]))
  }

  /** Everything that came out so far. */
  out(signal: Signal = 'traces'): Out[] {
    const entries = this.log.read('out', -1, { maxItems: 1e9, maxBytes: 1e9 }).filter(entry => entry.stream === signal)
    return entries.flatMap(({ bytes }) => itemsIn(oracle.decodeRequest(signal, bytes)))
  }

  traces(signal: Signal = 'traces'): number[] {
    return [...new Set(this.out(signal).map(({ trace }) => trace))].sort((a, b) => a - b)
  }
}

function itemsIn(request: Plain): Out[] {
  const all = JSON.parse(
    JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  ) as { [key: string]: { [key: string]: { [key: string]: Raw[] }[] }[] }
  const resources = all['resourceSpans'] ?? all['resourceLogs'] ?? []
  return resources
    .flatMap(resource => resource['scopeSpans'] ?? resource['scopeLogs'] ?? [])
    .flatMap(scope => scope['spans'] ?? scope['logRecords'] ?? [])
    .map(raw => {
      const id = Buffer.from(raw.spanId.data)
      return {
        trace: id.readInt32BE(0),
        span: id.readInt32BE(4),
        state: raw.traceState ?? '',
        marks: (raw.attributes ?? []).map(({ key }) => key).filter(key => key.startsWith('sampling.'))
      }
    })
}

interface Raw {
  readonly spanId: { readonly data: number[] }
  readonly traceState?: string
  readonly attributes?: readonly { readonly key: string }[]
}
