import t from 'tap'
import { ManualClock, silentLog } from '../../test/helpers/receiver.js'
import type { Deriver } from '../component/derived.js'
import { encodeRequest } from '../otlp/decode.js'
import type { Commit } from '../queue/log.js'
import { MemoryLog } from '../queue/memory/log.js'
import { Chain } from './chain.js'
import { DerivingStage } from './derived.js'
import { derive, noteStream } from './gather.js'
import type { Pipeline } from './pipelines.js'

const INTERVAL = 1000
const STREAM = noteStream('maker')

/** Sums numbers; forgets what is two notes old. */
class Summing implements Deriver {
  sum = 0
  counted = 0
  taken: number[] = []
  generation = 0
  isChanged = false

  restore(state: Buffer | undefined): void {
    if (state !== undefined) [this.sum, this.counted] = JSON.parse(state.toString()) as [number, number]
  }
  take(notes: Buffer): void {
    for (const byte of notes) {
      this.taken.push(byte)
      // Notes are numbers that grow: what is not above the state's is in it.
      if (byte <= this.counted) continue
      this.counted = byte
      this.sum += byte
      this.isChanged = true
    }
    this.generation++
  }
  state(): Buffer {
    return Buffer.from(JSON.stringify([this.sum, this.counted]))
  }
  emit(): Buffer {
    const gauge = { dataPoints: [{ asInt: BigInt(this.sum) }] }
    return encodeRequest('metrics', {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'sum', gauge }] }] }]
    } as never)
  }
  committed(): void {
    this.isChanged = false
  }
}

class FailingLog extends MemoryLog {
  isFailing = false
  override commit(commit: Commit): Promise<readonly number[]> {
    const isDerived = (commit.acks?.length ?? 0) > 0
    return this.isFailing && isDerived ? Promise.reject(new Error('no')) : super.commit(commit)
  }
}

const metrics: Pipeline = {
  id: 'metrics',
  signal: 'metrics',
  receivers: new Set(['maker']),
  exporters: ['out'],
  chain: new Chain('metrics', [], { failed() {} }),
  pressure: () => undefined
}

function stageOn(log: MemoryLog, clock: ManualClock, deriver = new Summing()) {
  const stage = new DerivingStage({
    id: 'maker',
    create: () => deriver,
    intervalMs: INTERVAL,
    derive: bytes => derive([metrics], 'metrics', bytes, 'maker'),
    log,
    clock,
    logger: silentLog
  })
  return { stage, deriver }
}

async function open() {
  const clock = new ManualClock()
  const log = new FailingLog({ maxBytes: 1e6, now: () => clock.now() })
  const { stage, deriver } = stageOn(log, clock)
  await log.start()
  await log.cursors(new Map([...stage.readers(), ['out', ['metrics']]]))
  await stage.start()
  const note = (...numbers: number[]) =>
    log.commit({ appends: [{ stream: STREAM, items: 1, bytes: Buffer.from(numbers) }] })
  const out = () => log.read('out', 0, { maxItems: 1e6, maxBytes: 1e6 }).length
  const waiting = (cursor: string) => log.status().cursors.find(c => c.cursor === cursor)?.waitingEntries
  return { clock, log, stage, deriver, note, out, waiting }
}

t.test('notes are gathered for 50 ms before they are read, so that many are read at a time', async t => {
  const { clock, stage, deriver, note } = await open()
  const turns = async () => {
    for (let i = 0; i < 10; i++) await new Promise<void>(resolve => setImmediate(resolve))
  }
  await stage.settle()
  await turns()
  await note(1)
  await turns()
  clock.move(40)
  await note(2)
  await turns()
  t.same(deriver.taken, [])
  clock.move(10)
  await turns()
  t.same(deriver.taken, [1, 2])
  await note(3)
  clock.move(60)
  await turns()
  t.same(deriver.taken, [1, 2, 3])
  await stage.stop()
})

t.test('notes become totals, telemetry in the pipelines that receive it, and counts of the ledger', async t => {
  const { stage, deriver, note, out, waiting, log } = await open()
  await note(1)
  await note(2)
  await stage.settle()
  t.equal(deriver.sum, 3)
  t.equal(out(), 1)
  t.equal(waiting('maker'), 0, 'both are counted')
  t.equal(waiting('maker#known'), 2, 'and remembered')
  t.match(Object.fromEntries(log.counts()), { 'received|metrics': 1, 'appended|metrics': 1, 'offered|out|metrics': 1 })
  await note(3)
  await stage.settle()
  t.equal(waiting('maker#known'), 2, 'the first one is forgotten')
  await stage.stop()
})

t.test('who starts again reads what is remembered and counts nothing twice', async t => {
  const { stage, note, log, clock } = await open()
  await note(1)
  await note(2)
  await stage.settle()
  // Not committed: as if the process had died behind this.
  await note(4)
  const again = stageOn(log, clock)
  await again.stage.start()
  await again.stage.settle()
  t.same(again.deriver.taken, [1, 2, 4])
  t.equal(again.deriver.sum, 7)
  await stage.stop()
  await again.stage.stop()
})

t.test('a commit that fails changes nothing and is made again with what came meanwhile', async t => {
  const { stage, deriver, note, out, log, clock, waiting } = await open()
  log.isFailing = true
  await note(1)
  await stage.settle()
  t.equal(out(), 0)
  t.equal(waiting('maker'), 1)
  t.ok(deriver.isChanged)
  await note(2)
  log.isFailing = false
  clock.move(1000)
  await stage.settle()
  t.equal(waiting('maker'), 0)
  t.equal(out(), 1)
  t.equal(JSON.parse(log.state('maker#totals|0')!.toString())[0], 3)
  await stage.stop()
})

t.test('unchanged totals are sent again every minute, and not more often', async t => {
  const { stage, note, out, clock } = await open()
  await note(1)
  await stage.settle()
  for (let i = 0; i < 50; i++) {
    clock.move(INTERVAL)
    await stage.settle()
  }
  t.equal(out(), 1)
  for (let i = 0; i < 11; i++) {
    clock.move(INTERVAL)
    await stage.settle()
  }
  t.equal(out(), 2)
  await stage.stop()
})

t.test('a stop counts and commits what is there', async t => {
  const { stage, note, out, waiting } = await open()
  await note(1)
  await note(2)
  await stage.stop()
  await stage.stop()
  t.equal(waiting('maker'), 0)
  t.equal(out(), 1)
})

t.test('totals that cannot be read are told, and counting begins anew', async t => {
  const { stage, log, clock } = await open()
  await stage.stop()
  await log.commit({ state: new Map([['maker#totals|0', Buffer.from('{')]]) })
  const again = stageOn(log, clock)
  await again.stage.start()
  t.equal(again.deriver.sum, 0)
  await again.stage.stop()
})
