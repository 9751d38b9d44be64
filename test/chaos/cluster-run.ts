// `npm run chaos:cluster [-- --seconds N]`: gateways that share one Redis, with everything done to them; a table of what came of it.
// `npm run chaos:cluster -- --sampling [--kills N]`: the same with tail sampling, gateways killed N times.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { clusterTest } from './cluster.js'
import { clusterSampling, type SamplingScene } from './cluster-sampling.js'

const DEFAULT_SECONDS = 60

const DEFAULT_KILLS = 10

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
    sampling: { type: 'boolean', default: false },
    kills: { type: 'string', default: String(DEFAULT_KILLS) },
    freeze: { type: 'string', default: '5' }
  }
})
const seconds = Number(values.seconds)
const kills = Number(values.kills)
if (!(seconds >= 8 && seconds <= 3600 && kills >= 1 && kills <= 1000)) {
  console.error('usage: npm run chaos:cluster [-- --seconds 8..3600 | --sampling [--kills 1..1000] [--freeze SECONDS]]')
  process.exit(2)
}
const dir = mkdtempSync(join(tmpdir(), 'algoflow-chaos-'))
try {
  await (values.sampling ? sampling() : plain())
} catch (error) {
  console.error(error)
  for (const text of (error as { output?: string[] }).output ?? []) console.error(`--- gateway\n${text}`)
  process.exitCode = 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}

async function sampling(): Promise<void> {
  const scenes: SamplingScene[] = []
  const tell = (scene: SamplingScene): void => {
    scenes.push(scene)
    console.log(JSON.stringify(scene))
  }
  const result = await clusterSampling({ dir, kills, freeze: Number(values.freeze), tell })
  console.table(scenes)
  console.table(result)
  const { errorsLost, errorsTorn, othersTorn, isBalanced } = result
  console.log(`error traces lost ${errorsLost}, torn ${errorsTorn}; others torn ${othersTorn}; balanced ${isBalanced}`)
  process.exitCode = errorsLost + errorsTorn + othersTorn === 0 && isBalanced ? 0 : 1
}

async function plain(): Promise<void> {
  const { scenes, refused, ...sums } = await clusterTest({ dir, seconds, tell: ({ scene }) => console.log(scene) })
  console.table(scenes)
  console.table({ ...sums, refused: [...refused].map(([status, n]) => `${n} x ${status}`).join(', ') })
  const calm = scenes.filter(({ scene }) => /two more|one stops|one gateway/.test(scene))
  const lost = scenes.reduce((sum, scene) => sum + scene.lost, 0)
  const unordered = calm.reduce((sum, { duplicates }) => sum + duplicates, 0)
  console.log(`lost ${lost}, duplicates where nothing was torn off ${unordered}, balanced ${sums.isBalanced}`)
  process.exitCode = lost === 0 && unordered === 0 && sums.isBalanced && sums.left === 0 ? 0 : 1
}
