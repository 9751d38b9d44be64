// Random appends, reads, acks out of order, holds, changed cursors, restarts and crashes of the durable logs against a small model.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import t from 'tap'
import { EmbeddedLog } from '../../core/queue/embedded/log.js'
import type { Log } from '../../core/queue/log.js'
import { RedisLog, type RedisLogOptions } from '../../core/queue/redis_streams/log.js'
import { ALL } from '../contract/log.contract.js'
import { redisForTest } from '../helpers/redis.js'

const STREAMS = ['s', 'u', 'v']
const CURSORS = ['a', 'b', 'c']
const MAX_BYTES = 3000

interface ModelEntry {
  readonly stream: string
  readonly items: number
  readonly text: string
  readonly waiters: Set<string>
}

class Model {
  readonly entries = new Map<number, ModelEntry>()
  readonly counts = new Map<string, number>()
  lanes = new Map<string, readonly string[]>()
  next = 1
  released = 0
  state: string | undefined
  hold = Number.POSITIVE_INFINITY

  held(): number {
    return [...this.entries.values()].reduce((sum, { text }) => sum + text.length, 0)
  }

  count(name: string, n: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + n)
  }

  release(): void {
    for (const [position, { waiters }] of this.entries) {
      if (waiters.size > 0 || position >= this.hold) continue
      this.entries.delete(position)
      this.released = Math.max(this.released, position)
    }
  }
}

interface Real {
  log: Log
  /** Stopped, and opened again on the same place. */
  restart(): Promise<void>
  /** What a kill leaves, opened again. */
  crash(): Promise<void>
  /** Whatever a store does when it is idle. */
  tidy(): Promise<void>
}

type Command = fc.AsyncCommand<Model, Real>

class Append implements Command {
  readonly sizes: readonly (readonly [number, number])[]
  constructor(sizes: readonly (readonly [number, number])[]) {
    this.sizes = sizes
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    // One commit each, all at once: they are grouped.
    await Promise.all(this.sizes.map(([stream, size]) => appendOne(model, real, STREAMS[stream]!, size)))
    compare(model, real)
  }
  toString(): string {
    return `append(${JSON.stringify(this.sizes)})`
  }
}

async function appendOne(model: Model, real: Real, stream: string, size: number): Promise<void> {
  const position = model.next
  const text = `${position}-`.padEnd(size, 'x')
  const commit = real.log.commit({
    appends: [{ stream, items: size, bytes: Buffer.from(text) }],
    counts: new Map([[`received|${stream}`, size]])
  })
  if (model.held() + text.length > MAX_BYTES) {
    await commit.then(
      () => Promise.reject(new Error('took more than maxBytes')),
      () => undefined
    )
    return
  }
  const waiters = new Set([...model.lanes].filter(([, streams]) => streams.includes(stream)).map(([cursor]) => cursor))
  model.next++
  model.entries.set(position, { stream, items: size, text, waiters })
  model.count(`received|${stream}`, size)
  if ((await commit)[0] !== position) throw new Error('another position than the model')
  model.release()
}

class Ack implements Command {
  readonly cursor: string
  readonly picks: readonly number[]
  constructor(cursor: string, picks: readonly number[]) {
    this.cursor = cursor
    this.picks = picks
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const waiting = [...model.entries]
      .filter(([, entry]) => entry.waiters.has(this.cursor))
      .map(([position]) => position)
    const positions = [...new Set(this.picks.map(pick => waiting[pick % Math.max(1, waiting.length)] ?? pick))]
    await real.log.commit({
      acks: [{ cursor: this.cursor, positions }],
      counts: new Map([['acks', 1]]),
      state: new Map([['last', Buffer.from(positions.join())]])
    })
    model.count('acks', 1)
    model.state = positions.join()
    for (const position of positions) model.entries.get(position)?.waiters.delete(this.cursor)
    model.release()
    compare(model, real)
  }
  toString(): string {
    return `ack(${this.cursor}, ${this.picks})`
  }
}

