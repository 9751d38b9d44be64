// The status page: what an operator wants to see at one glance, as plain HTML without scripts or outside assets.

import type { PipelineConfig } from '../../../core/config/types.js'
import { formatBytes, formatDuration } from '../../../core/config/units.js'
import type { Ledger } from '../../../core/telemetry/ledger.js'
import type { ComponentCount, DeliveryFigures } from '../../../core/telemetry/metrics.js'
import type { Readiness } from './index.js'
import { age, flow } from './page-flow.js'
import { bars, number, perSecond, table, text } from './page-html.js'
import { STYLE } from './page-style.js'

export interface Status {
  readonly version: string
  /** Milliseconds since the start. */
  readonly upMs: number
  readonly readiness: Readiness
  readonly pipelines: readonly PipelineConfig[]
  /** Addresses that receivers listen on, by receiver. */
  readonly listening: readonly { readonly receiver: string; readonly protocol: string; readonly address: string }[]
  readonly queue: { readonly type: string; readonly bytes: number; readonly maxBytes: number; readonly entries: number }
  readonly deliveries: readonly (DeliveryFigures & {
    readonly lastError?: { readonly at: number; readonly text: string } | undefined
  })[]
  readonly ledger: Ledger
  /** What components counted since the start: findings, decisions, ... */
  readonly counts?: readonly ComponentCount[]
}

export interface PageOptions {
  /** Whether the page loads itself anew every few seconds. */
  readonly refreshes: boolean
}

const REFRESH_S = 5

