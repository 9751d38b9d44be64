// A bad environment: what cannot be had at start ends with one readable line and exit code 1; what goes wrong later is
// survived.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fromIo } from '../../core/queue/errors.js'
import { EXIT } from '../../services/exit-codes.js'
import { GatewayProcess, gatewayConfig, startGateway, TELEMETRY, toSink, until } from '../helpers/gateway-process.js'
import { post } from '../helpers/http.js'
import { startRedis } from '../helpers/redis.js'
import { sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'

const DEBUG = { debug: {} }
const DISK_MIB = 12

/** Starts, waits for the end: one line of error that matches, nothing of the engine room, exit code 1. */
async function fails(t: Test, cwd: string, config: object, says: RegExp): Promise<void> {
  const gateway = new GatewayProcess({ cwd, config })
  const ended = await gateway.ended
  t.same(ended, { code: EXIT.failed, signal: null })
  const errors = gateway.log.filter(line => line.level === 'error')
  t.equal(errors.length, 1, `one error: ${errors.map(line => line.msg)}`)
  t.match(errors[0]?.msg, says)
  t.notMatch(gateway.output, /\n\s+at .*:\d+:\d+/, 'no stack')
}

t.test('a data directory that cannot be written', async t => {
  const cwd = t.testdir({ file: 'not a directory' })
  const queue = { type: 'embedded', path: './file/queue' }
  await fails(
    t,
    cwd,
    gatewayConfig({ exporters: DEBUG, queue }),
    /cannot write the queue directory .*file\/queue.*rights/
  )
})

t.test('a port that another program has: the receiver’s and the admin endpoint’s', async t => {
  const cwd = t.testdir({})
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  t.teardown(() => other.close())
  const endpoint = `127.0.0.1:${(other.address() as { port: number }).port}`
  const receivers = { otlp: { protocols: { http: { endpoint } } } }
  const says = new RegExp(`${endpoint} is in use by another program.*another port`)
  await fails(t, cwd, gatewayConfig({ exporters: DEBUG, receivers }), says)
  const service = { telemetry: { ...TELEMETRY, admin: { endpoint } } }
  await fails(t, cwd, gatewayConfig({ exporters: DEBUG, service }), new RegExp(`${endpoint} is in use`))
})

t.test('a second process on the same data directory leaves the first one alone', async t => {
  const cwd = t.testdir({ second: {} })
  const config = (path: string) => gatewayConfig({ exporters: DEBUG, queue: { type: 'embedded', path } })
  const first = await startGateway(t, { cwd, config: config('./queue') })
  await fails(t, join(cwd, 'second'), config('../queue'), /in use by .*own queue\.path/)
  t.equal((await post(`${first.http}/v1/traces`, spansRequest(0, 5))).status, 200)
  t.match((await first.drained()).exporters[0], { delivered: 5 })
})

t.test('a file exporter that cannot write, and certificates that are not there', async t => {
  const cwd = t.testdir({ file: 'x' })
  await fails(
    t,
    cwd,
    gatewayConfig({ exporters: { file: { path: './file/out.jsonl' } } }),
    /file\/out\.jsonl|file exporter/
  )
  const tls = { ca_file: './nowhere.pem' }
  const exporters = { otlp_http: { endpoint: 'https://otlp.example.com', tls } }
  await fails(t, cwd, gatewayConfig({ exporters }), /nowhere\.pem/)
})

t.test(
  'a full disk: senders are told to come back, nothing acknowledged is lost, freed it goes on without a restart',
  async t => {
    t.equal(fromIo(Object.assign(new Error('full'), { code: 'ENOSPC' }), '/data').code, 'QUEUE_DISK_FULL')
    // Not tap's folder: that is removed before the disk is unmounted.
    const cwd = mkdtempSync(join(tmpdir(), 'algoflow-disk-'))
    const disk = join(cwd, 'disk')
    if (!mountSmallDisk(t, disk)) return
    const out = await sink(t)
    await out.down()
    const config = gatewayConfig({
      exporters: { otlp_http: toSink(out.url) },
      queue: { type: 'embedded', path: './disk/queue' },
      service: {
        telemetry: TELEMETRY,
        pipelines: { traces: { receivers: ['otlp'], exporters: ['otlp_http'] } }
      }
    })
    const ballast = join(disk, 'ballast')
    writeFileSync(ballast, Buffer.alloc((DISK_MIB - 8) << 20, 1))
    const gateway = await startGateway(t, { cwd, config })
    let acknowledged = 0
    const send = async () => {
      const answer = await post(`${gateway.http}/v1/traces`, spansRequest(acknowledged, 1000))
      if (answer.status === 200) acknowledged += 1000
      return answer
    }
    const refused = await until('the disk to be full', async () => {
      const answer = await send()
      return answer.status === 200 ? undefined : answer
    })
    t.equal(refused.status, 503)
    t.ok(Number(refused.headers['retry-after']) >= 1, 'with a delay')
    t.match(refused.body.toString(), /QUEUE_DISK_FULL/)
    t.match(gateway.output, /no space left on the disk/i, 'said in the log')
    t.ok(gateway.isRunning)
    t.equal((await fetch(`${gateway.admin}/healthz`)).status, 200)
    rmSync(ballast)
    const before = acknowledged
    await until('room again', async () => (await send()).status === 200)
    t.ok(acknowledged > before, 'it takes data again')
    await out.up()
    const ledger = await gateway.drained()
    t.ok(ledger.isBalanced)
    t.match(ledger.exporters[0], { delivered: acknowledged, waiting: 0, dropped: 0 })
    t.equal(out.spans.size, acknowledged, `${acknowledged} spans acknowledged, all delivered`)
    t.equal(out.duplicates, 0)
  }
)

/** A small disk of its own, or a loud word that this needs root. */
function mountSmallDisk(t: Test, disk: string): boolean {
  mkdirSync(disk, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    t.comment('THE FULL DISK WAS NOT TESTED: it needs the right to mount a small tmpfs (root)')
    return false
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', disk])
    rmSync(join(disk, '..'), { recursive: true, force: true })
  })
  return true
}

