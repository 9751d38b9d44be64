// The totals of all gateways that share a log, and what waits in it, of one moment.
//
// Up to SNAPSHOT_ENTRIES entries everything is read in one transaction. Beyond that Redis would be kept from its work: pages
// are read, between two readings of the totals, and the reading counts as exact when these are the same.

import type { LogTotals } from '../log.js'
import type { Client } from './connect.js'
import type { Keys } from './keys.js'

const SNAPSHOT_ENTRIES = 50_000
const PAGE = 1000
const TRIES = 3

type Row = readonly [id: string, fields: readonly string[]]

/** Entries and acks of one partition. */
interface Partition {
  readonly rows: readonly Row[]
  readonly acked: Readonly<Record<string, string>>
}

interface Reading {
  /** Of each gateway. */
  readonly counts: readonly Readonly<Record<string, string>>[]
  readonly lanes: Readonly<Record<string, string>>
  readonly partitions: readonly Partition[]
}

/** The counts alone, of all gateways. */
export async function readCounts(client: Client, keys: Keys): Promise<LogTotals> {
  const members = await membersOf(client, keys)
  const reading = { counts: await countsOf(client, keys, members), lanes: {}, partitions: [] }
  return totalsOf(members, reading, true)
}

export async function readTotals(client: Client, keys: Keys, partitions: number): Promise<LogTotals> {
  let last: LogTotals | undefined
  for (let n = 0; n < TRIES; n++) {
    const before = await membersOf(client, keys)
    const lengths = await Promise.all(Array.from({ length: partitions }, (_, p) => client.xlen(keys.log(p))))
    const entries = lengths.reduce((sum, length) => sum + length, 0)
    const isSmall = entries <= SNAPSHOT_ENTRIES
    const reading = isSmall
      ? await snapshot(client, keys, before, partitions)
      : await pages(client, keys, before, partitions)
    const after = await membersOf(client, keys)
    const isSame = String(before) === String(after) && (isSmall || (await isStill(client, keys, before, reading)))
    last = totalsOf(before, reading, isSame)
    if (isSame) return last
  }
  return last!
}

async function snapshot(client: Client, keys: Keys, members: readonly string[], partitions: number): Promise<Reading> {
  const multi = client.multi().hgetall(keys.lanes)
  for (const member of members) multi.hgetall(keys.counts(member))
  for (let p = 0; p < partitions; p++) multi.xrange(keys.log(p), '-', '+').hgetall(keys.acked(p))
  const found = ((await multi.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error
    return value
  })
  const [lanes, ...rest] = found
  const counts = rest.splice(0, members.length) as Reading['counts']
  const parts = Array.from(
    { length: partitions },
    (_, p) => ({ rows: rest[2 * p], acked: rest[2 * p + 1] }) as Partition
  )
  return { counts, lanes: lanes as Reading['lanes'], partitions: parts }
}

async function pages(client: Client, keys: Keys, members: readonly string[], partitions: number): Promise<Reading> {
  const counts = await countsOf(client, keys, members)
  const lanes = await client.hgetall(keys.lanes)
  const parts: Partition[] = []
  for (let p = 0; p < partitions; p++) {
    const rows: Row[] = []
    for (let from = '-'; ; from = `(${rows.at(-1)![0]}`) {
      const page = await client.xrange(keys.log(p), from, '+', 'COUNT', PAGE)
      rows.push(...page)
      if (page.length < PAGE) break
    }
    parts.push({ rows, acked: await client.hgetall(keys.acked(p)) })
  }
  return { counts, lanes, partitions: parts }
}

async function isStill(client: Client, keys: Keys, members: readonly string[], { counts }: Reading): Promise<boolean> {
  return JSON.stringify(await countsOf(client, keys, members)) === JSON.stringify(counts)
}

function countsOf(client: Client, keys: Keys, members: readonly string[]): Promise<Record<string, string>[]> {
  return Promise.all(members.map(member => client.hgetall(keys.counts(member))))
}

/** Names of all gateways that ever counted something, sorted. */
async function membersOf(client: Client, keys: Keys): Promise<string[]> {
  const prefix = keys.counts('')
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  const found = new Set<string>()
  for (const node of nodes) {
    let cursor = '0'
    do {
      const [next, names] = await node.scan(cursor, 'MATCH', `${escaped(prefix)}*`, 'COUNT', PAGE)
      for (const name of names) found.add(name.slice(prefix.length))
      cursor = next
    } while (cursor !== '0')
  }
  return [...found].sort()
}

function totalsOf(members: readonly string[], { counts, lanes, partitions }: Reading, isExact: boolean): LogTotals {
  const sums = new Map<string, number>()
  for (const one of counts) for (const [name, n] of Object.entries(one)) add(sums, name, Number(n))
  const readers = readersOf(lanes)
  const waiting = new Map<string, number>()
  for (const { rows, acked } of partitions) {
    for (const [id, fields] of rows) {
      const seq = Number.parseInt(id, 10)
      const [items = '', , , ...stream] = fields[1]!.split(' ')
      const done = acked[seq]?.split('\n') ?? []
      for (const { cursor, begin } of readers.get(stream.join(' ')) ?? []) {
        if (seq > begin && !done.includes(cursor)) add(waiting, cursor, Number(items))
      }
    }
  }
  return { members, counts: sums, waiting, isExact }
}

/** Who reads each stream, and from behind which number on. */
function readersOf(lanes: Reading['lanes']): ReadonlyMap<string, readonly { cursor: string; begin: number }[]> {
  const readers = new Map<string, { cursor: string; begin: number }[]>()
  for (const [lane, begin] of Object.entries(lanes)) {
    const [cursor = '', stream = ''] = lane.split('\n')
    const known = readers.get(stream) ?? []
    known.push({ cursor, begin: Number(begin) })
    readers.set(stream, known)
  }
  return readers
}

function add(to: Map<string, number>, name: string, n: number): void {
  to.set(name, (to.get(name) ?? 0) + n)
}

function escaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
