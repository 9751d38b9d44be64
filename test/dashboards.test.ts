// What dashboards and rules ask for exists: every metric named in charts/gateway is one that a gateway shows, that one of
// its components declares, or that workflow_metrics makes. (`npm run e2e -- dashboards` asks a real Prometheus.)

import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { metricName } from '../core/metrics/names.js'
import { METRICS } from '../processors/workflow_metrics/metrics.js'
import { RECEIVERS } from '../services/gateway/receivers/index.js'
import { registryWith } from '../services/registry.js'
import { gatewayConfig, startGateway } from './helpers/gateway-process.js'

/** Declared by the app for pipelines, and by the supervisor of several processes. */
const ELSEWHERE = ['algoflow_gateway_processor_errors_total', 'algoflow_gateway_worker_up']
const CHART = new URL('../../charts/gateway/', import.meta.url)

function textOf(folder: string): string {
  const url = new URL(`${folder}/`, CHART)
  return readdirSync(url)
    .map(name => readFileSync(new URL(name, url), 'utf8'))
    .join('\n')
}

/** Counters that components of this build declare, as Prometheus sees them. */
function declared(): string[] {
  const registry = registryWith(RECEIVERS)
  return (['receivers', 'processors', 'exporters'] as const).flatMap(kind =>
    registry[kind].flatMap(({ counters = {} }) =>
      Object.keys(counters).map(name => `algoflow_gateway_${kind.slice(0, -1)}_${name}_total`)
    )
  )
}

t.test('every metric that a dashboard or a rule names is there', async t => {
  const exporters = { file: { path: './out/t.jsonl' } }
  const pipelines = { traces: { receivers: ['otlp'], exporters: ['file'] } }
  const gateway = await startGateway(t, {
    cwd: t.testdir(),
    config: gatewayConfig({ exporters, service: { pipelines } })
  })
  const shown = [...(await gateway.metrics()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!)
  const made = Object.values(METRICS).map(({ name, unit, kind }) => metricName(name, unit, kind, '', true))
  const known = new Set([...shown, ...declared(), ...made, ...ELSEWHERE])
  const all = `${textOf('dashboards')}\n${textOf('rules')}`
  const recorded = new Set([...all.matchAll(/record: (\S+)/g)].map(([, name]) => name))
  // A pattern names the metrics whose common beginning it has.
  const patterns = [...all.matchAll(/__name__=~\\?"([^"\\]+)/g)].map(([, pattern]) => pattern!)
  for (const pattern of patterns) {
    const isThere = [...known].some(name => new RegExp(`^(?:${pattern})$`).test(name))
    t.ok(isThere, pattern)
  }
  const text = patterns.reduce((rest, pattern) => rest.replaceAll(pattern, ''), all)
  const named = new Set(
    [...text.matchAll(/(?<![\w:/-])(?:algoflow|process|nodejs)_\w+(?![\w:])/g)].map(([name]) => name)
  )
  t.ok(named.size > 50, `${named.size} names`)
  for (const name of named) {
    const base = name.replace(/_(bucket|sum|count)$/, '')
    t.ok(known.has(name) || known.has(base), name)
  }
  for (const [name] of all.matchAll(/\w+:algoflow_[\w:]+/g)) t.ok(recorded.has(name), `${name} is recorded`)
})