/** `rate` gives items a second received by a pipeline. */
export function page(status: Status, rate: (pipeline: string) => number, { refreshes }: PageOptions): string {
  const { readiness, ledger, listening } = status
  const state = readiness.isReady
    ? '<span class="pill">ready</span>'
    : `<span class="pill bad">not ready</span> <span>${readiness.reasons.map(r => text(r.says)).join('; ')}</span>`
  const dropped = ledger.dropped.map(d => [d.by, d.stream, d.reason, number(d.items)])
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">${refreshes ? `<meta http-equiv="refresh" content="${REFRESH_S}">` : ''}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${readiness.isReady ? '' : 'NOT READY - '}AlgoFlow gateway</title><style>${STYLE}</style></head><body>
<header><h1>AlgoFlow telemetry gateway</h1> ${state} <small>${text(status.version)}, up ${formatDuration(Math.floor(status.upMs / 1000) * 1000)}</small></header>
<main>
${cards(status, rate)}
<section aria-labelledby="pipelines"><h2 id="pipelines">Pipelines</h2>
${status.pipelines.map(pipeline => flow(status, pipeline, rate)).join('\n') || '<p class="none">none</p>'}</section>
<section aria-labelledby="exporters"><h2 id="exporters">Exporters</h2>
${exporters(status)}</section>
<div class="two">
<section aria-labelledby="privacy"><h2 id="privacy">Personal data and secrets found</h2>
${bars('Findings by detector', findings(status))}</section>
<section aria-labelledby="sampling"><h2 id="sampling">Traces kept and dropped, by rule</h2>
${bars('Decisions by rule', decisions(status))}</section>
<section aria-labelledby="dropped"><h2 id="dropped">Items dropped, and why</h2>
${table(['by', 'pipeline', 'reason', 'items'], dropped, [false, false, false, true])}</section>
<section aria-labelledby="listening"><h2 id="listening">Listening</h2>
${table(
  ['receiver', 'protocol', 'address'],
  listening.map(l => [l.receiver, l.protocol, l.address])
)}</section>
</div>
</main>
<footer>${LINKS.map(link => `<a href="/${link}">${link}</a>`).join(' ')} ${refreshes ? '<a href="/?refresh=off">stop reloading</a>' : '<a href="/">reload every 5 s</a>'}</footer>
</body></html>
`
}

const LINKS = ['metrics', 'ledger', 'config', 'dead-letters', 'traces', 'readyz', 'healthz']

function cards(status: Status, rate: (pipeline: string) => number): string {
  const { queue, deliveries, ledger, pipelines } = status
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0)
  const share = queue.maxBytes > 0 ? Math.round((queue.bytes / queue.maxBytes) * 100) : 0
  const oldest = Math.max(0, ...deliveries.map(d => d.oldestAgeMs))
  const meter = `<meter min="0" max="100" high="90" value="${share}" aria-label="queue, percent full">${share} %</meter>`
  const all: [name: string, value: string, more: string][] = [
    [
      'received',
      perSecond(sum(pipelines.map(p => rate(p.id)))),
      `${number(sum(ledger.received.map(r => r.items)))} items`
    ],
    [
      'delivered',
      perSecond(sum(deliveries.map(d => d.itemsPerSecond))),
      `${number(sum(ledger.delivered.map(d => d.items)))} items, all exporters`
    ],
    [
      'waiting',
      number(Math.max(0, ...deliveries.map(d => d.waiting.items))),
      oldest > 0 ? `oldest ${age(oldest)}` : 'nothing is late'
    ],
    [
      `queue, ${queue.type}`,
      `${share} %`,
      `${meter}${formatBytes(queue.bytes)} of ${formatBytes(queue.maxBytes)}, ${number(queue.entries)} entries`
    ],
    [
      'dead letters',
      number(sum(deliveries.map(d => d.parked.deadItems))),
      `${number(sum(deliveries.map(d => d.parked.retryingItems)))} tried again later`
    ],
    [
      'ledger',
      ledger.isBalanced ? '<b class="good">balanced</b>' : '<b class="bad">does not add up</b>',
      'received = delivered + waiting + set aside + dropped'
    ]
  ]
  const cells = all.map(
    ([name, value, more]) => `<div><dt>${text(name)}</dt><dd>${value}<small>${more}</small></dd></div>`
  )
  return `<dl class="cards">${cells.join('\n')}</dl>`
}

function exporters({ deliveries, ledger }: Status): string {
  const head = [
    'exporter',
    'delivered',
    'now',
    'waiting',
    'oldest',
    'set aside',
    'dropped',
    'in flight',
    'retrying',
    'breaker',
    'last error'
  ]
  const rows = deliveries.map(d => {
    const line = ledger.exporters.find(e => e.exporter === d.exporter)
    const waiting = d.waiting.items === 0 ? '0' : `${number(d.waiting.items)} (${formatBytes(d.waiting.bytes)})`
    const counts = [line?.parked ?? 0, line?.dropped ?? 0, d.inFlight, d.retrying].map(number)
    const oldest = d.oldestAgeMs === 0 ? '' : age(d.oldestAgeMs)
    return [
      d.exporter,
      number(line?.delivered ?? 0),
      perSecond(d.itemsPerSecond),
      waiting,
      oldest,
      ...counts,
      d.breaker,
      d.lastError?.text ?? ''
    ]
  })
  return table(head, rows, [false, true, true, true, true, true, true, true, true, false, false])
}

function findings({ counts = [] }: Status) {
  return totals(counts.filter(c => c.counter === 'findings')).map(([name, n]) => ({ name, n }))
}

function decisions({ counts = [] }: Status) {
  const of = (counter: string, word: string, kind: string) =>
    totals(counts.filter(c => c.counter === counter)).map(([name, n]) => ({ name: `${name}: ${word}`, n, kind }))
  return [...of('traces_kept', 'kept', 'kept'), ...of('traces_dropped', 'dropped', 'gone')]
}

/** Sums by the label's value. */
function totals(counts: readonly ComponentCount[]): [string, number][] {
  const sums = new Map<string, number>()
  for (const { of, n } of counts) if (n > 0) sums.set(of, (sums.get(of) ?? 0) + n)
  return [...sums]
}
