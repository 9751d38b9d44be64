// The gateways of one process: the one that takes data, and one without receivers for each part of an embedded queue that
// a process which is no more has left behind. They deliver what is in there and keep its dead letters for people.

import type { GatewayConfig } from '../../core/config/types.js'
import type { Ledger } from '../../core/telemetry/ledger.js'
import { ALONE, abandonedSeats, configOfSeat, type Seat } from '../supervisor/seat.js'
import { combineLedgers, combineWholes } from './admin/combine.js'
import type { Desk } from './admin/desk.js'
import { Counter, StoreDesk } from './admin/desk.js'
import { Gateway, type GatewayOptions, type Obstacle, type WholeLedger } from './app.js'

export interface Member {
  readonly gateway: Gateway
  /** Whose part of the queue it has. */
  readonly seat: number
}

export class GatewayGroup {
  /** The one that takes data first. */
  readonly members: readonly Member[]
  readonly desk: Desk
  readonly #seat: Seat

  /** @param options as for the process's own gateway, with the config as it was read. @throws as Gateway */
  constructor(options: GatewayOptions, seat: Seat = ALONE) {
    const { config } = options
    this.#seat = seat
    const mine = { ...options, config: configOfSeat(config, seat), processes: seat.of }
    const own = { gateway: new Gateway(mine), seat: seat.index }
    const left = abandonedSeats(config, seat).map(abandoned => {
      const log = options.log
      log.info(
        { queue: `worker-${abandoned.index}` },
        'a process that is no more has left a queue: it is delivered here'
      )
      return {
        gateway: new Gateway({ ...options, config: configOfSeat(config, abandoned), role: 'deliver' }),
        seat: abandoned.index
      }
    })
    this.members = [own, ...left]
    this.desk = new Counter(() => this.#desks())
  }

  get main(): Gateway {
    return this.members[0]!.gateway
  }

  /** Those that take no data first: nothing is taken unless all of it can be delivered. */
  async start(): Promise<void> {
    try {
      for (const { gateway } of this.members.toReversed()) await gateway.start()
    } catch (error) {
      await this.stop(0)
      throw error
    }
  }

  async stop(limitMs?: number): Promise<void> {
    await Promise.all(this.members.map(({ gateway }) => gateway.stop(limitMs)))
  }

  /** Goes over to another config, all of them or none. @throws as Gateway.reload */
  async reload(next: GatewayConfig, now: GatewayConfig): Promise<void> {
    const done: Member[] = []
    const configOf = (config: GatewayConfig, { seat }: Member) =>
      configOfSeat(config, seat === this.#seat.index ? this.#seat : { index: seat, of: 1 })
    try {
      for (const member of this.members) {
        await member.gateway.reload(configOf(next, member))
        done.push(member)
      }
    } catch (error) {
      for (const member of done) await member.gateway.reload(configOf(now, member))
      throw error
    }
  }

  obstacles(): readonly Obstacle[] {
    return this.main.obstacles()
  }

  ledger(): Ledger {
    return combineLedgers(this.members.map(({ gateway }) => gateway.ledger()))
  }

  /** Of all gateways that share the queue, here or elsewhere. */
  async wholeLedger(): Promise<WholeLedger> {
    return combineWholes(await Promise.all(this.members.map(({ gateway }) => gateway.wholeLedger())))
  }

  #desks(): Desk[] {
    return this.members.map(
      ({ gateway, seat }) =>
        new StoreDesk(
          gateway.deadLetters,
          () => [...gateway.deliveries.keys()],
          seat,
          work => gateway.exclusively(work)
        )
    )
  }
}
