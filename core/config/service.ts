// The parts of the file that are no component: `service`, `queue`, and the keys every exporter has. Each schema with the
// function that turns its checked value into the shape of types.ts.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Problem } from '../component/declaration.js'
import { byteSize, duration, secret } from './fields.js'
import type { ExporterConfig, GatewayConfig, QueueConfig } from './types.js'

const strings = (description: string) => Type.Array(Type.String(), { description, default: [] })

/** Settings of one pipeline; its id begins with its signal: `traces`, `traces/audit`. */
export const pipelineSchema = Type.Object(
  {
    receivers: strings('Where the data comes from: ids of `receivers`.'),
    processors: strings('What is done to it, in this order: ids of `processors`.'),
    exporters: strings('Where it goes: ids of `exporters`. Each one delivers independently.')
  },
  { description: 'One pipeline: what is received, done and delivered for one signal.' }
)

export const serviceSchema = Type.Object({
  pipelines: Type.Record(Type.String(), pipelineSchema, {
    default: {},
    description: 'Pipelines by id: `traces`, `metrics` or `logs`, or one of these with a name: `traces/audit`.',
    examples: [{ traces: { receivers: ['otlp'], processors: ['redaction'], exporters: ['otlp_http'] } }]
  }),
  telemetry: Type.Object(
    {
      logs: Type.Object({
        level: Type.Enum(['debug', 'info', 'warn', 'error'], {
          default: 'info',
          description: "Least severe of the gateway's own log lines that is written."
        }),
        encoding: Type.Enum(['auto', 'json', 'text', 'console'], {
          default: 'auto',
          description: '`json` for machines, `text` (or `console`) for people; `auto` is text on a terminal, else json.'
        })
      }),
      metrics: Type.Object({
        level: Type.Enum(['none', 'basic', 'normal', 'detailed'], {
          default: 'normal',
          description: 'Accepted as in the Collector: `none` serves no /metrics, all others the same full set.'
        })
      }),
      admin: Type.Object({
        endpoint: Type.String({
          default: 'localhost:8888',
          format: 'host_port',
          description:
            'host:port of /metrics, /healthz, /readyz, /ledger, /config and the status page. Keep it internal.',
          examples: ['0.0.0.0:8888']
        }),
        token: Type.Optional(
          secret({
            description:
              'Demanded (`Authorization: Bearer TOKEN`) for changes, dead letters, traces and the config. Without it changes are taken from this machine only.',
            examples: ['${env:ADMIN_TOKEN}']
          })
        ),
        allowed_hosts: strings(
          'Host names by which people open it, besides localhost, this machine’s name and IP addresses; any other name is refused, so that no web page can reach it through a name of its own.'
        )
      })
    },
    { description: "The gateway's own logs, metrics and status." }
  ),
  shutdown_timeout: duration({
    default: '20s',
    description: 'How long a stop waits for requests and sends in flight; what is not sent by then stays in the queue.'
  }),
  workers: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: 256 })], {
    default: 1,
    description:
      'Processes on this machine that share its ports, each with its part of the queue; `auto` is one a core. See docs/cluster.md.',
    examples: ['auto']
  }),
  retention: duration({
    default: '30d',
    description: 'How long data that the gateway keeps for people (dead letters, local store) lives.'
  }),
  audit: Type.Object(
    {
      enabled: Type.Boolean({ default: true, description: '`false`: no trail is written.' }),
      path: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'Directory of the trail, one a gateway. Left out: `audit` in the directory of the embedded queue, `./data/audit` with Redis, none with a queue in memory.',
          examples: ['/var/lib/algoflow-gateway/audit']
        })
      ),
      retention: duration({ default: '365d', description: 'How long records are kept; they hold no telemetry.' })
    },
    { description: 'The record of who changed what: config, keys, dead letters. See docs/compliance.md.' }
  ),
  reload: Type.Object(
    {
      watch: Type.Boolean({
        default: false,
        description: 'Look for changes of the config, and of the files and keys it names, and go over to them.'
      }),
      interval: duration({ default: '10s', description: 'How often to look.' })
    },
    { description: 'Changing the config while the gateway runs; SIGHUP and `algoflow-gateway reload` always do it.' }
  )
})

