// A fleet of workflows as OTLP requests, and the truth about it: what the metrics must say in the end. Spans are made and
// encoded here, with nothing of the product.

import { Rng } from '../privacy/rng.js'
import { oracle, REQUEST } from './otlp-oracle.js'

const WORKFLOWS = ['fraud-scoring', 'price-forecast', 'image-index', 'churn-model']
const STEPS = ['load-input', 'validate', 'score', 'write-output', 'notify']
const ERRORS = ['IOException', 'Timeout']
const START_NS = 1_763_800_000_000_000_000n

/** Series by name and labels: `algoflow_step_retries_total{step_name="score",workflow_name="fraud-scoring"}`. */
export type Truth = Map<string, number>

export class Fleet {
  readonly #rng: Rng
  readonly truth: Truth = new Map()
  /** Trace ids (hex) with an error. */
  readonly failed = new Set<string>()
  traces = 0
  spans = 0

  constructor(seed: number) {
    this.#rng = new Rng(seed, 'fleet')
  }

  /** An encoded request with so many whole executions; they are part of the truth from now on. */
  request(executions: number): Buffer {
    const spans = Array.from({ length: executions }, () => this.#execution()).flat()
    const resource = { attributes: [attribute('service.name', 'algoflow')] }
    return Buffer.from(oracle.encode(REQUEST.traces, { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }))
  }

  #execution(): object[] {
    const rng = this.#rng
    const workflow = rng.pick(WORKFLOWS)
    const traceId = this.#bytes(16)
    const root = this.#bytes(8)
    const steps = rng.int(1, STEPS.length)
    const error = rng.chance(0.03) ? rng.pick(ERRORS) : undefined
    const begin = START_NS + BigInt(rng.int(0, 1e9))
    let now = begin
    const made: object[] = []
    for (let i = 0; i < steps; i++) {
      const isLast = i === steps - 1
      const from = now
      now += BigInt(rng.int(1e6, 5e8))
      made.push(this.#step(workflow, STEPS[i]!, traceId, root, [from, now], isLast ? error : undefined))
    }
    const failed = error === undefined ? {} : { status: { code: 2 } }
    const attributes = [attribute('workflow.name', workflow), attribute('workflow.total_steps', steps)]
    made.push(span(traceId, root, undefined, `workflow ${workflow}`, [begin, now], attributes, failed))
    this.traces++
    this.spans += made.length
    if (error !== undefined) this.failed.add(traceId.toString('hex'))
    this.#add(error === undefined ? 'algoflow_workflow_completed_total' : 'algoflow_workflow_failed_total', {
      workflow
    })
    this.#duration(
      'algoflow_workflow_duration_seconds',
      { workflow, status: error === undefined ? 'ok' : 'error' },
      now - begin
    )
    return made
  }

  #step(
    workflow: string,
    step: string,
    traceId: Buffer,
    root: Buffer,
    time: [bigint, bigint],
    error: string | undefined
  ): object {
    const rng = this.#rng
    const attempt = rng.chance(0.1) ? rng.int(2, 4) : 1
    const cached = rng.chance(0.3)
    const queued = rng.int(0, 40_000) / 1000
    const labels = { workflow, step }
    this.#duration(
      'algoflow_step_duration_seconds',
      { ...labels, status: error === undefined ? 'ok' : 'error', error },
      time[1] - time[0]
    )
    this.#add('algoflow_step_retries_total', labels, attempt - 1)
    this.#add('algoflow_step_cache_hits_total', labels, cached ? 1 : 0)
    this.#add('algoflow_step_cache_misses_total', labels, cached ? 0 : 1)
    this.#add('algoflow_step_queue_time_seconds_count', labels)
    this.#add('algoflow_step_queue_time_seconds_sum', labels, queued / 1000)
    const attributes = [
      attribute('workflow.name', workflow),
      attribute('algoflow.step.name', step),
      attribute('step.attempt', attempt),
      attribute('step.cached', cached),
      { key: 'step.queue_time_ms', value: { doubleValue: queued } },
      ...(error === undefined ? [] : [attribute('step.error_type', error)])
    ]
    const failed = error === undefined ? {} : { status: { code: 2 } }
    return span(traceId, this.#bytes(8), root, `step ${step}`, time, attributes, failed)
  }

  #duration(name: string, labels: Labels, nanos: bigint): void {
    this.#add(`${name}_count`, labels)
    this.#add(`${name}_sum`, labels, Number(nanos) / 1e9)
  }

  #add(name: string, labels: Labels, n = 1): void {
    const key = seriesName(name, {
      workflow_name: labels.workflow,
      ...(labels.step === undefined ? {} : { step_name: labels.step }),
      ...(labels.status === undefined ? {} : { status: labels.status }),
      ...(labels.error === undefined ? {} : { error_type: labels.error })
    })
    this.truth.set(key, (this.truth.get(key) ?? 0) + n)
  }

  #bytes(n: number): Buffer {
    return Buffer.from(Array.from({ length: n }, () => this.#rng.int(0, 255)))
  }
}

