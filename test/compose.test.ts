// docker-compose.yml and the Dockerfile without Docker: what they mount and copy is there, the configs in them load, names fit
// together. `npm run e2e -- compose image` runs their parts.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../core/config/load.js'
import { problemText } from '../core/config/problem.js'
import { RECEIVERS } from '../services/gateway/receivers/index.js'
import { registryWith } from '../services/registry.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')

interface Service {
  readonly build?: { readonly target: string }
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>
  readonly read_only?: boolean
  readonly stop_grace_period?: string
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map(line => line.split(':') as [from: string, to: string, mode?: string])
const gateways = services.filter(([, service]) => service.build?.target === 'gateway')
const problemsOf = (text: string, env: Readonly<Record<string, string>>) => {
  const { problems, notes, config } = loadConfig({ text, env, registry: registryWith(RECEIVERS) })
  return { config, says: [...problems, ...notes.filter(note => note.severity === 'warning')].map(problemText) }
}

t.test('everything that the compose file mounts is in the repository, read-only, or a named volume', async t => {
  for (const [name, service] of services) {
    for (const [from, , mode] of mountsOf(service)) {
      if (!from.startsWith('.')) t.ok(from in compose.volumes, `${name}: volume ${from} is declared`)
      else t.ok(existsSync(join(root, from)) && mode === 'ro', `${name}: ${from}`)
    }
  }
})

t.test('services depend on services, images have a version, ports are open on this machine only', async t => {
  for (const [name, { depends_on = [], image, ports = [] }] of services) {
    const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on)
    for (const other of needed as string[]) t.ok(other in compose.services, `${name} depends on ${other}`)
    t.match(image, /:v?\d/, `${name}: ${image}`)
    for (const port of ports) t.match(port, /^127\.0\.0\.1:/, `${name}: ${port}`)
  }
})

t.test(
  'two gateways run one config that loads, with a read-only root and a grace time longer than their drain',
  async t => {
    t.equal(gateways.length, 2)
    for (const [name, service] of gateways) {
      const mount = mountsOf(service).find(([, to]) => to === '/etc/algoflow-gateway/gateway.yaml')!
      const { config, says } = problemsOf(read(mount[0]), service.environment!)
      t.same(says, [], name)
      t.ok(service.read_only)
      t.ok(Number.parseInt(service.stop_grace_period!, 10) * 1000 > config!.service.shutdownTimeoutMs)
    }
  }
)

t.test('proxy, Prometheus, Grafana and the gateways speak of services that are there', async t => {
  const texts = ['haproxy.cfg', 'prometheus.yaml', 'gateway.yaml', 'grafana/datasources/datasources.yaml']
  for (const file of texts) {
    const hosts = [...read(`charts/compose/${file}`).matchAll(/(?<![\w.:-])([a-z][a-z0-9-]+):(\d{4,5})\b/g)].map(
      m => m[1]!
    )
    t.ok(hosts.length > 0, file)
    for (const host of hosts) t.ok(host in compose.services, `${file}: ${host}`)
  }
})

t.test('Grafana finds dashboards where they are provisioned, Prometheus its rules', async t => {
  const provider = parse(read('charts/compose/grafana/dashboards/dashboards.yaml')) as {
    providers: { options: { path: string } }[]
  }
  const mounts = mountsOf(compose.services['grafana']!)
  const [from] = mounts.find(([, to]) => to === provider.providers[0]!.options.path)!
  t.ok(
    readdirSync(join(root, from)).some(name => name.endsWith('.json')),
    from
  )
  const prometheus = parse(read('charts/compose/prometheus.yaml')) as { rule_files: string[] }
  t.ok(mountsOf(compose.services['prometheus']!).some(([, to]) => `${to}/*.yaml` === prometheus.rule_files[0]))
})

const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ').split('\n')
const lines = (word: string) =>
  dockerfile.filter(line => line.startsWith(`${word} `)).map(line => line.slice(word.length + 1))
const ignored = read('.dockerignore').split('\n')

t.test(
  'the image is built in stages of a slim Node 24, runs as a numbered user, starts and is asked without a shell',
  async t => {
    const stages = lines('FROM').map(line => line.split(' AS ') as [string, string])
    t.same(
      stages.map(([, name]) => name),
      ['build', 'app', 'simulator', 'gateway']
    )
    const names = stages.map(([, name]) => name)
    for (const [from] of stages) t.ok(from === 'node:24-slim' || names.includes(from), from)
    t.match(lines('USER'), [/^[1-9]\d*:[1-9]\d*$/])
    for (const line of [...lines('ENTRYPOINT'), ...lines('CMD')]) t.type(JSON.parse(line), Array, line)
    t.ok(lines('HEALTHCHECK')[0]!.includes('/healthz'))
    t.ok(lines('STOPSIGNAL')[0] === 'SIGTERM')
    for (const [, service] of services) if (service.build !== undefined) t.ok(names.includes(service.build.target))
  }
)

t.test(
  'what the image copies is there and not ignored, what it starts is in the build, its own config loads',
  async t => {
    for (const line of lines('COPY')) {
      const parts = line.split(' ')
      const isStage = parts[0]!.startsWith('--from')
      for (const from of parts.slice(isStage ? 1 : 0, -1)) {
        const path = isStage ? from.replace('/app/', '') : from
        t.ok(existsSync(join(root, path)), `${path} is there`)
        if (!isStage) t.notOk(ignored.includes(normalize(path)), `${path} is not ignored`)
      }
    }
    for (const line of lines('ENTRYPOINT')) {
      const script = (JSON.parse(line) as string[])[1]!.replace('/app/', '')
      t.ok(existsSync(join(root, script)), script)
    }
    const config = (JSON.parse(lines('CMD')[0]!) as string[]).at(-1)!
    const copied = lines('COPY').find(line => line.endsWith(config))!
    t.same(problemsOf(read(copied.split(' ')[0]!), {}).says, [])
  }
)
