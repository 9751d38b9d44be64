// The OpenTelemetry specifications of probability sampling (tracestate-probability-sampling.md, tracestate-handling.md), row by
// row: thresholds of chances, what is valid, decisions, what each stage may write, agreement of tiers, unbiased counts.

import { createHash } from 'node:crypto'
import t from 'tap'
import { chanceOf } from './fair-shares.js'
import {
  NEVER,
  randomnessOf,
  readOtelState,
  readRandomness,
  readThreshold,
  thresholdOf,
  thresholdText,
  weightOf,
  withThreshold
} from './threshold.js'

// "Converting floating-point probability to threshold value": 1 in N at 4 digits, with the adjusted count.
const ONE_IN_N: readonly (readonly [number, string, number])[] = [
  [1, '0', 1],
  [2, '8', 2],
  [3, 'aaab', 3.00004577706569],
  [4, 'c', 4],
  [5, 'cccd', 5.0000762951094835],
  [8, 'e', 8],
  [10, 'e666', 9.99938968568813],
  [16, 'f', 16],
  [100, 'fd70a', 99.99771123402633],
  [1000, 'ffbe77', 1000.012874769029],
  [10_000, 'fff9724', 9999.830725674266],
  [100_000, 'ffff583a', 99999.238556461],
  [1_000_000, 'ffffef39', 999992.38556461]
]

t.test('1 in N: threshold and adjusted count', async t => {
  for (const [n, text, count] of ONE_IN_N) {
    const threshold = thresholdOf(1 / n)
    t.equal(thresholdText(threshold), text, `1 in ${n}`)
    t.equal(readThreshold(text), threshold, `${text} read`)
    t.ok(Math.abs(weightOf(threshold) / count - 1) < 1e-9, `${weightOf(threshold)} for ${count}`)
    t.ok(Math.abs(chanceOf(threshold) * count - 1) < 1e-9)
  }
})

t.test('th: 1 to 14 hex digits, extended with zeros', async t => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['8', 2 ** 47],
    ['1000', 2 ** 44],
    ['2', 2 ** 45],
    ['ab', 0xab * 2 ** 40],
    ['abcdefabcdefab', 0xabcdefabcdef],
    ['ffffffffffffff', 2 ** 48 - 1],
    ['', undefined],
    ['100000000000000', undefined],
    ['ffffffffffffffff', undefined],
    ['$', undefined],
    ['0x1p+3', undefined],
    ['14.5', undefined],
    ['-1', undefined],
    ['g', undefined]
  ]
  for (const [text, value] of rows) t.equal(readThreshold(text), value, text)
})

t.test('rv: exactly 14 hex digits', async t => {
  t.equal(readRandomness('12341234123412'), 0x123412341234)
  t.equal(readRandomness('ffffffffffffff'), 2 ** 48 - 1)
  for (const bad of ['123412341234120', '1234123412341', '', 'abcdefgabcdefg', '3'])
    t.equal(readRandomness(bad), undefined)
})

t.test('the ot member: found among others, whatever the order of its keys', async t => {
  const rows: readonly (readonly [string, number | undefined, number | undefined])[] = [
    ['ot=th:c', 0xc * 2 ** 44, undefined],
    ['ot=rv:10000000000000;th:3;a:b;c:d', 3 * 2 ** 44, 2 ** 44],
    ['ot=a:b;th:3;rv:10000000000000', 3 * 2 ** 44, 2 ** 44],
    ['vendor=th:1,ot=th:2,other=rv:ffffffffffffff', 2 * 2 ** 44, undefined],
    ['ot=p:8;r:62', undefined, undefined],
    ['ot=e100:1', undefined, undefined],
    ['', undefined, undefined],
    ['ot=rv:3;p:2', undefined, undefined]
  ]
  for (const [state, threshold, randomness] of rows) t.same(readOtelState(state), { threshold, randomness }, state)
})

