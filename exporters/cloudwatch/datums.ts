// A metrics request -> groups of datums, one group a data point, within PutMetricData's limits.

import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { type Attribute, attributeText } from '../../core/metrics/labels.js'
import type { Value } from '../../core/metrics/model.js'
import { type MetricData, type ReadPoint, readMetric } from '../../core/metrics/read.js'
import { decodeRequest } from '../../core/otlp/decode.js'
import type { CloudWatchConfig } from './config.js'
import type { Advance, Differences } from './differences.js'
import { clean, dimensionsOf, rollup } from './dimensions.js'
import { cloudWatchUnit } from './units.js'
import { numbersOf } from './values.js'

/** PutMetricData takes points from two weeks back to two hours ahead. */
export const MAX_AGE_MS = 14 * 24 * 3_600_000
export const MAX_AHEAD_MS = 2 * 3_600_000
const MAX_NAME = 255
const NOTHING = { datums: [], dimensionsLeft: 0 } as const

/** Why a point is not sent; the `reason` label of `dropped`. */
export type NotSent = 'invalid_name' | 'invalid_point' | 'invalid_value' | 'superseded' | 'too_new' | 'too_old'

/** What becomes of one data point. No datums: a first cumulative value, or an interval in which nothing was counted. */
export interface Group {
  readonly datums: readonly MetricDatum[]
  readonly dimensionsLeft: number
  readonly notSent?: NotSent
  /** The step of its series, to be committed when the datums are delivered. */
  readonly advance?: Advance
}

/**
 * One group for each data point, in the order of the request: the n-th group is always the n-th point. Lazy: the
 * differences of a point are asked for when its turn comes.
 * @param skip points that need no group because CloudWatch has them; they are yielded as undefined
 */
export function* groupsOf(
  bytes: Buffer,
  config: CloudWatchConfig,
  differences: Differences,
  nowMs: number,
  skip: number
): Generator<Group | undefined> {
  let index = 0
  for (const { resource, scopeMetrics } of decodeRequest('metrics', bytes).resourceMetrics) {
    const attributes = resource?.attributes ?? []
    const identity = attributes.map(identityText).join('|')
    for (const { scope, metrics } of scopeMetrics) {
      for (const metric of metrics) {
        const data = readMetric(metric)
        const around: Around = {
          data,
          resource: attributes,
          identity: `${identity}#${scope?.name ?? ''}`,
          config,
          nowMs
        }
        for (const point of data.points) {
          yield index++ < skip ? undefined : groupOf(point, around, differences)
        }
      }
    }
  }
}

interface Around {
  readonly data: MetricData
  readonly resource: readonly Attribute[]
  /** Text that tells the series of one source from another's. */
  readonly identity: string
  readonly config: CloudWatchConfig
  readonly nowMs: number
}

function groupOf(point: ReadPoint | undefined, around: Around, differences: Differences): Group {
  const { data, nowMs } = around
  if (data.name.trim() === '') return notSent('invalid_name')
  if (point === undefined || point.stale) return notSent('invalid_point')
  const timeMs = Math.round(point.timeMs)
  if (timeMs < nowMs - MAX_AGE_MS) return notSent('too_old')
  if (timeMs > nowMs + MAX_AHEAD_MS) return notSent('too_new')
  if (point.delta || !accumulates(data)) return datumsOf(point, point.value, around)
  const difference = differences.next(seriesKey(point, around), point)
  if (difference === 'superseded') return notSent('superseded')
  const { advance, value } = difference
  return value === undefined ? { ...NOTHING, advance } : { ...datumsOf(point, value, around), advance }
}

function datumsOf(point: ReadPoint, value: Value, { data, resource, config }: Around): Group {
  const unit = cloudWatchUnit(data.unit, data.type === 'sum' && data.monotonic)
  const numbers = numbersOf(value, unit.factor, config.histograms)
  if (numbers === undefined) return notSent('invalid_value')
  const { dimensions, left } = dimensionsOf(resource, point.attributes, config)
  const datums = rollup(dimensions, config.dimension_rollup_option).flatMap(set =>
    numbers.map(part => ({
      MetricName: clean(data.name, MAX_NAME),
      Dimensions: [...set],
      Timestamp: new Date(Math.round(point.timeMs)),
      Unit: unit.name,
      ...part,
      ...(config.storage_resolution === 1 ? { StorageResolution: 1 } : {})
    }))
  )
  return { datums, dimensionsLeft: left }
}

/** Gauges and sums that go up and down are shown as they are; what accumulates, as what came in since the last point. */
function accumulates(data: MetricData): boolean {
  return data.type === 'sum' ? data.monotonic : data.type !== 'gauge'
}

function seriesKey(point: ReadPoint, { data, identity }: Around): string {
  return `${data.name}#${data.unit}#${identity}#${point.attributes.map(identityText).join('|')}`
}

function notSent(reason: NotSent): Group {
  return { ...NOTHING, notSent: reason }
}

function identityText({ key, value }: Attribute): string {
  const text = attributeText(value)
  return `${key}=${text.length}:${text}`
}
