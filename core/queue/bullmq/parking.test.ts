// The parking contract over BullMQ, and what moves with partitions.
import { Redis } from 'ioredis'
import t from 'tap'
import { parkingContract } from '../../../test/contract/parking.contract.js'
import { until } from '../../../test/helpers/gateway-process.js'
import { redisForTest } from '../../../test/helpers/redis.js'
import { codeOf } from '../../component/errors.js'
import { RedisLog } from '../redis_streams/log.js'
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
  const gained = new Promise<readonly string[]>(done => b.parking.onGained(done))
  a.move([], [1])
  b.move([1], [])
  t.same(await gained, [id, String(Number(id) + 1)])
  t.same(a.parking.status(), [])
  t.match(b.parking.status(), [{ exporter: 'x', dead: 2, bytes: 13 }])
  while (!b.parking.ready(id)) await new Promise(done => setImmediate(done))
  t.equal(b.parking.get(id)!.bytes.toString(), 'payload')
})

t.test('an owner that hung and comes back parks, removes and settles nothing that is another one’s by now', async t => {
  const prefix = prefixOf('stale')
  const place = { url: redis.url, prefix, maxBytes: 1e6 }
  const letter = { exporter: 'x', stream: 's', attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r', items: 1 }
  const open = async (member: string) => {
    const log = new RedisLog({ ...place, member, partitions: 1, leaseMs: 400 })
    const parking = new BullParking({ ...place, parts: log })
    await log.start()
    await parking.start()
    await log.cursors(new Map([['x', ['s']]]))
    t.teardown(() => log.stop())
    t.teardown(() => parking.stop())
    return { log, parking }
  }
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const keys = async () =>
    (await client.keys(`{${prefix}}:bull:x*:p*`)).length + (await client.hlen(`{${prefix}}:parked`))
  const stale = await open('stale')
  const { part } = stale.log.tenureOf(0)!
  const kept = await stale.parking.park({ ...letter, part, dead: true, bytes: Buffer.from('kept') })
  t.equal(stale.parking.get(kept)?.part, part)
  // Another one takes the partition over while this one does not look: as after a freeze.
  await client.del(`{${prefix}}:0:owner`)
  const frozen = await client.hincrby(`{${prefix}}:meta`, 'epoch:0', 1)
  t.ok(frozen > 1)
  const before = await keys()
  t.equal(
    await stale.parking.park({ ...letter, part, dead: false, bytes: Buffer.from('late') }).catch(codeOf),
    'QUEUE_MOVED'
  )
  const count = { counts: new Map([['delivered', 1]]), parts: [part] }
  await stale.parking.remove([kept])
  t.equal(await stale.log.commit(count).catch(codeOf), 'QUEUE_MOVED')
  t.equal(await stale.log.commit(count).catch(codeOf), 'QUEUE_MOVED', 'also once it knows')
  t.equal(await keys(), before, 'nothing was written, nothing removed')
  t.equal(await client.hget(`{${prefix}}:counts:stale`, 'delivered'), null)
  await stale.log.stop()
  const next = await open('next')
  await until('the letter to be with the next owner', () => next.parking.get(kept) !== undefined)
  t.equal(next.parking.get(kept)!.bytes.toString(), 'kept')
  await next.parking.remove([kept])
  t.equal(await keys(), 0)
})
