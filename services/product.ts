// What this product says by default and in short: the config that runs without a file, and AlgoFlow's `telemetry:` block
// (the same keys as in AlgoFlow's own configuration) as gateway components.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { secret } from '../core/config/fields.js'
import type { Addition, BlockSite, ComponentKind, ShortBlock } from '../core/config/registry.js'
import { find, type Tree } from '../core/config/tree.js'

/** No file, or a file that leaves a section out: privacy on, durable, local only. */
export const DEFAULT_CONFIG = `# What runs without a config file: everything stays on this machine, personal data goes before anything is stored.
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: localhost:4317
      http:
        endpoint: localhost:4318
processors:
  # The same user has the same hash, nobody can read who it is.
  hashing:
    hash_fields: [user_id, session_id]
  # Every detector, everywhere.
  redaction: {}
  # Metrics of workflows and steps out of all spans, whatever is sampled away later.
  workflow_metrics: {}
exporters:
  # A summary on the terminal.
  debug: {}
  # For Prometheus: http://localhost:8889/metrics.
  prometheus:
    endpoint: localhost:8889
  # The local store.
  file:
    path: ./data/telemetry/telemetry.jsonl
    rotation:
      max_days: 30
queue:
  type: embedded
  path: ./data/queue
`

/** A page to scrape shows one process: with several there is none by default. */
export function fitsDefault(_kind: ComponentKind, id: string, file: Tree): boolean {
  const workers = find(file, ['service', 'workers'])
  return id !== 'prometheus' || workers === undefined || (workers.kind === 'scalar' && workers.value === 1)
}

const sampling = Type.Object(
  {
    default: Type.Number({
      default: 1,
      minimum: 0,
      maximum: 1,
      description: 'Part of the traces that is kept. Traces with an error are always kept.'
    }),
    by_workflow: Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 }), {
      default: {},
      description: 'The same for single workflows, by name.',
      examples: [{ 'sensitive-workflow': 0.1 }]
    }),
    exclude_workflows: Type.Array(Type.String(), {
      default: [],
      description: 'Workflows of which nothing is kept, not even errors.',
      examples: [['internal-probe']]
    })
  },
  { description: 'How much is kept, by workflow.' }
)

const privacy = Type.Object(
  {
    redact_fields: Type.Array(Type.String(), {
      default: [],
      description: 'Attributes whose value is removed, by name, wherever they stand.',
      examples: [['email', 'ssn', 'credit_card']]
    }),
    hash_fields: Type.Array(Type.String(), {
      default: [],
      description: 'Attributes whose value is replaced by a keyed hash: the same value gives the same hash.',
      examples: [['user_id', 'session_id']]
    }),
    sampling: Type.Optional(sampling),
    retention_days: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'How long data that the gateway keeps itself lives, in days.',
        examples: [30]
      })
    )
  },
  { description: 'What happens to personal data.' }
)

export const telemetrySchema = Type.Object({
  enabled: Type.Boolean({ default: true, description: '`false`: the gateway starts and takes nothing.' }),
  endpoint: Type.Optional(
    Type.String({
      description: 'OTLP back end that everything goes to: `https://host:4318`, or `host:4317` for gRPC.',
      examples: ['https://otlp.example.com:4318']
    })
  ),
  headers: Type.Record(Type.String(), secret(), { default: {}, description: 'Sent with every request to `endpoint`.' }),
  sampling: Type.Optional(sampling),
  privacy: Type.Optional(privacy),
  exporters: Type.Array(Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())]), {
    default: [],
    description: 'Exporter types, by name or with their settings. `otlp` is the one to `endpoint`.',
    examples: [['otlp', 'debug']]
  })
})

type Telemetry = Static<typeof telemetrySchema>

/** AlgoFlow's `telemetry:` block. */
export const TELEMETRY_BLOCK: ShortBlock = { key: 'telemetry', schema: telemetrySchema, expand }

function expand(config: Telemetry, site: BlockSite): readonly Addition[] {
  return [
    ...exclusion(config, site),
    ...privacyProcessors(config, site),
    ...samplingProcessor(config, site),
    ...exporters(config, site),
    ...retention(config, site)
  ]
}

function privacyProcessors(config: Telemetry, site: BlockSite): Addition[] {
  const { redact_fields: redact = [], hash_fields: hash = [] } = config.privacy ?? {}
  const made: Addition[] = []
  const add = (id: string, key: string) =>
    made.push({ section: 'processors', id, config: { [key]: site.part(`privacy.${key}`) }, from: `privacy.${key}` })
  if (hash.length > 0) add('hashing', 'hash_fields')
  if (redact.length > 0) add('redaction', 'redact_fields')
  return made
}

type Sampling = Static<typeof sampling>

