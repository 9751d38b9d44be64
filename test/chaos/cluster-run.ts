// `npm run chaos:cluster [-- --seconds N]`: gateways that share one Redis, with everything done to them; a table of what came of it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { clusterTest } from './cluster.js'

const DEFAULT_SECONDS = 60

const { values } = parseArgs({ options: { seconds: { type: 'string', default: String(DEFAULT_SECONDS) } } })
const seconds = Number(values.seconds)
if (!(seconds >= 8 && seconds <= 3600)) {
  console.error('usage: npm run chaos:cluster [-- --seconds 8..3600]')
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'algoflow-chaos-'))
try {
  const { scenes, refused, ...sums } = await clusterTest({ dir, seconds, tell: ({ scene }) => console.log(scene) })
  console.table(scenes)
  console.table({ ...sums, refused: [...refused].map(([status, n]) => `${n} x ${status}`).join(', ') })
  const calm = scenes.filter(({ scene }) => /two more|one stops|one gateway/.test(scene))
  const lost = scenes.reduce((sum, scene) => sum + scene.lost, 0)
  const unordered = calm.reduce((sum, { duplicates }) => sum + duplicates, 0)
  console.log(`lost ${lost}, duplicates where nothing was torn off ${unordered}, balanced ${sums.isBalanced}`)
  process.exitCode = lost === 0 && unordered === 0 && sums.isBalanced && sums.left === 0 ? 0 : 1
} catch (error) {
  console.error(error)
  for (const text of (error as { output?: string[] }).output ?? []) console.error(`--- gateway\n${text}`)
  process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