const queueSize = byteSize({
  default: '2GiB',
  description: 'Payload bytes the queue may hold; beyond it senders get 429 / UNAVAILABLE with a delay.'
})

/** `queue`, by type. */
export const QUEUE_SCHEMAS = {
  embedded: Type.Object(
    {
      type: Type.Literal('embedded', {
        default: 'embedded',
        description: 'A store on the local disk, flushed before the sender gets its OK.'
      }),
      path: Type.String({ default: './data/queue', description: 'Directory of the store; one process at a time.' }),
      max_size: queueSize
    },
    { description: 'Durable on the local disk; nothing else to install.' }
  ),
  memory: Type.Object(
    {
      type: Type.Literal('memory', { description: 'Memory only: an OK says nothing about a crash.' }),
      max_size: byteSize({ default: '256MiB', description: 'Payload bytes the queue may hold.' })
    },
    { description: 'Not durable: what waits is lost when the process ends. For tests and benchmarks.' }
  ),
  redis: Type.Object(
    {
      type: Type.Literal('redis', { description: 'Redis Streams, shared by many gateways.' }),
      url: secret({
        description:
          'Address with credentials: `redis://user:password@host:6379/0`, `rediss://` (TLS), ' +
          '`redis+sentinel://h1,h2/master-name`, `redis+cluster://h1:7000,h2:7001`.',
        examples: ['${env:REDIS_URL}']
      }),
      prefix: Type.String({
        default: 'algoflow',
        minLength: 1,
        description: 'First part of every key: the same in all gateways that share the queue.'
      }),
      member: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'Name of this process among the gateways; its totals go on under it after a restart. Left out: host name and a number.',
          examples: ['${env:HOSTNAME}']
        })
      ),
      partitions: Type.Integer({
        default: 8,
        minimum: 1,
        maximum: 256,
        description: 'Parts that gateways share among them, fixed when the queue is first used: at least one a gateway.'
      }),
      lease: duration({
        default: '10s',
        description: 'A gateway that gives no sign of life for this long loses its partitions to the others.'
      }),
      wait_replicas: Type.Integer({
        default: 0,
        minimum: 0,
        maximum: 16,
        description:
          "Replicas of Redis that must have the data before the sender gets its OK. 0: the server's own settings decide."
      }),
      commit_timeout: duration({
        default: '10s',
        description: 'A sender whose data is not stored by then is told to come back.'
      }),
      compression: Type.Enum(['none', 'deflate', 'zstd'], {
        default: 'none',
        description:
          'How payloads are kept in Redis: compressed they take a sixth of the memory and of the way there, and cost CPU. ' +
          '`zstd` needs Node 22.15; before that it is deflate. `max_size` counts them uncompressed.'
      }),
      spill: Type.Object(
        {
          enabled: Type.Boolean({
            default: false,
            description: 'Whether what Redis cannot take waits on the local disk, flushed before the OK, until it can.'
          }),
          path: Type.String({ default: './data/spill', description: 'Directory of its own; one process at a time.' }),
          max_size: byteSize({
            default: '1GiB',
            description: 'Payload bytes on the disk; beyond it senders get 429 / UNAVAILABLE with a delay.'
          })
        },
        { description: 'The local disk stands in while Redis is away, fails over or is full. See docs/cluster.md.' }
      ),
      max_size: queueSize
    },
    { description: 'Shared by many gateways; as durable as that Redis is set up to be (told at start).' }
  )
} as const

