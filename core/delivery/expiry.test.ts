// What waits longer than the retention is dropped and counted; what is younger is delivered.

import t from 'tap'
import { range, rig } from '../../test/helpers/delivery.js'
import { expireWaiting, hasWaitedSince } from './expiry.js'

const DAY = 86_400_000

t.test('old entries and old requests in parking go, the ledger adds up, the rest is delivered', async t => {
  let isUp = false
  const { log, parking, clock, ...made } = await rig(t, {
    script: () => (isUp ? { kind: 'delivered' } : { kind: 'retry', cause: new Error('away') }),
    retry: { maxElapsedMs: 0 }
  })
  const stores = { log, parking, clock }
  await made.put(0, 10)
  await made.put(10, 10, 'logs')
  await made.delivery.stop(0)
  clock.move(3 * DAY)
  await made.put(20, 10)
  const before = clock.now() - DAY
  t.ok(hasWaitedSince(stores, 'back', before))
  t.equal(await expireWaiting(stores, 'back', before), 20)
  t.notOk(hasWaitedSince(stores, 'back', before))
  t.equal(await expireWaiting(stores, 'back', before), 0)
  isUp = true
  await made.restart(made.exporter)
  await made.move(1000)
  t.same(made.exporter.delivered, range(20, 10))
  t.match(made.ledger(), { delivered: 10, waiting: 0, parked: 0, dropped: { expired: 20 }, total: 30 })
})

t.test('what is set aside to be tried again has a retention too', async t => {
  const { log, parking, clock, ...made } = await rig(t, { start: false })
  const stores = { log, parking, clock }
  const park = (items: number, acceptedAt: number) =>
    parking.park({
      exporter: 'back',
      stream: 'traces',
      items,
      bytes: Buffer.from('x'),
      attempts: 1,
      acceptedAt,
      dueAt: clock.now(),
      reason: 'divided',
      dead: false
    })
  const now = clock.now()
  await park(3, now - 2 * DAY)
  const young = await park(4, now)
  await log.commit({
    counts: new Map([['parked|back|traces|divided', 7]]),
    state: new Map([[`parked|back|${young}`, Buffer.from([1])]])
  })
  t.equal(await expireWaiting(stores, 'back', now - DAY), 3)
  t.same([...parking.all.keys()], [young])
  t.match(made.ledger(), { parked: 4, dropped: { expired: 3 } })
})
