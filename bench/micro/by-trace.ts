// What splitting requests by trace id costs: CPU per span over a folder of encoded trace requests.
//
//   node dist/bench/micro/by-trace.js REQUEST_FOLDER [parts]
//
// Goal: <= 0.25 us a 578-byte span in 8 parts.

import { readdirSync, readFileSync } from 'node:fs'
import { countItems } from '../../core/otlp/batches.js'
import { splitByTrace } from '../../core/otlp/by-trace.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give a folder of *.pb files, written by bench/gen.py')
const parts = Number(process.argv[3] ?? 8)
const requests = readdirSync(folder)
  .filter(name => name.endsWith('.pb'))
  .map(name => readFileSync(`${folder}/${name}`))
const spans = requests.reduce((sum, bytes) => sum + countItems('traces', bytes), 0)
const ROUNDS = 20

for (let measured = 0; measured < 4; measured++) {
  const cpu = process.cpuUsage()
  for (let round = 0; round < ROUNDS; round++) for (const bytes of requests) splitByTrace('traces', [bytes], parts)
  const { user, system } = process.cpuUsage(cpu)
  if (measured > 0)
    console.log(`by trace, ${parts} parts: ${((user + system) / (spans * ROUNDS)).toFixed(3)} us a span`)
}
