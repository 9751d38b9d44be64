// Weights of log records. Records have no trace state: how many each one stands for is told by attributes.
//
//   sampling.weight      number  how many records it stands for, of whatever was sampled on the way; absent: 1
//   sampling.threshold   text    the threshold of the part of it that is chance, as `th` of a trace state (the Collector's
//                                probabilistic_sampler writes the same): so that a later tier with the same source of
//                                randomness does not count that chance twice

import type { ItemView } from '../otlp/views.js'
import { WireType, WireWriter } from '../otlp/wire.js'
import { ALWAYS, readThreshold, thresholdText, weightOf } from './threshold.js'

export const WEIGHT_KEY = 'sampling.weight'
export const THRESHOLD_KEY = 'sampling.threshold'

/** What a record says of earlier sampling; one object, overwritten. */
export interface LogWeight {
  weight: number
  threshold: number
}

/** Reads both attributes; a weight below 1 or no number is 1. */
export function readLogWeight(item: ItemView, into: LogWeight): void {
  const text = item.attribute(THRESHOLD_KEY)
  into.threshold = (typeof text === 'string' ? readThreshold(text) : undefined) ?? ALWAYS
  const weight = item.attribute(WEIGHT_KEY)
  const number = typeof weight === 'number' || typeof weight === 'bigint' ? Number(weight) : 0
  into.weight = number >= 1 && Number.isFinite(number) ? number : weightOf(into.threshold)
}

/** The weight of what was `before`, once kept at `threshold` too. The threshold of both is the larger one. */
export function weightAt(before: LogWeight, threshold: number): number {
  return threshold <= before.threshold
    ? before.weight
    : (before.weight / weightOf(before.threshold)) * weightOf(threshold)
}

/** A weight as encoded AnyValue: a double. */
export function weightValue(weight: number): Buffer {
  const writer = new WireWriter(16)
  writer.tag(4, WireType.fixed64)
  writer.double(weight)
  return writer.finish()
}

/** A threshold as encoded AnyValue: text. */
export function thresholdValue(threshold: number): Buffer {
  const writer = new WireWriter(16)
  writer.tag(1, WireType.bytes)
  writer.string(thresholdText(threshold))
  return writer.finish()
}
