// `npm run fuzz -- [--seconds N] [--seed N]`: mutated requests against the running gateway; a seed repeats the same requests.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzzReceivers } from './receivers.js'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
  allowPositionals: true
})
const seconds = Number(values.seconds)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!(seconds > 0 && Number.isInteger(seed))) {
  console.error('usage: npm run fuzz -- [--seconds N] [--seed N]')
  process.exit(2)
}
console.log(`seed ${seed}`)
const dir = mkdtempSync(join(tmpdir(), 'algoflow-fuzz-'))
try {
  const { wrong, ...sums } = await fuzzReceivers(dir, seconds, seed)
  console.table(sums)
  for (const one of wrong) console.log(one)
  const isFine = wrong.length === 0 && sums.isBalanced && sums.undeliverable === 0 && sums.exitCode === 0
  process.exitCode = isFine ? 0 : 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
