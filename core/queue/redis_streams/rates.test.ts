import t from 'tap'
import { realClock } from '../../../test/helpers/receiver.js'
import { startRedis } from '../../../test/helpers/redis.js'
import { RedisRates } from './rates.js'

t.test('who takes no data is not counted before it sees some', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const options = { url: redis.url, prefix: 'test', clock: realClock }
  const [a, idle] = [new RedisRates(options), new RedisRates({ ...options, takesData: false })]
  t.teardown(() => Promise.all([a.stop(), idle.stop()]))
  for (const one of [a, idle]) one.start()
  a.part('spans', 600)
  idle.part('spans', 0)
  for (let tries = 0; tries < 200 && idle.part('spans', 0) === 1; tries++) {
    await new Promise(resolve => setTimeout(resolve, 10))
    for (const one of [a, idle]) await one.exchange()
  }
  t.equal(idle.part('spans', 0), 0.1, 'of one gateway')
  t.equal(a.part('spans', 600), 1)
  idle.part('spans', 200)
  for (const one of [idle, a]) await one.exchange()
  t.equal(a.part('spans', 600), 0.75)
})

t.test('each gateway gets its part by rate; when Redis is away, equal parts; who leaves is not counted', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  let ahead = 0
  const clock = { now: () => Date.now() + ahead, after: realClock.after }
  const notes: string[] = []
  const make = () =>
    new RedisRates({
      url: redis.url,
      prefix: 'test',
      clock,
      onNote: (level, text) => void notes.push(`${level} ${text}`)
    })
  const [a, b, c] = [make(), make(), make()]
  t.teardown(async () => {
    await Promise.all([a, b, c].map(one => one.stop()))
  })
  for (const one of [a, b, c]) one.start()
  t.same([a.part('spans', 600), b.part('spans', 300), c.part('spans', 0)], [1, 1, 1], 'nothing is known yet')
  const exchange = async () => {
    for (const one of [a, b, c]) await one.exchange()
    for (const one of [a, b, c]) await one.exchange()
  }
  for (let tries = 0; tries < 100 && notes.length < 3; tries++) {
    await exchange()
    if (c.part('spans', 0) < 1) break
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await exchange()
  t.ok(Math.abs(a.part('spans', 600) - 2 / 3) < 1e-9)
  t.ok(Math.abs(b.part('spans', 300) - 1 / 3) < 1e-9)
  t.ok(c.part('spans', 0) > 0.02 && c.part('spans', 0) < 0.04, 'a gateway that saw nothing can begin')
  t.equal(a.part('other', 5), 1 / 3, 'a name nobody has told of yet: an equal part')

  await c.stop()
  await exchange()
  ahead += 7000
  t.equal(a.part('spans', 600), 1 / 2, 'nothing heard for 7 s: an equal part of the two that are left')
  await exchange()
  t.ok(Math.abs(a.part('spans', 600) - 2 / 3) < 1e-9, 'heard again')

  redis.kill('SIGKILL')
  notes.length = 0
  for (let tries = 0; tries < 100 && notes.length === 0; tries++) await a.exchange()
  t.match(notes, [/warn rates cannot be shared/])
  ahead += 7000
  t.equal(a.part('spans', 600), 1 / 2)
})
