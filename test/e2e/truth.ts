// The truth of the simulator as questions in PromQL, and whether Prometheus gives the same answers.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TruthFile } from '../../clients/simulator/truth.js'
import type { Replica } from './fleet.js'
import { type Run, until } from './harness.js'
import { query } from './prometheus-server.js'

const SETTLE_MS = 60_000
/** A gauge that begins at 0 with its process: a run that a kill cut in two may seem to go on for a while. */
const CUT_IN_TWO = 5
/** Sums of doubles in Prometheus; the counts must be the same to the last one. */
const TOLERANCE = 1e-9

type Row = readonly [labels: string, value: number]

/** Everything that can be asked, as [what, expression, what it must be]; series are named by their label values. */
function questions(truth: TruthFile): readonly (readonly [string, string, readonly Row[]])[] {
  const workflows = Object.entries(truth.workflows)
  const steps = workflows.flatMap(([workflow, one]) =>
    Object.entries(one.steps).map(([step, of]) => [`${workflow} ${step}`, of] as const)
  )
  const perWorkflow = (value: (one: TruthFile['workflows'][string]) => number) =>
    workflows.map(([name, one]): Row => [name, value(one)])
  const perStep = (value: (one: (typeof steps)[number][1]) => number) =>
    steps.map(([name, one]): Row => [name, value(one)])
  const cacheable = steps.filter(([, one]) => one.cacheHits + one.cacheMisses > 0)
  const byError = (errors: readonly (readonly [string, Readonly<Record<string, number>>])[]) =>
    errors.flatMap(([name, all]) => Object.entries(all).map(([type, n]): Row => [`${name} ${type}`, n]))
  const w = 'workflow_name'
  const s = 'workflow_name, step_name'
  const sum = (by: string, what: string) => `sum by (${by}) (${what})`
  const counted = (by: string, what: string) => `histogram_count(sum by (${by}) (${what}))`
  const summed = (by: string, what: string) => `histogram_sum(sum by (${by}) (${what}))`
  const run = 'algoflow_workflow_duration_seconds'
  const step = 'algoflow_step_duration_seconds'
  const queue = 'algoflow_step_queue_time_seconds'
  return [
    ['workflows completed', sum(w, 'algoflow_workflow_completed_total'), perWorkflow(one => one.completed)],
    [
      'workflows failed, by error',
      sum(`${w}, error_type`, 'algoflow_workflow_failed_total'),
      byError(workflows.map(([name, one]) => [name, one.errors]))
    ],
    ['workflow durations', counted(w, run), perWorkflow(one => one.duration.count)],
    ['sum of workflow durations', summed(w, run), perWorkflow(one => one.duration.sumMs / 1000)],
    [
      'workflow durations that ended well',
      counted(w, `${run}{status="ok"}`),
      perWorkflow(one => one.durationOf.ok.count)
    ],
    ['attempts at steps', counted(s, step), perStep(one => one.duration.count)],
    ['sum of step durations', summed(s, step), perStep(one => one.duration.sumMs / 1000)],
    [
      'sum of durations of failed attempts',
      summed(s, `${step}{status="error"}`),
      perStep(one => one.durationOf.error.sumMs / 1000)
    ],
    [
      'failed attempts, by error',
      counted(`${s}, error_type`, `${step}{status="error"}`),
      byError(steps.map(([name, one]) => [name, one.errors]))
    ],
    ['retries', sum(s, 'algoflow_step_retries_total'), perStep(one => one.retries)],
    [
      'cache hits',
      sum(s, 'algoflow_step_cache_hits_total'),
      cacheable.map(([name, one]): Row => [name, one.cacheHits])
    ],
    [
      'cache misses',
      sum(s, 'algoflow_step_cache_misses_total'),
      cacheable.map(([name, one]): Row => [name, one.cacheMisses])
    ],
    ['starts of steps', counted(s, queue), perStep(one => one.queue.count)],
    ['sum of queue times', summed(s, queue), perStep(one => one.queue.sumMs / 1000)],
    ...['algoflow.memory.used', 'algoflow.threads.active', 'algoflow.cache.size'].map(name => {
      const unit = name === 'algoflow.threads.active' ? '' : '_bytes'
      const last = truth.gauges.reduce((total, one) => total + (one[name] ?? 0), 0)
      return [
        `${name} of the workers`,
        `sum by (job) (${name.replaceAll('.', '_')}${unit}{step_name="",job="algoflow/algoflow-worker"})`,
        [['algoflow/algoflow-worker', last] as Row]
      ] as const
    })
  ]
}

