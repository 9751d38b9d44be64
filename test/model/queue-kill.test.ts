// kill -9 at random moments: what was resolved is there, positions do not repeat, acked does not come back, counts balance.
// QUEUE_KILLS says how often (default 5; `npm run test:kill` 25).
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'
import { ALL } from '../contract/log.contract.js'

const KILLS = Number(process.env['QUEUE_KILLS'] ?? 5)
const WRITER = fileURLToPath(new URL('./queue-writer.js', import.meta.url))

/** What the children told, over all of them. */
interface Told {
  readonly appended: Map<number, number>
  readonly acked: Set<number>
  lastNumber: number
}

t.test(`nothing resolved is lost over ${KILLS} kills at random moments`, { timeout: 60_000 }, async t => {
  const dir = t.testdir({})
  const told: Told = { appended: new Map(), acked: new Set(), lastNumber: 0 }
  for (let i = 0; i < KILLS; i++) {
    await lifeAndDeath(dir, told, Math.random() * 250)
    await check(t, dir, told)
  }
  t.ok(told.appended.size > KILLS * 5, `${told.appended.size} appended, ${told.acked.size} acked`)
  t.ok(told.acked.size > KILLS, 'acks were seen too')
})

/** Runs a writer and kills it so many ms after it began to work. */
async function lifeAndDeath(dir: string, told: Told, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [WRITER, dir, `${told.lastNumber + 1000}`], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let rest = ''
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (text: string) => {
    if (rest === '' && text.startsWith('S')) setTimeout(() => child.kill('SIGKILL'), afterMs)
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) hear(line, told)
  })
  await new Promise<void>((done, fail) => {
    child.on('close', (_code, signal) => (signal === 'SIGKILL' ? done() : fail(new Error('the writer died by itself'))))
  })
}

function hear(line: string, told: Told): void {
  const [kind, a, b] = line.split(' ')
  if (kind === 'K') told.acked.add(Number(a))
  if (kind === 'R') told.lastNumber = Math.max(told.lastNumber, Number(b))
  if (kind !== 'A') return
  told.lastNumber = Math.max(told.lastNumber, Number(a))
  if (told.appended.has(Number(b))) throw new Error(`position ${b} was given twice`)
  told.appended.set(Number(b), Number(a))
}

async function check(t: Test, dir: string, told: Told): Promise<void> {
  const log = new EmbeddedLog({ dir, maxBytes: 64 << 20 })
  const damage: string[] = []
  log.onDamage(({ why }) => damage.push(why))
  await log.start()
  const waiting = new Map(log.read('exporter', 0, ALL).map(({ position, bytes }) => [position, bytes.toString()]))
  const lost = [...told.appended].filter(([position, number]) => {
    if (told.acked.has(position)) return false
    const text = waiting.get(position)
    // Not there is right only if its ack was written and the kill came before the child could say so.
    return text === undefined ? !mayBeAcked(position, told) : !whole(text, number)
  })
  const again = [...waiting.keys()].filter(position => told.acked.has(position))
  const { cursors } = log.status()
  const other = cursors.find(({ cursor }) => cursor === 'other')!
  const exporter = cursors.find(({ cursor }) => cursor === 'exporter')!
  const counts = log.counts()
  const received = counts.get('received|traces') ?? 0
  t.same(lost, [], 'every resolved append is there, byte for byte')
  t.same(again, [], 'no resolved ack is undone')
  t.same(damage, [], 'a kill is not damage')
  t.equal(received, sumOf(counts, 'n|'), 'counts of one commit stay together')
  t.equal((counts.get('delivered|other') ?? 0) + other.waitingItems, received, 'received = delivered + waiting')
  t.equal((counts.get('delivered|exporter') ?? 0) + exporter.waitingItems, received, 'for the other cursor as well')
  t.ok(received >= told.appended.size, 'at least what was resolved is counted')
  settle(told, waiting)
  await log.stop()
}

/** Positions missing after this kill whose ack was under way: at most one batch of 20. */
let unsaid = 0
function mayBeAcked(_position: number, _told: Told): boolean {
  return ++unsaid <= 20
}

/** From now on what is waiting is waiting, what is not was acked. */
function settle(told: Told, waiting: ReadonlyMap<number, string>): void {
  unsaid = 0
  for (const position of told.appended.keys()) if (!waiting.has(position)) told.acked.add(position)
}

function whole(text: string, number: number): boolean {
  return text === Buffer.alloc(200 + ((number * 7919) % 9000), `${number} `).toString()
}

function sumOf(counts: ReadonlyMap<string, number>, prefix: string): number {
  return [...counts].reduce((sum, [name, n]) => (name.startsWith(prefix) ? sum + n : sum), 0)
}
