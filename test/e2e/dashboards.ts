// Dashboards and rules under charts/gateway against a real Prometheus that scrapes a gateway fed by the simulator: every
// query of every panel has an answer, with native histograms and with classic ones; every rule is healthy and reads metrics
// that are there; alerts are silent before something is wrong, and fire when it is. promtool runs the alerts' unit tests.

import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { lastLine, Replica, type ReplicaPorts, sampled, simulate } from './fleet.js'
import { command, freePort, getJson, type Run, until } from './harness.js'
import { installPrometheus, query, startPrometheus } from './prometheus-server.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const RULES = listed('charts/gateway/rules', '.yaml')
const DASHBOARDS = listed('charts/gateway/dashboards', '.json')
const TESTS = listed('test/alerts', '.yaml')
/** What Grafana puts in place of its variables. */
const VARIABLES: Readonly<Record<string, string>> = {
  $__rate_interval: '1m',
  $__range: '5m',
  $workflow: '.*',
  $step: '.*',
  $instance: '.*'
}
/** Only there when something went wrong, which it has not, with a queue in Redis or with several processes. */
const FAULTS = [
  'algoflow_gateway_worker_up',
  'algoflow_gateway_queue_spilled_bytes',
  'algoflow_gateway_exporter_dropped_total',
  'algoflow_gateway_processor_(errors|failed)_total',
  'algoflow_(workflow|step)_(completed|failed|retries|cache_hits|cache_misses)_total'
]
const FLEET = ['--speed', '20', '--rate', '4', '--flaky', '10%']

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}
interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
interface Rule {
  readonly name: string
  readonly type: 'alerting' | 'recording'
  readonly health: string
  readonly lastError?: string
  readonly query: string
}
interface Alert {
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
}

export default async function run(run: Run): Promise<void> {
  await installPrometheus()
  await promtool(run)
  for (const file of DASHBOARDS) isSound(run, file)
  const replica = await startFed(run)
  const servers = await Promise.all([
    watch(run, replica.ports, ['native-histograms']),
    watch(run, replica.ports, ['exemplar-storage'])
  ])
  const well = await simulate(run, [replica.endpoint], [...FLEET, '--executions', '500', '--seed', '3', '--fail', '2%'])
  run.check('the fleet got everything through', well.code === 0, lastLine(well.output))
  await refusals(replica)
  for (const [base, form] of [
    [servers[0], 'native histograms'],
    [servers[1], 'classic buckets']
  ] as const) {
    for (const file of DASHBOARDS) await panels(run, base, file, form)
    await rules(run, base, form)
  }
  await alarms(run, replica, servers[0])
}

async function promtool(run: Run): Promise<void> {
  for (const [what, args] of [
    ['promtool check rules', ['check', 'rules', ...RULES]],
    ['promtool test rules', ['test', 'rules', ...TESTS]]
  ] as const) {
    const said = await command('promtool', args).catch((error: Error) => error)
    const text = said instanceof Error ? said.message : said.stdout
    run.check(what, !(said instanceof Error), said instanceof Error ? text : `${text.match(/SUCCESS/g)?.length} files`)
  }
  const alerts = RULES.flatMap(alertsOf)
  const tested = TESTS.map(file => readFileSync(file, 'utf8')).join('\n')
  const untested = alerts.filter(name => !tested.includes(`alertname: ${name}\n        exp_alerts:\n          - `))
  run.same(`of ${alerts.length} alerts, without a unit test that makes them fire`, untested, [])
  const page = readFileSync(join(ROOT, 'docs/dashboards-and-alerts.md'), 'utf8')
  const unexplained = alerts.filter(name => !page.includes(`### ${name}\n`))
  run.same('alerts that docs/dashboards-and-alerts.md does not explain', unexplained, [])
}

/** Ids are told once, nothing lies on top of another, everything asks the data source that is chosen above. */
function isSound(run: Run, file: string): void {
  const { panels, title } = dashboard(file)
  const ids = new Set(panels.map(panel => panel.id))
  const overlaps = panels.flatMap(({ title: one, gridPos: a }, i) =>
    panels
      .slice(i + 1)
      .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
      .map(other => `${one} and ${other.title}`)
  )
  run.same(`${title}: panels on top of each other`, overlaps, [])
  const wide = panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24).map(panel => panel.title)
  run.same(`${title}: panels beyond the edge`, wide, [])
  run.same(`${title}: panel ids`, ids.size, panels.length)
  const others = panels.filter(panel => panel.targets !== undefined && panel.datasource?.uid !== '${datasource}')
  run.same(
    `${title}: panels with a data source of their own`,
    others.map(panel => panel.title),
    []
  )
}

