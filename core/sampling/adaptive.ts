// A target rate of output, held while the input changes.
//
// Traffic is told apart by key (the workflow). For each key the input rate is averaged over time; the target is shared fairly
// among keys (fair-shares.ts), so that rare workflows are kept whole while frequent ones are thinned out. What somebody else
// decided to keep (errors, other policies) is taken off the target first.
//
// How it keeps still, and how it follows:
// - EMA. Every interval each rate moves by `weight` towards what was seen in it.
// - Band. Chances are worked out anew only when what they keep of the averaged input is more than `band` off the target.
// - Balance. What went out above or below the target adds up; half an interval of it brings a change too, which makes up for
//   it over the next five. So the average over time is the target, whatever the averaging of the input misses.
// - Surge. An interval ends early when more than twice its part of the target has gone out, or all of it: then rates jump to
//   what was seen. A burst costs about one interval's target each time that it grows twentyfold. Where less than half of the
//   usual comes in, rates jump down.
//
// Nothing here depends on the randomness of a trace, only on what came in before it and on the chances then given to that: so
// the chance a trace is given is its true one, and counts extrapolated from it are unbiased. "Went out" is always the expected
// value (units x chance), for the same reason.

import { chanceOf, fairChances } from './fair-shares.js'
import { ALWAYS, thresholdOf } from './threshold.js'

export interface AdaptiveOptions {
  /** Units a second that all gateways together are to keep. */
  readonly target: number
  /** How often rates are averaged, milliseconds. */
  readonly intervalMs: number
  /** How fast old traffic is forgotten: 0 < weight <= 1. */
  readonly weight: number
  /** The part of the target that output may be off before chances change, such as 0.1. */
  readonly band: number
  /** The part of the target that is this gateway's, given its own input rate. Default: all of it. */
  readonly part?: (rate: number) => number
}

interface Share {
  /** Units in this interval, and a second on average; -1: not known yet. */
  units: number
  rate: number
  threshold: number
}

/** Keys told apart; what comes with more of them shares one. */
const MAX_KEYS = 10_000
const REST = '\u0000rest'
/** Part of an interval that a surge must last before its rate is believed. */
const SLICE = 1 / 20
const SURGE = 2
/** Of the target, whatever must be made up for or is kept by others: something of everything is always kept. */
const LEAST_AIM = 0.25
const LEAST_LEFT = 0.01
/** Intervals of output above and below the target that are made up for at most, and how many it is spread over. */
const MOST_DEBT = 10
const MOST_CREDIT = 0.5
const PAYBACK = 5
/** A key of which less than this is expected in an interval is forgotten. */
const GONE_UNITS = 0.05

export class AdaptiveRates {
  readonly #options: AdaptiveOptions
  readonly #shares = new Map<string, Share>()
  /** All keys in their first interval together: one is kept whole, a flood of them is not. */
  readonly #fresh: Share = { units: 0, rate: 0, threshold: ALWAYS }
  /** What others decided to keep. */
  readonly #forced: Share = { units: 0, rate: -1, threshold: ALWAYS }
  #since = -1
  /** Chance that the running trace got from `threshold`; 0 when nobody asked. */
  #asked = 0
  /** Expected output of this interval. */
  #spent = 0
  #balance = 0
  #budget: number
  #changes = 0

  constructor(options: AdaptiveOptions) {
    this.#options = options
    this.#budget = options.target * (options.part?.(0) ?? 1)
  }

  /** Counts a trace as input of its key and gives the threshold it is to be kept at. `spend` must follow. */
  threshold(key: string, units: number, now: number): number {
    this.#advance(now)
    const share = this.#share(key)
    share.units += units
    if (share.rate < 0) this.#fresh.units += units
    const { threshold } = share.rate < 0 ? this.#fresh : share
    this.#asked = chanceOf(threshold)
    return threshold
  }

  /** Counts what goes out: once for each trace, with the chance it was given in the end, whoever decided. */
  spend(units: number, chance: number, now: number): void {
    this.#advance(now)
    this.#spent += units * chance
    this.#forced.units += units * Math.max(0, chance - this.#asked)
    this.#asked = 0
  }

