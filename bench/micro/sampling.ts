// What tail sampling costs: CPU per span over a folder of encoded trace requests, step by step, nothing stored.
//
//   node dist/bench/micro/sampling.js REQUEST_FOLDER [traces]
//
// Goal: scan <= 0.25 us, everything (scan, index, decide, cut 13 %) <= 0.6 us a 578-byte span. With `traces`: so many
// undecided traces are indexed, and the memory they take is told; goal: 2 million within 2 GB.

import { readdirSync, readFileSync } from 'node:fs'
import { configOf } from '../../core/config/check.js'
import { countItems } from '../../core/otlp/batches.js'
import { ItemScan, type RunSink } from '../../core/otlp/item-scan.js'
import { Window } from '../../core/sampling/window.js'
import { schema } from '../../processors/tail_sampling/config.js'
import declaration from '../../processors/tail_sampling/index.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give a folder of *.pb files, written by bench/gen.py')
const requests = readdirSync(folder)
  .filter(name => name.endsWith('.pb'))
  .map(name => readFileSync(`${folder}/${name}`))
const spansIn = requests.map(bytes => countItems('traces', bytes))
const counter = () => {}
const context = {
  id: 'tail_sampling',
  log: { debug() {}, info() {}, warn() {}, error() {} },
  clock: { now: Date.now, after: () => ({ cancel() {} }) },
  count: { traces_kept: counter, traces_dropped: counter, traces_decided: counter }
}

function processor(settings: object) {
  const policies = [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'ten', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }
  ]
  return declaration.create(configOf(schema, { policies, ...settings }), context)
}

function windowWith(settings: object): Window {
  return new Window({
    id: 'tail_sampling',
    processor: processor(settings),
    streams: [{ id: 'traces', signal: 'traces', arrival: 'arrival', exporters: ['out'] }],
    journal: 'journal',
    maxOpenBytes: 1e12
  })
}

function measure(name: string, rounds: number, work: (bytes: Buffer, i: number) => void, spans: number): void {
  for (let round = 0; round < 4; round++) requests.forEach(work)
  const cpu = process.cpuUsage()
  for (let round = 0; round < rounds; round++) requests.forEach(work)
  const used = process.cpuUsage(cpu)
  console.log(`${name.padEnd(22)} ${((used.user + used.system) / (spans * rounds)).toFixed(3)} us a span`)
}

/** Another trace id for every span of a request, as if the traces were new. */
function renew(bytes: Buffer, by: number): Buffer {
  const copy = Buffer.from(bytes)
  const scan = new ItemScan({ keys: [] })
  const sink: RunSink = {
    run({ traceAt }) {
      if (traceAt >= 0) seen.push(traceAt)
    }
  }
  const seen: number[] = []
  scan.scan('traces', copy, sink)
  for (const span of spansOf(copy)) copy.writeUInt32LE((copy.readUInt32LE(span) + by) >>> 0, span)
  return copy
}

/** Where the trace ids of a request's spans are. */
function spansOf(bytes: Buffer): number[] {
  const at: number[] = []
  const ids = new Set<string>()
  new ItemScan({ keys: [] }).scan('traces', bytes, {
    run: ({ traceAt, buf }) => ids.add(buf.toString('latin1', traceAt, traceAt + 16))
  })
  for (const id of ids) {
    const wanted = Buffer.concat([Buffer.from([0x0a, 16]), Buffer.from(id, 'latin1')])
    for (let p = bytes.indexOf(wanted); p >= 0; p = bytes.indexOf(wanted, p + 18)) at.push(p + 2)
  }
  return at
}

const total = spansIn.reduce((sum, n) => sum + n, 0)
let runs = 0
const sink: RunSink = {
  run() {
    runs++
  }
}
const scan = new ItemScan({ keys: [] })
measure('scan', 30, bytes => scan.scan('traces', bytes, sink), total)

const wantedTraces = Number(process.argv[3] ?? 0)
if (wantedTraces === 0) {
  const window = windowWith({ late_error_window: '0s' })
  const stored = new Map<number, Buffer>()
  let position = 0
  let round = 0
  const work = (_bytes: Buffer, i: number): void => {
    const fresh = renewed[i]![round % renewed[i]!.length]!
    window.take({ position: ++position, stream: 'arrival', items: spansIn[i]!, bytes: fresh, appendedAt: position })
    stored.set(position, fresh)
    if (i !== requests.length - 1) return
    round++
    for (let more = true; more; ) {
      more = window.advance(position)
      const harvest = window.harvest(at => stored.get(at), position)
      if (harvest === undefined) break
      window.committed(
        harvest,
        harvest.appends.map(() => ++position),
        position
      )
      for (const done of harvest.released) stored.delete(done)
    }
  }
  const renewed = requests.map(bytes => [bytes, ...Array.from({ length: 7 }, (_, by) => renew(bytes, (by + 1) * 7919))])
  measure('scan, index, decide, cut', 24, work, total)
} else {
  const window = windowWith({ decision_wait_after_root_received: '1h', decision_wait: '1h', num_traces: 1e9 })
  const before = process.memoryUsage().rss
  // Its own id for every trace: a request is changed in place, over and over.
  const all = requests.map(bytes => ({ bytes: Buffer.from(bytes), ids: spansOf(bytes) }))
  const cpu = process.cpuUsage()
  let spans = 0
  for (let position = 1, round = 1; window.status().openTraces < wantedTraces; round++) {
    for (const { bytes, ids } of all) {
      for (const at of ids) bytes.writeUInt32LE((bytes.readUInt32LE(at) + round * 977) >>> 0, at)
      // No root's total may say that a trace is over: it is not asked for then.
      window.take({ position: position++, stream: 'arrival', items: ids.length, bytes, appendedAt: position })
      spans += ids.length
    }
  }
  const used = process.cpuUsage(cpu)
  const mib = (process.memoryUsage().rss - before) / 1048576
  console.log(
    `${window.status().openTraces} undecided traces, ${spans} spans: ${mib.toFixed(0)} MiB, ${((used.user + used.system) / spans).toFixed(3)} us a span`
  )
}
if (runs < 0) console.log(runs)
