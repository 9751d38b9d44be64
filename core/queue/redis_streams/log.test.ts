// The contract over Redis Streams, and what only they do: many processes, fences, broken connections, full memory.
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { ALL, entry, logContract, readers, texts } from '../../../test/contract/log.contract.js'
import { until } from '../../../test/helpers/gateway-process.js'
import { redisForTest, startRedis } from '../../../test/helpers/redis.js'
import { codeOf } from '../../component/errors.js'
import { RedisLog, type RedisLogOptions } from './log.js'

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

logContract('redis with compressed payloads', {
  open: (dir, maxBytes) => {
    const place = { url: redis.url, prefix: prefixOf(dir), member: 'one', partitions: 1, leaseMs: 800 }
    return new RedisLog({ ...place, maxBytes, compression: 'deflate' })
  },
  durable: true,
  inUse: { code: 'QUEUE_MEMBER_IN_USE', fix: /queue\.member/ }
})

const LANES = readers({ a: ['s'] })

async function opened(
  t: Test,
  options: Partial<RedisLogOptions> & { readonly prefix: string },
  lanes = LANES
): Promise<RedisLog> {
  const log = new RedisLog({ url: redis.url, maxBytes: 1e6, leaseMs: 600, ...options })
  await log.start()
  await log.cursors(lanes)
  t.teardown(() => log.stop())
  return log
}

/** Everything a log reads now, acked. */
async function drain(log: RedisLog): Promise<string[]> {
  const entries = log.read('a', 0, ALL)
  const counts = new Map([['delivered', entries.length]])
  await log.commit({ acks: [{ cursor: 'a', positions: entries.map(({ position }) => position) }], counts })
  return texts(entries)
}

const add = (log: RedisLog, ...names: string[]): Promise<readonly number[]> =>
  log.commit({ appends: names.map(name => entry('s', name)) })

t.test('partitions are shared evenly and handed over when a process stops, nothing twice', async t => {
  const prefix = prefixOf('shared')
  const a = await opened(t, { prefix, member: 'a', partitions: 4 })
  await add(a, 'early')
  const b = await opened(t, { prefix, member: 'b' })
  await until('both to have two', () => a.owned.length === 2 && b.owned.length === 2)
  await Promise.all([add(a, 'to a'), add(b, 'to b')])
  t.same([...(await drain(a)), ...(await drain(b))].sort(), ['early', 'to a', 'to b'])
  await add(a, 'left behind')
  await a.stop()
  await until('b to have all', () => b.owned.length === 4)
  await until('b to read it', () => b.read('a', 0, ALL).length > 0)
  t.same(await drain(b), ['left behind'])
})

t.test('a process without partitions appends to those of others, who hear of it', async t => {
  const prefix = prefixOf('guest')
  const owner = await opened(t, { prefix, member: 'owner', partitions: 1 })
  const guest = await opened(t, { prefix, member: 'guest' })
  t.same(guest.owned, [])
  let heard = 0
  owner.onAppend(() => heard++)
  t.same(await add(guest, 'from the guest'), [0])
  await until('the owner to read it', () => owner.read('a', 0, ALL).length === 1)
  t.ok(heard > 0)
  await add(owner, 'own')
  t.same(await drain(owner), ['from the guest', 'own'])
})

