// The window: which traces are open, when they are over, what becomes of them, and what a commit must say so that a crash
// at any moment loses nothing and writes nothing twice. No I/O and no clock: the runner (core/pipeline/windowed.ts) feeds it
// entries in the order of the log and tells it the time.
//
// Time is the log's: an entry's own time while there are more to read, the clock's when everything is read. So a replay
// after a crash, or a backlog, is judged as it would have been.
//
// A trace is OPEN until it is over, then KEPT or HELD. Items of a kept trace go to the output with the next commit, those
// that come later with the commit after. A held trace's items stay in the log; an error within the late-error window turns
// it to KEPT, else its row goes and six bytes remember it (dropped.ts): what comes of it later is held again. An entry is
// released when each of its items is written or gone; entries are released in order, so that a held trace is never half
// there.
//
// Entries have a position, which is this process's, and a number, which every process agrees on: the journal tells numbers.

import type { TraceFacts, Verdict, WindowedProcessor } from '../component/windowed.js'
import { ItemScan, type RunSink, type ScanKey } from '../otlp/item-scan.js'
import type { Signal } from '../otlp/signal.js'
import { WireError } from '../otlp/wire.js'
import { Cutter, type Marking, marking, type Source } from './cutter.js'
import { DROPPED_FOR_GOOD, Dropped, FINGERPRINT, NOT_DROPPED, writeFingerprint } from './dropped.js'
import { Fifo } from './fifo.js'
import { decodeJournal, encodeJournal, type JournalRecord } from './journal.js'
import { Journals } from './journals.js'
import { DUE, droppedBefore, type Explanation, explanation, RecentDecisions, WHENS } from './recent.js'
import { ALWAYS, memberOf, randomnessOf, readOtelState } from './threshold.js'
import * as row from './trace-table.js'
import { TraceTable } from './trace-table.js'

/** One pipeline whose items pass the window. */
export interface WindowStream {
  /** The pipeline's id: the name of the stream that is written. */
  readonly id: string
  readonly signal: Signal
  /** The stream that is read. */
  readonly arrival: string
  readonly exporters: readonly string[]
}

export interface WindowEntry {
  readonly position: number
  /** Grows, and is the same for every process; absent: the position. */
  readonly number?: number
  readonly stream: string
  readonly items: number
  readonly bytes: Buffer
  readonly appendedAt: number
}

interface Append {
  readonly stream: string
  readonly items: number
  readonly bytes: Buffer
}

/** What one commit must hold. */
export interface Harvest {
  readonly appends: readonly Append[]
  readonly counts: ReadonlyMap<string, number>
  /** Positions of arrivals that are done with. */
  readonly released: readonly number[]
  /** The same of journal entries. */
  readonly releasedJournal: readonly number[]
}

export interface WindowOptions {
  /** The window's id: the component of the ledger. */
  readonly id: string
  readonly processor: WindowedProcessor
  readonly streams: readonly WindowStream[]
  /** Stream of the journal. */
  readonly journal: string
  /** Log bytes that open traces may hold; beyond it the oldest are decided early. */
  readonly maxOpenBytes: number
  /** Bytes of stored entries that one commit's output may be cut from, at about. Default: no limit. */
  readonly maxSourceBytes?: number
}

interface Entry {
  readonly position: number
  readonly number: number
  readonly stream: number
  readonly items: number
  readonly bytes: number
  /** Where its envelopes are (core/otlp/item-scan.ts). */
  envelopes: readonly number[]
  resources: readonly number[]
  /** Items neither written nor gone. */
  open: number
  /** Items gone, by rule. */
  drops: Map<string, number> | undefined
  /** Of the commit that cuts from it. */
  plan: number
}

/** A journal entry that is part of a harvest. */
interface Writing {
  readonly kept: number
  readonly dropped: number
  /** Set when it is made of older ones: when the last of them was written. */
  readonly mergedAt: number | undefined
}

/** Rule names of the window itself. */
export const RULE_ERROR = 'error'
export const RULE_LATE_ERROR = 'late_error'
/** What comes of a trace after its late-error window, or after a restart: it follows a decision made before. */
export const RULE_EARLIER = 'earlier_decision'
const RULE_UNREADABLE = 'unreadable'
export const LATE_ERROR_MARK = 'sampling.late_error'
export const DRY_RUN_MARK = 'sampling.would_drop'

/** Bytes that one commit writes at about. */
const HARVEST_BYTES = 8 * 1024 * 1024
/** A written entry is closed at this size: delivery merges and splits to its back end's liking. */
const OUTPUT_BYTES = 1024 * 1024
/** Dropped traces are told of with the next commit, or alone after so long. */
const TELL_MS = 1000
const PLAN_INTS = 6
const MAX_WORKFLOWS = 10_000
const MAX_MARKINGS = 4096
const DECISION_FLAGS = row.FINAL | row.WEIGHTED | row.LATE_ERROR | row.DRY_DROP
/** What a decision replaces. */
const UNDECIDED_FLAGS = row.STATE | row.TOUCHED | row.READY | row.WHEN | DECISION_FLAGS

