// Redaction over recorded requests: MB/s of request bytes a core (CPU time), walk included.
//
// Goals: 400 MB/s and more with every detector on where 1 % of spans hold personal data; 40 MB/s where every string hits;
// strings made to be slow cost at most 20 times the usual a byte.
//
//     node dist/bench/micro/redaction.js DIR       (*.pb trace requests, written by bench/gen.py)

import { readdirSync, readFileSync } from 'node:fs'
import type { InlineProcessor } from '../../core/component/processor.js'
import { configOf } from '../../core/config/check.js'
import { encodeLength } from '../../core/otlp/edit.js'
import { Walker } from '../../core/otlp/walk.js'
import hashing from '../../processors/hashing/index.js'
import redaction from '../../processors/redaction/index.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give a folder of *.pb files, written by bench/gen.py')
const requests = readdirSync(folder)
  .filter(name => name.endsWith('.pb'))
  .map(name => readFileSync(`${folder}/${name}`))

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const never = new Proxy({}, { get: () => () => {} }) as never
const context = { id: 'bench', log: silent, clock: { now: Date.now, after: () => ({ cancel() {} }) }, count: never }
const report = {
  dropped() {},
  failed(_: unknown, error: unknown) {
    throw error
  }
}

function redactionOf(config: unknown): InlineProcessor {
  return redaction.create(configOf(redaction.schema, config), context)
}

const PATTERNS = [
  '\\b4[0-9]{12}(?:[0-9]{3})?\\b',
  '\\b(5[1-5][0-9]{14})\\b',
  '\\b3[47][0-9]{13}\\b',
  '\\b[0-9]{3}-[0-9]{2}-[0-9]{4}\\b',
  '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}',
  '\\+?1?[ .-]?\\(?[0-9]{3}\\)?[ .-][0-9]{3}[ .-][0-9]{4}\\b',
  '\\b(?:[0-9]{1,3}\\.){3}[0-9]{1,3}\\b',
  '\\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\\b',
  '\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b',
  '\\beyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\b'
]
const hash = () =>
  hashing.create(
    configOf(hashing.schema, { hash_fields: ['user_id', 'session_id'], key: 'bench-bench-bench-bench' }),
    context
  )

const runs: Record<string, () => InlineProcessor[]> = {
  walk: () => [{ value() {} }],
  all: () => [redactionOf({})],
  'all+names': () => [redactionOf({ detectors: { names: 'redact' } })],
  'all+hash': () => [redactionOf({}), hash()],
  patterns: () => [redactionOf({ detectors: { all: 'off' }, blocked_values: PATTERNS }), hash()]
}

function measure(
  name: string,
  processors: InlineProcessor[],
  batches: readonly Buffer[],
  seconds = Number(process.env.BENCH_SECONDS ?? 1.5)
): void {
  const walker = new Walker('traces', processors, report)
  for (let warm = 0; warm < 3; warm++) for (const batch of batches) walker.walk(batch)
  let bytes = 0
  let spans = 0
  const cpu = process.cpuUsage()
  const until = Date.now() + seconds * 1000
  while (Date.now() < until) {
    for (const batch of batches) {
      spans += walker.walk(batch).seen
      bytes += batch.length
    }
  }
  const used = process.cpuUsage(cpu)
  const us = used.user + used.system
  console.log(
    `${name.padEnd(12)} ${(bytes / us).toFixed(0).padStart(6)} MB/s  ${(us / spans).toFixed(3)} us a span  ${(bytes / spans).toFixed(0)} B a span`
  )
}

/** Requests in which every string holds something, with a few ordinary words around it. */
function hitting(): Buffer {
  const texts = [
    'mail sent to ada.lovelace@example.com by step notify',
    'card 4111111111111111 declined',
    'call +1 415 555 2671 back',
    'from 93.184.216.34 port 443',
    'ssn 219-09-9999 on file',
    'payout to DE89370400440532013000',
    'Authorization: Bearer abc123def456ghi789',
    'postgres://app:s3cr3t@db.internal:5432/ledger'
  ]
  const text = (field: number, value: Buffer): Buffer =>
    Buffer.concat([Buffer.of((field << 3) | 2), encodeLength(value.length), value])
  const attribute = (i: number): Buffer => {
    const any = text(1, Buffer.from(`${texts[i % texts.length]} ${i}`))
    return text(9, Buffer.concat([text(1, Buffer.from('message')), text(2, any)]))
  }
  const span = (i: number): Buffer => {
    const ids = [text(1, Buffer.alloc(16, 7)), text(2, Buffer.alloc(8, 7)), text(5, Buffer.from('step'))]
    return text(2, Buffer.concat([...ids, ...Array.from({ length: 8 }, (_, n) => attribute(i * 8 + n))]))
  }
  const spans = Array.from({ length: 256 }, (_, i) => span(i))
  return text(1, text(2, Buffer.concat(spans)))
}

for (const [name, make] of Object.entries(runs)) {
  if (process.argv[3] === undefined || process.argv[3] === name) measure(name, make(), requests)
}
if (process.argv[3] === undefined || process.argv[3] === 'hits') measure('hits', [redactionOf({})], [hitting()])
