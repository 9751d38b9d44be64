// The gateway's own log, metrics and ledger.

import t from 'tap'
import type { Clock } from '../component/context.js'
import { CodedError } from '../component/errors.js'
import { Secret } from '../config/secret.js'
import { systemClock } from './clock.js'
import { ledgerOf } from './ledger.js'
import type { LogOptions } from './log.js'
import { createLog, part } from './log.js'
import type { MetricSources } from './metrics.js'
import { GatewayMetrics } from './metrics.js'

/** A clock that only moves when told. */
function testClock(): Clock & { move(ms: number): void } {
  let now = Date.parse('2026-01-02T03:04:05.678Z')
  let timers: { at: number; fn: () => void }[] = []
  return {
    now: () => now,
    after(ms, fn) {
      const timer = { at: now + ms, fn }
      timers.push(timer)
      return { cancel: () => void (timers = timers.filter(other => other !== timer)) }
    },
    move(ms) {
      now += ms
      const due = timers.filter(timer => timer.at <= now)
      timers = timers.filter(timer => timer.at > now)
      for (const timer of due) timer.fn()
    }
  }
}

function logTo(lines: string[], options: Partial<LogOptions> = {}) {
  const clock = testClock()
  return {
    clock,
    log: createLog({ level: 'info', encoding: 'json', clock, write: line => void lines.push(line), ...options })
  }
}

t.test('a json line has level, time, component, fields, message, and an error as code and text', async t => {
  const lines: string[] = []
  const { log } = logTo(lines)
  part(log, 'otlp_http').warn(
    { error: new CodedError('QUEUE_FULL', 'it is full'), key: new Secret('hunter2') },
    'refused'
  )
  t.same(JSON.parse(lines[0]!), {
    level: 'warn',
    time: '2026-01-02T03:04:05.678Z',
    component: 'otlp_http',
    error: { code: 'QUEUE_FULL', message: 'it is full' },
    key: '[REDACTED]',
    msg: 'refused'
  })
})

t.test('a text line is one readable line, whatever is in it', async t => {
  const lines: string[] = []
  const { log } = logTo(lines, { encoding: 'text' })
  part(log, 'file').error(
    { error: new CodedError('FULL', 'disk\nfull'), path: './data', n: 3 },
    'cannot\nwrite\u001b[2J'
  )
  log.info({}, 'ready')
  t.same(lines, [
    '03:04:05.678 ERROR file: cannot\\nwrite\\u001b[2J  error="FULL: disk\\nfull" path=./data n=3\n',
    '03:04:05.678 INFO  ready\n'
  ])
})

t.test('levels below the configured one are not written', async t => {
  const lines: string[] = []
  const { log } = logTo(lines, { level: 'warn' })
  log.debug({}, 'a')
  log.info({}, 'b')
  log.warn({}, 'c')
  t.equal(lines.length, 1)
})

t.test('a line that repeats is written a few times, then counted', async t => {
  const lines: string[] = []
  const { log, clock } = logTo(lines)
  for (let i = 0; i < 1000; i++) log.warn({ i }, 'again')
  log.warn({}, 'another')
  t.equal(lines.length, 6)
  clock.move(10_000)
  t.match(JSON.parse(lines[6]!), { msg: 'again (repeated)', repeated: 995 })
  t.equal(lines.length, 7)
  log.warn({}, 'again')
  t.equal(lines.length, 8)
})

t.test('the system clock calls once, and not after a cancel', async t => {
  const called = await new Promise<number>(resolve => {
    let n = 0
    systemClock.after(0, () => n++).cancel()
    const keep = setTimeout(() => {}, 1000)
    systemClock.after(1, () => {
      clearTimeout(keep)
      resolve(++n)
    })
  })
  t.equal(called, 1)
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1000)
})

t.test('counters of a component are shown with unit, component and their own label', async t => {
  const metrics = new GatewayMetrics('1.2.3')
  const { log, clock } = logTo([])
  const counters = {
    findings: { unit: '{finding}', about: 'What was found.', label: 'detector' },
    dropped: { unit: '{item}', about: 'Dropped.' }
  }
  const a = metrics.context({ kind: 'processor', id: 'redaction', counters, log, clock })
  const b = metrics.context({
    kind: 'processor',
    id: 'redaction/b',
    counters: { findings: { ...counters.findings, label: 'rule' } },
    log,
    clock
  })
  a.count.findings(2, 'email')
  a.count.findings(1, 'email')
  a.count.dropped(4)
  const again = metrics.context({ kind: 'processor', id: 'redaction', counters, log, clock })
  again.count.dropped(1)
  again.count.findings(10, 'email')
  b.count.findings(7, 'x"y')
  const text = await metrics.text()
  t.match(text, '# HELP algoflow_gateway_processor_findings_total What was found. ({finding})')
  t.match(text, '# TYPE algoflow_gateway_processor_findings_total counter')
  t.match(text, 'algoflow_gateway_processor_findings_total{component="redaction",detector="email"} 13\n')
  t.match(text, 'algoflow_gateway_processor_findings_total{component="redaction/b",rule="x\\"y"} 7\n')
  t.match(text, 'algoflow_gateway_processor_dropped_total{component="redaction"} 5\n')
  const series = text
    .split('\n')
    .filter(l => !l.startsWith('#') && l !== '')
    .map(l => l.replace(/ \S+$/, ''))
  t.equal(new Set(series).size, series.length, 'no series is there twice')
  t.match(text, /algoflow_gateway_build_info\{version="1\.2\.3",node="[\d.]+"\} 1/)
  t.match(text, 'process_cpu_user_seconds_total')
})

