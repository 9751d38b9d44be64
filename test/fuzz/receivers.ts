// Mutated real requests, both encodings, three signals, against the running gateway: it answers 200 or 400 and nothing
// else, lives, takes bounded time a byte, and everything it took can be delivered by every exporter.

import { Agent, request } from 'node:http'
import type { Signal } from '../../core/otlp/signal.js'
import { GatewayProcess, gatewayConfig, TELEMETRY, toSink } from '../helpers/gateway-process.js'
import { oracle } from '../helpers/otlp-oracle.js'
import { planted } from '../helpers/planted.js'
import { Sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'
import { mutate, seeded } from './mutate.js'

export interface FuzzResult {
  readonly requests: number
  readonly accepted: number
  readonly refused: number
  /** Answers that no input may cause, with the case's number. */
  readonly wrong: readonly string[]
  /** Slowest answers: microseconds a byte of requests above 1 KiB, and milliseconds of any. */
  readonly worstMicrosPerByte: number
  readonly worstMs: number
  readonly isBalanced: boolean
  /** Items that an exporter could not deliver. */
  readonly undeliverable: number
  readonly exitCode: number | null
}

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']
const LARGE = 1024
const MOST_WRONG = 20

interface Seed {
  readonly signal: Signal
  readonly isJson: boolean
  readonly body: Buffer
}

/** @param dir a folder for the gateway; @param seconds of sending */
export async function fuzzReceivers(dir: string, seconds: number, seed: number): Promise<FuzzResult> {
  const sink = await new Sink({ count: false }).up()
  const exporters = ['otlp_http', 'otlp_http/json', 'file', 'debug']
  const pipeline = { receivers: ['otlp'], processors: ['hashing', 'redaction'], exporters }
  const config = gatewayConfig({
    processors: {
      hashing: { hash_fields: ['user_id', 'service.name'], key: 'a-key-for-tests-0123456789abcdef' },
      redaction: { blocked_values: ['planted[0-9]+'], redact_fields: ['note'] }
    },
    exporters: {
      otlp_http: toSink(sink.url),
      'otlp_http/json': toSink(sink.url, { encoding: 'json' }),
      file: { path: './out.jsonl', fsync: false },
      debug: { verbosity: 'basic' }
    },
    queue: { type: 'memory' },
    service: {
      telemetry: { ...TELEMETRY, logs: { level: 'info', encoding: 'json' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline]))
    }
  })
  const gateway = await new GatewayProcess({ cwd: dir, config }).ready()
  try {
    const sent = await send(gateway, seconds, seed)
    const ledger = gateway.isRunning ? await gateway.drained() : undefined
    const failed = gateway.log.filter(line => String(line.msg).startsWith('a processor failed'))
    const wrong = failed.length === 0 ? sent.wrong : [...sent.wrong, `${failed.length} processor failures`]
    const undeliverable = ledger?.exporters.reduce((sum, l) => sum + l.parked + l.dropped, 0) ?? -1
    const { code } = await gateway.stop()
    return { ...sent, wrong, isBalanced: ledger?.isBalanced ?? false, undeliverable, exitCode: code }
  } finally {
    gateway.kill('SIGKILL')
    await gateway.ended
    await sink.down()
  }
}

async function send(gateway: GatewayProcess, seconds: number, seed: number) {
  const random = seeded(seed)
  const seeds = makeSeeds()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const result = { requests: 0, accepted: 0, refused: 0, wrong: [] as string[], worstMicrosPerByte: 0, worstMs: 0 }
  const end = performance.now() + seconds * 1000
  while (performance.now() < end && result.wrong.length < MOST_WRONG) {
    const { signal, isJson, body } = seeds[Math.floor(random() * seeds.length)]!
    const other = seeds.filter(s => s.isJson === isJson)[Math.floor(random() * (seeds.length / 2))]!
    const mutated = mutate(body, other.body, isJson, random)
    const startedAt = performance.now()
    const status = await post(agent, `${gateway.http}/v1/${signal}`, mutated, isJson).catch(error => String(error))
    const ms = performance.now() - startedAt
    result.requests++
    if (status === 200) result.accepted++
    else if (status === 400) result.refused++
    else result.wrong.push(`case ${result.requests} (${signal}, ${isJson ? 'JSON' : 'protobuf'}): ${status}`)
    result.worstMs = Math.max(result.worstMs, ms)
    if (mutated.length >= LARGE) {
      result.worstMicrosPerByte = Math.max(result.worstMicrosPerByte, (ms * 1000) / mutated.length)
    }
    if (!gateway.isRunning) break
  }
  agent.destroy()
  return result
}

function makeSeeds(): Seed[] {
  const seeds: Seed[] = []
  for (const signal of SIGNALS) {
    const full = planted(signal)
    seeds.push({ signal, isJson: false, body: full.bytes }, { signal, isJson: true, body: jsonOf(full.object) })
    const empty = Buffer.alloc(0)
    seeds.push({ signal, isJson: false, body: empty }, { signal, isJson: true, body: Buffer.from('{}') })
  }
  const spans = spansRequest(1, 50)
  const asObject = oracle.decodeRequest('traces', spans)
  seeds.push(
    { signal: 'traces', isJson: false, body: spans },
    { signal: 'traces', isJson: true, body: jsonOf(asObject) }
  )
  return seeds
}

/** OTLP/JSON: ids in hex, other bytes in base64, 64-bit integers as text. */
function jsonOf(object: object): Buffer {
  const ids = new Set(['traceId', 'spanId', 'parentSpanId'])
  const convert = (key: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value)
    if (Buffer.isBuffer(value)) return value.toString(ids.has(key) ? 'hex' : 'base64')
    if (Array.isArray(value)) return value.map(v => convert(key, v))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, convert(k, v)]))
  }
  return Buffer.from(JSON.stringify(convert('', object)))
}

function post(agent: Agent, url: string, body: Buffer, isJson: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': isJson ? 'application/json' : 'application/x-protobuf',
      'content-length': String(body.length)
    }
    const sent = request(url, { method: 'POST', agent, headers, timeout: 20_000 }, response => {
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.resume()
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', reject)
    sent.end(body)
  })
}