t.test('R1 a hung owner loses its partition; back again it can neither ack nor count what others have', async t => {
  const prefix = prefixOf('fenced')
  // It looks after its lease too seldom to notice.
  const hung = await opened(t, { prefix, member: 'hung', partitions: 1, leaseMs: 60_000 })
  await add(hung, 'one', 'two', 'three')
  const read = hung.read('a', 0, { maxItems: 2, maxBytes: 1e6 })
  t.equal(read.length, 2)
  // As if frozen: another one has the partition while this one still believes in its lease.
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  await client.del(`{${prefix}}:0:owner`, `{${prefix}}:member:hung`, `{${prefix}}:alive`)
  const other = await opened(t, { prefix, member: 'other' })
  await until('the other to have it', () => other.owned.length === 1)
  const late = hung.commit({
    acks: [{ cursor: 'a', positions: read.map(({ position }) => position) }],
    counts: new Map([['delivered', 2]])
  })
  t.equal(await late.catch(codeOf), 'QUEUE_MOVED')
  t.equal(hung.counts().get('delivered'), undefined)
  t.equal(await client.hget(`{${prefix}}:counts:hung`, 'delivered'), null)
  t.same(hung.read('a', 0, ALL), [], 'what it had is not read any more')
  t.same(await drain(other), ['one', 'two', 'three'])
})

t.test('a lease that ran out without a taker is renewed, and nothing is delivered twice', async t => {
  const prefix = prefixOf('renewed')
  const log = await opened(t, { prefix, member: 'm', partitions: 1 })
  await add(log, 'x')
  const [read] = log.read('a', 0, ALL)
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  await client.del(`{${prefix}}:0:owner`)
  await until('the lease', async () => (await client.get(`{${prefix}}:0:owner`)) === 'm')
  await log.commit({ acks: [{ cursor: 'a', positions: [read!.position] }] })
  t.match(log.status(), { entries: 0, bytes: 0 })
  t.equal(await client.xlen(`{${prefix}}:0:log`), 0)
})

t.test('a process that was killed is back at once under its name, with its totals and partitions', async t => {
  const prefix = prefixOf('again')
  const killed = await opened(t, { prefix, partitions: 2, leaseMs: 60_000 })
  await killed.commit({ appends: [entry('s', 'x')], counts: new Map([['received', 1]]) })
  killed.crash()
  const again = await opened(t, { prefix, leaseMs: 60_000 })
  t.equal(again.member, killed.member)
  t.same(again.owned, [0, 1])
  t.equal(again.counts().get('received'), 1)
  t.same(await drain(again), ['x'])
  const second = await opened(t, { prefix, leaseMs: 60_000 })
  t.not(second.member, again.member, 'a living one keeps its name')
})

t.test('what is acked by one cursor stays acked when another process takes over', async t => {
  const prefix = prefixOf('marks')
  const lanes = readers({ a: ['s'], b: ['s'] })
  const first = await opened(t, { prefix, member: 'first', partitions: 1 }, lanes)
  await add(first, 'x', 'y')
  await first.commit({ acks: [{ cursor: 'a', positions: [first.read('a', 0, ALL)[0]!.position] }] })
  first.crash()
  const second = await opened(t, { prefix, member: 'second' }, lanes)
  await until('the takeover', () => second.read('b', 0, ALL).length === 2)
  t.same(texts(second.read('a', 0, ALL)), ['y'])
  t.same(texts(second.read('b', 0, ALL)), ['x', 'y'])
})

t.test('payloads that do not fit into memory are fetched ahead of the reader, and again for a retry', async t => {
  const prefix = prefixOf('window')
  const log = await opened(t, { prefix, member: 'm', partitions: 1, tailBytes: 10, windowBytes: 30 })
  const names = Array.from({ length: 20 }, (_, i) => `payload-${`${i}`.padStart(2, '0')}`)
  await add(log, ...names)
  const found: string[] = []
  let after = 0
  await until('all of them', () => {
    for (const { position, bytes } of log.read('a', after, ALL)) {
      found.push(bytes.toString())
      after = position
    }
    return found.length === names.length
  })
  t.same(found, names)
  t.equal(log.ready([1]), false)
  t.throws(() => log.get(1), { code: 'QUEUE_FETCHING' })
  await until('the payload', () => log.ready([1]))
  t.equal(log.get(1)?.bytes.toString(), names[0])
})