/** A gateway with everything that the dashboards show; one of its back ends is not there. */
async function startFed(run: Run): Promise<Replica> {
  const nobody = await freePort()
  const privacy = ['hashing', 'redaction']
  return await Replica.start(run, (ports, folder) => ({
    processors: { ...sampled(10, '1s'), filter: { drop: [{ name: 'debug_logs', severity_below: 'INFO' }] } },
    exporters: {
      file: { path: join(folder, 'out', 't.jsonl') },
      prometheus: { endpoint: `127.0.0.1:${ports.prometheus}` },
      'otlp_http/down': { endpoint: `http://127.0.0.1:${nobody}` }
    },
    queue: { type: 'embedded', path: join(folder, 'queue') },
    service: {
      pipelines: {
        traces: {
          receivers: ['otlp'],
          processors: [...privacy, 'workflow_metrics', 'tail_sampling'],
          exporters: ['file', 'otlp_http/down']
        },
        logs: { receivers: ['otlp'], processors: ['filter', ...privacy], exporters: ['file'] },
        metrics: { receivers: ['otlp', 'workflow_metrics'], processors: privacy, exporters: ['prometheus'] }
      }
    }
  }))
}

/** A server with the rules; what an alert must last is shortened, so that the test need not wait for it. */
async function watch(run: Run, { admin, prometheus }: ReplicaPorts, features: readonly string[]): Promise<string> {
  const folder = await run.folder()
  const rules = await Promise.all(
    RULES.map(async file => {
      const copy = join(folder, basename(file))
      await writeFile(copy, readFileSync(file, 'utf8').replace(/^( +for:) \d+m$/gm, '$1 2s'))
      return copy
    })
  )
  const targets = { gateway: [`127.0.0.1:${admin}`], algoflow: [`127.0.0.1:${prometheus}`] }
  return await startPrometheus(run, { targets, features, rules })
}

/** Requests that are no OTLP, so that refusals are counted. */
async function refusals(replica: Replica): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const headers = { 'content-type': 'application/x-protobuf' }
    await fetch(`${replica.endpoint}/v1/traces`, { method: 'POST', headers, body: 'no protobuf' })
    await new Promise(resolve => setTimeout(resolve, 1100))
  }
}

/** Every query of every panel, and the values that variables are chosen from. */
async function panels(run: Run, base: string, file: string, form: string): Promise<void> {
  const { title, panels, templating } = dashboard(file)
  const asked = panels.flatMap(panel => (panel.targets ?? []).map(({ expr }) => ({ panel: panel.title, expr })))
  const empty: string[] = []
  for (const { panel, expr } of asked) {
    const found = await query(base, filled(expr)).catch((error: Error) => error)
    if (found instanceof Error) empty.push(`${panel}: ${found.message}`)
    else if (!found.some(({ value }) => value !== undefined && value[1] !== 'NaN'))
      empty.push(`${panel}: ${filled(expr)}`)
  }
  run.check(`${title}, ${form}: every query has an answer`, empty.length === 0 && asked.length > 10, told(asked, empty))
  for (const { name, definition } of templating.list) {
    const [, metric = '', label = ''] = /^label_values\((.*), (\w+)\)$/s.exec(definition ?? '') ?? []
    if (definition === undefined) continue
    const found = await query(base, `group by (${label}) (${filled(metric)})`)
    run.check(`${title}, ${form}: $${name} has values`, found.length > 0, `${found.length} values`)
  }
}

function told(asked: readonly unknown[], empty: readonly string[]): string {
  return empty.length === 0 ? `${asked.length} queries` : empty.join('\n      ')
}

