import t from 'tap'
import { numbersIn, range, rig, type Script, ScriptedExporter, settle } from '../../test/helpers/delivery.js'
import { DELIVERED, type Outcome } from '../component/outcome.js'

const down: Outcome = { kind: 'retry', cause: new Error('connection refused') }
const refused: Outcome = { kind: 'refused', cause: new Error('invalid span') }
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)

/** Refuses every request that holds one of `bad`. */
const refusing =
  (bad: readonly number[], outcome: Outcome = refused): Script =>
  batch =>
    numbersIn(batch.bytes).some(n => bad.includes(n)) ? outcome : DELIVERED

t.test('what is appended is delivered and acked, and the ledger adds up', async t => {
  const { put, exporter, ledger, delivery } = await rig(t)
  await put(0, 3)
  await put(3, 2, 'logs')
  t.same(sorted(exporter.delivered), range(0, 5))
  t.same(ledger(), { delivered: 5, waiting: 0, parked: 0, dropped: {}, total: 5 })
  t.equal(delivery.status().inFlight, 0)
})

t.test('entries that pile up while a request is in flight travel merged in one request', async t => {
  let release = () => {}
  const first = new Promise<void>(resolve => (release = resolve))
  const { put, exporter } = await rig(t, {
    script: async (_, call) => {
      if (call === 1) await first
      return DELIVERED
    }
  })
  await put(0, 1)
  for (let i = 1; i < 20; i++) await put(i, 1)
  t.equal(exporter.batches.length, 1, 'nothing else goes while the first is out')
  release()
  await settle()
  t.equal(exporter.batches.length, 2)
  t.same(exporter.batches[1]!.numbers, range(1, 19))
})

t.test('a request that is not full waits at most the linger time for the one in flight', async t => {
  const { put, move, exporter } = await rig(t, {
    script: (_, call) => (call === 1 ? new Promise<Outcome>(() => {}) : DELIVERED)
  })
  await put(0, 1)
  await put(1, 1)
  await move(19)
  t.equal(exporter.batches.length, 1)
  await move(1)
  t.same(exporter.delivered, [1])
})

t.test('entries of different streams never share a request', async t => {
  const { log, exporter } = await rig(t, { start: false }).then(async made => {
    await made.put(0, 1)
    await made.put(1, 1, 'traces/x')
    await made.put(2, 1, 'metrics')
    await made.put(3, 1)
    await made.delivery.start()
    await settle()
    return made
  })
  t.same(exporter.batches.map(({ signal, numbers }) => [signal, sorted(numbers)]).sort(), [
    ['metrics', [2]],
    ['traces', [0, 3]],
    ['traces', [1]]
  ])
  t.equal(log.counts().get('delivered|back|traces/x'), 1)
})

t.test('min items are waited for, at most the flush timeout', async t => {
  const { put, move, exporter } = await rig(t, {
    queue: { batch: { minItems: 10, maxItems: 20, flushTimeoutMs: 200 } }
  })
  await put(0, 4)
  await move(100)
  t.equal(exporter.batches.length, 0)
  await put(4, 6)
  t.same(exporter.delivered, range(0, 10), 'enough items')
  await put(10, 1)
  await move(199)
  t.equal(exporter.batches.length, 1)
  await move(1)
  t.same(exporter.delivered, range(0, 11), 'enough time')
})

t.test('merged requests keep to the limits of exporter and config', async t => {
  const { put, exporter, delivery } = await rig(t, {
    start: false,
    queue: { batch: { minItems: 0, maxItems: 7, flushTimeoutMs: 0 } }
  })
  for (let i = 0; i < 30; i++) await put(i, 1)
  await delivery.start()
  await settle()
  t.same(sorted(exporter.delivered), range(0, 30))
  t.ok(exporter.batches.every(({ numbers }) => numbers.length <= 7))
})

t.test('an entry larger than the exporter takes is split', async t => {
  const { put, exporter, ledger } = await rig(t, { limits: { maxItems: 10 } })
  await put(0, 35)
  t.same(sorted(exporter.delivered), range(0, 35))
  t.ok(exporter.batches.every(({ items }) => items <= 10))
  t.match(ledger(), { delivered: 35, waiting: 0, parked: 0, total: 35 })
})

