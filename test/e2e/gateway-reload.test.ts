// Changing the config of a running gateway: under load, with good and bad configs, by signal and by request.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { readTrail, verify } from '../../core/audit/verify.js'
import {
  type GatewayProcess,
  gatewayConfig,
  startGateway,
  TELEMETRY,
  toSink,
  until
} from '../helpers/gateway-process.js'
import { EXPORT_PATH, type GrpcSender, grpcClient } from '../helpers/grpc.js'
import { Load } from '../helpers/load.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'
import { Rng } from '../privacy/rng.js'

interface Report {
  readonly ok: boolean
  readonly changed: readonly { readonly path: string; readonly kind: string }[]
  readonly problems: readonly { readonly code: string; readonly path: string; readonly line: number }[]
  readonly error?: { readonly code: string; readonly says: string }
}

function write(cwd: string, config: object | string): void {
  writeFileSync(join(cwd, 'gateway.yaml'), typeof config === 'string' ? config : JSON.stringify(config, null, 2))
}

async function reload(gateway: GatewayProcess): Promise<Report> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.timeout(15_000)
  }
  return (await (await fetch(`${gateway.admin}/reload`, init)).json()) as Report
}

/** How many reloads were accepted and refused. */
async function reloads(gateway: GatewayProcess): Promise<Record<string, number>> {
  const found = (await gateway.metrics()).matchAll(/config_reloads_total\{result="(\w+)"\} (\d+)/g)
  return Object.fromEntries([...found].map(([, result, n]) => [result, Number(n)]))
}

/** Numbered spans over gRPC until it is stopped; whatever was not OK. */
function grpcLoad(client: GrpcSender, from: number) {
  const acknowledged: number[] = []
  const failed: string[] = []
  let isStopped = false
  const loop = async () => {
    for (let first = from; !isStopped; first += 10) {
      const { code, message } = await client.send(EXPORT_PATH.traces, spansRequest(first, 10))
      if (code === 0) acknowledged.push(first)
      else {
        failed.push(`${code} ${message}`)
        if (failed.length > 20) return
      }
    }
  }
  const done = loop()
  const stop = () => {
    isStopped = true
    return done
  }
  return { acknowledged, failed, stop }
}

