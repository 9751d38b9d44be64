// Policies as one question: at which threshold is this trace kept?
//
// Every policy answers with a threshold (0 = always, NEVER = not by this one): a condition with one of the two, a chance with
// what is between. All of the same trace are compared with the same randomness, so `and` is the largest of its thresholds,
// `or` (the list of policies) the smallest, and the result is the exact chance of the trace, whichever policies overlap.

import type { AttributeCondition, TraceFacts, TraceStateCondition, Verdict } from '../../core/component/windowed.js'
import { chanceOf } from '../../core/sampling/fair-shares.js'
import { ALWAYS, NEVER, thresholdOf } from '../../core/sampling/threshold.js'
import { Budget, type Share } from './budget.js'
import { booleanCondition, numericCondition, stringCondition, traceStateCondition } from './conditions.js'
import type { TailSamplingConfig } from './config.js'
import { SlowOutliers } from './outliers.js'
import { isCondition, type Policy, subPolicies } from './policies.js'
import { FairRates, TokenBucket } from './rates.js'

type Judge = (trace: TraceFacts, now: number) => number

interface Rule {
  readonly name: string
  readonly judge: Judge
  /** False when a rate limit has a say: the chance is not known. */
  readonly isWeighted: boolean
  /** When it fits, no later policy is asked. */
  readonly fits: ((trace: TraceFacts) => boolean) | undefined
}

/** Names of rules that are no policies. */
export const RULE_EXCLUDED = 'excluded_workflow'
export const RULE_NO_MATCH = 'no_policy_matched'
export const RULE_ALL = 'no_policies'

const yes = (is: boolean): number => (is ? ALWAYS : NEVER)
const opposite =
  (judge: Judge): Judge =>
  (trace, now) =>
    yes(judge(trace, now) !== ALWAYS)

export class Rules {
  readonly attributes: AttributeCondition[] = []
  readonly traceStates: TraceStateCondition[] = []
  asksSampledFlag = false
  readonly #drops: readonly Rule[]
  readonly #rules: readonly Rule[]
  readonly #excluded: ReadonlySet<string>
  readonly #judges = new Map<Policy, Judge>()
  readonly #learners: SlowOutliers[] = []
  readonly #budgets: Budget[] = []
  readonly #share: Share | undefined
  /** Time of the last decision: the log's, not the clock's. */
  #now = 0
  readonly #slow = new Map<SlowOutliers, boolean>()
  readonly #verdict: Verdict = { rule: '', threshold: 0, isWeighted: true, isFinal: false }

  /** `share`: this gateway's part of the target of a policy, where there are several gateways. */
  constructor(config: TailSamplingConfig, share?: Share) {
    this.#share = share
    const policies = config.policies as readonly Policy[]
    this.#excluded = new Set(config.exclude_workflows)
    this.#drops = policies.filter(({ type }) => type === 'drop').map(policy => this.#rule(policy))
    this.#rules = policies.filter(({ type }) => type !== 'drop').map(policy => this.#rule(policy))
  }

