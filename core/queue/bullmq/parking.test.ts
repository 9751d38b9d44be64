// The parking contract over BullMQ, and what moves with partitions.
import t from 'tap'
import { parkingContract } from '../../../test/contract/parking.contract.js'
import { redisForTest } from '../../../test/helpers/redis.js'
import { BullParking } from './parking.js'

const redis = await redisForTest()
t.teardown(() => redis.stop())
const prefixes = new Map<string, string>()

function prefixOf(dir: string): string {
  const known = prefixes.get(dir) ?? `parking-${process.pid}-${Date.now()}-${prefixes.size}`
  prefixes.set(dir, known)
  return known
}

parkingContract('bullmq', {
  open: (dir, now) => new BullParking({ url: redis.url, prefix: prefixOf(dir), maxBytes: 1e6, now }),
  durable: true
})

t.test('jobs come and go with the partition they belong to, payloads are fetched', async t => {
  const prefix = prefixOf('moves')
  const open = async (owned: number[]) => {
    let move: (gained: readonly number[], lost: readonly number[]) => void = () => {}
    const parts = { owned, onChange: (fn: typeof move) => void (move = fn) }
    const parking = new BullParking({ url: redis.url, prefix, maxBytes: 1e6, parts, cacheBytes: 4 })
    await parking.start()
    t.teardown(() => parking.stop())
    return { parking, move: (gained: readonly number[], lost: readonly number[]) => move(gained, lost) }
  }
  const letter = { exporter: 'x', stream: 's', attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r', dead: true, items: 1 }
  const a = await open([1])
  const id = await a.parking.park({ ...letter, bytes: Buffer.from('payload') })
  await a.parking.park({ ...letter, bytes: Buffer.from('second') })
  const b = await open([2])
  t.same(b.parking.status(), [])
  const gained = new Promise<void>(done => b.parking.onGained(done))
  a.move([], [1])
  b.move([1], [])
  await gained
  t.same(a.parking.status(), [])
  t.match(b.parking.status(), [{ exporter: 'x', dead: 2, bytes: 13 }])
  while (!b.parking.ready(id)) await new Promise(done => setImmediate(done))
  t.equal(b.parking.get(id)!.bytes.toString(), 'payload')
})