t.test('L6 a payload that Redis lost is counted and told, the others go on', async t => {
  const prefix = prefixOf('damage')
  const log = await opened(t, { prefix, member: 'm', partitions: 1, tailBytes: 0 })
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  await log.commit({ appends: [entry('s', 'lost', 5), entry('s', 'kept')] })
  await client.hdel(`{${prefix}}:0:data`, '1')
  const damage: { position: number; items: number }[] = []
  log.onDamage(what => damage.push(what))
  await until('what is left', () => log.read('a', 0, ALL).length === 1)
  t.same(texts(log.read('a', 0, ALL)), ['kept'])
  t.match(damage, [{ position: 1, items: 5, stream: 's' }])
  await log.commit({})
  t.equal(log.counts().get('dropped|a|s|damaged'), 5)
  t.equal(log.status().damagedEntries, 1)
})

/** Takes notes of what the log tells it. */
function partReader(cursors: readonly string[], leaving = async (): Promise<void> => {}) {
  const notes: string[] = []
  return {
    cursors,
    notes,
    parts: new Map<number, number>(),
    gained(part: number, partition: number) {
      this.parts.set(partition, part)
      notes.push(`gained ${partition}`)
    },
    leaving(part: number) {
      notes.push(`leaving ${[...this.parts].find(([, id]) => id === part)?.[0]}`)
      return leaving()
    },
    lost(part: number) {
      notes.push(`lost ${[...this.parts].find(([, id]) => id === part)?.[0]}`)
    }
  }
}

t.test('entries that name their partition go there in one commit, and keep their order and number', async t => {
  const prefix = prefixOf('named')
  const a = await opened(t, { prefix, member: 'a', partitions: 2 })
  const b = await opened(t, { prefix, member: 'b' })
  await until('each to have one', () => a.owned.length === 1 && b.owned.length === 1)
  const [of, other] = a.owned[0] === 0 ? [a, b] : [b, a]
  const put = (log: RedisLog, text: string) =>
    log.commit({ appends: [0, 1].map(partition => ({ ...entry('s', `${text} ${partition}`), partition })) })
  for (const [log, text] of [[of, '1'], [other, '2'], [other, '3'], [of, '4']] as const) await put(log, text) // biome-ignore format: short
  for (const [log, p] of [
    [of, 0],
    [other, 1]
  ] as const) {
    await until('all to be heard of', () => log.read('a', 0, ALL).length === 4)
    const read = log.read('a', 0, ALL)
    t.same(texts(read), ['1', '2', '3', '4'].map(n => `${n} ${p}`)) // biome-ignore format: short
    const numbers = read.map(({ number }) => number!)
    t.same(
      numbers,
      [...numbers].sort((x, y) => x - y)
    )
  }
  t.equal(await put(a, 'x').then(() => '', codeOf), '')
  const nowhere = a.commit({ appends: [{ ...entry('s', 'y'), partition: 2 }] })
  t.equal(await nowhere.catch(codeOf), 'QUEUE_BAD_ENTRY')
})

t.test(
  'R1 a commit that speaks for a part is refused when another process has it, even when it acks nothing',
  async t => {
    const prefix = prefixOf('spoken')
    // It looks after its lease too seldom to notice.
    const hung = await opened(t, { prefix, member: 'hung', partitions: 1, leaseMs: 60_000 })
    const reader = partReader(['a'])
    hung.parts.attach(reader)
    const part = reader.parts.get(0)!
    await hung.commit({ part, appends: [entry('s', 'mine')] })
    t.equal(hung.read('a', 0, { ...ALL, part }).length, 1)
    t.same(hung.read('a', 0, { ...ALL, part: part + 1 }), [])
    const client = new Redis(redis.url)
    t.teardown(() => client.disconnect())
    await client.hincrby(`{${prefix}}:meta`, 'epoch:0', 1)
    t.equal(await hung.commit({ part, appends: [entry('s', 'stale')] }).catch(codeOf), 'QUEUE_MOVED')
    t.equal(await client.xlen(`{${prefix}}:0:log`), 1)
    t.same(reader.notes, ['gained 0', 'lost 0'])
    t.equal(hung.parts.isCertain(part), false)
  }
)