/** Recordings have answers; alerts read what is there. */
async function rules(run: Run, base: string, form: string): Promise<void> {
  const { data } = await getJson<{ data: { groups: readonly { readonly rules: readonly Rule[] }[] } }>(
    `${base}/api/v1/rules`
  )
  const all = data.groups.flatMap(group => group.rules)
  const ill = all.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => `${name}: ${lastError}`)
  run.check(`rules, ${form}: all are healthy`, ill.length === 0 && all.length > 20, `${all.length} rules ${ill}`)
  const silent: string[] = []
  for (const { name, type } of all) {
    if (type === 'recording' && (await query(base, name)).length === 0) silent.push(name)
  }
  run.same(`rules, ${form}: recordings without an answer`, silent, [])
  const read = new Set(all.filter(({ type }) => type === 'alerting').flatMap(rule => metricsOf(rule.query)))
  const missing: string[] = []
  for (const name of read) {
    // A histogram is there in one of its two forms.
    const either = `{__name__=~"${name}|${name}_(bucket|count)"}`
    if (!FAULTS.includes(name) && (await query(base, `count(${either})`)).length === 0) missing.push(name)
  }
  run.check(
    `rules, ${form}: alerts read metrics that are there`,
    missing.length === 0,
    missing.join(' ') || `${read.size}`
  )
}

/** Names of series in an expression, `__name__` patterns included. */
function metricsOf(expression: string): string[] {
  const named = [...expression.matchAll(/\b(algoflow_\w+|process_\w+|[\w]+:algoflow_[\w:]+)/g)].map(([name]) => name)
  const patterns = [...expression.matchAll(/__name__=~"([^"]+)"/g)].map(([, pattern = '']) => pattern)
  const inside = named.filter(name => !patterns.some(pattern => pattern.startsWith(name)))
  return [...inside, ...patterns]
}

async function alarms(run: Run, replica: Replica, base: string): Promise<void> {
  const workflow = async () => (await firing(base)).filter(({ alertname }) => alertname?.startsWith('AlgoFlowWorkflow'))
  run.same('with 2 % of runs failing, alerts about workflows', await workflow(), [])
  const broken = await firing(base)
  run.check(
    'GatewayBreakerOpen fires for the back end that is not there, and for no other',
    broken
      .filter(({ alertname }) => alertname === 'GatewayBreakerOpen')
      .map(({ exporter }) => exporter)
      .join() === 'otlp_http/down',
    broken.map(({ alertname, exporter }) => `${alertname} ${exporter ?? ''}`).join(', ')
  )
  const ill = await simulate(run, [replica.endpoint], [...FLEET, '--executions', '900', '--seed', '4', '--fail', '95%'])
  run.check('the failing fleet got everything through', ill.code === 0, lastLine(ill.output))
  const wanted = Object.entries(ill.truth.workflows).filter(([, { completed, failed }]) => failed > 3 * completed)
  const found = async () => {
    const names = (await workflow()).filter(one => one['alertname'] === 'AlgoFlowWorkflowFailures')
    const isCritical = (await workflow()).some(
      ({ alertname, severity }) => alertname === 'AlgoFlowWorkflowFailing' && severity === 'critical'
    )
    return isCritical && wanted.every(([name]) => names.some(one => one['workflow_name'] === name))
  }
  await until('the alerts to fire', found, 30_000).catch(() => undefined)
  const seen = (await workflow()).map(one => `${one['alertname']} ${one['workflow_name']}`)
  run.check(
    'AlgoFlowWorkflowFailures fires for each workflow that fails, AlgoFlowWorkflowFailing for some',
    (await found()) && wanted.length > 3,
    seen.join(', ')
  )
}

async function firing(base: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const { data } = await getJson<{ data: { alerts: readonly Alert[] } }>(`${base}/api/v1/alerts`)
  return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels)
}

function filled(expr: string): string {
  let text = expr
  for (const [name, value] of Object.entries(VARIABLES)) text = text.replaceAll(name, value)
  return text
}

function dashboard(file: string): Dashboard {
  return JSON.parse(readFileSync(file, 'utf8')) as Dashboard
}

function alertsOf(file: string): string[] {
  const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: { alert?: string }[] }[] }
  return groups.flatMap(group => group.rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert])))
}

function listed(folder: string, extension: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter(name => name.endsWith(extension))
    .sort()
    .map(name => join(ROOT, folder, name))
}
