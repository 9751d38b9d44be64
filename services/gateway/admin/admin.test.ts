// The admin endpoint over real HTTP on a free port.

import { createHash } from 'node:crypto'
import t from 'tap'
import type { Clock } from '../../../core/component/context.js'
import { ledgerOf } from '../../../core/telemetry/ledger.js'
import { GatewayMetrics } from '../../../core/telemetry/metrics.js'
import type { AdminSources, Readiness } from './index.js'
import { createAdmin } from './index.js'

const state = {
  now: 0,
  timers: [] as (() => void)[],
  received: 100,
  readiness: { isReady: false, reasons: [{ code: 'starting', says: 'opening the queue' }] } as Readiness
}
const clock: Clock = {
  now: () => state.now,
  after(_ms, fn) {
    state.timers.push(fn)
    return { cancel: () => void (state.timers = state.timers.filter(other => other !== fn)) }
  }
}
const metrics = new GatewayMetrics('1.2.3')
const ledger = () =>
  ledgerOf(
    new Map([
      ['received|traces', state.received],
      ['appended|traces', state.received - 3],
      ['dropped|filter|traces|matched', 3],
      ['offered|otlp_http|traces', 97],
      ['delivered|otlp_http|traces', 90]
    ]),
    new Map([['otlp_http', 7]])
  )
const sources: AdminSources = {
  readiness: () => state.readiness,
  wholeLedger: () => ({ gateways: 3, isExact: true, ...ledger() }),
  config: () => 'queue:\n  type: embedded\n',
  metrics,
  status: () => ({
    version: '1.2.3',
    upMs: 61_500,
    readiness: state.readiness,
    pipelines: [
      { id: 'traces', signal: 'traces', receivers: ['otlp'], processors: ['filter'], exporters: ['otlp_http'] }
    ],
    listening: [{ receiver: 'otlp', protocol: 'http', address: '127.0.0.1:4318' }],
    queue: { type: 'embedded', bytes: 512 * 1024, maxBytes: 1024 * 1024, entries: 4 },
    deliveries: [
      {
        exporter: 'otlp_http',
        waiting: { entries: 1, items: 7, bytes: 2048 },
        oldestAgeMs: 2000,
        inFlight: 1,
        retrying: 1,
        concurrency: 10,
        breaker: 'open',
        breakerOpened: 1,
        parked: { retryingItems: 0, deadItems: 0 },
        attempts: 5,
        retries: 1,
        itemsPerSecond: 12.5,
        lastError: { at: 0, text: 'HTTP 503 <script>' }
      }
    ],
    ledger: ledger(),
    counts: [
      { component: 'redaction', counter: 'findings', of: 'email', n: 12 },
      { component: 'tail_sampling', counter: 'traces_kept', of: 'errors', n: 5 },
      { component: 'tail_sampling', counter: 'traces_dropped', of: 'rest', n: 40 }
    ]
  })
}

