// The simulator against a real gateway process, and against servers that are slow to take what it sends.

import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gatewayConfig, startGateway } from '../../test/helpers/gateway-process.js'
import { demo } from './demo.js'
import { type GatewayView, viewGateway } from './gateway-view.js'
import { parseOptions } from './options.js'
import type { TruthFile } from './truth.js'

const FAST = ['--speed', 'max', '--rate', '50']

/** Runs the demo with these arguments; its exit code and what it printed. */
async function runDemo(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const { options } = parseOptions(
    [...FAST, ...args],
    () => {},
    text => {
      err += text
    }
  )
  if (options === undefined) return { code: 2, out, err }
  const shell = {
    terminal: { write: (text: string) => void (out += text) },
    err: (text: string) => void (err += text),
    stop: new AbortController().signal
  }
  return { code: await demo(options, shell), out, err }
}

async function gatewayIn(t: Test) {
  const cwd = t.testdir()
  const exporters = { file: { path: './out/telemetry.jsonl' } }
  const processors = { hashing: { hash_fields: ['user_id', 'session_id'] }, redaction: {} }
  const pipeline = { receivers: ['otlp'], processors: ['hashing', 'redaction'], exporters: ['file'] }
  const service = { pipelines: { traces: pipeline, logs: pipeline, metrics: pipeline } }
  const config = gatewayConfig({ exporters, processors, service }) as { service: object }
  return { cwd, gateway: await startGateway(t, { cwd, config }) }
}

t.test('everything it sends arrives, counted to the item, and nothing that it planted comes out', async t => {
  const { cwd, gateway } = await gatewayIn(t)
  const file = join(cwd, 'truth.json')
  const args = ['--endpoint', gateway.http, '--admin', gateway.admin, '--executions', '120', '--personal', '100%']
  const { code, out } = await runDemo([...args, '--seed', '1', '--truth', file])
  t.equal(code, 0, out)
  const truth = JSON.parse(readFileSync(file, 'utf8')) as TruthFile
  const ledger = await gateway.drained()
  t.same(Object.fromEntries(ledger.received.map(r => [r.stream, r.items])), truth.items)
  const view = await viewGateway(gateway.admin)
  t.match(view, { isBalanced: true })
  t.same((view as GatewayView).findings, truth.planted.counts, 'what was found is what was planted, kind by kind')
  t.match(out, 'The gateway took everything.')
  t.match(out, 'every item is accounted for')
  await gateway.stop()
  const kept = readdirSync(join(cwd, 'out')).map(name => readFileSync(join(cwd, 'out', name), 'utf8'))
  const all = [...kept, gateway.output].join('\n')
  t.match(all, 'step charge-card')
  t.match(all, '[REDACTED:email]')
  t.ok(truth.planted.values.length > 200, `${truth.planted.values.length} values`)
  t.same(
    truth.planted.values.filter(value => all.includes(value)),
    []
  )
})

t.test('over gRPC it is the same', async t => {
  const { cwd, gateway } = await gatewayIn(t)
  const file = join(cwd, 'truth.json')
  const args = ['--endpoint', gateway.grpc, '--protocol', 'grpc', '--admin', gateway.admin, '--executions', '20']
  const { code, out, err } = await runDemo([...args, '--truth', file])
  t.equal(code, 0, out + err)
  const truth = JSON.parse(readFileSync(file, 'utf8')) as TruthFile
  const { received } = await gateway.ledger()
  t.same(Object.fromEntries(received.map(r => [r.stream, r.items])), truth.items)
})

t.test('where no gateway is it says how to start one', async t => {
  const { code, err } = await runDemo(['--endpoint', 'http://127.0.0.1:1', '--no-admin', '--executions', '1'])
  t.equal(code, 1)
  t.match(err, 'No gateway answers at http://127.0.0.1:1 (no answer (ECONNREFUSED')
  t.match(err, 'npm start')
})

t.test('a server that is busy, breaks connections and refuses some: all requests are told apart', async t => {
  let [calls, taken, refused] = [0, 0, 0]
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const call = calls++
      if (call > 0 && call % 7 === 1) response.writeHead(429, { 'retry-after': '0' }).end()
      else if (call % 7 === 3) request.socket.destroy()
      else if (call % 7 === 5) {
        refused++
        response.writeHead(400).end()
      } else {
        taken++
        response.writeHead(200).end()
      }
    })
  })
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`
  const { code, out } = await runDemo(['--endpoint', endpoint, '--no-admin', '--executions', '10'])
  t.equal(code, 1, 'items that were refused are no success')
  t.match(out, / 0 waiting/)
  // One is the empty request that asks whether anybody is there.
  t.equal(Number(/data points · (\d+) requests$/m.exec(out)?.[1]), taken - 1)
  t.ok(refused > 0)
  t.match(out, /The gateway refused \d+ items: HTTP 400/)
})
