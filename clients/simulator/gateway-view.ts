// What the gateway says about itself: read from its admin endpoint, for the summary.

export interface GatewayView {
  /** Items by pipeline. */
  readonly received: Readonly<Record<string, number>>
  /** Items let go by processors, by component and reason. */
  readonly dropped: readonly { readonly by: string; readonly reason: string; readonly items: number }[]
  readonly exporters: readonly {
    readonly exporter: string
    readonly delivered: number
    readonly waiting: number
    readonly parked: number
    readonly dropped: number
  }[]
  /** What redaction found, by detector. */
  readonly findings: Readonly<Record<string, number>>
  readonly hashed: number
  /** Traces that tail sampling decided about. */
  readonly sampled: { readonly kept: number; readonly dropped: number }
  readonly isBalanced: boolean
}

/** Of what the gateway says instead. */
const MAX_WORDS = 200

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Looks now; a text says why there is nothing to see. */
export async function viewGateway(admin: string, timeoutMs = 2000): Promise<GatewayView | string> {
  try {
    const get = async (path: string) => {
      const response = await fetch(new URL(path, admin), { signal: AbortSignal.timeout(timeoutMs) })
      const text = await response.text()
      if (!response.ok) throw new Error(`${admin} answers HTTP ${response.status}: ${text.slice(0, MAX_WORDS)}`)
      return text
    }
    const [metrics, ledger] = await Promise.all([get('/metrics'), get('/ledger')])
    return viewOf(samples(metrics), JSON.parse(ledger) as LedgerPage)
  } catch (error) {
    const { message, cause } = error as Error
    return cause === undefined ? message : `nobody answers at ${admin}`
  }
}

interface LedgerPage {
  readonly received: readonly { readonly stream: string; readonly items: number }[]
  readonly dropped: readonly { readonly by: string; readonly reason: string; readonly items: number }[]
  readonly exporters: GatewayView['exporters']
  readonly isBalanced: boolean
}

function viewOf(all: readonly Sample[], ledger: LedgerPage): GatewayView {
  const sumOf = (name: string) => all.filter(one => one.name === name).reduce((sum, one) => sum + one.value, 0)
  const findings: Record<string, number> = {}
  for (const { name, labels, value } of all) {
    const { detector } = labels
    if (name !== 'algoflow_gateway_processor_findings_total' || detector === undefined) continue
    findings[detector] = (findings[detector] ?? 0) + value
  }
  const exporters = new Set(ledger.exporters.map(one => one.exporter))
  return {
    received: Object.fromEntries(ledger.received.map(({ stream, items }) => [stream, items])),
    dropped: ledger.dropped.filter(({ by }) => !exporters.has(by)),
    exporters: ledger.exporters,
    findings,
    hashed: sumOf('algoflow_gateway_processor_hashed_total'),
    sampled: {
      kept: sumOf('algoflow_gateway_processor_traces_kept_total'),
      dropped: sumOf('algoflow_gateway_processor_traces_dropped_total')
    },
    isBalanced: ledger.isBalanced
  }
}

/** The samples of a page in Prometheus' text format. */
export function samples(page: string): Sample[] {
  return page.split('\n').flatMap(line => {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (found === null) return []
    const [, name = '', labels = '', value = ''] = found
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text])
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }]
  })
}
