// Attributes -> dimensions, within PutMetricData's limits.

import type { Dimension } from '@aws-sdk/client-cloudwatch'
import { type Attribute, attributeText } from '../../core/metrics/labels.js'
import type { CloudWatchConfig } from './config.js'

/** Dimensions a metric may have. */
export const MAX_DIMENSIONS = 30
const MAX_NAME = 255
const MAX_VALUE = 1024

export interface DimensionSet {
  readonly dimensions: readonly Dimension[]
  /** Attributes that were chosen but did not fit. */
  readonly left: number
}

/**
 * Chosen resource attributes first, then the point's: those of `config.dimensions` in that order, or all by key. What
 * comes after the 30th is left out: the order therefore says what matters.
 */
export function dimensionsOf(
  resource: readonly Attribute[],
  point: readonly Attribute[],
  config: Pick<CloudWatchConfig, 'dimensions' | 'resource_dimensions'>
): DimensionSet {
  const chosen = new Map<string, string>()
  for (const { key, value } of [...pick(resource, config.resource_dimensions), ...choose(point, config.dimensions)]) {
    const name = clean(key, MAX_NAME).replace(/^:+/, '')
    const text = clean(attributeText(value), MAX_VALUE)
    if (name.trim() !== '' && text.trim() !== '' && !chosen.has(name)) chosen.set(name, text)
  }
  const all = [...chosen].map(([Name, Value]) => ({ Name, Value }))
  return { dimensions: all.slice(0, MAX_DIMENSIONS), left: Math.max(0, all.length - MAX_DIMENSIONS) }
}

/** The sets of dimensions that a point is sent under. */
export function rollup(
  dimensions: readonly Dimension[],
  option: CloudWatchConfig['dimension_rollup_option']
): readonly (readonly Dimension[])[] {
  if (option === 'NoDimensionRollup') return [dimensions]
  const sets: (readonly Dimension[])[] = [dimensions]
  if (dimensions.length > 1) sets.push(...dimensions.map(dimension => [dimension]))
  if (option === 'ZeroAndSingleDimensionRollup' && dimensions.length > 0) sets.push([])
  return sets
}

/** Printable ASCII is all that CloudWatch takes in names and values. */
export function clean(text: string, max: number): string {
  return text.replace(/[^\x20-\x7e]/g, '_').slice(0, max)
}

function choose(attributes: readonly Attribute[], keys: readonly string[]): readonly Attribute[] {
  if (keys.length > 0) return pick(attributes, keys)
  return [...attributes].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

function pick(attributes: readonly Attribute[], keys: readonly string[]): readonly Attribute[] {
  return keys.flatMap(key => attributes.filter(attribute => attribute.key === key))
}
