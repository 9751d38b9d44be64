import fc from 'fast-check'
import t from 'tap'
import { SlotMap } from './slot-map.js'

t.test('it does what a map does, in the same order', async t => {
  const step = fc.record({ key: fc.nat(12), value: fc.nat(), what: fc.constantFrom('set', 'delete', 'get', 'clear') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const slots = new SlotMap<number, number>()
      const map = new Map<number, number>()
      for (const { key, value, what } of steps) {
        if (what === 'set') {
          slots.set(key, value)
          map.set(key, value)
        } else if (what === 'delete') {
          const had = map.get(key)
          map.delete(key)
          if (slots.delete(key) !== had) return false
        } else if (what === 'clear' && value % 8 === 0) {
          slots.clear()
          map.clear()
        } else if (slots.get(key) !== map.get(key)) return false
        if (slots.size !== map.size) return false
      }
      return `${[...slots.keys()]} ${[...slots.values()]}` === `${[...map.keys()]} ${[...map.values()]}`
    })
  )
  t.pass()
})
