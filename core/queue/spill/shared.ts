// What the spill wants of the log it stands in for: one that other processes share and that may be away.

import type { Commit, Log, LogTotals, Parts, TotalsOf } from '../log.js'

export interface FencedCommit extends Commit {
  /** Values of the state that this commit relies on (null: none); with another one it is refused, QUEUE_STALE, and changes nothing. */
  readonly expects?: ReadonlyMap<string, string | null>
}

export interface SharedLog extends Log {
  readonly parts: Parts
  /** Whether it can take a commit now, as far as is known. */
  readonly isReady: boolean
  commit(commit: FencedCommit): Promise<readonly number[]>
  totals(what?: TotalsOf): Promise<LogTotals>
  /** The value of the state that the store has now, whoever wrote it; `state` has it from then on. @throws QUEUE_UNAVAILABLE */
  fetchState(key: string): Promise<Buffer | undefined>
}