/** The keys every exporter has beside its own, as in the Collector. */
export const exporterSchema = Type.Object({
  timeout: duration({ default: '10s', description: 'Limit of one attempt to send.' }),
  sending_queue: Type.Object(
    {
      enabled: Type.Boolean({
        default: true,
        description: 'Accepted as in the Collector; every exporter reads from the queue, so `false` changes nothing.'
      }),
      queue_size: Type.Optional(
        byteSize({
          description:
            'How much may wait for this exporter: a size such as `512MiB`, or a number counted by `sizer`. Left out: as much as the queue holds.',
          examples: ['512MiB']
        })
      ),
      sizer: Type.Enum(['requests', 'items', 'bytes'], {
        default: 'requests',
        description: 'What a bare number in `queue_size` counts. A size with a unit is always bytes.'
      }),
      num_consumers: Type.Integer({
        default: 10,
        minimum: 1,
        maximum: 1000,
        description: 'Requests in flight at once.'
      }),
      block_on_overflow: Type.Optional(
        Type.Boolean({
          description:
            'Accepted as in the Collector. A full queue answers senders with "try again later" either way; see `overflow`.'
        })
      ),
      overflow: Type.Enum(['block', 'drop_oldest', 'drop_newest'], {
        default: 'block',
        description:
          'When it is full: `block` refuses senders (they keep the data and retry), the others drop, counted.'
      }),
      max_age: duration({
        default: '0s',
        description: 'What waits longer is dropped, counted, instead of sent; 0 = never.'
      }),
      batch: Type.Optional(
        Type.Object(
          {
            flush_timeout: duration({ default: '200ms', description: 'Longest wait for `min_size`.' }),
            min_size: byteSize({ default: '8192', description: 'Least a request should hold.' }),
            max_size: byteSize({ default: '0', description: 'Most a request holds; 0 = what the back end takes.' }),
            sizer: Type.Enum(['items', 'bytes'], { default: 'items', description: 'What the sizes count.' })
          },
          { description: 'Groups small requests into larger ones before sending. Left out: sends what is there.' }
        )
      )
    },
    { description: 'How much may wait for this exporter and how it is grouped.' }
  ),
  retry_on_failure: Type.Object(
    {
      enabled: Type.Boolean({ default: true, description: '`false`: one attempt, then dead letter.' }),
      initial_interval: duration({ default: '5s', description: 'Wait before the first retry.' }),
      max_interval: duration({ default: '30s', description: 'Longest wait between two attempts.' }),
      multiplier: Type.Number({
        default: 1.5,
        minimum: 1,
        description: 'Each wait is this many times the one before.'
      }),
      randomization_factor: Type.Number({
        default: 0.5,
        minimum: 0,
        maximum: 1,
        description: 'Spread of each wait: 0.5 = half to one and a half.'
      }),
      max_elapsed_time: duration({
        default: '0s',
        description:
          'Time after which a batch becomes a dead letter; 0 = never gives up (the Collector drops after 5m).'
      }),
      on_expired: Type.Enum(['dead_letter', 'drop'], {
        default: 'dead_letter',
        description: 'What becomes of a batch whose `max_elapsed_time` is over: kept for a person, or dropped, counted.'
      })
    },
    { description: 'What happens after a failure that may pass.' }
  ),
  dead_letters: Type.Object(
    {
      max_size: byteSize({
        default: '256MiB',
        description: 'Payload bytes kept; beyond it the oldest are dropped, counted as `dead_letter_overflow`.'
      })
    },
    { description: 'What the back end refused for good is kept for people, for `service.retention`.' }
  )
})

export type ExporterSettings = Static<typeof exporterSchema>
export type ServiceSettings = Static<typeof serviceSchema>
export type QueueSettings = Static<(typeof QUEUE_SCHEMAS)[keyof typeof QUEUE_SCHEMAS]>

/** What does not go together; paths relative to the exporter. `isGiven` tells whether the file has a key. */
export function exporterProblems(settings: ExporterSettings, isGiven: (path: string) => boolean): readonly Problem[] {
  const { sending_queue: queue, retry_on_failure: retry } = settings
  const problems: Problem[] = []
  const batch = queue.batch
  if (
    batch !== undefined &&
    batch.max_size > 0 &&
    batch.min_size > batch.max_size &&
    isGiven('sending_queue.batch.min_size')
  ) {
    problems.push({ path: 'sending_queue.batch.min_size', says: 'is more than `max_size`' })
  }
  if (retry.enabled && retry.initial_interval > retry.max_interval) {
    const path = isGiven('retry_on_failure.initial_interval') ? 'initial_interval' : 'max_interval'
    problems.push({ path: `retry_on_failure.${path}`, says: '`initial_interval` is longer than `max_interval`' })
  }
  return problems
}

