// `prometheus`: shows metrics on an endpoint that a Prometheus server scrapes.

import type { Batch } from '../../core/component/batch.js'
import type { ComponentContext } from '../../core/component/context.js'
import { defineExporter, type Exporter } from '../../core/component/exporter.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import type { DropReason } from '../../core/metrics/model.js'
import { translate } from '../../core/metrics/translate.js'
import { parseHostPort } from './address.js'
import { type PrometheusConfig, schema, validate } from './config.js'
import { expose } from './exposition.js'
import { ScrapeServer } from './server.js'
import { SeriesStore } from './store.js'

/** Nothing leaves the process, so requests may be as large as the log hands them over. */
const LIMITS = { maxBytes: 64 * 2 ** 20, maxItems: 100_000 }
const SWEEP_MS = 30_000

type Counter = 'dropped' | 'expired'

/** The running exporter; `port` is what tests and logs want to know. */
export interface PrometheusExporter extends Exporter {
  readonly port: number
}

export default defineExporter({
  type: 'prometheus',
  signals: ['metrics'],
  stability: 'beta',
  about: 'Shows metrics on an endpoint that Prometheus scrapes.',
  schema,
  counters: {
    dropped: { unit: '{data_point}', about: 'Data points that are not shown.', label: 'reason' },
    expired: { unit: '{series}', about: 'Series forgotten because nothing came for them any more.' }
  },
  validate,
  inProcess: () => 'it shows what one process has seen, on one port; use `prometheus_remote_write` or one process',
  create
})

function create(config: PrometheusConfig, context: ComponentContext<Counter>): PrometheusExporter {
  const { count, clock, log } = context
  const store = new SeriesStore({
    maxSeries: config.max_series,
    maxBytes: config.max_series_bytes,
    expireMs: config.metric_expiration
  })
  const page = { timestamps: config.send_timestamps, maxClassicBuckets: config.max_classic_buckets }
  const server = new ScrapeServer({
    address: parseHostPort(config.endpoint) ?? { host: 'localhost', port: 0 },
    endpoint: config.endpoint,
    tls: config.tls,
    openMetrics: config.enable_open_metrics,
    expose: format => {
      sweep()
      return expose(store, format, page)
    },
    failed: () => log.debug({}, 'a scrape broke off')
  })
  let timer: { cancel(): void } | undefined

  function sweep(): void {
    const gone = store.expire(clock.now())
    if (gone > 0) count.expired(gone)
  }

  function schedule(): void {
    timer = clock.after(SWEEP_MS, () => {
      sweep()
      schedule()
    })
  }

  function drop(reason: DropReason): void {
    count.dropped(1, reason)
  }

  function take(batch: Batch): void {
    const now = clock.now()
    const names = {
      namespace: config.namespace,
      constLabels: config.const_labels,
      suffixes: config.add_metric_suffixes,
      resourceLabels: config.resource_to_telemetry_conversion.enabled ?? false,
      scopeLabels: !config.without_scope_info
    }
    for (const point of translate(batch.bytes, names, drop)) {
      const reason = store.accept(point, now)
      if (reason !== undefined) drop(reason)
    }
  }

  return {
    limits: LIMITS,
    get port() {
      return server.port
    },
    async start() {
      await server.start()
      schedule()
      log.info({ endpoint: config.endpoint, port: server.port }, 'metrics are shown at /metrics')
    },
    async send(batch): Promise<Outcome> {
      try {
        take(batch)
        return DELIVERED
      } catch (error) {
        return { kind: 'refused', cause: error as Error }
      }
    },
    async stop() {
      timer?.cancel()
      await server.stop()
      store.clear()
    }
  }
}
