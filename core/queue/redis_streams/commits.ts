// Commits: what comes while one script is on its way (R4) forms the next group; each group becomes as few scripts as possible.
import { type CodedError, codeOf } from '../../component/errors.js'
import { queueErrors } from '../errors.js'
import type { Commit } from '../log.js'
import type { FencedCommit } from '../spill/shared.js'
import { AckPlan } from './ack-plan.js'
import { encodePayload } from './codec.js'
import { fromRedis } from './connect.js'
import type { Freed, Holdings, Tenure } from './holdings.js'
import type { Holds } from './holds.js'
import type { Settings } from './settings.js'
import { type CommitAnswer, list, metaOf, type Store } from './store.js'
import { NO_JOB, type Turns } from './turns.js'

export interface CommitsOptions {
  readonly store: Store
  readonly holdings: Holdings
  readonly holds: Holds
  readonly turns: Turns
  readonly settings: Settings
  readonly now: () => number
  readonly member: () => { readonly member: string; readonly instance: string; readonly partitions: number }
  /** Brings in what others appended to a partition, up to a number. Tried until it is done or the store is closed. */
  readonly pull: (tenure: Tenure, to: number) => Promise<void>
  /** Another process has a partition. */
  readonly lose: (partition: number, why: string) => void
  /** Something was appended. */
  readonly notify: () => void
}

interface Job {
  readonly commit: Commit
  readonly bytes: number
  /** performance.now() when it came. */
  readonly at: number
  readonly resolve: (positions: readonly number[]) => void
  readonly reject: (error: unknown) => void
}

/** One script: what it is asked, and what to do with the answer. */
interface Plan {
  readonly keys: string[]
  readonly args: (string | Buffer)[]
  readonly parts: readonly number[]
  /** Of each job, the partition of each append. */
  readonly targets: readonly (readonly number[])[]
  readonly time: number
  readonly pending: { readonly byPartition: ReadonlyMap<number, Freed>; readonly bytes: number }
  readonly hadHolds: boolean
  readonly freed: ReadonlySet<number>
}

const GROUP_BYTES = 32 << 20
const TIDY_MS = 50
/** Nothing can be told to a Redis that lost the log; it may get its data back. */
const EMPTIED_TIDY_MS = 2000

export class Commits {
  readonly #o: CommitsOptions
  readonly #holdings: Holdings
  #jobs: Job[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #commits = 0
  #tidying: NodeJS.Timeout | undefined
  #isOpen = true

  constructor(options: CommitsOptions) {
    this.#o = options
    this.#holdings = options.holdings
  }

