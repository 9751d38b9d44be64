import { createHash } from 'node:crypto'
import t from 'tap'
import {
  ALWAYS,
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

t.test('chances become the thresholds of the specification', async t => {
  const wanted: [number, string][] = [
    [1, '0'],
    [0.75, '4'],
    [0.5, '8'],
    [0.25, 'c'],
    [2 / 3, '5555'],
    [1 / 3, 'aaab'],
    [0.1, 'e666'],
    [0.01, 'fd70a'],
    [1 / 1024, 'ffc'],
    [1 / 65536, 'ffff']
  ]
  for (const [chance, text] of wanted) t.equal(thresholdText(thresholdOf(chance)), text, `chance ${chance}`)
  t.equal(thresholdOf(0), NEVER)
  t.equal(thresholdOf(Number.NaN), NEVER)
  t.ok(thresholdOf(1e-15) < NEVER, 'a chance that is not 0 is never rounded to it')
  t.throws(() => thresholdText(NEVER), RangeError)
})

t.test('the written threshold stands for the chance to within 1 in 4,000', async t => {
  for (let chance = 1; chance > 1e-6; chance *= 0.83) {
    const off = Math.abs(weightOf(thresholdOf(chance)) * chance - 1)
    t.ok(off < 1 / 4000, `chance ${chance}: off by ${off}`)
  }
})

t.test('texts are read as written, others refused', async t => {
  t.equal(readThreshold('8'), 2 ** 47)
  t.equal(readThreshold('0'), ALWAYS)
  t.equal(readThreshold('e6660000000000'), thresholdOf(0.1))
  for (const bad of ['', 'E6', '8 ', '123456789abcdef', 'xyz', '-1']) t.equal(readThreshold(bad), undefined, bad)
  t.equal(readRandomness('d29d6a7215ced0'), 0xd29d6a7215ce)
  for (const bad of ['d29d6a7215ced', 'd29d6a7215ced00', 'D29d6a7215ced0', '']) t.equal(readRandomness(bad), undefined)
})

t.test('decisions on the examples of the specification', async t => {
  const isKept = (state: string) => {
    const { threshold, randomness } = readOtelState(state)
    return randomness! >= threshold!
  }
  t.ok(isKept('ot=th:c;rv:d29d6a7215ced0'))
  t.notOk(isKept('ot=th:c;rv:6e6d1a75832a2f'))
  t.ok(isKept('vendor=th:0,ot=rv:80000000000000;th:8'), 'equal is kept')
  const id = Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex')
  t.equal(randomnessOf(id, 0), 0x48eb211c8031, 'the last 7 bytes of the id')
  t.ok(randomnessOf(id, 0) >= readThreshold('48eb211c803100')!)
  t.notOk(randomnessOf(id, 0) >= readThreshold('48eb211c8032')!)
})

t.test('a trace state gets the threshold in front and keeps the rest', async t => {
  const half = thresholdOf(0.5)
  t.equal(withThreshold('', half), 'ot=th:8')
  t.equal(withThreshold('a=1,b=2', half), 'ot=th:8,a=1,b=2')
  t.equal(withThreshold('a=1,ot=rv:d29d6a7215ced0;x:y', half), 'ot=th:8;rv:d29d6a7215ced0;x:y,a=1')
  t.equal(withThreshold('ot=th:c;rv:d29d6a7215ced0', half), 'ot=th:c;rv:d29d6a7215ced0', 'who rejected more is told')
  t.equal(withThreshold('ot=th:4', half), 'ot=th:8')
  t.equal(withThreshold('ot=th:4,a=1', undefined), 'a=1', 'a chance that is not known is not told')
  t.equal(withThreshold('otx=1', half), 'ot=th:8,otx=1')
  const many = Array.from({ length: 32 }, (_, i) => `k${i}=v`).join(',')
  t.equal(withThreshold(many, half).split(',').length, 32, 'no more members than W3C allows')
})

t.test('what is kept, times its weight, is what there was', async t => {
  const n = 200_000
  for (const chance of [0.5, 0.1, 0.01]) {
    const threshold = thresholdOf(chance)
    let kept = 0
    for (let i = 0; i < n; i++) if (randomnessOf(createHash('md5').update(`${i}`).digest(), 0) >= threshold) kept++
    const deviation = Math.sqrt((n * (1 - chance)) / chance)
    const off = kept * weightOf(threshold) - n
    t.ok(
      Math.abs(off) < 4 * deviation,
      `chance ${chance}: ${kept} kept stand for ${Math.round(kept * weightOf(threshold))}`
    )
  }
})