export class Window implements RunSink {
  readonly #options: WindowOptions
  readonly #scan: ItemScan
  readonly #table = new TraceTable()
  readonly #facts: Facts
  readonly #streams: ReadonlyMap<string, number>
  readonly #cutters: readonly Cutter[]
  readonly #recent = new RecentDecisions()
  readonly #waiting = new Fifo()
  readonly #rooted = new Fifo()
  readonly #decided = new Fifo()
  readonly #remembered = new Fifo()
  #ready: number[] = []
  #touched: number[] = []
  #entries: Entry[] = []
  /** Sequence number of `#entries[0]`. */
  #base = 0
  #entry: Entry | undefined
  #at = 0
  #readTo = 0
  readonly #journals: Journals
  /** Journal entries of the harvest that is being committed. */
  #writing: Writing[] = []
  /** Traces whose items the next commit writes. */
  #written: number[] = []
  readonly #dropped: Dropped
  /** Fingerprints of traces dropped since the last journal entry. */
  #untold = Buffer.alloc(FINGERPRINT * 64)
  #untoldBytes = 0
  #untoldSince = 0
  /** Up to where each restored trace is written; only while replaying. */
  #writtenTo = new Map<number, number>()
  #replayTo = 0
  /** When the newest restored decisions were written. */
  #restoredAt = 0
  #plan = new Int32Array(PLAN_INTS * 1024)
  #planned = 0
  #plannedBytes = 0
  #plans = 1
  #sourceBytes = 0
  readonly #rules: string[] = ['']
  readonly #ruleIds = new Map<string, number>()
  readonly #workflows: string[] = ['']
  readonly #workflowIds = new Map<string, number>()
  #lastWorkflow = Buffer.alloc(0)
  #lastWorkflowId = 0
  readonly #markings = new Map<string, number>()
  #markingList: Marking[] = []
  #openTraces = 0
  #openBytes = 0
  #storedBytes = 0
  #releasable = 0
  #seen = 0
  #maxTraces: number

  constructor(options: WindowOptions) {
    this.#options = options
    const { decisionWaitMs, lateErrorMs, maxKept, maxDropped, maxTraces } = options.processor.settings
    this.#maxTraces = maxTraces
    this.#journals = new Journals({ replayMs: decisionWaitMs + lateErrorMs, maxKept, maxDropped })
    this.#dropped = new Dropped(maxDropped)
    this.#streams = new Map(options.streams.map((stream, i) => [stream.arrival, i]))
    this.#cutters = options.streams.map(stream => new Cutter(stream.signal))
    this.#facts = new Facts(this.#table, options.processor, this.#workflows)
    this.#scan = new ItemScan(scanOptions(options.processor))
  }

  /** Sets how many undecided traces this window may have: one of several shares them. */
  limit(maxTraces: number): void {
    this.#maxTraces = maxTraces
  }

  // --- reading ---

  /** First, in order: what earlier runs wrote of their decisions. */
  restore(entry: { readonly position: number; readonly bytes: Buffer; readonly appendedAt: number }): void {
    const { position, bytes, appendedAt } = entry
    const { readTo, records, dropped } = decodeJournal(bytes)
    const count = { kept: records.length, dropped: dropped.length / FINGERPRINT }
    this.#journals.add({ position, readTo, at: appendedAt, ...count }, bytes)
    this.#replayTo = Math.max(this.#replayTo, readTo)
    this.#restoredAt = Math.max(this.#restoredAt, appendedAt)
    this.#dropped.load(dropped)
    for (const record of records) this.#restoreRecord(record, readTo)
  }

