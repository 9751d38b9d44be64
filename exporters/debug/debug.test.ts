import { Writable } from 'node:stream'
import t from 'tap'
import { configOf } from '../../core/config/check.js'
import { numbered } from '../../test/helpers/delivery.js'
import { never } from '../../test/helpers/exporter.js'
import { oracle } from '../../test/helpers/otlp-oracle.js'
import debug, { debugExporter } from './index.js'

function printer(config: object, now = () => 0) {
  let text = ''
  const out = new Writable({
    write(chunk, _, done) {
      text += String(chunk)
      done()
    }
  })
  return { exporter: debugExporter('debug', configOf(debug.schema, config), now, out), text: () => text }
}
const batch = (items: number) => ({ signal: 'traces' as const, bytes: numbered(0, items), items })

t.test('basic prints one line a batch with counts', async t => {
  const { exporter, text } = printer({})
  await exporter.send(batch(5), never)
  await exporter.send({ signal: 'metrics', bytes: numbered(0, 2, 'metrics'), items: 2 }, never)
  t.match(text().split('\n'), [
    /^1970-01-01T00:00:00.000Z Traces \{"exporter":"debug","bytes":\d+,"spans":5\}$/,
    /Metrics .*"data points":2/,
    ''
  ])
})

t.test('more batches a second than the limit are left out, and the next printed line says how many', async t => {
  let now = 0
  const { exporter, text } = printer({ sampling_initial: 2, sampling_thereafter: 1000 }, () => now)
  for (let i = 0; i < 20; i++) t.equal((await exporter.send(batch(1), never)).kind, 'delivered')
  t.equal(text().trim().split('\n').length, 2)
  now = 1000
  await exporter.send(batch(1), never)
  t.match(text().trim().split('\n')[2], /"batches not shown":18/)
})

t.test('normal prints a line an item, detailed the whole tree', async t => {
  for (const verbosity of ['normal', 'detailed']) {
    const { exporter, text } = printer({ verbosity })
    for (const signal of ['traces', 'logs', 'metrics'] as const) {
      await exporter.send({ signal, bytes: numbered(7, 1, signal), items: 1 }, never)
    }
    t.equal(text().split('item-7;').length, 4, verbosity)
  }
})

t.test('telemetry cannot send control characters to the terminal', async t => {
  const name = 'evil\u001b[2Jname\u202e'
  const bytes = oracle.encodeRequest('traces', { resourceSpans: [{ scopeSpans: [{ spans: [{ name }] }] }] })
  for (const verbosity of ['normal', 'detailed']) {
    const { exporter, text } = printer({ verbosity })
    await exporter.send({ signal: 'traces', bytes, items: 1 }, never)
    t.notMatch(text(), /[\u001b\u202e]/, verbosity)
  }
})

t.test('a reader that stands still holds the exporter up, not the memory', async t => {
  const stuck = new Writable({ highWaterMark: 10, write() {} })
  const exporter = debugExporter('debug', configOf(debug.schema, {}), () => 0, stuck)
  const abort = new AbortController()
  const sent = exporter.send(batch(1), abort.signal)
  abort.abort(new Error('no answer'))
  t.match(await sent, { kind: 'retry' })
})
