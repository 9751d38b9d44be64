import fc from 'fast-check'
import t from 'tap'
import { TimeHistogram } from './histogram.js'

const nanos = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: 0, max: 8e14 }), fc.constant(1e9)),
  {
    minLength: 1,
    maxLength: 300
  }
)

/** The bucket of a value by the data model's definition: base^index < value <= base^(index + 1). */
function fits(seconds: number, scale: number, index: number): boolean {
  const base = 2 ** (2 ** -scale)
  // Powers of floating point numbers are off by some units in the last place.
  return seconds > base ** index * (1 - 1e-9) && seconds <= base ** (index + 1) * (1 + 1e-9)
}

t.test('every value is in a bucket that holds it, at the finest scale that has room', async t => {
  fc.assert(
    fc.property(nanos, fc.integer({ min: 2, max: 40 }), (values, maxSize) => {
      const histogram = new TimeHistogram({ maxSize, bounds: undefined })
      for (const value of values) histogram.record(value)
      const { counts, low, size, scale, zeroCount } = histogram
      t.ok(size <= maxSize)
      t.equal(
        [...counts].reduce((a, b) => a + b, zeroCount),
        values.length
      )
      t.equal(
        histogram.sum,
        values.reduce((a, b) => a + b, 0)
      )
      const left = [...counts]
      for (const value of values.filter(v => v > 0).sort((a, b) => a - b)) {
        const i = left.findIndex((n, at) => n > 0 && fits(value / 1e9, scale, low + at))
        if (i < 0) t.fail(`no bucket for ${value} at scale ${scale}`)
        else left[i]!--
      }
    }),
    { numRuns: 200 }
  )
})

t.test('powers of two stand at the upper end of their bucket', async t => {
  const histogram = new TimeHistogram({ maxSize: 160, bounds: undefined })
  histogram.record(1e9)
  t.match(histogram, { scale: 8, low: -1, size: 1 })
})

t.test('explicit bounds are upper and inclusive', async t => {
  const histogram = new TimeHistogram({ maxSize: 160, bounds: [0.1, 1, 10] })
  for (const seconds of [0, 0.1, 0.100000001, 1, 10, 11]) histogram.record(seconds * 1e9)
  t.same([...histogram.counts], [2, 2, 1, 1])
})

t.test('what was kept goes on as if nothing had been', async t => {
  fc.assert(
    fc.property(nanos, nanos, (before, after) => {
      const shape = { maxSize: 20, bounds: undefined }
      const one = new TimeHistogram(shape)
      for (const value of before) one.record(value)
      const two = new TimeHistogram(shape)
      t.ok(two.restore(JSON.parse(JSON.stringify(one.state()))))
      for (const value of after) {
        one.record(value)
        two.record(value)
      }
      t.same(two.state(), one.state())
    }),
    { numRuns: 50 }
  )
})
