// What every log keeps (L1-L8 of core/queue/log.ts), run over each implementation by a factory.
import t, { type Test } from 'tap'
import { codeOf } from '../../core/component/errors.js'
import type { Commit, Entry, Log, StoredEntry } from '../../core/queue/log.js'

export interface LogUnderTest {
  /** A log over the place `dir`; the same place gives the same content again when `durable`. */
  open(dir: string, maxBytes: number): Log
  readonly durable: boolean
  /** What a second log on the same place is told. Default: QUEUE_IN_USE and queue.path. */
  readonly inUse?: { readonly code: string; readonly fix: RegExp }
}

export const ALL = { maxItems: 1e9, maxBytes: 1e9 }

export function entry(stream: string, text: string, items = 1): Entry {
  return { stream, items, bytes: Buffer.from(text) }
}

export function texts(entries: readonly StoredEntry[]): string[] {
  return entries.map(({ bytes }) => bytes.toString())
}

export function readers(lanes: Record<string, string[]>): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(lanes))
}

function acked(cursor: string, ...positions: number[]): Commit {
  return { acks: [{ cursor, positions }] }
}

export function logContract(name: string, under: LogUnderTest): void {
  t.test(`${name} log`, async t => {
    const open = async (t: Test, dir: string, lanes: Record<string, string[]>, maxBytes = 1e6): Promise<Log> => {
      const log = under.open(dir, maxBytes)
      await log.start()
      await log.cursors(readers(lanes))
      t.teardown(() => log.stop())
      return log
    }
    const fresh = (t: Test, lanes: Record<string, string[]>, maxBytes?: number): Promise<Log> =>
      open(t, t.testdir({}), lanes, maxBytes)

    t.test('L3 positions grow by one per append, over concurrent commits in the order they were made', async t => {
      const log = await fresh(t, { a: ['s'] })
      const given = await Promise.all([
        log.commit({ appends: [entry('s', '1'), entry('s', '2')] }),
        log.commit(acked('a', 99)),
        log.commit({ appends: [entry('s', '3')] })
      ])
      t.same(given, [[1, 2], [], [3]])
      t.same(texts(log.read('a', 0, ALL)), ['1', '2', '3'])
    })

    t.test('L4 each cursor reads its own streams only, oldest first, behind `after`', async t => {
      const log = await fresh(t, { a: ['s', 'u'], b: ['u'] })
      await log.commit({ appends: [entry('s', 's1'), entry('u', 'u1'), entry('s', 's2'), entry('u', 'u2')] })
      t.same(texts(log.read('a', 0, ALL)), ['s1', 'u1', 's2', 'u2'])
      t.same(texts(log.read('b', 0, ALL)), ['u1', 'u2'])
      t.same(texts(log.read('a', 2, ALL)), ['s2', 'u2'])
      t.same(log.read('nobody', 0, ALL), [])
    })

    t.test('reads stop at the limit of items or bytes but give at least one entry', async t => {
      const log = await fresh(t, { a: ['s'] })
      await log.commit({ appends: [entry('s', 'aaaa', 5), entry('s', 'bbbb', 5), entry('s', 'cccc', 5)] })
      t.same(texts(log.read('a', 0, { maxItems: 1, maxBytes: 1 })), ['aaaa'])
      t.same(texts(log.read('a', 0, { maxItems: 10, maxBytes: 100 })), ['aaaa', 'bbbb'])
      t.same(texts(log.read('a', 0, { maxItems: 11, maxBytes: 100 })), ['aaaa', 'bbbb'])
      t.same(texts(log.read('a', 0, { maxItems: 100, maxBytes: 8 })), ['aaaa', 'bbbb'])
    })

    t.test('entries carry stream, items and the time they were appended', async t => {
      const log = await fresh(t, { a: ['s'] })
      const before = Date.now()
      await log.commit({ appends: [entry('s', 'x', 7)] })
      const [got] = log.read('a', 0, ALL)
      t.match(got, { position: 1, stream: 's', items: 7 })
      t.ok(got!.appendedAt >= before && got!.appendedAt <= Date.now())
      t.equal(log.status().cursors[0]!.oldestAt, got!.appendedAt)
    })

    t.test('L4 an entry leaves when the last cursor of its stream acked it, not before', async t => {
      const log = await fresh(t, { a: ['s'], b: ['s'] })
      await log.commit({ appends: [entry('s', 'x'.repeat(100))] })
      await log.commit(acked('a', 1))
      t.same(log.read('a', 0, ALL), [])
      t.equal(log.get(1)?.bytes.length, 100)
      t.equal(log.status().bytes, 100)
      await log.commit(acked('b', 1))
      t.equal(log.get(1), undefined)
      t.match(log.status(), { bytes: 0, entries: 0 })
    })

    t.test('L4 an entry of a stream that nobody reads is not kept', async t => {
      const log = await fresh(t, { a: ['s'] })
      await log.commit({ appends: [entry('other', 'x')] })
      t.match(log.status(), { bytes: 0, entries: 0 })
    })

    t.test('L5 acks out of order, twice or of strangers do no harm', async t => {
      const log = await fresh(t, { a: ['s'] })
      await log.commit({ appends: [entry('s', '1'), entry('s', '2'), entry('s', '3')] })
      await log.commit(acked('a', 3))
      await log.commit(acked('a', 3, 1, 77))
      await log.commit(acked('stranger', 2))
      t.same(texts(log.read('a', 0, ALL)), ['2'])
      t.match(log.status().cursors[0], { waitingEntries: 1, waitingItems: 1, waitingBytes: 1 })
    })

    t.test('a hold keeps acked entries readable by position until it is released', async t => {
      const log = await fresh(t, { a: ['s'] })
      log.hold('window', 2)
      await log.commit({ appends: [entry('s', '1'), entry('s', '2'), entry('s', '3')] })
      await log.commit(acked('a', 1, 2, 3))
      t.equal(log.get(1), undefined)
      t.equal(log.get(2)?.bytes.toString(), '2')
      t.same(log.read('a', 0, ALL), [])
      t.equal(log.status().entries, 2)
      log.hold('window', 3)
      t.equal(log.get(2), undefined)
      t.equal(log.get(3)?.bytes.toString(), '3')
      log.hold('window', Number.POSITIVE_INFINITY)
      t.equal(log.get(3), undefined)
      t.equal(log.status().bytes, 0)
    })

    t.test('L7 a commit that would pass maxBytes is refused whole, acks are not', async t => {
      const log = await fresh(t, { a: ['s'] }, 10)
      await log.commit({ appends: [entry('s', '12345678')] })
      const refused = log.commit({
        appends: [entry('s', 'abc')],
        ...acked('a', 1),
        counts: new Map([['n', 1]]),
        state: new Map([['k', Buffer.from('v')]])
      })
      t.equal(await refused.catch(codeOf), 'QUEUE_FULL')
      t.same(texts(log.read('a', 0, ALL)), ['12345678'])
      t.equal(log.counts().get('n'), undefined)
      t.equal(log.state('k'), undefined)
      await log.commit({ ...acked('a', 1), counts: new Map([['n', 1]]) })
      t.same(await log.commit({ appends: [entry('s', '1234567890')] }), [2])
    })

    t.test('L7 concurrent commits do not pass maxBytes together', async t => {
      const log = await fresh(t, { a: ['s'] }, 10)
      const all = await Promise.allSettled(
        Array.from({ length: 5 }, () => log.commit({ appends: [entry('s', 'abcd')] }))
      )
      t.equal(all.filter(({ status }) => status === 'fulfilled').length, 2)
      t.equal(log.status().bytes, 8)
    })

    t.test('L8 counts add up and change only with the commit that carried them', async t => {
      const log = await fresh(t, { a: ['s'] })
      const first = log.commit({ appends: [entry('s', '1')], counts: new Map([['n', 2]]) })
      await Promise.all([first, log.commit({ counts: new Map([['n', 3], ['m', 1]]) })]) // biome-ignore format: short
      t.same([...log.counts()].sort(), [['m', 1], ['n', 5]]) // biome-ignore format: short
    })

    t.test('state is kept by key, null deletes it', async t => {
      const log = await fresh(t, {})
      await log.commit({ state: new Map([['a', Buffer.from('1')], ['b', Buffer.alloc(0)]]) }) // biome-ignore format: short
      t.same(log.state('a'), Buffer.from('1'))
      t.same(log.state('b'), Buffer.alloc(0))
      await log.commit({ state: new Map([['a', null]]) })
      t.equal(log.state('a'), undefined)
    })

    t.test('what is not yet durable is not readable; listeners hear once of many appends', async t => {
      const log = await fresh(t, { a: ['s'] })
      let heard = 0
      let hear = (): void => {}
      const once = new Promise<void>(done => (hear = done))
      const off = log.onAppend(() => {
        heard++
        hear()
      })
      const commits = Promise.all([1, 2, 3].map(i => log.commit({ appends: [entry('s', `${i}`)] })))
      await commits
      t.equal(log.read('a', 0, ALL).length, 3)
      await once
      t.equal(heard, 1)
      off()
      await log.commit({ appends: [entry('s', '4')] })
      await new Promise(done => setImmediate(() => setImmediate(done)))
      t.equal(heard, 1)
    })

    t.test('a new cursor begins at the next append; a retired one is counted as dropped', async t => {
      const log = await fresh(t, { a: ['s'], old: ['s', 'u'] })
      await log.commit({ appends: [entry('s', 's1', 3), entry('u', 'u1', 5), entry('s', 's2', 4)] })
      await log.commit(acked('old', 1))
      await log.cursors(readers({ a: ['s'], young: ['s', 'u'] }))
      t.equal(log.counts().get('dropped|old|s|exporter_removed'), 4)
      t.equal(log.counts().get('dropped|old|u|exporter_removed'), 5)
      t.same(log.read('young', 0, ALL), [])
      t.same(texts(log.read('a', 0, ALL)), ['s1', 's2'])
      t.equal(log.get(2), undefined)
      await log.commit({ appends: [entry('u', 'u2')] })
      t.same(texts(log.read('young', 0, ALL)), ['u2'])
    })

    t.test('an empty log can be used without start and stopped twice, closed it says so', async t => {
      const log = under.open(t.testdir({}), 10)
      await log.stop()
      t.equal(await log.commit({}).catch(codeOf), 'QUEUE_CLOSED')
      await log.start()
      await log.cursors(new Map())
      t.same(await log.commit({}), [])
      await log.stop()
      await log.stop()
      t.equal(await log.commit({}).catch(codeOf), 'QUEUE_CLOSED')
    })

    t.test('stream names may have 255 bytes, not more', async t => {
      const log = await fresh(t, { a: ['é'.repeat(127)] })
      await log.commit({ appends: [entry('é'.repeat(127), 'x')] })
      t.equal(log.read('a', 0, ALL)[0]?.stream, 'é'.repeat(127))
      t.equal(await log.commit({ appends: [entry('é'.repeat(128), 'x')] }).catch(codeOf), 'QUEUE_BAD_ENTRY')
    })

    t.test('stop waits for running commits', async t => {
      const log = await fresh(t, { a: ['s'] })
      const running = log.commit({ appends: [entry('s', 'x')] })
      await log.stop()
      t.same(await running, [1])
    })

    if (!under.durable) return

    t.test('L1 L3 L5 L8 a restart brings back entries, acks, counts, state and positions', async t => {
      const dir = t.testdir({})
      const lanes = { a: ['s', 'u'], b: ['u'] }
      let log = await open(t, dir, lanes)
      await log.commit({
        appends: [entry('s', 's1', 2), entry('u', 'u1', 3), entry('s', 's2', 4)],
        counts: new Map([['received', 9]]),
        state: new Map([['k', Buffer.from('v')]])
      })
      await log.commit({ ...acked('a', 3, 2), counts: new Map([['delivered', 7]]) })
      const before = log.status()
      await log.stop()
      log = await open(t, dir, lanes)
      t.same(texts(log.read('a', 0, ALL)), ['s1'])
      t.same(texts(log.read('b', 0, ALL)), ['u1'])
      t.same(log.status(), before)
      t.same([...log.counts()].sort(), [['delivered', 7], ['received', 9]]) // biome-ignore format: short
      t.same(log.state('k'), Buffer.from('v'))
      t.same(await log.commit({ appends: [entry('s', 's3')] }), [4])
      await log.stop()
      log = await open(t, dir, lanes)
      t.same(texts(log.read('a', 0, ALL)), ['s1', 's3'])
    })

    t.test('a second log on the same place is refused with what to do', async t => {
      const dir = t.testdir({})
      await open(t, dir, {})
      const second = under.open(dir, 10)
      const error = await second.start().catch((error: Error) => error)
      const { code, fix } = under.inUse ?? { code: 'QUEUE_IN_USE', fix: /queue\.path/ }
      t.equal(codeOf(error), code)
      t.match((error as Error).message, fix)
      await second.stop()
    })
  })
}
