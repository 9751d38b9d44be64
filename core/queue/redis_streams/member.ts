// The name of a process among the gateways of a log: nobody else has it while it lives.
import { hostname } from 'node:os'
import { queueErrors } from '../errors.js'
import type { Store } from './store.js'

const MOST_ON_A_HOST = 1000
const ASK_AGAIN_MS = 100

/**
 * Takes `wanted`, waiting for a dead holder's lease to end, or the first free one of this host's names.
 * @throws QUEUE_MEMBER_IN_USE
 */
export async function joinAs(
  store: Store,
  wanted: string | undefined,
  instance: string,
  leaseMs: number
): Promise<string> {
  if (wanted === undefined) {
    for (let n = 1; n <= MOST_ON_A_HOST; n++) {
      const name = `${hostname()}-${n}`
      if ((await store.takeName(name, instance, leaseMs)) === undefined) return name
    }
    throw queueErrors.QUEUE_MEMBER_IN_USE(`${hostname()}-${MOST_ON_A_HOST}`, store.where)
  }
  const deadline = performance.now() + leaseMs * 1.2
  while ((await store.takeName(wanted, instance, leaseMs)) !== undefined) {
    if (performance.now() > deadline) throw queueErrors.QUEUE_MEMBER_IN_USE(wanted, store.where)
    await new Promise(done => setTimeout(done, ASK_AGAIN_MS))
  }
  return wanted
}
