// What the walk costs: CPU per span over a folder of encoded trace requests, alone and with hooks that look at everything.
//
//   node dist/bench/micro/walk.js REQUEST_FOLDER
//
// Goal: the bare walk <= 0.4 us a 578-byte span.

import { readdirSync, readFileSync } from 'node:fs'
import type { Visitor } from '../../core/otlp/views.js'
import { Walker } from '../../core/otlp/walk.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give a folder of *.pb files, written by bench/gen.py')
const requests = readdirSync(folder)
  .filter(name => name.endsWith('.pb'))
  .map(name => readFileSync(`${folder}/${name}`))
const report = { dropped() {}, failed() {} }

let sum = 0
const look: Visitor = {
  attribute(a) {
    sum += a.end - a.start
  }
}
const scan: Visitor = {
  value(v) {
    if (v.kind === 'int' || v.kind === 'double') sum += v.magnitude
    else sum += v.end - v.start
  }
}
const editRoot: Visitor = {
  attribute(a) {
    if (a.key.text === 'user_id' || a.key.text === 'session_id') a.replace('h1:k1:0123456789abcdef')
  }
}

const only = process.argv[3]
for (const [name, visitors] of Object.entries({
  none: [],
  attribute: [look],
  value: [scan],
  both: [look, scan],
  edit: [editRoot]
})) {
  if (only !== undefined && name !== only) continue
  const walker = new Walker('traces', visitors, report)
  let spans = 0
  const rounds = 30
  for (let warm = 0; warm < 5; warm++) for (const r of requests) walker.walk(r)
  const cpu = process.cpuUsage()
  for (let i = 0; i < rounds; i++) for (const r of requests) spans += walker.walk(r).items
  const used = process.cpuUsage(cpu)
  console.log(`${name.padEnd(10)} ${((used.user + used.system) / spans).toFixed(3)} us a span (${spans} spans)`)
}
if (sum < 0) console.log(sum)
