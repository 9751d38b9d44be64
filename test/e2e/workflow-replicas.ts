// The same as `workflow`, with three replicas that share a Redis: two of them are killed, requests that are sent twice
// come to different ones, and each total is still one series with one writer.

import { join } from 'node:path'
import { startRedis } from '../helpers/redis.js'
import { killAt, lastLine, pipelines, Replica, type ReplicaPorts, type SomeConfig, sampled, simulate } from './fleet.js'
import type { Run } from './harness.js'
import { installPrometheus, startPrometheus } from './prometheus-server.js'
import { compare, errorsKept, nothingPlanted } from './truth.js'

const FLEET = ['--executions', '3000', '--speed', 'max', '--rate', '40', '--fail', '5%', '--flaky', '5%']

export default async function run(run: Run): Promise<void> {
  await installPrometheus()
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
  run.onEnd(() => redis.stop())
  // Metrics are pushed: whichever replica owns a part of them, one Prometheus has them all.
  const base = await startPrometheus(run, { targets: {}, features: ['native-histograms'] })
  const config = (ports: ReplicaPorts, folder: string): SomeConfig => ({
    processors: sampled(1),
    exporters: {
      file: { path: join(folder, 'out', 't.jsonl') },
      prometheus_remote_write: { endpoint: `${base}/api/v1/write` }
    },
    queue: { type: 'redis', url: redis.url, lease: '2s', member: `m${ports.http}` },
    service: { pipelines: pipelines('prometheus_remote_write') }
  })
  const replicas: Replica[] = []
  for (let i = 0; i < 3; i++) replicas.push(await Replica.start(run, config))
  const endpoints = replicas.map(one => one.endpoint)
  const running = simulate(run, endpoints, [...FLEET, '--duplicate', '5%', '--seed', '72'])
  const kills = [await killAt(replicas[0]!, [2500]), await killAt(replicas[1]!, [5000])]
  const { code, output, truth } = await running
  run.same('two were killed with -9 while they worked', kills, [1, 1])
  run.check('the simulator got everything through', code === 0, lastLine(output))
  await compare(run, base, truth)
  await errorsKept(run, truth, replicas)
  nothingPlanted(run, truth, replicas)
}
