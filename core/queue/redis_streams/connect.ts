// From an address to a client, and from a client's error to the queue's own. One server, Sentinel and Cluster, plain or TLS:
//   redis://user:password@host:6379/0      rediss://...                    redis+cluster://h1:7000,h2:7001 (rediss+cluster://)
//   redis+sentinel://user:password@h1:26379,h2:26379/name/0 (rediss+sentinel://; sentinels use the same credentials only
//   with ?sentinel_auth=1)
import { createRequire } from 'node:module'
import type * as Ioredis from 'ioredis'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { CodedError } from '../../component/errors.js'
import { queueErrors } from '../errors.js'

export type Client = Redis | Cluster

export interface Address {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly username?: string
  readonly password?: string
  readonly db: number
  readonly isTls: boolean
  /** Name of the master, with Sentinel. */
  readonly name: string
  readonly hasSentinelAuth: boolean
  /** The address without credentials, for people. */
  readonly text: string
}

const ADDRESS = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/
const LONGEST_WAIT_MS = 2000
/** Loaded by the first client: a gateway without Redis starts without it. */
const load = createRequire(import.meta.url)

/** @throws QUEUE_REDIS_SETUP when it is no address of Redis. */
export function parseAddress(url: string): Address {
  const [, scheme, kind = 'single', auth, hosts = '', path = '', query = ''] = ADDRESS.exec(url.trim()) ?? []
  const list = hosts.split(',').map(host => hostOf(host, kind === 'sentinel' ? 26379 : 6379))
  const parts = path.split('/').filter(part => part !== '')
  const name = kind === 'sentinel' ? (parts.shift() ?? '') : ''
  const db = Number(parts[0] ?? '0')
  if (
    scheme === undefined ||
    list.includes(undefined) ||
    !Number.isInteger(db) ||
    (kind === 'sentinel' && name === '')
  ) {
    const forms =
      'redis://host:6379/0, rediss://..., redis+sentinel://h1,h2/master-name, redis+cluster://h1:7000,h2:7001'
    throw queueErrors.QUEUE_REDIS_SETUP('queue.url', `the address is none of ${forms}`)
  }
  const [user, password] = credentials(auth)
  return {
    kind: kind as Address['kind'],
    hosts: list as Address['hosts'],
    ...(user ? { username: user } : {}),
    ...(password ? { password } : {}),
    db,
    isTls: scheme === 'rediss',
    name,
    hasSentinelAuth: new URLSearchParams(query).get('sentinel_auth') === '1',
    text: `${hosts}${path === '' ? '' : `/${path}`}`
  }
}

/**
 * A client that is not connected yet and reconnects by itself. Commands are refused while there is no connection and fail when it
 * breaks: who sends one knows that its fate is open.
 */
export function createClient(address: Address): Client {
  const ioredis = load('ioredis') as typeof Ioredis
  const { kind, hosts, db, name } = address
  const auth = {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.isTls ? { tls: {} } : {})
  }
  const options: RedisOptions = {
    ...auth,
    db,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 5000,
    keepAlive: 10_000,
    noDelay: true,
    disableClientInfo: true,
    retryStrategy: tries => waitMs(tries),
    // A replica after a failover: the address leads to the new master by now.
    reconnectOnError: error => /^READONLY/.test(error.message)
  }
  if (kind === 'cluster') {
    return new ioredis.Cluster([...hosts], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: tries => waitMs(tries),
      slotsRefreshTimeout: 3000,
      redisOptions: { ...auth, connectTimeout: 5000, maxRetriesPerRequest: 0, noDelay: true, disableClientInfo: true }
    })
  }
  if (kind === 'sentinel') {
    const { password, username } = address
    const sentinelAuth = address.hasSentinelAuth
      ? { ...(username ? { sentinelUsername: username } : {}), ...(password ? { sentinelPassword: password } : {}) }
      : {}
    const tls = address.isTls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}
    return new ioredis.Redis({ ...options, ...sentinelAuth, ...tls, sentinels: [...hosts], name })
  }
  return new ioredis.Redis({ ...options, host: hosts[0]!.host, port: hosts[0]!.port })
}

/** Whether Redis itself answered so, which means that nothing was changed. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** The queue's own error when there was no connection to begin with. */
export function notReached(error: unknown, where: string, limitMs: number): CodedError {
  const message = error instanceof Error ? error.message : 'no answer'
  const made = queueErrors.QUEUE_NOT_REACHED(where, wordOf(error, message), Math.ceil(limitMs / 1000))
  made.cause = error
  return made
}

/** The queue's own error for what a client threw. */
export function fromRedis(error: unknown, where: string): CodedError {
  if (error instanceof CodedError) return error
  const message = error instanceof Error ? error.message : 'unknown error'
  const made = /\bOOM\b/.test(message)
    ? queueErrors.QUEUE_REDIS_MEMORY(where)
    : /^EMPTIED\b/.test(message)
      ? queueErrors.QUEUE_REDIS_EMPTIED(where)
      : queueErrors.QUEUE_UNAVAILABLE(where, wordOf(error, message))
  made.cause = error
  return made
}

/** The first word of Redis' answer (`READONLY`, `BUSY`) or the code of the system (`ECONNREFUSED`): never a value. */
function wordOf(error: unknown, message: string): string {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string') return code
  const word = /^[A-Z]{3,}\b/.exec(message)?.[0]
  return word ?? (isAnswer(error) ? 'error answer' : 'no connection')
}

function waitMs(tries: number): number {
  return Math.min(LONGEST_WAIT_MS, 50 * 2 ** Math.min(tries, 8)) * (0.5 + Math.random() / 2)
}

function credentials(auth: string | undefined): readonly [string, string] {
  if (auth === undefined) return ['', '']
  const at = auth.indexOf(':')
  // `redis://secret@host` has always meant a password.
  if (at < 0) return ['', decodeURIComponent(auth)]
  return [decodeURIComponent(auth.slice(0, at)), decodeURIComponent(auth.slice(at + 1))]
}

function hostOf(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const [, six, four, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? []
  const host = six ?? four
  return host === undefined ? undefined : { host, port: port === undefined ? defaultPort : Number(port) }
}
