import fc from 'fast-check'
import t from 'tap'
import { CleanCache, cleanContext } from './clean-cache.js'

t.test('a value is known after it was added, in its own context only', async t => {
  const cache = new CleanCache()
  const [a, b] = [cleanContext(), cleanContext()]
  const buf = Buffer.from('xx postgresql yy')
  t.equal(cache.has(a, buf, 3, 13), false)
  cache.add(a, buf, 3, 13)
  t.equal(cache.has(a, buf, 3, 13), true)
  t.equal(cache.has(a, Buffer.from('postgresql'), 0, 10), true)
  t.equal(cache.has(b, buf, 3, 13), false)
  t.equal(cache.has(a, Buffer.from('postgresqL'), 0, 10), false)
})

t.test('it never takes one value for another', async t => {
  const text = fc.string({ minLength: 1, maxLength: 300, unit: fc.constantFrom('a', 'b') })
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), values => {
      const cache = new CleanCache()
      const context = cleanContext()
      const added = new Set<string>()
      for (const value of values) {
        const buf = Buffer.from(value)
        if (cache.has(context, buf, 0, buf.length)) {
          if (!added.has(value)) return false
        } else if (value.length % 2 === 0) {
          cache.add(context, buf, 0, buf.length)
          added.add(value)
        }
      }
      return true
    })
  )
  t.pass()
})

t.test('a context whose values never repeat stops asking for a while, and comes back', async t => {
  const cache = new CleanCache()
  const context = cleanContext()
  const ask = (value: string): boolean => {
    const buf = Buffer.from(value)
    const known = cache.has(context, buf, 0, buf.length)
    if (!known) cache.add(context, buf, 0, buf.length)
    return known
  }
  for (let i = 0; i < 600; i++) ask(`value ${i}`)
  t.equal(ask('again') || ask('again'), false, 'paused')
  for (let i = 0; i < 9000; i++) ask('again')
  t.equal(ask('again'), true)
})

t.test('values too short or too long to be worth it are not kept', async t => {
  const cache = new CleanCache()
  const context = cleanContext()
  for (const value of ['abc', 'x'.repeat(257)]) {
    const buf = Buffer.from(value)
    cache.has(context, buf, 0, buf.length)
    cache.add(context, buf, 0, buf.length)
    t.equal(cache.has(context, buf, 0, buf.length), false)
  }
})
