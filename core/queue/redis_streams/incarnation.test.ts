// R5: a Redis that came back without the log, or with another one under the same keys, takes nothing from who began before.
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { ALL, entry, readers, texts } from '../../../test/contract/log.contract.js'
import { until } from '../../../test/helpers/gateway-process.js'
import { startRedis } from '../../../test/helpers/redis.js'
import { codeOf } from '../../component/errors.js'
import { BullParking } from '../bullmq/parking.js'
import { RedisLog, type RedisLogOptions } from './log.js'

const redis = await startRedis()
t.teardown(() => redis.stop())

const LANES = readers({ a: ['s'] })
const LETTER = { exporter: 'a', stream: 's', attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r', dead: true, items: 1 }

type Told = readonly [level: string, code: unknown]

async function opened(t: Test, options: Partial<RedisLogOptions> = {}) {
  const told: Told[] = []
  const place = { url: redis.url, maxBytes: 1e6, partitions: 2, leaseMs: 800, prefix: 'log', member: 'a' }
  const log = new RedisLog({ ...place, onNote: (level, { code }) => void told.push([level, code]), ...options })
  await log.start()
  await log.cursors(LANES)
  t.teardown(() => log.stop())
  return { log, told }
}

function clientOf(t: Test): Redis {
  const client = new Redis(redis.url, { retryStrategy: () => 20 })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

const add = (log: RedisLog, ...names: string[]): Promise<readonly number[]> =>
  log.commit({ appends: names.map(name => entry('s', name)), counts: new Map([['received', names.length]]) })

const refused = (work: Promise<unknown>): Promise<string> => work.then(() => 'taken', codeOf)

t.test('a Redis that came back empty takes nothing; after a restart everything it takes is read', async t => {
  const { log, told } = await opened(t, { prefix: 'emptied' })
  const client = clientOf(t)
  const positions = await add(log, 'one', 'two')
  t.equal(log.obstacle(), undefined)
  await redis.restartEmpty()
  await until('a connection', () => log.isReady)
  t.equal(await refused(add(log, 'lost')), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(log.commit({ acks: [{ cursor: 'a', positions }] })), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(log.commit({ counts: new Map([['delivered', 2]]) })), 'QUEUE_REDIS_EMPTIED')
  t.match(log.obstacle(), { code: 'QUEUE_REDIS_EMPTIED', message: /127\.0\.0\.1:\d+.*restart/ })
  // Beats and what is tidied go on meanwhile.
  await new Promise(done => setTimeout(done, 900))
  t.same(await client.keys('{emptied}*'), [], 'nothing was written')
  t.same(log.read('a', 0, ALL), [], 'nothing is read once the lease is over')
  t.same(told.filter(([level]) => level === 'error'), [['error', 'QUEUE_REDIS_EMPTIED']], 'told once') // biome-ignore format: short
  await log.stop()
  await log.start()
  await log.cursors(LANES)
  t.equal(log.obstacle(), undefined)
  await add(log, 'three', 'four')
  t.same(texts(log.read('a', 0, ALL)), ['three', 'four'])
  t.equal(log.counts().get('received'), 2)
})

t.test('who began before writes nothing into the log that another one began, whatever its epochs', async t => {
  const { log: old } = await opened(t, { prefix: 'fence', member: 'old' })
  const parking = new BullParking({ url: redis.url, prefix: 'fence', maxBytes: 1e6, parts: old })
  await parking.start()
  t.teardown(() => parking.stop())
  const { part } = old.tenureOf(0)!
  const positions = await add(old, 'before')
  const kept = await parking.park({ ...LETTER, part, bytes: Buffer.from('kept') })
  const client = clientOf(t)
  await client.flushall()
  const { log: next } = await opened(t, { prefix: 'fence', member: 'next' })
  t.equal(next.tenureOf(0)?.epoch, old.tenureOf(0)?.epoch, 'the epoch alone would not tell them apart')
  await add(next, 'after')
  const before = (await client.keys('{fence}*')).sort()
  const counts = new Map([['delivered', 1]])
  t.equal(await refused(old.commit({ acks: [{ cursor: 'a', positions }], counts })), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(add(old, 'late')), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(parking.park({ ...LETTER, part, bytes: Buffer.from('late') })), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(parking.remove([kept])), 'QUEUE_REDIS_EMPTIED')
  t.equal(await refused(old.cursors(readers({ a: ['s'], b: ['s'] }))), 'QUEUE_REDIS_EMPTIED')
  t.same((await client.keys('{fence}*')).sort(), before)
  t.same(Object.keys(await client.hgetall('{fence}:lanes')), ['a\ns'])
  t.same(texts(next.read('a', 0, ALL)), ['after'])
})

t.test('payloads that are gone with the log are not told as damaged', async t => {
  const { log } = await opened(t, { prefix: 'gone', tailBytes: 0 })
  let damaged = 0
  log.onDamage(() => damaged++)
  await add(log, 'x')
  await clientOf(t).flushall()
  await until('it to notice', () => {
    log.read('a', 0, ALL)
    return log.obstacle() !== undefined
  })
  t.equal(damaged, 0)
})

t.test('with its data again Redis takes everything as before, without a restart', async t => {
  const { log, told } = await opened(t, { prefix: 'back' })
  const client = clientOf(t)
  const [position] = await add(log, 'x')
  await client.rename('{back}:meta', '{back}:aside')
  t.equal(await refused(add(log, 'y')), 'QUEUE_REDIS_EMPTIED')
  await client.rename('{back}:aside', '{back}:meta')
  await until('it to notice', () => log.obstacle() === undefined)
  await log.commit({ acks: [{ cursor: 'a', positions: [position!] }] })
  await add(log, 'z')
  t.same(texts(log.read('a', 0, ALL)), ['z'])
  t.same(told.at(-1), ['info', undefined])
})

t.test('a log of an older build gets its incarnation at start and keeps it', async t => {
  const client = clientOf(t)
  const first = await opened(t, { prefix: 'older' })
  await add(first.log, 'x')
  await first.log.stop()
  await client.hdel('{older}:meta', 'incarnation')
  const second = await opened(t, { prefix: 'older' })
  t.same(texts(second.log.read('a', 0, ALL)), ['x'])
  const made = await client.hget('{older}:meta', 'incarnation')
  t.equal(made, second.log.incarnation)
  const third = await opened(t, { prefix: 'older', member: 'b' })
  t.equal(third.log.incarnation, made)
  t.equal(third.log.parts.count, 2)
})