  /** For tests and for the curious. */
  status(): { readonly keys: number; readonly budget: number; readonly balance: number; readonly changes: number } {
    return { keys: this.#shares.size, budget: this.#budget, balance: this.#balance, changes: this.#changes }
  }

  #share(key: string): Share {
    const known = this.#shares.get(key)
    if (known !== undefined) return known
    if (this.#shares.size >= MAX_KEYS && key !== REST) return this.#share(REST)
    const made = { units: 0, rate: -1, threshold: ALWAYS }
    this.#shares.set(key, made)
    return made
  }

  #advance(now: number): void {
    if (this.#since < 0) this.#since = now
    const { intervalMs, band } = this.#options
    const elapsed = now - this.#since
    if (elapsed >= intervalMs) {
      this.#roll(now, false)
      return
    }
    const whole = (this.#budget * intervalMs) / 1000
    const isFast =
      elapsed >= intervalMs * SLICE && this.#spent > (SURGE * this.#budget * elapsed) / 1000 + whole * SLICE
    if (isFast || this.#spent > whole * (1 + band)) this.#roll(now, true)
  }

  /** Ends an interval. */
  #roll(now: number, isSurge: boolean): void {
    const { intervalMs, target, part } = this.#options
    const whole = (this.#budget * intervalMs) / 1000
    const balance = this.#balance + this.#spent - (this.#budget * (now - this.#since)) / 1000
    this.#balance = Math.min(whole * MOST_DEBT, Math.max(-whole * MOST_CREDIT, balance))
    const total = this.#average(Math.max(now - this.#since, intervalMs * SLICE) / 1000, isSurge)
    this.#since = now
    this.#spent = 0
    this.#budget = target * (part?.(total) ?? 1)
    if (isSurge || this.#isOff(whole)) this.#shareOut()
  }

  /** Is what the chances keep too far from the target, or has it been for too long? `whole`: the target of an interval. */
  #isOff(whole: number): boolean {
    const { band } = this.#options
    const off = this.#predicted() / this.#budget - 1
    if (off > band || this.#balance >= whole * MOST_CREDIT) return true
    return (off < -band || this.#balance <= -whole * MOST_CREDIT) && this.#isThinning()
  }

  /** Moves all rates towards what was seen, or to it when it is quite another; the sum of them. */
  #average(seconds: number, isSurge: boolean): number {
    const isSlump = !isSurge && this.#seen() / seconds < this.#total() / SURGE
    const next = ({ rate, units }: Share): number => {
      const seen = units / seconds
      return rate < 0 || isSlump || (isSurge && seen > rate) ? seen : rate + this.#options.weight * (seen - rate)
    }
    // At first every key is fresh: that says nothing about later.
    this.#fresh.rate = this.#forced.rate < 0 ? 0 : next(this.#fresh)
    this.#forced.rate = next(this.#forced)
    this.#fresh.units = this.#forced.units = 0
    for (const [key, share] of this.#shares) {
      share.rate = next(share)
      share.units = 0
      if (share.rate * this.#options.intervalMs < GONE_UNITS * 1000) this.#shares.delete(key)
    }
    return this.#total()
  }

  #seen(): number {
    let sum = this.#forced.units
    for (const { units } of this.#shares.values()) sum += units
    return sum
  }

  #total(): number {
    let sum = Math.max(0, this.#forced.rate)
    for (const { rate } of this.#shares.values()) sum += Math.max(0, rate)
    return sum
  }

  *#all(): Generator<Share> {
    yield* this.#shares.values()
    yield this.#fresh
  }

  #predicted(): number {
    let sum = this.#forced.rate
    for (const { rate, threshold } of this.#all()) sum += rate * chanceOf(threshold)
    return sum
  }

  #isThinning(): boolean {
    for (const { threshold } of this.#all()) if (threshold !== ALWAYS) return true
    return false
  }

  #shareOut(): void {
    this.#changes++
    const { intervalMs } = this.#options
    const wanted = this.#budget - this.#balance / ((PAYBACK * intervalMs) / 1000)
    const aim = Math.max(this.#budget * LEAST_AIM, wanted)
    const left = Math.max(aim - this.#forced.rate, this.#budget * LEAST_LEFT)
    const shares = [...this.#all()]
    const chances = fairChances(
      shares.map(({ rate }) => rate),
      left
    )
    shares.forEach((share, i) => {
      share.threshold = thresholdOf(chances[i]!)
    })
  }
}