t.test('one item larger than the exporter takes becomes a dead letter, the others arrive', async t => {
  const { log, exporter, ledger, parking } = await rig(t, { limits: { maxBytes: 2000 } })
  const { numbered } = await import('../../test/helpers/delivery.js')
  const bytes = Buffer.concat([numbered(0, 3), numbered(3, 1, 'traces', 4000), numbered(4, 3)])
  await log.commit({ appends: [{ stream: 'traces', items: 7, bytes }] })
  await settle()
  t.same(sorted(exporter.delivered), [0, 1, 2, 4, 5, 6])
  t.match(ledger(), { delivered: 6, parked: 1, waiting: 0, total: 7 })
  t.match([...parking.all.values()][0]?.reason, /^too_large/)
})

t.test('at most num_consumers requests are in flight', async t => {
  const waiting: (() => void)[] = []
  const { put, exporter, move } = await rig(t, {
    queue: { numConsumers: 3 },
    timeoutMs: 0,
    script: () => new Promise<Outcome>(resolve => waiting.push(() => resolve(DELIVERED)))
  })
  for (let i = 0; i < 10; i++) {
    await put(i, 1)
    await move(25)
  }
  t.equal(exporter.peak, 3)
  while (waiting.length > 0) {
    for (const release of waiting.splice(0)) release()
    await settle()
  }
  t.same(sorted(exporter.delivered), range(0, 10))
  t.equal(exporter.peak, 3)
})

t.test('a retry waits by exponential backoff and delivers in the end, once', async t => {
  const { put, move, exporter, ledger, clock } = await rig(t, { script: (_, call) => (call <= 3 ? down : DELIVERED) })
  const start = clock.now()
  await put(0, 2)
  await move(20_000, 100)
  t.same(
    exporter.batches.map(({ at }) => at - start),
    [0, 1000, 3000, 7000]
  )
  t.same(exporter.delivered, [0, 1])
  t.match(ledger(), { delivered: 2, waiting: 0, total: 2 })
})

t.test('H18: the backoff carries random jitter', async t => {
  const times: number[] = []
  for (const random of [0, 0.999]) {
    const { put, move, exporter, clock } = await rig(t, {
      random: () => random,
      script: (_, call) => (call === 1 ? down : DELIVERED)
    })
    const start = clock.now()
    await put(0, 1)
    await move(2000, 10)
    times.push(exporter.batches[1]!.at - start)
  }
  t.same(
    times,
    [500, 1500].map((ms, i) => (i === 0 ? ms : times[1]!))
  )
  t.ok(times[1]! > 1400 && times[1]! <= 1510)
})

t.test("the back end's own delay overrides the backoff and pauses the exporter", async t => {
  const { put, move, exporter, clock } = await rig(t, {
    script: (_, call) => (call === 1 ? { kind: 'retry', afterMs: 3000, cause: new Error('busy') } : DELIVERED)
  })
  const start = clock.now()
  await put(0, 1)
  await put(1, 1)
  await move(2999, 100)
  t.equal(exporter.batches.length, 1, 'nothing is sent during the pause')
  await move(100, 10)
  t.same(sorted(exporter.delivered), [0, 1])
  t.equal(exporter.batches[1]!.at - start, 3000)
})

t.test('a request that is being retried does not hold up the others', async t => {
  const { put, move, exporter } = await rig(t, {
    queue: { batch: { minItems: 0, maxItems: 1, flushTimeoutMs: 0 } },
    script: batch => (numbersIn(batch.bytes).includes(0) ? down : DELIVERED)
  })
  await put(0, 1)
  for (let i = 1; i < 6; i++) await put(i, 1)
  await move(100, 25)
  t.same(sorted(exporter.delivered), [1, 2, 3, 4, 5])
})

t.test('after max_elapsed_time a request becomes a dead letter, or is dropped when the config says so', async t => {
  for (const onExpired of ['dead_letter', 'drop'] as const) {
    const { put, move, ledger, exporter } = await rig(t, {
      script: () => down,
      retry: { maxElapsedMs: 10_000, onExpired }
    })
    await put(0, 5)
    await move(60_000, 250)
    const expected = onExpired === 'drop' ? { parked: 0, dropped: { retry_expired: 5 } } : { parked: 5, dropped: {} }
    t.match(ledger(), { delivered: 0, waiting: 0, total: 5, ...expected }, onExpired)
    t.ok(exporter.batches.length >= 3)
  }
})

