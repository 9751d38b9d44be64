// Totals as one OTLP metrics request.

import { encodeRequest } from '../../core/otlp/decode.js'
import type { WorkflowMetricsConfig } from './config.js'
import type { Exemplar } from './exemplars.js'
import type { TimeHistogram } from './histogram.js'
import { METRICS, type MetricId } from './metrics.js'
import type { Labels, Series, SeriesSet, Timed, Totals } from './totals.js'

const CUMULATIVE = 2
const NANOS = 1e9
const OVERFLOW = [{ key: 'otel.metric.overflow', value: true }]

export interface EmitOptions {
  readonly config: Pick<WorkflowMetricsConfig, 'metrics' | 'resource_attributes' | 'aggregation_cardinality_limit'>
  /** `service.instance.id`: the one writer of these series. */
  readonly instance: string
  readonly nowMs: number
}

type Attribute = { readonly key: string; readonly value: string | boolean }
type Metric = Record<string, unknown>

/** Undefined when there is nothing to tell. */
export function emitTotals(
  totals: Totals,
  active: ReadonlyMap<string, number>,
  options: EmitOptions
): Buffer | undefined {
  const { config, instance, nowMs } = options
  const now = nanosOf(nowMs)
  const wanted = new Set<MetricId>(config.metrics)
  const metrics: Metric[] = []
  const add = (id: MetricId, points: unknown[], body: (points: unknown[]) => object) => {
    if (!wanted.has(id) || points.length === 0) return
    const { name, unit, about } = METRICS[id]
    metrics.push({ name, unit, description: about, ...body(points) })
  }
  const counters = <T>(id: MetricId, set: SeriesSet<T>, read: (value: T) => number | undefined) => {
    const points = [...set.series()].flatMap(one => {
      const n = read(one.value)
      return n === undefined ? [] : [{ ...at(one, now, METRICS[id].labels), asInt: BigInt(n) }]
    })
    add(id, points, dataPoints => ({ sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: true } }))
  }
  const gauges = <T>(id: MetricId, set: SeriesSet<T>, read: (value: T) => number) => {
    const points = [...set.series()].flatMap(one => {
      const asDouble = read(one.value)
      if (Number.isNaN(asDouble)) return []
      return [{ attributes: attributesOf(one, METRICS[id].labels), timeUnixNano: now, asDouble }]
    })
    add(id, points, dataPoints => ({ gauge: { dataPoints } }))
  }
  const histograms = <T>(
    id: MetricId,
    set: SeriesSet<T>,
    read: (value: T) => TimeHistogram,
    exemplars: (value: T) => readonly Exemplar[]
  ) => {
    const all = [...set.series()].filter(one => read(one.value).count > 0)
    const points = all.map(one => ({
      ...at(one, now, METRICS[id].labels),
      ...pointOf(read(one.value), exemplars(one.value))
    }))
    const kind = all.some(one => read(one.value).bounds !== undefined) ? 'histogram' : 'exponentialHistogram'
    add(id, points, dataPoints => ({ [kind]: { dataPoints, aggregationTemporality: CUMULATIVE } }))
  }
  const timed = (value: Timed) => value.histogram
  const own = (value: Timed) => value.exemplars
  histograms('workflow.duration', totals.workflows, timed, own)
  counters('workflow.completed', totals.completed, value => value.n)
  counters('workflow.failed', totals.failed, value => value.n)
  add('workflow.active', activePoints(active, now, config.aggregation_cardinality_limit), dataPoints => ({
    gauge: { dataPoints }
  }))
  histograms('step.duration', totals.durations, timed, own)
  counters('step.retries', totals.steps, value => value.retries)
  counters('step.cache.hits', totals.steps, ({ hits, misses }) => (hits + misses > 0 ? hits : undefined))
  counters('step.cache.misses', totals.steps, ({ hits, misses }) => (hits + misses > 0 ? misses : undefined))
  histograms(
    'step.queue.time',
    totals.steps,
    value => value.queue,
    () => []
  )
  gauges('memory.used', totals.steps, value => value.memory)
  gauges('threads.active', totals.steps, value => value.threads)
  gauges('cache.size', totals.steps, value => value.cacheSize)
  if (metrics.length === 0) return undefined
  const attributes = Object.entries({
    'service.name': 'algoflow',
    ...config.resource_attributes,
    'service.instance.id': instance
  })
  return encodeRequest('metrics', {
    resourceMetrics: [
      {
        resource: { attributes: attributes.map(([key, value]) => ({ key, value })) },
        scopeMetrics: [{ scope: { name: 'algoflow-gateway/workflow_metrics' }, metrics }]
      }
    ]
  } as never)
}

function nanosOf(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n
}

function at<T>(series: Series<T>, now: bigint, names: readonly string[]) {
  return { attributes: attributesOf(series, names), startTimeUnixNano: nanosOf(series.since), timeUnixNano: now }
}

function attributesOf<T>({ labels, isOverflow }: Series<T>, names: readonly string[]): readonly Attribute[] {
  return isOverflow ? OVERFLOW : named(names, labels)
}

function named(names: readonly string[], labels: Labels): readonly Attribute[] {
  return names.flatMap((key, i) => {
    const value = labels[i] ?? ''
    return value === '' ? [] : [{ key, value }]
  })
}

function activePoints(active: ReadonlyMap<string, number>, now: bigint, limit: number): object[] {
  const all = [...active]
  const points = all.slice(0, limit - 1).map(([workflow, n]) => ({
    attributes: named(METRICS['workflow.active'].labels, [workflow]),
    timeUnixNano: now,
    asInt: BigInt(n)
  }))
  const rest = all.slice(limit - 1)
  if (rest.length === 0) return points
  const sum = rest.reduce((total, [, n]) => total + n, 0)
  return [...points, { attributes: OVERFLOW, timeUnixNano: now, asInt: BigInt(sum) } as never]
}

function pointOf(of: TimeHistogram, exemplars: readonly Exemplar[]): object {
  const common = {
    count: BigInt(of.count),
    sum: of.sum / NANOS,
    min: of.min / NANOS,
    max: of.max / NANOS,
    exemplars: exemplars.map(one => ({
      timeUnixNano: nanosOf(one.atMs),
      asDouble: one.nanos / NANOS,
      traceId: one.traceId,
      spanId: one.spanId
    }))
  }
  // Not as bigints: there may be 100,000 of them.
  const counts = of.counts.subarray(0, of.size)
  if (of.bounds !== undefined) return { ...common, bucketCounts: counts, explicitBounds: of.bounds }
  return {
    ...common,
    scale: of.scale,
    zeroCount: BigInt(of.zeroCount),
    positive: { offset: of.low, bucketCounts: counts }
  }
}
