// Checks an audit trail without the gateway: every line's own hash, its link to the line before, numbers and times without
// gaps, and the end against an anchor: the head kept beside it, or one that was noted elsewhere.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { auditErrors } from './errors.js'
import { type AuditRecord, GENESIS, type Head, unseal } from './record.js'
import { auditFiles, readHead } from './trail.js'

export interface Finding {
  readonly file: string
  /** From 1; 0: the file as a whole. */
  readonly line: number
  readonly says: string
}

export interface Verdict {
  readonly records: number
  readonly first: number
  readonly last: Head | undefined
  readonly findings: readonly Finding[]
  /** What the end of the trail was held against. */
  readonly anchors: readonly string[]
}

interface Line {
  readonly file: string
  readonly line: number
  readonly text: string
}

/**
 * Checks a directory with a trail, or one file of it.
 * @param anchors heads noted elsewhere: each must be in the trail. @throws AUDIT_NONE
 */
export function verify(path: string, anchors: readonly Head[] = []): Verdict {
  const isFile = existsSync(path) && statSync(path).isFile()
  const files = isFile ? [path] : auditFiles(path)
  if (files.length === 0) throw auditErrors.AUDIT_NONE(path)
  const findings: Finding[] = []
  const lines = files.flatMap(file => linesOf(file, findings))
  const records = chain(lines, findings, isFile)
  const kept = isFile ? undefined : readHead(path)
  if (kept !== undefined) anchored(kept, 'head.json', records, findings, files.at(-1)!)
  for (const head of anchors) anchored(head, 'the given head', records, findings, files.at(-1)!)
  const last = records.at(-1)
  return {
    records: records.length,
    first: records[0]?.seq ?? 0,
    last: last && { seq: last.seq, hash: last.hash },
    findings,
    anchors: [...(kept === undefined ? [] : ['head.json']), ...anchors.map(({ seq }) => `record ${seq}`)]
  }
}

/** All records that can be read, oldest first. @throws AUDIT_NONE */
export function readTrail(path: string): AuditRecord[] {
  const isFile = existsSync(path) && statSync(path).isFile()
  const files = isFile ? [path] : auditFiles(path)
  if (files.length === 0) throw auditErrors.AUDIT_NONE(path)
  return files.flatMap(file => linesOf(file, [])).flatMap(({ text }) => unseal(text) ?? [])
}

function linesOf(file: string, findings: Finding[]): Line[] {
  const texts = readFileSync(file, 'utf8').split('\n')
  const rest = texts.pop()
  const name = basename(file)
  if (rest !== '') findings.push({ file: name, line: texts.length + 1, says: 'the last line is not whole' })
  return texts.map((text, i) => ({ file: name, line: i + 1, text }))
}

function chain(lines: readonly Line[], findings: Finding[], isPart: boolean): AuditRecord[] {
  const records: AuditRecord[] = []
  const begins = new Map<number, string>()
  let isAfterBad = false
  for (const { file, line, text } of lines) {
    const tell = (says: string) => findings.push({ file, line, says })
    const record = unseal(text)
    if (record === undefined) {
      tell('this line was changed: its hash does not fit')
      isAfterBad = true
      continue
    }
    if (record.action === 'audit.expired') begins.set(Number(record['through']) + 1, String(record['through_hash']))
    if (record.action === 'audit.torn') tell(`NOTE a crash tore ${String(record['bytes'])} bytes of a line here`)
    if (record.action === 'audit.cut')
      tell(`records ${Number(record['found']) + 1} to ${String(record['kept'])} were cut off`)
    const before = records.at(-1)
    if (before !== undefined && !isAfterBad) linked(before, record, tell)
    else if (isAfterBad && before !== undefined && record.seq <= before.seq) tell('out of order')
    records.push(record)
    isAfterBad = false
  }
  const first = records[0]
  if (first !== undefined && !isPart) beginning(first, begins, lines[0]!, findings)
  return records
}

function linked(before: AuditRecord, record: AuditRecord, tell: (says: string) => void): void {
  if (record.seq > before.seq + 1) tell(`records ${before.seq + 1} to ${record.seq - 1} are missing before this line`)
  else if (record.seq <= before.seq) tell(`out of order: record ${record.seq} after ${before.seq}`)
  else if (record.prev !== before.hash) tell('this line does not continue the line before: one of them was replaced')
  else if (Date.parse(record.at) < Date.parse(before.at)) tell('NOTE the clock went back before this line')
}

function beginning(first: AuditRecord, begins: ReadonlyMap<number, string>, at: Line, findings: Finding[]): void {
  if (first.seq === 1 && first.prev === GENESIS) return
  if (begins.get(first.seq) === first.prev) return
  findings.push({ file: at.file, line: at.line, says: `the records before ${first.seq} are missing` })
}

function anchored(
  head: Head,
  name: string,
  records: readonly AuditRecord[],
  findings: Finding[],
  lastFile: string
): void {
  const found = records.find(record => record.seq === head.seq)
  const file = basename(lastFile)
  if (found?.hash === head.hash) return
  const last = records.at(-1)?.seq ?? 0
  const says =
    found === undefined && head.seq > last
      ? `records ${last + 1} to ${head.seq} are missing at the end: ${name} knows them`
      : `record ${head.seq} is not the one that ${name} knows: the trail was written anew`
  findings.push({ file, line: 0, says })
}

/** True when a finding only tells of something that need not be tampering. */
export function isNote({ says }: Finding): boolean {
  return says.startsWith('NOTE ')
}
