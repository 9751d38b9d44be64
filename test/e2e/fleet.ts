// What scripts about AlgoFlow's own signals share: gateways that can be killed and come back at the same ports, and the
// simulator as a process of its own.

import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TruthFile } from '../../clients/simulator/truth.js'
import { GatewayProcess } from '../helpers/gateway-process.js'
import { freePort, type Run, until } from './harness.js'

const SIMULATOR = fileURLToPath(new URL('../../clients/simulator/main.js', import.meta.url))

export interface ReplicaPorts {
  readonly http: number
  readonly admin: number
  readonly prometheus: number
}

/** A gateway on ports of its own that come back with it. */
export class Replica {
  readonly ports: ReplicaPorts
  readonly folder: string
  readonly #config: object
  #process: GatewayProcess

  private constructor(folder: string, ports: ReplicaPorts, config: object) {
    this.folder = folder
    this.ports = ports
    this.#config = config
    this.#process = this.#start()
  }

  /** Starts one; `config` makes the sections besides receivers from its ports and its folder. */
  static async start(run: Run, config: (ports: ReplicaPorts, folder: string) => SomeConfig): Promise<Replica> {
    const folder = await run.folder()
    const ports = { http: await freePort(), admin: await freePort(), prometheus: await freePort() }
    const { service, ...sections } = config(ports, folder)
    const admin = { endpoint: `127.0.0.1:${ports.admin}` }
    const replica = new Replica(folder, ports, {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${ports.http}` } } } },
      ...sections,
      service: { telemetry: { admin, logs: { encoding: 'json' } }, ...service }
    })
    run.onEnd(() => replica.kill())
    await replica.#process.ready()
    return replica
  }

  get process(): GatewayProcess {
    return this.#process
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.ports.http}`
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#process.ended
  }

  async restart(): Promise<void> {
    this.#process = this.#start()
    await this.#process.ready()
  }

  #start(): GatewayProcess {
    return new GatewayProcess({ cwd: this.folder, config: this.#config })
  }
}

export interface SomeConfig {
  readonly service: object
  readonly [section: string]: unknown
}

export interface Simulation {
  readonly code: number
  readonly output: string
  readonly truth: TruthFile
}

/** Runs the simulator to its end, as fast as the gateways take it. */
export async function simulate(run: Run, endpoints: readonly string[], args: readonly string[]): Promise<Simulation> {
  const file = join(await run.folder(), 'truth.json')
  const to = endpoints.flatMap(endpoint => ['--endpoint', endpoint])
  const child = spawn(process.execPath, [SIMULATOR, ...to, '--no-admin', '--truth', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  run.onEnd(async () => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const code = await new Promise<number>(resolve => child.once('close', one => resolve(one ?? -1)))
  return { code, output, truth: JSON.parse(await readFile(file, 'utf8')) as TruthFile }
}

/** Hashing, redaction and workflow metrics; nothing is sampled yet. */
const PROCESSORS = {
  hashing: { hash_fields: ['user_id', 'session_id'], key: 'a key of this test' },
  redaction: {},
  workflow_metrics: { metrics_flush_interval: '1s' }
}

/** The same, and sampling of whole traces: those with an error, and so many percent of the others. */
export function sampled(percent: number, decisionWait = '2s'): object {
  const policies = [
    { name: 'errors', type: 'status_code', status_code: { status_codes: ['ERROR'] } },
    { name: 'some', type: 'probabilistic', probabilistic: { sampling_percentage: percent } }
  ]
  return { ...PROCESSORS, tail_sampling: { decision_wait: decisionWait, policies } }
}

/** One pipeline a signal, as the defaults have them, with sampling behind what counts. */
export function pipelines(metrics: string): object {
  const privacy = ['hashing', 'redaction']
  return {
    traces: { receivers: ['otlp'], processors: [...privacy, 'workflow_metrics', 'tail_sampling'], exporters: ['file'] },
    logs: { receivers: ['otlp'], processors: privacy, exporters: ['file'] },
    metrics: { receivers: ['otlp', 'workflow_metrics'], processors: privacy, exporters: [metrics] }
  }
}

/** Kills and restarts a gateway each time it has received so many spans; how often it did. */
export async function killAt(replica: Replica, spans: readonly number[]): Promise<number> {
  let kills = 0
  for (const wanted of spans) {
    await until('spans to come', async () => {
      const { received } = await replica.process.ledger()
      return (received.find(({ stream }) => stream === 'traces')?.items ?? 0) > wanted
    })
    await replica.kill()
    kills++
    await replica.restart()
  }
  return kills
}

/** The last line of an output, for the table of checks. */
export function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}
