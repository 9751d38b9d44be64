// Pipelines as a picture: receivers -> processors -> queue -> exporters, each a box with its figures. Lists, so that it reads as
// well as it looks.

import type { PipelineConfig } from '../../../core/config/types.js'
import { formatDuration } from '../../../core/config/units.js'
import type { Status } from './page.js'
import { number, perSecond, text } from './page-html.js'

/** `rate` gives items a second received by a pipeline. */
export function flow(status: Status, pipeline: PipelineConfig, rate: (pipeline: string) => number): string {
  const { ledger } = status
  const received = sum(ledger.received.filter(r => r.stream === pipeline.id).map(r => r.items))
  const first = box('ok', pipeline.receivers.join(', '), [perSecond(rate(pipeline.id)), `${number(received)} received`])
  const processors = pipeline.processors.map(id => `<li>${processorBox(status, pipeline.id, id)}</li>`)
  const exporters = pipeline.exporters.map(id => exporterBox(status, pipeline.id, id)).join('')
  const steps = [`<li>${first}</li>`, ...processors, `<li>${queueBox(status)}</li>`, `<li>${exporters}</li>`]
  return `<h3>${text(pipeline.id)}</h3>\n<ol class="flow">${steps.join('\n')}</ol>`
}

/** Drops are those of this pipeline; findings and decisions those of the processor in all pipelines. */
function processorBox({ ledger, counts = [] }: Status, stream: string, id: string): string {
  const dropped = sum(ledger.dropped.filter(d => d.stream === stream && d.by === id).map(d => d.items))
  const counted = (counter: string) =>
    sum(counts.filter(c => c.component === id && c.counter === counter).map(c => c.n))
  const words: [n: number, text: string][] = [
    [counted('findings'), 'findings'],
    [counted('traces_kept'), 'traces kept'],
    [counted('traces_dropped'), 'traces dropped'],
    [dropped, 'dropped']
  ]
  return box(
    'ok',
    id,
    words.filter(([n]) => n > 0).map(([n, what]) => `${number(n)} ${what}`)
  )
}

function queueBox({ queue, deliveries }: Status): string {
  const share = queue.maxBytes > 0 ? queue.bytes / queue.maxBytes : 0
  const oldest = Math.max(0, ...deliveries.map(d => d.oldestAgeMs))
  const kind = share > 0.9 ? 'no' : share > 0.5 ? 'slow' : 'ok'
  return box(kind, `queue, ${queue.type}`, [
    `${Math.round(share * 100)} % full`,
    ...(oldest > 0 ? [`oldest ${age(oldest)}`] : [])
  ])
}

function exporterBox({ deliveries, ledger }: Status, stream: string, id: string): string {
  const d = deliveries.find(one => one.exporter === id)
  const line = ledger.exporters.find(one => one.exporter === id)
  const delivered = sum(
    ledger.delivered.filter(one => one.exporter === id && one.stream === stream).map(one => one.items)
  )
  if (d === undefined) return box('ok', id, ['elsewhere'])
  const isOpen = d.breaker !== 'closed'
  const lines = [perSecond(d.itemsPerSecond), `${number(delivered)} delivered`]
  if (d.waiting.items > 0) lines.push(`${number(d.waiting.items)} waiting`)
  if ((line?.parked ?? 0) > 0) lines.push(`<span class="warn">${number(line!.parked)} set aside</span>`)
  if ((line?.dropped ?? 0) > 0) lines.push(`<span class="bad">${number(line!.dropped)} dropped</span>`)
  if (isOpen) lines.push(`<span class="bad">breaker ${text(d.breaker)}</span>`)
  return box(isOpen ? 'no' : d.retrying > 0 ? 'slow' : 'ok', id, lines)
}

/** `lines` are HTML. */
function box(kind: 'ok' | 'slow' | 'no', name: string, lines: readonly string[]): string {
  return `<div class="box ${kind}"><b>${text(name)}</b>${lines.map(line => `<span>${line}</span>`).join('')}</div>`
}

function sum(all: readonly number[]): number {
  return all.reduce((a, b) => a + b, 0)
}

/** To the second. */
export function age(ms: number): string {
  return formatDuration(Math.round(ms / 1000) * 1000)
}
