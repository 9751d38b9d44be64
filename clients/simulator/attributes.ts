// The names that AlgoFlow gives its attributes, in one place.

/** Attributes of a workflow's span. */
export const WORKFLOW = {
  name: 'workflow.name',
  version: 'workflow.version',
  id: 'workflow.id',
  totalSteps: 'workflow.total_steps',
  parallelism: 'workflow.parallelism',
  errorType: 'workflow.error_type',
  failedStep: 'workflow.failed_step',
  trigger: 'workflow.config.trigger',
  notify: 'workflow.config.notify'
} as const

/** Attributes of a step's span. */
export const STEP = {
  name: 'step.name',
  attempt: 'step.attempt',
  cached: 'step.cached',
  timeoutMs: 'step.timeout_ms',
  dependencies: 'step.dependencies',
  inputBytes: 'step.input_size_bytes',
  outputBytes: 'step.output_size_bytes',
  errorType: 'step.error_type',
  queueMs: 'step.queue_time_ms',
  memoryBytes: 'step.memory_used_bytes',
  cpuMs: 'step.cpu_time_ms',
  note: 'step.note'
} as const

export type AttributeValue = string | number | boolean | readonly string[]
export type Attributes = Readonly<Record<string, AttributeValue>>

/** AlgoFlow's own attributes under a prefix; what is not its own keeps its name. */
export function prefixed(key: string, prefix: string): string {
  return prefix !== '' && /^(workflow|step)\./.test(key) ? `${prefix}${key}` : key
}
