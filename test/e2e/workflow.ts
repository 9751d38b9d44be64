// AlgoFlow's metrics against the truth: what PromQL answers about the gateway's workflow metrics is what the simulator
// knows to have happened, to the last run and millisecond - with traces sampled down to 1 %, requests sent twice and the
// gateway killed twice with -9. Errors are all kept, nothing planted comes to rest.

import { join } from 'node:path'
import { killAt, lastLine, pipelines, Replica, sampled, simulate } from './fleet.js'
import type { Run } from './harness.js'
import { installPrometheus, startPrometheus } from './prometheus-server.js'
import { compare, errorsKept, nothingPlanted } from './truth.js'

const RUNS = 3000
const FLEET = ['--executions', String(RUNS), '--speed', 'max', '--rate', '40', '--fail', '5%', '--flaky', '5%']
/** About 25,000 spans come in all. */
const KILLED_AT = [8000, 17_000]

export default async function run(run: Run): Promise<void> {
  await installPrometheus()
  const replica = await Replica.start(run, (ports, folder) => ({
    processors: sampled(1),
    exporters: {
      file: { path: join(folder, 'out', 't.jsonl') },
      prometheus: { endpoint: `127.0.0.1:${ports.prometheus}` }
    },
    queue: { type: 'embedded', path: join(folder, 'queue') },
    service: { pipelines: pipelines('prometheus') }
  }))
  const { admin, prometheus } = replica.ports
  const targets = { gateway: [`127.0.0.1:${admin}`], algoflow: [`127.0.0.1:${prometheus}`] }
  const base = await startPrometheus(run, { targets, features: ['native-histograms'] })
  const running = simulate(run, [replica.endpoint], [...FLEET, '--duplicate', '5%', '--seed', '71'])
  run.same('killed with -9 while it worked', await killAt(replica, KILLED_AT), KILLED_AT.length)
  const { code, output, truth } = await running
  run.check('the simulator got everything through', code === 0, lastLine(output))
  run.check(
    'requests were sent twice',
    Number(/(\d+) sent twice/.exec(output)?.[1]) > 10,
    /\d+ sent twice/.exec(output)?.[0]
  )
  await compare(run, base, truth)
  run.check('every item is accounted for', (await replica.process.ledger()).isBalanced)
  await errorsKept(run, truth, [replica])
  nothingPlanted(run, truth, [replica])
}
