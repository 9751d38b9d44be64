// Histograms that grow: exponential (OpenTelemetry data model: base 2^(2^-scale), merging pairs of buckets when there are too
// many) or with explicit bounds. Sums are kept in integers as long as doubles hold them, so that they are exact.

export interface HistogramShape {
  /** Buckets of an exponential histogram at most. */
  readonly maxSize: number
  /** Upper bounds in seconds; undefined: exponential. */
  readonly bounds: readonly number[] | undefined
}

/** As it is kept; lists are as short as they can be. */
export interface HistogramState {
  readonly n: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly zero: number
  readonly scale: number
  readonly low: number
  readonly counts: readonly number[]
}

/** What Prometheus' native histograms can have at most; finer ones would be made coarser there. */
const MAX_SCALE = 8
const MIN_SCALE = -10
const NANOS = 1e9

/** Times in nanoseconds go in, seconds come out. */
export class TimeHistogram {
  count = 0
  /** Nanoseconds. */
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = 0
  zeroCount = 0
  scale = MAX_SCALE
  /** Index of `counts[0]`. */
  low = 0
  /** Buckets in use. */
  size = 0
  readonly counts: Float64Array
  readonly bounds: readonly number[] | undefined

  constructor(shape: HistogramShape) {
    this.bounds = shape.bounds
    this.counts = new Float64Array(shape.bounds === undefined ? shape.maxSize : shape.bounds.length + 1)
    if (shape.bounds !== undefined) this.size = this.counts.length
  }

  record(nanos: number): void {
    this.count++
    this.sum += nanos
    if (nanos < this.min) this.min = nanos
    if (nanos > this.max) this.max = nanos
    if (this.bounds !== undefined) this.counts[bucketOf(this.bounds, nanos / NANOS)]!++
    else if (nanos <= 0) this.zeroCount++
    else this.#recordExponential(nanos / NANOS)
  }

  #recordExponential(seconds: number): void {
    const { counts } = this
    let index = this.#index(seconds)
    if (this.size === 0) {
      this.low = index
      this.size = 1
      counts[0] = 1
      return
    }
    let high = this.low + this.size - 1
    while (Math.max(high, index) - Math.min(this.low, index) >= counts.length && this.scale > MIN_SCALE) {
      this.#coarsen()
      index = this.#index(seconds)
      high = this.low + this.size - 1
    }
    if (index < this.low) {
      const by = this.low - index
      counts.copyWithin(by, 0, this.size)
      counts.fill(0, 0, by)
      this.low = index
      this.size += by
    } else if (index > high) this.size = index - this.low + 1
    counts[index - this.low]!++
  }

  #index(seconds: number): number {
    return finestIndex(seconds) >> (MAX_SCALE - this.scale)
  }

  /** One scale down: buckets 2j and 2j + 1 become j. */
  #coarsen(): void {
    const { counts, low, size } = this
    const newLow = low >> 1
    for (let i = 0; i < size; i++) {
      const to = ((low + i) >> 1) - newLow
      const n = counts[i]!
      counts[i] = 0
      counts[to]! += n
    }
    this.low = newLow
    this.size = ((low + size - 1) >> 1) - newLow + 1
    this.scale--
  }

  state(): HistogramState {
    const { count: n, sum, min, max, zeroCount: zero, scale, low } = this
    return { n, sum, min: n === 0 ? 0 : min, max, zero, scale, low, counts: [...this.counts.subarray(0, this.size)] }
  }

  /** False when the state is of another shape: bounds have changed. */
  restore(state: HistogramState): boolean {
    if (
      this.bounds !== undefined ? state.counts.length !== this.counts.length : state.counts.length > this.counts.length
    )
      return false
    this.count = state.n
    this.sum = state.sum
    this.min = state.n === 0 ? Number.POSITIVE_INFINITY : state.min
    this.max = state.max
    this.zeroCount = state.zero
    this.scale = state.scale
    this.low = state.low
    this.counts.fill(0)
    this.counts.set(state.counts)
    this.size = state.counts.length
    return true
  }
}

/** Bounds are upper and inclusive (OpenTelemetry data model). */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value <= bounds[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

/** `BOUNDS[j]` = 2^(j / 2^MAX_SCALE): buckets of the numbers from 1 to 2. */
const BOUNDS = Float64Array.from({ length: 2 ** MAX_SCALE + 1 }, (_, j) => 2 ** (j / 2 ** MAX_SCALE))
/** By the first 9 bits of the fraction: the bucket that the least of these numbers is in. */
const FIRST = Uint16Array.from({ length: 512 }, (_, i) => BOUNDS.findLastIndex(bound => bound <= 1 + i / 512))
const FLOAT = new Float64Array(1)
const WORDS = new Int32Array(FLOAT.buffer)

/**
 * The bucket of a positive number at MAX_SCALE, upper bounds inclusive. From its bits: a logarithm costs four times as much.
 * Numbers of this size have at least 9 bits more than a bucket, so two steps find it.
 */
function finestIndex(value: number): number {
  FLOAT[0] = value
  const high = WORDS[1]!
  const exponent = ((high >>> 20) & 0x7ff) - 1023
  WORDS[1] = (high & 0xfffff) | 0x3ff00000
  const fraction = FLOAT[0]!
  let j = FIRST[(high >>> 11) & 0x1ff]!
  while (fraction > BOUNDS[j + 1]!) j++
  // On a bound, which belongs to the bucket below.
  if (fraction <= BOUNDS[j]!) j--
  return exponent * 2 ** MAX_SCALE + j
}
