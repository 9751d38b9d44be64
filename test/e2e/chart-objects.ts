// What must hold among the objects that the chart renders, beyond each one's own schema.

import { loadConfig } from '../../core/config/load.js'
import { problemText } from '../../core/config/problem.js'
import { RECEIVERS } from '../../services/gateway/receivers/index.js'
import { registryWith } from '../../services/registry.js'

/** A rendered object; only what is looked at is typed. */
export interface KubeObject {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Labels }
  readonly spec?: {
    readonly replicas?: number
    readonly selector?: Labels | { readonly matchLabels: Labels }
    readonly podSelector?: { readonly matchLabels: Labels }
    readonly template?: {
      readonly metadata: { readonly labels: Labels; readonly annotations?: Labels }
      readonly spec: PodSpec
    }
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
    readonly ports?: readonly { readonly name: string; readonly targetPort: string }[]
    readonly scaleTargetRef?: { readonly kind: string; readonly name: string }
    readonly serviceName?: string
  }
  readonly data?: Readonly<Record<string, string>>
}
type Labels = Readonly<Record<string, string>>

interface PodSpec {
  readonly terminationGracePeriodSeconds: number
  readonly automountServiceAccountToken: boolean
  readonly serviceAccountName?: string
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: readonly Container[]
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[]
}

