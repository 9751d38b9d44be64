// What several queues or processes of one gateway say of themselves, as one.

import type { Ledger, LedgerLine, StreamLine } from '../../../core/telemetry/ledger.js'
import type { WholeLedger } from '../app.js'
import type { Readiness } from './index.js'
import type { Status } from './page.js'

/** All of these as one. `all` has at least one; version, pipelines and addresses are those of the first. */
export function combineStatus(all: readonly Status[]): Status {
  const first = all[0]!
  if (all.length === 1) return first
  const sum = (read: (status: Status) => number): number => all.reduce((n, status) => n + read(status), 0)
  return {
    ...first,
    upMs: Math.max(...all.map(({ upMs }) => upMs)),
    readiness: combineReadiness(all.map(({ readiness }) => readiness)),
    queue: {
      type: first.queue.type,
      bytes: sum(({ queue }) => queue.bytes),
      maxBytes: sum(({ queue }) => queue.maxBytes),
      entries: sum(({ queue }) => queue.entries)
    },
    deliveries: combineDeliveries(all),
    ledger: combineLedgers(all.map(({ ledger }) => ledger)),
    counts: combineCounts(all)
  }
}

function combineCounts(all: readonly Status[]): NonNullable<Status['counts']> {
  const found = new Map<string, NonNullable<Status['counts']>[number]>()
  for (const one of all.flatMap(({ counts = [] }) => counts)) {
    const key = `${one.component}|${one.counter}|${one.of}`
    found.set(key, added(found.get(key), one))
  }
  return [...found.values()]
}

/** Ready when all are. */
export function combineReadiness(all: readonly Readiness[]): Readiness {
  const reasons = all.flatMap(one => one.reasons)
  const seen = new Set<string>()
  return {
    isReady: all.every(({ isReady }) => isReady),
    reasons: reasons.filter(({ code, says }) => !seen.has(`${code} ${says}`) && seen.add(`${code} ${says}`))
  }
}

/** Ledgers of queues that are not shared, each of which is one gateway's. */
export function combineWholes(all: readonly WholeLedger[]): WholeLedger {
  if (all.length === 1) return all[0]!
  const gateways = all.reduce((sum, one) => sum + one.gateways, 0)
  return { gateways, isExact: all.every(({ isExact }) => isExact), ...combineLedgers(all) }
}

/** A ledger is a list of totals: they add up. */
export function combineLedgers(all: readonly Ledger[]): Ledger {
  const lines = <L extends object>(read: (ledger: Ledger) => readonly L[], key: (line: L) => string): L[] => {
    const found = new Map<string, L>()
    for (const line of all.flatMap(read)) found.set(key(line), added(found.get(key(line)), line))
    return [...found.values()]
  }
  const streams = lines<StreamLine>(
    l => l.streams,
    l => l.stream
  )
  const sums = lines<LedgerLine>(
    l => l.exporters,
    l => l.exporter
  )
  const exporters = sums.map(withDifference).sort((a, b) => (a.exporter < b.exporter ? -1 : 1))
  return {
    received: lines(
      l => l.received,
      l => l.stream
    ),
    streams,
    dropped: lines(
      l => l.dropped,
      l => `${l.by}|${l.stream}|${l.reason}`
    ),
    delivered: lines(
      l => l.delivered,
      l => `${l.exporter}|${l.stream}`
    ),
    exporters,
    isBalanced: [...streams, ...exporters].every(({ difference }) => (difference ?? 0) === 0)
  }
}

/** Who only delivers has offered nothing: the difference is that of the sums. */
function withDifference(line: LedgerLine): LedgerLine {
  const { offered, delivered, waiting, parked, dropped } = line
  const difference = offered === undefined ? undefined : offered - (delivered + waiting + parked + dropped)
  return { ...line, difference }
}

function combineDeliveries(all: readonly Status[]): Status['deliveries'] {
  const found = new Map<string, Status['deliveries'][number]>()
  for (const one of all.flatMap(({ deliveries }) => deliveries)) {
    const { exporter, oldestAgeMs, breaker, waiting, lastError } = one
    const before = found.get(exporter)
    if (before === undefined) {
      found.set(exporter, one)
      continue
    }
    found.set(exporter, {
      ...added(before, one),
      oldestAgeMs: Math.max(before.oldestAgeMs, oldestAgeMs),
      breaker: before.breaker === 'closed' ? breaker : before.breaker,
      waiting: added(before.waiting, waiting),
      lastError: (lastError?.at ?? 0) > (before.lastError?.at ?? 0) ? lastError : before.lastError
    })
  }
  return [...found.values()]
}

/** The numbers of two lines added, everything else as the first has it. */
function added<T extends object>(before: T | undefined, line: T): T {
  if (before === undefined) return line
  const sums = Object.entries(line).map(([key, value]) => {
    const was = (before as Record<string, unknown>)[key]
    return [key, typeof value === 'number' && typeof was === 'number' ? was + value : (was ?? value)]
  })
  return { ...before, ...Object.fromEntries(sums) } as T
}
