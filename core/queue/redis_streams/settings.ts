// What a log on Redis can be told.
import type { Compression } from './codec.js'

export interface RedisLogOptions {
  /** `redis://`, `rediss://`, `redis+sentinel://`, `redis+cluster://` (connect.ts). */
  readonly url: string
  /** First part of every key; one log each. Default `algoflow`. */
  readonly prefix?: string
  /** Payload bytes the log holds at most, over all partitions. */
  readonly maxBytes: number
  /** Name of this process among the gateways of the log. Default: host name and a number. */
  readonly member?: string
  /** Counts when the log is first used; later the log's own number wins. Default 8. */
  readonly partitions?: number
  /** Whether this process takes partitions; without any it appends and reads nothing. Default true. */
  readonly takesPartitions?: boolean
  /** After this long without a sign of life others take over, milliseconds. Default 10,000. */
  readonly leaseMs?: number
  /** Replicas that must have an append before its commit resolves. Default 0. */
  readonly waitReplicas?: number
  /** An append that is not written by then is refused, milliseconds. Default 10,000. */
  readonly commitTimeoutMs?: number
  /** How payloads are kept in Redis (codec.ts). Default none. */
  readonly compression?: Compression
  /** Payloads of own appends kept in memory. Default 64 MiB. */
  readonly tailBytes?: number
  /** Payloads fetched ahead of each cursor. Default 8 MiB. */
  readonly windowBytes?: number
  /** Default: this machine's clock, put right by that of Redis. */
  readonly now?: () => number
  /** Told what an operator should know. */
  readonly onNote?: (level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, unknown>>, text: string) => void
}

const DEFAULTS = {
  prefix: 'algoflow',
  partitions: 8,
  takesPartitions: true,
  leaseMs: 10_000,
  waitReplicas: 0,
  commitTimeoutMs: 10_000,
  compression: 'none' as Compression,
  tailBytes: 64 << 20,
  windowBytes: 8 << 20
}

export type Settings = RedisLogOptions & typeof DEFAULTS

/** The options with their defaults; an undefined one is absent. */
export function settingsOf(options: RedisLogOptions): Settings {
  return {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  } as Settings
}

export type Note = NonNullable<RedisLogOptions['onNote']>