/** Asks until everything is as it was, then notes each answer. */
export async function compare(run: Run, base: string, truth: TruthFile): Promise<void> {
  const all = questions(truth)
  const settled = async () => {
    for (const [, expression, rows] of all) if ((await differences(base, expression, rows)).length > 0) return false
    return true
  }
  await until('the metrics to be told', settled, SETTLE_MS).catch(() => undefined)
  for (const [what, expression, rows] of all) {
    const wrong = await differences(base, expression, rows)
    const total = rows.reduce((sum, [, n]) => sum + n, 0)
    const detail = wrong.length === 0 ? `${rows.length} series, in all ${round(total)}` : wrong.slice(0, 6).join('; ')
    run.check(`${what}: as it was`, wrong.length === 0, detail)
  }
  const running = Number((await query(base, 'sum(algoflow_workflow_active)'))[0]?.value?.[1])
  run.check('hardly a run seems to go on when all are over', running <= CUT_IN_TWO, `${running} of ${started(truth)}`)
}

function started(truth: TruthFile): number {
  return Object.values(truth.workflows).reduce((sum, { completed, failed }) => sum + completed + failed, 0)
}

/** Series with another value than the truth; what is not there counts as 0. */
async function differences(base: string, expression: string, rows: readonly Row[]): Promise<string[]> {
  const found = new Map<string, number>()
  for (const { metric, value } of await query(base, expression)) {
    // Label names are sorted by Prometheus: error_type, step_name, workflow_name.
    const { workflow_name = '', step_name, error_type, job } = metric
    const name = [job ?? workflow_name, step_name, error_type].filter(part => part !== undefined).join(' ')
    found.set(name, Number(value?.[1]))
  }
  const wanted = new Map(rows)
  const names = new Set([...found.keys(), ...wanted.keys()])
  return [...names].flatMap(name => {
    const [is, must] = [found.get(name) ?? 0, wanted.get(name) ?? 0]
    const isSame = Number.isInteger(must) ? is === must : Math.abs(is - must) <= TOLERANCE * Math.abs(must)
    return isSame ? [] : [`${name}: ${is}, truth ${must}`]
  })
}

function round(n: number): number {
  return Math.round(n * 1000) / 1000
}

/** Sampling at 1 % keeps every trace with an error, wherever its spans came in and its gateway was killed, and few others. */
export async function errorsKept(run: Run, truth: TruthFile, replicas: readonly Replica[]): Promise<void> {
  const { tracesWithErrors } = truth
  let kept = keptTraces(replicas)
  // The last traces are judged some seconds after their end.
  const all = async () => {
    kept = keptTraces(replicas)
    return tracesWithErrors.every(id => kept.has(id))
  }
  await until('the last traces', all, SETTLE_MS).catch(() => undefined)
  const missing = tracesWithErrors.filter(id => !kept.has(id))
  run.check(
    'every trace with an error is kept at 1 %',
    missing.length === 0 && tracesWithErrors.length > 100,
    `${tracesWithErrors.length} traces, ${missing.length} missing ${missing.slice(0, 3)}`
  )
  const others = kept.size - (tracesWithErrors.length - missing.length)
  run.check('few others are kept', others > 0 && others < started(truth) * 0.03, `${others} of ${started(truth)}`)
}

/** Ids of the traces that were written. */
function keptTraces(replicas: readonly Replica[]): Set<string> {
  const lines = replicas.flatMap(({ folder }) => filesIn(join(folder, 'out'))).flatMap(text => text.split('\n'))
  const spans = lines.filter(line => line.startsWith('{"resourceSpans"')).join('\n')
  return new Set([...spans.matchAll(/"traceId":"([0-9a-f]{32})"/g)].map(([, id = '']) => id))
}

/** Searches every file that the gateways wrote and everything they said. */
export function nothingPlanted(run: Run, { planted }: TruthFile, replicas: readonly Replica[]): void {
  const all = replicas.flatMap(({ folder, process }) => [...filesIn(folder), process.output])
  const text = all.join('\n')
  const found = planted.values.filter(value => text.includes(value))
  run.check(
    'nothing planted is in any file or line',
    found.length === 0 && planted.values.length > 1000,
    `${planted.values.length} values looked for in ${all.length} files, ${text.length} bytes; found ${found.length}`
  )
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return files.map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
}
