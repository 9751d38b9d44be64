// `prometheus_remote_write`: pushes metrics to a Prometheus remote-write receiver (protocol 1.0).

import { compress } from 'snappyjs'
import type { Dispatcher } from 'undici'
import type { Batch } from '../../core/component/batch.js'
import type { ComponentContext } from '../../core/component/context.js'
import { catalogue } from '../../core/component/errors.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import type { DropReason, Point } from '../../core/metrics/model.js'
import { TARGET, translate } from '../../core/metrics/translate.js'
import { retryAfterMs } from '../../core/net/client-answers.js'
import { dispatcherOf } from '../../core/net/client-dispatcher.js'
import { revealed } from '../../core/net/client-headers.js'
import { ClientReload } from '../../core/net/client-reload.js'
import { type Answer, request } from '../../core/net/client-request.js'
import { sanitise } from '../../core/net/client-words.js'
import { failureWords, statusWords } from '../../core/net/failure-words.js'
import { type RemoteWriteConfig, schema, validate } from './config.js'
import { encodeWriteRequest } from './encode.js'
import { SeriesSet } from './series.js'
import { Sums } from './sums.js'

export const errors = catalogue({
  REMOTE_WRITE_STATUS: (status: number, words: string) =>
    `remote write: HTTP ${status}${words === '' ? '' : `: ${words}`}`,
  REMOTE_WRITE_NO_ANSWER: (why: string) => `remote write: no answer (${why})`
})

/** Not about the data: halving the request finds nothing. */
const ABOUT_US = new Set([401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426])
const MAX_WORDS = 300
const MAX_TARGETS = 10_000

type Counter = 'dropped'

export default defineExporter({
  type: 'prometheus_remote_write',
  aliases: ['prometheusremotewrite'],
  signals: ['metrics'],
  stability: 'beta',
  about: 'Pushes metrics to a Prometheus remote-write receiver.',
  schema,
  counters: {
    dropped: { unit: '{data_point}', about: 'Data points that Prometheus has no place for.', label: 'reason' }
  },
  validate,
  create: (config, context) => new RemoteWriteExporter(config, context)
})

class RemoteWriteExporter implements Exporter {
  readonly limits
  readonly #config: RemoteWriteConfig
  readonly #context: ComponentContext<Counter>
  readonly #sums: Sums
  /** When `target_info` of each target was last sent. */
  readonly #targets = new Map<string, number>()
  readonly #path: string
  readonly #origin: string
  #dispatcher: Dispatcher | undefined
  #headers: Record<string, string> = {}
  readonly #reload: ClientReload
  #turn: Promise<unknown> = Promise.resolve()

