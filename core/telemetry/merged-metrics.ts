// Metrics of several gateways (processes, queues) on one page: each one's series get labels that say whose they are.

import { AggregatorRegistry, type MetricObject, Registry } from 'prom-client'

export interface MetricsPart {
  readonly labels: Readonly<Record<string, string>>
  /** As `GatewayMetrics.families` gives them. */
  readonly families: Promise<readonly MetricFamily[]> | readonly MetricFamily[]
}

/** One metric with all its series; plain data that can go from one process to another. */
export type MetricFamily = MetricObject & { readonly values?: readonly Sample[] }

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

/** Metrics as a page and as data. */
export interface PlainMetrics {
  /** Prometheus text format. */
  text(): Promise<string>
  families(): Promise<readonly MetricFamily[]>
  readonly contentType: string
}

/** The metrics of what `parts` gives, asked each time. */
export function mergedMetrics(parts: () => readonly MetricsPart[] | Promise<readonly MetricsPart[]>): PlainMetrics {
  const all = async (): Promise<MetricFamily[][]> =>
    Promise.all((await parts()).map(async ({ labels, families }) => (await families).map(f => labelled(f, labels))))
  return {
    text: async () => AggregatorRegistry.aggregate((await all()) as never).metrics(),
    families: async () => (await all()).flat(),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE
  }
}

/** No two series of different parts are the same any more: adding them up changes none. */
function labelled(family: MetricFamily, labels: Readonly<Record<string, string>>): MetricFamily {
  const values = (family.values ?? []).map(value => ({ ...value, labels: { ...labels, ...value.labels } }))
  return { ...family, aggregator: 'sum', values } as MetricFamily
}
