// The controller against made-up traffic: steps, ramps and bursts, one gateway and several, time moved by hand.

import fc from 'fast-check'
import t from 'tap'
import { AdaptiveRates } from './adaptive.js'
import { chanceOf, fairChances } from './fair-shares.js'

const TARGET = 200
const INTERVAL = 10_000

t.test('fair shares: small ones whole, large ones to one level, never above the budget', async t => {
  t.same(fairChances([10, 1000, 40], 150), [1, 0.1, 1])
  t.same(fairChances([10, 20], 100), [1, 1])
  t.same(fairChances([0, 100, 100], 50), [1, 0.25, 0.25])
  t.same(fairChances([], 50), [])
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      (rates, budget) => {
        const chances = fairChances(rates, budget)
        const kept = rates.reduce((sum, rate, i) => sum + rate * chances[i]!, 0)
        const all = rates.reduce((sum, rate) => sum + rate, 0)
        return chances.every(c => c >= 0 && c <= 1) && Math.abs(kept - Math.min(all, budget)) <= 1e-6 * (all + 1)
      }
    )
  )
})

/** A seeded source of chance (mulberry32). */
function chance(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let x = Math.imul(a ^ (a >>> 15), 1 | a)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

interface Phase {
  readonly shape: 'step' | 'ramp' | 'burst'
  /** Input of all workflows at its end, as a multiple of the target. */
  readonly load: number
  readonly seconds: number
}

interface Trace {
  readonly at: number
  readonly key: string
  readonly units: number
  readonly isError: boolean
}

/** Workflows and their parts of the traffic. */
const PARTS: readonly (readonly [string, number])[] = [
  ['often', 0.745],
  ['middle', 0.25],
  ['rare', 0.005]
]

function* traffic(phases: readonly Phase[], random: () => number): Generator<Trace> {
  let [now, load] = [1_700_000_000_000, 1]
  for (const phase of phases) {
    const end = now + phase.seconds * 1000
    const from = load
    const started = now
    while (now < end) {
      const done = (now - started) / (phase.seconds * 1000)
      load = phase.shape === 'ramp' ? from + (phase.load - from) * done : phase.load
      // Traces of 1 to 9 units, 5 on average, at random times.
      const perSecond = (Math.max(load, 0.01) * TARGET) / 5
      now += (-Math.log(1 - random()) / perSecond) * 1000
      let pick = random()
      const key = PARTS.find(([, part]) => (pick -= part) < 0)?.[0] ?? 'rare'
      yield { at: now, key, units: 1 + Math.floor(random() * 9), isError: random() < 0.01 }
    }
    // A burst is over as suddenly as it came.
    if (phase.shape === 'burst') load = from
  }
}

interface Second {
  input: number
  output: number
}

interface Played {
  readonly seconds: Second[]
  readonly all: number
  readonly stoodFor: number
  readonly variance: number
  readonly rare: { in: number; out: number }
  readonly errorsLost: number
  readonly changes: number
}

/** Feeds the traffic to one or more gateways, as `route` says, and counts what comes out. */
function play(
  phases: readonly Phase[],
  seed: number,
  gateways: readonly AdaptiveRates[],
  route: (n: number) => number
): Played {
  const random = chance(seed)
  const seconds: Second[] = []
  const played = { all: 0, stoodFor: 0, variance: 0, rare: { in: 0, out: 0 }, errorsLost: 0 }
  let [n, start] = [0, 0]
  for (const { at, key, units, isError } of traffic(phases, random)) {
    if (start === 0) start = at
    const gateway = gateways[route(n++)]!
    const p = isError ? 1 : chanceOf(gateway.threshold(key, units, at))
    gateway.spend(units, p, at)
    const isKept = random() < p
    const second = Math.floor((at - start) / 1000)
    while (seconds.length <= second) seconds.push({ input: 0, output: 0 })
    seconds[second]!.input += units
    if (isKept) seconds[second]!.output += units
    played.all += units
    if (isKept) played.stoodFor += units / p
    played.variance += units * units * (1 / p - 1)
    if (isError && !isKept) played.errorsLost++
    if (key !== 'rare') continue
    played.rare.in += units
    if (isKept) played.rare.out += units
  }
  return { ...played, seconds, changes: gateways.reduce((sum, one) => sum + one.status().changes, 0) }
}

const alone = (): AdaptiveRates => new AdaptiveRates({ target: TARGET, intervalMs: INTERVAL, weight: 0.5, band: 0.1 })
const sum = (all: readonly Second[], key: keyof Second): number => all.reduce((total, one) => total + one[key], 0)
const rate = (all: readonly Second[], from: number, to: number): number =>
  sum(all.slice(from, to), 'output') / (to - from)

t.test('a step up and down: the target is held again after a few intervals', async t => {
  const { seconds, rare, errorsLost } = play(
    [
      { shape: 'step', load: 2, seconds: 120 },
      { shape: 'step', load: 20, seconds: 120 },
      { shape: 'step', load: 0.5, seconds: 120 },
      { shape: 'step', load: 5, seconds: 120 }
    ],
    1,
    [alone()],
    () => 0
  )
  for (const [from, to] of [
    [60, 120],
    [180, 240],
    [420, 480]
  ] as const) {
    t.ok(Math.abs(rate(seconds, from, to) / TARGET - 1) < 0.15, `seconds ${from} to ${to}: ${rate(seconds, from, to)}`)
  }
  t.ok(rate(seconds, 120, 130) < 2.5 * TARGET, `while it rises: ${rate(seconds, 120, 130)}`)
  t.ok(rate(seconds, 300, 360) > 0.95 * (sum(seconds.slice(300, 360), 'input') / 60), 'with room for all, all is kept')
  t.ok(rare.out > 0.95 * rare.in, `the rare workflow: ${rare.out} of ${rare.in}`)
  t.equal(errorsLost, 0)
})

t.test('a ramp is followed', async t => {
  const { seconds } = play(
    [
      { shape: 'step', load: 1.5, seconds: 60 },
      { shape: 'ramp', load: 15, seconds: 600 },
      { shape: 'ramp', load: 1.5, seconds: 600 }
    ],
    2,
    [alone()],
    () => 0
  )
  for (let from = 60; from + 60 <= seconds.length; from += 60) {
    const ratio = rate(seconds, from, from + 60) / TARGET
    t.ok(ratio > 0.75 && ratio < 1.25, `seconds ${from} to ${from + 60}: ${ratio}`)
  }
})

t.test('a burst costs little, and what it cost is made up for', async t => {
  const { seconds } = play(
    [
      { shape: 'step', load: 1.5, seconds: 120 },
      { shape: 'burst', load: 200, seconds: 5 },
      { shape: 'step', load: 1.5, seconds: 235 }
    ],
    3,
    [alone()],
    () => 0
  )
  const burst = sum(seconds.slice(120, 125), 'output')
  t.ok(burst < 3 * TARGET * (INTERVAL / 1000), `${burst} of ${sum(seconds.slice(120, 125), 'input')} in 5 s`)
  const ratio = rate(seconds, 120, 360) / TARGET
  t.ok(ratio > 0.8 && ratio < 1.1, `over the four minutes: ${ratio}`)
})

t.test('small changes change nothing: the same weights for a long time', async t => {
  const { changes } = play([{ shape: 'step', load: 4, seconds: 3600 }], 4, [alone()], () => 0)
  t.ok(changes < 72, `${changes} changes in 360 intervals`)
})

t.test('what others keep is taken off the target', async t => {
  const rates = alone()
  const random = chance(5)
  let kept = 0
  for (let now = 0; now < 600_000; now += 10) {
    // 100 units a second kept by another rule, 1000 that are asked about.
    rates.spend(1, 1, now)
    const p = chanceOf(rates.threshold('flow', 10, now))
    rates.spend(10, p, now)
    if (now >= 300_000) kept += 1 + (random() < p ? 10 : 0)
  }
  t.ok(Math.abs(kept / 300 / TARGET - 1) < 0.1, `${kept / 300} a second`)
})

t.test('more keys than can be told apart share one, within the target', async t => {
  const rates = alone()
  let kept = 0
  for (let i = 0; i < 300_000; i++) {
    const p = chanceOf(rates.threshold(`flow-${i}`, 1, i))
    rates.spend(1, p, i)
    kept += p
  }
  t.ok(rates.status().keys <= 10_001)
  t.ok(kept / 300 < 1.3 * TARGET, `${kept / 300} a second of 1000`)
})

const phase = fc.record({
  shape: fc.constantFrom('step' as const, 'ramp' as const, 'burst' as const),
  load: fc.constantFrom(0.1, 0.8, 1.2, 2, 5, 20, 50),
  seconds: fc.constantFrom(30, 90, 180)
})

t.test('whatever comes, in whatever order: within the target over time, unbiased, no error lost', async t => {
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 6 }), fc.nat(1e9), (phases, seed) => {
      const { seconds, all, stoodFor, variance, errorsLost } = play(phases, seed, [alone()], () => 0)
      if (errorsLost > 0) throw new Error(`${errorsLost} errors lost`)
      // One interval's target at each rise, made up for later.
      const rises = phases.length + 1
      const most = TARGET * (seconds.length + rises * 2 * (INTERVAL / 1000)) * 1.1
      const out = sum(seconds, 'output')
      if (out > most) throw new Error(`${out} came out in ${seconds.length} s, at most ${most} were to`)
      const off = Math.abs(stoodFor - all)
      if (off > 5 * Math.sqrt(variance) + 1e-6 * all)
        throw new Error(
          `${Math.round(stoodFor)} stood for ${all}: ${(off / Math.sqrt(variance)).toFixed(1)} deviations`
        )
    }),
    { numRuns: 60, interruptAfterTimeLimit: 20_000 }
  )
  t.pass()
})
