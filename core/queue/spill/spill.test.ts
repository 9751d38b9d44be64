// The spill between a real Redis and a real disk: outages, full memory, and ends at the worst moment.

import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { ALL, entry, logContract, readers, texts } from '../../../test/contract/log.contract.js'
import { until } from '../../../test/helpers/gateway-process.js'
import { type RedisServer, startRedis } from '../../../test/helpers/redis.js'
import { codeOf } from '../../component/errors.js'
import { EmbeddedLog } from '../embedded/log.js'
import type { Commit } from '../log.js'
import { RedisLog, type RedisLogOptions } from '../redis_streams/log.js'
import { SpillLog } from './log.js'
import { decodeRecord, encodeRecord } from './record.js'
import type { FencedCommit, SharedLog } from './shared.js'
import { Shelf } from './shelf.js'

/** With `everysec` Redis may keep a write back for up to two seconds while its disk is slow: kill -9 would take it. */
const SYNCED = ['--appendfsync', 'always']

const server = await startRedis(SYNCED)
t.teardown(() => server.stop())

logContract('redis with a spill', {
  open: (dir, maxBytes) => {
    const prefix = `spill-${createHash('sha256').update(dir).digest('hex')}`
    const shared = new RedisLog({ url: server.url, prefix, maxBytes, member: 'one', partitions: 2, leaseMs: 800 })
    return new SpillLog({ shared, shelf: new Shelf(new EmbeddedLog({ dir, maxBytes })), maxBytes: 0 })
  },
  durable: true
})

const LANES = readers({ a: ['s'] })
const MAX = 1 << 20

interface Parts {
  readonly log: SpillLog
  readonly redis: RedisLog
  readonly disk: EmbeddedLog
  /** Notes of the spill. */
  readonly notes: string[]
  /** Ends as a kill would. */
  crash(): Promise<void>
}

interface Place {
  readonly url: string
  readonly dir: string
  readonly maxBytes?: number
  readonly options?: Partial<RedisLogOptions>
  readonly between?: (redis: RedisLog) => SharedLog
}

async function open(t: Test, { url, dir, maxBytes = MAX, options = {}, between }: Place): Promise<Parts> {
  const redis = new RedisLog({
    url,
    maxBytes: 1e9,
    member: 'm',
    partitions: 1,
    leaseMs: 500,
    commitTimeoutMs: 400,
    ...options
  })
  const disk = new EmbeddedLog({ dir, maxBytes })
  const notes: string[] = []
  const log = new SpillLog({
    shared: between?.(redis) ?? redis,
    shelf: new Shelf(disk),
    maxBytes,
    onNote: (_level, _fields, text) => notes.push(text)
  })
  await log.start()
  await log.cursors(LANES)
  let isCrashed = false
  t.teardown(() => (isCrashed ? undefined : log.stop()))
  const crash = async (): Promise<void> => {
    isCrashed = true
    redis.crash()
    void log.stop()
    await disk.stop()
  }
  return { log, redis, disk, notes, crash }
}

/** An entry, and what is counted with it. */
function taken(name: string, items = 1): Commit {
  const counts = ['received|s', 'offered|a|s'].map(key => [key, items] as const)
  return { appends: [entry('s', name, items)], counts: new Map(counts) }
}

/** received, offered, and what waits for a: the same at every moment. */
function ledger(log: SpillLog): readonly (number | undefined)[] {
  const counts = log.counts()
  return [
    counts.get('received|s'),
    counts.get('offered|a|s'),
    log.status().cursors.find(c => c.cursor === 'a')?.waitingItems
  ]
}

/** Takes the server away as a host that is switched off: connections break, none can be made. */
async function away(server: RedisServer): Promise<() => Promise<void>> {
  server.kill('SIGKILL')
  await server.gone
  return () => server.restart()
}

t.test('a record is its commit again', async t => {
  const commit = { appends: [entry('s', 'x', 3), { ...entry('t', '', 0), partition: 5 }], counts: new Map([['c', 2]]) }
  t.same(decodeRecord(encodeRecord(commit).bytes), commit)
  t.equal(encodeRecord(commit).items, 3)
})

