// What the admin endpoint shows, read from the gateways that run in this process.

import { mergedMetrics, type PlainMetrics } from '../../core/telemetry/merged-metrics.js'
import { combineReadiness, combineStatus } from './admin/combine.js'
import type { AdminSources, Readiness } from './admin/index.js'
import type { Status } from './admin/page.js'
import type { Gateway } from './app.js'
import type { GatewayGroup } from './group.js'

/** @param expanded the effective config as YAML, secrets hidden; asked each time */
export function adminSources(group: GatewayGroup, expanded: () => string, version: string): AdminSources {
  const startedAt = Date.now()
  const gateways = group.members.map(({ gateway }) => gateway)
  const { main } = group
  return {
    readiness: () => combineReadiness(gateways.map(readiness)),
    status: () => combineStatus(gateways.map(gateway => status(gateway, version, startedAt))),
    wholeLedger: () => group.wholeLedger(),
    config: expanded,
    deadLetters: group.desk,
    traces: {
      judges: main.windows.size > 0,
      explain: id =>
        [...main.windows].flatMap(([window, stage]) => {
          const found = stage.explain(id)
          return found === undefined ? [] : [{ window, ...found }]
        }),
      elsewhere: id => [...main.windows.values()].map(stage => stage.judgeOf(id)).find(other => other !== undefined),
      recent: limit =>
        [...main.windows]
          .flatMap(([window, stage]) => stage.recent(limit).map(one => ({ window, ...one })))
          .sort((a, b) => b.decidedAt - a.decidedAt)
          .slice(0, limit)
    },
    get metrics() {
      return main.config.service.metrics ? metricsOf(group) : undefined
    }
  }
}

function status(gateway: Gateway, version: string, startedAt: number): Status {
  const { config } = gateway
  return {
    version,
    upMs: Date.now() - startedAt,
    readiness: readiness(gateway),
    pipelines: config.pipelines,
    listening: [...gateway.endpoints()].flatMap(([receiver, at]) =>
      Object.entries(at).map(([protocol, address]) => ({ receiver, protocol, address }))
    ),
    queue: { type: config.queue.type, ...gateway.queue() },
    deliveries: [...gateway.deliveries.values()].map(delivery => delivery.status()),
    ledger: gateway.ledger(),
    counts: gateway.metrics.componentCounts()
  }
}

/** With several gateways in this process each one's series say whose queue they tell of. */
export function metricsOf({ members, main }: GatewayGroup): PlainMetrics {
  if (members.length === 1) return main.metrics
  return mergedMetrics(() =>
    members.map(({ gateway, seat }) => ({ labels: { queue: `worker-${seat}` }, families: gateway.metrics.families() }))
  )
}

function readiness(gateway: Gateway): Readiness {
  const reasons = gateway.obstacles()
  return { isReady: reasons.length === 0, reasons }
}
