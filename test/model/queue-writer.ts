// The child of the kill test: appends numbered payloads, reads, acks, and tells over stdout what was resolved.
//   node queue-writer.js DIR FIRST_NUMBER
// Lines: `A number position` appended, `K position` ack resolved, `R position number` read before its ack.
import { writeSync } from 'node:fs'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'

const [, , dir = '', first = '0'] = process.argv
const log = new EmbeddedLog({ dir, maxBytes: 64 << 20, segmentBytes: 256 << 10, tailBytes: 64 << 10, idleMs: 5 })
await log.start()
await log.cursors(new Map([['exporter', ['traces']], ['other', ['traces']]])) // biome-ignore format: short
say('S\n')
let next = Number(first)
void Promise.all([append(), append(), append(), deliver('exporter', 0.9), deliver('other', 1)])

async function append(): Promise<void> {
  for (;;) {
    const number = next++
    const bytes = Buffer.alloc(200 + ((number * 7919) % 9000), `${number} `)
    const counts = new Map([['received|traces', 1], [`n|${number % 10}`, 1]]) // biome-ignore format: short
    const positions = await log.commit({ appends: [{ stream: 'traces', items: 1, bytes }], counts }).catch(() => [])
    if (positions.length > 0) say(`A ${number} ${positions[0]}\n`)
  }
}

async function deliver(cursor: string, share: number): Promise<void> {
  for (;;) {
    const entries = log.read(cursor, 0, { maxItems: 20, maxBytes: 1e6 })
    const positions = entries.filter(({ position }) => (position * 0.618) % 1 < share).map(({ position }) => position)
    if (cursor === 'exporter') {
      for (const { position, bytes } of entries) say(`R ${position} ${bytes.toString().split(' ', 1)[0]}\n`)
    }
    await log.commit({
      acks: [{ cursor, positions: positions.reverse() }],
      counts: new Map([[`delivered|${cursor}`, positions.length]])
    })
    if (cursor === 'exporter') say(positions.map(position => `K ${position}\n`).join(''))
    await new Promise(done => setImmediate(done))
  }
}

/** At once and whole: what is buffered in the process dies with it. The pipe may be full for a moment. */
function say(text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
