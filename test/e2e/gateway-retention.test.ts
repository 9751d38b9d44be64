// What is past its retention is really gone: from the ledger's waiting, from the list of dead letters, from the disk.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { gatewayConfig, startGateway, TELEMETRY, toSink, until } from '../helpers/gateway-process.js'
import { post } from '../helpers/http.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

/** Files below `dir` that hold `marker`. */
function holding(dir: string, marker: string): string[] {
  return readdirSync(dir, { recursive: true })
    .map(name => join(dir, String(name)))
    .filter(path => statSync(path).isFile() && readFileSync(path).includes(marker))
}

t.test('after the retention nothing of the data is left on the disk', async t => {
  const cwd = t.testdir({})
  const marker = 'marker-of-an-old-item'
  const away = await sink(t, { script: () => ({ status: 503 }) })
  const refusing = await sink(t, { script: () => ({ status: 400 }) })
  const config = (retention: string, exporters: readonly string[]) =>
    gatewayConfig({
      exporters: {
        otlp_http: toSink(away.url),
        ...(exporters.includes('otlp_http/refusing') ? { 'otlp_http/refusing': toSink(refusing.url) } : {})
      },
      service: {
        telemetry: TELEMETRY,
        retention,
        pipelines: { traces: { receivers: ['otlp'], processors: [], exporters } }
      }
    })
  const both = ['otlp_http', 'otlp_http/refusing']
  const first = await startGateway(t, { cwd, config: config('1d', both) })
  for (let i = 0; i < 5; i++) {
    const body = spansRequest(i * 4, 4, { attributes: { 'workflow.name': marker } })
    t.equal((await post(`${first.http}/v1/traces`, body)).status, 200)
  }
  await until('dead letters', async () => {
    const { exporters } = await first.ledger()
    return exporters.every(line => line.exporter !== 'otlp_http/refusing' || line.parked === 20)
  })
  await first.stop()
  t.ok(holding(join(cwd, 'data'), marker).length >= 2, 'the queue and the dead letters hold it')
  await sleep(1100)
  // The exporter of the dead letters is gone from the config: they have a retention all the same.
  const second = await startGateway(t, { cwd, config: config('1s', ['otlp_http']) })
  const ledger = await until('everything to be gone', async () => {
    const now = await second.ledger()
    return now.exporters.every(line => line.waiting === 0 && line.parked === 0) ? now : undefined
  })
  t.ok(ledger.isBalanced)
  const dropped = (by: string, reason: string) => ledger.dropped.find(d => d.by === by && d.reason === reason)?.items
  t.equal(dropped('otlp_http', 'expired'), 20)
  t.equal(dropped('otlp_http/refusing', 'dead_letter_expired'), 20)
  await until('the bytes to be gone', () => holding(join(cwd, 'data'), marker).length === 0)
  away.script = () => ({ status: 200 })
  t.equal((await post(`${second.http}/v1/traces`, spansRequest(100, 4))).status, 200)
  await second.drained()
  t.equal(away.spans.size, 4, 'and it goes on')
})
