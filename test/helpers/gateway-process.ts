// The gateway as people run it: `node . start --config FILE` in a process of its own, on free ports, in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Ledger } from '../../core/telemetry/ledger.js'

/** The CLI, as package.json's `main`. */
export const GATEWAY = fileURLToPath(new URL('../../services/ctl/main.js', import.meta.url))
const READY_MS = 60_000
const POLL_MS = 50

export interface GatewayStart {
  /** Where it runs and its config file goes. */
  readonly cwd: string
  /** The config, written as a file; left out: no `--config`. Text is written as it is. */
  readonly config?: object | string
  /** Default `start`. */
  readonly command?: 'start' | 'worker'
  /** More arguments behind the command. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArgs?: readonly string[]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One line of its log. */
export type LogLine = { readonly [key: string]: unknown; readonly msg?: string; readonly level?: string }

/** Listens on free loopback ports; goes under `receivers`. */
export const OTLP_RECEIVER = {
  otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } }
}
/** Free port for the admin endpoint; goes under `service`. */
export const TELEMETRY = { admin: { endpoint: '127.0.0.1:0' }, logs: { encoding: 'json' } }

/** Sections of a config with free ports; `over` replaces or adds sections, `service` is merged. */
export function gatewayConfig(over: { readonly service?: object; readonly [section: string]: unknown }): object {
  const { service, ...sections } = over
  return {
    receivers: OTLP_RECEIVER,
    processors: {},
    queue: { type: 'embedded', path: './data/queue' },
    ...sections,
    service: { telemetry: TELEMETRY, ...service }
  }
}

/** An exporter to a sink that tries again soon. */
export function toSink(url: string, more: object = {}): object {
  return {
    endpoint: url,
    timeout: '2s',
    retry_on_failure: { initial_interval: '50ms', max_interval: '200ms' },
    ...more
  }
}

export class GatewayProcess {
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''
  readonly ended: Promise<Ended>
  /** `http://host:port` of OTLP/HTTP, gRPC's `host:port`, and the admin endpoint; empty until ready. */
  http = ''
  grpc = ''
  admin = ''

  constructor({ cwd, config, command = 'start', args = [], env = {}, nodeArgs = [] }: GatewayStart) {
    const file: string[] = []
    if (config !== undefined) {
      const path = join(cwd, 'gateway.yaml')
      // JSON is YAML.
      writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config, null, 2))
      file.push('--config', path)
    }
    this.#child = spawn(process.execPath, [...nodeArgs, GATEWAY, command, ...file, ...args], {
      cwd,
      env: { ...withoutNodeOptions(), ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#child.stdout!.setEncoding('utf8').on('data', text => {
      this.#stdout += text
    })
    this.#child.stderr!.setEncoding('utf8').on('data', text => {
      this.#stderr += text
    })
    this.ended = new Promise(resolve => this.#child.once('close', (code, signal) => resolve({ code, signal })))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Everything it printed. */
  get output(): string {
    return this.#stdout + this.#stderr
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Its log lines, on whatever stream. */
  get log(): LogLine[] {
    return this.output.split('\n').flatMap(line => {
      if (!line.startsWith('{')) return []
      try {
        return [JSON.parse(line) as LogLine]
      } catch {
        return []
      }
    })
  }

  /** Waits for its word that it is ready, and reads the addresses. @throws with its output when it ends before. */
  async ready(): Promise<this> {
    const line = await until(
      'the gateway to be ready',
      () => {
        if (!this.isRunning) throw new Error(`the gateway ended before it was ready:\n${this.output}`)
        return this.log.find(l => l.msg === 'ready')
      },
      READY_MS
    )
    const taking = this.log.find(l => l.msg === 'taking OTLP')
    this.admin = String(line['admin'])
    this.http = taking?.['http'] === undefined ? '' : `http://${taking['http']}`
    this.grpc = String(taking?.['grpc'] ?? '')
    return this
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Asks it to stop and waits. */
  async stop(): Promise<Ended> {
    if (this.isRunning) this.#child.kill('SIGTERM')
    return this.ended
  }

  async ledger(): Promise<Ledger> {
    return JSON.parse(await this.page('/ledger')) as Ledger
  }

  async metrics(): Promise<string> {
    return this.page('/metrics')
  }

  /** Text of an admin page, whatever its status. */
  async page(path: string): Promise<string> {
    const response = await fetch(`${this.admin}${path}`, { signal: AbortSignal.timeout(10_000) })
    return response.text()
  }

  /** The ledger once nothing waits for `exporter` (all exporters without). */
  async drained(exporter?: string, withinMs = 30_000): Promise<Ledger> {
    return until(
      `${exporter ?? 'every exporter'} to have nothing waiting`,
      async () => {
        const ledger = await this.ledger()
        const lines = ledger.exporters.filter(l => exporter === undefined || l.exporter === exporter)
        return lines.every(l => l.waiting === 0) ? ledger : undefined
      },
      withinMs
    )
  }
}

/** A running, ready gateway that ends with the test. */
export async function startGateway(
  t: { teardown(fn: () => unknown): void },
  start: GatewayStart
): Promise<GatewayProcess> {
  const made = new GatewayProcess(start)
  t.teardown(async () => {
    made.kill('SIGKILL')
    await made.ended
  })
  return made.ready()
}

/** Asks until it is neither undefined nor false. @throws after `withinMs`, with what was waited for. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 20_000
): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

/** tap's loader hooks are no business of the gateway. */
function withoutNodeOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, TAP: __, ...rest } = process.env
  return Object.fromEntries(
    Object.entries(rest).filter(([name]) => !name.startsWith('TAP_') && !name.startsWith('_TAPJS'))
  )
}