  #restoreRecord(record: JournalRecord, readTo: number): void {
    const table = this.#table
    const [a, b, c, d] = [0, 4, 8, 12].map(at => record.id.readInt32LE(at)) as [number, number, number, number]
    let slot = table.find(a, b, c, d)
    if (slot < 0) {
      slot = table.insert(a, b, c, d)
      this.#decided.push(slot, table.generation[slot]!, record.decidedAt)
    }
    table.flags[slot] = row.KEPT | record.flags
    table.rule[slot] = this.#ruleId(record.rule)
    table.threshold[slot] = record.threshold
    table.decidedAt[slot] = record.decidedAt
    table.keptFrom[slot] = record.keptFrom
    // One that was merged comes behind younger ones.
    this.#writtenTo.set(slot, Math.max(readTo, this.#writtenTo.get(slot) ?? 0))
  }

  /** Takes the next entry of the log into the index. */
  take(entry: WindowEntry): void {
    const stream = this.#streams.get(entry.stream)!
    const { position, number = position, items, bytes } = entry
    const mine: Entry = {
      position,
      number,
      stream,
      items,
      bytes: bytes.length,
      envelopes: [],
      resources: [],
      open: items,
      drops: undefined,
      plan: 0
    }
    this.#entry = mine
    this.#at = entry.appendedAt
    this.#readTo = number
    this.#entries.push(mine)
    this.#storedBytes += bytes.length
    this.#seen = 0
    try {
      this.#scan.scan(this.#options.streams[stream]!.signal, bytes, this)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
    }
    mine.envelopes = this.#scan.envelopes
    mine.resources = this.#scan.resources
    // Stored bytes were checked at the door; should they not be what they were, nothing may hang on them.
    if (this.#seen < items) this.#gone(mine, RULE_UNREADABLE, items - this.#seen)
    if (number >= this.#replayTo) this.#writtenTo.clear()
  }

  /** A run of one trace's items, from the scan. */
  run(scan: ItemScan): void {
    this.#seen += scan.items
    const { buf, traceAt } = scan
    if (traceAt < 0) {
      this.#pass(scan)
      return
    }
    const a = int32(buf, traceAt)
    const b = int32(buf, traceAt + 4)
    const c = int32(buf, traceAt + 8)
    const d = int32(buf, traceAt + 12)
    const table = this.#table
    let slot = table.find(a, b, c, d)
    if (slot < 0) {
      slot = table.insert(a, b, c, d)
      table.randomness[slot] = randomnessOf(buf, traceAt)
      const before = this.#dropped.find(a, b, c, d)
      if (before === NOT_DROPPED) {
        this.#openTraces++
        this.#waiting.push(slot, table.generation[slot]!, this.#at)
      } else this.#holdAgain(slot, before === DROPPED_FOR_GOOD)
    }
    this.#note(slot, scan)
  }

  /**
   * It was dropped, and its row is gone: an error has another late-error window to bring back what comes now. While replaying, what
   * comes are the items it was dropped with: its window began with that decision, at the latest when the last one was written.
   */
  #holdAgain(slot: number, isFinal: boolean): void {
    const table = this.#table
    const at = this.#entry!.number <= this.#replayTo ? Math.max(this.#at, this.#restoredAt) : this.#at
    table.flags[slot] = row.HELD | row.REMEMBERED | (isFinal ? row.FINAL : 0)
    table.rule[slot] = this.#ruleId(RULE_EARLIER)
    table.decidedAt[slot] = at
    table.keptFrom[slot] = this.#entry!.number
    this.#decided.push(slot, table.generation[slot]!, at)
  }

  #note(slot: number, scan: ItemScan): void {
    const table = this.#table
    const flags = table.flags[slot]!
    const state = flags & row.STATE
    const size = scan.end - scan.start
    if (state === row.KEPT && this.#isWritten(slot, scan.items)) return
    table.addRun(
      slot,
      this.#base + this.#entries.length - 1,
      (scan.scope << 1) | (scan.hasTraceState ? 1 : 0),
      scan.start,
      scan.end,
      scan.items
    )
    table.items[slot]! += scan.items
    table.bytes[slot]! += size
    let now = flags
    if (scan.isError) now |= row.ERROR
    if (scan.statuses !== 0) {
      now |= scan.statuses << row.STATUS_SHIFT
      table.spans[slot]! += scan.items
      table.steps[slot]! += scan.steps
      if (scan.minStart < table.minStart[slot]!) table.minStart[slot] = scan.minStart
      if (scan.maxEnd > table.maxEnd[slot]!) table.maxEnd[slot] = scan.maxEnd
    }
    table.conditions[slot]! |= scan.conditions
    if (scan.workflowFrom >= 0 && table.workflow[slot] === 0) table.workflow[slot] = this.#workflowOf(scan)
    if (scan.hasTraceState && (now & row.HAS_RV) === 0) now |= this.#readRandomness(slot, scan.traceStateText)
    if (scan.isRoot && (now & row.ROOT) === 0) {
      now |= row.ROOT
      table.totalSteps[slot] = scan.totalSteps
      if (state === row.OPEN) this.#rooted.push(slot, table.generation[slot]!, this.#at)
    }
    if (state === row.OPEN) {
      this.#openBytes += size
      if ((now & row.READY) === 0 && this.#isOver(slot, now)) {
        now |= row.READY
        this.#ready.push(slot)
      }
    } else if ((now & row.TOUCHED) === 0) {
      now |= row.TOUCHED
      this.#touched.push(slot)
    }
    table.flags[slot] = now
  }

  /** While replaying: were these items written (or dropped before the trace was kept) by the last run? */
  #isWritten(slot: number, items: number): boolean {
    const to = this.#writtenTo.size === 0 ? undefined : this.#writtenTo.get(slot)
    const entry = this.#entry!
    if (to === undefined || entry.number > to) return false
    if (entry.number >= this.#table.keptFrom[slot]!) entry.open -= items
    else this.#gone(entry, 'expired', items)
    return true
  }

  /** Items of no trace: nothing to wait for. */
  #pass(scan: ItemScan): void {
    const entry = this.#entry!
    if (entry.number <= this.#replayTo) {
      entry.open -= scan.items
      return
    }
    this.#planRun(
      this.#base + this.#entries.length - 1,
      (scan.scope << 1) | (scan.hasTraceState ? 1 : 0),
      scan.start,
      scan.end,
      scan.items,
      -1
    )
    entry.open -= scan.items
  }

  #isOver(slot: number, flags: number): boolean {
    if (this.#isTooLarge(slot)) return true
    const table = this.#table
    const total = table.totalSteps[slot]!
    return (flags & row.ROOT) !== 0 && total >= 0 && table.steps[slot]! >= total
  }

  #isTooLarge(slot: number): boolean {
    const { maxTraceItems, maxTraceBytes } = this.#options.processor.settings
    return this.#table.items[slot]! >= maxTraceItems || this.#table.bytes[slot]! >= maxTraceBytes
  }

  #readRandomness(slot: number, text: string): number {
    const { randomness } = readOtelState(text)
    if (randomness === undefined) return 0
    this.#table.randomness[slot] = randomness
    return row.HAS_RV
  }

  #workflowOf(scan: ItemScan): number {
    const { buf, workflowFrom: from, workflowTo: to } = scan
    if (buf.compare(this.#lastWorkflow, 0, this.#lastWorkflow.length, from, to) === 0) return this.#lastWorkflowId
    const name = buf.toString('utf8', from, to)
    let id = this.#workflowIds.get(name)
    if (id === undefined && this.#workflows.length < MAX_WORKFLOWS) {
      id = this.#workflows.push(name) - 1
      this.#workflowIds.set(name, id)
    }
    if (id === undefined) return 0
    this.#lastWorkflow = Buffer.from(buf.subarray(from, to))
    this.#lastWorkflowId = id
    return id
  }

  // --- deciding ---

  /** Decides what is over at `now`. True when there is more, for after the next commit. */
  advance(now: number): boolean {
    const { settings } = this.#options.processor
    // First what has come: an error that is read has come in time.
    this.#answerTouched(now)
    this.#expire(now)
    let done = 0
    for (; done < this.#ready.length && !this.#isPlanFull(); done++) this.#decideReady(this.#ready[done]!, now)
    this.#ready = this.#ready.slice(done)
    this.#decideOldest(this.#rooted, now - settings.afterRootMs, now, DUE.afterRoot)
    this.#decideOldest(this.#waiting, now - settings.decisionWaitMs, now, DUE.waited)
    while (this.#isCrowded() && this.#waiting.length > 0 && !this.#isPlanFull())
      this.#decideHead(this.#waiting, now, DUE.tooMany)
    return this.#isPlanFull() || this.#ready.length > 0
  }

  /** When the next decision or expiry may be due; Infinity when nothing waits. */
  dueAt(): number {
    const { settings } = this.#options.processor
    let due = this.#ready.length > 0 || this.#touched.length > 0 || this.#planned > 0 ? 0 : Number.POSITIVE_INFINITY
    if (this.#waiting.length > 0) due = Math.min(due, this.#waiting.time + settings.decisionWaitMs)
    if (this.#rooted.length > 0) due = Math.min(due, this.#rooted.time + settings.afterRootMs)
    if (this.#decided.length > 0) due = Math.min(due, this.#decided.time + settings.lateErrorMs)
    if (this.#untoldBytes > 0) due = Math.min(due, this.#untoldSince + TELL_MS)
    return Math.min(due, this.#journals.dueAt())
  }

  #isCrowded(): boolean {
    return this.#openTraces > this.#maxTraces || this.#openBytes > this.#options.maxOpenBytes
  }

  #isPlanFull(): boolean {
    return (
      this.#plannedBytes >= HARVEST_BYTES ||
      this.#sourceBytes >= (this.#options.maxSourceBytes ?? Number.POSITIVE_INFINITY)
    )
  }

  #decideOldest(fifo: Fifo, before: number, now: number, due: number): void {
    while (fifo.length > 0 && fifo.time <= before && !this.#isPlanFull()) this.#decideHead(fifo, now, due)
  }

  #decideReady(slot: number, now: number): void {
    this.#decideIfOpen(slot, now, this.#isTooLarge(slot) ? DUE.tooLarge : DUE.workflowOver)
  }

  #decideHead(fifo: Fifo, now: number, due: number): void {
    const { slot, generation } = fifo
    fifo.shift()
    if (this.#table.generation[slot] === generation) this.#decideIfOpen(slot, now, due)
  }

  #decideIfOpen(slot: number, now: number, due: number): void {
    if ((this.#table.flags[slot]! & row.STATE) === row.OPEN) this.#decide(slot, now, due)
  }

  #decide(slot: number, now: number, due: number): void {
    const table = this.#table
    const { processor } = this.#options
    this.#openTraces--
    this.#openBytes -= table.bytes[slot]!
    const facts = this.#facts.of(slot)
    const verdict = processor.decide(facts, now)
    this.#sparingErrors(facts.hasError, verdict)
    let isKept = facts.randomness >= verdict.threshold
    processor.decided?.(verdict.rule, isKept, facts, WHENS[due]!)
    let marks = (due << row.WHEN_SHIFT) | (verdict.isFinal ? row.FINAL : 0) | (verdict.isWeighted ? row.WEIGHTED : 0)
    if (!isKept && processor.settings.dryRun) {
      isKept = true
      verdict.threshold = ALWAYS
      marks |= row.DRY_DROP | row.WEIGHTED
    }
    table.rule[slot] = this.#ruleId(verdict.rule)
    table.threshold[slot] = verdict.threshold
    this.#conclude(slot, isKept, marks, now)
    this.#decided.push(slot, table.generation[slot]!, now)
  }

  /** An error is never sampled away. */
  #sparingErrors(hasError: boolean, verdict: Verdict): void {
    if (!hasError || verdict.isFinal || verdict.threshold === ALWAYS) return
    verdict.rule = RULE_ERROR
    verdict.threshold = ALWAYS
    verdict.isWeighted = true
  }

  #conclude(slot: number, isKept: boolean, marks: number, now: number): void {
    const table = this.#table
    const state = isKept ? row.KEPT : row.HELD
    table.flags[slot] = (table.flags[slot]! & ~UNDECIDED_FLAGS) | state | marks
    table.decidedAt[slot] = now
    this.#recent.add(table, slot)
    if (isKept) this.#write(slot)
    else this.#tell(slot, now)
  }

  /** A dropped trace, for the next journal entry. */
  #tell(slot: number, now: number): void {
    if (this.#options.processor.settings.maxDropped === 0) return
    if (this.#untoldBytes === 0) this.#untoldSince = now
    if (this.#untoldBytes + FINGERPRINT > this.#untold.length) {
      this.#untold = Buffer.concat([this.#untold, Buffer.alloc(this.#untold.length)])
    }
    const isFinal = (this.#table.flags[slot]! & row.FINAL) !== 0
    writeFingerprint(this.#untold, this.#untoldBytes, this.#table.ids, slot, isFinal)
    this.#untoldBytes += FINGERPRINT
  }

  /** Items of decided traces that came since. */
  #answerTouched(now: number): void {
    const touched = this.#touched
    this.#touched = []
    for (const slot of touched) this.#answerLate(slot, now)
  }

  #answerLate(slot: number, now: number): void {
    const table = this.#table
    const flags = table.flags[slot]!
    table.flags[slot] = flags & ~row.TOUCHED
    const state = flags & row.STATE
    if (state === row.KEPT) {
      this.#write(slot)
      return
    }
    if ((flags & row.ERROR) === 0 || (flags & row.FINAL) !== 0) return
    table.rule[slot] = this.#ruleId(RULE_LATE_ERROR)
    table.threshold[slot] = ALWAYS
    this.#options.processor.decided?.(RULE_LATE_ERROR, true, this.#facts.of(slot), 'late_error')
    this.#conclude(slot, true, row.WEIGHTED | row.LATE_ERROR | (DUE.lateError << row.WHEN_SHIFT), now)
  }

  /** Ends late-error windows, by time and by bytes, and forgets old decisions. */
  #expire(now: number): void {
    const { settings } = this.#options.processor
    const decided = this.#decided
    while (decided.length > 0) {
      const isOld = decided.time + settings.lateErrorMs <= now
      if (!isOld && this.#storedBytes - this.#openBytes <= settings.lateErrorBytes) break
      this.#expireHead()
      if (!isOld) this.#countReleasable()
    }
    for (let n = this.#remembered.length - settings.maxKept; n > 0; n--) this.#forgetHead()
  }

  #expireHead(): void {
    const { slot, generation, time } = this.#decided
    this.#decided.shift()
    const table = this.#table
    if (table.generation[slot] !== generation) return
    const flags = table.flags[slot]!
    if ((flags & row.STATE) !== row.HELD) {
      this.#remembered.push(slot, generation, time)
      return
    }
    this.#letGo(slot)
    if ((flags & row.REMEMBERED) === 0) {
      const { ids } = table
      const i = slot * 4
      this.#dropped.add(ids[i]!, ids[i + 1]!, ids[i + 2]!, ids[i + 3]!, (flags & row.FINAL) !== 0)
    }
    table.remove(slot)
  }

  /** Bytes of entries at the head that nothing needs any more leave the account at once: the next commit releases them. */
  #countReleasable(): void {
    while (this.#releasable < this.#entries.length && this.#entries[this.#releasable]!.open === 0) {
      this.#storedBytes -= this.#entries[this.#releasable++]!.bytes
    }
  }

  #forgetHead(): void {
    const { slot, generation } = this.#remembered
    this.#remembered.shift()
    const table = this.#table
    if (table.generation[slot] !== generation || table.firstRun[slot] !== 0) return
    table.remove(slot)
  }

  #letGo(slot: number): void {
    const table = this.#table
    const rule = this.#rules[table.rule[slot]!]!
    for (let run = table.firstRun[slot]!; run !== 0; run = table.nextRun(run)) {
      const i = run * row.RUN_INTS
      this.#gone(this.#entryOf(table.runs[i + row.RUN_ENTRY]!), rule, table.runs[i + row.RUN_ITEMS]!)
    }
    table.freeRuns(slot)
  }

  #gone(entry: Entry, rule: string, items: number): void {
    entry.open -= items
    entry.drops ??= new Map()
    entry.drops.set(rule, (entry.drops.get(rule) ?? 0) + items)
  }

  #entryOf(sequence: number): Entry {
    return this.#entries[sequence - this.#base]!
  }

  // --- writing ---

  /** Plans a kept trace's items for the next commit. */
  #write(slot: number): void {
    const table = this.#table
    const mark = this.#markingOf(slot)
    for (let run = table.firstRun[slot]!; run !== 0; run = table.nextRun(run)) {
      const i = run * row.RUN_INTS
      const { runs } = table
      const sequence = runs[i + row.RUN_ENTRY]!
      this.#planRun(
        sequence,
        runs[i + row.RUN_SCOPE]!,
        runs[i + row.RUN_START]!,
        runs[i + row.RUN_END]!,
        runs[i + row.RUN_ITEMS]!,
        mark
      )
      this.#entryOf(sequence).open -= runs[i + row.RUN_ITEMS]!
    }
    table.freeRuns(slot)
    this.#written.push(slot)
  }

  #planRun(sequence: number, scope: number, start: number, end: number, items: number, mark: number): void {
    if (this.#options.maxSourceBytes !== undefined) this.#planSource(this.#entryOf(sequence))
    if ((this.#planned + 1) * PLAN_INTS > this.#plan.length) {
      const grown = new Int32Array(this.#plan.length * 2)
      grown.set(this.#plan)
      this.#plan = grown
    }
    const at = this.#planned++ * PLAN_INTS
    this.#plan[at] = sequence
    this.#plan[at + 1] = scope
    this.#plan[at + 2] = start
    this.#plan[at + 3] = end
    this.#plan[at + 4] = items
    this.#plan[at + 5] = mark
    this.#plannedBytes += end - start
  }

  #planSource(entry: Entry): void {
    if (entry.plan === this.#plans) return
    entry.plan = this.#plans
    this.#sourceBytes += entry.bytes
  }

  /** Index of what items of this trace get: the same for all signals, made per signal when used. */
  #markingOf(slot: number): number {
    const flags = this.#table.flags[slot]!
    const threshold = (flags & row.WEIGHTED) === 0 ? -1 : this.#table.threshold[slot]!
    const key = `${threshold} ${flags & (row.LATE_ERROR | row.DRY_DROP)}`
    const known = this.#markings.get(key)
    if (known !== undefined) return known
    const marks = [
      ...((flags & row.LATE_ERROR) === 0 ? [] : [LATE_ERROR_MARK]),
      ...((flags & row.DRY_DROP) === 0 ? [] : [DRY_RUN_MARK])
    ]
    const at = this.#markingList.length
    for (const { signal } of this.#options.streams) {
      this.#markingList.push(marking(signal, threshold < 0 ? undefined : threshold, marks))
    }
    this.#markings.set(key, at)
    return at
  }

  /** Positions of the stored entries that the next harvest reads. */
  needs(): number[] {
    const sequences = new Set<number>()
    for (let i = 0; i < this.#planned; i++) sequences.add(this.#plan[i * PLAN_INTS]!)
    return [...sequences].map(sequence => this.#entryOf(sequence).position)
  }

  /**
   * What the next commit must hold: everything decided and everything to be released; undefined when there is nothing.
   * The window counts on it being committed, however long that takes, before the next one. Nothing may be taken between
   * `advance` and this.
   * @param read the bytes of a stored entry
   */
  harvest(
    read: (position: number) => Buffer | undefined,
    now: number,
    { isCaughtUp = true, isLast = false }: { readonly isCaughtUp?: boolean; readonly isLast?: boolean } = {}
  ): Harvest | undefined {
    const counts = new Map<string, number>()
    const appends = this.#planned > 0 ? this.#cut(read, counts) : []
    const released = this.#release(counts)
    this.#writing = []
    const isToldAlone = this.#untoldBytes > 0 && (isLast || this.#untoldSince + TELL_MS <= now)
    if (appends.length > 0 || this.#written.length > 0 || released.length > 0 || isToldAlone)
      this.#writeJournal(appends)
    const releasedJournal = this.#releaseJournals(appends, now, isCaughtUp)
    if (appends.length === 0 && released.length === 0 && releasedJournal.length === 0) return undefined
    return { appends, counts, released, releasedJournal }
  }

  #writeJournal(appends: Append[]): void {
    const kept = this.#written.length
    if (kept === 0 && this.#untoldBytes === 0 && appends.length === 0) return
    const dropped = this.#untold.subarray(0, this.#untoldBytes)
    const bytes = encodeJournal(this.#readTo, this.#table, this.#written, this.#rules, DECISION_FLAGS, dropped)
    this.#writing.push({ kept, dropped: this.#untoldBytes / FINGERPRINT, mergedAt: undefined })
    appends.push({ stream: this.#options.journal, items: 0, bytes })
    this.#written = []
    this.#untoldBytes = 0
  }

  /** Until it is read from the start, the oldest entry stored is not known. */
  #releaseJournals(appends: Append[], now: number, isCaughtUp: boolean): number[] {
    const [oldest] = this.#entries
    if (oldest === undefined && !isCaughtUp) return []
    const low = oldest?.number ?? Number.POSITIVE_INFINITY
    const released = this.#journals.release(low, now)
    const merged = this.#journals.merge(low, now)
    if (merged === undefined) return released
    const { records, dropped } = decodeJournal(merged.bytes)
    this.#writing.push({ kept: records.length, dropped: dropped.length / FINGERPRINT, mergedAt: merged.at })
    appends.push({ stream: this.#options.journal, items: 0, bytes: merged.bytes })
    return [...released, ...merged.released]
  }

  /** Told when a harvest is durable, with the positions its appends got. */
  committed(harvest: Harvest, positions: readonly number[], now: number): void {
    let n = 0
    harvest.appends.forEach(({ stream, bytes }, i) => {
      if (stream !== this.#options.journal) return
      const { kept, dropped, mergedAt } = this.#writing[n++]!
      const entry = { position: positions[i]!, readTo: bytes.readDoubleLE(0), kept, dropped }
      if (mergedAt === undefined) this.#journals.add({ ...entry, at: now }, bytes)
      else this.#journals.addMerged({ ...entry, at: mergedAt })
    })
  }

  #cut(read: (position: number) => Buffer | undefined, counts: Map<string, number>): Append[] {
    const out: Append[] = []
    const plan = this.#plan
    const order = Array.from({ length: this.#planned }, (_, i) => i * PLAN_INTS)
    order.sort((x, y) => plan[x]! - plan[y]! || plan[x + 2]! - plan[y + 2]!)
    let sequence = -1
    let source: Source | undefined
    const run = { start: 0, end: 0, items: 0 }
    for (const at of order) {
      const entry = this.#entryOf(plan[at]!)
      if (plan[at] !== sequence) {
        sequence = plan[at]!
        const bytes = read(entry.position)
        source = bytes && { bytes, envelopes: entry.envelopes, resources: entry.resources }
      }
      run.start = plan[at + 2]!
      run.end = plan[at + 3]!
      run.items = plan[at + 4]!
      if (source === undefined) {
        this.#lost(entry, run.items, counts)
        continue
      }
      const cutter = this.#cutters[entry.stream]!
      const scope = plan[at + 1]!
      const mark = plan[at + 5]! < 0 ? undefined : this.#markingList[plan[at + 5]! + entry.stream]
      cutter.add(source, scope >> 1, run, mark, (scope & 1) === 0)
      if (cutter.size >= OUTPUT_BYTES) this.#close(entry.stream, out, counts)
    }
    for (let stream = 0; stream < this.#cutters.length; stream++) this.#close(stream, out, counts)
    this.#planned = 0
    this.#plannedBytes = 0
    this.#plans++
    this.#sourceBytes = 0
    if (this.#markings.size > MAX_MARKINGS) {
      this.#markings.clear()
      this.#markingList = []
    }
    return out
  }

  /** An entry that was damaged on disk: the log has counted its items as dropped by the cursor. */
  #lost(entry: Entry, items: number, counts: Map<string, number>): void {
    const { id } = this.#options.streams[entry.stream]!
    add(counts, this.#windowed(id), -items)
    add(counts, `dropped|${this.#options.id}|${id}|damaged`, items)
  }

  #close(stream: number, out: Append[], counts: Map<string, number>): void {
    const cutter = this.#cutters[stream]!
    if (cutter.items === 0) return
    const { id, exporters } = this.#options.streams[stream]!
    const { bytes, items } = cutter.take()
    out.push({ stream: id, items, bytes })
    add(counts, this.#windowed(id), -items)
    add(counts, `appended|${id}`, items)
    for (const exporter of exporters) add(counts, `offered|${exporter}|${id}`, items)
  }

  #windowed(pipeline: string): string {
    return `windowed|${pipeline}|${this.#options.id}`
  }

  #release(counts: Map<string, number>): number[] {
    const released: number[] = []
    let n = 0
    for (; n < this.#entries.length && this.#entries[n]!.open === 0; n++) {
      const entry = this.#entries[n]!
      released.push(entry.position)
      if (n >= this.#releasable) this.#storedBytes -= entry.bytes
      if (entry.drops === undefined) continue
      const { id } = this.#options.streams[entry.stream]!
      for (const [rule, items] of entry.drops) {
        add(counts, `dropped|${this.#options.id}|${id}|${rule}`, items)
        add(counts, this.#windowed(id), -items)
      }
    }
    this.#releasable = 0
    if (n > 0) this.#entries = this.#entries.slice(n)
    this.#base += n
    return released
  }

  // --- telling ---

  /** Traces that are not decided, items stored, decisions remembered. */
  status(): {
    readonly openTraces: number
    readonly openBytes: number
    readonly storedBytes: number
    readonly traces: number
  } {
    return {
      openTraces: this.#openTraces,
      openBytes: this.#openBytes,
      storedBytes: this.#storedBytes,
      traces: this.#table.size
    }
  }

  /** What became of a trace (32 hex digits), as far as it is remembered. */
  explain(traceId: string): Explanation | undefined {
    const id = Buffer.from(traceId, 'hex')
    if (id.length !== 16) return undefined
    const [a, b, c, d] = [0, 4, 8, 12].map(at => id.readInt32LE(at)) as [number, number, number, number]
    const slot = this.#table.find(a, b, c, d)
    if (slot >= 0) return explanation(this.#table, slot, this.#rules)
    const recent = this.#recent.find(traceId.toLowerCase(), this.#rules)
    if (recent?.state === 'held') return { ...recent, state: 'dropped' }
    if (recent !== undefined || this.#dropped.find(a, b, c, d) === NOT_DROPPED) return recent
    return droppedBefore(traceId.toLowerCase(), RULE_EARLIER)
  }

  recent(limit: number): readonly Explanation[] {
    return this.#recent.newest(limit, this.#rules)
  }

  #ruleId(rule: string): number {
    let id = this.#ruleIds.get(rule)
    if (id === undefined) {
      id = this.#rules.push(rule) - 1
      this.#ruleIds.set(rule, id)
    }
    return id
  }
}

/** The view that processors judge by. */
class Facts implements TraceFacts {
  readonly #table: TraceTable
  readonly #attributes: number
  readonly #flagAt: number
  readonly #workflows: readonly string[]
  #slot = 0

  constructor(table: TraceTable, { attributes, traceStates }: WindowedProcessor, workflows: readonly string[]) {
    this.#table = table
    this.#attributes = attributes.length
    this.#flagAt = attributes.length + traceStates.length
    this.#workflows = workflows
  }

  of(slot: number): this {
    this.#slot = slot
    return this
  }

  get items(): number {
    return this.#table.items[this.#slot]!
  }

  get spans(): number {
    return this.#table.spans[this.#slot]!
  }

  get bytes(): number {
    return this.#table.bytes[this.#slot]!
  }

  get hasError(): boolean {
    return (this.#table.flags[this.#slot]! & row.ERROR) !== 0
  }

  get hasRoot(): boolean {
    return (this.#table.flags[this.#slot]! & row.ROOT) !== 0
  }

  get statuses(): number {
    return (this.#table.flags[this.#slot]! >> row.STATUS_SHIFT) & 7
  }

  get durationMs(): number {
    const span = this.#table.maxEnd[this.#slot]! - this.#table.minStart[this.#slot]!
    return span > 0 ? span / 1e6 : 0
  }

  get workflow(): string {
    return this.#workflows[this.#table.workflow[this.#slot]!]!
  }

  get randomness(): number {
    return this.#table.randomness[this.#slot]!
  }

  attribute(i: number): boolean {
    return (this.#table.conditions[this.#slot]! & (1 << i)) !== 0
  }

  traceState(i: number): boolean {
    return this.attribute(this.#attributes + i)
  }

  get hasSampledFlag(): boolean {
    return this.attribute(this.#flagAt)
  }
}

/** A window knows 31 conditions: bits of one number. */
export const MAX_CONDITIONS = 31

function scanOptions({ attributes, traceStates, asksSampledFlag }: WindowedProcessor) {
  const keys = attributes.map(
    ({ key, test }, i): ScanKey => ({
      key,
      inResource: true,
      test: (buf, type, from, to) => (test(buf, type, from, to) ? 1 << i : 0)
    })
  )
  const sampledFlag = asksSampledFlag === true ? 1 << (attributes.length + traceStates.length) : 0
  if (traceStates.length === 0) return { keys, sampledFlag }
  const traceState = (text: string): number => {
    let bits = 0
    traceStates.forEach(({ key, test }, i) => {
      const value = memberOf(text, key)
      if (value !== undefined && test(value)) bits |= 1 << (attributes.length + i)
    })
    return bits
  }
  return { keys, traceState, sampledFlag }
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n)
}

function int32(buf: Buffer, at: number): number {
  return buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)
}
