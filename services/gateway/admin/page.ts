// The status page: what an operator wants to see at one glance, as plain HTML without scripts or outside assets.

import type { PipelineConfig } from '../../../core/config/types.js'
import { formatBytes, formatDuration } from '../../../core/config/units.js'
import type { Ledger } from '../../../core/telemetry/ledger.js'
import type { DeliveryFigures } from '../../../core/telemetry/metrics.js'
import type { Readiness } from './index.js'

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
}

/** `rate` gives items a second received by a pipeline. */
export function page(status: Status, rate: (pipeline: string) => number): string {
  const { readiness, queue, ledger } = status
  const state = readiness.isReady
    ? '<b class="good">ready</b>'
    : `<b class="bad">not ready</b>: ${readiness.reasons.map(r => text(r.says)).join('; ')}`
  const balance = ledger.isBalanced ? '<b class="good">balanced</b>' : '<b class="bad">does not add up</b>'
  const share = queue.maxBytes > 0 ? Math.round((queue.bytes / queue.maxBytes) * 100) : 0
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AlgoFlow gateway</title><style>${STYLE}</style></head><body>
<h1>AlgoFlow telemetry gateway <small>${text(status.version)}, up ${formatDuration(Math.floor(status.upMs / 1000) * 1000)}</small></h1>
<p>${state}</p>
<h2>Pipelines</h2>
${table(['pipeline', 'way', 'received', 'now', 'dropped'], pipelineRows(status, rate))}
<h2>Queue</h2>
<p>${text(queue.type)}: ${formatBytes(queue.bytes)} of ${formatBytes(queue.maxBytes)} (${share} %), ${number(queue.entries)} entries. Ledger: ${balance}.</p>
<h2>Exporters</h2>
${table(['exporter', 'delivered', 'now', 'waiting', 'oldest', 'parked', 'dropped', 'in flight', 'retrying', 'breaker', 'last error'], exporterRows(status))}
<h2>Dropped</h2>
${table(
  ['by', 'pipeline', 'reason', 'items'],
  ledger.dropped.map(d => [d.by, d.stream, d.reason, number(d.items)])
)}
<h2>Listening</h2>
${table(
  ['receiver', 'protocol', 'address'],
  status.listening.map(l => [l.receiver, l.protocol, l.address])
)}
<p><a href="/metrics">metrics</a> <a href="/ledger">ledger</a> <a href="/config">config</a> <a href="/readyz">readyz</a> <a href="/healthz">healthz</a></p>
</body></html>
`
}

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24;background:#fff}' +
  'h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:1.6rem}small{font-weight:400;color:#57606a}' +
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid #d8dee4}' +
  'th{font-weight:600;color:#57606a}.good{color:#1a7f37}.bad{color:#cf222e}.none{color:#57606a}' +
  '@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th,td{border-color:#30363d}a{color:#4493f8}}'

function pipelineRows({ pipelines, ledger }: Status, rate: (pipeline: string) => number): string[][] {
  return pipelines.map(p => {
    const way = [p.receivers.join(', '), ...p.processors, 'queue', p.exporters.join(', ')].join(' → ')
    const received = ledger.received.filter(r => r.stream === p.id).reduce((sum, r) => sum + r.items, 0)
    const dropped = ledger.dropped
      .filter(d => d.stream === p.id && p.processors.includes(d.by))
      .reduce((sum, d) => sum + d.items, 0)
    return [p.id, way, number(received), perSecond(rate(p.id)), number(dropped)]
  })
}

function exporterRows({ deliveries, ledger }: Status): string[][] {
  return deliveries.map(d => {
    const line = ledger.exporters.find(e => e.exporter === d.exporter)
    const waiting = d.waiting.items === 0 ? '0' : `${number(d.waiting.items)} (${formatBytes(d.waiting.bytes)})`
    const oldest = d.oldestAgeMs === 0 ? '' : formatDuration(Math.round(d.oldestAgeMs / 1000) * 1000)
    const counts = [number(line?.parked ?? 0), number(line?.dropped ?? 0), number(d.inFlight), number(d.retrying)]
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
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p class="none">none</p>'
  const cells = (tag: string, row: readonly string[]) => row.map(cell => `<${tag}>${text(cell)}</${tag}>`).join('')
  return `<table><tr>${cells('th', head)}</tr>\n${rows.map(row => `<tr>${cells('td', row)}</tr>`).join('\n')}</table>`
}

function number(n: number): string {
  return n.toLocaleString('en-US')
}

function perSecond(rate: number): string {
  return `${rate < 10 ? Number(rate.toFixed(1)) : number(Math.round(rate))}/s`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

function text(raw: string): string {
  return raw.replace(/[&<>"']/g, c => ESCAPES[c]!)
}
