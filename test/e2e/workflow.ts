// AlgoFlow's metrics against the truth: what PromQL answers about the gateway's workflow metrics is what the simulator
// knows to have happened, to the last run and millisecond - with traces sampled down to 1 %, requests sent twice and the
// gateway killed twice with -9. Errors are all kept, nothing planted comes to rest.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TruthFile } from '../../clients/simulator/truth.js'
import { killAt, lastLine, PROCESSORS, pipelines, Replica, simulate } from './fleet.js'
import type { Run } from './harness.js'
import { installPrometheus, startPrometheus } from './prometheus-server.js'
import { compare } from './truth.js'

const RUNS = 3000
const FLEET = ['--executions', String(RUNS), '--speed', 'max', '--rate', '40', '--fail', '5%', '--flaky', '5%']
/** About 25,000 spans come in all. */
const KILLED_AT = [8000, 17_000]

export default async function run(run: Run): Promise<void> {
  await installPrometheus()
  const replica = await Replica.start(run, (ports, folder) => ({
    processors: { ...PROCESSORS, tail_sampling: TAIL },
    exporters: {
      file: { path: join(folder, 'out', 't.jsonl') },
      prometheus: { endpoint: `127.0.0.1:${ports.prometheus}` }
    },
    queue: { type: 'embedded', path: join(folder, 'queue') },
    service: { pipelines: pipelines('tail_sampling', 'prometheus') }
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
  const text = outOf(replica)
  const missing = truth.tracesWithErrors.filter(id => !text.includes(id))
  run.check(
    'every trace with an error is kept at 1 %',
    missing.length === 0 && truth.tracesWithErrors.length > 100,
    `${truth.tracesWithErrors.length} traces, ${missing.length} missing`
  )
  nothingPlanted(run, truth, replica)
}

const TAIL = {
  decision_wait: '2s',
  policies: [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'some', type: 'probabilistic', probabilistic: { sampling_percentage: 1 } }
  ]
}

function outOf({ folder }: Replica): string {
  const out = join(folder, 'out')
  return readdirSync(out)
    .map(name => readFileSync(join(out, name), 'utf8'))
    .join('\n')
}

/** Searches every file that the gateway wrote and everything it said. */
function nothingPlanted(run: Run, truth: TruthFile, { folder, process }: Replica): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const all = files.map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
  const text = [...all, process.output].join('\n')
  const found = truth.planted.values.filter(value => text.includes(value))
  run.check(
    'nothing planted is in any file or line',
    found.length === 0 && truth.planted.values.length > 1000,
    `${truth.planted.values.length} values looked for in ${files.length} files, ${text.length} bytes; found ${found.length}`
  )
}
