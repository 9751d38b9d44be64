// The ledger of one exporter, in the log's named totals (they change in the same commit as the acks, L8):
//
//   received for it = delivered + waiting + parked now + dropped            exact at any moment and across restarts
//
//   delivered|<exporter>|<stream>              the back end has them
//   dropped|<exporter>|<stream>|<reason>       gone for good, by a reason of DROP_REASONS
//   parked|<exporter>|<stream>|<reason>        moved from the log into parking, by a reason of PARK_REASONS
//   unparked|<exporter>|<stream>               left parking again: delivered, dropped or purged (counted there as well)
//   waiting                                    the cursor's waitingItems; parked now = parked - unparked
//
// Parking is another store than the log, so every parked payload has a marker in the log's state, written in the commit
// that acks its origin: payload without marker = the origin was not acked (crash in between), so it is removed at start
// and delivered from the log. The marker leaves in the commit that counts the end of the payload.

/** Reasons of `dropped`. */
export const DROP_REASONS = [
  'rejected',
  'overflow',
  'expired',
  'retry_expired',
  'refused',
  'purged',
  'dead_letter_expired',
  'dead_letter_overflow',
  'exporter_removed',
  'damaged'
] as const
export type DropReason = (typeof DROP_REASONS)[number]

/** Reasons of `parked`; `divided` = the rest of a divided request that is tried again later. */
export const PARK_REASONS = ['refused', 'too_large', 'retry_expired', 'divided'] as const
export type ParkReason = (typeof PARK_REASONS)[number]

export const deliveredKey = (exporter: string, stream: string) => `delivered|${exporter}|${stream}`
export const droppedKey = (exporter: string, stream: string, reason: DropReason) =>
  `dropped|${exporter}|${stream}|${reason}`
export const parkedKey = (exporter: string, stream: string, reason: ParkReason) =>
  `parked|${exporter}|${stream}|${reason}`
export const unparkedKey = (exporter: string, stream: string) => `unparked|${exporter}|${stream}`
/** State key of the marker of a parked payload. */
export const markerKey = (exporter: string, id: string) => `parked|${exporter}|${id}`
export const MARKER = Buffer.from('1')

/** What became of the items that an exporter was given, from the log's totals. Items waiting in the log are not in it. */
export interface ExporterLedger {
  readonly delivered: number
  /** In parking now: dead letters and rests of divided requests. */
  readonly parked: number
  readonly dropped: ReadonlyMap<string, number>
  readonly droppedTotal: number
}

/** Reads one exporter's ledger, of one stream or of all. */
export function exporterLedger(counts: ReadonlyMap<string, number>, exporter: string, stream?: string): ExporterLedger {
  let delivered = 0
  let parked = 0
  let droppedTotal = 0
  const dropped = new Map<string, number>()
  for (const [key, n] of counts) {
    const [what, who, where, reason] = key.split('|')
    if (who !== exporter || (stream !== undefined && where !== stream)) continue
    if (what === 'delivered') delivered += n
    else if (what === 'parked') parked += n
    else if (what === 'unparked') parked -= n
    else if (what === 'dropped' && reason !== undefined) {
      dropped.set(reason, (dropped.get(reason) ?? 0) + n)
      droppedTotal += n
    }
  }
  return { delivered, parked, dropped, droppedTotal }
}
