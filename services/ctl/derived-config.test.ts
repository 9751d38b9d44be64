// Pipelines that receive what a processor makes, and the order that keeps it private: with the components of this build.

import t from 'tap'
import { loadConfig } from '../../core/config/load.js'
import { RECEIVERS } from '../gateway/receivers/index.js'
import { registryWith } from '../registry.js'

const registry = registryWith(RECEIVERS)

function load(traces: string, metrics: string) {
  const text = `
receivers: {otlp: {protocols: {http: {endpoint: "localhost:0"}}}}
processors: {redaction: {}, workflow_metrics: {}}
exporters: {debug: {}, prometheus: {endpoint: "localhost:0"}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: ${traces}, exporters: [debug]}
    metrics: {receivers: ${metrics}, exporters: [prometheus]}
`
  const { config, problems, notes } = loadConfig({ text, env: {}, registry })
  return { config, said: [...problems, ...notes].map(({ code, path, says }) => `${code} ${path}: ${says}`) }
}

t.test('a metrics pipeline names the processor among its receivers', async t => {
  const { config, said } = load('[redaction, workflow_metrics]', '[otlp, workflow_metrics]')
  t.same(said, [])
  t.same(config?.pipelines[1]?.receivers, ['otlp', 'workflow_metrics'])
})

t.test('before a privacy processor it would store what that one removes: refused', async t => {
  t.match(load('[workflow_metrics, redaction]', '[workflow_metrics]').said, [
    /^CONFIG_ORDER service\.pipelines\.traces\.processors\[0\]: .*would store what that one removes/
  ])
})

t.test('metrics that no pipeline receives, and pipelines of another signal, are told', async t => {
  t.match(load('[redaction, workflow_metrics]', '[otlp]').said, [
    /^CONFIG_UNUSED processors\.workflow_metrics: no pipeline receives/
  ])
  const { said } = load('[redaction, workflow_metrics]', '[otlp, redaction]')
  t.ok(
    said.some(one => one.startsWith('CONFIG_UNDEFINED')),
    'a processor that makes nothing is no receiver'
  )
})

t.test('pipelines that nobody wrote are wired, also with the defaults', async t => {
  const { config } = loadConfig({ text: 'exporters: {debug: {}}', env: {}, registry })
  const metrics = config?.pipelines.find(pipeline => pipeline.id === 'metrics')
  t.same(metrics?.receivers, ['otlp', 'workflow_metrics'])
  t.same(config?.pipelines.find(pipeline => pipeline.id === 'traces')?.processors, [
    'hashing',
    'redaction',
    'workflow_metrics'
  ])
})

t.test('with several processes the defaults have no page to scrape, which shows one process only', async t => {
  const exporters = (text: string) => [...(loadConfig({ text, env: {}, registry }).config?.exporters.keys() ?? [])]
  t.same(exporters('service: {workers: 2}'), ['debug', 'file'])
  t.same(exporters('service: {workers: auto}'), ['debug', 'file'])
  t.same(exporters('service: {workers: 1}'), ['debug', 'prometheus', 'file'])
})
