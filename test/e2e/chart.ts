// The Helm chart, rendered by helm for every file of charts/gateway/ci, checked against the schemas of three versions of
// Kubernetes, and a gateway started with what was rendered.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { parse, parseAllDocuments } from 'yaml'
import { redisServerPath } from '../helpers/redis.js'
import { configOf, faults, gatewayContainer, type KubeObject } from './chart-objects.js'
import { type ChartTools, chartTools, KUBERNETES } from './chart-tools.js'
import { command, freePort, isUp, type Run } from './harness.js'

const CHART = fileURLToPath(new URL('../../../charts/gateway', import.meta.url))
/** Values that must not be installed, on top of a file of ci/, and what a person is told. */
const REFUSED: readonly (readonly [file: string, sets: string, says: RegExp])[] = [
  ['', 'replicaCount=1', /config\.exporters is empty: say where the data goes/],
  ['minimal', 'replicas=3', /additional properties 'replicas' not allowed/],
  ['minimal', 'mode=kafka', /at '\/mode': value must be one of 'embedded', 'redis'/],
  [
    'minimal',
    'config.exporters.otlp_http.timeot=5s',
    /exporters\/otlp_http': additional properties 'timeot' not allowed/
  ],
  ['minimal', 'config.exporters.debgu.verbosity=basic', /exporters': additional properties 'debgu' not allowed/],
  ['minimal', 'config.queue.path=/x', /config\/queue': additional properties 'path' not allowed/],
  ['minimal', 'service.grpcPort=99999', /at '\/service\/grpcPort'/],
  ['minimal', 'mode=redis', /mode: redis needs an address/],
  ['minimal', 'redis.bundled.enabled=true', /redis is set, but mode is embedded/],
  ['minimal', 'worker.enabled=true', /worker\.enabled needs mode: redis/],
  ['minimal', 'autoscaling.enabled=true', /autoscaling\.enabled needs mode: redis/],
  ['minimal', 'replicaCount=2', /processors\.hashing needs a key that all pods share/],
  ['minimal', 'config.queue.max_size=10GiB', /make the volume at least a fifth larger/],
  ['minimal', 'config.service.shutdown_timeout=5m', /set drainSeconds instead/],
  [
    'minimal',
    'config.exporters.otlp_http.headers.x=${env:TOKEN}',
    /the config reads \$\{env:TOKEN\}, which no pod would have/
  ],
  ['embedded-sampling', 'replicaCount=2', /tail_sampling with mode: embedded needs replicaCount: 1/],
  ['redis', 'autoscaling.maxReplicas=2', /maxReplicas is smaller than autoscaling\.minReplicas/],
  ['redis-cluster-workers', 'redis.url=redis://user:password@host:6379', /at '\/redis\/url'/]
]

export default async function run(run: Run): Promise<void> {
  const tools = await chartTools()
  const files = (await readdir(join(CHART, 'ci'))).map(name => name.replace('.yaml', '')).sort()
  const folder = await run.folder()
  run.check('there are at least six files of values', files.length >= 6, files.join(', '))
  for (const file of files) await rendered(run, tools, file, folder)
  for (const [file, sets, says] of REFUSED) await refused(run, tools, file, sets, says)
  await changes(run, tools)
  await carries(run, tools)
  await starts(run, tools)
  await redisStarts(run, tools)
}

/** What helm prints for values; rejects with its words. */
async function template(tools: ChartTools, file: string, sets: readonly string[] = []): Promise<string> {
  const values = file === '' ? [] : ['-f', join(CHART, 'ci', `${file}.yaml`)]
  const args = ['template', 'gw', CHART, '--namespace', 'telemetry', '--kube-version', KUBERNETES[1], ...values]
  return (await command(tools.helm, [...args, ...sets.flatMap(set => ['--set', set])])).stdout
}

function objectsOf(text: string): KubeObject[] {
  const documents = parseAllDocuments(text) as { toJSON(): unknown }[]
  return documents.map(document => document.toJSON() as KubeObject | null).filter(object => object !== null)
}

async function rendered(run: Run, tools: ChartTools, file: string, folder: string): Promise<void> {
  const lint = await failure(command(tools.helm, ['lint', '--strict', CHART, '-f', join(CHART, 'ci', `${file}.yaml`)]))
  run.check(`${file}: helm lint --strict`, lint === '', lint)
  const text = await template(tools, file)
  const path = join(folder, `${file}.yaml`)
  await writeFile(path, text)
  const objects = objectsOf(text)
  for (const version of KUBERNETES) {
    const places = [`${tools.schemas}/{{.NormalizedKubernetesVersion}}`, `${tools.schemas}/crd`]
    const locations = places.flatMap(place => ['-schema-location', `${place}/{{.ResourceKind}}{{.KindSuffix}}.json`])
    const wrong = await failure(
      command(tools.kubeconform, ['-strict', '-kubernetes-version', version, ...locations, path])
    )
    run.check(`${file}: ${objects.length} objects fit Kubernetes ${version}`, wrong === '', wrong)
  }
  const wrong = faults(objects)
  run.check(`${file}: the objects fit together`, wrong.length === 0, wrong.join('; '))
}

async function refused(run: Run, tools: ChartTools, file: string, sets: string, says: RegExp): Promise<void> {
  const words = await failure(template(tools, file, [sets]))
  run.check(
    `${file === '' ? 'no values' : file} with ${sets} is refused`,
    says.test(words),
    words.split('\n').slice(0, 4).join(' ')
  )
}

/** A changed config replaces the pods, an unchanged one does not. */
async function changes(run: Run, tools: ChartTools): Promise<void> {
  const sum = async (sets: string[]) => /checksum\/config: (\w+)/.exec(await template(tools, 'minimal', sets))?.[1]
  const [a, b, c] = [await sum([]), await sum(['podLabels.x=y']), await sum(['config.service.retention=1d'])]
  run.check('pods are replaced when the config changes, and only then', a !== undefined && a === b && a !== c, a)
  const grace = objectsOf(await template(tools, 'minimal', ['drainSeconds=100', 'preStopSeconds=30']))
  const seconds = grace.find(o => o.kind === 'StatefulSet')?.spec?.template?.spec.terminationGracePeriodSeconds
  run.same('the grace period follows the drain', seconds, 140)
}

/** Dashboards and rules come out as they are in the files: nothing in them is taken for a template. */
async function carries(run: Run, tools: ChartTools): Promise<void> {
  const text = await template(tools, 'everything')
  const maps = objectsOf(text).flatMap(({ kind, data }) => (kind === 'ConfigMap' ? Object.entries(data ?? {}) : []))
  const dashboards = new Map(maps.filter(([name]) => name.endsWith('.json')))
  const files = await readdir(join(CHART, 'dashboards'))
  const changed: string[] = []
  for (const name of files) {
    const file = JSON.parse(await readFile(join(CHART, 'dashboards', name), 'utf8')) as unknown
    if (!isDeepStrictEqual(JSON.parse(dashboards.get(name) ?? 'null'), file)) changed.push(name)
  }
  run.check(
    'dashboards come out as they are',
    changed.length === 0 && files.length > 2,
    [...files, ...changed].join(', ')
  )
  const groups: unknown[] = []
  for (const name of await readdir(join(CHART, 'rules'))) {
    groups.push(...(parse(await readFile(join(CHART, 'rules', name), 'utf8')) as { groups: unknown[] }).groups)
  }
  const rendered = parseAllDocuments(text).map(
    document => document.toJS() as { kind?: string; spec?: { groups?: unknown } }
  )
  const rule = rendered.find(object => object?.kind === 'PrometheusRule')
  run.check('rules come out as they are', isDeepStrictEqual(rule?.spec?.groups, groups), `${groups.length} groups`)
}

/** The rendered config runs, and the probes ask for what is there. */
async function starts(run: Run, tools: ChartTools): Promise<void> {
  const objects = objectsOf(await template(tools, 'minimal'))
  const gateway = await start(run, configOf(objects), {})
  for (const probe of ['readinessProbe', 'livenessProbe'] as const) {
    const { path } = gatewayContainer(objects)[probe].httpGet!
    run.check(`the ${probe} ${path} is answered by the gateway`, await isUp(`${gateway.admin}${path}`), gateway.admin)
  }
}

/** The bundled Redis' own command line, on a real redis-server, with a gateway on it. */
async function redisStarts(run: Run, tools: ChartTools): Promise<void> {
  const objects = objectsOf(await template(tools, 'redis-bundled'))
  const redis = objects.find(o => o.kind === 'StatefulSet' && o.metadata.name.endsWith('-redis'))
  const [folder, port] = [await run.folder(), await freePort()]
  const line = redis!.spec!.template!.spec.containers[0]!.args[0]!
  const here = line.replace('redis-server', redisServerPath()).replace('/data', folder)
  const env = { REDIS_PASSWORD: 'stand1in2for3a4password' }
  await run.start('sh', ['-c', `${here} --bind 127.0.0.1 --port ${port}`], {
    env,
    ready: async started => started.output.includes('Ready to accept connections')
  })
  const config = configOf(objects).replace('gw-gateway-redis:6379', `127.0.0.1:${port}`)
  const gateway = await start(run, config, { ...env, HASH_KEY: 'stand-in-for-a-key-of-some-length' })
  run.check(
    'the bundled Redis takes a gateway with its password',
    await isUp(`${gateway.admin}/readyz`),
    gateway.output()
  )
  run.check(
    'an OK survives power loss there',
    /power loss|always/.test(gateway.output()),
    gateway.output().slice(0, 600)
  )
}

async function start(run: Run, config: string, env: Readonly<Record<string, string>>) {
  const folder = await run.folder()
  const [file, admin] = [join(folder, 'gateway.yaml'), await freePort()]
  await writeFile(file, config.replaceAll('/var/lib/algoflow-gateway', folder))
  const sets = [
    `service.telemetry.admin.endpoint=127.0.0.1:${admin}`,
    'receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0',
    'receivers.otlp.protocols.http.endpoint=127.0.0.1:0'
  ]
  const args = ['.', 'start', '--config', file, ...sets.flatMap(set => ['--set', set])]
  const started = await run.start('node', args, { env, ready: async one => one.output.includes('"msg":"ready"') })
  return { admin: `http://127.0.0.1:${admin}`, output: () => started.output }
}

/** The words of a command that failed; empty when it went well. */
async function failure(ran: Promise<unknown>): Promise<string> {
  return ran.then(
    () => '',
    (error: { stdout?: string; stderr?: string; message: string }) =>
      `${error.stdout ?? ''}${error.stderr ?? ''}` || error.message
  )
}