t.test('a reader that comes while a partition is being taken is told of it once', async t => {
  const late = partReader([])
  const log: RedisLog = new RedisLog({
    url: redis.url,
    prefix: prefixOf('introduced'),
    maxBytes: 1e6,
    member: 'm',
    partitions: 2,
    onNote: (_, { partition }) => {
      if (partition === 1) log.parts.attach(late)
    }
  })
  t.teardown(() => log.stop())
  await log.start()
  t.same(late.notes, ['gained 0', 'gained 1'])
})

t.test('a partition is given away when its readers have left it, whatever they have read and not acked', async t => {
  const prefix = prefixOf('leaving')
  const a = await opened(t, { prefix, member: 'a', partitions: 2, leaseMs: 2000 })
  let letGo = () => {}
  const reader = partReader(['a'], () => new Promise(resolve => (letGo = resolve)))
  a.parts.attach(reader)
  await a.commit({ appends: [0, 1].map(partition => ({ ...entry('s', `in ${partition}`), partition })) })
  t.equal(a.read('a', 0, ALL).length, 2)
  const b = await opened(t, { prefix, member: 'b', leaseMs: 2000 })
  await until('one to leave', () => reader.notes.length === 3)
  t.equal(b.owned.length, 0, 'it is not done with it')
  const began = performance.now()
  letGo()
  await until('b to have it', () => b.owned.length === 1)
  t.ok(performance.now() - began < 2000, 'nobody waits for acks that will not come')
  const [p] = b.owned
  t.same(reader.notes, ['gained 0', 'gained 1', `leaving ${p}`, `lost ${p}`])
  await until('b to read it again', () => b.read('a', 0, ALL).length === 1)
  t.same(texts(b.read('a', 0, ALL)), [`in ${p}`])
})

t.test('a commit of a part waits for its fate while Redis hangs, and is written once', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const options = { url: server.url, prefix: 'fate', member: 'm', partitions: 1, commitTimeoutMs: 300, leaseMs: 5000 }
  const log = await opened(t, options)
  const reader = partReader([])
  log.parts.attach(reader)
  server.kill('SIGSTOP')
  const written = log.commit({ part: reader.parts.get(0)!, appends: [entry('s', 'once')] })
  t.equal(await Promise.race([written.then(String, codeOf), new Promise(resolve => setTimeout(resolve, 900, 'waits'))]), 'waits') // biome-ignore format: short
  server.kill('SIGCONT')
  t.equal((await written).length, 1)
  await until('its lease', () => log.read('a', 0, ALL).length > 0)
  t.same(await drain(log), ['once'])
})

t.test('Redis killed and restarted: what was resolved is there, what is under way is settled once', async t => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const log = await opened(t, { url: server.url, prefix: 'restart', member: 'm', partitions: 1 })
  await add(log, 'before')
  const [read] = log.read('a', 0, ALL)
  const restarted = server.restart('SIGKILL')
  const settled = log.commit({
    acks: [{ cursor: 'a', positions: [read!.position] }],
    counts: new Map([['delivered', 1]])
  })
  await restarted
  await settled
  await until('appends to work again', () =>
    add(log, 'after').then(
      () => true,
      error => {
        t.equal(codeOf(error), 'QUEUE_UNAVAILABLE')
        return false
      }
    )
  )
  await until('its lease', () => log.read('a', 0, ALL).length > 0)
  t.same(await drain(log), ['after'])
  t.equal(log.counts().get('delivered'), 2)
  const client = new Redis(server.url)
  t.equal(await client.hget('{restart}:counts:m', 'delivered'), '2')
  client.disconnect()
})

