// A whole gateway with tail sampling at 10 %: 200,000 traces, errors in 1 % of them, spans out of order over many requests.
// Every trace with an error must come out whole, every other one whole or not at all, and counts extrapolated from the
// weights must be within 2 % of the truth.
//
//   node dist/test/e2e/sampling.js [traces]

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../core/config/load.js'
import { systemClock } from '../../core/telemetry/clock.js'
import { Gateway } from '../../services/gateway/app.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'
import { judgeTorn, SPANS, sendTorn } from '../helpers/torn-traces.js'

const TRACES = Number(process.argv[2] ?? 200_000)
const dir = mkdtempSync(join(tmpdir(), 'sampling-'))
const out = join(dir, 'out.jsonl')

const config = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}}
processors:
  tail_sampling:
    decision_wait: 20s
    policies: [{name: ten, type: probabilistic, probabilistic: {sampling_percentage: 10}}]
exporters: {file: {path: ${out}}}
queue: {type: embedded, path: ${join(dir, 'queue')}}
service: {pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [file]}}}
`

const loaded = loadConfig({ text: config, env: {}, registry: registryWith(RECEIVERS) })
if (loaded.config === undefined) throw new Error(loaded.problems.map(problem => problem.says).join('\n'))
const silent = { debug() {}, info() {}, warn() {}, error: (_: object, text: string) => console.error(text) }
const gateway = new Gateway({ config: loaded.config, version: '0', log: silent, clock: systemClock })
await gateway.start()
await sendTorn(TRACES, [`http://${gateway.endpoints().get('otlp')!.http}`])
const settled = () => gateway.ledger().exporters.every(line => line.waiting === 0)
for (let quiet = 0, last = -1; quiet < 3; await new Promise(resolve => setTimeout(resolve, 1000))) {
  const appended = gateway.ledger().streams[0]!.appended
  quiet = appended === last && settled() ? quiet + 1 : 0
  last = appended
}
const ledger = gateway.ledger()
await gateway.stop()
const { errors, lostErrors, others, torn, estimate, off } = await judgeTorn(TRACES, [out])
console.log(
  `${TRACES} traces: ${errors} with errors, ${lostErrors} of them not whole; ${others} others kept, ${torn} torn; ` +
    `extrapolated ${Math.round(estimate)} of ${TRACES * SPANS} spans (${off.toFixed(2)} %); ledger ${ledger.isBalanced ? 'balanced' : 'OFF'}`
)
rmSync(dir, { recursive: true, force: true })
if (lostErrors > 0 || torn > 0 || Math.abs(off) > 2 || !ledger.isBalanced) process.exitCode = 1
