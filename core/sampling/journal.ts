// What a window writes beside its output, in the same commit: which traces it kept and up to where it had read. After a
// restart this tells what of the stored entries is done with; dropped traces are simply judged again.
//
//   header   readTo (double), rule names as JSON (length u32, text)
//   record   id (16), rule (u16), flags (u16), threshold, decidedAt, keptFrom (doubles)             44 bytes each

import type { TraceTable } from './trace-table.js'

export interface JournalRecord {
  readonly id: Buffer
  readonly rule: string
  readonly flags: number
  readonly threshold: number
  readonly decidedAt: number
  /** Items of entries before this position were dropped, those from it on kept. */
  readonly keptFrom: number
}

export interface Journal {
  /** Every item of these traces in entries up to here is written. */
  readonly readTo: number
  readonly records: readonly JournalRecord[]
}

const RECORD = 44

/** Of the rows at `slots`, whose rule is an index into `rules`; of their flags those in `mask`. */
export function encodeJournal(
  readTo: number,
  table: TraceTable,
  slots: readonly number[],
  rules: readonly string[],
  mask: number
): Buffer {
  const used = [...new Set(slots.map(slot => table.rule[slot]!))]
  const names = Buffer.from(JSON.stringify(used.map(rule => rules[rule])))
  const out = Buffer.allocUnsafe(12 + names.length + RECORD * slots.length)
  out.writeDoubleLE(readTo, 0)
  out.writeUInt32LE(names.length, 8)
  names.copy(out, 12)
  let at = 12 + names.length
  for (const slot of slots) {
    table.writeId(slot, out, at)
    out.writeUInt16LE(used.indexOf(table.rule[slot]!), at + 16)
    out.writeUInt16LE(table.flags[slot]! & mask, at + 18)
    out.writeDoubleLE(table.threshold[slot]!, at + 20)
    out.writeDoubleLE(table.decidedAt[slot]!, at + 28)
    out.writeDoubleLE(table.keptFrom[slot]!, at + 36)
    at += RECORD
  }
  return out
}

export function decodeJournal(bytes: Buffer): Journal {
  const length = bytes.readUInt32LE(8)
  const rules = JSON.parse(bytes.toString('utf8', 12, 12 + length)) as string[]
  const records: JournalRecord[] = []
  for (let at = 12 + length; at + RECORD <= bytes.length; at += RECORD) {
    records.push({
      id: Buffer.from(bytes.subarray(at, at + 16)),
      rule: rules[bytes.readUInt16LE(at + 16)] ?? '',
      flags: bytes.readUInt16LE(at + 18),
      threshold: bytes.readDoubleLE(at + 20),
      decidedAt: bytes.readDoubleLE(at + 28),
      keptFrom: bytes.readDoubleLE(at + 36)
    })
  }
  return { readTo: bytes.readDoubleLE(0), records }
}
