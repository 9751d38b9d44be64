// The conservation ledger: every item is accounted for, at any moment and across restarts. It is read out of the log's
// named totals, which change in the same commit as the data (core/queue/log.ts, L8):
//
//   received|<stream>                        items taken from senders for this pipeline
//   dropped|<component>|<stream>|<reason>    items that a processor or exporter let go, and why
//   offered|<exporter>|<stream>              items appended for this exporter
//   delivered|<exporter>|<stream>            items its back end has
//   parked|<exporter>|<stream>|<reason>      items moved from the log into parking; unparked|<exporter>|<stream> left it
//
//   appended|<stream>                        items in the log for the exporters of this pipeline
//
//   windowed|<stream>|<window>               items in the pipeline's window now: undecided, or dropped and still to be
//                                            brought back by a late error (core/pipeline/windowed.ts)
//
//   received = appended + windowed + dropped by the processors
//   offered = delivered + waiting + parked - unparked + dropped by the exporter

export interface LedgerLine {
  /** The exporter's id. */
  readonly exporter: string
  /** Items given to it; undefined where nobody counted them. */
  readonly offered: number | undefined
  readonly delivered: number
  /** In the log, not done with. */
  readonly waiting: number
  /** Set aside: retried later, or dead letters. */
  readonly parked: number
  readonly dropped: number
  /** offered - (delivered + waiting + parked + dropped): 0 when every item is accounted for. */
  readonly difference: number | undefined
}

export interface StreamLine {
  /** The pipeline's id. */
  readonly stream: string
  readonly received: number
  readonly appended: number
  /** In the window of a processor that judges whole traces; 0 where there is none. */
  readonly windowed: number
  /** By processors. */
  readonly dropped: number
  /** received - (appended + windowed + dropped): 0 when every item is accounted for. */
  readonly difference: number
}

export interface Ledger {
  readonly received: readonly { readonly stream: string; readonly items: number }[]
  readonly streams: readonly StreamLine[]
  readonly dropped: readonly {
    readonly by: string
    readonly stream: string
    readonly reason: string
    readonly items: number
  }[]
  readonly delivered: readonly { readonly exporter: string; readonly stream: string; readonly items: number }[]
  readonly exporters: readonly LedgerLine[]
  /** True when no stream and no exporter has a difference. */
  readonly isBalanced: boolean
}

/** Reads the ledger from the log's totals; `waiting` is each exporter's cursor's waiting items. */
export function ledgerOf(totals: ReadonlyMap<string, number>, waiting: ReadonlyMap<string, number>): Ledger {
  const received: { stream: string; items: number }[] = []
  const dropped: { by: string; stream: string; reason: string; items: number }[] = []
  const delivered: { exporter: string; stream: string; items: number }[] = []
  const sums = new Map<string, number>()
  const add = (key: string, n: number) => sums.set(key, (sums.get(key) ?? 0) + n)
  const names = new Set(waiting.keys())
  for (const [key, items] of totals) {
    const [what = '', who = '', stream = '', reason = ''] = key.split('|')
    add(`${what}|${who}`, items)
    if (what === 'received') received.push({ stream: who, items })
    // What is told of a stream in front of a window is in the window's own counts.
    if (what === 'dropped' && !stream.includes('#')) dropped.push({ by: who, stream, reason, items })
    if (what === 'delivered') delivered.push({ exporter: who, stream, items })
    if (what === 'delivered' || what === 'offered' || what === 'parked') names.add(who)
  }
  const exporters = [...names].sort().map(name => line(name, sums, waiting.get(name) ?? 0))
  const streams = received.map(({ stream, items }) => streamLine(stream, items, totals, dropped))
  const isBalanced =
    exporters.every(l => l.difference === undefined || l.difference === 0) && streams.every(l => l.difference === 0)
  return { received, streams, dropped, delivered, exporters, isBalanced }
}

function streamLine(
  stream: string,
  received: number,
  totals: ReadonlyMap<string, number>,
  drops: Ledger['dropped']
): StreamLine {
  const appended = totals.get(`appended|${stream}`) ?? 0
  // What is offered to somebody is an exporter's; all other drops came before the log.
  const before = drops.filter(d => d.stream === stream && !totals.has(`offered|${d.by}|${stream}`))
  const dropped = before.reduce((sum, d) => sum + d.items, 0)
  let windowed = 0
  for (const [key, items] of totals) if (key.startsWith(`windowed|${stream}|`)) windowed += items
  const difference = received - appended - windowed - dropped
  return { stream, received, appended, windowed, dropped, difference }
}

function line(exporter: string, sums: ReadonlyMap<string, number>, waiting: number): LedgerLine {
  const sum = (what: string) => sums.get(`${what}|${exporter}`) ?? 0
  const offered = sums.get(`offered|${exporter}`)
  const [delivered, dropped, parked] = [sum('delivered'), sum('dropped'), sum('parked') - sum('unparked')]
  const difference = offered === undefined ? undefined : offered - (delivered + waiting + parked + dropped)
  return { exporter, offered, delivered, waiting, parked, dropped, difference }
}