t.test(
  'a Redis that hangs: senders are told in time, the answer that was lost is asked for, nothing is stored twice',
  async t => {
    const server = await startRedis()
    t.teardown(() => server.stop())
    const log = await opened(t, { url: server.url, prefix: 'hang', member: 'm', partitions: 1, commitTimeoutMs: 300 })
    server.kill('SIGSTOP')
    t.equal(await add(log, 'in doubt').catch(codeOf), 'QUEUE_IN_DOUBT')
    t.equal(await add(log, 'refused').catch(codeOf), 'QUEUE_UNAVAILABLE')
    server.kill('SIGCONT')
    await until('work', () => add(log, 'later').then(() => true, () => false)) // biome-ignore format: short
    await until('its lease', () => log.read('a', 0, ALL).length > 0)
    const names = await drain(log)
    t.equal(names.filter(name => name === 'in doubt').length <= 1, true)
    t.ok(names.includes('later'))
    t.notOk(names.includes('refused'))
  }
)

t.test('payloads of every setting are read by every other; what cannot be decompressed is damage', async t => {
  const prefix = prefixOf('compressed')
  const text = 'span '.repeat(400)
  const sizes: number[] = []
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  for (const compression of ['none', 'deflate', 'zstd'] as const) {
    const log = await opened(t, { prefix, member: 'm', partitions: 1, compression })
    const [seq] = await add(log, text)
    sizes.push(await client.hstrlen(`{${prefix}}:0:data`, `${seq}`))
    await log.stop()
  }
  t.equal(sizes[0], 2000)
  t.ok(Math.max(...sizes.slice(1)) < 100, `${sizes}`)
  const damaged = await client.hgetBuffer(`{${prefix}}:0:data`, '2')
  damaged!.fill(0xff, 8)
  await client.hset(`{${prefix}}:0:data`, '2', damaged!)
  const log = new RedisLog({ url: redis.url, maxBytes: 1e6, prefix, member: 'm', leaseMs: 600, tailBytes: 0 })
  const lost: string[] = []
  log.onDamage(({ why }) => lost.push(why))
  await log.start()
  await log.cursors(LANES)
  t.teardown(() => log.stop())
  await until('the damaged one to be counted', () => log.counts().get('dropped|a|s|damaged') === 1)
  await until('the others', () => log.read('a', 0, ALL).length === 2)
  t.same(texts(log.read('a', 0, ALL)), [text, text])
  t.match(lost, [/cannot be decompressed/])
})

t.test('the totals of all processes are of one moment, and tell what waits for whom', async t => {
  const prefix = prefixOf('totals*?')
  const lanes = readers({ a: ['s', 'with space'], b: ['s'] })
  const one = await opened(t, { prefix, member: 'one', partitions: 3 }, lanes)
  const two = await opened(t, { prefix, member: 'two', takesPartitions: false }, lanes)
  await one.commit({ appends: [entry('s', 'x', 3)], counts: new Map([['n', 1]]) })
  await two.commit({ appends: [entry('s', 'y', 5), entry('with space', 'z', 7)], counts: new Map([['n', 2]]) })
  await until('all to be here', () => one.status().cursors.find(c => c.cursor === 'a')?.waitingItems === 15)
  const [first] = one.read('a', 0, ALL)
  await one.commit({ acks: [{ cursor: 'a', positions: [first!.position] }], counts: new Map([['n', 4]]) })
  const totals = await two.totals()
  t.same([...totals.waiting].sort(), [['a', 15 - first!.items], ['b', 8]]) // biome-ignore format: short
  t.match(totals, { members: ['one', 'two'], isExact: true })
  t.same([...totals.counts], [['n', 7]]) // biome-ignore format: short
  const { counts, waiting } = await one.totals('counts')
  t.same([[...counts], waiting.size], [[['n', 7]], 0]) // biome-ignore format: short
  // Under load each answer still fits together: one entry, one count.
  const load = Array.from({ length: 40 }, (_, i) =>
    one.commit({ appends: [entry('s', `${i}`)], counts: new Map([['m', 1]]) })
  )
  for (let i = 0; i < 5; i++) {
    const { counts, waiting, isExact } = await two.totals()
    t.same([isExact, waiting.get('b')], [true, 8 + (counts.get('m') ?? 0)]) // biome-ignore format: short
  }
  await Promise.all(load)
})

