// The summary on the terminal: what runs, what was sent, what the gateway says became of it.

import type { GatewayView } from './gateway-view.js'
import type { Sender } from './sender.js'
import type { Truth } from './truth.js'

export interface State {
  readonly seed: number
  readonly workers: number
  /** Simulated seconds since the start. */
  readonly seconds: number
  readonly started: number
  readonly running: number
  readonly truth: Truth
  readonly sender: Sender
  /** A text says why there is nothing to see; undefined: nobody asked. */
  readonly gateway: GatewayView | string | undefined
  readonly admin: string | undefined
}

const SHOWN_WORKFLOWS = 12

/** The whole picture, a line each. */
export function summary(state: State): string[] {
  return [...fleetLines(state), '', ...workflowLines(state), '', ...sentLines(state), '', ...gatewayLines(state)]
}

/** One line for logs and pipes. */
export function progress({ seconds, started, running, truth, sender, gateway }: State): string {
  const { completed, failed } = truth.totals()
  const sent = Object.values(sender.figures).reduce((sum, one) => sum + one.items, 0)
  const away = sender.isHeldBack ? ` (held back: ${sender.lastError})` : ''
  const told =
    gateway === undefined || typeof gateway === 'string'
      ? ''
      : `; gateway: received ${count(sum(gateway.received))}, redacted ${count(sum(gateway.findings))}`
  return `${clock(seconds)} started ${count(started)}, running ${running}, completed ${count(completed)}, failed ${count(failed)}; sent ${count(sent)} items, waiting ${sender.waiting} requests${away}${told}`
}

function fleetLines({ seed, workers, seconds, started, running, truth }: State): string[] {
  const { completed, failed, steps, retries, hits, misses } = truth.totals()
  return [
    `AlgoFlow fleet   ${clock(seconds)}   ${workers} workers, ${truth.workflows.size} workflows, seed ${seed}`,
    row('runs', [
      `${count(started)} started`,
      `${running} running`,
      `${count(completed)} completed`,
      `${count(failed)} failed${ofAll(failed, completed + failed)}`
    ]),
    row('steps', [
      `${count(steps)} attempts`,
      `${count(retries)} of them retries`,
      `cache ${count(hits)} hits${ofAll(hits, hits + misses)}`
    ])
  ]
}

function workflowLines({ truth }: State): string[] {
  const all = [...truth.workflows].filter(([, { completed, failed }]) => completed + failed > 0)
  const busiest = all.sort(([, a], [, b]) => b.duration.count - a.duration.count).slice(0, SHOWN_WORKFLOWS)
  const width = Math.max(8, ...busiest.map(([name]) => name.length))
  const head = `  ${'workflow'.padEnd(width)}  completed  failed   mean s  slowest step (mean)`
  return [
    head,
    ...busiest.map(([name, { completed, failed, duration, steps }]) => {
      const mean = duration.sumMs / duration.count / 1000
      const means = Object.entries(steps).map(([step, { duration: d }]) => [step, d.sumMs / d.count] as const)
      const [slowest, ms] = means.reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0] as const)
      const figures = [count(completed).padStart(9), count(failed).padStart(6), mean.toFixed(2).padStart(7)].join('  ')
      return `  ${name.padEnd(width)}  ${figures}  ${slowest} ${(ms / 1000).toFixed(2)} s`
    })
  ]
}

function sentLines({ sender, truth }: State): string[] {
  const { traces, logs, metrics } = sender.figures
  const all = [traces, logs, metrics]
  const lost = all.reduce((sum, one) => sum + one.rejected + one.refused, 0)
  const state = sender.isHeldBack ? `HELD BACK: ${sender.lastError}` : ''
  return [
    row('sent', [
      `${count(traces.items)} spans`,
      `${count(logs.items)} log records`,
      `${count(metrics.items)} data points`,
      `${count(all.reduce((sum, one) => sum + one.requests, 0))} requests`
    ]),
    row('', [
      `${sender.waiting} waiting`,
      `${count(sender.retries)} tried again`,
      `${count(sender.copies.requests)} sent twice`,
      `${count(lost)} items refused`,
      ...(state === '' ? [] : [state])
    ]),
    row('planted', kinds(Object.fromEntries(truth.planted.counts)))
  ]
}

function gatewayLines({ gateway, admin }: State): string[] {
  if (admin === undefined || gateway === undefined) return []
  if (typeof gateway === 'string') return [row('gateway', [gateway])]
  const { received, findings, hashed, sampled, dropped, exporters, isBalanced } = gateway
  const isSampling = sampled.kept + sampled.dropped > 0
  return [
    row('gateway', [`received ${count(sum(received))} items since its queue was made`, admin]),
    row('redacted', kinds(findings)),
    row('hashed', [`${count(hashed)} attributes`]),
    ...(isSampling
      ? [row('sampling', [`${count(sampled.kept)} traces kept`, `${count(sampled.dropped)} dropped`])]
      : []),
    ...dropped.map(({ by, reason, items }) => row('dropped', [`${count(items)} items by ${by}: ${reason}`])),
    ...exporters.map(one =>
      row('delivered', [
        `${count(one.delivered)} items by ${one.exporter}`,
        `${count(one.waiting)} waiting`,
        `${count(one.parked)} set aside`,
        `${count(one.dropped)} dropped`
      ])
    ),
    row('ledger', [isBalanced ? 'every item is accounted for' : 'DOES NOT ADD UP'])
  ]
}

function row(label: string, parts: readonly string[]): string {
  return `  ${label.padEnd(10)} ${parts.join(' · ')}`.trimEnd()
}

const SHOWN_KINDS = 8

function kinds(counts: Readonly<Record<string, number>>): string[] {
  const all = Object.entries(counts).sort(([, a], [, b]) => b - a)
  if (all.length === 0) return ['nothing']
  const rest = all.slice(SHOWN_KINDS).reduce((total, [, n]) => total + n, 0)
  const shown = all.slice(0, SHOWN_KINDS).map(([kind, n]) => `${count(n)} ${kind}`)
  return rest > 0 ? [...shown, `${count(rest)} others`] : shown
}

function ofAll(part: number, whole: number): string {
  return whole === 0 ? '' : ` (${((part / whole) * 100).toFixed(1)} %)`
}

function sum(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, one) => total + one, 0)
}

function count(n: number): string {
  return n.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

function clock(seconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`
}