  /** The verdict: one object, overwritten by the next call. */
  decide(trace: TraceFacts, now: number): Verdict {
    this.#now = now
    const verdict = this.#judgeAll(trace, now)
    if (this.#budgets.length > 0) {
      // The window keeps an error whatever is said here.
      const chance = trace.hasError && !verdict.isFinal ? 1 : chanceOf(verdict.threshold)
      for (const budget of this.#budgets) budget.spend(trace, chance, now)
    }
    return verdict
  }

  /** Told of traces that the window kept by itself, later than `decide`. */
  broughtBack(trace: TraceFacts): void {
    for (const budget of this.#budgets) budget.spend(trace, 1, this.#now)
  }

  #judgeAll(trace: TraceFacts, now: number): Verdict {
    for (const learner of this.#learners) this.#slow.set(learner, learner.judge(trace))
    if (this.#excluded.size > 0 && this.#excluded.has(trace.workflow))
      return this.#say(RULE_EXCLUDED, NEVER, true, true)
    for (const { name, judge } of this.#drops) {
      if (trace.randomness >= judge(trace, now)) return this.#say(name, NEVER, true, false)
    }
    return this.#best(trace, now)
  }

  #best(trace: TraceFacts, now: number): Verdict {
    if (this.#rules.length === 0) return this.#say(RULE_ALL, ALWAYS, true, false)
    let [best, name, isWeighted] = [NEVER, RULE_NO_MATCH, true]
    for (const rule of this.#rules) {
      const threshold = rule.judge(trace, now)
      if (threshold < best) [best, name, isWeighted] = [threshold, rule.name, rule.isWeighted]
      if (rule.fits?.(trace) === true) {
        if (best === NEVER) name = rule.name
        break
      }
      if (best === ALWAYS) break
    }
    return this.#say(name, best, isWeighted, false)
  }

  #say(rule: string, threshold: number, isWeighted: boolean, isFinal: boolean): Verdict {
    const verdict = this.#verdict
    verdict.rule = rule
    verdict.threshold = threshold
    verdict.isWeighted = isWeighted
    verdict.isFinal = isFinal
    return verdict
  }

  #rule(policy: Policy): Rule {
    return {
      name: policy.name,
      judge: this.#judge(policy),
      isWeighted: !hasRate(policy),
      fits: policy.final === true || policy.type === 'workflow' ? this.#fits(policy) : undefined
    }
  }

  /** Do its conditions hold, whatever its chances and limits say? */
  #fits(policy: Policy): (trace: TraceFacts) => boolean {
    const { type, workflow } = policy
    if (type === 'workflow') {
      const names = new Set(workflow!.names)
      return trace => names.has(trace.workflow)
    }
    if (type === 'and' || type === 'composite') {
      const all = subPolicies(policy).map(sub => this.#fits(sub))
      return type === 'and' ? trace => all.every(fits => fits(trace)) : trace => all.some(fits => fits(trace))
    }
    if (!isCondition(policy)) return () => true
    const judge = this.#judge(policy)
    return trace => judge(trace, 0) === ALWAYS
  }

  /** One judge a policy, however often it is asked for: conditions and rates are there once. */
  #judge(policy: Policy): Judge {
    let judge = this.#judges.get(policy)
    if (judge === undefined) this.#judges.set(policy, (judge = this.#makeJudge(policy)))
    return judge
  }

  #makeJudge(policy: Policy): Judge {
    switch (policy.type) {
      case 'always_sample':
        return () => ALWAYS
      case 'probabilistic': {
        const threshold = thresholdOf(policy.probabilistic!.sampling_percentage / 100)
        return () => threshold
      }
      case 'workflow': {
        const { names, sampling_percentage } = policy.workflow!
        const [wanted, threshold] = [new Set(names), thresholdOf(sampling_percentage / 100)]
        return trace => (wanted.has(trace.workflow) ? threshold : NEVER)
      }
      case 'rate_limiting': {
        const { spans_per_second: rate, burst_capacity: burst } = policy.rate_limiting!
        const bucket = new TokenBucket(rate, burst > 0 ? burst : rate * 2)
        return (trace, now) => within(bucket, trace.items, now)
      }
      case 'bytes_limiting': {
        const { bytes_per_second: rate, burst_capacity: burst } = policy.bytes_limiting!
        const bucket = new TokenBucket(rate, burst > 0 ? burst : rate * 2)
        return (trace, now) => within(bucket, trace.bytes, now)
      }
      case 'dynamic': {
        const { spans_per_second, adjustment_interval, weight } = policy.dynamic!
        const rates = new FairRates(spans_per_second, adjustment_interval, weight)
        return (trace, now) => rates.threshold(trace.workflow, trace.items, now)
      }
      case 'adaptive': {
        const budget = new Budget(policy.name, policy.adaptive!, this.#share)
        this.#budgets.push(budget)
        return (trace, now) => budget.threshold(trace, now)
      }
      case 'and':
        return this.#all(policy.and!.and_sub_policy)
      case 'drop':
        return this.#all(policy.drop!.drop_sub_policy)
      case 'not':
        return opposite(this.#judge(policy.not!.not_sub_policy))
      case 'composite':
        return this.#composite(policy)
      default:
        return this.#condition(policy)
    }
  }

  #condition(policy: Policy): Judge {
    switch (policy.type) {
      case 'latency': {
        const { threshold_ms: from, upper_threshold_ms: to } = policy.latency!
        return ({ durationMs }) => {
          // Times since 1970 in a double are off by up to 256 ns.
          const ms = Math.floor(durationMs + 0.001)
          return yes(ms > from && (to === 0 || ms <= to))
        }
      }
      case 'status_code': {
        const bits = policy.status_code!.status_codes.reduce((sum, code) => sum | STATUS_BITS[code], 0)
        return ({ statuses }) => yes((statuses & bits) !== 0)
      }
      case 'span_count': {
        const { min_spans: from, max_spans: to } = policy.span_count!
        return ({ spans }) => yes(spans >= from && (to === 0 || spans <= to))
      }
      case 'slow_outlier': {
        const { percentile, min_traces } = policy.slow_outlier!
        const learner = new SlowOutliers(percentile, min_traces)
        this.#learners.push(learner)
        return () => yes(this.#slow.get(learner) === true)
      }
      case 'trace_flags':
        this.asksSampledFlag = true
        return trace => yes(trace.hasSampledFlag)
      case 'trace_state': {
        const i = this.traceStates.push(traceStateCondition(policy.trace_state!)) - 1
        return trace => yes(trace.traceState(i))
      }
      case 'string_attribute':
        return this.#attribute(stringCondition(policy.string_attribute!), policy.string_attribute!.invert_match)
      case 'numeric_attribute':
        return this.#attribute(numericCondition(policy.numeric_attribute!), policy.numeric_attribute!.invert_match)
      case 'boolean_attribute':
        return this.#attribute(booleanCondition(policy.boolean_attribute!), policy.boolean_attribute!.invert_match)
      default:
        throw new TypeError(`no policy type ${policy.type}`)
    }
  }

  #attribute(condition: AttributeCondition, isInverted: boolean): Judge {
    const i = this.attributes.push(condition) - 1
    return trace => yes(trace.attribute(i) !== isInverted)
  }

