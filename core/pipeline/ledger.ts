// The conservation ledger: received = appended + dropped, and for each exporter appended = delivered + waiting + dropped,
// exact to the item, at any moment and across restarts (P3).
//
// It is kept as the log's own counters: every number changes in the commit that moves the items it counts, so it can
// neither run ahead of the data nor fall behind it, whatever crashes when. Keys are `what|...|stream|...`:
//
//   received|traces                        valid items that came in (answered OK)
//   dropped|redaction|traces|drop_field    taken out by a processor before the log
//   appended|traces                        in the log for the exporters
//   joined|otlp_http|traces                what `appended` was when the exporter was first configured
//   delivered|otlp_http|traces             acknowledged by the back end
//   parked|, unparked|otlp_http|traces...  set aside by delivery (dead letters, rests of divided requests), and gone again
//   dropped|otlp_http|traces|rejected      not delivered, and why

import type { Log } from '../queue/log.js'

export interface LedgerKeys {
  readonly received: string
  readonly appended: string
  dropped(component: string, reason: string): string
}

const cached = new Map<string, LedgerKeys>()

/** The counter names of one stream. Pipelines are few: they are made once. */
export function ledgerKeys(stream: string): LedgerKeys {
  let keys = cached.get(stream)
  if (keys === undefined) {
    keys = {
      received: `received|${stream}`,
      appended: `appended|${stream}`,
      dropped: (component, reason) => `dropped|${component}|${stream}|${reason}`
    }
    cached.set(stream, keys)
  }
  return keys
}

export interface StreamRow {
  readonly stream: string
  readonly received: number
  readonly appended: number
  /** By processor and reason, e.g. `filter health_checks`. */
  readonly dropped: Readonly<Record<string, number>>
  /** received - appended - dropped: 0, or the ledger is broken. */
  readonly difference: number
}

export interface ExporterRow {
  readonly exporter: string
  readonly stream: string
  /** Items appended since the exporter joined. */
  readonly due: number
  readonly delivered: number
  /** In the log, not yet acked. */
  readonly waiting: number
  /** Set aside: dead letters and rests of divided requests. */
  readonly parked: number
  readonly dropped: Readonly<Record<string, number>>
  /** due - delivered - waiting - parked - dropped: 0, or the ledger is broken. */
  readonly difference: number
}

export interface Ledger {
  readonly streams: readonly StreamRow[]
  readonly exporters: readonly ExporterRow[]
  readonly isBalanced: boolean
}

/** What an exporter still has before it in the log, of one stream. */
export type WaitingItems = (exporter: string, stream: string) => number

/** Reads the ledger of a log. `readers`: exporter -> its streams. */
export function readLedger(
  log: Log,
  readers: ReadonlyMap<string, readonly string[]>,
  streams: readonly string[],
  waiting: WaitingItems
): Ledger {
  const counts = log.counts()
  const rows = streams.map(stream => streamRow(counts, stream))
  const exporters = [...readers].flatMap(([exporter, read]) =>
    read.map(stream => exporterRow(counts, exporter, stream, waiting(exporter, stream)))
  )
  return { streams: rows, exporters, isBalanced: [...rows, ...exporters].every(row => row.difference === 0) }
}

function streamRow(counts: ReadonlyMap<string, number>, stream: string): StreamRow {
  const keys = ledgerKeys(stream)
  const received = counts.get(keys.received) ?? 0
  const appended = counts.get(keys.appended) ?? 0
  const dropped: Record<string, number> = {}
  for (const [key, n] of counts) {
    const [what, component, of, reason] = key.split('|')
    // Every drop that is no exporter's: processors that have left the config dropped items too.
    if (what === 'dropped' && of === stream && !counts.has(`joined|${component}|${stream}`))
      dropped[`${component} ${reason}`] = n
  }
  return { stream, received, appended, dropped, difference: received - appended - sum(dropped) }
}

function exporterRow(
  counts: ReadonlyMap<string, number>,
  exporter: string,
  stream: string,
  waiting: number
): ExporterRow {
  const due = (counts.get(ledgerKeys(stream).appended) ?? 0) - (counts.get(`joined|${exporter}|${stream}`) ?? 0)
  const delivered = counts.get(`delivered|${exporter}|${stream}`) ?? 0
  const dropped: Record<string, number> = {}
  let parked = -(counts.get(`unparked|${exporter}|${stream}`) ?? 0)
  for (const [key, n] of counts) {
    const [what, who, of, reason] = key.split('|')
    if (who !== exporter || of !== stream) continue
    if (what === 'dropped') dropped[reason!] = n
    else if (what === 'parked') parked += n
  }
  const difference = due - delivered - waiting - parked - sum(dropped)
  return { exporter, stream, due, delivered, waiting, parked, dropped, difference }
}

function sum(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((a, b) => a + b, 0)
}

/** Counts that note where exporters join streams they are new to; empty when nobody is new. */
export function joins(log: Log, readers: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const counts = log.counts()
  const fresh = new Map<string, number>()
  for (const [exporter, streams] of readers) {
    for (const stream of streams) {
      const key = `joined|${exporter}|${stream}`
      if (!counts.has(key)) fresh.set(key, counts.get(ledgerKeys(stream).appended) ?? 0)
    }
  }
  return fresh
}
