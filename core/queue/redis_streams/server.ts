// What a Redis promises with its present settings, checked at start and told: the sender's OK is worth just that.
import { queueErrors } from '../errors.js'
import type { Store } from './store.js'

export interface Durability {
  /** `always`, `everysec`, `no`; `off` without an append-only file; `unknown` when the server does not tell. */
  readonly appendFsync: 'always' | 'everysec' | 'no' | 'off' | 'unknown'
  readonly waitReplicas: number
  readonly says: string
}

type Note = (level: 'info' | 'warn' | 'error', fields: Readonly<Record<string, unknown>>, text: string) => void

const SAYS = {
  always: 'an OK means written and flushed to the disk of Redis: it survives power loss',
  everysec:
    'an OK means written by Redis, flushed within a second: it survives a crash of Redis while its disk keeps up; power loss may take a second',
  no: 'an OK means written by Redis, flushed when its system likes: power loss may take up to half a minute',
  off: 'an OK means in the memory of Redis: a restart of Redis loses what waits. Set `appendonly yes`',
  unknown: 'Redis does not tell its persistence settings (CONFIG GET refused): check appendonly and appendfsync there'
} as const

/** @throws QUEUE_REDIS_SETUP when Redis may throw entries of the queue away. */
export async function checkServer(
  store: Store,
  options: { readonly waitReplicas: number },
  note: Note
): Promise<Durability> {
  const settings = await store.settings('appendonly', 'appendfsync', 'maxmemory', 'maxmemory-policy')
  const policy = settings.get('maxmemory-policy')
  if (policy?.startsWith('allkeys') && settings.get('maxmemory') !== '0') {
    throw queueErrors.QUEUE_REDIS_SETUP(
      store.where,
      `maxmemory-policy ${policy} throws away what waits for delivery. Set maxmemory-policy noeviction`
    )
  }
  if (options.waitReplicas > 0 && store.isCluster) {
    throw queueErrors.QUEUE_REDIS_SETUP(
      store.where,
      'wait_replicas works with one server or Sentinel, not with Cluster. Leave it out, or use Sentinel'
    )
  }
  const appendFsync = fsyncOf(settings)
  const { waitReplicas } = options
  const replicas = waitReplicas > 0 ? `; and ${waitReplicas} replica(s) have it in memory` : ''
  const durability = { appendFsync, waitReplicas, says: SAYS[appendFsync] + replicas }
  const isWeak = appendFsync === 'off' || appendFsync === 'no' || appendFsync === 'unknown'
  note(
    isWeak ? 'warn' : 'info',
    { redis: store.where, appendfsync: appendFsync, wait_replicas: waitReplicas },
    durability.says
  )
  return durability
}

function fsyncOf(settings: ReadonlyMap<string, string>): Durability['appendFsync'] {
  const isOn = settings.get('appendonly')
  if (isOn === undefined) return 'unknown'
  if (isOn === 'no') return 'off'
  const fsync = settings.get('appendfsync')
  return fsync === 'always' || fsync === 'everysec' || fsync === 'no' ? fsync : 'unknown'
}