  /**
   * Rates last: what other policies refuse must not use them up. Rates that give chances see everything that conditions
   * let pass, whatever its randomness, or they would take a part of the input for all of it.
   */
  #all(policies: readonly Policy[]): Judge {
    const order = (policy: Policy) => (hasRate(policy) ? 2 : hasShares(policy) ? 1 : 0)
    const judges = [...policies]
      .sort((a, b) => order(a) - order(b))
      .map(policy => ({ judge: this.#judge(policy), isLimit: hasRate(policy) }))
    return (trace, now) => {
      let threshold = ALWAYS
      for (const { judge, isLimit } of judges) {
        if (threshold === NEVER || (isLimit && trace.randomness < threshold)) break
        threshold = Math.max(threshold, judge(trace, now))
      }
      return threshold
    }
  }

  #composite(policy: Policy): Judge {
    const { max_total_spans_per_second: total, policy_order, composite_sub_policy, rate_allocation } = policy.composite!
    const inOrder = policy_order
      .map(name => composite_sub_policy.find(sub => sub.name === name))
      .filter(sub => sub !== undefined)
    const subs = inOrder.length > 0 ? inOrder : composite_sub_policy
    const percentOf = new Map(rate_allocation.map(({ policy, percent }) => [policy, percent]))
    const given = subs.reduce((sum, sub) => sum + (percentOf.get(sub.name) ?? 0), 0)
    const rest = Math.max(0, 100 - given) / Math.max(1, subs.filter(sub => !percentOf.has(sub.name)).length)
    const all = new TokenBucket(total, total)
    const parts = subs.map(sub => {
      const rate = (total * (percentOf.get(sub.name) ?? rest)) / 100
      return { judge: this.#judge(sub), bucket: new TokenBucket(rate, rate) }
    })
    return (trace, now) => {
      for (const { judge, bucket } of parts) {
        if (trace.randomness < judge(trace, now)) continue
        // As in the Collector: who matches has this part of the rate and no other.
        if (!bucket.has(trace.items, now) || !all.has(trace.items, now)) return NEVER
        bucket.take(trace.items)
        all.take(trace.items)
        return ALWAYS
      }
      return NEVER
    }
  }
}

const STATUS_BITS = { UNSET: 1, OK: 2, ERROR: 4 } as const

function within(bucket: TokenBucket, units: number, now: number): number {
  if (!bucket.has(units, now)) return NEVER
  bucket.take(units)
  return ALWAYS
}

/** A rate limit somewhere in it. */
function hasRate(policy: Policy): boolean {
  return /^(rate_limiting|bytes_limiting|composite)$/.test(policy.type) || subPolicies(policy).some(hasRate)
}

/** A fair share of a rate somewhere in it: a chance that depends on the traffic. */
function hasShares(policy: Policy): boolean {
  return /^(dynamic|adaptive)$/.test(policy.type) || subPolicies(policy).some(hasShares)
}
