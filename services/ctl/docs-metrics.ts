// docs/reference/metrics.md: every metric that a gateway shows about itself, read from the registries that serve /metrics.

import type { CounterSpec } from '../../core/component/context.js'
import { loadConfig } from '../../core/config/load.js'
import type { ComponentKind, Registry } from '../../core/config/registry.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { createLog } from '../../core/telemetry/log.js'
import { GatewayMetrics, type MetricSources } from '../../core/telemetry/metrics.js'
import type { Audit } from '../gateway/control/audit.js'
import { Control } from '../gateway/control/control.js'

const PREFIX = 'algoflow_gateway_'
const HEAD = `# Metrics of the gateway

<!-- Made by \`npm run docs:generate\` from the metrics in the code. Do not edit. -->

What \`/metrics\` of the admin endpoint shows. Units are in the meaning (UCUM, items in braces). Besides these there are the usual
figures of the process, \`process_*\` and \`nodejs_*\`. With \`service.workers\` each series also has the label \`worker\`, and there are
\`algoflow_gateway_worker_up\` and \`algoflow_gateway_worker_restarts_total\`. Metrics of workflows and
steps are not among them: [workflow-metrics.md](../workflow-metrics.md). What to look at and what to be called for:
[dashboards-and-alerts.md](../dashboards-and-alerts.md).`

const ERRORS = `\`${PREFIX}processor_errors_total\` has the pipeline as \`component\` and the processor as \`processor\`: hooks that threw; what
they looked at was removed.`

interface Metric {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly about: string
}

/** The page, whole. */
export async function metricsPage(registry: Registry): Promise<string> {
  const own = [...read(await gatewayText()), ...read(await controlText(registry))]
  const parts = [HEAD, '## The whole gateway', table(own)]
  for (const kind of ['receivers', 'processors', 'exporters'] as const) {
    parts.push(`## ${kind[0]!.toUpperCase()}${kind.slice(1)}`, table(declared(registry, kind)))
    if (kind === 'processors') parts.push(ERRORS)
  }
  return `${parts.join('\n\n')}\n`
}

/** With one series of each kind, so that labels show. */
async function gatewayText(): Promise<string> {
  const metrics = new GatewayMetrics('0')
  metrics.requestTimer('otlp', 'traces', 'accepted')(0)
  metrics.watch(ONE_OF_EACH)
  return await metrics.text()
}

const LINE = { delivered: 0, waiting: 0, parked: 0, dropped: 0, offered: 0, difference: 0 }
const ONE_OF_EACH: MetricSources = {
  ledger: () => ({
    received: [{ stream: 's', items: 0 }],
    streams: [{ stream: 's', received: 0, appended: 0, windowed: 0, dropped: 0, difference: 0 }],
    dropped: [{ by: 'c', stream: 's', reason: 'r', items: 0 }],
    delivered: [{ exporter: 'e', stream: 's', items: 0 }],
    exporters: [{ exporter: 'e', ...LINE }],
    isBalanced: true
  }),
  queue: () => ({ bytes: 0, maxBytes: 0, entries: 0, damagedEntries: 0, spilledBytes: 0 }),
  deliveries: () => [
    {
      exporter: 'e',
      waiting: { entries: 0, items: 0, bytes: 0 },
      oldestAgeMs: 0,
      inFlight: 0,
      retrying: 0,
      concurrency: 0,
      breaker: 'closed',
      breakerOpened: 0,
      parked: { retryingItems: 0, deadItems: 0 },
      attempts: 0,
      retries: 0,
      itemsPerSecond: 0
    }
  ],
  inFlightBytes: () => [{ receiver: 'otlp', bytes: 0 }],
  isReady: () => true
}

async function controlText(registry: Registry): Promise<string> {
  const first = { text: undefined, loaded: loadConfig({ env: {}, registry }) }
  const audit = { isKept: true, head: { seq: 0, hash: '' }, failures: 0 } as unknown as Audit
  const log = createLog({ level: 'error', encoding: 'json', clock: systemClock })
  return await new Control({
    load: () => first,
    first,
    apply: async () => {},
    audit,
    log,
    clock: systemClock
  }).metricsText()
}

/** The gateway's metrics on a page in Prometheus' text format. */
function read(page: string): Metric[] {
  const found = [...page.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n(?:\S+?\{(.*?)\} )?/gm)]
  return found.flatMap(([, name = '', about = '', type = '', labels = '']) => {
    if (!name.startsWith(PREFIX)) return []
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter(label => label !== 'le')
    return [{ name, type, labels: names, about }]
  })
}

function declared(registry: Registry, kind: ComponentKind): Metric[] {
  return registry[kind].flatMap(({ type, counters = {} }) =>
    Object.entries<CounterSpec>(counters).map(([name, { about, unit, label }]) => ({
      name: `${PREFIX}${kind.slice(0, -1)}_${name}_total`,
      type: 'counter',
      labels: ['component', ...(label === undefined ? [] : [label])],
      about: `\`${type}\`: ${about} (${unit})`
    }))
  )
}

function table(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, about }) => {
    const cells = [`\`${name}\``, type, labels.map(label => `\`${label}\``).join(', '), about.replaceAll('|', '\\|')]
    return `| ${cells.join(' | ')} |`
  })
  return ['| metric | kind | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