t.test('while Redis is away commits are taken, and are in Redis once, in order, when it is back', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { log, redis, notes } = await open(t, { url: server.url, dir: t.testdir({}) })
  await log.commit(taken('0'))
  const back = await away(server)
  await until('the connection to break', () => !redis.isReady)
  for (let i = 1; i <= 5; i++) t.same(await log.commit(taken(`${i}`)), [0])
  await log.commit({ counts: new Map([['received|s', 0]]) })
  t.same(ledger(log), [6, 6, 6])
  t.match(log.status(), { entries: 7, spilledBytes: Number })
  await back()
  const seen: (readonly (number | undefined)[])[] = []
  await until('the disk to be empty', () => {
    seen.push(ledger(log))
    return log.status().spilledBytes === 0
  })
  t.same(new Set(seen.map(String)), new Set(['6,6,6']), 'no moment shows one too many or too few')
  await log.commit(taken('6'))
  await until('the lease', () => log.read('a', 0, ALL).length > 0)
  t.same(texts(log.read('a', 0, ALL)), ['0', '1', '2', '3', '4', '5', '6'])
  t.same([redis.counts().get('received|s'), log.counts().get('received|s')], [7, 7])
  t.match(notes, [/waits on the local disk/, /is in the shared queue/])
})

t.test('what comes while the disk is being emptied goes behind it', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { log, redis } = await open(t, { url: server.url, dir: t.testdir({}), maxBytes: 1e8 })
  const back = await away(server)
  await until('the connection to break', () => !redis.isReady)
  const big = 'x'.repeat(1 << 20)
  let n = 0
  while (n < 12) await log.commit(taken(`${n++} ${big}`))
  await back()
  while (log.status().spilledBytes !== 0) await log.commit(taken(`${n++} `))
  await log.commit(taken(`${n++} `))
  t.ok(n > 13, `${n - 12} came meanwhile`)
  const found: string[] = []
  await until('all of them', () => {
    const entries = log.read('a', 0, ALL)
    for (const text of texts(entries)) found.push(text.split(' ')[0]!)
    void log.commit({ acks: [{ cursor: 'a', positions: entries.map(e => e.position) }] }).catch(() => {})
    return new Set(found).size >= n
  })
  t.same(
    [...new Set(found)],
    Array.from({ length: n }, (_, i) => `${i}`)
  )
})

t.test('at maxmemory the disk takes it, until acks have made room', async t => {
  const server = await startRedis([...SYNCED, '--maxmemory', '8mb', '--maxmemory-policy', 'noeviction'])
  t.teardown(() => server.stop())
  const { log } = await open(t, { url: server.url, dir: t.testdir({}), maxBytes: 1e8 })
  const payload = 'x'.repeat(500_000)
  let n = 0
  while ((log.status().spilledBytes ?? 0) === 0 && n < 60) await log.commit(taken(`${n++} ${payload}`))
  for (let i = 0; i < 5; i++) await log.commit(taken(`${n++} ${payload}`))
  t.same(ledger(log), [n, n, n])
  const order: string[] = []
  await until('all to be read', async () => {
    const entries = log.read('a', 0, { maxItems: 4, maxBytes: 1e9 })
    for (const text of texts(entries)) order.push(text.split(' ')[0]!)
    await log.commit({ acks: [{ cursor: 'a', positions: entries.map(e => e.position) }] })
    return order.length >= n
  })
  t.same(
    order,
    Array.from({ length: n }, (_, i) => `${i}`)
  )
  t.equal(log.status().spilledBytes, 0)
})

/** A Redis log whose process ends between the answer to a move and the note of it. */
function endsAfterMove(redis: RedisLog, moved: () => void): SharedLog {
  return new Proxy(redis, {
    get(of, key) {
      if (key !== 'commit') {
        const value = Reflect.get(of, key) as unknown
        return typeof value === 'function' ? value.bind(of) : value
      }
      return async (commit: FencedCommit) => {
        const positions = await of.commit(commit)
        if (commit.expects === undefined) return positions
        moved()
        return new Promise(() => {})
      }
    }
  }) as SharedLog
}

