// What `workflow_metrics` adds to the chain: CPU per span over a folder of encoded trace requests, step by step.
//
//   node dist/bench/micro/workflow-metrics.js REQUEST_FOLDER
//
// Goal: all of it <= 0.6 us a 578-byte span: the look and its note, counting, and the totals written every 10 s (here: after
// every 4,096 requests). Spans are new every time, so that the memory of span ids grows as it does in life. `chain` is the
// walk with nobody looking, for scale; `duplicates` the same requests again.

import { readdirSync, readFileSync } from 'node:fs'
import { configOf } from '../../core/config/check.js'
import { countItems } from '../../core/otlp/batches.js'
import { Chain } from '../../core/pipeline/chain.js'
import { schema } from '../../processors/workflow_metrics/config.js'
import { WorkflowDeriver } from '../../processors/workflow_metrics/deriver.js'
import { Observer } from '../../processors/workflow_metrics/observer.js'
import { SpanScan } from '../../processors/workflow_metrics/scan.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give a folder of *.pb files, written by bench/gen.py')
const requests = readdirSync(folder)
  .filter(name => name.endsWith('.pb'))
  .map(name => readFileSync(`${folder}/${name}`))
const spans = requests.reduce((sum, bytes) => sum + countItems('traces', bytes), 0)
const config = configOf(schema, {})
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 40)
const TICK = 4096
/** Log bytes that a note may grow to. */
let noteBytes = 0

function measure(name: string, work: (bytes: Buffer, round: number) => void): number {
  for (let round = 0; round < 10; round++) for (const bytes of requests) work(bytes, round)
  const cpu = process.cpuUsage()
  for (let round = 10; round < 10 + ROUNDS; round++) for (const bytes of requests) work(bytes, round)
  const used = process.cpuUsage(cpu)
  const each = (used.user + used.system) / (spans * ROUNDS)
  console.log(`${name.padEnd(24)} ${each.toFixed(3)} us a span`)
  return each
}

/** Other ids for every span of a note, as if the request were new. */
function renew(note: Buffer, round: number): void {
  const series = note.readUInt16LE(17)
  let p = 19
  for (let i = 0; i < series; i++) {
    p += 2
    for (let text = 0; text < 3; text++) p += 2 + note.readUInt16LE(p)
  }
  const records = note.readUInt32LE(p)
  p += 4
  for (let i = 0; i < records; i++) {
    note.writeUInt32LE((note.readUInt32LE(p + 10) ^ Math.imul(round + 1, 0x9e3779b1)) >>> 0, p + 10)
    const flags = note[p + 34]!
    p += 35
    if ((flags & 4) !== 0) p += 4
    for (let bit = 8; bit <= 128; bit <<= 1) if ((flags & bit) !== 0) p += 8
  }
}

const chain = new Chain('traces', [], { failed() {} })
const scan = new SpanScan(config)
const observer = new Observer(config)
const nothing = { span() {} }
measure('chain (walk alone)', bytes => chain.run(bytes))
const looked = measure('scan', bytes => scan.scan(bytes, nothing))
const noted = measure('scan and note', bytes => {
  noteBytes = observer.observe(bytes)!.bytes.length
})

const deriver = new WorkflowDeriver({ config, onDuplicates() {}, onOverflow() {} })
const notes = requests.map(bytes => observer.observe(bytes)!.bytes)
let taken = 0
let now = 1_763_800_000_000
let number = 0
const count = (note: Buffer): void => {
  // A note of its own every time, or it would be known as counted.
  note.writeUInt32LE(++number, 13)
  deriver.take(note, now)
  now += 3
  if (++taken % TICK === 0) {
    deriver.state()
    deriver.emit(now)
    deriver.committed()
  }
}
let at = 0
const renewed = measure('(new ids, not counted)', (_, round) => renew(notes[at++ % notes.length]!, round))
const counted = measure('count, new ids', (_, round) => {
  const note = notes[at++ % notes.length]!
  renew(note, round)
  count(note)
})
measure('count, duplicates', () => count(notes[at++ % notes.length]!))
console.log(`\nscan ${looked.toFixed(3)}, note ${(noted - looked).toFixed(3)}, count ${(counted - renewed).toFixed(3)}`)
console.log(
  `together ${(noted + counted - renewed).toFixed(3)} us a span; ${(noteBytes / (spans / requests.length)).toFixed(1)} bytes a span in the log`
)
