// Learns how long the traces of each workflow usually take: a histogram of durations in steps of 2^(1/16) (4 %), halved
// now and then so that it follows changes.

import type { TraceFacts } from '../../core/component/windowed.js'

const STEPS = 16
const BUCKETS = 40 * STEPS
const HALVE_AT = 20_000
const RELEARN = 64
const MAX_WORKFLOWS = 1000

interface Learnt {
  readonly counts: Uint32Array
  total: number
  /** Bucket of the percentile; found anew every RELEARN traces. */
  limit: number
  sinceLimit: number
}

export class SlowOutliers {
  readonly #part: number
  readonly #minTraces: number
  readonly #learnt = new Map<string, Learnt>()

  constructor(percentile: number, minTraces: number) {
    this.#part = percentile / 100
    this.#minTraces = minTraces
  }

  /** Is it slower than usual? Learns from it either way. */
  judge(trace: TraceFacts): boolean {
    const learnt = this.#of(trace.workflow)
    if (learnt === undefined) return false
    const bucket = bucketOf(trace.durationMs)
    const isSlow = learnt.total >= this.#minTraces && bucket > learnt.limit
    this.#learn(learnt, bucket)
    return isSlow
  }

  #of(workflow: string): Learnt | undefined {
    let learnt = this.#learnt.get(workflow)
    if (learnt === undefined && this.#learnt.size < MAX_WORKFLOWS) {
      learnt = { counts: new Uint32Array(BUCKETS), total: 0, limit: BUCKETS, sinceLimit: 0 }
      this.#learnt.set(workflow, learnt)
    }
    return learnt
  }

  #learn(learnt: Learnt, bucket: number): void {
    learnt.counts[bucket]!++
    learnt.total++
    learnt.sinceLimit++
    if (learnt.total >= HALVE_AT) {
      learnt.counts.forEach((n, i) => {
        learnt.counts[i] = n >> 1
      })
      learnt.total = learnt.counts.reduce((sum, n) => sum + n, 0)
    }
    const isDue = learnt.sinceLimit >= RELEARN || learnt.total === this.#minTraces
    if (isDue) this.#findLimit(learnt)
  }

  #findLimit(learnt: Learnt): void {
    learnt.sinceLimit = 0
    const wanted = learnt.total * this.#part
    let [sum, bucket] = [0, 0]
    while (bucket < BUCKETS && sum < wanted) sum += learnt.counts[bucket++]!
    learnt.limit = bucket - 1
  }
}

/** 0 for up to 1 us, then 16 a doubling. */
function bucketOf(durationMs: number): number {
  const us = durationMs * 1000
  return us <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(us) * STEPS))
}