t.test('a process that ends between the move and the note of it moves nothing twice', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const dir = t.testdir({})
  const place = { url: server.url, dir, options: { prefix: 'worst' } }
  const first = await open(t, place)
  const back = await away(server)
  await until('the connection to break', () => !first.redis.isReady)
  for (const name of ['1', '2', '3']) await first.log.commit(taken(name))
  await first.crash()
  await back()
  let isMoved = false
  const second = await open(t, { ...place, between: redis => endsAfterMove(redis, () => (isMoved = true)) })
  await until('the move', () => isMoved)
  t.same(ledger(second.log), [3, 3, 3], 'what is in both is counted once')
  await second.crash()
  const third = await open(t, place)
  await until('the disk to be empty', () => third.log.status().spilledBytes === 0)
  await until('the lease', () => third.log.read('a', 0, ALL).length > 0)
  t.same(texts(third.log.read('a', 0, ALL)), ['1', '2', '3'])
  t.same(ledger(third.log), [3, 3, 3])
})

t.test('a move of a dead process that arrives late is refused', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { redis } = await open(t, { url: server.url, dir: t.testdir({}) })
  const move = (before: string | null, to: string) =>
    redis.commit({
      ...taken(to),
      state: new Map([['spill|x', Buffer.from(to)]]),
      expects: new Map([['spill|x', before]])
    })
  await move(null, '1')
  t.equal(await move(null, '1').catch(codeOf), 'QUEUE_STALE')
  await move('1', '2')
  const [late, after] = await Promise.allSettled([move('1', '3'), redis.commit(taken('other'))])
  t.match(late, { status: 'rejected', reason: { code: 'QUEUE_STALE' } })
  t.equal(after.status, 'fulfilled', 'commits of the same group go on')
  t.same(texts(redis.read('a', 0, ALL)), ['1', '2', 'other'])
  t.equal(redis.counts().get('received|s'), 3)
})

t.test('a commit whose fate is open is not spilled: it would be there twice', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { log, redis } = await open(t, { url: server.url, dir: t.testdir({}) })
  server.kill('SIGSTOP')
  const isOpen = log.commit(taken('open')).catch(codeOf)
  await new Promise(resolve => setTimeout(resolve, 50))
  const behind = log.commit(taken('behind'))
  t.equal(await isOpen, 'QUEUE_IN_DOUBT')
  t.same(await behind, [0], 'what was not sent is spilled')
  server.kill('SIGCONT')
  await until('the disk to be empty', () => log.status().spilledBytes === 0)
  await until('the lease', () => redis.read('a', 0, ALL).length > 0)
  const found = texts(redis.read('a', 0, ALL))
  t.same(
    found.filter(name => name === 'behind'),
    ['behind']
  )
  t.ok(found.filter(name => name === 'open').length <= 1)
})

t.test('a failover that makes this Redis a replica is bridged too', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { log } = await open(t, { url: server.url, dir: t.testdir({}) })
  const client = new Redis(server.url)
  t.teardown(() => client.disconnect())
  await log.commit(taken('before'))
  await client.replicaof('127.0.0.1', '1')
  t.same(await log.commit(taken('READONLY')), [0])
  t.ok(log.status().spilledBytes! > 0)
  await client.replicaof('NO', 'ONE')
  await until('the disk to be empty', () => log.status().spilledBytes === 0)
  await until('the lease', () => log.read('a', 0, ALL).length > 0)
  t.same(texts(log.read('a', 0, ALL)), ['before', 'READONLY'])
})

t.test('a full disk share refuses, and says so', async t => {
  const server = await startRedis(SYNCED)
  t.teardown(() => server.stop())
  const { log, redis } = await open(t, { url: server.url, dir: t.testdir({}), maxBytes: 2000 })
  await away(server)
  await until('the connection to break', () => !redis.isReady)
  await log.commit(taken('x'.repeat(1000)))
  t.equal(await log.commit(taken('x'.repeat(1000))).catch(codeOf), 'QUEUE_FULL')
})
