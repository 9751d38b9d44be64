// The checked configuration: what core/config hands to services. Everything has its defaults, every name resolves.

import type { Signal } from '../otlp/signal.js'
import type { Secret } from './secret.js'

/** One configured component: `redaction/strict` has type `redaction`. */
export interface ComponentConfig {
  readonly id: string
  readonly type: string
  /** Checked against the component's schema, defaults filled in. Exporters: without the common keys below. */
  readonly config: unknown
}

/** `retry_on_failure`, as in the Collector. Times in milliseconds. */
export interface RetryConfig {
  readonly enabled: boolean
  readonly initialIntervalMs: number
  readonly maxIntervalMs: number
  readonly multiplier: number
  readonly randomizationFactor: number
  /** 0 = for ever. */
  readonly maxElapsedMs: number
  /** What becomes of a request whose time is up. Default: dead letter, so that nothing accepted is lost silently. */
  readonly onExpired?: 'dead_letter' | 'drop'
}

/** `sending_queue`, as in the Collector: how much may wait for this exporter and how it is grouped into requests. */
export interface SendingQueueConfig {
  /** Bytes that may wait for this exporter in the log; Infinity = as much as the log holds. */
  readonly maxBytes: number
  /** Items (`sizer: items`) or log entries (`sizer: requests`) that may wait, where the file bounds the queue so. */
  readonly maxItems?: number
  readonly maxRequests?: number
  /** Requests in flight at once. */
  readonly numConsumers: number
  /** What happens when `maxBytes` wait: refuse senders, or drop (counted) the oldest or the newest. */
  readonly overflow: 'block' | 'drop_oldest' | 'drop_newest'
  /** Entries older than this are dropped (counted) instead of sent. Default and 0: never. */
  readonly maxAgeMs?: number
  /** Items a request should hold at least / at most, and how long to wait for the least. 0 = whatever is there. */
  readonly batch: {
    readonly minItems: number
    readonly maxItems: number
    readonly flushTimeoutMs: number
    /** The same in bytes, where the file says `sizer: bytes`. */
    readonly minBytes?: number
    readonly maxBytes?: number
  }
}

export interface ExporterConfig extends ComponentConfig {
  readonly sendingQueue: SendingQueueConfig
  readonly retry: RetryConfig
  /** Payload bytes of dead letters kept at most; the oldest go first. Default: no limit but that of parking. */
  readonly deadLetterBytes?: number
  /** Limit of one attempt. */
  readonly timeoutMs: number
}

/** A pipeline `traces` or `traces/audit`: its id is also the stream's name in the log. */
export interface PipelineConfig {
  readonly id: string
  readonly signal: Signal
  readonly receivers: readonly string[]
  readonly processors: readonly string[]
  readonly exporters: readonly string[]
}

export interface QueueConfig {
  readonly type: 'embedded' | 'memory' | 'redis'
  /** Directory of the embedded store. */
  readonly path: string
  /** Payload bytes the log may hold. */
  readonly maxBytes: number
  /** Settings of other types, checked. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface GatewayConfig {
  readonly receivers: ReadonlyMap<string, ComponentConfig>
  readonly processors: ReadonlyMap<string, ComponentConfig>
  readonly exporters: ReadonlyMap<string, ExporterConfig>
  readonly pipelines: readonly PipelineConfig[]
  readonly queue: QueueConfig
  /** How long data that the gateway keeps for people (dead letters, local store) lives. */
  readonly retentionMs: number
  readonly service: {
    readonly logs: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly encoding: 'json' | 'text' }
    /** False: `/metrics` is not served. */
    readonly metrics: boolean
    /** host:port of health, metrics and admin. */
    readonly adminEndpoint: string
    readonly admin: {
      /** What changes and contents are asked with; undefined: changes from this machine only. */
      readonly token?: Secret
      readonly allowedHosts: readonly string[]
    }
    readonly audit: { readonly enabled: boolean; readonly path?: string; readonly retentionMs: number }
    readonly reload: { readonly watch: boolean; readonly intervalMs: number }
    /** Longest time a stop may take before it gives up waiting for exporters (everything stays in the queue). */
    readonly shutdownTimeoutMs: number
    /** Processes on this machine that share the ports; `auto`: one a core. */
    readonly workers: number | 'auto'
  }
}
