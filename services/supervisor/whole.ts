// What the admin endpoint of a gateway in several processes shows: the answers of all of them as one.

import { Registry } from 'prom-client'
import { codeOf } from '../../core/component/errors.js'
import type { GatewayConfig } from '../../core/config/types.js'
import { Family } from '../../core/telemetry/families.js'
import { type MetricFamily, type MetricsPart, mergedMetrics } from '../../core/telemetry/merged-metrics.js'
import { combineReadiness, combineStatus, combineWholes } from '../gateway/admin/combine.js'
import { Counter, type Desk } from '../gateway/admin/desk.js'
import type { AdminSources, Readiness } from '../gateway/admin/index.js'
import type { Status } from '../gateway/admin/page.js'
import type { WholeLedger } from '../gateway/app.js'
import type { WorkerCalls } from './messages.js'
import type { Supervisor } from './supervisor.js'

type Traces = NonNullable<AdminSources['traces']>

/** What a worker answers about itself; the other half of `wholeSources`. */
export function callsOf(
  sources: AdminSources,
  families: () => Promise<readonly MetricFamily[]>,
  reload: (text: string | null) => Promise<void>
): WorkerCalls {
  const { deadLetters: desk, traces } = sources
  return {
    readiness: () => sources.readiness(),
    status: () => sources.status(),
    wholeLedger: () => sources.wholeLedger(),
    config: () => sources.config(),
    families,
    reload,
    explain: (...args: Parameters<Traces['explain']>) => traces?.explain(...args) ?? [],
    recent: (...args: Parameters<Traces['recent']>) => traces?.recent(...args) ?? [],
    list: (...args: Parameters<Desk['list']>) => desk!.list(...args),
    show: (...args: Parameters<Desk['show']>) => desk!.show(...args),
    ids: (...args: Parameters<Desk['ids']>) => desk!.ids(...args),
    known: (...args: Parameters<Desk['known']>) => desk!.known(...args),
    change: (...args: Parameters<Desk['change']>) => desk!.change(...args)
  }
}

/** Makes all workers go over to another config, or none of them. @throws what one of them throws */
export async function reloadAll(
  supervisor: Supervisor,
  next: string | undefined,
  now: string | undefined,
  limitMs: number
): Promise<void> {
  const done: number[] = []
  const tell = (index: number, text: string | undefined) => supervisor.askWithin(limitMs, index, 'reload', text ?? null)
  try {
    for (const { index } of supervisor.workers) {
      await tell(index, next)
      done.push(index)
    }
  } catch (error) {
    for (const index of done) await tell(index, now)
    throw error
  }
}

/** @param config what runs now; asked each time */
export function wholeSources(supervisor: Supervisor, config: () => GatewayConfig): AdminSources {
  const all = <T>(call: string, ...args: readonly unknown[]): Promise<T[]> =>
    Promise.all(supervisor.workers.map(({ index }) => supervisor.ask(index, call, ...args) as Promise<T>))
  const desks = (): Desk[] => {
    const exporters = [...config().exporters.keys()]
    return supervisor.workers.map(({ index }) => remoteDesk(supervisor, index, exporters))
  }
  const metrics = mergedMetrics(() => parts(supervisor))
  return {
    readiness: async () =>
      combineReadiness(await Promise.all(supervisor.workers.map(({ index }) => readinessOf(supervisor, index)))),
    status: async () => combineStatus(await all<Status>('status')),
    // One answers for all where the queue is shared.
    wholeLedger: async () =>
      config().queue.type === 'redis'
        ? ((await supervisor.ask(1, 'wholeLedger')) as WholeLedger)
        : combineWholes(await all<WholeLedger>('wholeLedger')),
    config: async () => (await supervisor.ask(1, 'config')) as string,
    deadLetters: new Counter(desks),
    traces: {
      explain: async id => (await all<Awaited<ReturnType<Traces['explain']>>>('explain', id)).flat(),
      recent: async limit =>
        (await all<Awaited<ReturnType<Traces['recent']>>>('recent', limit))
          .flat()
          .sort((a, b) => b.decidedAt - a.decidedAt)
          .slice(0, limit)
    },
    get metrics() {
      return config().service.metrics ? metrics : undefined
    }
  }
}

async function readinessOf(supervisor: Supervisor, index: number): Promise<Readiness> {
  try {
    return (await supervisor.ask(index, 'readiness')) as Readiness
  } catch (error) {
    return { isReady: false, reasons: [{ code: 'worker_away', says: (error as Error).message }] }
  }
}

/** The series of each worker that answers, and what the supervisor itself knows. */
async function parts(supervisor: Supervisor): Promise<MetricsPart[]> {
  const found = supervisor.workers.map(async ({ index }): Promise<MetricsPart[]> => {
    try {
      const families = (await supervisor.ask(index, 'families')) as MetricFamily[]
      return [{ labels: { worker: String(index) }, families }]
    } catch (error) {
      if (codeOf(error) === 'GATEWAY_WORKER_AWAY') return []
      throw error
    }
  })
  return [...(await Promise.all(found)).flat(), { labels: {}, families: own(supervisor) }]
}

function own({ workers }: Supervisor): Promise<readonly MetricFamily[]> {
  const registry = new Registry()
  const each = (name: string, help: string, type: 'gauge' | 'counter', read: (w: (typeof workers)[number]) => number) =>
    new Family(registry, `algoflow_gateway_${name}`, help, type, () =>
      workers.map(worker => ({ labels: { worker: String(worker.index) }, value: read(worker) }))
    )
  each('worker_up', '1 while the worker runs and is ready.', 'gauge', ({ isReady }) => (isReady ? 1 : 0))
  each('worker_restarts_total', 'How often the worker was started again.', 'counter', ({ restarts }) => restarts)
  return registry.getMetricsAsJSON() as unknown as Promise<readonly MetricFamily[]>
}

function remoteDesk(supervisor: Supervisor, index: number, exporters: readonly string[]): Desk {
  const ask = <T>(call: string, ...args: readonly unknown[]) => supervisor.ask(index, call, ...args) as Promise<T>
  return {
    exporters: () => exporters,
    list: (exporter, page) => ask('list', exporter, page),
    show: id => ask('show', id),
    ids: exporter => ask('ids', exporter),
    known: ids => ask('known', ids),
    change: (what, ids) => ask('change', what, ids)
  }
}