t.test('max_elapsed_time 0 tries for ever', async t => {
  const { put, move, ledger } = await rig(t, { script: () => down, retry: { maxElapsedMs: 0 } })
  await put(0, 5)
  await move(86_400_000, 60_000)
  t.match(ledger(), { waiting: 5, parked: 0, total: 5 })
})

t.test('an attempt that takes longer than the timeout is aborted and tried again', async t => {
  const { put, move, exporter } = await rig(t, {
    timeoutMs: 2000,
    script: (_, call, abort) =>
      call > 1
        ? DELIVERED
        : new Promise(resolve => abort.addEventListener('abort', () => resolve({ kind: 'retry', cause: abort.reason })))
  })
  await put(0, 1)
  await move(1999)
  t.equal(exporter.inFlight, 1)
  await move(2000, 100)
  t.same(exporter.delivered, [0])
})

t.test('an exporter that ignores its abort loses its place, not the data', async t => {
  const { put, move, exporter, ledger } = await rig(t, {
    timeoutMs: 1000,
    script: (_, call) => (call === 1 ? new Promise<Outcome>(() => {}) : DELIVERED)
  })
  await put(0, 1)
  await move(10_000, 100)
  t.same(exporter.delivered, [0])
  t.match(ledger(), { delivered: 1, waiting: 0 })
})

t.test('an exporter that throws costs a retry', async t => {
  const { put, move, exporter } = await rig(t, {
    script: (_, call) => {
      if (call === 1) throw new Error('bug')
      return DELIVERED
    }
  })
  await put(0, 1)
  await move(2000, 100)
  t.same(exporter.delivered, [0])
})

t.test('partial success counts the rejected items and sends nothing again', async t => {
  const { put, move, exporter, ledger } = await rig(t, {
    script: () => ({ kind: 'delivered', rejected: 2, message: 'two are bad' })
  })
  await put(0, 5)
  await move(60_000, 1000)
  t.equal(exporter.batches.length, 1)
  t.same(ledger(), { delivered: 3, waiting: 0, parked: 0, dropped: { rejected: 2 }, total: 5 })
})

t.test('a refused request is halved until the offending item stands alone among the dead letters', async t => {
  const { put, exporter, ledger, parking } = await rig(t, { script: refusing([13]) })
  await put(0, 16)
  t.same(
    sorted(exporter.delivered),
    range(0, 16).filter(n => n !== 13)
  )
  const [letter, ...others] = [...parking.all.values()]
  t.same(others, [])
  t.match(letter, {
    dead: true,
    items: 1,
    stream: 'traces',
    exporter: 'back',
    reason: 'refused: invalid span',
    attempts: 1
  })
  t.same(numbersIn(letter!.bytes), [13])
  t.same(ledger(), { delivered: 15, waiting: 0, parked: 1, dropped: {}, total: 16 })
  t.ok(exporter.batches.length <= 9, `${exporter.batches.length} requests`)
})

t.test('several offending items in a merged request are all found', async t => {
  const bad = [0, 1, 77, 150, 199]
  const { put, exporter, ledger, parking, delivery } = await rig(t, { start: false, script: refusing(bad) })
  for (let i = 0; i < 20; i++) await put(i * 10, 10)
  await delivery.start()
  await settle(200)
  t.same(
    sorted(exporter.delivered),
    range(0, 200).filter(n => !bad.includes(n))
  )
  t.same(sorted([...parking.all.values()].flatMap(({ bytes }) => numbersIn(bytes))), bad)
  t.match(ledger(), { delivered: 195, parked: 5, waiting: 0, total: 200 })
})

t.test('a refusal that is not about the data sets the request aside whole, and opens the breaker', async t => {
  const { put, move, exporter, ledger, delivery } = await rig(t, {
    script: () => ({ kind: 'refused', whole: true, cause: new Error('401') }),
    queue: { numConsumers: 1 }
  })
  for (let i = 0; i < 10; i++) {
    await put(i * 100, 100)
    await move(25)
  }
  t.equal(exporter.batches.length, 5, 'five in a row, then no more')
  t.equal(delivery.status().breaker, 'open')
  t.match(ledger(), { delivered: 0, parked: 500, waiting: 500, total: 1000 })
})

