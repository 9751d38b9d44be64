// The table of metrics for docs/workflow-metrics.md, made from their declaration.

import { METRICS, type MetricSpec } from './metrics.js'

/** Prometheus' words for units (OpenTelemetry: Prometheus compatibility); annotations in braces are left out. */
const PROMETHEUS_UNITS: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes' }

/** The name that Prometheus shows. */
export function prometheusName({ name, unit, kind }: MetricSpec): string {
  const word = PROMETHEUS_UNITS[unit]
  const parts = [name.replaceAll('.', '_')]
  if (word !== undefined) parts.push(word)
  if (kind === 'counter') parts.push('total')
  return parts.join('_')
}

/** Markdown. */
export function metricTable(): string {
  const rows = Object.values(METRICS).map((metric: MetricSpec) => {
    const labels = metric.labels.map(label => `\`${label}\``).join(', ')
    return `| \`${metric.name}\` | ${metric.kind} | \`${metric.unit}\` | ${labels} | \`${prometheusName(metric)}\` | ${metric.about} |`
  })
  return [
    '| metric | kind | unit | attributes | in Prometheus | what it says |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows
  ].join('\n')
}
