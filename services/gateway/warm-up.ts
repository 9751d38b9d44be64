// A rehearsal before the first real request, so that V8 has compiled what requests go through: otherwise the first few
// hundred thousand spans after a start cost two to three times the CPU, and the first senders wait for it.
//
// It is a second gateway in this process with the same processors, a queue of its own that is removed afterwards, and a
// back end that takes everything; both listen on loopback ports that nobody else is told. Made-up requests go through
// it, over HTTP as real ones do. Whatever goes wrong here only ends the rehearsal.

import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Pool } from 'undici'
import type { Clock, Log } from '../../core/component/context.js'
import { loadConfig } from '../../core/config/load.js'
import type { ComponentConfig, GatewayConfig, PipelineConfig } from '../../core/config/types.js'
import { encodeRequest } from '../../core/otlp/decode.js'
import { SIGNALS, type Signal } from '../../core/otlp/signal.js'
import { PROCESSORS } from '../../processors/index.js'
import { registryWith } from '../registry.js'
import { Gateway } from './app.js'
import { RECEIVERS } from './receivers/index.js'

/** Most time it may take, milliseconds. */
const BUDGET_MS = 1000
const AT_ONCE = 4
const ITEMS = 256
const SAMPLES = 8
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** Rehearses with the processors of `config`. Never throws. */
export async function warmUp(config: GatewayConfig, clock: Clock): Promise<void> {
  const endsAt = performance.now() + BUDGET_MS
  const dir = config.queue.type === 'embedded' ? join(config.queue.path, 'warm-up') : undefined
  const backEnd = await takeEverything()
  try {
    const gateway = new Gateway({
      config: rehearsed(config, dir, (backEnd.address() as AddressInfo).port),
      version: 'warm-up',
      log: SILENT,
      clock,
      installationKey: () => 'only to warm up: never stored, never sent'
    })
    try {
      await gateway.start()
      await play(gateway, config, endsAt)
    } finally {
      await gateway.stop(100)
    }
  } catch {
    // A start without rehearsal is only slower at first.
  } finally {
    backEnd.closeAllConnections()
    backEnd.close()
    if (dir !== undefined) await rm(dir, { recursive: true, force: true }).catch(() => {})
  }
}

async function takeEverything(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** The config of the rehearsal: other ends, the same processors but for those that users wrote or that hold data. */
function rehearsed(config: GatewayConfig, dir: string | undefined, port: number): GatewayConfig {
  const text = JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:0' } } } },
    processors: {},
    exporters: { otlp_http: { endpoint: `http://127.0.0.1:${port}`, compression: 'none' } },
    queue: dir === undefined ? { type: 'memory' } : { type: 'embedded', path: dir },
    service: { pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } } }
  })
  const base = loadConfig({ text, env: {}, registry: registryWith(RECEIVERS) }).config!
  const processors = new Map([...config.processors].filter(([, processor]) => isOurs(processor)))
  const pipelines = config.pipelines.map(
    (pipeline): PipelineConfig => ({
      ...pipeline,
      receivers: ['otlp'],
      processors: pipeline.processors.filter(id => processors.has(id)),
      exporters: ['otlp_http']
    })
  )
  return { ...base, processors, pipelines }
}

function isOurs({ type }: ComponentConfig): boolean {
  const declared = PROCESSORS.find(one => one.type === type || one.aliases?.includes(type))
  return declared !== undefined && type !== 'custom' && declared.stage === 'inline'
}

/** Sends samples of every signal that has a pipeline until the time is up. */
async function play(gateway: Gateway, config: GatewayConfig, endsAt: number): Promise<void> {
  const address = gateway.endpoints().get('otlp')?.http
  const signals = SIGNALS.filter(signal => config.pipelines.some(pipeline => pipeline.signal === signal))
  const client = new Pool(`http://${address}`, { connections: AT_ONCE })
  const samples = signals.map(signal => Array.from({ length: SAMPLES }, (_, seed) => sample(signal, seed)))
  let n = 0
  const one = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      const turn = n++
      const which = turn % signals.length
      const body = samples[which]![turn % SAMPLES]!
      const headers = { 'content-type': 'application/x-protobuf' }
      const { body: answer } = await client.request({ path: `/v1/${signals[which]}`, method: 'POST', headers, body })
      await answer.dump()
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, one))
  } finally {
    await client.destroy()
  }
}