t.test('20 reloads under load, good and bad: no connection breaks, every acknowledged item arrives once', async t => {
  const cwd = t.testdir({})
  const seed = Number(process.env['RELOAD_SEED'] ?? Date.now() % 1_000_000)
  const rng = new Rng(seed, 'reload')
  t.comment(`seed ${seed}`)
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(rng.next() * of.length)]!
  const out = await sink(t, { script: () => ({ status: 200, delayMs: 5 }) })
  const other = await sink(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const port = (taken.address() as { port: number }).port

  const good = () => {
    const isBoth = rng.next() < 0.5
    const processors = pick<object>(
      {},
      { attributes: { actions: [{ key: 'x', action: 'delete' }] } },
      { redaction: {} }
    )
    const second = pick<object>({}, { 'otlp/second': { protocols: { http: { endpoint: '127.0.0.1:0' } } } })
    const protocols = {
      grpc: { endpoint: '127.0.0.1:0', max_recv_msg_size_mib: pick(4, 5) },
      http: { endpoint: '127.0.0.1:0', read_timeout: pick('30s', '31s') }
    }
    const settings = { timeout: pick('2s', '3s'), compression: pick('none', 'gzip') }
    return gatewayConfig({
      receivers: { otlp: { protocols, max_in_flight_bytes: pick('64MiB', '65MiB') }, ...second },
      processors,
      exporters: { otlp_http: toSink(out.url, settings), ...(isBoth ? { 'otlp_http/other': toSink(other.url) } : {}) },
      service: {
        telemetry: TELEMETRY,
        pipelines: {
          traces: {
            receivers: ['otlp', ...Object.keys(second)],
            processors: Object.keys(processors),
            exporters: ['otlp_http', ...(isBoth ? ['otlp_http/other'] : [])]
          }
        }
      }
    }) as Record<string, object>
  }
  const bad = (n: number): string | object => {
    const config = good()
    const grpc = { endpoint: `127.0.0.1:${port}` }
    return [
      () => `${JSON.stringify(config)}, oops`,
      () => ({ ...config, exporters: { otlp_http: { endpoint: out.url, timeout: 5, no_such: 1 } } }),
      () => ({ ...config, queue: { type: 'embedded', path: './elsewhere' } }),
      () => ({ ...config, receivers: { ...config['receivers'], otlp: { protocols: { grpc } } } }),
      // Stops the exporter that runs before it can tell that the new one cannot start.
      () => ({
        ...config,
        exporters: {
          ...config['exporters'],
          otlp_http: { endpoint: 'https://127.0.0.1:1', tls: { ca_file: './none.pem' } }
        }
      }),
      () => {
        const { service } = config as { service: { pipelines: { traces: { exporters: string[] } } } }
        service.pipelines.traces.exporters.push('file')
        return { ...config, exporters: { ...config['exporters'], file: { path: './gateway.yaml/is/a/file' } } }
      }
    ][n % 6]!()
  }

  const gateway = await startGateway(t, { cwd, config: good() })
  const load = new Load({ target: () => gateway.http, connections: 4, pauseMs: 2 }).start()
  t.teardown(() => load.stop())
  const calls = grpcLoad(grpcClient(t, gateway.grpc), 1_000_000)
  t.teardown(() => calls.stop())
  const expected = { accepted: 0, refused: 0 }
  for (let i = 0; i < 20; i++) {
    const isGood = i % 3 !== 2
    const [requests, called] = [load.acknowledged.length, calls.acknowledged.length]
    await until(
      'both loads to go on',
      () => load.acknowledged.length > requests + 8 && calls.acknowledged.length > called
    )
    const before = await gateway.page('/config')
    write(cwd, isGood ? good() : bad(expected.refused))
    if (i % 2 === 0) gateway.kill('SIGHUP')
    else t.equal((await reload(gateway)).ok, isGood)
    expected[isGood ? 'accepted' : 'refused']++
    await until('the reload to end', async () => {
      const { accepted = 0, refused = 0 } = await reloads(gateway)
      return accepted + refused === i + 1
    })
    if (!isGood) t.equal(await gateway.page('/config'), before, 'a bad config changes nothing')
  }
  t.same(await reloads(gateway), expected)
  await load.stop()
  await calls.stop()
  const ledger = await gateway.drained()
  t.ok(load.acknowledged.length > 160 && calls.acknowledged.length > 20, `${load.acknowledgedSpans} spans over HTTP`)
  t.same(load.unknown, [], 'no HTTP connection was refused or broken')
  t.same([...load.refused], [], 'no HTTP request was refused')
  t.same(calls.failed, [], 'no gRPC call failed')
  t.same(load.missing(out.spans), [], 'every acknowledged span arrived')
  t.ok(calls.acknowledged.every(first => Array.from({ length: 10 }, (_, n) => first + n).every(n => out.spans.has(n))))
  t.equal(out.duplicates, 0, 'none of them twice')
  t.ok(ledger.isBalanced, JSON.stringify(ledger.exporters))
  t.equal((await gateway.stop()).code, 0)
  const trail = verify(join(cwd, 'data/queue/audit'))
  t.same(trail.findings, [])
  t.equal(trail.records, 22, 'the start, 20 reloads and the stop are on record')
  const why = readTrail(join(cwd, 'data/queue/audit')).flatMap(({ code }) => (code === undefined ? [] : [code]))
  t.same(why, ['GATEWAY_NEEDS_RESTART', 'RECEIVER_PORT_IN_USE', 'TLS_FILE_UNREADABLE', 'FILE_NOT_OPEN'])
})

t.test('several workers: all go over or none, and one that is killed comes back with the config that runs', async t => {
  const cwd = t.testdir({})
  const out = await sink(t)
  const config = (more: object, level = 'info') =>
    gatewayConfig({
      exporters: { otlp_http: toSink(out.url, more) },
      service: {
        workers: 2,
        telemetry: { ...TELEMETRY, logs: { level, encoding: 'json' } },
        pipelines: { traces: { receivers: ['otlp'], processors: [], exporters: ['otlp_http'] } }
      }
    })
  const gateway = await startGateway(t, { cwd, config: config({ timeout: '2s' }) })
  const load = new Load({ target: () => gateway.http, connections: 4, pauseMs: 2 }).start()
  t.teardown(() => load.stop())
  const goOn = () => {
    const from = load.acknowledged.length
    return until('the load to go on', () => load.acknowledged.length > from + 20)
  }
  await goOn()
  write(cwd, config({ timeout: '3s' }))
  t.same((await reload(gateway)).changed, [{ path: 'exporters.otlp_http.timeout', kind: 'changed' }])
  await goOn()
  write(cwd, config({ endpoint: 'https://127.0.0.1:1', tls: { ca_file: './none.pem' } }))
  t.match(await reload(gateway), { ok: false, error: { code: 'TLS_FILE_UNREADABLE' } })
  t.match(await gateway.page('/config'), /timeout: 3s/)
  await goOn()
  t.same(load.unknown, [], 'no connection broke')
  t.same([...load.refused], [])
  // The bad file is still there.
  const pids = () => gateway.log.flatMap(({ msg, pid }) => (msg === 'worker started' ? [Number(pid)] : []))
  process.kill(pids()[1]!, 'SIGKILL')
  await until('the worker to be started again', () => pids().length === 3)
  await until('the worker to be back', async () => (await gateway.metrics()).includes('worker_up{worker="2"} 1'))
  await until('all to be ready', async () => JSON.parse(await gateway.page('/readyz')).ready === true)
  await load.stop()
  const ledger = await gateway.drained()
  t.ok(ledger.isBalanced)
  t.same(load.missing(out.spans), [])
  t.equal((await gateway.stop()).code, 0)
})
