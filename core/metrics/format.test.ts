import t from 'tap'
import { formatFloat } from './format.js'

t.test('floats are written as Go writes them', async t => {
  const rows: readonly (readonly [value: number, plain: string, canonical: string])[] = [
    [0, '0', '0.0'],
    [1, '1', '1.0'],
    [-5, '-5', '-5.0'],
    [0.005, '0.005', '0.005'],
    [0.0001, '0.0001', '0.0001'],
    [0.00001, '1e-05', '1e-05'],
    [999999, '999999', '999999.0'],
    [1e6, '1e+06', '1e+06'],
    [1234567.5, '1.2345675e+06', '1.2345675e+06'],
    [1e100, '1e+100', '1e+100'],
    [Number.POSITIVE_INFINITY, '+Inf', '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf', '-Inf'],
    [Number.NaN, 'NaN', 'NaN']
  ]
  for (const [value, plain, canonical] of rows) {
    t.equal(formatFloat(value, false), plain)
    t.equal(formatFloat(value, true), canonical)
  }
})
