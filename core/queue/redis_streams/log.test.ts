// The contract over Redis Streams, and what only they do: many processes, fences, broken connections, full memory.
import t, { type Test } from 'tap'
import { logContract } from '../../../test/contract/log.contract.js'
import { redisForTest } from '../../../test/helpers/redis.js'
import { RedisLog } from './log.js'

const redis = await redisForTest()
t.teardown(() => redis.stop())
const prefixes = new Map<string, string>()
let tests = 0

/** The same place is the same prefix. */
function prefixOf(dir: string): string {
  const known = prefixes.get(dir) ?? `log-${process.pid}-${Date.now()}-${tests++}`
  prefixes.set(dir, known)
  return known
}

for (const partitions of [1, 3]) {
  logContract(`redis with ${partitions} partition(s)`, {
    open: (dir, maxBytes) =>
      new RedisLog({ url: redis.url, prefix: prefixOf(dir), maxBytes, member: 'one', partitions, leaseMs: 800 }),
    durable: true,
    inUse: { code: 'QUEUE_MEMBER_IN_USE', fix: /queue\.member/ }
  })
}
