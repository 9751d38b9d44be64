// The contracts of log and parking over the Redis of REDIS_URL, whatever it is.
import { BullParking } from '../../core/queue/bullmq/parking.js'
import { RedisLog } from '../../core/queue/redis_streams/log.js'
import { logContract } from '../contract/log.contract.js'
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
