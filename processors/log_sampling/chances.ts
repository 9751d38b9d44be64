// The chance of a record: by workflow where one is listed, else by the general settings; within either by severity.

import type { ItemView } from '../../core/otlp/views.js'
import { workflowOf } from '../../core/sampling/items.js'
import { thresholdOf } from '../../core/sampling/threshold.js'
import { type LogSamplingConfig, SEVERITIES } from './config.js'

export interface Chance {
  readonly threshold: number
  /** Why a record is dropped. */
  readonly reason: 'by_workflow' | 'by_severity' | 'by_chance'
}

/** Four severity numbers a name: index 0 is no severity, then TRACE, DEBUG, INFO, WARN. */
type BySeverity = readonly Chance[]

export class Chances {
  readonly #general: BySeverity
  readonly #workflows: ReadonlyMap<string, BySeverity>

  constructor(config: LogSamplingConfig) {
    this.#general = bySeverity(config, undefined)
    const workflows = new Map<string, BySeverity>()
    for (const entry of config.workflows) {
      const chances = bySeverity(entry, 'by_workflow')
      for (const name of entry.names) if (!workflows.has(name)) workflows.set(name, chances)
    }
    this.#workflows = workflows
  }

  /** `severity`: below ERROR. */
  of(item: ItemView, severity: number): Chance {
    return this.#listOf(item)[Math.min(SEVERITIES.length, (severity + 3) >> 2)]!
  }

  #listOf(item: ItemView): BySeverity {
    if (this.#workflows.size === 0) return this.#general
    const name = workflowOf(item)
    return (name === undefined ? undefined : this.#workflows.get(name)) ?? this.#general
  }
}

function bySeverity(
  { severities = {}, sampling_percentage }: Pick<LogSamplingConfig, 'severities' | 'sampling_percentage'>,
  reason: Chance['reason'] | undefined
): BySeverity {
  const chance = (percentage: number | undefined): Chance => ({
    threshold: thresholdOf((percentage ?? sampling_percentage) / 100),
    reason: reason ?? (percentage === undefined ? 'by_chance' : 'by_severity')
  })
  return [chance(undefined), ...SEVERITIES.map(name => chance(severities[name]))]
}
