// P1 from outside: personal data in every place of every signal, good requests and bad ones, back ends that take, refuse and
// are down; then every byte the gateway left or said is searched for what was planted.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Signal } from '../../core/otlp/signal.js'
import { type GatewayProcess, gatewayConfig, startGateway, TELEMETRY, toSink } from '../helpers/gateway-process.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { JSON_TYPE, PROTOBUF, post } from '../helpers/http.js'
import { found, planted } from '../helpers/planted.js'
import { sink } from '../helpers/sink.js'
import { bytes as field } from '../helpers/spans.js'

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']
const VALUE = 'planted9999.person@example.org'
const NUMBER = '4111 1111 1111 1111'

/** Bodies that no request may have, each with a value near what is wrong. */
const MALFORMED_JSON = [
  `{"resourceSpans": "${VALUE}"}`,
  `{"resourceSpans": [{"resource": {"attributes": [{"key": "a", "value": {"stringValue": "${VALUE}"}}]}}`,
  `{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "${VALUE}", "spanId": "0102030405060708"}]}]}]}`,
  `{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": "${VALUE}"}]}]}]}`,
  `{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "${VALUE}"}]}]}]}`,
  `{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "b", "value": {"bytesValue": "${VALUE}"}}]}]}]}]}`,
  `{"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{"key": "b", "value": {"intValue": "${VALUE}"}}]}]}]}]}`,
  `{"${VALUE}": 1,}`,
  `${VALUE}`,
  `"${NUMBER}"`
]

async function answers(gateway: GatewayProcess, body: Buffer): Promise<Buffer[]> {
  const out: Buffer[] = []
  const keep = async (text: Promise<{ body: Buffer; headers: object }>) => {
    const { body: said, headers } = await text
    out.push(said, Buffer.from(JSON.stringify(headers)))
  }
  const path = `${gateway.http}/v1/traces`
  for (const cut of [0.3, 0.6, 0.95]) await keep(post(path, body.subarray(0, Math.floor(body.length * cut))))
  for (const text of MALFORMED_JSON) await keep(post(path, text, JSON_TYPE))
  // Ids of a wrong length: bytes of a value.
  const span = Buffer.concat([
    field(1, Buffer.from(VALUE)),
    field(2, Buffer.from(NUMBER)),
    field(5, Buffer.from(VALUE))
  ])
  await keep(post(path, field(1, field(2, field(2, span)))))
  // Text where a number belongs, and in a field that nobody knows.
  const ids = [field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, 2))]
  const hidden = Buffer.concat([...ids, field(6, Buffer.from(VALUE)), field(900, Buffer.from(VALUE))])
  await keep(post(path, field(1, field(2, field(2, hidden)))))
  // Text that is no UTF-8, with a value in it.
  const broken = Buffer.concat([Buffer.from([0xff, 0xc3]), Buffer.from(VALUE), Buffer.from([0xe2, 0x82])])
  await keep(post(path, field(1, field(1, field(1, Buffer.concat([field(1, broken), field(2, field(1, broken))]))))))
  await keep(post(path, body, { 'content-type': `text/${VALUE.replace('@', '.')}` }))
  await keep(post(path, body, { ...PROTOBUF, 'content-encoding': VALUE }))
  await keep(post(path, Buffer.from(VALUE), { ...PROTOBUF, 'content-encoding': 'gzip' }))
  await keep(post(`${gateway.http}/v1/${VALUE}?q=${encodeURIComponent(NUMBER)}`, body))
  await keep(post(path, body, { ...PROTOBUF, authorization: VALUE, 'user-agent': VALUE, 'x-tenant': NUMBER }))
  return out
}

/** Every file under a folder. */
function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}

t.test('no planted value is in any file, output, page, answer or delivery, also when things go wrong', async t => {
  const cwd = t.testdir({})
  const [good, refusing, dead] = [await sink(t, { keep: true }), await sink(t), await sink(t)]
  refusing.script = () => ({ status: 400, body: 'no' })
  await dead.down()
  const exporters = ['otlp_http/good', 'otlp_http/refusing', 'otlp_http/dead', 'file', 'debug']
  const pipeline = { receivers: ['otlp'], processors: ['hashing', 'redaction'], exporters }
  const config = gatewayConfig({
    processors: { hashing: { hash_fields: ['user_id'] }, redaction: {} },
    exporters: {
      'otlp_http/good': toSink(good.url),
      'otlp_http/refusing': toSink(refusing.url),
      'otlp_http/dead': toSink(dead.url),
      file: { path: './out.jsonl' },
      debug: { verbosity: 'detailed' }
    },
    service: {
      telemetry: { ...TELEMETRY, logs: { level: 'debug', encoding: 'json' } },
      pipelines: Object.fromEntries(SIGNALS.map(signal => [signal, pipeline]))
    }
  })
  const gateway = await startGateway(t, { cwd, config })
  const client = grpcClient(t, gateway.grpc)
  const all: string[] = [VALUE, NUMBER]
  const places = new Map<string, string>()
  for (const [i, signal] of SIGNALS.entries()) {
    const made = planted(signal, i * 1000)
    all.push(...made.values)
    for (const [value, place] of made.places) places.set(value, place)
    t.ok(made.values.length > 40, `${signal}: ${made.values.length} values planted`)
    t.equal((await post(`${gateway.http}/v1/${signal}`, made.bytes)).status, 200)
    t.equal((await client.send(EXPORT_PATH[signal], made.bytes)).code, 0)
  }
  const said = await answers(gateway, planted('traces').bytes)
  const grpcBad = await client.send(EXPORT_PATH.traces, planted('traces').bytes.subarray(0, 700))
  said.push(Buffer.from(JSON.stringify(grpcBad)))
  for (const exporter of ['otlp_http/good', 'otlp_http/refusing', 'file', 'debug']) await gateway.drained(exporter)
  for (const path of ['/metrics', '/ledger', '/', '/readyz', '/config', `/${VALUE}`])
    said.push(Buffer.from(await gateway.page(path)))
  const ledger = await gateway.ledger()
  t.ok(ledger.isBalanced)
  t.ok(ledger.exporters.find(l => l.exporter === 'otlp_http/refusing')!.parked > 0, 'dead letters are there')
  t.ok(ledger.exporters.find(l => l.exporter === 'otlp_http/dead')!.waiting > 0, 'data waits in the queue')

  const where = (values: readonly string[]) =>
    values.map(value => `${value} (${places.get(value) ?? 'malformed request'})`)
  const check = (what: string, bytes: Buffer) => t.same(where(found(bytes, all)), [], what)
  const kept = files(cwd).filter(path => !path.endsWith('gateway.yaml'))
  t.ok(kept.length >= 4, `${kept.length} files`)
  for (const path of kept) check(`file ${path.slice(cwd.length)}`, readFileSync(path))
  check('stdout', Buffer.from(gateway.stdout))
  check('stderr', Buffer.from(gateway.stderr))
  for (const answer of said) check('answers and pages', answer)
  for (const request of good.requests) check(`delivered ${request.signal}`, request.body)
  await gateway.stop()
  for (const path of files(cwd).filter(path => !path.endsWith('gateway.yaml')))
    check(`file after the stop ${path.slice(cwd.length)}`, readFileSync(path))
  check('output of the stop', Buffer.from(gateway.output))
})