t.test('Redis that is not there is one line that says where and what to check', async t => {
  const queue = { type: 'redis', url: 'redis://user:hidden@127.0.0.1:1/0', commit_timeout: '300ms' }
  const config = gatewayConfig({ exporters: DEBUG, queue })
  await fails(
    t,
    t.testdir({}),
    config,
    /^cannot start: Redis at 127\.0\.0\.1:1\/0 was not reached within 1 s \(ECONNREFUSED\): start it, or check queue\.url/
  )
})

t.test('Redis that dies is told, senders are asked to come back, and it goes on when Redis is back', async t => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const queue = { type: 'redis', url: redis.url, commit_timeout: '500ms' }
  const gateway = await startGateway(t, { cwd: t.testdir({}), config: gatewayConfig({ exporters: DEBUG, queue }) })
  const send = () => post(`${gateway.http}/v1/traces`, spansRequest(0, 5))
  t.equal((await send()).status, 200)
  redis.kill('SIGKILL')
  const refused = await until('a refusal', async () => {
    const answer = await send()
    return answer.status === 503 ? answer : undefined
  })
  t.ok(Number(refused.headers['retry-after']) >= 1)
  const says = new RegExp(`Redis at 127\\.0\\.0\\.1:${redis.port}`)
  await until('a line that names Redis', () => gateway.log.some(line => says.test(JSON.stringify(line))))
  t.ok(gateway.isRunning)
  await redis.restart()
  await until('the next OK', async () => (await send()).status === 200)
})

t.test('a first ^C says what happens and how to end at once, a second one does', async t => {
  const back = await sink(t, { script: () => 'hang' })
  const gateway = await startGateway(t, {
    cwd: t.testdir({}),
    config: gatewayConfig({ exporters: { otlp_http: toSink(back.url, { timeout: '60s' }) } })
  })
  await post(`${gateway.http}/v1/traces`, spansRequest(0, 5))
  await until('a request under way', async () => /exporter_in_flight\{[^}]*\} 1/.test(await gateway.metrics()))
  gateway.kill('SIGINT')
  await until('the word of a stop', () =>
    gateway.log.some(line => /^stopping: .*A second signal ends it at once/.test(String(line.msg)))
  )
  gateway.kill('SIGINT')
  t.same(await gateway.ended, { code: 130, signal: null })
  t.match(gateway.output, /ended at once; what was not delivered stays in the queue/)
})
