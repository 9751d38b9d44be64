// P2 and P3 from outside: kill -9 of the running gateway, the short form of `npm run chaos`.

import t from 'tap'
import { killTest, MOST_REPEATED } from '../chaos/kill.js'

const KILLS = 5

t.test(`kill -9 at ${KILLS} random moments under load loses nothing that was acknowledged`, async t => {
  const result = await killTest({ dir: t.testdir({}), kills: KILLS, lifeMs: 600 })
  t.ok(result.acknowledged > 0, `${result.acknowledged} spans acknowledged`)
  t.equal(result.lost, 0, 'every acknowledged span arrived')
  t.ok(result.repeatedRequestsMax <= MOST_REPEATED, `requests sent again after one kill: ${result.repeatedRequestsMax}`)
  t.ok(result.isBalanced, 'ledger balanced at the end')
  t.equal(result.damage, 0, 'a kill is not damage')
})
