// `npm run chaos -- kill [--times N]`: the gateway killed at random moments, under load, with a table of what came of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { killTest, MOST_REPEATED } from './kill.js'

const DEFAULT_TIMES = 25

const { values } = parseArgs({
  options: { times: { type: 'string', default: String(DEFAULT_TIMES) } },
  allowPositionals: true
})
const kills = Number(values.times)
if (!(kills >= 1 && kills <= 1000)) {
  console.error('usage: npm run chaos -- [--times 1..1000]')
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'algoflow-chaos-'))
try {
  console.log('life  start ms  lived ms  acknowledged  delivered so far  unanswered')
  const result = await killTest({
    dir,
    kills,
    tell: l =>
      console.log(
        [l.life, l.startMs.toFixed(0), l.livedMs.toFixed(0), l.acknowledged, l.delivered, l.unanswered]
          .map((cell, i) => String(cell).padStart([4, 8, 8, 12, 16, 10][i]!))
          .join('  ')
      )
  })
  const { lives: _, ...sums } = result
  console.table(sums)
  const isFine = result.lost === 0 && result.isBalanced && result.damage === 0
  process.exitCode = isFine && result.repeatedRequestsMax <= MOST_REPEATED ? 0 : 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
