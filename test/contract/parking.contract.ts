// What every parking keeps (K1-K3 of core/queue/parking.ts), run over each implementation by a factory.
import t, { type Test } from 'tap'
import type { Parked, Parking, ToPark } from '../../core/queue/parking.js'

export interface ParkingUnderTest {
  open(dir: string, now: () => number): Parking
  readonly durable: boolean
}

function letter(text: string, over: Partial<ToPark> = {}): ToPark {
  return {
    exporter: 'x',
    stream: 'traces',
    items: 2,
    bytes: Buffer.from(text),
    attempts: 3,
    acceptedAt: 5,
    dueAt: 100,
    reason: 'HTTP 503',
    dead: false,
    ...over
  }
}

function texts(parked: readonly Parked[]): string[] {
  return parked.map(({ bytes }) => bytes.toString())
}

export function parkingContract(name: string, under: ParkingUnderTest): void {
  t.test(`${name} parking`, async t => {
    let now = 1000
    const open = async (t: Test, dir: string): Promise<Parking> => {
      const parking = under.open(dir, () => now)
      await parking.start()
      t.teardown(() => parking.stop())
      return parking
    }
    const fresh = (t: Test): Promise<Parking> => open(t, t.testdir({}))

    t.test('what was parked comes back whole', async t => {
      const parking = await fresh(t)
      const id = await parking.park(letter('payload'))
      t.same(parking.get(id), { ...letter('payload'), id, parkedAt: 1000, size: 7 })
      t.equal(parking.get('999'), undefined)
      t.equal(parking.get('nonsense'), undefined)
    })

    t.test('K2 due gives what is due, oldest due time first, again and again until removed', async t => {
      const parking = await fresh(t)
      const late = await parking.park(letter('late', { dueAt: 300 }))
      await parking.park(letter('soon', { dueAt: 100 }))
      await parking.park(letter('other exporter', { dueAt: 100, exporter: 'y' }))
      await parking.park(letter('dead', { dueAt: 0, dead: true }))
      const next = await parking.park(letter('next', { dueAt: 200 }))
      t.same(texts(parking.due('x', 99, 10)), [])
      t.same(texts(parking.due('x', 200, 10)), ['soon', 'next'])
      t.same(texts(parking.due('x', 200, 10)), ['soon', 'next'])
      t.same(texts(parking.due('x', 300, 2)), ['soon', 'next'])
      await parking.remove([next, 'unknown'])
      t.same(texts(parking.due('x', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)), ['soon', 'late'])
      t.equal(parking.get(next), undefined)
      t.ok(parking.get(late))
      t.same(parking.due('nobody', 1e9, 10), [])
    })

    t.test('K3 dead letters are listed oldest first in pages, and redriven by parking them anew', async t => {
      const parking = await fresh(t)
      const ids: string[] = []
      for (let i = 0; i < 12; i++) ids.push(await parking.park(letter(`d${i}`, { dead: true, dueAt: 0 })))
      t.same(texts(parking.dead('x', undefined, 3)), ['d0', 'd1', 'd2'])
      t.same(texts(parking.dead('x', ids[2], 2)), ['d3', 'd4'])
      t.same(texts(parking.dead('x', ids[8], 100)), ['d9', 'd10', 'd11'])
      t.same(parking.due('x', 1e12, 100), [])
      const { id, parkedAt: _, ...rest } = parking.get(ids[4]!)!
      await parking.park({ ...rest, dead: false, attempts: 0, dueAt: now })
      await parking.remove([id])
      t.same(texts(parking.due('x', now, 10)), ['d4'])
      t.same(texts(parking.dead('x', ids[3], 1)), ['d5'])
    })

    t.test('K3 expire removes dead letters that are old enough, and no retries', async t => {
      const parking = await fresh(t)
      now = 1000
      await parking.park(letter('old', { dead: true }))
      await parking.park(letter('old retry'))
      now = 2000
      await parking.park(letter('young', { dead: true }))
      t.equal(await parking.expire(2000), 1)
      t.same(texts(parking.dead('x', undefined, 10)), ['young'])
      t.same(texts(parking.due('x', 1e12, 10)), ['old retry'])
      t.equal(await parking.expire(2000), 0)
    })

    t.test('the status counts by exporter', async t => {
      const parking = await fresh(t)
      await parking.park(letter('12345', { items: 3 }))
      await parking.park(letter('123', { items: 4, dead: true }))
      const y = await parking.park(letter('1', { exporter: 'y', items: 1 }))
      t.same(parking.status(), [
        { exporter: 'x', retrying: 1, retryingItems: 3, dead: 1, deadItems: 4, deadBytes: 3, bytes: 8 },
        { exporter: 'y', retrying: 1, retryingItems: 1, dead: 0, deadItems: 0, deadBytes: 0, bytes: 1 }
      ])
      await parking.remove([y])
      t.equal(parking.status().length, 1)
    })

    t.test('a reason is kept up to 1 KiB', async t => {
      const parking = await fresh(t)
      const id = await parking.park(letter('p', { reason: 'é'.repeat(2000) }))
      const kept = parking.get(id)!.reason
      t.ok(Buffer.byteLength(kept) <= 1024 && kept.startsWith('éé'))
    })

    if (!under.durable) return

    t.test('K1 everything is there again after a restart', async t => {
      const dir = t.testdir({})
      let parking = await open(t, dir)
      await parking.park(letter('retry', { dueAt: 200 }))
      const gone = await parking.park(letter('gone'))
      await parking.park(letter('dead', { dead: true, dueAt: 0 }))
      await parking.remove([gone])
      const before = parking.status()
      await parking.stop()
      parking = await open(t, dir)
      t.same(parking.status(), before)
      t.same(texts(parking.due('x', 200, 10)), ['retry'])
      t.same(texts(parking.dead('x', undefined, 10)), ['dead'])
      t.not(await parking.park(letter('new')), gone)
    })
  })
}
