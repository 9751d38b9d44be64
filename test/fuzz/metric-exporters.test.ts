// Any OTLP metrics request goes through the metric exporters without an exception, and what the scrape endpoint shows of
// it is text and protobuf that a parser takes.

import fc from 'fast-check'
import t, { type Test } from 'tap'
import { configOf } from '../../core/config/check.js'
import { translate } from '../../core/metrics/translate.js'
import type { CloudWatchConfig } from '../../exporters/cloudwatch/config.js'
import { groupsOf } from '../../exporters/cloudwatch/datums.js'
import { Differences } from '../../exporters/cloudwatch/differences.js'
import { MAX_DIMENSIONS } from '../../exporters/cloudwatch/dimensions.js'
import cloudwatch from '../../exporters/cloudwatch/index.js'
import { MAX_VALUES } from '../../exporters/cloudwatch/values.js'
import { expose } from '../../exporters/prometheus/exposition.js'
import { SeriesStore } from '../../exporters/prometheus/store.js'
import { encodeWriteRequest } from '../../exporters/prometheus_remote_write/encode.js'
import { SeriesSet } from '../../exporters/prometheus_remote_write/series.js'
import { Sums } from '../../exporters/prometheus_remote_write/sums.js'
import { metricRequests } from '../helpers/otlp-arbitraries.js'
import { oracle, type Plain } from '../helpers/otlp-oracle.js'

const RUNS = 200
const OPTIONS = { namespace: '', constLabels: { dc: 'x' }, suffixes: true, resourceLabels: true, scopeLabels: true }
const PAGE = { timestamps: true, maxClassicBuckets: 8 }
const NOW = 1_800_000_000_000

const LABELS = String.raw`\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\}`
const NUMBER = `(?:NaN|[+-]Inf|-?[0-9.]+(?:e[+-][0-9]+)?)`
const SAMPLE = new RegExp(
  `^[a-zA-Z_:][a-zA-Z0-9_:]*(?:${LABELS})? ${NUMBER}(?: -?[0-9.]+)?(?: # ${LABELS} ${NUMBER}(?: [0-9.]+)?)?$`
)
const COMMENT = /^# (?:(?:HELP|TYPE|UNIT) [a-zA-Z_:][a-zA-Z0-9_:]* [^\n]*|EOF)$/

/** Every request, in sequence, so that values also meet what earlier ones left. */
async function each(t: Test, check: (bytes: Buffer) => void | Promise<void>) {
  const property = fc.asyncProperty(metricRequests, async (request: Plain) =>
    check(oracle.encodeRequest('metrics', request))
  )
  const result = await fc.check(property, { numRuns: RUNS, endOnFailure: true })
  t.notOk(result.failed, `seed ${result.seed}: ${printable(String(result.errorInstance))}`)
}

/** Control characters in a test's title break its output. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, c => `\\u{${c.codePointAt(0)?.toString(16)}}`)
}

t.test('the scrape page has the grammar of its format, whatever comes in', async t => {
  const store = new SeriesStore({ maxSeries: 500, maxBytes: 1 << 20, expireMs: 1000 })
  await each(t, async bytes => {
    for (const point of translate(bytes, OPTIONS, () => undefined)) store.accept(point, NOW)
    if (store.byteLength > 1 << 20 || store.seriesCount > 500) throw new Error('a limit was passed')
    for (const format of ['text', 'openmetrics'] as const) {
      for await (const chunk of expose(store, format, PAGE)) {
        const bad = String(chunk)
          .split('\n')
          .find(line => line !== '' && !SAMPLE.test(line) && !COMMENT.test(line))
        if (bad !== undefined) throw new Error(`${format}: ${JSON.stringify(bad)}`)
      }
    }
    let encoded = 0
    for await (const chunk of expose(store, 'protobuf', PAGE)) encoded += chunk.length
    if (store.seriesCount > 0 && encoded === 0) throw new Error('nothing in protobuf')
  })
  store.expire(NOW + 1001)
  t.same([store.seriesCount, store.byteLength], [0, 0], 'all of it goes again, to the byte')
})

t.test('every remote-write request can be encoded, its series sorted and unique', async t => {
  const sums = new Sums(100)
  await each(t, bytes => {
    const set = new SeriesSet({ native: true, maxClassicBuckets: 8, nowMs: NOW })
    for (const point of translate(bytes, OPTIONS, () => undefined)) {
      const value = point.delta && !point.stale ? sums.add(point) : point.value
      if (value !== undefined) set.add(point, value)
    }
    sums.commit()
    for (const { labels, samples } of set.all()) {
      const names = labels.map(([name]) => name)
      if (new Set(names).size !== names.length) throw new Error(`a label twice: ${names}`)
      if (names.some((name, i) => i > 0 && name < names[i - 1]!)) throw new Error(`not sorted: ${names}`)
      if (samples.some((s, i) => i > 0 && s.timeMs <= samples[i - 1]!.timeMs)) throw new Error('samples out of order')
    }
    encodeWriteRequest(set, true)
  })
})

t.test('every CloudWatch datum is within the limits', async t => {
  const config = configOf(cloudwatch.schema, {}) as CloudWatchConfig
  const differences = new Differences(100, 0)
  await each(t, bytes => {
    for (const group of groupsOf(bytes, config, differences, NOW, 0)) {
      for (const { MetricName = '', Dimensions = [], Values = [], Counts = [], Value } of group?.datums ?? []) {
        const isWithin = MetricName.length > 0 && MetricName.length <= 255 && Dimensions.length <= MAX_DIMENSIONS
        if (!isWithin || Values.length > MAX_VALUES || Values.length !== Counts.length) throw new Error('out of limits')
        if ([...Values, ...(Value === undefined ? [] : [Value])].some(n => !Number.isFinite(n)))
          throw new Error('no number')
      }
      if (group?.advance !== undefined) differences.commit([group.advance])
    }
  })
})
