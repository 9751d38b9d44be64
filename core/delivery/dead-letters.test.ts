import t from 'tap'
import { numbersIn, type Rig, range, rig, ScriptedExporter, settle } from '../../test/helpers/delivery.js'
import { DELIVERED } from '../component/outcome.js'
import { LogParking } from '../queue/log-parking.js'
import { MemoryLog } from '../queue/memory/log.js'
import { allIds, type DeadLetterStores, expire, list, lost, purge, redrive, show } from './dead-letters.js'
import { exporterLedger, MARKER, markerKey } from './ledger.js'

/** A rig that refused item 3 of ten. */
async function withLetter(t: Parameters<typeof rig>[0]): Promise<Rig & { stores: DeadLetterStores; mend: () => void }> {
  let isMended = false
  const made = await rig(t, {
    script: batch =>
      !isMended && numbersIn(batch.bytes).includes(3)
        ? { kind: 'refused', cause: new Error('span "x" is bad') }
        : DELIVERED
  })
  await made.put(0, 10)
  const stores = {
    log: made.log,
    parking: made.parking,
    clock: made.clock,
    redriven: () => made.delivery.parkingChanged()
  }
  return Object.assign(made, { stores, mend: () => (isMended = true) })
}

t.test('dead letters are listed without payload and shown with it', async t => {
  const { stores } = await withLetter(t)
  const [letter, ...others] = list(stores, 'back')
  t.same(others, [])
  t.match(letter, { items: 1, stream: 'traces', reason: 'refused: span "…" is bad', dead: true })
  t.notOk('bytes' in letter!)
  const shown = show(stores, letter!.id)
  t.match(JSON.parse(shown.json), { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'item-3;' }] }] }] })
  t.same(list(stores, 'back', { after: letter!.id }), [])
  t.throws(() => show(stores, '999'), { code: 'DEAD_LETTER_UNKNOWN' })
})

t.test('a redriven letter is delivered, and the ledger follows', async t => {
  const { stores, mend, exporter, ledger, parking } = await withLetter(t)
  t.match(ledger(), { delivered: 9, parked: 1, total: 10 })
  mend()
  t.equal(await redrive(stores, allIds(stores, 'back')), 1)
  await settle()
  t.same(
    [...exporter.delivered].sort((a, b) => a - b),
    range(0, 10)
  )
  t.match(ledger(), { delivered: 10, parked: 0, waiting: 0, total: 10 })
  t.equal(parking.all.size, 0)
})

t.test('a redriven letter that is refused again is a dead letter again', async t => {
  const { stores, ledger } = await withLetter(t)
  await redrive(stores, allIds(stores, 'back'))
  await settle()
  t.equal(list(stores, 'back').length, 1)
  t.match(ledger(), { delivered: 9, parked: 1, waiting: 0, total: 10 })
})

t.test('a letter redriven before a restart goes after it', async t => {
  const made = await withLetter(t)
  await made.delivery.stop()
  await redrive({ log: made.log, parking: made.parking, clock: made.clock }, allIds(made.stores, 'back'))
  const after = new ScriptedExporter()
  await made.restart(after)
  t.same(after.delivered, [3])
  t.match(made.ledger(), { delivered: 10, parked: 0, total: 10 })
})

t.test('purged, expired and damaged letters are counted as dropped', async t => {
  for (const reason of ['purged', 'dead_letter_expired', 'damaged'] as const) {
    const { stores, ledger, clock, parking } = await withLetter(t)
    const [id] = allIds(stores, 'back')
    if (reason === 'purged') t.equal(await purge(stores, [id!]), 1)
    else if (reason === 'damaged') {
      const what = parking.get(id!)!
      parking.all.clear()
      await lost(stores, what)
      await lost(stores, what)
    } else {
      t.equal(await expire(stores, 'back', clock.now()), 0, 'not older')
      t.equal(await expire(stores, 'back', clock.now() + 1), 1)
    }
    t.match(ledger(), { delivered: 9, parked: 0, dropped: { [reason]: 1 }, total: 10 })
    t.equal(parking.all.size, 0)
  }
})

t.test(
  'dead letters have a limit of their own: the oldest go, counted, and what is tried again keeps its room',
  async t => {
    const made = await rig(t, {
      deadLetterBytes: 100,
      queue: { numConsumers: 1, batch: { minItems: 0, maxItems: 1, flushTimeoutMs: 0 } },
      script: () => ({ kind: 'refused', cause: new Error('no') })
    })
    for (let i = 0; i < 20; i++) await made.put(i, 1)
    const kept = [...made.parking.all.values()]
    const bytes = kept.reduce((sum, { size }) => sum + size, 0)
    t.ok(bytes <= 100 && bytes > 50, `${bytes} bytes in ${kept.length} letters`)
    const ids = kept.map(({ id }) => Number(id))
    t.same(ids, ids.map((_, i) => 20 - ids.length + 1 + i), 'the youngest') // biome-ignore format: short
    const gone = 20 - kept.length
    t.match(made.ledger(), { parked: kept.length, dropped: { dead_letter_overflow: gone }, total: 20 })
  }
)

t.test('what another process parked and did not commit is nobody’s; what it committed goes on here', async t => {
  const made = await withLetter(t)
  const { parking, log } = made
  const parked = { exporter: 'back', stream: 'traces', items: 1, attempts: 1, acceptedAt: 1, dueAt: 0, reason: 'r' }
  const bytes = Buffer.from('x')
  const orphan = await parking.park({ ...parked, dead: true, bytes })
  const other = await parking.park({ ...parked, exporter: 'other', dead: true, bytes })
  const committed = await parking.park({ ...parked, dead: true, bytes })
  await log.commit({ state: new Map([[markerKey('back', committed), MARKER]]) })
  made.delivery.parkingGained([orphan, other, committed])
  await settle()
  t.same([orphan, other, committed].map(id => parking.get(id) !== undefined), [false, true, true]) // biome-ignore format: short
})

t.test('many letters are redriven and delivered from the real parking', async t => {
  const clock = { now: () => 1000 }
  const log = new MemoryLog({ maxBytes: 1 << 26 })
  const parking = new LogParking(new MemoryLog({ maxBytes: 1 << 26 }), clock)
  await log.start()
  await parking.start()
  const made = await rig(t, {
    queue: { numConsumers: 2, batch: { minItems: 0, maxItems: 1, flushTimeoutMs: 0 } },
    script: (_, call) => (call <= 300 ? { kind: 'refused', cause: new Error('no') } : DELIVERED),
    stores: { log, parking }
  })
  for (let i = 0; i < 300; i++) await log.commit({ appends: [{ stream: 'traces', items: 1, bytes: bytesOf(i) }] })
  await settle(700)
  const stores = { log, parking, clock: made.clock, redriven: () => made.delivery.parkingChanged() }
  const ids = allIds(stores, 'back')
  t.equal(ids.length, 300)
  t.equal(await redrive(stores, ids), 300)
  await settle(700)
  t.equal(new Set(made.exporter.delivered).size, 300)
  t.match(exporterLedger(log.counts(), 'back'), { delivered: 300, parked: 0, droppedTotal: 0 })
  t.same(parking.status(), [])
})

function bytesOf(n: number): Buffer {
  const name = Buffer.from(`item-${n};`)
  const span = Buffer.concat([Buffer.from([0x2a, name.length]), name])
  const scope = Buffer.concat([Buffer.from([0x12, span.length]), span])
  const resource = Buffer.concat([Buffer.from([0x12, scope.length]), scope])
  return Buffer.concat([Buffer.from([0x0a, resource.length]), resource])
}
