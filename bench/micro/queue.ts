// CPU of the log, whole process with its threads: append + read + ack of 300 kB entries one at a time and of 6 kB entries alone and with
// 100 concurrent commits, then file size and memory over some GB. Goal: <= 350 us for 300 kB.
//   node dist/bench/micro/queue.js [GB=2]
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'

const dir = fs.mkdtempSync(join(process.env['QUEUE_DIR'] ?? tmpdir(), 'bench-queue-'))
const log = new EmbeddedLog({ dir, maxBytes: 4e9 })
await log.start()
await log.cursors(new Map([['exporter', ['traces']]]))
await run('6 kB, one at a time', 1500, 6_000, 1)
await run('300 kB, warm-up', 500, 300_000, 1)
await run('300 kB, one at a time', 1500, 300_000, 1)
await run('300 kB, 8 concurrent', 1600, 300_000, 8)
await run('6 kB, 100 concurrent', 40_000, 6_000, 100)
await run(
  `${process.argv[2] ?? 2} GB of 300 kB`,
  Math.round((Number(process.argv[2] ?? 2) * 1e9) / 300_000),
  300_000,
  8
)
await log.tidy()
console.log(`after a drain: ${mib(diskBytes())} MiB on disk`)
await log.stop()
fs.rmSync(dir, { recursive: true })

async function run(name: string, entries: number, size: number, concurrent: number): Promise<void> {
  const bytes = Buffer.alloc(size, 'telemetry')
  let peak = 0
  const before = process.cpuUsage()
  const began = process.hrtime.bigint()
  let acked: Promise<unknown> = Promise.resolve()
  for (let done = 0; done < entries; done += concurrent) {
    const appends = Array.from({ length: concurrent }, () =>
      log.commit({ appends: [{ stream: 'traces', items: 512, bytes }], counts: new Map([['received|traces', 512]]) })
    )
    await Promise.all(appends)
    const read = log.read('exporter', 0, { maxItems: 1e9, maxBytes: 64e6 })
    acked = log.commit({ acks: [{ cursor: 'exporter', positions: read.map(entry => entry.position) }] })
    if (done % 500 === 0) peak = Math.max(peak, diskBytes())
  }
  await acked
  const { user, system } = process.cpuUsage(before)
  const wallMs = Number(process.hrtime.bigint() - began) / 1e6
  const each = (us: number): string => (us / entries).toFixed(1)
  console.log(
    `${name}: ${each(user + system)} us CPU an entry (${each(user)} user, ${each(system)} system), ` +
      `${Math.round((entries * 1000) / wallMs)} entries/s, disk peak ${mib(peak)} MiB, RSS ${mib(process.memoryUsage.rss())} MiB`
  )
}

function diskBytes(): number {
  return fs
    .readdirSync(join(dir, 'log'))
    .reduce((sum, name) => sum + (fs.statSync(join(dir, 'log', name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

function mib(bytes: number): number {
  return Math.round(bytes / (1 << 20))
}