t.test('the admin endpoint', async t => {
  const admin = createAdmin('localhost:0', sources, clock)
  const address = await admin.start()
  t.teardown(() => admin.stop())
  const get = (path: string, init?: RequestInit) => fetch(`http://${address}${path}`, init)

  t.test('may count as ready for a probe although its queue is full, and not for another reason', async t => {
    const before = state.readiness
    state.readiness = { isReady: false, reasons: [{ code: 'queue_full', says: 'the queue of exporter a is full' }] }
    t.equal((await get('/readyz')).status, 503)
    t.equal((await get('/readyz?allow=queue_full')).status, 200)
    t.equal((await get('/readyz?allow=starting')).status, 503)
    state.readiness = { ...before, reasons: [...state.readiness.reasons, ...before.reasons] }
    t.equal((await get('/readyz?allow=queue_full')).status, 503)
    state.readiness = before
  })

  t.test('says it is alive before it is ready', async t => {
    t.match(await (await get('/healthz')).json(), { status: 'alive' })
    const reply = await get('/readyz')
    t.equal(reply.status, 503)
    t.same(await reply.json(), { ready: false, reasons: [{ code: 'starting', says: 'opening the queue' }] })
    t.match(await (await get('/')).text(), 'not ready</span> <span>opening the queue</span>')
  })

  t.test('says it is ready when it is', async t => {
    state.readiness = { isReady: true, reasons: [] }
    const reply = await get('/readyz')
    t.equal(reply.status, 200)
    t.same(await reply.json(), { ready: true, reasons: [] })
  })

  t.test('serves metrics in the Prometheus format', async t => {
    const reply = await get('/metrics')
    t.match(reply.headers.get('content-type'), 'text/plain; version=0.0.4')
    t.match(await reply.text(), 'algoflow_gateway_build_info{version="1.2.3"')
  })

  t.test('serves the ledger and the config', async t => {
    t.match(await (await get('/exporters')).json(), [
      { exporter: 'otlp_http', lastError: { text: 'HTTP 503 <script>' } }
    ])
    t.match(await (await get('/ledger')).json(), {
      isBalanced: true,
      exporters: [{ exporter: 'otlp_http', waiting: 7 }]
    })
    t.match(await (await get('/ledger/cluster')).json(), { gateways: 3, isExact: true, isBalanced: true })
    t.equal(await (await get('/config')).text(), 'queue:\n  type: embedded\n')
  })

  t.test('shows pipelines as a picture, findings and decisions on one page that runs and loads nothing', async t => {
    state.now += 10_000
    state.received += 250
    const reply = await get('/')
    const html = await reply.text()
    const words = html.replaceAll(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')
    t.match(
      words,
      'otlp 25/s 350 received filter 3 dropped queue, embedded 50 % full oldest 2s otlp_http 13/s 90 delivered 7 waiting'
    )
    t.match(words, 'breaker open')
    t.match(words, '512 KiB of 1 MiB, 4 entries')
    t.match(words, 'otlp_http 90 13/s 7 (2 KiB) 2s')
    t.match(words, /email 12 .*errors: kept 5 .*rest: dropped 40|email 12 .*rest: dropped 40 errors: kept 5/)
    t.match(html, 'HTTP 503 &lt;script&gt;')
    t.notMatch(html, /<script|src=|href="http|style="/)
    t.match(words, 'up 1m1s')
  })

  t.test('lets a browser apply its own style sheet and nothing else', async t => {
    const reply = await get('/')
    const style = /<style>([\s\S]*?)<\/style>/.exec(await reply.text())![1]!
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = reply.headers.get('content-security-policy')
    t.match(policy, "default-src 'none'")
    t.ok(policy?.includes(`style-src 'sha256-${hash}';`), policy ?? '')
  })

  t.test('reloads itself, and stops when asked to', async t => {
    t.match(await (await get('/')).text(), 'http-equiv="refresh"')
    t.notMatch(await (await get('/?refresh=off')).text(), 'http-equiv="refresh"')
  })

  t.test('answers other paths and methods with what there is', async t => {
    const reply = await get('/nothing')
    t.equal(reply.status, 404)
    t.match(await reply.json(), { paths: ['/', '/healthz'] })
    t.equal((await get('/config', { method: 'POST' })).status, 404)
  })

  t.test('a port in use is a coded error that says what to do', async t => {
    await t.rejects(createAdmin(address, sources, clock).start(), {
      code: 'ADMIN_PORT_IN_USE',
      message: /service\.telemetry\.admin\.endpoint: 127\.0\.0\.1:\d+ is in use/
    })
  })
})

t.test('an address that is none, or not of this machine, is a coded error', async t => {
  await t.rejects(createAdmin('nonsense', sources, clock).start(), { code: 'RECEIVER_ADDRESS_INVALID' })
  await t.rejects(createAdmin('192.0.2.1:0', sources, clock).start(), { code: 'ADMIN_LISTEN_FAILED' })
})

t.test('metrics can be switched off, a source that fails is a plain 500, and stop is safe twice', async t => {
  const { metrics: _off, ...rest } = sources
  const fail = () => {
    throw new Error('secret detail')
  }
  const admin = createAdmin('localhost:0', { ...rest, config: fail }, clock)
  const address = await admin.start()
  t.equal((await fetch(`http://${address}/metrics`)).status, 404)
  const reply = await fetch(`http://${address}/config`)
  t.equal(reply.status, 500)
  t.notMatch(await reply.text(), /secret detail/)
  await admin.stop()
  await admin.stop()
  t.equal(state.timers.length, 0)
})
