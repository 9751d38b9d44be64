// The sender: whatever the gateway answers, of every request is known what became of it.

import fc from 'fast-check'
import t from 'tap'
import type { Batch } from '../../core/component/batch.js'
import { DELIVERED, type Outcome } from '../../core/component/outcome.js'
import { Sender } from './sender.js'

const batch = (items = 1): Batch => ({ signal: 'traces', bytes: Buffer.alloc(10), items })
const retry = (afterMs?: number): Outcome => ({
  kind: 'retry',
  cause: new Error('busy'),
  ...(afterMs === undefined ? {} : { afterMs })
})

/** A limit that is never reached. */
const FOREVER = 1e9

/** Time that passes only by waiting. */
function clock() {
  let now = 0
  const waits: number[] = []
  return {
    waits,
    now: () => now,
    wait: async (ms: number, abort: AbortSignal) => {
      if (ms === FOREVER) return await new Promise<void>(resolve => abort.addEventListener('abort', () => resolve()))
      waits.push(ms)
      await new Promise<void>(resolve => setImmediate(resolve))
      now += ms
    }
  }
}

t.test(
  'whatever is answered in whatever order, items are delivered once, rejected or refused, and none is lost',
  async () => {
    const answers = fc.constantFrom<Outcome>(
      DELIVERED,
      retry(),
      retry(50),
      { kind: 'delivered', rejected: 1, message: 'one was bad' },
      { kind: 'refused', cause: new Error('HTTP 400') }
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(answers, { maxLength: 60 }),
        fc.integer({ min: 1, max: 40 }),
        async (script, requests) => {
          let [taken, rejected, refused] = [0, 0, 0]
          const left = [...script]
          const sender = new Sender({
            transport: {
              async send({ items }) {
                const outcome = left.shift() ?? DELIVERED
                if (outcome.kind === 'delivered')
                  [taken, rejected] = [taken + items, rejected + (outcome.rejected ?? 0)]
                if (outcome.kind === 'refused') refused += items
                return outcome
              }
            },
            maxWaiting: 5,
            ...clock()
          })
          for (let i = 0; i < requests; i++) await sender.put(batch(3))
          const waiting = await sender.drain(FOREVER)
          await sender.stop()
          const { items, rejected: r, refused: f } = sender.figures.traces
          return waiting === 0 && items === taken && r === rejected && f === refused && items + f === requests * 3
        }
      ),
      { numRuns: 200 }
    )
  }
)

t.test('nobody sends before the time that the gateway asked for is over', async t => {
  const time = clock()
  const sentAt: number[] = []
  const sender = new Sender({
    transport: {
      async send() {
        sentAt.push(time.now())
        return sentAt.length === 1 ? retry(7000) : DELIVERED
      }
    },
    concurrency: 1,
    ...time
  })
  for (let i = 0; i < 3; i++) await sender.put(batch())
  t.equal(await sender.drain(FOREVER), 0)
  await sender.stop()
  t.equal(sentAt[0], 0)
  t.ok(
    sentAt.slice(1).every(at => at >= 7000),
    sentAt.join(' ')
  )
  t.equal(sender.retries, 1)
})

t.test(
  'a gateway that never answers is asked at most every five seconds, and what it did not take is told',
  async t => {
    const time = clock()
    const sender = new Sender({ transport: { send: async () => retry() }, concurrency: 1, ...time })
    await sender.put(batch())
    await sender.put(batch())
    while (time.now() < 60_000) await new Promise<void>(resolve => setImmediate(resolve))
    await sender.stop()
    t.equal(sender.waiting, 2)
    t.ok(sender.retries > 5 && sender.retries < 30, `${sender.retries} tries`)
    t.equal(sender.figures.traces.items, 0)
  }
)

t.test('a copy is sent behind the original and counted apart', async t => {
  let sent = 0
  const sender = new Sender({
    transport: {
      async send() {
        sent++
        return DELIVERED
      }
    },
    sendTwice: () => true,
    ...clock()
  })
  for (let i = 0; i < 10; i++) await sender.put(batch(2))
  t.equal(await sender.drain(FOREVER), 0)
  await sender.stop()
  t.equal(sent, 20)
  t.equal(sender.figures.traces.items, 20)
  t.same(sender.copies, { requests: 10, items: 20 })
})