t.test('a back end that refuses everything is not asked thousands of times', async t => {
  const { put, exporter, ledger } = await rig(t, { script: () => refused, limits: { maxItems: 10_000 } })
  await put(0, 4096)
  await settle(400)
  t.ok(exporter.batches.length <= 40, `${exporter.batches.length} requests`)
  t.match(ledger(), { delivered: 0, parked: 4096, waiting: 0, total: 4096 })
})

t.test('requests the back end calls too large become smaller, also the next ones', async t => {
  const tooLarge: Outcome = { kind: 'refused', tooLarge: true, cause: new Error('413') }
  const { put, exporter, ledger, delivery } = await rig(t, {
    start: false,
    queue: { numConsumers: 1 },
    limits: { maxItems: 1e6, maxBytes: 4 << 20 },
    script: batch => (batch.bytes.length > 300_000 ? tooLarge : DELIVERED)
  })
  for (let i = 0; i < 40; i++) await put(i * 100, 100, 'traces', 500)
  await delivery.start()
  await settle(200)
  t.match(ledger(), { delivered: 4000, waiting: 0, parked: 0, total: 4000 })
  t.equal(new Set(exporter.delivered).size, 4000)
  t.ok(exporter.batches.filter(({ items }) => items > 600).length <= 4, 'it learns')
})

t.test(
  'the rest of a divided request that must wait is parked durably and delivered later, the delivered part never again',
  async t => {
    let isDown = false
    const { put, move, exporter, ledger, parking } = await rig(t, {
      limits: { maxItems: 10 },
      script: batch => {
        if (numbersIn(batch.bytes).includes(20) && !isDown) {
          isDown = true
          return down
        }
        return DELIVERED
      }
    })
    await put(0, 40)
    t.match(ledger(), { delivered: 30, parked: 10, waiting: 0, total: 40 })
    t.match([...parking.all.values()], [{ dead: false, items: 10 }])
    await move(3000, 100)
    t.same(sorted(exporter.delivered), range(0, 40))
    t.match(ledger(), { delivered: 40, parked: 0, waiting: 0, total: 40 })
    t.equal(parking.all.size, 0)
  }
)

t.test('parked rests survive a restart; payloads whose origin was not acked do not', async t => {
  const made = await rig(t, {
    limits: { maxItems: 10 },
    script: batch => (numbersIn(batch.bytes).includes(20) ? down : DELIVERED)
  })
  const { put, parking, delivery, restart, ledger, exporter } = made
  await put(0, 40)
  await delivery.stop()
  await parking.park({
    exporter: 'back',
    stream: 'traces',
    items: 1,
    bytes: Buffer.alloc(3),
    attempts: 1,
    acceptedAt: 0,
    dueAt: 0,
    reason: 'orphan',
    dead: true
  })
  const after = new ScriptedExporter()
  await restart(after)
  await made.move(3000, 100)
  t.same(sorted([...exporter.delivered, ...after.delivered]), range(0, 40))
  t.match(ledger(), { delivered: 40, parked: 0, waiting: 0, total: 40 })
  t.equal(parking.all.size, 0, 'the orphan is gone')
})

t.test('when parking fails nothing is acked, and it works once parking does', async t => {
  const { put, move, parking, ledger, exporter } = await rig(t, { script: refusing([0]) })
  parking.failure = new Error('disk full')
  await put(0, 1)
  await move(5000, 500)
  t.match(ledger(), { waiting: 1, parked: 0, total: 1 })
  parking.failure = undefined
  await move(60_000, 500)
  t.match(ledger(), { waiting: 0, parked: 1, total: 1 })
  t.same(exporter.delivered, [])
})

