// P5: one bad exporter never delays another one. Both read one log, as in the gateway.

import t from 'tap'
import {
  numbered,
  QUEUE,
  RETRY,
  range,
  type Script,
  ScriptedExporter,
  settle,
  TinyParking
} from '../../test/helpers/delivery.js'
import { ManualClock, silentLog } from '../../test/helpers/receiver.js'
import type { Exporter } from '../component/exporter.js'
import type { Outcome } from '../component/outcome.js'
import { MemoryLog } from '../queue/memory/log.js'
import { Delivery } from './delivery.js'
import { exporterLedger } from './ledger.js'

const ENTRIES = 200

/** Delivers to a good exporter beside one that behaves as `script` says; how many turns of the event loop each item took. */
async function beside(script: Script | undefined) {
  const clock = new ManualClock()
  const log = new MemoryLog({ maxBytes: 1 << 28, now: () => clock.now() })
  const parking = new TinyParking(() => clock.now())
  await log.start()
  const ids = script ? ['bad', 'good'] : ['good']
  await log.cursors(new Map(ids.map(id => [id, ['traces']])))
  const make = (id: string, exporter: Exporter) =>
    new Delivery({
      config: {
        id,
        type: 'scripted',
        config: {},
        sendingQueue: QUEUE,
        retry: { ...RETRY, maxElapsedMs: 0 },
        timeoutMs: 5000
      },
      exporter,
      log,
      parking,
      clock,
      logger: silentLog
    })
  const good = new ScriptedExporter()
  const deliveries = [make('good', good)]
  if (script) deliveries.unshift(make('bad', new ScriptedExporter(script)))
  for (const delivery of deliveries) await delivery.start()
  let late = 0
  for (const i of range(0, ENTRIES)) {
    await log.commit({ appends: [{ stream: 'traces', items: 5, bytes: numbered(i * 5, 5) }] })
    await settle(6)
    if (good.delivered.length < (i + 1) * 5) late++
    clock.move(10)
  }
  const ledgers = ids.map(id => exporterLedger(log.counts(), id))
  const waiting = log.status().cursors.map(({ cursor, waitingItems }) => [cursor, waitingItems])
  const stopped = Promise.all(deliveries.map(delivery => delivery.stop(0)))
  for (let i = 0; i < 5; i++) {
    await settle(2)
    clock.move(5000)
  }
  await stopped
  return {
    late,
    requests: good.batches.length,
    delivered: good.delivered,
    ledgers,
    waiting: Object.fromEntries(waiting)
  }
}

const BAD: Readonly<Record<string, Script>> = {
  dead: () => ({ kind: 'retry', cause: new Error('connection refused') }),
  hanging: () => new Promise<Outcome>(() => {}),
  'refusing everything': () => ({ kind: 'refused', cause: new Error('no') }),
  throttling: () => ({ kind: 'retry', afterMs: 60_000, cause: new Error('busy') }),
  throwing: () => {
    throw new Error('bug')
  }
}

t.test('a bad exporter changes neither when nor how another one delivers', async t => {
  const alone = await beside(undefined)
  t.same(alone.delivered, range(0, ENTRIES * 5))
  t.equal(alone.late, 0)
  for (const [what, script] of Object.entries(BAD)) {
    const { late, requests, delivered, ledgers, waiting } = await beside(script)
    t.same(delivered, alone.delivered, what)
    t.equal(late, 0, `${what}: each item is there at once`)
    t.equal(requests, alone.requests, `${what}: in as many requests`)
    t.equal(waiting['good'], 0)
    const [bad] = ledgers
    t.equal(
      bad!.delivered + bad!.parked + bad!.droppedTotal + waiting['bad'],
      ENTRIES * 5,
      `${what}: its own ledger is exact`
    )
  }
})
