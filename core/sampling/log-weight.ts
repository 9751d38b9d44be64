// Weights of log records. Records have no trace state: how many each one stands for is told by attributes.
//
//   sampling.weight      number  how many records it stands for, of whatever was sampled on the way; absent: 1
//   sampling.threshold   text    the threshold of the part of it that is chance, as `th` of a trace state (the Collector's
//                                probabilistic_sampler writes the same): so that a later tier with the same source of
//                                randomness does not count that chance twice

import type { Signal } from '../otlp/signal.js'
import type { AttributeView, ItemView, Visitor } from '../otlp/views.js'
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
function readLogWeight(item: ItemView, into: LogWeight): void {
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

/** The hooks of a processor that gives records a new weight in place of the one they have. */
export class WeightEdit {
  readonly before: LogWeight = { weight: 1, threshold: ALWAYS }
  #weight = 1
  #threshold = ALWAYS
  #isNew = false

  /** At the start of an item: nothing is changed unless `set` says so. */
  begin(): void {
    this.#isNew = false
  }

  /** Reads what the record says already, into `before`. */
  read(item: ItemView): LogWeight {
    readLogWeight(item, this.before)
    return this.before
  }

  /** In place of `read`, where the record says nothing. */
  none(): LogWeight {
    this.before.weight = 1
    this.before.threshold = ALWAYS
    return this.before
  }

  /** The weight and threshold that the record gets; after `read`. */
  set(weight: number, threshold: number): void {
    this.#weight = weight
    this.#threshold = threshold
    this.#isNew = weight !== this.before.weight || threshold !== this.before.threshold
  }

  /** A record that was kept at this threshold. */
  raise(item: ItemView, threshold: number): void {
    const before = this.read(item)
    if (threshold > before.threshold) this.set(weightAt(before, threshold), threshold)
  }

  /** The older statement goes. */
  attribute(attribute: AttributeView): void {
    if (this.#isNew && attribute.depth === 0 && attribute.place === 'log.attributes') attribute.remove()
  }

  itemEnd(item: ItemView): void {
    if (!this.#isNew) return
    item.insert(WEIGHT_KEY, weightValue(this.#weight))
    if (this.#threshold !== ALWAYS) item.insert(THRESHOLD_KEY, thresholdValue(this.#threshold))
  }
}

/** What the walk must show for that: nothing where there are no log records (bench/micro/head-sampling.ts). */
export function weightHooks(edit: WeightEdit, signal?: Signal): Pick<Visitor, 'attribute' | 'wantsKey'> {
  if (signal !== undefined && signal !== 'logs') return {}
  return {
    wantsKey: key => key.text === WEIGHT_KEY || key.text === THRESHOLD_KEY,
    attribute: attribute => edit.attribute(attribute)
  }
}
