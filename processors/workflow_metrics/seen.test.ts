import t from 'tap'
import { SeenSpans } from './seen.js'

const WINDOW = 1000

function ids(n: number, from = 0): Buffer {
  const bytes = Buffer.alloc(24 * n)
  for (let i = 0; i < n; i++) bytes.writeUInt32LE(from + i, i * 24 + 20)
  return bytes
}

/** How many of them are new. */
function news(seen: SeenSpans, bytes: Buffer): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const n = bytes.length / 24
  for (let i = 0; i < n; i++) seen.prepare(i, view, i * 24)
  seen.touch(n)
  let found = 0
  for (let i = 0; i < n; i++) if (seen.add(i)) found++
  return found
}

t.test('a span is new once within the window, whatever its trace id looks like', async t => {
  const seen = new SeenSpans(WINDOW, 1_000_000)
  seen.turn(0)
  t.equal(news(seen, ids(50_000)), 50_000)
  seen.turn(WINDOW - 1)
  t.equal(news(seen, ids(60_000, 20_000)), 30_000)
  t.equal(news(seen, Buffer.concat([ids(1, 99_999), ids(1, 99_999)])), 1, 'twice in one request')
  t.equal(seen.size, 80_001)
})

t.test('it is known for at least the window and at most twice that', async t => {
  const seen = new SeenSpans(WINDOW, 1_000_000)
  seen.turn(0)
  news(seen, ids(1))
  seen.turn(WINDOW)
  t.equal(seen.generation, 1)
  t.equal(news(seen, ids(1)), 0)
  news(seen, ids(1, 5))
  seen.turn(2 * WINDOW)
  t.equal(seen.generation, 2)
  t.equal(news(seen, ids(1)), 1)
})

t.test('what does not fit makes the oldest half go, and no more is held', async t => {
  const seen = new SeenSpans(1e9, 10_000)
  for (let i = 0; i < 100; i++) {
    seen.turn(i)
    t.equal(news(seen, ids(1000, i * 1000)), 1000)
    t.ok(seen.size <= 11_000)
  }
  t.equal(news(seen, ids(4000, 96_000)), 0, 'the newest are known')
})

t.test('a trace of very many spans costs no more a span than others', async t => {
  const seen = new SeenSpans(WINDOW, 1_000_000)
  seen.turn(0)
  const one = ids(200_000)
  const began = process.cpuUsage()
  t.equal(news(seen, one), 200_000)
  t.equal(news(seen, one), 0)
  const { user } = process.cpuUsage(began)
  t.ok(user < 5_000_000, `${user / 400_000} us a span`)
})

t.test('facts of a trace are told apart', async t => {
  const seen = new SeenSpans(WINDOW, 1000)
  const view = new DataView(ids(1).buffer.slice(0, 24))
  t.ok(seen.addFact(view, 0, 1, 2))
  t.notOk(seen.addFact(view, 0, 1, 2))
  t.ok(seen.addFact(view, 0, 2, 1))
  t.ok(seen.addFact(view, 0, 1, 3))
})