t.test('failures in a row open the breaker, a probe closes it', async t => {
  let isUp = false
  const { put, move, exporter, delivery, ledger } = await rig(t, {
    script: () => (isUp ? DELIVERED : down),
    retry: { maxElapsedMs: 0 }
  })
  for (let i = 0; i < 8; i++) {
    await put(i, 1)
    await move(25)
  }
  await move(10_000, 100)
  t.equal(delivery.status().breaker, 'open')
  const tried = exporter.batches.length
  await move(60_000, 100)
  t.ok(exporter.batches.length - tried <= 8, 'a probe now and then')
  isUp = true
  await move(31_000, 100)
  t.equal(delivery.status().breaker, 'closed')
  t.same(sorted(exporter.delivered), range(0, 8))
  t.match(ledger(), { delivered: 8, waiting: 0, total: 8 })
})

t.test('a probe that is told to come later is followed by another one', async t => {
  let answer: Outcome = down
  const { put, move, exporter, delivery } = await rig(t, { script: () => answer, retry: { maxElapsedMs: 0 } })
  for (let i = 0; i < 8; i++) {
    await put(i, 1)
    await move(25)
  }
  await move(2000, 100)
  t.equal(delivery.status().breaker, 'open')
  answer = { kind: 'retry', afterMs: 500, cause: new Error('busy') }
  await move(20_000, 100)
  answer = DELIVERED
  await move(61_000, 100)
  t.equal(delivery.status().breaker, 'closed')
  t.same(sorted(exporter.delivered), range(0, 8))
})

t.test('a backlog behind a dead back end stays in the log, not in memory', async t => {
  const { put, move, exporter, delivery } = await rig(t, {
    queue: { numConsumers: 2, batch: { minItems: 0, maxItems: 1, flushTimeoutMs: 0 } },
    retry: { maxElapsedMs: 0 },
    script: () => down
  })
  for (let i = 0; i < 100; i++) await put(i, 1)
  await move(60_000, 500)
  const { retrying, inFlight, waiting } = delivery.status()
  t.ok(retrying + inFlight <= 8, `${retrying} known`)
  t.equal(waiting.items, 100)
  t.ok(new Set(exporter.batches.flatMap(({ numbers }) => numbers)).size <= 8)
})

t.test('errors narrow the concurrency, successes widen it again', async t => {
  let isUp = false
  const { put, move, delivery } = await rig(t, {
    queue: { numConsumers: 8 },
    script: () => (isUp ? DELIVERED : down),
    tuning: { breakerThreshold: 100 }
  })
  await put(0, 1)
  await move(8000, 100)
  t.ok(delivery.status().concurrency <= 2, String(delivery.status().concurrency))
  isUp = true
  await move(60_000, 500)
  for (let i = 1; i < 60; i++) await put(i, 1)
  t.equal(delivery.status().concurrency, 8)
})

t.test('overflow block: full when too many bytes wait, open again when they are gone', async t => {
  let isUp = false
  const { put, move, delivery } = await rig(t, { queue: { maxBytes: 1000 }, script: () => (isUp ? DELIVERED : down) })
  await put(0, 10)
  t.equal(delivery.isFull(), false)
  await put(10, 100)
  await move(20)
  t.equal(delivery.isFull(), true)
  t.ok(delivery.retryAfterMs() >= 1000 && delivery.retryAfterMs() <= 60_000)
  isUp = true
  await move(60_000, 500)
  t.equal(delivery.isFull(), false)
})

t.test('overflow drop_oldest keeps the newest, drop_newest the oldest, all counted', async t => {
  for (const overflow of ['drop_oldest', 'drop_newest'] as const) {
    let isUp = false
    const made = await rig(t, {
      queue: { maxBytes: 2000, overflow, numConsumers: 1, batch: { minItems: 0, maxItems: 10, flushTimeoutMs: 0 } },
      tuning: { windowFactor: 1 },
      retry: { maxElapsedMs: 0 },
      script: () => (isUp ? DELIVERED : down)
    })
    for (let i = 0; i < 50; i++) await made.put(i * 10, 10)
    await settle(50)
    const { waiting, dropped, total } = made.ledger()
    t.equal(total, 500, overflow)
    t.ok(dropped['overflow']! > 200 && waiting + dropped['overflow']! === 500, `${waiting} wait`)
    t.ok(made.delivery.status().waiting.bytes <= 2000)
    isUp = true
    await made.move(120_000, 500)
    t.equal(made.ledger().delivered, waiting)
    const delivered = sorted(made.exporter.delivered)
    t.ok(delivered.includes(0), 'what was in flight stays')
    t.equal(delivered.includes(499), overflow === 'drop_oldest')
    t.equal(delivered.includes(20), overflow === 'drop_newest')
  }
})