t.test('at maxmemory appends are refused whole, acks pass and make room', async t => {
  const server = await startRedis(['--maxmemory', '8mb', '--maxmemory-policy', 'noeviction'])
  t.teardown(() => server.stop())
  const log = await opened(t, { url: server.url, prefix: 'oom', member: 'm', partitions: 1, maxBytes: 1e9 })
  const big = (): Promise<unknown> => log.commit({ appends: [{ stream: 's', items: 1, bytes: Buffer.alloc(500_000) }] })
  let code = ''
  let taken = 0
  while (code === '' && taken < 40) await big().then(() => taken++, error => (code = codeOf(error))) // biome-ignore format: short
  t.equal(code, 'QUEUE_REDIS_MEMORY')
  t.equal(log.status().entries, taken)
  const mixed = await Promise.allSettled([
    big(),
    log.commit({ acks: [{ cursor: 'a', positions: [1, 2, 3] }], counts: new Map([['delivered', 3]]) })
  ])
  t.same(mixed.map(({ status }) => status), ['rejected', 'fulfilled']) // biome-ignore format: short
  t.equal(log.status().entries, taken - 3)
  await big()
  t.equal(log.counts().get('delivered'), 3)
})

t.test('READONLY, a wrong password, no server and an evicting server are said in words', async t => {
  const server = await startRedis(['--requirepass', 'secret'])
  t.teardown(() => server.stop())
  const start = async (url: string): Promise<unknown> => {
    try {
      const log = new RedisLog({ url, maxBytes: 1e6, commitTimeoutMs: 400 })
      await log.start()
      return await log.stop()
    } catch (error) {
      return error
    }
  }
  const errors = await Promise.all([
    start(server.url),
    start(server.url.replace('//', '//:wrong-word@')),
    start('redis://:never-shown@127.0.0.1:1'),
    start('amqp://never-shown@host')
  ])
  t.same(errors.map(codeOf), ['QUEUE_NOT_REACHED', 'QUEUE_NOT_REACHED', 'QUEUE_NOT_REACHED', 'QUEUE_REDIS_SETUP'])
  for (const error of errors) t.notMatch((error as Error).message, /never-shown|wrong-word/)
  const good = server.url.replace('//', '//:secret@')
  const log = await opened(t, { url: good, prefix: 'role', member: 'm', partitions: 1 })
  const client = new Redis(good)
  t.teardown(() => client.disconnect())
  await client.replicaof('127.0.0.1', '1')
  t.equal(await add(log, 'x').catch(codeOf), 'QUEUE_UNAVAILABLE')
  await client.replicaof('NO', 'ONE')
  await until('the master again', () => add(log, 'y').then(() => true, () => false)) // biome-ignore format: short
  t.same(await drain(log), ['y'])
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await client.config('SET', 'maxmemory', '100mb')
  t.match(await start(good), { code: 'QUEUE_REDIS_SETUP', message: /allkeys-lru.*noeviction/ })
})

t.test('wait_replicas: an append is acknowledged when a replica has it, and not before', async t => {
  const master = await startRedis()
  t.teardown(() => master.stop())
  const options = { url: master.url, prefix: 'wait', member: 'm', partitions: 1, waitReplicas: 1, commitTimeoutMs: 500 }
  const log = await opened(t, options)
  t.match(await add(log, 'alone').catch((error: Error) => error), { code: 'QUEUE_NOT_REPLICATED', message: /0 of 1/ })
  const replica = await startRedis(['--replicaof', '127.0.0.1', `${master.port}`])
  t.teardown(() => replica.stop())
  await until('the replica', () => add(log, 'with it').then(() => true, () => false)) // biome-ignore format: short
  t.match(log.durability, { appendFsync: 'everysec', waitReplicas: 1 })
})
