// A real Redis Cluster of three masters on loopback, made with redis-cli.
import { execFileSync } from 'node:child_process'
import { type RedisServer, startRedis } from './redis.js'

export interface RedisCluster {
  readonly url: string
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

/** @throws with the words of redis-cli when the cluster does not come up. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = []
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map(node => node.stop())))
  try {
    for (let i = 0; i < 3; i++)
      nodes.push(await startRedis(['--cluster-enabled', 'yes'], { below: CLUSTER_PORTS_BELOW }))
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
    const create = ['--cluster', 'create', ...hosts, '--cluster-replicas', '0', '--cluster-yes']
    execFileSync('redis-cli', create, { stdio: 'pipe', timeout: 30_000 })
    return { url: `redis+cluster://${hosts.join(',')}`, nodes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The bus of a node has its port + 10000. */
const CLUSTER_PORTS_BELOW = 55_536
