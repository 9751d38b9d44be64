// The audit trail against people with an editor: whatever is changed in it is found.

import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Head } from './record.js'
import { AuditTrail, auditFiles, type TrailOptions } from './trail.js'
import { isNote, readTrail, verify } from './verify.js'

const WHO = { via: 'cli', user: 'ops' } as const
const DAY = 86_400_000

function trail(dir: string, options: Partial<TrailOptions> = {}): AuditTrail {
  const made = new AuditTrail({ dir, now: () => 1_800_000_000_000, ...options })
  made.open(WHO)
  return made
}

function filled(dir: string, records: number, options: Partial<TrailOptions> = {}): AuditTrail {
  const made = trail(dir, options)
  for (let i = 1; i <= records; i++) made.append({ action: 'config.reload', who: WHO, number: i })
  return made
}

const says = (dir: string, anchors: Head[] = []) => verify(dir, anchors).findings.map(finding => finding.says)

t.test('a trail that nobody touched is whole, over restarts and files', async t => {
  const dir = join(t.testdir(), 'audit')
  filled(dir, 5, { fileBytes: 700 }).close()
  filled(dir, 5, { fileBytes: 700 }).close()
  t.ok(auditFiles(dir).length > 2, 'it is in several files')
  const found = verify(dir)
  t.same(found.findings, [])
  t.equal(found.records, 10)
  t.same(found.anchors, ['head.json'])
  t.same(
    readTrail(dir).map(record => record['number']),
    [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
  )
  t.same(verify(auditFiles(dir)[1]!).findings, [], 'one file alone is whole too')
})

t.test('every changed byte is found', async t => {
  const dir = join(t.testdir(), 'audit')
  filled(dir, 6).close()
  const file = auditFiles(dir)[0]!
  const bytes = readFileSync(file)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes)
      changed[at]! ^= flip
      writeFileSync(file, changed)
      return verify(dir).findings.length > 0
    }),
    { numRuns: 300 }
  )
})

t.test('lines that are taken out, moved, doubled or written anew are found', async t => {
  const dir = join(t.testdir(), 'audit')
  filled(dir, 8).close()
  const file = auditFiles(dir)[0]!
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const write = (changed: readonly string[]) => writeFileSync(file, changed.map(line => `${line}\n`).join(''))
  const find = (changed: readonly string[]) => {
    write(changed)
    return says(dir)
  }
  t.same(find(lines), [])
  t.same(find(lines.toSpliced(3, 2)), ['records 4 to 5 are missing before this line'])
  t.same(find(lines.slice(1)), ['the records before 2 are missing'])
  t.match(find(lines.slice(0, 5)), [/records 6 to 8 are missing at the end: head.json/])
  t.match(find(lines.toSpliced(2, 2, lines[3]!, lines[2]!)).join(), /out of order|missing/)
  t.match(find(lines.toSpliced(4, 0, lines[3]!)).join(), /out of order/)
  fc.assert(
    fc.property(fc.shuffledSubarray(lines), some => {
      write(some)
      return some.length === 0 || some.join() === lines.join() || says(dir).length > 0
    }),
    { numRuns: 200 }
  )
})

t.test('a trail that somebody wrote anew is found against a head that was noted elsewhere', async t => {
  const root = t.testdir()
  const [dir, forged] = [join(root, 'audit'), join(root, 'forged')]
  const noted = filled(dir, 4).head
  rmSync(dir, { recursive: true })
  filled(forged, 6).close()
  const other = trail(dir)
  for (let i = 0; i < 6; i++) other.append({ action: 'harmless', who: WHO })
  t.same(says(dir), [], 'by itself it is whole')
  t.match(says(dir, [noted]), [/record 4 is not the one that the given head knows/])
  t.same(says(forged, [noted]), [], 'the same records give the same head')
})

t.test('an end that was cut off is recorded at the next start and told for ever', async t => {
  const dir = join(t.testdir(), 'audit')
  filled(dir, 6).close()
  const file = auditFiles(dir)[0]!
  writeFileSync(file, `${readFileSync(file, 'utf8').split('\n').slice(0, 4).join('\n')}\n`)
  filled(dir, 1).close()
  t.match(says(dir), ['records 5 to 6 were cut off'])
  filled(dir, 5).close()
  t.match(says(dir), ['records 5 to 6 were cut off'])
})

t.test('a line that a crash tore is cut off, and said', async t => {
  const dir = join(t.testdir(), 'audit')
  filled(dir, 3).close()
  appendFileSync(auditFiles(dir)[0]!, '{"seq":4,"at"')
  t.same(says(dir), ['the last line is not whole'])
  filled(dir, 1).close()
  const { findings } = verify(dir)
  t.match(findings, [{ line: 4, says: /NOTE a crash tore 13 bytes/ }])
  t.ok(findings.every(isNote))
})

t.test('records past the retention are really gone, and the chain says so', async t => {
  const dir = join(t.testdir(), 'audit')
  let now = Date.parse('2026-01-01T00:00:00Z')
  const audit = trail(dir, { now: () => now, fileMs: 30 * DAY })
  for (let day = 0; day < 200; day += 10) {
    audit.append({ action: 'config.reload', who: WHO, day })
    now += 10 * DAY
  }
  const gone = audit.expire(now - 90 * DAY, { via: 'timer' })
  t.ok(gone >= 8 && gone <= 11, `${gone} records of 20`)
  const left = readTrail(dir)
  t.ok(left.every(record => record.action === 'audit.expired' || Number(record['day']) >= 80))
  const text = readdirSync(dir)
    .map(name => readFileSync(join(dir, name), 'utf8'))
    .join()
  t.notMatch(text, '"day":20')
  t.same(says(dir), [])
  t.equal(audit.expire(now - 90 * DAY, { via: 'timer' }), 0, 'nothing more to do')
  rmSync(auditFiles(dir)[0]!)
  t.match(says(dir), [/the records before \d+ are missing/])
})

t.test('a trail that cannot be written is an error that says so, and two writers are noticed', async t => {
  const root = t.testdir({ file: 'x' })
  t.throws(() => trail(join(root, 'file', 'audit')), { code: 'AUDIT_UNWRITABLE' })
  const [one, two] = [filled(join(root, 'a'), 1), trail(join(root, 'a'))]
  two.append({ action: 'config.reload', who: WHO })
  t.throws(() => one.append({ action: 'config.reload', who: WHO }), { code: 'AUDIT_SHARED' })
  t.throws(() => verify(join(root, 'none')), { code: 'AUDIT_NONE' })
})
