import t from 'tap'
import { addValues, subtractValues } from './accumulate.js'
import { bound, downscale, toClassic, toNative } from './exponential.js'
import type { ExponentialValue, HistogramValue } from './model.js'

function exponential(scale: number, offset: number, counts: number[], zeroCount = 0): ExponentialValue {
  const count = counts.reduce((a, b) => a + b, zeroCount)
  return {
    kind: 'exponential',
    count,
    sum: count,
    min: undefined,
    max: undefined,
    scale,
    zeroCount,
    zeroThreshold: 1e-128,
    positive: { offset, counts },
    negative: { offset: 0, counts: [] }
  }
}

function histogram(counts: number[], bounds = [1, 2]): HistogramValue {
  const count = counts.reduce((a, b) => a + b, 0)
  return { kind: 'histogram', count, sum: count, min: 0, max: 9, bounds, counts }
}

t.test('a coarser scale merges pairs of buckets, negative indexes too', async t => {
  t.same(downscale(exponential(1, -3, [1, 2, 4, 8, 16]), 0).positive, { offset: -2, counts: [1, 6, 24] })
  t.same(downscale(exponential(3, -1, [1, 1]), -40).positive, { offset: -1, counts: [1, 1] })
  const same = exponential(1, 0, [1])
  t.equal(downscale(same, 2), same)
})

t.test('a merged bucket lies within the bounds of the coarser one', async t => {
  for (const index of [-9, -8, -1, 0, 1, 7, 8]) {
    const fine = exponential(3, index, [1])
    const coarse = downscale(fine, 1).positive.offset
    t.ok(bound(1, coarse) <= bound(3, index) && bound(1, coarse + 1) >= bound(3, index + 1), `index ${index}`)
  }
})

t.test('native histograms count buckets by their upper bound, with spans over gaps', async t => {
  const native = toNative(exponential(2, 3, [1, 0, 2, 0, 0, 0, 5]))
  t.same(native, {
    schema: 2,
    // Buckets 4..6 (a short gap is a zero), then three empty ones, then bucket 10.
    positive: {
      spans: [
        [4, 3],
        [3, 1]
      ],
      deltas: [1, -1, 2, 3]
    },
    negative: { spans: [], deltas: [] }
  })
  t.equal(toNative(exponential(12, 0, [1]))?.schema, 8, 'finer than Prometheus knows: made coarser')
  t.equal(toNative(exponential(-5, 0, [1])), undefined, 'coarser than Prometheus knows: none')
})

t.test('classic buckets are cumulative and never more than allowed', async t => {
  t.same(toClassic(exponential(0, 0, [1, 2, 4]), 10), [
    [2, 1],
    [4, 3],
    [8, 7]
  ])
  const wide = toClassic(exponential(5, -100, new Array<number>(200).fill(1), 3), 16)
  t.ok(wide.length <= 17)
  t.same(wide.at(-1)?.[1], 203)
  t.same(
    wide.map(([le]) => le),
    wide.map(([le]) => le).sort((a, b) => a - b)
  )
})

t.test('bounds of a coarse scale stay when the source rescales', async t => {
  const fine = toClassic(exponential(4, 0, new Array<number>(64).fill(1)), 8)
  const coarse = toClassic(downscale(exponential(4, 0, new Array<number>(64).fill(1)), 1), 8)
  t.same(fine, coarse)
})

t.test('classic buckets of negative values run from the lowest up', async t => {
  const value = { ...exponential(0, 0, [1], 2), negative: { offset: 0, counts: [3, 4] }, count: 10 }
  t.same(toClassic(value, 10), [
    [-2, 4],
    [-1, 7],
    [1e-128, 9],
    [2, 10]
  ])
})

t.test('sums of exponential histograms keep every count and stay bounded', async t => {
  const sum = addValues(exponential(4, 0, [1, 2]), exponential(2, 1000, [5])) as ExponentialValue
  t.equal(sum.count, 8)
  t.equal(
    sum.positive.counts.reduce((a, b) => a + b, 0),
    8
  )
  t.ok(sum.positive.counts.length <= 320)
  const huge = addValues(exponential(20, -2_000_000_000, [1]), exponential(20, 2_000_000_000, [1])) as ExponentialValue
  t.ok(huge.positive.counts.length <= 320, 'absurd offsets make no absurd array')
})

t.test('adding and subtracting histograms are inverse, and other bounds do not fit', async t => {
  const sum = addValues(histogram([1, 2, 3]), histogram([4, 5, 6])) as HistogramValue
  t.same(sum.counts, [5, 7, 9])
  t.same((subtractValues(sum, histogram([1, 2, 3])) as HistogramValue).counts, [4, 5, 6])
  t.equal(addValues(histogram([1, 2, 3]), histogram([1, 2, 3], [1, 3])), undefined)
  t.equal(subtractValues(histogram([1, 2, 3]), histogram([1, 2, 4])), undefined, 'a bucket that shrank is a reset')
})

t.test('the difference of exponential histograms bridges a rescale', async t => {
  const before = exponential(2, 4, [1, 1, 1, 1])
  const after = downscale(exponential(2, 4, [2, 1, 1, 4]), 1)
  const difference = subtractValues(after, before) as ExponentialValue
  t.equal(difference.count, 4)
  t.same(difference.positive.counts, [1, 3])
  t.equal(subtractValues(before, after), undefined, 'a finer scale than before is a reset')
})