  constructor(config: RemoteWriteConfig, context: ComponentContext<Counter>) {
    this.#config = config
    this.#context = context
    this.#sums = new Sums(config.max_delta_series)
    const { origin, pathname, search } = new URL(config.endpoint)
    this.#origin = origin
    this.#path = pathname + search
    this.#reload = new ClientReload({
      ...config,
      everyMs: config.reload_interval,
      where: `exporters.${context.id}`,
      clock: context.clock,
      log: context.log,
      onHeaders: plain => this.#setHeaders(plain),
      onTls: () => this.#reconnect()
    })
    this.limits = { maxBytes: config.max_request_size, maxItems: config.max_request_items }
  }

  async start(): Promise<void> {
    this.#setHeaders(revealed(this.#config.headers))
    this.#dispatcher = await this.#connect()
    await this.#reload.start()
  }

  #setHeaders(plain: Readonly<Record<string, string>>): void {
    this.#headers = {
      'user-agent': 'algoflow-gateway',
      ...plain,
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0'
    }
  }

  #connect(): Promise<Dispatcher> {
    return dispatcherOf({ ...this.#config, max_conns_per_host: 1 }, `exporters.${this.#context.id}.tls`)
  }

  /** New requests go over new connections; what is under way ends on the old ones. */
  async #reconnect(): Promise<void> {
    const next = await this.#connect()
    const old = this.#dispatcher
    this.#dispatcher = next
    old?.close().catch(() => {})
  }

  /** One request at a time: samples of a series must arrive in order, and sums step only when they have arrived. */
  send(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const mine = this.#turn.then(() => this.#sendNow(batch, abort))
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  async stop(): Promise<void> {
    await this.#reload.stop()
    const dispatcher = this.#dispatcher
    this.#dispatcher = undefined
    await dispatcher?.destroy()
  }

  async #sendNow(batch: Batch, abort: AbortSignal): Promise<Outcome> {
    const dispatcher = this.#dispatcher
    if (dispatcher === undefined) return { kind: 'retry', cause: errors.REMOTE_WRITE_NO_ANSWER('not started') }
    const dropped: DropReason[] = []
    const set = this.#seriesOf(batch, dropped)
    if (set instanceof Error) return { kind: 'refused', cause: set }
    const outcome = set.size === 0 ? DELIVERED : await this.#write(dispatcher, set, abort)
    if (outcome.kind !== 'delivered') {
      this.#sums.rollback()
      return outcome
    }
    this.#arrived(set, dropped)
    return outcome
  }

  #seriesOf(batch: Batch, dropped: DropReason[]): SeriesSet | Error {
    const { namespace, external_labels, add_metric_suffixes, native_histograms, max_classic_buckets } = this.#config
    const options = {
      namespace,
      constLabels: external_labels,
      suffixes: add_metric_suffixes,
      resourceLabels: this.#config.resource_to_telemetry_conversion.enabled ?? false,
      scopeLabels: !this.#config.without_scope_info
    }
    const nowMs = this.#context.clock.now()
    const set = new SeriesSet({ native: native_histograms, maxClassicBuckets: max_classic_buckets, nowMs })
    try {
      for (const point of translate(batch.bytes, options, reason => dropped.push(reason)))
        this.#add(point, set, dropped)
      return set
    } catch (error) {
      this.#sums.rollback()
      return error as Error
    }
  }

  #add(point: Point, set: SeriesSet, dropped: DropReason[]): void {
    if (point.family === TARGET) return this.#addTarget(point, set)
    if (!point.delta || point.stale) return set.add(point, point.value)
    if (point.family.type === 'gauge') return void dropped.push('delta_gauge')
    const sum = this.#sums.add(point)
    if (sum === undefined) dropped.push('duplicate')
    else set.add(point, sum)
  }

  /** Batches may come late or overlap; `target_info`, which is the same each time, must not be refused for that. */
  #addTarget(point: Point, set: SeriesSet): void {
    if (this.#config.target_info.enabled === false) return
    if (point.timeMs <= (this.#targets.get(point.key) ?? 0)) return
    set.add(point, point.value)
    set.targets.set(point.key, point.timeMs)
  }

  #arrived(set: SeriesSet, dropped: readonly DropReason[]): void {
    this.#sums.commit()
    for (const [key, timeMs] of set.targets) {
      this.#targets.delete(key)
      this.#targets.set(key, timeMs)
    }
    for (const key of this.#targets.keys()) {
      if (this.#targets.size <= MAX_TARGETS) break
      this.#targets.delete(key)
    }
    for (const reason of dropped) this.#context.count.dropped(1, reason)
  }

  async #write(dispatcher: Dispatcher, set: SeriesSet, abort: AbortSignal): Promise<Outcome> {
    const body = compress(encodeWriteRequest(set, this.#config.send_metadata))
    const options = { origin: this.#origin, path: this.#path, method: 'POST' as const, headers: this.#headers, body }
    try {
      return this.#outcome(await request(dispatcher, options, abort))
    } catch (error) {
      if (abort.aborted) return { kind: 'retry', cause: abort.reason as Error }
      return { kind: 'retry', cause: errors.REMOTE_WRITE_NO_ANSWER(failureWords(error)) }
    }
  }

  /** Remote-write specification, "Retries & Backoff": 5xx and 429 are tried again, other 4xx never. */
  #outcome({ status, body, retryAfter }: Answer): Outcome {
    if (status >= 200 && status < 300) return DELIVERED
    const words = sanitise(body.subarray(0, MAX_WORDS).toString('utf8').trim()) || statusWords(status)
    const cause = errors.REMOTE_WRITE_STATUS(status, words)
    if (status === 429 || status >= 500) {
      const afterMs = retryAfterMs(retryAfter, this.#context.clock.now())
      return { kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), cause }
    }
    if (status === 413) return { kind: 'refused', tooLarge: true, cause }
    return status < 400 || ABOUT_US.has(status) ? { kind: 'refused', whole: true, cause } : { kind: 'refused', cause }
  }
}