interface Labels {
  readonly workflow: string
  readonly step?: string
  readonly status?: string
  readonly error?: string | undefined
}

function span(
  traceId: Buffer,
  spanId: Buffer,
  parentSpanId: Buffer | undefined,
  name: string,
  [from, to]: readonly [bigint, bigint],
  attributes: readonly object[],
  more: object
): object {
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: 1,
    startTimeUnixNano: from,
    endTimeUnixNano: to,
    attributes,
    ...more
  }
}

function attribute(key: string, value: string | number | boolean): object {
  if (typeof value === 'string') return { key, value: { stringValue: value } }
  return { key, value: typeof value === 'boolean' ? { boolValue: value } : { intValue: BigInt(value) } }
}

function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${name}{${sorted.map(([key, value]) => `${key}="${value}"`).join(',')}}`
}

/** Labels that say nothing about what was counted; `instance` says who counted. */
const SCOPE = new Set(['job', 'otel_scope_name', 'otel_scope_version', 'otel_scope_schema_url'])

/**
 * Series of Prometheus text pages whose names begin with `algoflow_workflow` or `algoflow_step`, summed over who counted. What
 * one instance says on two pages (its partition has moved) counts once, as it is newest.
 */
export function seriesOf(...pages: readonly string[]): Truth {
  const byWriter = new Map<string, number>()
  for (const line of pages.join('\n').split('\n')) {
    const found = /^(algoflow_(?:workflow|step)_\w+?)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (found === null || found[1]!.endsWith('_bucket')) continue
    const labels = [...(found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
      name!,
      value!
    ])
    const own = Object.fromEntries(labels.filter(([name]) => !SCOPE.has(name!) && name !== 'instance'))
    const writer = labels.find(([name]) => name === 'instance')?.[1] ?? ''
    const key = `${writer} ${seriesName(found[1]!, own)}`
    byWriter.set(key, Math.max(byWriter.get(key) ?? 0, Number(found[3])))
  }
  const sums: Truth = new Map()
  for (const [key, value] of byWriter) {
    const series = key.slice(key.indexOf(' ') + 1)
    sums.set(series, (sums.get(series) ?? 0) + value)
  }
  return sums
}

/** Where the pages differ from the truth; sums of seconds to a nanosecond. */
export function differences(truth: Truth, shown: Truth): string[] {
  const different: string[] = []
  for (const [key, wanted] of truth) {
    const is = shown.get(key) ?? 0
    if (Math.abs(is - wanted) > (key.includes('_sum') ? 1e-6 : 0)) different.push(`${key}: ${is} instead of ${wanted}`)
  }
  for (const key of shown.keys())
    if (!truth.has(key) && !key.includes('workflow_active')) different.push(`${key}: not in the truth`)
  return different
}
