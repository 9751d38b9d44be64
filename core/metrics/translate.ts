// An OTLP metrics request -> points with Prometheus names and labels, by the OpenTelemetry specification "Prometheus
// and OpenMetrics Compatibility". What becomes of deltas, order and age is the exporter's business, not decided here.

import { decodeRequest } from '../otlp/decode.js'
import { type Attribute, attributeText, LabelSet, labelsKey } from './labels.js'
import type { DropReason, Exemplar, Family, FamilyType, Labels, Point } from './model.js'
import { metricName, unitName } from './names.js'
import { type MetricData, type ReadExemplar, type ReadPoint, readMetric } from './read.js'

export interface TranslateOptions {
  /** Before every metric name; '' = none. */
  readonly namespace: string
  /** Labels for every series that has none of that name. */
  readonly constLabels: Readonly<Record<string, string>>
  /** Add unit and type suffixes to names. */
  readonly suffixes: boolean
  /** Make every resource attribute a label. */
  readonly resourceLabels: boolean
  /** Add `otel_scope_*` labels. */
  readonly scopeLabels: boolean
}

const NO_EXEMPLARS: readonly Exemplar[] = []

/** Resource attributes that become `job` and `instance` and are therefore not on `target_info`. */
const IDENTITY = new Set(['service.name', 'service.namespace', 'service.instance.id'])

/** The family of `target_info`. */
export const TARGET: Family = { name: 'target', type: 'info', unit: '', help: 'Target metadata' }

/**
 * Points of a request, in its order; a `target` info point after each resource that has attributes besides its identity.
 * @param dropped told of each data point that has no place in Prometheus.
 * @throws WireError when the bytes are no OTLP
 */
export function* translate(
  bytes: Buffer,
  options: TranslateOptions,
  dropped: (reason: DropReason) => void
): Generator<Point> {
  for (const { resource, scopeMetrics } of decodeRequest('metrics', bytes).resourceMetrics) {
    const attributes = resource?.attributes ?? []
    const identity = identityOf(attributes)
    let newestMs = 0
    for (const { scope, metrics, schemaUrl } of scopeMetrics) {
      const base = {
        options,
        identity,
        resource: attributes,
        scope: options.scopeLabels ? scopeOf(scope, schemaUrl) : []
      }
      for (const metric of metrics) {
        for (const point of pointsOf(readMetric(metric), base, dropped)) {
          newestMs = Math.max(newestMs, point.timeMs)
          yield point
        }
      }
    }
    const target = targetOf(attributes, identity, options, newestMs)
    if (target !== undefined) yield target
  }
}

interface Surroundings {
  readonly options: TranslateOptions
  readonly identity: Labels
  readonly resource: readonly Attribute[]
  readonly scope: Labels
}

function* pointsOf(data: MetricData, around: Surroundings, dropped: (reason: DropReason) => void): Generator<Point> {
  const family = familyOf(data, around.options)
  for (const read of data.points) {
    if (family === undefined) dropped('invalid_name')
    else if (read === undefined) dropped('invalid_point')
    else yield pointOf(read, family, around)
  }
}

function pointOf(read: ReadPoint, family: Family, { options, identity, resource, scope }: Surroundings): Point {
  const set = new LabelSet().addAttributes(read.attributes)
  if (options.resourceLabels) set.addAttributes(resource)
  for (const [name, text] of identity) set.set(name, text)
  for (const [name, text] of scope) set.set(name, text)
  for (const name in options.constLabels) set.setDefault(name, options.constLabels[name]!)
  if (family.type === 'histogram') set.moveAway('le')
  if (family.type === 'summary') set.moveAway('quantile')
  const labels = set.build()
  const { startMs, timeMs, delta, stale, value } = read
  const exemplars = read.exemplars.length === 0 ? NO_EXEMPLARS : read.exemplars.map(exemplarOf)
  return { family, labels, key: labelsKey(labels), startMs, timeMs, delta, stale, value, exemplars }
}

function exemplarOf({ ids, attributes, value, timeMs }: ReadExemplar): Exemplar {
  return { value, timeMs, labels: exemplarLabels(ids, attributes) }
}

function exemplarLabels(ids: Labels, attributes: readonly Attribute[]): Labels {
  const set = new LabelSet().addAttributes(attributes)
  for (const [name, text] of ids) set.set(name, text)
  return set.build()
}

function familyOf(data: MetricData, options: TranslateOptions): Family | undefined {
  const type = familyType(data)
  const name = metricName(data.name, data.unit, type, options.namespace, options.suffixes)
  if (name === '') return undefined
  const unit = options.suffixes ? unitName(data.unit) : ''
  // An info metric's `_info` belongs to its sample, not to its family.
  return { name: type === 'info' ? name.replace(/_info$/, '') : name, type, unit, help: data.description }
}

function familyType(data: MetricData): FamilyType {
  if (data.type === 'gauge') return data.prometheusType === 'unknown' ? 'unknown' : 'gauge'
  if (data.type !== 'sum') return data.type
  if (data.monotonic) return 'counter'
  return data.prometheusType === 'info' ? 'info' : 'gauge'
}

function identityOf(attributes: readonly Attribute[]): Labels {
  const texts = new Map(attributes.filter(({ key }) => IDENTITY.has(key)).map(a => [a.key, attributeText(a.value)]))
  const name = texts.get('service.name') ?? ''
  const namespace = texts.get('service.namespace') ?? ''
  const job = name !== '' && namespace !== '' ? `${namespace}/${name}` : name
  return [
    ['job', job],
    ['instance', texts.get('service.instance.id') ?? '']
  ]
}

function scopeOf(
  scope: { name: string; version: string; attributes: readonly Attribute[] } | undefined,
  schemaUrl: string
): Labels {
  if (scope === undefined) return []
  return new LabelSet()
    .set('otel_scope_name', scope.name)
    .set('otel_scope_version', scope.version)
    .set('otel_scope_schema_url', schemaUrl)
    .addAttributes(scope.attributes, 'otel_scope_')
    .build()
}

// `target_info` only where something tells the targets apart: without job and instance it would be one series for all.
function targetOf(
  attributes: readonly Attribute[],
  identity: Labels,
  options: TranslateOptions,
  timeMs: number
): Point | undefined {
  const others = attributes.filter(({ key }) => !IDENTITY.has(key))
  if (others.length === 0 || identity.every(([, text]) => text === '')) return undefined
  const set = new LabelSet().addAttributes(others)
  for (const [name, text] of identity) set.set(name, text)
  for (const name in options.constLabels) set.setDefault(name, options.constLabels[name]!)
  const labels = set.build()
  const value = { kind: 'number', value: 1 } as const
  const key = labelsKey(labels.filter(([name]) => name === 'job' || name === 'instance'))
  return { family: TARGET, labels, key, startMs: 0, timeMs, delta: false, stale: false, value, exemplars: NO_EXEMPLARS }
}
