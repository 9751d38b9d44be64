// What a window writes beside its output, in the same commit: which traces it kept and up to where it had read, and which it
// dropped. After a restart or takeover this tells what of the stored entries is done with, and what was decided before.
//
//   header   readTo (double), length of the text (u32), text: {"rules": [names], "kept": number of records}
//   record   id (16), rule (u16), flags (u16), threshold, decidedAt, keptFrom (doubles)             44 bytes each
//   dropped  a fingerprint each (dropped.ts)                                                         6 bytes each
//
// Positions in it are numbers that are the same for every process (StoredEntry.number). Before there were fingerprints the text was
// the list of names alone.

import type { TraceTable } from './trace-table.js'

export interface JournalRecord {
  readonly id: Buffer
  readonly rule: string
  readonly flags: number
  readonly threshold: number
  readonly decidedAt: number
  /** Items of entries before this number were dropped, those from it on kept. */
  readonly keptFrom: number
}

export interface Journal {
  /** Every item of these traces in entries up to here is written. */
  readonly readTo: number
  readonly records: readonly JournalRecord[]
  readonly dropped: Buffer
}

const RECORD = 44

/** Of the rows at `slots`, whose rule is an index into `rules`; of their flags those in `mask`. */
export function encodeJournal(
  readTo: number,
  table: TraceTable,
  slots: readonly number[],
  rules: readonly string[],
  mask: number,
  dropped: Buffer
): Buffer {
  const used = [...new Set(slots.map(slot => table.rule[slot]!))]
  const at = new Map(used.map((rule, i) => [rule, i]))
  const out = frame(readTo, used.map(rule => rules[rule]!), slots.length, dropped) // biome-ignore format: short
  let p = out.length - dropped.length - RECORD * slots.length
  for (const slot of slots) {
    table.writeId(slot, out, p)
    out.writeUInt16LE(at.get(table.rule[slot]!)!, p + 16)
    out.writeUInt16LE(table.flags[slot]! & mask, p + 18)
    out.writeDoubleLE(table.threshold[slot]!, p + 20)
    out.writeDoubleLE(table.decidedAt[slot]!, p + 28)
    out.writeDoubleLE(table.keptFrom[slot]!, p + 36)
    p += RECORD
  }
  return out
}

/** One that says what all of these say. */
export function mergeJournals(all: readonly Buffer[]): Buffer {
  const journals = all.map(decodeJournal)
  const records = journals.flatMap(journal => journal.records)
  const rules = [...new Set(records.map(({ rule }) => rule))]
  const at = new Map(rules.map((rule, i) => [rule, i]))
  const dropped = Buffer.concat(journals.map(journal => journal.dropped))
  const out = frame(Math.max(0, ...journals.map(({ readTo }) => readTo)), rules, records.length, dropped)
  let p = out.length - dropped.length - RECORD * records.length
  for (const record of records) {
    record.id.copy(out, p)
    out.writeUInt16LE(at.get(record.rule)!, p + 16)
    out.writeUInt16LE(record.flags, p + 18)
    out.writeDoubleLE(record.threshold, p + 20)
    out.writeDoubleLE(record.decidedAt, p + 28)
    out.writeDoubleLE(record.keptFrom, p + 36)
    p += RECORD
  }
  return out
}

/** Header and fingerprints, with room for the records between them. */
function frame(readTo: number, rules: readonly string[], kept: number, dropped: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify({ rules, kept }))
  const out = Buffer.allocUnsafe(12 + text.length + RECORD * kept + dropped.length)
  out.writeDoubleLE(readTo, 0)
  out.writeUInt32LE(text.length, 8)
  text.copy(out, 12)
  dropped.copy(out, out.length - dropped.length)
  return out
}

export function decodeJournal(bytes: Buffer): Journal {
  const begin = 12 + bytes.readUInt32LE(8)
  const text = JSON.parse(bytes.toString('utf8', 12, begin)) as string[] | { rules: string[]; kept: number }
  const rules = Array.isArray(text) ? text : text.rules
  const kept = Array.isArray(text) ? Math.floor((bytes.length - begin) / RECORD) : text.kept
  const end = begin + kept * RECORD
  const records: JournalRecord[] = []
  for (let at = begin; at < end; at += RECORD) {
    records.push({
      id: Buffer.from(bytes.subarray(at, at + 16)),
      rule: rules[bytes.readUInt16LE(at + 16)] ?? '',
      flags: bytes.readUInt16LE(at + 18),
      threshold: bytes.readDoubleLE(at + 20),
      decidedAt: bytes.readDoubleLE(at + 28),
      keptFrom: bytes.readDoubleLE(at + 36)
    })
  }
  return { readTo: bytes.readDoubleLE(0), records, dropped: Buffer.from(bytes.subarray(end)) }
}
