// `npm run e2e -- redis`: the log's and the parking's contract over a Redis Cluster of three masters, and gateways that share one
// Redis with everything done to them (the long form: npm run chaos:cluster).
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { clusterTest } from '../chaos/cluster.js'
import { startRedisCluster } from '../helpers/redis-cluster.js'
import type { Run } from './harness.js'

const SECONDS = 16

export default async function redis(run: Run): Promise<void> {
  const cluster = await startRedisCluster()
  run.onEnd(() => cluster.stop())
  const suite = fileURLToPath(new URL('./redis-contract.js', import.meta.url))
  const env = { ...process.env, REDIS_URL: cluster.url }
  const { status, stdout, stderr } = spawnSync(process.execPath, [suite], { env, encoding: 'utf8', timeout: 120_000 })
  const said = stdout.split('\n').filter(line => /^\s*not ok/.test(line))
  const passed = stdout.split('\n').filter(line => /^ {4,8}ok \d+ - .* # time/.test(line)).length
  run.check(
    'the contracts hold over a cluster of three',
    status === 0,
    status === 0 ? `${passed} tests` : said.join('; ') + stderr
  )
  const result = await clusterTest({ dir: await run.folder(), seconds: SECONDS })
  for (const { scene, acknowledged, delivered, duplicates, lost } of result.scenes) {
    run.check(`${scene}: nothing acknowledged is lost`, lost === 0, { acknowledged, delivered, duplicates, lost })
  }
  run.check('the totals of all gateways add up', result.isBalanced, {
    received: result.received,
    delivered: result.deliveredByLedger
  })
  run.same('nothing is left in Redis', result.left, 0)
}
