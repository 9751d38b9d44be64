// The two text formats: Prometheus text 0.0.4 and OpenMetrics 1.0.0 (with units, info metrics and exemplars).

import { formatFloat } from '../../core/metrics/format.js'
import type { Exemplar, Family, Labels, Value } from '../../core/metrics/model.js'
import { classicBuckets, fittingLabels, newest } from './buckets.js'
import type { Series, StoredFamily } from './store.js'

export interface TextOptions {
  readonly openMetrics: boolean
  /** Write the time of each point. */
  readonly timestamps: boolean
  /** Classic buckets a sign that an exponential histogram may become. */
  readonly maxClassicBuckets: number
}

/** One family in text; '' when it has no series. */
export function* writeFamily(stored: StoredFamily, options: TextOptions): Generator<string> {
  const shape = shapeOf(stored.family, options)
  yield heading(stored.family, shape, options)
  for (const series of stored.series.values()) yield writeSeries(shape, series, options)
}

/** How a family's lines are named. */
interface Shape {
  /** Name in `# TYPE`, before suffixes of samples. */
  readonly family: string
  readonly type: string
  /** Name of the one sample of counters, gauges and infos. */
  readonly sample: string
  readonly isCounter: boolean
}

function shapeOf(family: Family, { openMetrics }: TextOptions): Shape {
  const { name, type } = family
  if (type === 'info') {
    const sample = `${name}_info`
    return { family: openMetrics ? name : sample, type: openMetrics ? 'info' : 'gauge', sample, isCounter: false }
  }
  if (type === 'unknown') {
    return { family: name, type: openMetrics ? 'unknown' : 'untyped', sample: name, isCounter: false }
  }
  if (type !== 'counter' || !openMetrics) return { family: name, type, sample: name, isCounter: type === 'counter' }
  // OpenMetrics knows counters by `_total` alone; without suffixes the name is kept and the type given up.
  if (!name.endsWith('_total')) return { family: name, type: 'unknown', sample: name, isCounter: false }
  return { family: name.slice(0, -'_total'.length), type, sample: name, isCounter: true }
}

function heading(family: Family, shape: Shape, { openMetrics }: TextOptions): string {
  let text = ''
  if (family.help !== '') text += `# HELP ${shape.family} ${escapeHelp(family.help, openMetrics)}\n`
  text += `# TYPE ${shape.family} ${shape.type}\n`
  // OpenMetrics allows a unit only where the name ends in it.
  const hasUnit = openMetrics && family.unit !== '' && shape.type !== 'info' && shape.family.endsWith(`_${family.unit}`)
  return hasUnit ? `${text}# UNIT ${shape.family} ${family.unit}\n` : text
}

function writeSeries(shape: Shape, series: Series, options: TextOptions): string {
  const value = series.value
  const end = options.timestamps && series.timeMs > 0 ? ` ${timestamp(series.timeMs, options.openMetrics)}` : ''
  const labels = labelText(series.labels)
  switch (value.kind) {
    case 'number': {
      const exemplar = shape.isCounter && options.openMetrics ? exemplarText(newest(series.exemplars)) : ''
      return `${shape.sample}${braces(labels)} ${number(value.value)}${end}${exemplar}\n`
    }
    case 'summary':
      return summaryLines(shape.family, labels, value, end, options)
    default:
      return histogramLines(shape.family, labels, series, end, options)
  }
}

function summaryLines(
  name: string,
  labels: string,
  value: Extract<Value, { kind: 'summary' }>,
  end: string,
  { openMetrics }: TextOptions
): string {
  let text = ''
  for (const [quantile, at] of value.quantiles) {
    text += `${name}${braces(labels, `quantile="${formatFloat(quantile, openMetrics)}"`)} ${number(at)}${end}\n`
  }
  return `${text}${name}_sum${braces(labels)} ${number(value.sum)}${end}\n${name}_count${braces(labels)} ${number(value.count)}${end}\n`
}

function histogramLines(name: string, labels: string, series: Series, end: string, options: TextOptions): string {
  const value = series.value as Extract<Value, { kind: 'histogram' | 'exponential' }>
  const buckets = classicBuckets(value, series.exemplars, options.maxClassicBuckets)
  let text = ''
  for (const { le, count, exemplar } of buckets) {
    const bound = `le="${formatFloat(le, options.openMetrics)}"`
    const shown = options.openMetrics ? exemplarText(exemplar) : ''
    text += `${name}_bucket${braces(labels, bound)} ${number(count)}${end}${shown}\n`
  }
  // A sum that may go down is no counter; the specification leaves it out then.
  if (value.sum !== undefined && buckets[0]!.le >= 0) {
    text += `${name}_sum${braces(labels)} ${number(value.sum)}${end}\n`
  }
  return `${text}${name}_count${braces(labels)} ${number(value.count)}${end}\n`
}

function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return ''
  const time = exemplar.timeMs > 0 ? ` ${timestamp(exemplar.timeMs, true)}` : ''
  return ` # {${labelText(fittingLabels(exemplar.labels))}} ${number(exemplar.value)}${time}`
}

function braces(labels: string, more = ''): string {
  if (labels === '') return more === '' ? '' : `{${more}}`
  return more === '' ? `{${labels}}` : `{${labels},${more}}`
}

function labelText(labels: Labels): string {
  return labels.map(([name, text]) => `${name}="${escapeLabel(text)}"`).join(',')
}

function number(value: number): string {
  return formatFloat(value, false)
}

/** Milliseconds in text 0.0.4, seconds in OpenMetrics. */
function timestamp(ms: number, openMetrics: boolean): string {
  return openMetrics ? String(Math.round(ms) / 1000) : String(Math.round(ms))
}

function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : text
}

function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
  return openMetrics ? escaped.replace(/"/g, '\\"') : escaped
}
