// Recent decisions, for the question "why is my trace (not) there?": a bounded ring, newest first when asked.

import type { DecisionTime } from '../component/windowed.js'
import { weightOf } from './threshold.js'
import { ERROR, KEPT, LATE_ERROR, STATE, type TraceTable, WEIGHTED, WHEN, WHEN_SHIFT } from './trace-table.js'

/** What became of a trace. */
export interface Explanation {
  readonly traceId: string
  /** `held`: dropped, can still be brought back by an error; `dropped`: gone; `undecided`: waiting for its end. */
  readonly state: 'undecided' | 'kept' | 'held' | 'dropped'
  /** The rule that decided; empty while undecided. */
  readonly rule: string
  /** Milliseconds since the epoch; 0 while undecided. */
  readonly decidedAt: number
  /** What made the decision due; undefined while undecided, and after a restart. */
  readonly when: DecisionTime | undefined
  /** Items seen. */
  readonly items: number
  readonly hasError: boolean
  /** True when an error brought it back after it had been dropped. */
  readonly isLateError: boolean
  /** How many traces it stands for; undefined when unknown or not kept. */
  readonly weight: number | undefined
}

/** By number, as in the rows' flags; 0: not known. */
export const WHENS: readonly (DecisionTime | undefined)[] = [
  undefined,
  'workflow_over',
  'after_root',
  'waited',
  'too_large',
  'too_many',
  'late_error'
]
/** The number of each. */
export const DUE = { workflowOver: 1, afterRoot: 2, waited: 3, tooLarge: 4, tooMany: 5, lateError: 6 } as const

const STATES = ['undecided', 'kept', 'held'] as const

/** What a row of the table says; `rules`: names by number. */
export function explanation(table: TraceTable, slot: number, rules: readonly string[]): Explanation {
  const id = Buffer.allocUnsafe(16)
  table.writeId(slot, id, 0)
  const flags = table.flags[slot]!
  return explained(
    id,
    flags,
    rules[table.rule[slot]!]!,
    table.decidedAt[slot]!,
    table.items[slot]!,
    table.threshold[slot]!
  )
}

/** Of a trace of which nothing is known any more but that it was dropped. */
export function droppedBefore(traceId: string, rule: string): Explanation {
  const unknown = { decidedAt: 0, when: undefined, items: 0, hasError: false, isLateError: false, weight: undefined }
  return { traceId, state: 'dropped', rule, ...unknown }
}

function explained(
  id: Buffer,
  flags: number,
  rule: string,
  decidedAt: number,
  items: number,
  threshold: number
): Explanation {
  const isWeighted = (flags & STATE) === KEPT && (flags & WEIGHTED) !== 0
  return {
    traceId: id.toString('hex'),
    state: STATES[flags & STATE]!,
    rule,
    decidedAt,
    when: WHENS[(flags & WHEN) >> WHEN_SHIFT],
    items,
    hasError: (flags & ERROR) !== 0,
    isLateError: (flags & LATE_ERROR) !== 0,
    weight: isWeighted ? weightOf(threshold) : undefined
  }
}

/** Columns, so that a decision costs no object. */
export class RecentDecisions {
  readonly #size: number
  readonly #ids: Buffer
  readonly #flags: Int32Array
  readonly #rules: Int32Array
  readonly #items: Int32Array
  readonly #times: Float64Array
  readonly #thresholds: Float64Array
  #count = 0

  constructor(size = 8192) {
    this.#size = size
    this.#ids = Buffer.alloc(16 * size)
    this.#flags = new Int32Array(size)
    this.#rules = new Int32Array(size)
    this.#items = new Int32Array(size)
    this.#times = new Float64Array(size)
    this.#thresholds = new Float64Array(size)
  }

  add(table: TraceTable, slot: number): void {
    const at = this.#count++ % this.#size
    table.writeId(slot, this.#ids, at * 16)
    this.#flags[at] = table.flags[slot]!
    this.#rules[at] = table.rule[slot]!
    this.#items[at] = table.items[slot]!
    this.#times[at] = table.decidedAt[slot]!
    this.#thresholds[at] = table.threshold[slot]!
  }

  /** The newest decision about a trace. */
  find(traceId: string, rules: readonly string[]): Explanation | undefined {
    return this.newest(this.#size, rules).find(decision => decision.traceId === traceId)
  }

  /** Newest first. */
  newest(limit: number, rules: readonly string[]): readonly Explanation[] {
    const n = Math.min(limit, this.#size, this.#count)
    return Array.from({ length: n }, (_, i) => {
      const at = (this.#count - 1 - i) % this.#size
      const id = Buffer.from(this.#ids.subarray(at * 16, at * 16 + 16))
      const rule = rules[this.#rules[at]!]!
      return explained(id, this.#flags[at]!, rule, this.#times[at]!, this.#items[at]!, this.#thresholds[at]!)
    })
  }
}
