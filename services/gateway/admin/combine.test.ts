// Several ledgers as one.

import t from 'tap'
import { ledgerOf } from '../../../core/telemetry/ledger.js'
import { combineLedgers, combineReadiness } from './combine.js'

t.test('ledgers add up line by line, and what one lacks the other may have', async t => {
  const taker = ledgerOf(
    new Map([
      ['received|traces', 10],
      ['appended|traces', 9],
      ['dropped|filter|traces|matched', 1],
      ['offered|b|traces', 9]
    ]),
    new Map([['b', 2]])
  )
  const deliverer = ledgerOf(
    new Map([
      ['delivered|b|traces', 6],
      ['parked|b|traces|refused', 1],
      ['delivered|a|traces', 0]
    ]),
    new Map()
  )
  t.notOk(taker.isBalanced, 'alone it does not add up')
  const both = combineLedgers([taker, deliverer])
  t.match(both.exporters, [
    { exporter: 'a', difference: undefined },
    { exporter: 'b', offered: 9, delivered: 6, waiting: 2, parked: 1, difference: 0 }
  ])
  t.match(both, {
    received: [{ stream: 'traces', items: 10 }],
    streams: [{ dropped: 1, difference: 0 }],
    isBalanced: true
  })
  t.notOk(combineLedgers([both, taker]).isBalanced)
})

t.test('all are ready or none is, and a reason is said once', async t => {
  const away = { isReady: false, reasons: [{ code: 'queue_full', says: 'full' }] }
  t.same(combineReadiness([{ isReady: true, reasons: [] }, away, away]), away)
})
