// Redis as the log uses it: the commands and scripts with their answers in plain shapes, and what happens when a connection
// breaks in the middle of one.
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Redis } from 'ioredis'
import { type CodedError, codeOf } from '../../component/errors.js'
import { queueErrors } from '../errors.js'
import type { LogTotals, TotalsOf } from '../log.js'
import { decodePayload } from './codec.js'
import type { Client } from './connect.js'
import { createClient, fromRedis, isAnswer, notReached, parseAddress } from './connect.js'
import { type Keys, keysOf, partitionKeys } from './keys.js'
import { ACQUIRE, BEAT, BEGIN, COMMIT, DECLARE, HANDOVER, LEAVE, NAME } from './scripts.js'
import { readCounts, readTotals } from './totals.js'

export interface Row {
  readonly seq: number
  readonly stream: string
  readonly items: number
  readonly bytes: number
  readonly time: number
}

/** Who gives a sign of life, and the name it has among the living. */
export interface Sign {
  readonly member: string
  readonly instance: string
  readonly as: string
}

export interface Beat {
  readonly now: number
  readonly named: boolean
  readonly alive: readonly string[]
  /** Member that has each partition, or ''. */
  readonly owners: readonly string[]
  readonly lost: readonly number[]
  readonly bytes: number
  /** Last number given in each partition. */
  readonly last: readonly number[]
}

export interface CommitAnswer {
  readonly moved?: readonly number[]
  readonly r: readonly (readonly string[])[]
  readonly prev: Readonly<Record<string, string>>
  readonly bytes: number
  readonly full?: number
  readonly stale?: number
}

type Script = (...args: (string | number | Buffer)[]) => Promise<string>
type Scripted = Client &
  Record<'afBegin' | 'afCommit' | 'afBeat' | 'afAcquire' | 'afHandover' | 'afDeclare' | 'afLeave' | 'afName', Script>

const PAGE = 1000
const SHORTEST_WAIT_MS = 50

export class Store {
  readonly keys: Keys
  /** The server, without credentials. */
  readonly where: string
  readonly #main: Scripted
  /** For waiting reads; connected when there is somebody to wait for. */
  readonly #blocking: Client
  readonly #isCluster: boolean
  readonly #limitMs: number
  readonly #onEmptied: (isEmptied: boolean) => void
  #incarnation = ''
  #isEmptied = false
  #closed = false

