import t from 'tap'
import type { FamilyType } from './model.js'
import { labelName, metricName, unitName } from './names.js'

t.test('metric names get their unit and type as the compatibility specification says', async t => {
  const rows: readonly (readonly [name: string, unit: string, type: FamilyType, expected: string])[] = [
    ['http.server.request.duration', 's', 'histogram', 'http_server_request_duration_seconds'],
    ['requests', '{request}', 'counter', 'requests_total'],
    ['requests.total', '', 'counter', 'requests_total'],
    ['total.requests', '', 'counter', 'requests_total'],
    ['io', 'By', 'counter', 'io_bytes_total'],
    ['io.bytes', 'By', 'counter', 'io_bytes_total'],
    ['throughput', 'By/s', 'gauge', 'throughput_bytes_per_second'],
    ['cpu.utilization', '1', 'gauge', 'cpu_utilization_ratio'],
    ['retries', '1', 'counter', 'retries_total'],
    ['calls', '{call}/min', 'gauge', 'calls_per_minute'],
    ['load', '%', 'gauge', 'load_percent'],
    ['a..b--c', '', 'gauge', 'a_b_c'],
    ['9lives', '', 'gauge', '_9lives'],
    ['größe', '', 'gauge', 'gr_e'],
    ['ns:rule', '', 'gauge', 'ns:rule'],
    ['x', 'furlong', 'gauge', 'x_furlong'],
    ['...', 's', 'gauge', '']
  ]
  for (const [name, unit, type, expected] of rows) {
    t.equal(metricName(name, unit, type, '', true), expected, `${name} [${unit}] ${type}`)
  }
})

t.test('a namespace comes first, and without suffixes only characters are mended', async t => {
  t.equal(metricName('a.b', 's', 'gauge', 'my-app', true), 'my_app_a_b_seconds')
  t.equal(metricName('a.b', 's', 'counter', '', false), 'a_b')
  t.equal(metricName('9a', 's', 'counter', 'x', false), 'x_9a')
})

t.test('units become words', async t => {
  t.equal(unitName('ms'), 'milliseconds')
  t.equal(unitName('MiBy/h'), 'mebibytes_per_hour')
  t.equal(unitName('{item}'), '')
  t.equal(unitName('1'), '')
})

t.test('attribute keys become label names', async t => {
  t.equal(labelName('http.method'), 'http_method')
  t.equal(labelName('a--b__c'), 'a_b_c')
  t.equal(labelName('1st'), 'key_1st')
  t.equal(labelName('__name__'), '_name_')
  t.equal(labelName('日本'), '')
  t.equal(labelName(''), '')
})

t.test('every made name is one that Prometheus takes', async t => {
  const inputs = ['', 'a', '1', '_', 'ä', 'a b', '\n', 'x'.repeat(300), 'a{b}', '::', '-1-', '\u0000']
  for (const input of inputs) {
    t.match(labelName(input), /^([a-zA-Z_][a-zA-Z0-9_]*)?$/)
    t.match(metricName(input, input, 'counter', input, true), /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/)
  }
})
