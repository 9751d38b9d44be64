// Runs the fleet against a gateway: plays simulated time, sends what it brings, shows the summary, keeps the truth.

import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EncodeOptions, encode } from './encode.js'
import { Fleet, TICK_MS } from './fleet.js'
import { type GatewayView, viewGateway } from './gateway-view.js'
import { type LocalGateway, startLocalGateway } from './local-gateway.js'
import type { Options } from './options.js'
import { Random } from './random.js'
import { type Screen, screenFor, type Terminal } from './screen.js'
import { Sender } from './sender.js'
import { progress, type State, summary } from './summary.js'
import { obstacle, openTransport } from './transport.js'
import { Truth } from './truth.js'
import { workflows } from './workflows.js'

export interface Shell {
  readonly terminal: Terminal
  err(text: string): void
  /** Aborted when the user wants it to end. */
  readonly stop: AbortSignal
}

const SHOW_EVERY_MS = 500
const LOOK_EVERY_MS = 2000
/** At the end: so long without any answer, and it gives up. */
const DRAIN_MS = 30_000
/** The demo's own gateway gets so long to deliver what it took. */
const SETTLE_MS = 15_000
/** Runs under way at the end take at most about so long: faster than time, it starts so much earlier. */
const LONGEST_RUN_MS = 120_000
const BASE36 = 36

/** Runs it to its end; the exit code: 0 when everything sent was taken. */
export async function demo(options: Options, shell: Shell): Promise<number> {
  const local = options.isStarting ? await startLocalGateway(shell) : undefined
  if (options.isStarting && local === undefined) return 1
  try {
    return await against({ ...options, ...(local?.addresses ?? {}) }, shell, local)
  } finally {
    await local?.stop()
  }
}

async function against(options: Options, shell: Shell, local: LocalGateway | undefined): Promise<number> {
  const transport = await openTransport(options)
  try {
    const why = await obstacle(transport, options.endpoints.join(', '))
    if (why !== undefined) {
      shell.err(`${why}\n`)
      return 1
    }
    const run = new DemoRun(options, transport, shell)
    const code = await run.toTheEnd(local === undefined ? 0 : SETTLE_MS)
    if (local !== undefined) shell.terminal.write(`\n${local.leftBehind}\n`)
    return code
  } finally {
    await transport.stop()
  }
}

class DemoRun {
  readonly #o: Options
  readonly #shell: Shell
  readonly #screen: Screen
  readonly #truth = new Truth()
  readonly #fleet: Fleet
  readonly #sender: Sender
  readonly #encoding: EncodeOptions
  readonly #startMs: number
  #gateway: GatewayView | string | undefined

  constructor(options: Options, transport: ConstructorParameters<typeof Sender>[0]['transport'], shell: Shell) {
    const { seed, rate, workers, chances, executions, duplicate } = options
    this.#o = options
    this.#shell = shell
    this.#screen = screenFor(shell.terminal, () => performance.now())
    this.#startMs = options.fromMs ?? startOf(options, Date.now())
    const fleet = {
      seed,
      rate,
      workers,
      chances,
      workflows: workflows(options.workflows),
      startMs: this.#startMs,
      ...(executions === undefined ? {} : { executions })
    }
    this.#fleet = new Fleet(fleet)
    this.#encoding = { prefix: options.prefix, startMs: this.#startMs, fleet: `demo-${seed.toString(BASE36)}` }
    const twice = new Random(seed, 'duplicates')
    this.#sender = new Sender({
      transport,
      sendTwice: () => twice.chance(duplicate),
      wait: async (ms, signal) => void (await sleep(ms, undefined, { signal }).catch(() => undefined)),
      now: () => performance.now()
    })
  }

  /** @param settleMs how long to wait for the gateway to deliver what it took */
  async toTheEnd(settleMs: number): Promise<number> {
    const over = new AbortController()
    const watching = Promise.all([this.#every(LOOK_EVERY_MS, over.signal, () => this.#look()), this.#draw(over.signal)])
    await this.#play()
    const left = await this.#sender.drain(this.#shell.stop.aborted ? DRAIN_MS / 3 : DRAIN_MS)
    over.abort()
    await watching
    await this.#sender.stop()
    await this.#settled(settleMs)
    this.#screen.end([...summary(this.#state()), '', this.#words(left)])
    if (this.#o.truth !== undefined) {
      await writeFile(this.#o.truth, `${JSON.stringify(this.#truth.file(this.#o.seed), null, 2)}\n`)
    }
    return left === 0 && this.#lost() === 0 ? 0 : 1
  }

  /** Second after second, as fast as `speed` says and the gateway takes it, until all runs are over or it is told to stop. */
  async #play(): Promise<void> {
    const { speed, seconds = Number.POSITIVE_INFINITY } = this.#o
    const { stop } = this.#shell
    const begin = performance.now()
    while (!this.#fleet.isDone && !stop.aborted) {
      const played = this.#fleet.nowMs - this.#startMs
      if (played >= seconds * 1000) this.#fleet.close()
      const dueMs = begin + (played + TICK_MS) / speed - performance.now()
      if (dueMs > 0) await sleep(dueMs, undefined, { signal: stop }).catch(() => undefined)
      if (stop.aborted) return
      for (const message of this.#fleet.tick()) {
        this.#truth.note(message)
        await this.#sender.put(encode(message, this.#encoding))
      }
    }
  }

  async #draw(over: AbortSignal): Promise<void> {
    await this.#every(SHOW_EVERY_MS, over, async () => {
      const state = this.#state()
      this.#screen.show(
        () => summary(state),
        () => progress(state)
      )
    })
  }

  async #every(ms: number, over: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!over.aborted) {
      await work()
      await sleep(ms, undefined, { signal: over }).catch(() => undefined)
    }
  }

  async #look(): Promise<void> {
    if (this.#o.admin !== undefined) this.#gateway = await viewGateway(this.#o.admin)
  }

  /** Looks until nothing waits in the gateway any more. */
  async #settled(withinMs: number): Promise<void> {
    const end = performance.now() + withinMs
    do {
      await this.#look()
      const seen = this.#gateway
      if (seen === undefined || typeof seen === 'string') return
      if (seen.exporters.every(({ waiting }) => waiting === 0)) return
      await sleep(Math.min(SHOW_EVERY_MS, Math.max(0, end - performance.now())))
    } while (performance.now() < end && !this.#shell.stop.aborted)
  }

  #lost(): number {
    return Object.values(this.#sender.figures).reduce((sum, { rejected, refused }) => sum + rejected + refused, 0)
  }

  #words(left: number): string {
    if (left > 0) return `Stopped with ${left} requests that the gateway did not take: ${this.#sender.lastError}`
    if (this.#lost() > 0) return `The gateway refused ${this.#lost()} items: ${this.#sender.lastRefusal}`
    return 'The gateway took everything.'
  }

  #state(): State {
    return {
      seed: this.#o.seed,
      workers: this.#o.workers,
      seconds: (this.#fleet.nowMs - this.#startMs) / 1000,
      started: this.#fleet.started,
      running: this.#fleet.running,
      truth: this.#truth,
      sender: this.#sender,
      gateway: this.#gateway,
      admin: this.#o.admin
    }
  }
}

/** Faster than time it begins in the past, so that it ends now and no span comes from the future. */
function startOf({ speed, seconds, executions, rate }: Options, now: number): number {
  if (speed <= 1) return now
  const lasting = (seconds ?? (executions ?? 0) / rate) * 1000 + LONGEST_RUN_MS
  return Math.round(now - lasting * (1 - 1 / speed))
}