class Hold implements Command {
  readonly back: number
  constructor(back: number) {
    this.back = back
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const position = this.back === 0 ? Number.POSITIVE_INFINITY : Math.max(model.released + 1, model.next - this.back)
    // Holds move forward: what is released does not come back.
    if (model.hold !== Number.POSITIVE_INFINITY && position < model.hold) return
    model.hold = position
    real.log.hold('window', position)
    model.release()
    compare(model, real)
  }
  toString(): string {
    return `hold(next - ${this.back})`
  }
}

class Declare implements Command {
  readonly lanes: Record<string, readonly string[]>
  constructor(lanes: Record<string, readonly string[]>) {
    this.lanes = lanes
  }
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    const lanes = new Map(Object.entries(this.lanes))
    await real.log.cursors(lanes)
    for (const { stream, items, waiters } of model.entries.values()) {
      for (const cursor of waiters) {
        if (lanes.get(cursor)?.includes(stream)) continue
        waiters.delete(cursor)
        model.count(`dropped|${cursor}|${stream}|exporter_removed`, items)
      }
    }
    model.lanes = lanes
    model.release()
    compare(model, real)
  }
  toString(): string {
    return `declare(${JSON.stringify(this.lanes)})`
  }
}

class Restart implements Command {
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    await real.restart()
    compare(model, real)
  }
  toString(): string {
    return 'restart'
  }
}

class Crash implements Command {
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    // A hold is written with the next commit.
    await real.log.commit({})
    await real.crash()
    compare(model, real)
  }
  toString(): string {
    return 'crash'
  }
}

class Tidy implements Command {
  check(): boolean {
    return true
  }
  async run(model: Model, real: Real): Promise<void> {
    await real.tidy()
    compare(model, real)
  }
  toString(): string {
    return 'tidy'
  }
}

function compare(model: Model, real: Real): void {
  for (const cursor of CURSORS) {
    const expected = [...model.entries]
      .filter(([, entry]) => entry.waiters.has(cursor))
      .map(([position, { stream, items, text }]) => `${position} ${stream} ${items} ${text}`)
    const got = real.log
      .read(cursor, 0, ALL)
      .map(({ position, stream, items, bytes }) => `${position} ${stream} ${items} ${bytes.toString()}`)
    same(`reads of ${cursor}`, got, expected)
    const status = real.log.status().cursors.find(status => status.cursor === cursor)
    same(`waiting of ${cursor}`, status?.waitingEntries ?? 0, expected.length)
  }
  const status = real.log.status()
  same('entries', status.entries, model.entries.size)
  same('bytes', status.bytes, model.held())
  same('state', real.log.state('last')?.toString(), model.state)
  same('counts', [...real.log.counts()].sort(), [...model.counts].sort())
  for (const [position, { text }] of model.entries) same('get', real.log.get(position)?.bytes.toString(), text)
}

function same(what: string, got: unknown, expected: unknown): void {
  if (JSON.stringify(got) === JSON.stringify(expected)) return
  throw new Error(`${what}: got ${JSON.stringify(got)}, the model says ${JSON.stringify(expected)}`)
}

const lanes = fc.dictionary(
  fc.constantFrom(...CURSORS),
  fc.subarray(STREAMS, { minLength: 1 }),
  { minKeys: 1, maxKeys: 3 } // biome-ignore format: short
)
const stream = fc.nat({ max: STREAMS.length - 1 })
const commands = fc.commands(
  [
    fc
      .array(fc.tuple(stream, fc.integer({ min: 1, max: 300 })), { minLength: 1, maxLength: 5 })
      .map(s => new Append(s)),
    fc.tuple(fc.constantFrom(...CURSORS), fc.array(fc.nat(), { maxLength: 6 })).map(([c, p]) => new Ack(c, p)),
    fc.tuple(fc.constantFrom(...CURSORS), fc.array(fc.nat(), { maxLength: 40 })).map(([c, p]) => new Ack(c, p)),
    fc.nat({ max: 6 }).map(back => new Hold(back)),
    lanes.map(lanes => new Declare(lanes)),
    fc.constant(new Restart()),
    fc.constant(new Crash()),
    fc.constant(new Tidy())
  ],
  { maxCommands: 100, size: '+1' }
)

