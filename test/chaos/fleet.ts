// Gateway processes behind a client that takes them in turn, and what can happen to them.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayProcess } from '../helpers/gateway-process.js'

/** A load balancer finds out that a gateway does not answer. */
const NOTICED_MS = 700

export class Fleet {
  readonly gateways: GatewayProcess[] = []
  /** All that ever ran. */
  readonly all: GatewayProcess[] = []
  readonly #dir: string
  readonly #config: object
  #turn = 0

  constructor(dir: string, config: object) {
    this.#dir = dir
    this.#config = config
  }

  next(): string | undefined {
    return this.gateways.length === 0 ? undefined : this.gateways[this.#turn++ % this.gateways.length]!.http
  }

  async start(): Promise<void> {
    const cwd = join(this.#dir, `gateway-${this.all.length + 1}`)
    mkdirSync(cwd)
    const gateway = new GatewayProcess({ cwd, config: this.#config })
    this.all.push(gateway)
    this.gateways.push(await gateway.ready())
  }

  /** Takes one out of the turn. */
  remove(gateway: GatewayProcess): void {
    const at = this.gateways.indexOf(gateway)
    if (at >= 0) this.gateways.splice(at, 1)
  }

  add(gateway: GatewayProcess): void {
    this.gateways.push(gateway)
  }

  async end(): Promise<void> {
    for (const gateway of this.all) {
      gateway.kill('SIGCONT')
      gateway.kill('SIGKILL')
    }
    await Promise.all(this.all.map(({ ended }) => ended))
  }
}

export async function together(all: readonly Promise<void>[]): Promise<void> {
  await Promise.all(all)
}

export async function killOne(fleet: Fleet): Promise<void> {
  const victim = fleet.gateways[0]!
  victim.kill('SIGKILL')
  await victim.ended
  fleet.remove(victim)
  await fleet.start()
}

/** Its lease runs out and others deliver what it had; woken, it may not write what is theirs. */
export async function freezeOne(fleet: Fleet, forMs: number): Promise<void> {
  const victim = fleet.gateways[0]!
  victim.kill('SIGSTOP')
  await sleep(NOTICED_MS)
  fleet.remove(victim)
  await sleep(forMs)
  victim.kill('SIGCONT')
  fleet.add(victim)
}

export async function stopOne(fleet: Fleet): Promise<void> {
  const victim = fleet.gateways[0]!
  fleet.remove(victim)
  await victim.stop()
}
