// What really happened, counted where it is made: what tests compare the gateway's metrics with.

import type { Fact } from './execution.js'
import type { Message } from './fleet.js'
import { Planted } from './people.js'

/** A number of times and their sum, milliseconds. Whole milliseconds, so the sum is exact. */
export interface Times {
  count: number
  sumMs: number
  maxMs: number
}

export interface StepTruth {
  /** Attempts by how they ended. */
  ok: number
  error: number
  /** Attempts behind the first one. */
  retries: number
  cacheHits: number
  cacheMisses: number
  readonly duration: Times
  /** Durations by how the attempt ended. */
  readonly durationOf: { readonly ok: Times; readonly error: Times }
  readonly queue: Times
  /** Failed attempts by `step.error_type`. */
  readonly errors: Record<string, number>
}

export interface WorkflowTruth {
  completed: number
  failed: number
  readonly duration: Times
  readonly durationOf: { readonly ok: Times; readonly error: Times }
  readonly errors: Record<string, number>
  readonly steps: Record<string, StepTruth>
}

export interface TruthFile {
  readonly seed: number
  readonly workflows: Readonly<Record<string, WorkflowTruth>>
  readonly items: { readonly traces: number; readonly logs: number; readonly metrics: number }
  /** Traces that hold a span that failed: none of them may be sampled away. */
  readonly tracesWithErrors: readonly string[]
  /** The last value of each gauge, by worker (from 0) and name. */
  readonly gauges: readonly Readonly<Record<string, number>>[]
  readonly planted: { readonly counts: Readonly<Record<string, number>>; readonly values: readonly string[] }
}

const MAX_TRACES = 200_000

export class Truth {
  readonly workflows = new Map<string, WorkflowTruth>()
  readonly items = { traces: 0, logs: 0, metrics: 0 }
  readonly planted = new Planted()
  readonly #errors = new Set<string>()
  readonly #gauges: Record<string, number>[] = []

  /** Counts a message; once, however often it is sent. */
  note(message: Message): void {
    switch (message.signal) {
      case 'traces':
        this.items.traces += message.spans.length
        for (const { fact, failure, traceId, planted } of message.spans) {
          this.planted.note(planted)
          if (fact !== undefined) this.#fact(fact)
          if (failure !== undefined && this.#errors.size < MAX_TRACES) this.#errors.add(traceId.toString('hex'))
        }
        break
      case 'logs':
        this.items.logs += message.logs.length
        for (const { planted } of message.logs) this.planted.note(planted)
        break
      case 'metrics':
        this.items.metrics += message.gauges.length
        this.#gauges[message.worker] = Object.fromEntries(message.gauges.map(({ name, value }) => [name, value]))
    }
  }

  /** Sums over everything. */
  totals(): { completed: number; failed: number; steps: number; retries: number; hits: number; misses: number } {
    const all = { completed: 0, failed: 0, steps: 0, retries: 0, hits: 0, misses: 0 }
    for (const { completed, failed, steps } of this.workflows.values()) {
      all.completed += completed
      all.failed += failed
      for (const step of Object.values(steps)) {
        all.steps += step.ok + step.error
        all.retries += step.retries
        all.hits += step.cacheHits
        all.misses += step.cacheMisses
      }
    }
    return all
  }

  file(seed: number): TruthFile {
    return {
      seed,
      workflows: Object.fromEntries(this.workflows),
      items: { ...this.items },
      tracesWithErrors: [...this.#errors],
      gauges: this.#gauges,
      planted: { counts: Object.fromEntries(this.planted.counts), values: [...this.planted.values] }
    }
  }

  #fact(fact: Fact): void {
    const workflow = this.#workflow(fact.workflow)
    if (fact.of === 'workflow') {
      if (fact.errorType === undefined) workflow.completed++
      else workflow.failed++
      addError(workflow.errors, fact.errorType)
      addTime(workflow.duration, fact.ms)
      addTime(workflow.durationOf[fact.errorType === undefined ? 'ok' : 'error'], fact.ms)
      return
    }
    const step = (workflow.steps[fact.step] ??= emptyStep())
    const end = fact.errorType === undefined ? 'ok' : 'error'
    step[end]++
    if (fact.attempt > 1) step.retries++
    if (fact.isCached === true) step.cacheHits++
    if (fact.isCached === false) step.cacheMisses++
    addError(step.errors, fact.errorType)
    addTime(step.duration, fact.ms)
    addTime(step.durationOf[end], fact.ms)
    addTime(step.queue, fact.queueMs)
  }

  #workflow(name: string): WorkflowTruth {
    const known = this.workflows.get(name)
    if (known !== undefined) return known
    const made = { completed: 0, failed: 0, duration: noTimes(), durationOf: bothTimes(), errors: {}, steps: {} }
    this.workflows.set(name, made)
    return made
  }
}

function emptyStep(): StepTruth {
  return {
    ok: 0,
    error: 0,
    retries: 0,
    cacheHits: 0,
    cacheMisses: 0,
    duration: noTimes(),
    durationOf: bothTimes(),
    queue: noTimes(),
    errors: {}
  }
}

function noTimes(): Times {
  return { count: 0, sumMs: 0, maxMs: 0 }
}

function bothTimes(): { readonly ok: Times; readonly error: Times } {
  return { ok: noTimes(), error: noTimes() }
}

function addTime(times: Times, ms: number): void {
  times.count++
  times.sumMs += ms
  times.maxMs = Math.max(times.maxMs, ms)
}

function addError(errors: Record<string, number>, type: string | undefined): void {
  if (type !== undefined) errors[type] = (errors[type] ?? 0) + 1
}
