// The contracts of log and parking over the Redis of REDIS_URL, whatever it is.
import t from 'tap'
import { BullParking } from '../../core/queue/bullmq/parking.js'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'
import { RedisLog } from '../../core/queue/redis_streams/log.js'
import { SpillLog } from '../../core/queue/spill/log.js'
import { Shelf } from '../../core/queue/spill/shelf.js'
import { entry, logContract, readers } from '../contract/log.contract.js'
import { parkingContract } from '../contract/parking.contract.js'

const url = process.env['REDIS_URL']
if (url === undefined) throw new Error('REDIS_URL says which Redis; `npm run e2e -- redis` starts a cluster')
const prefixes = new Map<string, string>()

function prefixOf(dir: string): string {
  const known = prefixes.get(dir) ?? `contract-${process.pid}-${prefixes.size}`
  prefixes.set(dir, known)
  return known
}

logContract('redis', {
  open: (dir, maxBytes) => new RedisLog({ url, prefix: prefixOf(dir), maxBytes, member: 'one', leaseMs: 800 }),
  durable: true,
  inUse: { code: 'QUEUE_MEMBER_IN_USE', fix: /queue\.member/ }
})
parkingContract('bullmq', {
  open: (dir, now) => new BullParking({ url, prefix: `${prefixOf(dir)}-parking`, maxBytes: 1e6, now }),
  durable: true
})
logContract('redis with a spill and compressed payloads', {
  open: (dir, maxBytes) => {
    const shared = new RedisLog({
      url,
      prefix: `${prefixOf(dir)}-spill`,
      maxBytes,
      member: 'one',
      leaseMs: 800,
      compression: 'deflate'
    })
    return new SpillLog({ shared, shelf: new Shelf(new EmbeddedLog({ dir, maxBytes })), maxBytes: 0 })
  },
  durable: true
})

t.test('the totals of all processes, and parking that goes with its partition', async t => {
  const place = { url, prefix: `whole-${process.pid}`, maxBytes: 1e6 }
  const log = new RedisLog({ ...place, member: 'one', partitions: 3, leaseMs: 800 })
  const parking = new BullParking({ ...place, parts: log })
  await log.start()
  await parking.start()
  t.teardown(() => log.stop())
  t.teardown(() => parking.stop())
  await log.cursors(readers({ a: ['s'] }))
  await log.commit({ appends: [entry('s', 'x', 3)], counts: new Map([['n', 1]]) })
  const { waiting, counts, members, isExact } = await log.totals()
  t.same([[...waiting], [...counts], members, isExact], [[['a', 3]], [['n', 1]], ['one'], true])
  const { part } = log.tenureOf(1)!
  const letter = { exporter: 'x', stream: 's', items: 1, attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r', dead: true }
  const id = await parking.park({ ...letter, part, bytes: Buffer.from('letter') })
  t.match(parking.get(id), { part, size: 6 })
  await parking.remove([id])
  t.same(parking.status(), [])
})