  /** `bytes`: of its appends. @throws QUEUE_UNAVAILABLE, QUEUE_FULL at once, without being tried */
  add(commit: Commit, bytes: number): Promise<readonly number[]> {
    const { store, settings } = this.#o
    if (bytes > 0) {
      if (!store.isReady) throw queueErrors.QUEUE_UNAVAILABLE(store.where, 'no connection')
      const held = this.#holdings.heldBytes + this.#queuedBytes
      if (held + bytes > settings.maxBytes) throw queueErrors.QUEUE_FULL(held, bytes, settings.maxBytes)
    }
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      this.#jobs.push({ commit, bytes, at: performance.now(), resolve, reject })
      this.#start()
    })
  }

  /** Waits for what is under way, while Redis answers. */
  async settle(): Promise<void> {
    while (this.#running !== undefined && this.#o.store.isReady) await this.#running
  }

  /** What a release or a hold left to be told to Redis goes with the next commit, or alone a moment later. */
  tidyLater(): void {
    if (!this.#isOpen || this.#running !== undefined || this.#tidying !== undefined || !this.#hasDirt()) return
    this.#tidying = setTimeout(
      () => {
        this.#tidying = undefined
        if (!this.#isOpen || !this.#hasDirt()) return
        this.#jobs.push({ commit: {}, bytes: 0, at: 0, resolve: NO_JOB, reject: NO_JOB })
        this.#start()
      },
      this.#o.store.isEmptied ? EMPTIED_TIDY_MS : TIDY_MS
    )
    this.#tidying.unref()
  }

  /** Tells Redis now; within a turn. */
  async tidy(): Promise<void> {
    if (this.#hasDirt()) await this.#write([])
  }

  close(): void {
    this.#isOpen = false
    clearTimeout(this.#tidying)
  }

  #hasDirt(): boolean {
    return this.#holdings.pending.size > 0 || this.#o.holds.isChanged
  }

  #start(): void {
    this.#running ??= Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined
        if (this.#jobs.length > 0) this.#start()
        else this.tidyLater()
      })
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const group = this.#takeGroup()
      const late = setInterval(() => this.#late(group), this.#o.settings.commitTimeoutMs / 4)
      try {
        await this.#o.turns.take(() => this.#write(group))
      } catch (error) {
        const coded = fromRedis(error, this.#o.store.where)
        for (const job of group) job.reject(coded)
      }
      clearInterval(late)
      for (const job of group) this.#queuedBytes -= job.bytes
    }
  }

  #takeGroup(): Job[] {
    let bytes = 0
    let n = 0
    while (n < this.#jobs.length && (n === 0 || bytes + this.#jobs[n]!.bytes <= GROUP_BYTES))
      bytes += this.#jobs[n++]!.bytes
    return this.#jobs.splice(0, n)
  }

  /**
   * Senders do not wait for ever for a Redis that is away. What was not sent to it yet will not be. A commit that is about a
   * part waits: should it be written all the same, its owner must know.
   */
  #late(group: readonly Job[]): void {
    const before = performance.now() - this.#o.settings.commitTimeoutMs
    const isLate = ({ commit, bytes, at }: Job): boolean => bytes > 0 && at <= before && commit.part === undefined
    const { where } = this.#o.store
    for (const job of group) if (isLate(job)) job.reject(queueErrors.QUEUE_IN_DOUBT(where))
    for (const job of this.#jobs) {
      if (isLate(job)) job.reject(queueErrors.QUEUE_UNAVAILABLE(where, 'no answer in time'))
    }
    this.#jobs = this.#jobs.filter(job => {
      if (isLate(job)) this.#queuedBytes -= job.bytes
      return !isLate(job)
    })
  }

  /** Writes jobs in as few scripts as possible; each one is resolved or rejected. */
  async #write(jobs: readonly Job[]): Promise<void> {
    let left = jobs.filter(job => this.#isCurrent(job))
    if (left.length === 0 && !this.#hasDirt()) return
    do {
      const done = await this.#script(left)
      left = left.slice(done).filter(job => this.#isCurrent(job))
    } while (left.length > 0)
  }

  /** Whether all it is about is still ours; if not it is refused whole, as its counts belong to its acks. */
  #isCurrent({ commit, reject }: Job): boolean {
    const { tenures } = this.#holdings
    const isLost = [commit.part, ...(commit.parts ?? [])].some(part => part !== undefined && !tenures.has(part))
    if (!isLost && !commit.acks?.some(({ positions }) => this.#holdings.hasMoved(positions))) return true
    reject(queueErrors.QUEUE_MOVED())
    return false
  }

  /** One script; how many of the jobs are settled. */
  async #script(jobs: readonly Job[]): Promise<number> {
    const plan = this.#plan(jobs)
    let answer: CommitAnswer
    try {
      answer = await this.#o.store.commit(plan.keys, plan.args)
    } catch (error) {
      this.#unplan(plan)
      const coded = fromRedis(error, this.#o.store.where)
      if (codeOf(coded) !== 'QUEUE_REDIS_MEMORY') throw coded
      await this.#withoutAppends(jobs, coded)
      return jobs.length
    }
    if (answer.moved !== undefined) {
      this.#unplan(plan)
      for (const p of list(answer.moved)) this.#o.lose(p, 'another gateway has it')
      return 0
    }
    return this.#apply(jobs, plan, answer)
  }

  /** At maxmemory acks and counts still pass: they make room. */
  async #withoutAppends(jobs: readonly Job[], error: CodedError): Promise<void> {
    for (const job of jobs) if (job.bytes > 0) job.reject(error)
    const others = jobs.filter(job => job.bytes === 0)
    if (others.length > 0 && others.length < jobs.length) await this.#write(others)
    else for (const job of others) job.reject(error)
  }

  #plan(jobs: readonly Job[]): Plan {
    const { holdings, holds, store, settings } = this.#o
    const parts: number[] = []
    const index = (p: number): number => {
      const at = parts.indexOf(p)
      return at >= 0 ? at : parts.push(p) - 1
    }
    const acks = new AckPlan(holdings, holds.lowest, index)
    const pending = holdings.takePending()
    const rel = [...pending.byPartition]
      .filter(([p]) => holdings.owned.has(p))
      .map(([p, freed]) => [acks.fence(p), freed.seqs, freed.bytes] as const)
    const fields = holds.take()
    const time = this.#o.now()
    const nowhere = this.#target()
    const payloads: Buffer[] = []
    const values: Buffer[] = []
    const targets: number[][] = []
    const planned = jobs.map(({ commit }) => {
      const tenure = commit.part === undefined ? undefined : holdings.tenures.get(commit.part)
      if (tenure !== undefined) acks.fence(tenure.partition)
      for (const part of commit.parts ?? []) acks.fence(holdings.tenures.get(part)!.partition)
      const mine = (commit.appends ?? []).map(entry => entry.partition ?? tenure?.partition ?? nowhere)
      targets.push(mine)
      const a = (commit.appends ?? []).map(({ stream, items, bytes }, i) => {
        payloads.push(encodePayload(bytes, settings.compression))
        return [index(mine[i]!), metaOf({ items, bytes: bytes.length, time, stream }), bytes.length] as const
      })
      const counts = Object.fromEntries(commit.counts ?? [])
      return { ...expectsOf(commit), a, ...acks.of(commit), counts, ...stateOf(commit, values) }
    })
    const head = {
      id: `${++this.#commits}`,
      max: settings.maxBytes,
      parts,
      fences: [...acks.fenced].map(i => [i, holdings.owned.get(parts[i]!)!.epoch]),
      rel,
      holds: fields,
      jobs: planned,
      appends: payloads.length > 0
    }
    const { member, instance } = this.#o.member()
    return {
      keys: store.commitKeys(member, instance, parts),
      args: [JSON.stringify(head), ...payloads, ...values],
      parts,
      targets,
      time,
      pending,
      hadHolds: fields.length > 0,
      freed: acks.freed
    }
  }

  /** The script changed nothing: what it would have tidied is still to do. */
  #unplan({ pending, hadHolds }: Plan): void {
    this.#holdings.putBack(pending)
    this.#o.holds.isChanged ||= hadHolds
  }

  async #apply(jobs: readonly Job[], plan: Plan, answer: CommitAnswer): Promise<number> {
    const { holdings } = this.#o
    holdings.remoteBytes = answer.bytes
    const results = list(answer.r).map(seqs => list(seqs).map(Number))
    await this.#catchUp(plan, answer, results)
    holdings.freeing = plan.freed
    const settled = results.map((seqs, j) => this.#done(jobs[j]!.commit, seqs, plan.targets[j]!, plan.time))
    holdings.freeing = new Set()
    const hasAppended = results.some(seqs => seqs.length > 0)
    const replicas = hasAppended ? await this.#replicated() : undefined
    for (const [j, positions] of settled.entries()) {
      const job = jobs[j]!
      // A part's own commit moves data that is stored already: a replica that has not got it still has what it was made of.
      if (replicas === undefined || job.bytes === 0 || job.commit.part !== undefined) job.resolve(positions)
      else job.reject(queueErrors.QUEUE_NOT_REPLICATED(replicas, this.#o.settings.waitReplicas))
    }
    if (hasAppended) this.#o.notify()
    if (answer.stale !== undefined) {
      jobs[answer.stale]!.reject(queueErrors.QUEUE_STALE())
      return answer.stale + 1
    }
    if (answer.full === undefined) return results.length
    const { bytes, reject } = jobs[answer.full]!
    reject(queueErrors.QUEUE_FULL(answer.bytes, bytes, this.#o.settings.maxBytes))
    return answer.full + 1
  }

  /** What others appended to a partition of ours before our own entries comes first. */
  async #catchUp(
    { parts, targets }: Plan,
    answer: CommitAnswer,
    results: readonly (readonly number[])[]
  ): Promise<void> {
    const first = new Map<number, number>()
    for (const [j, seqs] of results.entries()) {
      for (const [i, seq] of seqs.entries()) if (!first.has(targets[j]![i]!)) first.set(targets[j]![i]!, seq)
    }
    const behind = [...first].flatMap(([p, seq]) => {
      const tenure = this.#holdings.owned.get(p)
      const isBehind = tenure !== undefined && Number(answer.prev[`${parts.indexOf(p)}`]) > tenure.known
      return isBehind ? [this.#o.pull(tenure, seq - 1)] : []
    })
    if (behind.length > 0) await Promise.all(behind)
  }

  #done(commit: Commit, seqs: readonly number[], targets: readonly number[], time: number): number[] {
    const { book, owned } = this.#holdings
    for (const { cursor, positions } of commit.acks ?? []) {
      for (const position of positions) book.ack(cursor, position)
    }
    book.add(commit.counts)
    book.put(commit.state)
    return (commit.appends ?? []).map((entry, i) => {
      const tenure = owned.get(targets[i]!)
      return tenure === undefined ? 0 : this.#holdings.addOwn(tenure, seqs[i]!, entry, time)
    })
  }

  /** Undefined when enough replicas have it, else how many do. */
  async #replicated(): Promise<number | undefined> {
    const { waitReplicas, commitTimeoutMs } = this.#o.settings
    if (waitReplicas === 0) return undefined
    const got = await this.#o.store.wait(waitReplicas, commitTimeoutMs / 2).catch(() => 0)
    return got >= waitReplicas ? undefined : got
  }

  /** Own partition if there is one: its readers are here, and the payload is in memory already. */
  #target(): number {
    for (const { partition, isLeaving } of this.#holdings.owned.values()) if (!isLeaving) return partition
    // Else each in turn, so that those who own them share the work.
    return this.#commits % this.#o.member().partitions
  }
}

function expectsOf({ expects }: FencedCommit): { readonly exp?: readonly (readonly [string, string | false])[] } {
  if (expects === undefined) return {}
  return { exp: [...expects].map(([key, value]) => [key, value ?? false] as const) }
}

function stateOf(commit: Commit, values: Buffer[]): { readonly set: string[]; readonly del: string[] } {
  const set: string[] = []
  const del: string[] = []
  for (const [key, value] of commit.state ?? []) {
    if (value === null) del.push(key)
    else {
      set.push(key)
      values.push(value)
    }
  }
  return { set, del }
}
