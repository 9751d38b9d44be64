// What the pages tell a newcomer to do, done: the request of docs/quick-start.md and the program of docs/instrumentation.md against a
// gateway with its defaults.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { pageOf } from '../../services/ctl/docs-pages.js'
import { GATEWAY, startGateway, until } from '../helpers/gateway-process.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const FREE_PORTS = [
  'receivers.otlp.protocols.http.endpoint=localhost:0',
  'receivers.otlp.protocols.grpc.endpoint=localhost:0',
  'exporters.prometheus.endpoint=localhost:0',
  'service.telemetry.admin.endpoint=localhost:0',
  'service.telemetry.logs.encoding=json'
].flatMap(change => ['--set', change])

t.test('the quick start and the example of instrumentation do what their pages say', async t => {
  const cwd = t.testdir()
  const gateway = await startGateway(t, { cwd, args: FREE_PORTS })
  const stored = () => readFileSync(join(cwd, 'data/telemetry/telemetry.jsonl'), 'utf8')
  const page = pageOf('docs/quick-start.md', readFileSync(`${root}docs/quick-start.md`, 'utf8'))

  const curl = page.blocks.find(({ text }) => text.startsWith('curl -s localhost:4318/v1/traces'))!.text
  const { stdout } = await run('bash', ['-c', curl.replace('localhost:4318', gateway.http)])
  t.equal(stdout, '{}')
  await until('the span to be stored', () => stored().includes('notify'))
  const shown = page.blocks.find(({ text }) => text.startsWith('..."attributes"'))!.text.replaceAll('\n', '')
  const [first, note] = shown.split(/\{"key":"user_id".*?\}\},/)
  t.ok(stored().includes(first!.slice(3)), 'the names are as they were')
  t.ok(stored().includes(note!.slice(0, -3)), 'the note is as the page shows it')
  t.match(stored(), /"user_id","value":\{"stringValue":"h1:/)
  const { stdout: status } = await run('node', [GATEWAY, 'queue', 'status', '--admin', gateway.admin])
  t.match(status, /every item is accounted for/)

  await run('node', [`${root}docs/examples/instrumentation/workflow.mjs`], {
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: gateway.http, OTEL_SERVICE_NAME: 'algoflow' }
  })
  await until(
    'spans and records to be stored',
    () => stored().includes('step load-order') && stored().includes('Step completed')
  )
  const others = stored().replaceAll('5b8efff798038103d269b633813fc60c', '')
  t.equal(new Set(others.match(/"traceId":"\w{32}"/g)).size, 1, 'steps, workflow and log records are one trace')
  t.equal(others.match(/"parentSpanId":"\w{16}"/g)?.length, 2, 'the steps are children of the workflow')
  t.match(stored(), /no mailbox for \[REDACTED:email\]/)
  t.notMatch(stored(), /ada@example\.com|4111/)
  t.match(stored(), /"step.error_type","value":\{"stringValue":"TypeError"/)
})
