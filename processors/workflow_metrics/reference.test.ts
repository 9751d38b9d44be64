import { readFileSync } from 'node:fs'
import t from 'tap'
import { METRICS } from './metrics.js'
import { metricTable, prometheusName } from './reference.js'

t.test('docs/workflow-metrics.md has the table of metrics as they are declared', async t => {
  const page = readFileSync(new URL('../../../docs/workflow-metrics.md', import.meta.url), 'utf8')
  t.ok(page.includes(metricTable()), `put this there:\n${metricTable()}`)
})

t.test('names are those of the requirements', async t => {
  const wanted =
    'workflow.duration workflow.completed workflow.failed workflow.active step.duration step.retries step.cache.hits step.cache.misses step.queue.time memory.used threads.active cache.size'
  t.same(
    Object.values(METRICS).map(metric => metric.name),
    wanted.split(' ').map(name => `algoflow.${name}`)
  )
  t.equal(prometheusName(METRICS['workflow.duration']), 'algoflow_workflow_duration_seconds')
  t.equal(prometheusName(METRICS['workflow.failed']), 'algoflow_workflow_failed_total')
})
