// The metrics that are made: name, unit, kind, meaning. Names are AlgoFlow's own (metrics of its requirements); the page
// docs/workflow-metrics.md shows this table.

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface MetricSpec {
  readonly name: string
  /** UCUM. */
  readonly unit: string
  readonly kind: MetricKind
  readonly about: string
  /** Attributes that its points can have. */
  readonly labels: readonly string[]
}

const OUTCOME = ['workflow.name', 'status', 'error_type']
const STEP = ['workflow.name', 'step.name']

/** All metrics, by the short name that the option `metrics` takes. */
export const METRICS = {
  'workflow.duration': {
    name: 'algoflow.workflow.duration',
    unit: 's',
    kind: 'histogram',
    about: 'Execution time of workflows, from start to end of the workflow span.',
    labels: OUTCOME
  },
  'workflow.completed': {
    name: 'algoflow.workflow.completed',
    unit: '{workflow}',
    kind: 'counter',
    about: 'Workflows that ended without an error.',
    labels: ['workflow.name']
  },
  'workflow.failed': {
    name: 'algoflow.workflow.failed',
    unit: '{workflow}',
    kind: 'counter',
    about: 'Workflows that ended with an error.',
    labels: ['workflow.name', 'error_type']
  },
  'workflow.active': {
    name: 'algoflow.workflow.active',
    unit: '{workflow}',
    kind: 'gauge',
    about:
      'Workflows that run, as far as spans tell: traces of which steps have ended and the workflow has not. One whose first step still runs is not seen. Starts at 0 when the gateway starts.',
    labels: ['workflow.name']
  },
  'step.duration': {
    name: 'algoflow.step.duration',
    unit: 's',
    kind: 'histogram',
    about: 'Execution time of steps, from start to end of the step span.',
    labels: [...STEP, 'status', 'error_type']
  },
  'step.retries': {
    name: 'algoflow.step.retries',
    unit: '{retry}',
    kind: 'counter',
    about: 'Attempts at steps after the first one.',
    labels: STEP
  },
  'step.cache.hits': {
    name: 'algoflow.step.cache.hits',
    unit: '{step}',
    kind: 'counter',
    about: 'Steps whose result came from the cache.',
    labels: STEP
  },
  'step.cache.misses': {
    name: 'algoflow.step.cache.misses',
    unit: '{step}',
    kind: 'counter',
    about: 'Steps that were looked up in the cache and had to run.',
    labels: STEP
  },
  'step.queue.time': {
    name: 'algoflow.step.queue.time',
    unit: 's',
    kind: 'histogram',
    about: 'Time that steps waited for their dependencies and for a worker.',
    labels: STEP
  },
  'memory.used': {
    name: 'algoflow.memory.used',
    unit: 'By',
    kind: 'gauge',
    about: 'Memory a step used, as its last span says.',
    labels: STEP
  },
  'threads.active': {
    name: 'algoflow.threads.active',
    unit: '{thread}',
    kind: 'gauge',
    about: 'Worker threads a step used, as its last span says.',
    labels: STEP
  },
  'cache.size': {
    name: 'algoflow.cache.size',
    unit: 'By',
    kind: 'gauge',
    about: 'Size of the cache a step used, as its last span says.',
    labels: STEP
  }
} as const satisfies Readonly<Record<string, MetricSpec>>

export type MetricId = keyof typeof METRICS
export const METRIC_IDS = Object.keys(METRICS) as MetricId[]
