import t from 'tap'
import { SIGNALS } from '../../core/otlp/signal.js'
import type { Visitor } from '../../core/otlp/views.js'
import { Chain } from '../../core/pipeline/chain.js'
import { warmUp } from './warm-up.js'

t.test('every signal is warmed with valid requests that reach every hook', async t => {
  for (const signal of SIGNALS) {
    const seen = { item: 0, attribute: 0, value: 0, failed: 0 }
    const processor: Visitor = {
      item: () => void seen.item++,
      attribute: () => void seen.attribute++,
      value: () => void seen.value++
    }
    const chain = new Chain(signal, [{ id: 'looker', processor, mutates: false }], { failed: () => void seen.failed++ })
    await warmUp([{ signal, chain }])
    t.ok(seen.item > 0 && seen.attribute > seen.item && seen.value > seen.item, signal)
    t.equal(seen.failed, 0)
  }
})

t.test('a chain that cannot take the made-up requests does not stop the start', async t => {
  const chain = new Chain('logs', [], { failed() {} })
  await warmUp([{ signal: 'traces', chain }])
  t.pass()
})
