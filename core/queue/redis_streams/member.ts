// The name of a process among the gateways of a log: nobody else has it while it lives. Its totals go on under it after a restart.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { queueErrors } from '../errors.js'
import type { Store } from './store.js'

const MOST_ON_A_HOST = 1000
const ASK_AGAIN_MS = 100
/** Instances of this process: their pid alone does not tell them from a dead one that had it before. */
const here = new Set<string>()

/** A new instance's mark: `host pid id`. */
export function newInstance(): string {
  const instance = `${hostname()} ${process.pid} ${randomUUID()}`
  here.add(instance)
  return instance
}

export function endInstance(instance: string): void {
  here.delete(instance)
}

/**
 * Takes `wanted`, waiting for a dead holder's lease to end, or the first of this host's names that is free. The name of a
 * process of this host that is gone is free at once.
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
      if (await take(store, name, instance, leaseMs)) return name
    }
    throw queueErrors.QUEUE_MEMBER_IN_USE(`${hostname()}-${MOST_ON_A_HOST}`, store.where)
  }
  const deadline = performance.now() + leaseMs * 1.2
  while (!(await take(store, wanted, instance, leaseMs))) {
    if (performance.now() > deadline) throw queueErrors.QUEUE_MEMBER_IN_USE(wanted, store.where)
    await new Promise(done => setTimeout(done, ASK_AGAIN_MS))
  }
  return wanted
}

async function take(store: Store, name: string, instance: string, leaseMs: number): Promise<boolean> {
  const holder = await store.takeName(name, instance, '', leaseMs)
  if (holder === instance) return true
  return isGone(holder) && (await store.takeName(name, instance, holder, leaseMs)) === instance
}

/** Whether it was a process of this host that is no more. A frozen one is not gone. */
function isGone(instance: string): boolean {
  const [host, pid] = instance.split(' ')
  if (host !== hostname() || here.has(instance)) return false
  if (Number(pid) === process.pid) return true
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