t.test('kept when randomness is not below the threshold: the edges of 50 %', async t => {
  const half = thresholdOf(0.5)
  const id = (...random: number[]) => Buffer.from([...new Array<number>(9).fill(0xee), ...random])
  t.notOk(randomnessOf(id(0, 0, 0, 0, 0, 0, 0), 0) >= half, 'the smallest')
  t.notOk(randomnessOf(id(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0) >= half, 'the largest below')
  t.ok(randomnessOf(id(0x80, 0, 0, 0, 0, 0, 0), 0) >= half, 'the smallest not below')
  t.ok(randomnessOf(id(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 0) >= half, 'the largest')
})

t.test('a later stage raises the threshold or leaves it, and keeps all else', async t => {
  // in, own chance, out (the cases of a threshold update in the Collector's reference).
  const rows: readonly (readonly [string, number, string])[] = [
    ['ot=th:8', 2 / 16, 'ot=th:e'],
    ['ot=th:8', 14 / 16, 'ot=th:8'],
    ['ot=th:f', 8 / 16, 'ot=th:f'],
    ['ot=th:0', 1 / 16, 'ot=th:f'],
    ['', 1 / 16, 'ot=th:f'],
    ['', 1, 'ot=th:0'],
    ['ot=th:8', 1, 'ot=th:8'],
    ['ot=th:555', 0x555 / 0x1000, 'ot=th:aab'],
    ['ot=rv:abcdefabcdefab', 13 / 16, 'ot=th:3;rv:abcdefabcdefab'],
    ['ot=p:8;r:62', 13 / 16, 'ot=th:3;p:8;r:62'],
    ['a=1,ot=k1:7,b=2', 13 / 16, 'ot=th:3;k1:7,a=1,b=2']
  ]
  for (const [before, chance, after] of rows) t.equal(withThreshold(before, thresholdOf(chance)), after, before)
})

t.test('a threshold that cannot be true is erased: whoever claims it cannot have kept the trace', async t => {
  const low = 0x1000_0000_0000
  t.equal(
    withThreshold('ot=th:c;a:b', thresholdOf(0.5), low),
    'ot=a:b',
    'kept with R below both: the chance is not known'
  )
  t.equal(withThreshold('ot=th:c', 0, low), '', 'and it is not certain either')
  t.equal(withThreshold('ot=th:c', thresholdOf(0.5), 0xd000_0000_0000), 'ot=th:c')
  t.equal(withThreshold('ot=th:c', 0, 0xd000_0000_0000), 'ot=th:c')
  t.equal(withThreshold('', thresholdOf(0.5), low), 'ot=th:8')
})

t.test('the member stays within 256 characters', async t => {
  const long = `ot=x:${'y'.repeat(252)}`
  t.equal(withThreshold(long, thresholdOf(0.5)), long, 'nothing is written where there is no room')
  const fits = `ot=x:${'y'.repeat(240)}`
  t.equal(withThreshold(fits, thresholdOf(0.5)), `ot=th:8;x:${'y'.repeat(240)}`)
})

const randomnesses = Array.from({ length: 20_000 }, (_, i) =>
  randomnessOf(createHash('sha1').update(`${i}`).digest(), 0)
)

t.test('consistent: who keeps a trace at a chance keeps it at every larger one, on any tier', async t => {
  const chances = [1, 0.9, 0.5, 1 / 3, 0.1, 0.01, 0.001]
  for (const randomness of randomnesses) {
    let wasKept = true
    for (const chance of chances) {
      const isKept = randomness >= thresholdOf(chance)
      if (isKept && !wasKept) t.fail(`kept at ${chance} and not at a larger chance`)
      wasKept = isKept
    }
  }
  t.ok(randomnesses.length > 0)
})

t.test('unbiased over tiers: any chain of stages, counts from the last threshold written', async t => {
  for (const stages of [
    [0.5, 0.1],
    [0.1, 0.5],
    [0.3, 0.3, 0.9],
    [1, 0.02],
    [0.25, 0.2, 0.15, 0.1]
  ]) {
    let [stood, variance] = [0, 0]
    for (const randomness of randomnesses) {
      let state = ''
      let isKept = true
      for (const chance of stages) {
        const own = thresholdOf(chance)
        isKept &&= randomness >= own
        if (isKept) state = withThreshold(state, own, randomness)
      }
      if (isKept) stood += weightOf(readOtelState(state).threshold!)
      variance += 1 / Math.min(...stages) - 1
    }
    const off = Math.abs(stood - randomnesses.length) / Math.sqrt(variance)
    t.ok(off < 4, `${stages}: ${Math.round(stood)} for ${randomnesses.length}, ${off.toFixed(1)} deviations`)
  }
})

t.test('never is no chance', async t => {
  t.equal(thresholdOf(0), NEVER)
  t.notOk(randomnesses.some(randomness => randomness >= NEVER))
})
