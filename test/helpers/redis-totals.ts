// The ledger of all gateways that share a Redis: the sum of what each one that ever was committed.
import type { Redis } from 'ioredis'

export async function redisTotals(client: Redis, prefix: string): Promise<Map<string, number>> {
  const totals = new Map<string, number>()
  for (const key of await client.keys(`{${prefix}}:counts:*`)) {
    for (const [name, n] of Object.entries(await client.hgetall(key)))
      totals.set(name, (totals.get(name) ?? 0) + Number(n))
  }
  return totals
}