  /**
   * `limitMs`: a connection that gives no answer for so long is given up. `onEmptied`: told when Redis lost the log, and when it has it
   * again.
   */
  constructor(url: string, prefix: string, limitMs: number, onEmptied: (isEmptied: boolean) => void = () => {}) {
    this.#onEmptied = onEmptied
    this.#limitMs = limitMs
    const address = parseAddress(url)
    this.keys = keysOf(prefix)
    this.where = address.text
    this.#isCluster = address.kind === 'cluster'
    this.#main = createClient(address) as Scripted
    this.#blocking = createClient(address)
    for (const client of [this.#main, this.#blocking]) client.on('error', () => {})
    const scripts = { BEGIN, COMMIT, BEAT, ACQUIRE, HANDOVER, DECLARE, LEAVE, NAME }
    for (const [name, lua] of Object.entries(scripts)) {
      this.#main.defineCommand(`af${name[0]}${name.slice(1).toLowerCase()}`, { lua })
    }
  }

  get isReady(): boolean {
    return this.#main.status === 'ready'
  }

  /** What tells this log from another one that has its keys later. Known after `begin`. */
  get incarnation(): string {
    return this.#incarnation
  }

  /** Whether Redis did not have the log when it was last asked. */
  get isEmptied(): boolean {
    return this.#isEmptied
  }

  get isCluster(): boolean {
    return this.#isCluster
  }

  /** Waits for the first connection at most `limitMs`. @throws QUEUE_NOT_REACHED, or what Redis answered */
  async connect(limitMs: number): Promise<void> {
    let why: unknown
    const noted = (error: unknown): void => void (why = error)
    this.#main.on('error', noted)
    this.#main.connect().catch(noted)
    const deadline = performance.now() + limitMs
    while (!this.isReady && performance.now() < deadline) await pause(SHORTEST_WAIT_MS)
    this.#main.off('error', noted)
    if (!this.isReady) throw notReached(why, this.where, limitMs)
  }

  /** Resolves with the connection; rejects when closed first. */
  async ready(): Promise<void> {
    while (!this.isReady) {
      if (this.#closed) throw fromRedis(new Error('closed'), this.where)
      await pause(SHORTEST_WAIT_MS)
    }
  }

  /**
   * A commit, tried until its fate is known: its number makes the second try harmless. When Redis answers with an error nothing was
   * changed. @throws what Redis answered, or that the store was closed.
   */
  async commit(keys: string[], args: (string | Buffer)[]): Promise<CommitAnswer> {
    for (;;) {
      const stuck = setTimeout(() => this.#cut(), this.#limitMs)
      try {
        const raw = await this.#main.afCommit(keys.length, ...keys, ...args, this.#incarnation)
        this.#noteEmptied(false)
        return JSON.parse(raw) as CommitAnswer
      } catch (error) {
        if (isAnswer(error) || this.#closed) throw this.#failed(error)
      } finally {
        clearTimeout(stuck)
      }
      // A connection that is being closed looks ready and refuses at once.
      await pause(SHORTEST_WAIT_MS)
      await this.ready()
    }
  }

  /** How many replicas have everything written so far, waiting for `n` of them. */
  async wait(n: number, limitMs: number): Promise<number> {
    return this.#run(() => (this.#main as Client & { wait(n: number, ms: number): Promise<number> }).wait(n, limitMs))
  }

  async beat({ member, instance, as }: Sign, leaseMs: number, partitions: number, owned: readonly [number, string][]) {
    const keys = [this.keys.meta, this.keys.alive, this.keys.member(member)]
    for (let p = 0; p < partitions; p++) keys.push(this.keys.owner(p))
    const args = [as, instance, leaseMs, ...owned.flat(), this.#incarnation]
    const raw = await this.#run(() => this.#main.afBeat(keys.length, ...keys, ...args))
    this.#noteEmptied(false)
    const beat = JSON.parse(raw) as Beat
    return { ...beat, alive: list(beat.alive), lost: list(beat.lost), last: beat.last.map(Number) } as Beat
  }

  /** The new epoch, or undefined when somebody has the partition. */
  async acquire(partition: number, member: string, leaseMs: number): Promise<string | undefined> {
    const keys = [this.keys.meta, this.keys.owner(partition)]
    const args = [partition, member, leaseMs, this.#incarnation]
    const epoch = await this.#run(() => this.#main.afAcquire(2, ...keys, ...args))
    return epoch === '' ? undefined : epoch
  }

  async handOver(partition: number, epoch: string): Promise<void> {
    const keys = [this.keys.meta, this.keys.owner(partition)]
    await this.#run(() => this.#main.afHandover(2, ...keys, partition, epoch, this.#incarnation))
  }

  async declare(
    member: string,
    begin: readonly string[],
    retire: readonly string[],
    counts: ReadonlyMap<string, number>
  ): Promise<ReadonlyMap<string, number>> {
    const keys = [this.keys.meta, this.keys.lanes, this.keys.counts(member)]
    const ask = JSON.stringify({ begin, retire, counts: Object.fromEntries(counts) })
    const raw = await this.#run(() => this.#main.afDeclare(3, ...keys, ask, this.#incarnation))
    const begun = JSON.parse(raw) as Record<string, string>
    return new Map(Object.entries(begun).map(([field, seq]) => [field, Number(seq)]))
  }

  async leave({ member, instance, as }: Sign): Promise<void> {
    const keys = [this.keys.member(member), this.keys.alive, this.keys.writer(instance)]
    await this.#run(() => this.#main.afLeave(3, ...keys, instance, as))
  }

  /** Takes a member's name when it is free or `gone` has it; the instance that has it now. */
  takeName(member: string, instance: string, gone: string, leaseMs: number): Promise<string> {
    return this.#run(() => this.#main.afName(1, this.keys.member(member), instance, gone, leaseMs))
  }

  totals(partitions: number, what: TotalsOf): Promise<LogTotals> {
    return this.#run(() =>
      what === 'counts' ? readCounts(this.#main, this.keys) : readTotals(this.#main, this.keys, partitions)
    )
  }

  /** Begins with the log that is there, or a new one; how many partitions it has: what it began with. */
  async begin(partitions: number): Promise<number> {
    const raw = await this.#run(() => this.#main.afBegin(1, this.keys.meta, partitions, randomUUID()))
    const [count, incarnation = ''] = raw.split(' ')
    this.#incarnation = incarnation
    return Number(count)
  }

  lanes(): Promise<Record<string, string>> {
    return this.#run(() => this.#main.hgetall(this.keys.lanes))
  }

  holds(): Promise<Record<string, string>> {
    return this.#run(() => this.#main.hgetall(this.keys.holds))
  }

  async counts(member: string): Promise<Map<string, number>> {
    const all = await this.#run(() => this.#main.hgetall(this.keys.counts(member)))
    return new Map(Object.entries(all).map(([name, n]) => [name, Number(n)]))
  }

  async state(): Promise<Map<string, Buffer>> {
    const flat = (await this.#run(() => this.#main.callBuffer('HGETALL', this.keys.state))) as unknown as
      | Buffer[]
      | Record<string, Buffer>
    const state = new Map<string, Buffer>()
    if (Array.isArray(flat)) for (let i = 0; i < flat.length; i += 2) state.set(flat[i]!.toString(), flat[i + 1]!)
    return state
  }

  async stateOf(key: string): Promise<Buffer | undefined> {
    return (await this.#run(() => this.#main.hgetBuffer(this.keys.state, key))) ?? undefined
  }

  /** Entries of a partition behind `after`, oldest first, a page of them. */
  async rows(partition: number, after: number): Promise<Row[]> {
    const found = await this.#run(() => this.#main.xrange(this.keys.log(partition), `(${after}-0`, '+', 'COUNT', PAGE))
    return found.map(([id, fields]) => rowOf(id, fields))
  }

  /** What was acked by some cursor, of a partition: seq -> cursors. */
  async acked(partition: number): Promise<Map<number, string[]>> {
    const acked = new Map<number, string[]>()
    let cursor = '0'
    do {
      const at = cursor
      const [next, flat] = await this.#run(() => this.#main.hscan(this.keys.acked(partition), at, 'COUNT', PAGE))
      for (let i = 0; i < flat.length; i += 2) acked.set(Number(flat[i]), flat[i + 1]!.split('\n').slice(0, -1))
      cursor = next
    } while (cursor !== '0')
    return acked
  }

  /** Payloads of a partition by number; null = not there, undefined = damaged. @throws QUEUE_REDIS_EMPTIED */
  async payloads(partition: number, seqs: readonly number[]): Promise<(Buffer | null | undefined)[]> {
    const kept = await this.#run(() => this.#main.hmgetBuffer(this.keys.data(partition), ...seqs.map(String)))
    // What is missing because all is missing is not damaged.
    if (kept.includes(null)) await this.#check()
    return kept.map(one => one && decoded(one))
  }

  /** Waits for entries of partitions behind what is known of them; rows by partition. */
  async news(known: ReadonlyMap<number, number>, limitMs: number): Promise<Map<number, Row[]>> {
    if (this.#blocking.status === 'wait' || this.#blocking.status === 'end') await this.#blocking.connect()
    const names = [...known.keys()].map(p => this.keys.log(p))
    const ids = [...known.values()].map(seq => `${seq}-0`)
    const found = await this.#blocking.xread('COUNT', PAGE, 'BLOCK', limitMs, 'STREAMS', ...names, ...ids)
    const byName = new Map([...known.keys()].map(p => [this.keys.log(p), p]))
    return new Map((found ?? []).map(([name, rows]) => [byName.get(name)!, rows.map(([id, f]) => rowOf(id, f))]))
  }

  /** Settings of the server; what it does not tell is absent. */
  async settings(...names: string[]): Promise<Map<string, string>> {
    const settings = new Map<string, string>()
    for (const name of names) {
      const found = (await this.#main.config('GET', name).catch(() => [])) as string[]
      if (found.length >= 2) settings.set(found[0]!, found[1]!)
    }
    return settings
  }

  /** Keys of the given partitions as COMMIT wants them. */
  commitKeys(member: string, instance: string, partitions: readonly number[]): string[] {
    const { meta, state, holds } = this.keys
    const first = [meta, state, this.keys.counts(member), holds, this.keys.writer(instance)]
    return first.concat(...partitions.map(p => partitionKeys(this.keys, p)))
  }

  close(): void {
    this.#closed = true
    this.#main.disconnect()
    this.#blocking.disconnect()
  }

  /** @throws QUEUE_REDIS_EMPTIED */
  async #check(): Promise<void> {
    const found = await this.#run(() => this.#main.hget(this.keys.meta, 'incarnation'))
    if (found !== this.#incarnation) throw this.#failed(queueErrors.QUEUE_REDIS_EMPTIED(this.where))
  }

  #failed(error: unknown): CodedError {
    const coded = fromRedis(error, this.where)
    if (codeOf(coded) === 'QUEUE_REDIS_EMPTIED') this.#noteEmptied(true)
    return coded
  }

  #noteEmptied(isEmptied: boolean): void {
    if (isEmptied === this.#isEmptied) return
    this.#isEmptied = isEmptied
    this.#onEmptied(isEmptied)
  }

  /** Breaks a connection that does not answer: it would wait for the other side's goodbye. */
  #cut(): void {
    this.#main.disconnect(true)
    ;(this.#main as Redis & { readonly stream?: Socket }).stream?.destroy()
  }

  async #run<T>(command: () => Promise<T>): Promise<T> {
    const stuck = setTimeout(() => this.#cut(), this.#limitMs)
    try {
      return await command()
    } catch (error) {
      throw this.#failed(error)
    } finally {
      clearTimeout(stuck)
    }
  }
}

function decoded(kept: Buffer): Buffer | undefined {
  try {
    return decodePayload(kept)
  } catch {
    return undefined
  }
}

/** `items bytes time stream`, as an entry carries it. */
export function metaOf({ items, bytes, time, stream }: Omit<Row, 'seq'>): string {
  return `${items} ${bytes} ${time} ${stream}`
}

function rowOf(id: string, fields: readonly string[]): Row {
  const meta = fields[1]!
  const a = meta.indexOf(' ')
  const b = meta.indexOf(' ', a + 1)
  const c = meta.indexOf(' ', b + 1)
  return {
    seq: Number.parseInt(id, 10),
    items: Number(meta.slice(0, a)),
    bytes: Number(meta.slice(a + 1, b)),
    time: Number(meta.slice(b + 1, c)),
    stream: meta.slice(c + 1)
  }
}

/** cjson writes an empty list as `{}`. */
export function list<T>(value: readonly T[] | object): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : []
}

function pause(ms: number): Promise<void> {
  return new Promise(done => setTimeout(done, ms))
}
