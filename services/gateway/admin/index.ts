// The admin endpoint: health, metrics, ledger, config, dead letters and a status page. Keep it on an internal address.

import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fastify from 'fastify'
import type { Who } from '../../../core/audit/record.js'
import type { Clock } from '../../../core/component/context.js'
import { codeOf } from '../../../core/component/errors.js'
import type { WholeLedger } from '../app.js'
import type { Details } from '../control/audit.js'
import type { ReloadReport } from '../control/control.js'
import { parseEndpoint } from '../receivers/shared/endpoint.js'
import { addDeadLetterRoutes, type Recorder } from './dead-letters.js'
import type { Awaitable, Desk } from './desk.js'
import { adminError } from './errors.js'
import { type Access, denied, whoAsks } from './guard.js'
import type { Status } from './page.js'
import { page } from './page.js'
import { STYLE_HASH } from './page-style.js'
import { Rates } from './rates.js'
import { addTraceRoutes, type TraceSources } from './traces.js'

export interface Readiness {
  readonly isReady: boolean
  /** Why not: `starting`, `stopping`, `queue_full`, `store_broken`, with words for people. */
  readonly reasons: readonly { readonly code: string; readonly says: string }[]
}

/** What the endpoint shows. Every function is asked at each request, is cheap and holds no telemetry values. */
export interface AdminSources {
  readiness(): Awaitable<Readiness>
  status(): Awaitable<Status>
  /** Of all gateways that share the queue. */
  wholeLedger(): Awaitable<WholeLedger>
  /** Effective config as YAML, secrets hidden. */
  config(): Awaitable<string>
  readonly deadLetters?: Desk
  readonly traces?: TraceSources
  /** Undefined: nothing can be changed that must be on record. */
  readonly changes?: Changes
  /** Undefined: metrics are switched off. */
  readonly metrics?: { text(): Promise<string>; readonly contentType: string } | undefined
}

/** What people may do to the running gateway; all of it goes into the audit trail. */
export interface Changes {
  /** Asked at each request: a reload may change it. */
  access(): Access
  /** Never rejects. */
  reload(who: Who): Promise<ReloadReport>
  /** Does `work` on record. @throws AUDIT_UNWRITABLE before anything was done, and what `work` throws. */
  act<T>(action: string, who: Who, details: Details, work: () => Promise<T>, ended: (done: T) => Details): Promise<T>
  /** Series of its own, for /metrics. */
  metricsText(): Promise<string>
}

export interface Admin {
  /** Opens the endpoint; the address it got. @throws ADMIN_PORT_IN_USE, ADMIN_PORT_FORBIDDEN, ADMIN_LISTEN_FAILED, RECEIVER_ADDRESS_INVALID */
  start(): Promise<string>
  stop(): Promise<void>
}

/** Makes the endpoint; `endpoint` is `host:port` (port 0 = any). */
export function createAdmin(endpoint: string, sources: AdminSources, clock: Clock): Admin {
  const app = fastify({ logger: false, forceCloseConnections: true, requestTimeout: 10_000, bodyLimit: 1024 * 1024 })
  const rates = new Rates(clock, async () => receivedTotals(await sources.status()))
  app.addHook('onRequest', async (request, reply) => {
    const denial = denied(request, accessOf(sources))
    if (denial !== undefined) return reply.code(denial.status).send({ error: denial.error })
  })
  app.addHook('onSend', async (_request, reply) => void reply.headers(HEADERS))
  addRoutes(app, sources, rates)
  return {
    async start() {
      const { host, port } = parseEndpoint(endpoint, 'service.telemetry.admin.endpoint')
      try {
        await app.listen({ port, host: host ?? '::' })
      } catch (error) {
        throw adminError(error, endpoint)
      }
      rates.start()
      const { address, port: got, family } = app.server.address() as AddressInfo
      return family === 'IPv6' ? `[${address}]:${got}` : `${address}:${got}`
    },
    async stop() {
      rates.stop()
      await app.close()
    }
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src ${STYLE_HASH}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer'
}

function addRoutes(app: FastifyInstance, sources: AdminSources, rates: Rates): void {
  app.get('/', async (request, reply) => {
    const { refresh } = request.query as { refresh?: string }
    reply.type('text/html; charset=utf-8')
    const status = await sources.status()
    const received = receivedTotals(status)
    return page(status, pipeline => rates.of(pipeline, received), { refreshes: refresh !== 'off' })
  })
  app.get('/healthz', async () => ({ status: 'alive' }))
  app.get('/readyz', async (request, reply) => {
    const { allow } = request.query as { allow?: string | string[] }
    const { reasons } = await sources.readiness()
    const isReady = reasons.every(reason => [allow].flat().includes(reason.code))
    reply.code(isReady ? 200 : 503)
    return { ready: isReady, reasons }
  })
  app.get('/ledger', async () => (await sources.status()).ledger)
  app.get('/exporters', async () => (await sources.status()).deliveries)
  app.get('/ledger/cluster', async () => sources.wholeLedger())
  app.get('/config', async (_request, reply) => {
    reply.type('text/yaml; charset=utf-8')
    return sources.config()
  })
  if (sources.deadLetters !== undefined) addDeadLetterRoutes(app, sources.deadLetters, recorder(sources))
  if (sources.changes !== undefined) addReloadRoute(app, sources.changes)
  if (sources.traces !== undefined) addTraceRoutes(app, sources.traces)
  app.get('/metrics', async (_request, reply) => metricsReply(sources, reply))
  app.setNotFoundHandler(async (_request, reply) => {
    reply.code(404)
    return {
      error: 'nothing is served here',
      paths: [
        '/',
        '/healthz',
        '/readyz',
        '/metrics',
        '/ledger',
        '/ledger/cluster',
        '/exporters',
        '/config',
        '/dead-letters',
        '/traces',
        '/reload'
      ]
    }
  })
  app.setErrorHandler(async (error, _request, reply) => {
    const { statusCode, message } = error as { statusCode?: number; message: string }
    if (codeOf(error) === 'GATEWAY_WORKER_AWAY' || codeOf(error).startsWith('AUDIT_')) {
      reply.code(503)
      return { error: message }
    }
    if (statusCode !== undefined && statusCode < 500) {
      reply.code(statusCode)
      return { error: message }
    }
    reply.code(500)
    return { error: 'this could not be read at the moment' }
  })
}

async function metricsReply({ metrics, changes }: AdminSources, reply: FastifyReply): Promise<unknown> {
  if (metrics === undefined) {
    reply.code(404)
    return { error: 'metrics are switched off: service.telemetry.metrics.level is none' }
  }
  reply.type(metrics.contentType)
  const texts = await Promise.all([metrics.text(), changes?.metricsText() ?? ''])
  return texts.join('')
}

function accessOf({ changes }: AdminSources): Access {
  return changes?.access() ?? { allowedHosts: [] }
}

/** Does something on record, for whoever sent the request. */
function recorder(sources: AdminSources): Recorder {
  return (request, action, details, work, ended) => {
    const { changes } = sources
    return changes === undefined
      ? work()
      : changes.act(action, whoAsks(request, changes.access()), details, work, ended)
  }
}

/** 200: the new config runs. 422: it does not, and why. */
function addReloadRoute(app: FastifyInstance, changes: Changes): void {
  app.post('/reload', async (request, reply) => {
    const report = await changes.reload(whoAsks(request, changes.access()))
    reply.code(report.ok ? 200 : 422)
    return report
  })
}

function receivedTotals({ ledger }: Status): ReadonlyMap<string, number> {
  return new Map(ledger.received.map(r => [r.stream, r.items]))
}
