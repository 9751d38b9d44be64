// `npm run e2e -- <name>...`: runs end-to-end scripts against real back ends, prints a table, fails when a check failed.

import { argv } from 'node:process'
import { Run } from './harness.js'

/** Each script installs or builds what it needs itself; the first run of one may take minutes. */
const SCRIPTS: Readonly<Record<string, () => Promise<{ default: (run: Run) => Promise<void> }>>> = {
  jaeger: () => import('./jaeger.js'),
  prometheus: () => import('./prometheus.js'),
  cloudwatch: () => import('./cloudwatch.js'),
  redis: () => import('./redis.js'),
  'sampling-cluster': () => import('./sampling-cluster.js'),
  custom: () => import('./custom.js'),
  'workflow-metrics': () => import('./workflow-metrics-cluster.js'),
  clients: () => import('./clients.js'),
  chart: () => import('./chart.js'),
  workflow: () => import('./workflow.js'),
  'workflow-replicas': () => import('./workflow-replicas.js'),
  dashboards: () => import('./dashboards.js'),
  image: () => import('./image.js'),
  compose: () => import('./compose.js'),
  page: () => import('./page.js'),
  package: () => import('./package.js')
}
const LIMIT_MS = 15 * 60_000

async function one(name: string): Promise<boolean> {
  const run = new Run()
  const started = Date.now()
  let timer: NodeJS.Timeout | undefined
  try {
    const { default: script } = await SCRIPTS[name]!()
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${LIMIT_MS / 60_000} minutes`)), LIMIT_MS)
    })
    await Promise.race([script(run), limit])
  } catch (error) {
    const { message, cause } = error as Error
    run.check('the script runs to its end', false, cause === undefined ? message : `${message}: ${String(cause)}`)
  } finally {
    clearTimeout(timer)
    await run.end()
  }
  return print(name, run, Date.now() - started)
}

function print(name: string, { checks }: Run, ms: number): boolean {
  const width = Math.max(...checks.map(check => check.name.length), 1)
  console.log(`\n${name}, ${(ms / 1000).toFixed(1)} s`)
  for (const { name: title, ok, detail } of checks) {
    console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${title.padEnd(width)}  ${detail.slice(0, ok ? 100 : 2000)}`)
  }
  const failed = checks.filter(({ ok }) => !ok).length
  console.log(`  ${checks.length - failed} passed, ${failed} failed`)
  return failed === 0 && checks.length > 0
}

const names = argv.slice(2)
const unknown = names.filter(name => !(name in SCRIPTS))
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: npm run e2e -- <${Object.keys(SCRIPTS).join('|')}>...`)
  process.exit(2)
}
let allOk = true
for (const name of names) allOk = (await one(name)) && allOk
process.exit(allOk ? 0 : 1)