export interface Container {
  readonly name: string
  readonly args: readonly string[]
  readonly command?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly readinessProbe: { readonly httpGet?: { readonly path: string; readonly port: string } }
  readonly livenessProbe: { readonly httpGet?: { readonly path: string; readonly port: string } }
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly resources: { readonly requests?: unknown; readonly limits?: { readonly memory?: string } }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

const registry = registryWith(RECEIVERS)

/** Everything that is wrong, in words; empty when all holds. */
export function faults(objects: readonly KubeObject[]): string[] {
  const pods = objects.filter(object => object.spec?.template !== undefined)
  return [
    ...duplicates(objects),
    ...pods.flatMap(pod => podFaults(pod, objects)),
    ...objects.flatMap(object => selectorFaults(object, pods)),
    ...configFaults(objects)
  ]
}

/** The gateway's config as rendered. */
export function configOf(objects: readonly KubeObject[]): string {
  return (
    objects.find(o => o.kind === 'ConfigMap' && o.data?.['gateway.yaml'] !== undefined)?.data?.['gateway.yaml'] ?? ''
  )
}

/** The gateway's container. */
export function gatewayContainer(objects: readonly KubeObject[]): Container {
  return objects.flatMap(o => o.spec?.template?.spec.containers ?? []).find(c => c.name === 'gateway')!
}

function duplicates(objects: readonly KubeObject[]): string[] {
  const names = objects.map(object => `${object.kind} ${object.metadata.name}`)
  return names.filter((name, i) => names.indexOf(name) !== i).map(name => `${name} is there twice`)
}

function podFaults(object: KubeObject, objects: readonly KubeObject[]): string[] {
  const { spec, metadata } = object.spec!.template!
  const name = `${object.kind} ${object.metadata.name}`
  const wrong: string[] = []
  const must = (holds: boolean, says: string) => void (holds || wrong.push(`${name}: ${says}`))
  must(spec.securityContext['runAsNonRoot'] === true, 'may run as root')
  must(spec.automountServiceAccountToken === false, 'mounts a token')
  const claims = object.spec!.volumeClaimTemplates?.map(claim => claim.metadata.name) ?? []
  const volumes = [...(spec.volumes ?? []).map(volume => volume.name), ...claims]
  for (const container of spec.containers) {
    const { securityContext: own, resources, volumeMounts } = container
    must(own['readOnlyRootFilesystem'] === true, 'its root can be written')
    must(own['allowPrivilegeEscalation'] === false, 'may gain privileges')
    must(JSON.stringify(own['capabilities']) === '{"drop":["ALL"]}', 'keeps capabilities')
    must(
      resources.requests !== undefined && resources.limits?.memory !== undefined,
      'has no requests or no memory limit'
    )
    for (const mount of volumeMounts) must(volumes.includes(mount.name), `mounts ${mount.name}, which is no volume`)
    for (const variable of container.env ?? [])
      if (/KEY|TOKEN|PASSWORD|SECRET/.test(variable.name) && variable.value !== undefined)
        must(variable.value.startsWith('$('), `${variable.name} is written down`)
  }
  for (const volume of spec.volumes ?? []) {
    const from = volume.configMap?.name
    must(from === undefined || has(objects, 'ConfigMap', from), `mounts the ConfigMap ${from}, which is not there`)
  }
  const account = spec.serviceAccountName
  must(
    account === undefined || account === 'default' || has(objects, 'ServiceAccount', account),
    `has no account ${account}`
  )
  if (spec.containers[0]!.lifecycle !== undefined) {
    const pause = Number(spec.containers[0]!.lifecycle.preStop.exec.command[1])
    const { config } = load(objects)
    const drain = (config?.service.shutdownTimeoutMs ?? Number.POSITIVE_INFINITY) / 1000
    must(
      spec.terminationGracePeriodSeconds > pause + drain,
      `is killed after ${spec.terminationGracePeriodSeconds} s while it drains ${pause + drain} s`
    )
    must(metadata.annotations?.['checksum/config'] !== undefined, 'does not change with its config')
  }
  return wrong
}

/** Services, budgets, policies find pods; their ports have names that the pods know; scalers find their target. */
function selectorFaults(object: KubeObject, pods: readonly KubeObject[]): string[] {
  const { kind, spec, metadata } = object
  const name = `${kind} ${metadata.name}`
  if (spec?.scaleTargetRef !== undefined) {
    const { kind: wanted, name: target } = spec.scaleTargetRef
    return pods.some(p => p.kind === wanted && p.metadata.name === target) ? [] : [`${name}: no ${wanted} ${target}`]
  }
  const selector = spec?.podSelector?.matchLabels ?? labelsOf(spec?.selector)
  if (selector === undefined || kind === 'ServiceMonitor') return []
  const found = pods.filter(pod => fits(selector, pod.spec!.template!.metadata.labels))
  if (found.length === 0) return [`${name}: its selector finds no pod`]
  if (kind !== 'Service') return []
  const known = new Set(
    found.flatMap(p => p.spec!.template!.spec.containers.flatMap(c => c.ports.map(port => port.name)))
  )
  return spec!
    .ports!.filter(port => !known.has(port.targetPort))
    .map(port => `${name}: no pod has a port ${port.targetPort}`)
}

/** The config loads with the environment of the pod, and listens where the pod says. */
function configFaults(objects: readonly KubeObject[]): string[] {
  const { problems, config } = load(objects)
  if (config === undefined) return problems.map(problemText)
  const ports = new Map(gatewayContainer(objects).ports.map(port => [port.name, port.containerPort]))
  const at = (endpoint: string | undefined) => Number(endpoint?.split(':').at(-1))
  const { protocols } = config.receivers.get('otlp')!.config as {
    protocols: { grpc?: { endpoint: string }; http?: { endpoint: string } }
  }
  const wanted = {
    'otlp-grpc': at(protocols.grpc?.endpoint),
    'otlp-http': at(protocols.http?.endpoint),
    admin: at(config.service.adminEndpoint)
  }
  return Object.entries(wanted).flatMap(([name, port]) =>
    ports.get(name) === port ? [] : [`port ${name} is ${ports.get(name)}, the config listens at ${port}`]
  )
}

function load(objects: readonly KubeObject[]) {
  const variables = gatewayContainer(objects).env ?? []
  const env = Object.fromEntries(variables.map(({ name, value }) => [name, value ?? standIn(name)]))
  return loadConfig({ text: configOf(objects), env, registry })
}

/** A value of the kind that the Secret would hold. */
function standIn(name: string): string {
  return name === 'REDIS_URL' ? 'redis://user:password@redis:6379/0' : 'stand-in-for-a-secret-of-some-length'
}

function labelsOf(selector: Labels | { readonly matchLabels: Labels } | undefined): Labels | undefined {
  if (selector === undefined) return undefined
  return typeof selector['matchLabels'] === 'object' ? selector['matchLabels'] : (selector as Labels)
}

function fits(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

function has(objects: readonly KubeObject[], kind: string, name: string): boolean {
  return objects.some(object => object.kind === kind && object.metadata.name === name)
}
