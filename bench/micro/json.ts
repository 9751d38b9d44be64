// How fast OTLP/JSON goes in and out: megabytes of JSON a second of CPU time. Goal: 100 MB/s in.
//
//     npm run -s build && node dist/bench/micro/json.js

import { decodeRequest, encodeRequest } from '../../core/otlp/decode.js'
import { jsonToProtobuf } from '../../core/otlp/json-read.js'
import { protobufToJson } from '../../core/otlp/json-write.js'

const json = Buffer.from(JSON.stringify({ resourceSpans: [resourceSpans(512)] }))
const pretty = Buffer.from(JSON.stringify(JSON.parse(json.toString()), undefined, 2))
const bytes = jsonToProtobuf('traces', json)
const object = decodeRequest('traces', bytes)

console.log(`512 spans: ${json.length} bytes of JSON, ${bytes.length} of protobuf`)
measure('JSON -> protobuf', json.length, () => jsonToProtobuf('traces', json))
measure('JSON with white space -> protobuf', pretty.length, () => jsonToProtobuf('traces', pretty))
measure('protobuf -> JSON', json.length, () => protobufToJson('traces', bytes))
measure('protobuf -> objects', bytes.length, () => decodeRequest('traces', bytes))
measure('objects -> protobuf', bytes.length, () => encodeRequest('traces', object))
measure('JSON.parse of the same, for comparison', json.length, () => JSON.parse(json.toString()))

function measure(what: string, size: number, work: () => unknown): void {
  for (let i = 0; i < 60; i++) work()
  const rates: number[] = []
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < 60; i++) work()
    const { user, system } = process.cpuUsage(before)
    rates.push((size * 60) / (user + system))
  }
  rates.sort((a, b) => a - b)
  console.log(`${what}: ${rates[2]?.toFixed(0)} MB/s (${rates[0]?.toFixed(0)} - ${rates[4]?.toFixed(0)})`)
}

function resourceSpans(n: number): object {
  return {
    resource: { attributes: [text('service.name', 'checkout'), text('host.name', 'web-17'), text('os.type', 'linux')] },
    scopeSpans: [{ scope: { name: 'workflow', version: '1.4.2' }, spans: Array.from({ length: n }, (_, i) => span(i)) }]
  }
}

function span(i: number): object {
  const start = 1_730_000_000_000_000_000n + BigInt(i) * 1_234_567n
  return {
    traceId: (i * 7919).toString(16).padStart(32, 'a'),
    spanId: (i * 104729).toString(16).padStart(16, 'b'),
    parentSpanId: (i + 1).toString(16).padStart(16, 'c'),
    name: 'step.execution',
    kind: 1 + (i % 5),
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 5_000_000n),
    attributes: [
      text('workflow.name', 'nightly-settlement'),
      text('step.name', `load-partition-${i}`),
      { key: 'step.attempt', value: { intValue: '1' } },
      { key: 'step.cached', value: { boolValue: i % 2 === 0 } },
      text('http.url', `https://api.example.com/v2/accounts/${i}/transactions?limit=100&cursor=abcdef`),
      text('db.query.text', 'SELECT "id", "amount" FROM transactions WHERE account_id = $1 ORDER BY created_at DESC'),
      { key: 'queue.ratio', value: { doubleValue: i / 7 } }
    ],
    events: [{ timeUnixNano: String(start + 1000n), name: 'retry', attributes: [text('reason', 'timeout')] }],
    status: i % 10 === 0 ? { code: 2, message: 'connection reset' } : {}
  }
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } }
}
