// Rates of all gateways of a log, in Redis: each one writes its own every two seconds and reads the sum.

import { randomUUID } from 'node:crypto'
import type { Clock, SharedRates } from '../../component/context.js'
import { RateParts } from '../../component/rate-parts.js'
import { type Client, createClient, parseAddress } from './connect.js'

export interface RedisRatesOptions {
  readonly url: string
  readonly prefix: string
  readonly clock: Clock
  /** False: it takes no data, so it is one of the gateways only once it has seen a rate. Default true. */
  readonly takesData?: boolean
  /** Told once when the others cannot be reached, and once when they can be again. */
  readonly onNote?: (level: 'info' | 'warn', text: string) => void
}

/** How often rates are exchanged, and how long one counts that is not renewed, milliseconds. */
const EVERY_MS = 2000
const FRESH_MS = 3 * EVERY_MS

/**
 * KEYS  hash: gateway -> "time rate". ARGV  gateway, rate ("" writes none), milliseconds that a rate counts.
 * Writes the gateway's rate and forgets what is too old, by Redis' own clock. Gives "total gateways".
 */
const EXCHANGE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now, ARGV[2])) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all = redis.call('HGETALL', KEYS[1])
local total, gateways = 0, 0
for i = 1, #all, 2 do
  local at, rate = string.match(all[i + 1], '^(%d+) (.+)$')
  if at and now - tonumber(at) <= tonumber(ARGV[3]) then
    total = total + tonumber(rate)
    gateways = gateways + 1
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
return string.format('%.6f %d', total, gateways)
`

export class RedisRates implements SharedRates {
  readonly #options: RedisRatesOptions
  readonly #parts = new RateParts(FRESH_MS)
  readonly #gateway = randomUUID()
  readonly #written = new Set<string>()
  #client: Client | undefined
  #timer: { cancel(): void } | undefined
  #exchanging: Promise<void> | undefined
  #isAway = false

  constructor(options: RedisRatesOptions) {
    this.#options = options
  }

  part(name: string, rate: number): number {
    return this.#parts.part(name, rate, this.#options.clock.now())
  }

  /** Begins to exchange; needs no answer of Redis. */
  start(): void {
    this.#client = createClient(parseAddress(this.#options.url))
    this.#client.on('error', () => {})
    this.#client.connect().catch(() => {})
    this.#arm()
  }

  /** Says goodbye, so that the others need not wait for this gateway's rates to grow old. Safe twice, safe without start. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#exchanging
    const client = this.#client
    this.#client = undefined
    if (client?.status === 'ready') {
      const gone = [...this.#parts.rates.keys()].map(name => client.hdel(this.#key(name), this.#gateway))
      await Promise.allSettled(gone)
    }
    client?.disconnect()
  }

  /** Writes and reads all rates now. For tests, and by the timer. */
  exchange(): Promise<void> {
    this.#exchanging ??= this.#exchange().finally(() => {
      this.#exchanging = undefined
    })
    return this.#exchanging
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(EVERY_MS, () => {
      void this.exchange()
      this.#arm()
    })
  }

  async #exchange(): Promise<void> {
    try {
      for (const [name, own] of this.#parts.rates) await this.#exchangeOne(name, own)
      if (this.#isAway) this.#options.onNote?.('info', 'rates are shared among gateways again')
      this.#isAway = false
    } catch {
      const says = 'rates cannot be shared among gateways now: each takes an equal part of the target'
      if (!this.#isAway) this.#options.onNote?.('warn', says)
      this.#isAway = true
    }
  }

  async #exchangeOne(name: string, own: number): Promise<void> {
    if (own > 0 || this.#options.takesData !== false) this.#written.add(name)
    const rate = this.#written.has(name) ? own.toFixed(6) : ''
    const args = [this.#key(name), this.#gateway, rate, FRESH_MS]
    const answer = String(await this.#client?.eval(EXCHANGE, 1, ...args))
    const [total, gateways] = answer.split(' ').map(Number)
    if (total === undefined || gateways === undefined) return
    this.#parts.heard(name, { own, total, gateways }, this.#options.clock.now())
  }

  #key(name: string): string {
    return `{${this.#options.prefix}}:rate:${name}`
  }
}
