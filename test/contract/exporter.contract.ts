// The contract of an exporter: numbered items go into the log, whatever its back end answers, and every one of them
// comes out exactly once or stands counted among the dead letters. Runs over every listed exporter.

import type { Test } from 'tap'
import type { Exporter } from '../../core/component/exporter.js'
import { Delivery } from '../../core/delivery/delivery.js'
import { exporterLedger } from '../../core/delivery/ledger.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { MemoryLog } from '../../core/queue/memory/log.js'
import { numbered, numbersIn, QUEUE, RETRY, range, TinyParking } from '../helpers/delivery.js'
import { never } from '../helpers/exporter.js'
import { realClock, silentLog } from '../helpers/receiver.js'

/** What a back end is told to do with a request. */
export type Verdict = 'ok' | 'retry' | 'refuse'

/** The exporter under test and the far side of it. */
export interface Harness {
  readonly exporter: Exporter
  /** Numbers of all items the back end has, in order of arrival. */
  received(): Promise<number[]>
}

export interface Subject {
  readonly type: string
  /** False when nothing can make its back end say no (debug). */
  readonly canFail: boolean
  make(t: Test, verdict: (numbers: readonly number[]) => Verdict): Promise<Harness>
}

const ENTRIES = 60
const ITEMS = 7

export function exporterContract(t: Test, subject: Subject): void {
  const test = (title: string, fn: (t: Test) => Promise<void>) => t.test(`${subject.type}: ${title}`, fn)

  test('every item arrives exactly once when the back end says ok', t => conserve(t, subject, () => 'ok', []))

  if (subject.canFail) {
    test('random retries lose and double nothing', t => {
      const random = seeded(1)
      return conserve(t, subject, () => (random() < 0.4 ? 'retry' : 'ok'), [])
    })

    test('randomly refused items stand alone among the dead letters, the others arrive', t => {
      const bad = range(0, ENTRIES * ITEMS * 3).filter(n => n % 97 === 13)
      return conserve(t, subject, numbers => (numbers.some(n => bad.includes(n)) ? 'refuse' : 'ok'), bad)
    })

    test('retries and refusals mixed lose and double nothing', t => {
      const random = seeded(2)
      const bad = range(0, ENTRIES * ITEMS * 3).filter(n => n % 101 === 50)
      const verdict = (numbers: readonly number[]) =>
        random() < 0.3 ? 'retry' : numbers.some(n => bad.includes(n)) ? 'refuse' : 'ok'
      return conserve(t, subject, verdict, bad)
    })
  }

  test('an aborted attempt settles', async t => {
    const { exporter } = await subject.make(t, () => 'ok')
    const outcome = await exporter.send(
      { signal: 'traces', bytes: numbered(0, 1), items: 1 },
      AbortSignal.abort(new Error('stopping'))
    )
    t.ok(['delivered', 'retry'].includes(outcome.kind), outcome.kind)
  })

  test('concurrent sends do not mix up', async t => {
    const { exporter, received } = await subject.make(t, () => 'ok')
    const sends = range(0, 20).map(i =>
      exporter.send({ signal: 'traces', bytes: numbered(i * 10, 10), items: 10 }, never)
    )
    t.ok((await Promise.all(sends)).every(({ kind }) => kind === 'delivered'))
    t.same(ascending(await received()), range(0, 200))
  })

  test('stop is safe twice', async t => {
    const { exporter } = await subject.make(t, () => 'ok')
    await exporter.stop?.()
    await exporter.stop?.()
  })
}

async function conserve(t: Test, subject: Subject, verdict: (numbers: readonly number[]) => Verdict, bad: number[]) {
  const { exporter, received } = await subject.make(t, verdict)
  const log = new MemoryLog({ maxBytes: 1 << 28 })
  const parking = new TinyParking()
  await log.start()
  await log.cursors(new Map([['subject', [...SIGNALS]]]))
  const delivery = new Delivery({
    config: {
      id: 'subject',
      type: subject.type,
      config: {},
      sendingQueue: { ...QUEUE, batch: { minItems: 0, maxItems: 50, flushTimeoutMs: 0 } },
      retry: { ...RETRY, initialIntervalMs: 2, maxIntervalMs: 20, maxElapsedMs: 0 },
      timeoutMs: 5000
    },
    exporter: { limits: exporter.limits, send: (batch, abort) => exporter.send(batch, abort) },
    log,
    parking,
    clock: realClock,
    logger: silentLog
  })
  await delivery.start()
  t.teardown(() => delivery.stop(1000))
  const total = ENTRIES * ITEMS * 3
  for (const [i, first] of range(0, ENTRIES * 3).entries()) {
    const signal = SIGNALS[i % 3] as Signal
    const bytes = numbered(first * ITEMS, ITEMS, signal)
    await log.commit({ appends: [{ stream: signal, items: ITEMS, bytes }] })
  }
  const ledger = () => exporterLedger(log.counts(), 'subject')
  const done = () => {
    const { delivered, dropped } = ledger()
    const dead = parking.status()[0]
    return delivered + (dead?.deadItems ?? 0) + (dropped.get('rejected') ?? 0) === total && !dead?.retrying
  }
  await until(done)
  const found = ascending(await received())
  const dead = ascending([...parking.all.values()].flatMap(({ bytes }) => numbersIn(bytes)))
  t.same(dead, bad, 'the dead letters are the offending items')
  const good = range(0, total).filter(n => !bad.includes(n))
  t.same(found, good, 'each other item arrived exactly once')
  t.match(ledger(), { delivered: good.length, parked: bad.length, droppedTotal: 0 })
}

/** Waits for events to make it true; fails loudly instead of for ever. */
async function until(done: () => boolean, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!done()) {
    if (Date.now() > end) throw new Error('not done in time')
    await new Promise(resolve => setImmediate(resolve))
  }
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b)
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