t.test('entries older than the age limit are dropped, counted', async t => {
  const { put, move, delivery, ledger } = await rig(t, { start: false, queue: { maxAgeMs: 60_000 } })
  await put(0, 3)
  await move(61_000)
  await put(3, 2)
  await delivery.start()
  await settle()
  t.same(ledger(), { delivered: 2, waiting: 0, parked: 0, dropped: { expired: 3 }, total: 5 })
})

t.test('stop waits for what is in flight', async t => {
  let release = () => {}
  const { put, exporter, delivery, ledger } = await rig(t, {
    script: () => new Promise(resolve => (release = () => resolve(DELIVERED)))
  })
  await put(0, 3)
  const stopped = delivery.stop(10_000)
  await put(3, 3)
  release()
  await stopped
  t.same(exporter.delivered, [0, 1, 2])
  t.match(ledger(), { delivered: 3, waiting: 3, total: 6 })
})

t.test('R5: stop aborts what takes too long; undelivered data stays in the log and goes after a restart', async t => {
  const made = await rig(t, {
    timeoutMs: 0,
    script: (_, __, abort) =>
      new Promise(resolve => abort.addEventListener('abort', () => resolve({ kind: 'retry', cause: abort.reason })))
  })
  await made.put(0, 3)
  const stopped = made.delivery.stop(2000)
  await made.move(2000)
  await stopped
  t.match(made.ledger(), { delivered: 0, waiting: 3, total: 3 })
  const after = new ScriptedExporter()
  await made.restart(after)
  t.same(after.delivered, [0, 1, 2])
})

t.test('stop is safe twice and without start', async t => {
  const { delivery } = await rig(t, { start: false })
  await delivery.stop()
  await delivery.stop()
})

t.test('an ack that cannot be recorded is recorded later, and nothing is sent twice', async t => {
  const { log, put, move, exporter, ledger } = await rig(t)
  const commit = log.commit.bind(log)
  let failures = 3
  log.commit = what => (what.acks?.length && failures-- > 0 ? Promise.reject(new Error('io')) : commit(what))
  await put(0, 3)
  await put(3, 3)
  await move(5000, 50)
  t.same(sorted(exporter.delivered), range(0, 6))
  t.match(ledger(), { delivered: 6, waiting: 0, total: 6 })
})

t.test('status tells what happened, without values', async t => {
  const { put, move, delivery } = await rig(t, {
    script: () => ({
      kind: 'retry',
      cause: new Error('bad value "ann@example.com" for user\u0000\u001b[31m 4111111111111111')
    })
  })
  await put(0, 2)
  await move(500)
  const { lastError, oldestAgeMs, retries, waiting } = delivery.status()
  t.equal(lastError?.text, 'bad value "…" for user [31m …')
  t.equal(oldestAgeMs, 500)
  t.equal(retries, 1)
  t.same(waiting.items, 2)
})

t.test('the breaker and the back end’s remarks are logged once, not for each request', async t => {
  const lines: string[] = []
  const note = (_: object, message: string) => lines.push(message)
  let isUp = false
  const { put, move } = await rig(t, {
    logger: { debug: note, info: note, warn: note, error: note },
    retry: { maxElapsedMs: 0 },
    script: () => (isUp ? { kind: 'delivered', rejected: 0, message: 'deprecated field' } : down)
  })
  for (let i = 0; i < 8; i++) await put(i, 1)
  await move(120_000, 500)
  t.equal(lines.filter(line => /back end fails/.test(line)).length, 1)
  t.equal(lines[0], 'an attempt failed; trying again', 'long before the breaker opens')
  t.equal(lines.filter(line => /attempt failed/.test(line)).length, 1)
  isUp = true
  await move(31_000, 500)
  for (let i = 8; i < 20; i++) await put(i, 1)
  t.equal(lines.filter(line => /works again/.test(line)).length, 1)
  t.equal(lines.filter(line => /remark/.test(line)).length, 1)
})