/** A request as AlgoFlow and usual instrumentation would write it; a few items hold what detectors look closer at. */
function sample(signal: Signal, seed: number): Buffer {
  const items = Array.from({ length: ITEMS }, (_, i) => seed * ITEMS + i)
  const resource = {
    attributes: pairs({ 'service.name': 'warm-up', 'host.name': 'node-1', 'service.version': '1.0.0' })
  }
  const scope = { name: 'warm-up', version: '1.0.0' }
  if (signal === 'traces')
    return encode(signal, { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: items.map(span) }] }] })
  if (signal === 'logs')
    return encode(signal, { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: items.map(record) }] }] })
  return encode(signal, { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: items.map(metric) }] }] })
}

function encode(signal: Signal, request: object): Buffer {
  return encodeRequest(signal, request as never)
}

function span(n: number) {
  const id = `${hex(n, 8)}-${hex(n * 7, 4)}-4${hex(n, 3)}-a${hex(n, 3)}-${hex(n * 13, 12)}`
  return {
    traceId: Buffer.from(hex(n + 1, 32), 'hex'),
    spanId: Buffer.from(hex(n + 1, 16), 'hex'),
    name: `step load-input ${n % 7}`,
    kind: 1 + (n % 3),
    startTimeUnixNano: 1_700_000_000_000_000_000n,
    endTimeUnixNano: 1_700_000_000_123_000_000n,
    attributes: pairs({
      'workflow.name': `workflow-${n % 5}`,
      'workflow.id': id,
      'step.name': 'load-input',
      'step.attempt': 1,
      'step.cached': n % 2 === 0,
      'step.dependencies': ['validate', 'normalize'],
      'step.output_size_bytes': 1_000_000 + n * 991,
      'step.queue_time_ms': n * 0.731,
      'url.full': `https://api.internal/v2/orders/${id}?page=${n % 9}&limit=100`,
      'db.statement': 'SELECT id, amount FROM ledger WHERE account_id = $1 ORDER BY created_at DESC LIMIT 100',
      'code.function': 'AlgoFlow.Steps.LoadInput.run',
      user_id: `u-${n}`,
      ...(n % 10 === 0 ? { note: NOTES[(n / 10) % NOTES.length]! } : {})
    }),
    ...(n % 20 === 0 ? { status: { code: 2, message: 'write failed: connection reset by peer' } } : {})
  }
}

const NOTES = [
  'mail ada@example.com',
  'card 4111 1111 1111 1111',
  'call +1 415 555 2671',
  'from 203.0.113.9',
  'ssn 219-09-9999'
]

function record(n: number) {
  return {
    timeUnixNano: 1_700_000_000_000_000_000n,
    severityNumber: 9 + (n % 3) * 4,
    severityText: 'INFO',
    body: n % 5 === 0 ? `login of ${NOTES[n % NOTES.length]}` : `Step completed in ${n} ms, 3 of 8 done`,
    attributes: pairs({ 'workflow.name': `workflow-${n % 5}`, duration_ms: n, cache_hit: false })
  }
}

function metric(n: number) {
  const dataPoints = [
    { timeUnixNano: 1_700_000_000_000_000_000n, asInt: BigInt(n), attributes: pairs({ 'step.name': `step-${n % 9}` }) }
  ]
  return {
    name: `algoflow.step.${n % 12}`,
    description: 'Time waiting for dependencies',
    unit: 'ms',
    gauge: { dataPoints }
  }
}

function pairs(values: Readonly<Record<string, unknown>>) {
  return Object.entries(values).map(([key, value]) => ({ key, value }))
}

function hex(n: number, digits: number): string {
  return (BigInt(n) * 0x9e3779b97f4a7c15f39cc0605cedc835n).toString(16).padStart(digits, '0').slice(-digits)
}
