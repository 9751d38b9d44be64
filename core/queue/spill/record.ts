// One commit as one entry of the spill: its entries and its counts, which must reach the shared log together (L1).
//
//   u32 big endian  length of the head
//   head            JSON {a: [[stream, items, bytes, key]], c: {count: n}}
//   payloads        of the entries, in order

import type { Commit, Counts, Entry } from '../log.js'

export const SPILL_STREAM = 'spill'

interface Head {
  readonly a: readonly (readonly [stream: string, items: number, bytes: number, extra: object])[]
  readonly c: Readonly<Record<string, number>>
}

export interface SpilledCommit {
  readonly appends: readonly Entry[]
  readonly counts: Counts
}

/** Whether nothing in it refers to what the shared log holds already. */
export function isSpillable({ acks, state, part }: Commit): boolean {
  return (acks === undefined || acks.length === 0) && (state === undefined || state.size === 0) && part === undefined
}

export function encodeRecord({ appends = [], counts = new Map() }: Commit): Entry {
  const head: Head = {
    a: appends.map(({ stream, items, bytes, ...extra }) => [stream, items, bytes.length, extra]),
    c: Object.fromEntries(counts)
  }
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(text.length)
  return {
    stream: SPILL_STREAM,
    items: appends.reduce((sum, { items }) => sum + items, 0),
    bytes: Buffer.concat([length, text, ...appends.map(({ bytes }) => bytes)])
  }
}

/** @throws SyntaxError, RangeError when it is no record: the log under it checks every byte, so that is a fault of ours. */
export function decodeRecord(bytes: Buffer): SpilledCommit {
  let at = 4 + bytes.readUInt32BE(0)
  const head = JSON.parse(bytes.toString('utf8', 4, at)) as Head
  const appends = head.a.map(([stream, items, size, extra]) => {
    const payload = bytes.subarray(at, (at += size))
    return { ...extra, stream, items, bytes: payload }
  })
  return { appends, counts: new Map(Object.entries(head.c)) }
}
