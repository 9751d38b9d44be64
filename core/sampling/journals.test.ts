// Journal entries stay while a replay needs them, then as long as decisions are to be remembered; small ones become one.

import t from 'tap'
import { decodeJournal, encodeJournal, mergeJournals } from './journal.js'
import { Journals, MEMORY_MS } from './journals.js'
import { TraceTable } from './trace-table.js'

const RULES = ['', 'ten', 'late_error']

/** A journal entry that keeps traces `first` ... and drops as many as `dropped` has room for. */
function entry(readTo: number, first: number, kept: number, dropped = 0): Buffer {
  const table = new TraceTable()
  const slots = Array.from({ length: kept }, (_, i) => {
    const slot = table.insert(first + i, 1, 2, 3)
    table.rule[slot] = 1 + ((first + i) % 2)
    table.flags[slot] = 1 | 128
    table.threshold[slot] = first * 1000
    table.decidedAt[slot] = 1e12 + first
    table.keptFrom[slot] = readTo
    return slot
  })
  return encodeJournal(readTo, table, slots, RULES, 0xff, Buffer.alloc(6 * dropped, first))
}

t.test('a merged journal says what all of them say', async t => {
  const all = [entry(5, 10, 3, 2), entry(9, 20, 0, 4), entry(7, 30, 2)]
  const one = decodeJournal(mergeJournals(all))
  const each = all.map(decodeJournal)
  t.equal(one.readTo, 9)
  t.same(one.records, each.flatMap(({ records }) => records)) // biome-ignore format: short
  t.same(one.dropped, Buffer.concat(each.map(({ dropped }) => dropped)))
  t.same(one.records.map(({ rule }) => rule), ['ten', 'late_error', 'ten', 'ten', 'late_error']) // biome-ignore format: short
})

t.test('a journal of before there were fingerprints is read', async t => {
  const { records } = decodeJournal(entry(5, 10, 2))
  const now = entry(5, 10, 2)
  const names = Buffer.from(JSON.stringify(['ten', 'late_error']))
  const head = Buffer.alloc(12)
  head.writeDoubleLE(5, 0)
  head.writeUInt32LE(names.length, 8)
  const old = Buffer.concat([head, names, now.subarray(now.length - 88)])
  t.same(decodeJournal(old), { readTo: 5, records, dropped: Buffer.alloc(0) })
})

const OPTIONS = { replayMs: 1000, maxKept: 10, maxDropped: 10 }

function stored(count: number, kept: number, dropped = kept, options = OPTIONS): Journals {
  const journals = new Journals(options)
  for (let i = 0; i < count; i++) {
    journals.add({ position: i, readTo: i, at: i, kept, dropped }, entry(i, i * 100, kept, dropped))
  }
  return journals
}

t.test('one goes when nothing stored needs it and newer ones remember enough', async t => {
  t.same(stored(6, 5).release(100, 500), [], 'what came after may still follow it')
  t.same(stored(6, 5).release(2, 5000), [0, 1], 'entries it speaks of are stored')
  t.same(stored(6, 5).release(100, 5000), [0, 1, 2, 3], 'ten kept and ten dropped are in the last two')
  t.same(stored(6, 5, 1).release(100, 5000), [], 'ten kept, but not ten dropped')
})

t.test('after an hour it goes in any case', async t => {
  const journals = stored(3, 1)
  t.ok(journals.dueAt() > MEMORY_MS && journals.dueAt() < MEMORY_MS + 60_000)
  t.same(journals.release(100, MEMORY_MS + 1), [0, 1])
  t.same(journals.release(100, MEMORY_MS + 2), [2])
  t.equal(journals.dueAt(), Number.POSITIVE_INFINITY)
})

t.test('64 old small ones become one that stands where they stood', async t => {
  const journals = stored(70, 1, 1, { ...OPTIONS, maxKept: 1000 })
  t.equal(journals.merge(10, 5000), undefined, 'entries are stored that they speak of')
  const merged = journals.merge(100, 5000)
  t.same(merged?.released, Array.from({ length: 64 }, (_, i) => i)) // biome-ignore format: short
  t.equal(decodeJournal(merged!.bytes).records.length, 64)
  t.equal(journals.merge(100, 5000), undefined, 'six are left')
  journals.addMerged({ position: 500, readTo: 63, at: merged!.at, kept: 64, dropped: 64 })
  t.same(journals.release(100, merged!.at + MEMORY_MS), [500], 'its time is that of the last of them')
})