t.test('a label that takes too many values ends in `other`, and nothing is lost', async t => {
  const metrics = new GatewayMetrics('0')
  const { log, clock } = logTo([])
  const { count } = metrics.context({
    kind: 'receiver',
    id: 'otlp',
    counters: { uses: { unit: '1', about: 'x', label: 'key' } },
    log,
    clock
  })
  for (let i = 0; i < 5000; i++) count.uses(1, `k${i}`)
  const lines = (await metrics.text()).split('\n').filter(l => l.startsWith('algoflow_gateway_receiver_uses_total{'))
  t.equal(lines.length, 201)
  t.equal(
    lines.reduce((sum, l) => sum + Number(l.split(' ').at(-1)), 0),
    5000
  )
  t.match(lines.at(-1), 'key="other"} 4800')
})

const totals = new Map([
  ['received|traces', 110],
  ['dropped|filter|traces|matched', 10],
  ['appended|traces', 100],
  ['offered|otlp_http|traces', 100],
  ['delivered|otlp_http|traces', 60],
  ['dropped|otlp_http|traces|refused', 5],
  ['parked|otlp_http|traces|too_large', 9],
  ['unparked|otlp_http|traces', 2],
  ['delivered|debug|traces', 100]
])

t.test('the ledger adds up to the item, and says where it does not', async t => {
  const ledger = ledgerOf(totals, new Map([['otlp_http', 28]]))
  t.ok(ledger.isBalanced)
  t.match(ledger.exporters, [
    { exporter: 'debug', offered: undefined, delivered: 100, difference: undefined },
    { exporter: 'otlp_http', offered: 100, delivered: 60, waiting: 28, parked: 7, dropped: 5, difference: 0 }
  ])
  t.same(ledger.streams, [{ stream: 'traces', received: 110, appended: 100, windowed: 0, dropped: 10, difference: 0 }])
  t.match(ledger.dropped[0], { by: 'filter', stream: 'traces', reason: 'matched', items: 10 })
  t.match(ledgerOf(totals, new Map([['otlp_http', 27]])), { isBalanced: false, exporters: { 1: { difference: 1 } } })
})

const sources: MetricSources = {
  ledger: () => ledgerOf(totals, new Map([['otlp_http', 28]])),
  queue: () => ({ bytes: 5, maxBytes: 10, entries: 2, damagedEntries: 1 }),
  deliveries: () => [
    {
      exporter: 'otlp_http',
      waiting: { entries: 2, items: 28, bytes: 5 },
      oldestAgeMs: 1500,
      inFlight: 3,
      retrying: 4,
      concurrency: 8,
      breaker: 'open',
      breakerOpened: 3,
      parked: { retryingItems: 1, deadItems: 6 },
      attempts: 50,
      retries: 6,
      itemsPerSecond: 1
    }
  ],
  inFlightBytes: () => [{ receiver: 'otlp', bytes: 77 }],
  isReady: () => true
}

t.test('totals, queue and deliveries are read when somebody looks', async t => {
  const metrics = new GatewayMetrics('0')
  metrics.requestTimer('otlp', 'traces', 'accepted')(0.003)
  t.notMatch(await metrics.text(), /^algoflow_gateway_ready \d/m)
  metrics.watch(sources)
  const text = await metrics.text()
  for (const line of [
    'algoflow_gateway_ready 1',
    'algoflow_gateway_received_items_total{pipeline="traces"} 110',
    'algoflow_gateway_dropped_items_total{component="otlp_http",pipeline="traces",reason="refused"} 5',
    'algoflow_gateway_delivered_items_total{exporter="otlp_http",pipeline="traces"} 60',
    'algoflow_gateway_parked_items{exporter="otlp_http"} 7',
    'algoflow_gateway_ledger_difference_items{exporter="otlp_http"} 0',
    'algoflow_gateway_queue_bytes 5',
    'algoflow_gateway_waiting_age_seconds{exporter="otlp_http"} 1.5',
    'algoflow_gateway_exporter_breaker_open{exporter="otlp_http"} 1',
    'algoflow_gateway_exporter_retries_total{exporter="otlp_http"} 6',
    'algoflow_gateway_exporter_breaker_opened_total{exporter="otlp_http"} 3',
    'algoflow_gateway_dead_letter_items{exporter="otlp_http"} 6',
    'algoflow_gateway_windowed_items{pipeline="traces"} 0',
    'algoflow_gateway_pipeline_difference_items{pipeline="traces"} 0',
    'algoflow_gateway_receiver_in_flight_bytes{component="otlp"} 77',
    'algoflow_gateway_request_duration_seconds_bucket{receiver="otlp",signal="traces",answer="accepted",le="0.0025"} 0',
    'algoflow_gateway_request_duration_seconds_bucket{receiver="otlp",signal="traces",answer="accepted",le="0.005"} 1',
    'algoflow_gateway_request_duration_seconds_count{receiver="otlp",signal="traces",answer="accepted"} 1'
  ]) {
    t.ok(text.includes(`${line}\n`), line)
  }
  metrics.watch({ ...sources, isWholeLedger: false })
  const share = await metrics.text()
  t.notMatch(share, /^algoflow_gateway_(ledger|pipeline)_difference_items\{/m, 'a share need not add up')
  t.match(share, 'algoflow_gateway_delivered_items_total{')
  metrics.unwatch()
  t.notMatch(await metrics.text(), /^algoflow_gateway_queue_bytes 5/m)
})
