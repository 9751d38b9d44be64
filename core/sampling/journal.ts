// What a window writes beside its output, in the same commit: which traces it kept and up to where it had read. After a
// restart this tells what of the stored entries is done with; dropped traces are simply judged again.
//
//   header   readTo (double), rule names as JSON (length u32, text)
//   record   id (16), rule (u16), flags (u16), threshold, decidedAt, keptFrom (doubles)             44 bytes each

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

export function encodeJournal({ readTo, records }: Journal): Buffer {
  const rules = [...new Set(records.map(record => record.rule))]
  const names = Buffer.from(JSON.stringify(rules))
  const out = Buffer.allocUnsafe(12 + names.length + RECORD * records.length)
  out.writeDoubleLE(readTo, 0)
  out.writeUInt32LE(names.length, 8)
  names.copy(out, 12)
  const index = new Map(rules.map((rule, i) => [rule, i]))
  let at = 12 + names.length
  for (const record of records) {
    record.id.copy(out, at)
    out.writeUInt16LE(index.get(record.rule)!, at + 16)
    out.writeUInt16LE(record.flags, at + 18)
    out.writeDoubleLE(record.threshold, at + 20)
    out.writeDoubleLE(record.decidedAt, at + 28)
    out.writeDoubleLE(record.keptFrom, at + 36)
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
