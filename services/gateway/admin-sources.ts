// What the admin endpoint shows, read from the running gateway.

import type { AdminSources, Readiness } from './admin/index.js'
import type { Gateway } from './app.js'

/** @param expanded the effective config as YAML, secrets hidden */
export function adminSources(gateway: Gateway, expanded: string, version: string): AdminSources {
  const startedAt = Date.now()
  const { config } = gateway
  return {
    readiness: () => readiness(gateway),
    status: () => ({
      version,
      upMs: Date.now() - startedAt,
      readiness: readiness(gateway),
      pipelines: config.pipelines,
      listening: [...gateway.endpoints()].flatMap(([receiver, at]) =>
        Object.entries(at).map(([protocol, address]) => ({ receiver, protocol, address }))
      ),
      queue: { type: config.queue.type, ...gateway.queue() },
      deliveries: [...gateway.deliveries.values()].map(delivery => delivery.status()),
      ledger: gateway.ledger()
    }),
    config: () => expanded,
    deadLetters: { stores: gateway.deadLetters, exporters: () => [...gateway.deliveries.keys()] },
    traces: {
      explain: id =>
        [...gateway.windows].flatMap(([window, stage]) => {
          const found = stage.explain(id)
          return found === undefined ? [] : [{ window, ...found }]
        }),
      recent: limit =>
        [...gateway.windows]
          .flatMap(([window, stage]) => stage.recent(limit).map(one => ({ window, ...one })))
          .sort((a, b) => b.decidedAt - a.decidedAt)
          .slice(0, limit)
    },
    ...(config.service.metrics ? { metrics: gateway.metrics } : {})
  }
}

function readiness(gateway: Gateway): Readiness {
  const reasons = gateway.obstacles()
  return { isReady: reasons.length === 0, reasons }
}