class RealEmbedded implements Real {
  #dir: string
  readonly #options: { readonly segmentBytes: number; readonly tailBytes: number }
  #generation = 0
  log: EmbeddedLog

  constructor(dir: string, options: { readonly segmentBytes: number; readonly tailBytes: number }) {
    this.#dir = dir
    this.#options = options
    this.log = this.#open()
  }

  async restart(): Promise<void> {
    await this.log.stop()
    this.log = this.#open()
    await this.log.start()
  }

  /** The files as they are, without the end mark of a stop. */
  async crash(): Promise<void> {
    const copy = `${this.#dir}-${this.#generation++}`
    cpSync(this.#dir, copy, { recursive: true })
    rmSync(join(copy, 'lock'))
    await this.log.stop()
    rmSync(this.#dir, { recursive: true })
    this.#dir = copy
    this.log = this.#open()
    await this.log.start()
  }

  tidy(): Promise<void> {
    return this.log.tidy()
  }

  #open(): EmbeddedLog {
    return new EmbeddedLog({ dir: this.#dir, maxBytes: MAX_BYTES, ...this.#options })
  }
}

class RealRedis implements Real {
  readonly #options: RedisLogOptions
  readonly #client: Redis
  log: RedisLog

  constructor(options: RedisLogOptions, client: Redis) {
    this.#options = options
    this.#client = client
    this.log = new RedisLog(options)
  }

  async restart(): Promise<void> {
    await this.log.stop()
    this.log = new RedisLog(this.#options)
    await this.log.start()
  }

  /** Nothing is given back, and the leases have run out. */
  async crash(): Promise<void> {
    this.log.crash()
    const { prefix = '', member = '', partitions = 0 } = this.#options
    const owners = Array.from({ length: partitions }, (_, p) => `{${prefix}}:${p}:owner`)
    await this.#client.del(`{${prefix}}:member:${member}`, ...owners)
    this.log = new RedisLog(this.#options)
    await this.log.start()
  }

  async tidy(): Promise<void> {}
}

/** Runs of commands against a fresh store each. */
async function check(
  runs: number,
  open: (run: number, segmentBytes: number, tailBytes: number) => Real
): Promise<number> {
  let done = 0
  await fc.assert(
    fc.asyncProperty(
      commands,
      fc.constantFrom(400, 1500, 1 << 20),
      fc.constantFrom(0, 500, 1 << 20),
      async (sequence, segmentBytes, tailBytes) => {
        const real = open(done++, segmentBytes, tailBytes)
        await real.log.start()
        try {
          await fc.asyncModelRun(() => ({ model: new Model(), real }), sequence)
        } finally {
          await real.log.stop()
        }
      }
    ),
    { numRuns: Number(process.env['FC_RUNS'] ?? runs) }
  )
  return done
}

t.test('the embedded log does what a small model does, whatever the order of things', async t => {
  const root = t.testdir({})
  const runs = await check(
    40,
    (run, segmentBytes, tailBytes) => new RealEmbedded(join(root, `run${run}`), { segmentBytes, tailBytes })
  )
  t.ok(runs > 10, `${runs} runs`)
})

t.test('the log in Redis does what the same model does', async t => {
  const redis = await redisForTest()
  t.teardown(() => redis.stop())
  const client = new Redis(redis.url)
  t.teardown(() => client.disconnect())
  const name = `model-${process.pid}-${Date.now()}`
  const runs = await check(20, (run, segmentBytes) => {
    const partitions = segmentBytes === 400 ? 1 : 3
    const options = { url: redis.url, prefix: `${name}-${run}`, maxBytes: MAX_BYTES, member: 'm', partitions }
    return new RealRedis(options, client)
  })
  t.ok(runs > 10, `${runs} runs`)
})
