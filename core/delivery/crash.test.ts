// Random answers, random crashes, against the promise: every item is delivered or a counted dead letter, the ledger is
// exact, and nothing is sent twice except what was on its way when the process died.

import t from 'tap'
import {
  numbered,
  numbersIn,
  QUEUE,
  RETRY,
  range,
  ScriptedExporter,
  settle,
  TinyParking
} from '../../test/helpers/delivery.js'
import { ManualClock, silentLog } from '../../test/helpers/receiver.js'
import { DELIVERED, type Outcome } from '../component/outcome.js'
import type { Log } from '../queue/log.js'
import { MemoryLog } from '../queue/memory/log.js'
import type { Parking } from '../queue/parking.js'
import { Delivery } from './delivery.js'
import { exporterLedger } from './ledger.js'

const SEEDS = range(1, 25)
const STEPS = 60

for (const seed of SEEDS) {
  t.test(`nothing is lost or counted twice over random answers and crashes (seed ${seed})`, async t => {
    const random = seeded(seed)
    const clock = new ManualClock()
    const log = new MemoryLog({ maxBytes: 1 << 28, now: () => clock.now() })
    const parking = new TinyParking(() => clock.now())
    await log.start()
    await log.cursors(new Map([['back', ['traces']]]))
    const bad = (n: number) => n % 41 === 7
    let isCalm = false
    const answer = async (bytes: Buffer): Promise<Outcome> => {
      if (!isCalm && random() < 0.3) await new Promise(resolve => setImmediate(resolve))
      const dice = isCalm ? 1 : random()
      if (dice < 0.2) return { kind: 'retry', cause: new Error('busy') }
      if (dice < 0.25) return { kind: 'retry', afterMs: 700, cause: new Error('throttled') }
      return numbersIn(bytes).some(bad) ? { kind: 'refused', cause: new Error('bad item') } : DELIVERED
    }

    const delivered: number[] = []
    const mayRepeat = new Set<number>()
    let life = await begin()
    let next = 0

    async function begin() {
      const power = { isOn: true, isStarted: false }
      const exporter = new ScriptedExporter(batch => answer(batch.bytes), { maxItems: 40 })
      const delivery = new Delivery({
        config: {
          id: 'back',
          type: 'scripted',
          config: {},
          sendingQueue: { ...QUEUE, numConsumers: 3, batch: { minItems: 0, maxItems: 20, flushTimeoutMs: 0 } },
          retry: { ...RETRY, initialIntervalMs: 100, maxIntervalMs: 500, maxElapsedMs: 0 },
          timeoutMs: 0
        },
        exporter,
        log: cut(log, power, () => !isCalm && power.isStarted && random() < 0.02),
        parking: cut<Parking>(parking, power, () => !isCalm && power.isStarted && random() < 0.1),
        clock: { now: () => clock.now(), after: (ms, fn) => clock.after(ms, () => power.isOn && fn()) },
        logger: silentLog,
        random
      })
      await delivery.start()
      power.isStarted = true
      return { power, exporter, delivery }
    }

    /** The process dies: nothing it still does reaches the stores. */
    function crash() {
      life.power.isOn = false
      delivered.push(...life.exporter.delivered)
      // What the back end got and the log does not know: the process died before the ack was durable.
      const waiting = log.read('back', -1, { maxItems: 1e9, maxBytes: 1e9 }).flatMap(({ bytes }) => numbersIn(bytes))
      const sent = new Set(life.exporter.batches.slice(-40).flatMap(({ numbers }) => numbers))
      for (const n of waiting) if (sent.has(n)) mayRepeat.add(n)
      for (const { bytes } of parking.all.values()) for (const n of numbersIn(bytes)) if (sent.has(n)) mayRepeat.add(n)
    }

    for (let step = 0; step < STEPS; step++) {
      const count = 1 + Math.floor(random() * 60)
      await log.commit({ appends: [{ stream: 'traces', items: count, bytes: numbered(next, count) }] })
      next += count
      await settle(Math.floor(random() * 4))
      if (random() < 0.5) clock.move(random() * 400)
      if (random() < 0.1 || !life.power.isOn) {
        crash()
        await settle(3)
        life = await begin()
      }
    }
    isCalm = true
    if (!life.power.isOn) {
      crash()
      life = await begin()
    }
    for (let i = 0; i < 400 && !isDone(); i++) {
      clock.move(250)
      await settle(6)
    }
    delivered.push(...life.exporter.delivered)

    const { delivered: counted, parked, dropped } = exporterLedger(log.counts(), 'back')
    const dead = parking.dead('back', undefined, 1e6).flatMap(({ bytes }) => numbersIn(bytes))
    t.equal(counted + parked, next, 'the ledger is exact')
    t.equal(dropped.size, 0)
    t.equal(dead.length, parked, 'parking holds what the ledger says')
    t.equal(new Set(dead).size, dead.length, 'no dead letter twice')
    t.same(
      dead.sort((a, b) => a - b),
      range(0, next).filter(bad)
    )
    const good = new Set(delivered)
    t.same(
      range(0, next).filter(n => !bad(n) && !good.has(n)),
      [],
      'nothing is lost'
    )
    const twice = delivered.filter((n, i) => delivered.indexOf(n) !== i && !mayRepeat.has(n))
    t.same(twice, [], 'nothing is sent twice but what was on its way in a crash')
    await life.delivery.stop(0)

    function isDone(): boolean {
      const waiting = log.status().cursors.find(({ cursor }) => cursor === 'back')!.waitingItems
      return waiting === 0 && parking.due('back', Number.MAX_SAFE_INTEGER, 1).length === 0
    }
  })
}

/**
 * The store as one process sees it: once its power is off, writes neither happen nor answer. `dies`: the process dies
 * right after this write, so that the write is there and nobody knows.
 */
function cut<T extends Log | Parking>(store: T, power: { isOn: boolean }, dies: () => boolean): T {
  const writes = new Set(['commit', 'park', 'remove'])
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (!power.isOn && name === 'read') return []
        if (!writes.has(String(name))) return value.apply(target, args)
        if (power.isOn && !dies()) return value.apply(target, args)
        if (power.isOn) value.apply(target, args)
        power.isOn = false
        return new Promise(() => {})
      }
    }
  })
}

/** Mulberry32: the same numbers in each run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
