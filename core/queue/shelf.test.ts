import fc from 'fast-check'
import t from 'tap'
import { Shelf } from './shelf.js'

t.test('it does what a map does, in the same order', async t => {
  const step = fc.record({ key: fc.nat(12), value: fc.nat(), what: fc.constantFrom('set', 'delete', 'get', 'clear') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const shelf = new Shelf<number, number>()
      const map = new Map<number, number>()
      for (const { key, value, what } of steps) {
        if (what === 'set') {
          shelf.set(key, value)
          map.set(key, value)
        } else if (what === 'delete') {
          const had = map.get(key)
          map.delete(key)
          if (shelf.delete(key) !== had) return false
        } else if (what === 'clear' && value % 8 === 0) {
          shelf.clear()
          map.clear()
        } else if (shelf.get(key) !== map.get(key)) return false
        if (shelf.size !== map.size) return false
      }
      return `${[...shelf.keys()]} ${[...shelf.values()]}` === `${[...map.keys()]} ${[...map.values()]}`
    })
  )
  t.pass()
})