/** What both places say: the smaller share where both say one, all that either excludes. */
function wantedSampling({ sampling: own, privacy }: Telemetry): Sampling | undefined {
  const other = privacy?.sampling
  if (own === undefined || other === undefined) return own ?? other
  const by_workflow = { ...own.by_workflow }
  for (const [name, share] of Object.entries(other.by_workflow)) {
    by_workflow[name] = Math.min(share, by_workflow[name] ?? 1)
  }
  return {
    default: Math.min(own.default, other.default),
    by_workflow,
    exclude_workflows: [...new Set([...own.exclude_workflows, ...other.exclude_workflows])]
  }
}

function samplingPlace(config: Telemetry): string {
  return config.sampling === undefined ? 'privacy.sampling' : 'sampling'
}

/**
 * Nothing of an excluded workflow is taken: traces are judged as a whole by `tail_sampling`; metrics and log records that
 * name it, with a trace or without, go here.
 */
function exclusion(config: Telemetry, site: BlockSite): Addition[] {
  const names = wantedSampling(config)?.exclude_workflows ?? []
  if (names.length === 0 || !site.has('processors', 'filter')) return []
  const name = 'excluded_workflow'
  const drop = ['workflow.name', 'algoflow.workflow.name'].flatMap(key => [
    { name, attributes: { [key]: names } },
    { name, resource: { [key]: names } }
  ])
  const from = `${samplingPlace(config)}.exclude_workflows`
  return [
    { section: 'processors', id: 'filter/excluded_workflows', signals: ['metrics', 'logs'], config: { drop }, from }
  ]
}

/** Sampling by trace needs the windowed processor; with nothing to sample away there is none. */
function samplingProcessor(config: Telemetry, site: BlockSite): Addition[] {
  const from = samplingPlace(config)
  const wanted = wantedSampling(config)
  if (wanted === undefined) return []
  const shares = [...Object.entries(wanted.by_workflow), ['', wanted.default] as const]
  const { exclude_workflows } = wanted
  if (shares.every(([, share]) => share === 1) && exclude_workflows.length === 0) return []
  if (!site.has('processors', 'tail_sampling')) {
    site.note(
      'warning',
      from,
      'has no effect: this build has no `tail_sampling`; every trace is kept',
      'Sample at the back end until then.'
    )
    return []
  }
  const settings = { policies: policies(wanted), ...(exclude_workflows.length > 0 ? { exclude_workflows } : {}) }
  return [{ section: 'processors', id: 'tail_sampling', config: settings, from }]
}

/** First match wins: errors, then workflows by name, then the rest. */
function policies(wanted: Sampling): unknown[] {
  const share = (part: number) => ({ sampling_percentage: Number((part * 100).toFixed(6)) })
  const byWorkflow = Object.entries(wanted.by_workflow).map(([workflow, part]) => ({
    name: `workflow ${workflow}`,
    type: 'workflow',
    workflow: { names: [workflow], ...share(part) }
  }))
  return [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    ...byWorkflow,
    { name: 'default', type: 'probabilistic', probabilistic: share(wanted.default) }
  ]
}

function exporters(config: Telemetry, site: BlockSite): Addition[] {
  const made: Addition[] = []
  const list = config.exporters.length === 0 && config.endpoint !== undefined ? ['otlp'] : config.exporters
  list.forEach((entry, i) => {
    const from = config.exporters.length === 0 ? 'endpoint' : `exporters[${i}]`
    if (typeof entry === 'string') made.push(named(entry, config, site, from))
    else
      for (const id of Object.keys(entry))
        made.push({ section: 'exporters', id, config: site.part(`${from}["${id}"]`), from })
  })
  return made
}

function named(name: string, config: Telemetry, site: BlockSite, from: string): Addition {
  const id = name.toLowerCase()
  if (id !== 'otlp' || config.endpoint === undefined)
    return { section: 'exporters', id: id === 'otlp' ? 'otlp_http' : id, config: {}, from }
  const headers = Object.keys(config.headers).length > 0 ? { headers: site.part('headers') } : {}
  const isGrpc = !config.endpoint.includes('://') || /:4317\/?$/.test(config.endpoint)
  return {
    section: 'exporters',
    id: isGrpc ? 'otlp_grpc' : 'otlp_http',
    config: { endpoint: site.part('endpoint'), ...headers },
    from
  }
}

/** Days become the gateway's own retention and that of local files whose rotation does not say otherwise. */
function retention(config: Telemetry, site: BlockSite): Addition[] {
  const days = config.privacy?.retention_days
  if (days === undefined) return []
  const hours = Math.max(1, Math.round(days * 24))
  const value = hours % 24 === 0 ? `${hours / 24}d` : `${hours}h`
  const from = 'privacy.retention_days'
  const files = new Set(['file', ...site.ids('exporters').filter(id => id.startsWith('file/'))])
  return [
    { section: 'setting', id: 'service.retention', config: value, from },
    ...[...files].map((id): Addition => {
      const within = `exporters.${id}`
      return {
        section: 'setting',
        id: `${within}.rotation.max_days`,
        within,
        config: Math.ceil(days),
        from,
        over: 'defaults'
      }
    })
  ]
}
