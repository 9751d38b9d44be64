// A total rate shared fairly: who has less than a fair share is kept whole, and what is left of it goes to the others.

import { NEVER } from './threshold.js'

/**
 * The chance of each rate so that what is kept sums to at most `budget` (water filling): all rates above one level are cut
 * down to that level, those below it are kept whole. Rates and budget in the same unit.
 */
export function fairChances(rates: readonly number[], budget: number): number[] {
  const order = rates.map((_, i) => i).sort((a, b) => rates[a]! - rates[b]!)
  const chances = new Array<number>(rates.length).fill(1)
  let left = Math.max(0, budget)
  order.forEach((at, i) => {
    const rate = rates[at]!
    const kept = Math.min(rate, left / (order.length - i))
    if (rate > 0) chances[at] = kept / rate
    left -= kept
  })
  return chances
}

/** The part of all traces that a threshold keeps. */
export function chanceOf(threshold: number): number {
  return (NEVER - threshold) / NEVER
}
