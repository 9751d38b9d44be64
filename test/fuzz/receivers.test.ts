// The short form of `npm run fuzz`.

import t from 'tap'
import { fuzzReceivers } from './receivers.js'

const SECONDS = 4
/** A loaded machine may stop a process for a while: this is a bound against quadratic time, not a benchmark. */
const MOST_MS = 5000

t.test('mutated requests are taken or refused as malformed, and what is taken can be delivered', async t => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const result = await fuzzReceivers(t.testdir({}), SECONDS, seed)
  t.same(result.wrong, [], `${result.requests} requests, seed ${seed}`)
  t.ok(result.accepted > 0 && result.refused > 0, `${result.accepted} taken, ${result.refused} refused`)
  t.ok(result.worstMs < MOST_MS, `slowest answer ${result.worstMs.toFixed(1)} ms`)
  t.ok(result.isBalanced)
  t.equal(result.undeliverable, 0)
  t.equal(result.exitCode, 0)
})
