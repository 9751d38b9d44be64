// Names of the ledger's totals that the pipelines write; core/telemetry/ledger.ts reads them and says what they mean.

export interface LedgerKeys {
  readonly received: string
  readonly appended: string
  /** Items in the pipeline's window now; undefined where there is none. */
  readonly windowed: string | undefined
  /** One for each exporter of the pipeline: what it is given. */
  readonly offered: readonly string[]
  dropped(component: string, reason: string): string
}

/** The totals of one pipeline, made once. */
export function ledgerKeys(stream: string, exporters: readonly string[], window?: string): LedgerKeys {
  return {
    received: `received|${stream}`,
    appended: `appended|${stream}`,
    windowed: window === undefined ? undefined : `windowed|${stream}|${window}`,
    offered: exporters.map(exporter => `offered|${exporter}|${stream}`),
    dropped: (component, reason) => `dropped|${component}|${stream}|${reason}`
  }
}