/** `hasUnit`: `queue_size` was written as `512MiB`, which is bytes whatever `sizer` says. */
export function exporterSettings(
  settings: ExporterSettings,
  hasUnit: boolean
): Pick<ExporterConfig, 'sendingQueue' | 'retry' | 'timeoutMs' | 'deadLetterBytes'> {
  const { sending_queue: queue, retry_on_failure: retry } = settings
  const sizer = hasUnit ? 'bytes' : queue.sizer
  const size = queue.queue_size
  return {
    timeoutMs: settings.timeout,
    deadLetterBytes: settings.dead_letters.max_size,
    sendingQueue: {
      maxBytes: size !== undefined && sizer === 'bytes' ? size : Number.POSITIVE_INFINITY,
      ...(size !== undefined && sizer === 'items' ? { maxItems: size } : {}),
      ...(size !== undefined && sizer === 'requests' ? { maxRequests: size } : {}),
      numConsumers: queue.num_consumers,
      overflow: queue.overflow,
      maxAgeMs: queue.max_age,
      batch: batchSettings(queue.batch)
    },
    retry: {
      enabled: retry.enabled,
      initialIntervalMs: retry.initial_interval,
      maxIntervalMs: retry.max_interval,
      multiplier: retry.multiplier,
      randomizationFactor: retry.randomization_factor,
      maxElapsedMs: retry.max_elapsed_time,
      onExpired: retry.on_expired
    }
  }
}

function batchSettings(batch: ExporterSettings['sending_queue']['batch']): ExporterConfig['sendingQueue']['batch'] {
  if (batch === undefined) return { minItems: 0, maxItems: 0, flushTimeoutMs: 0 }
  const { max_size: max, flush_timeout: flushTimeoutMs } = batch
  // A least size that nobody wrote gives way to the most that somebody did.
  const min = max > 0 ? Math.min(batch.min_size, max) : batch.min_size
  if (batch.sizer === 'items') return { minItems: min, maxItems: max, flushTimeoutMs }
  return { minItems: 0, maxItems: 0, flushTimeoutMs, minBytes: min, maxBytes: max }
}

/** `queue.options` of type redis, beside `url`. */
export interface RedisSettings {
  readonly prefix: string
  readonly member?: string
  readonly partitions: number
  readonly leaseMs: number
  readonly waitReplicas: number
  readonly commitTimeoutMs: number
  readonly compression: 'none' | 'deflate' | 'zstd'
  readonly spill?: SpillSettings
}

/** `queue.spill`, where it is enabled. */
export interface SpillSettings {
  readonly path: string
  readonly maxBytes: number
  /** Directories of processes that are no more. */
  readonly abandoned?: readonly string[]
}

export function queueSettings(settings: QueueSettings): QueueConfig {
  if (settings.type === 'redis') {
    const {
      type,
      max_size,
      url,
      prefix,
      member,
      partitions,
      lease,
      wait_replicas,
      commit_timeout,
      compression,
      spill
    } = settings
    const redis: RedisSettings = {
      prefix,
      ...(member === undefined ? {} : { member }),
      partitions,
      leaseMs: lease,
      waitReplicas: wait_replicas,
      commitTimeoutMs: commit_timeout,
      compression,
      ...(spill.enabled ? { spill: { path: spill.path, maxBytes: spill.max_size } } : {})
    }
    return { type, path: '', maxBytes: max_size, options: { url, ...redis } }
  }
  const { type, max_size: maxBytes, ...rest } = settings
  const { path = '', ...options } = rest as { path?: string } & Record<string, unknown>
  return { type, path, maxBytes, options }
}

export function serviceSettings(settings: ServiceSettings, isTerminal: boolean): GatewayConfig['service'] {
  const { level, encoding } = settings.telemetry.logs
  const chosen = encoding === 'auto' ? (isTerminal ? 'text' : 'json') : encoding
  return {
    logs: { level, encoding: chosen === 'json' ? 'json' : 'text' },
    metrics: settings.telemetry.metrics.level !== 'none',
    adminEndpoint: settings.telemetry.admin.endpoint,
    admin: {
      ...(settings.telemetry.admin.token === undefined ? {} : { token: settings.telemetry.admin.token }),
      allowedHosts: settings.telemetry.admin.allowed_hosts
    },
    audit: {
      enabled: settings.audit.enabled,
      ...(settings.audit.path === undefined ? {} : { path: settings.audit.path }),
      retentionMs: settings.audit.retention
    },
    reload: { watch: settings.reload.watch, intervalMs: settings.reload.interval },
    shutdownTimeoutMs: settings.shutdown_timeout,
    workers: settings.workers
  }
}
