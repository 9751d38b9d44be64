// Dropped traces are remembered, the younger ones for sure; almost nobody else is taken for one of them.

import fc from 'fast-check'
import t from 'tap'
import { DROPPED, DROPPED_FOR_GOOD, Dropped, FINGERPRINT, NOT_DROPPED, writeFingerprint } from './dropped.js'

type Id = [number, number, number, number]
const anyId = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer()) as fc.Arbitrary<Id>
const anyIds = fc.uniqueArray(anyId, { maxLength: 400, selector: id => id.join() })

t.test('the last `size` are found, with what was final', async t => {
  fc.assert(
    fc.property(anyIds, fc.integer({ min: 1, max: 100 }), (ids, size) => {
      const dropped = new Dropped(size)
      ids.forEach((id, i) => void dropped.add(...id, i % 3 === 0))
      ids.slice(-size).forEach((id, i) => {
        const isFinal = (Math.max(0, ids.length - size) + i) % 3 === 0
        t.equal(dropped.find(...id), isFinal ? DROPPED_FOR_GOOD : DROPPED)
      })
    }),
    { numRuns: 100 }
  )
})

t.test('what the journal wrote is the same again', async t => {
  fc.assert(
    fc.property(anyIds, ids => {
      const bytes = Buffer.alloc(ids.length * FINGERPRINT)
      const table = Int32Array.from(ids.flat())
      ids.forEach((_, i) => void writeFingerprint(bytes, i * FINGERPRINT, table, i, i % 2 === 0))
      const dropped = new Dropped(1000)
      dropped.load(bytes)
      ids.forEach((id, i) => void t.equal(dropped.find(...id), i % 2 === 0 ? DROPPED_FOR_GOOD : DROPPED))
    }),
    { numRuns: 50 }
  )
})

t.test('a million others, counted up as the worst senders do, are not among 100,000', async t => {
  const dropped = new Dropped(100_000)
  for (let i = 0; i < 100_000; i++) dropped.add(0, 0, 0, i, false)
  let wrong = 0
  for (let i = 100_000; i < 1_100_000; i++) if (dropped.find(0, 0, 0, i) !== NOT_DROPPED) wrong++
  t.equal(wrong, 0)
  t.equal(dropped.find(0, 0, 0, 99_999), DROPPED)
})

t.test('of size 0 it remembers nothing', async t => {
  const dropped = new Dropped(0)
  dropped.add(1, 2, 3, 4, false)
  t.equal(dropped.find(1, 2, 3, 4), NOT_DROPPED)
})
