// What `queue.compression` costs and saves: one goal, that it is known before it is switched on.
//
//   node dist/bench/micro/payloads.js [FILE.pb ...]     default: the requests that compare.py setup wrote (512 spans each)

import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { canZstd, decodePayload, encodePayload } from '../../core/queue/redis_streams/codec.js'

const ROUNDS = 20
const dir = join(process.env['BENCH_HOME'] ?? join(homedir(), '.cache/gateway-bench'), 'requests/512')
const files = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(dir).map(name => join(dir, name))
const payloads = files.slice(0, 64).map(file => readFileSync(file))
const total = payloads.reduce((sum, { length }) => sum + length, 0)

/** CPU of one call over all payloads, us a MB of what goes in. */
function cpu(work: () => void): string {
  work()
  const before = process.cpuUsage()
  for (let i = 0; i < ROUNDS; i++) work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) / ROUNDS / (total / 1e6)).toFixed(0)
}

console.log(`${payloads.length} payloads, ${(total / 1e6).toFixed(1)} MB, Node ${process.versions.node}`)
for (const compression of ['none', 'deflate', ...(canZstd() ? (['zstd'] as const) : [])] as const) {
  const kept = payloads.map(bytes => encodePayload(bytes, compression))
  const size = kept.reduce((sum, { length }) => sum + length, 0)
  const write = cpu(() => void payloads.map(bytes => encodePayload(bytes, compression)))
  const read = cpu(() => void kept.map(decodePayload))
  console.log(
    `${compression.padEnd(8)} ${(total / size).toFixed(1)} x smaller, write ${write} us/MB, read ${read} us/MB`
  )
}
